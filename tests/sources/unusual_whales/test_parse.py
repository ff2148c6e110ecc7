"""Rows to events: the clocks, the units, what is left out and why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.sources.unusual_whales.vendor import alert, dark, session
from undertow.core.events import MISSING, Grade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.unusual_whales import company, filings, options, parse, prints, rows
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.stamps import instant_of

AT = session("2026-05-28")
AAPL = ("AAPL", "MSFT")


def trade(**more: Any) -> dict[str, Any]:
    return {
        "id": "t1",
        "underlying_symbol": "AAPL",
        "option_chain_id": "AAPL260619P00187500",
        "executed_at": "2026-05-28T14:00:00.250001Z",
        "price": "2.05",
        "size": 3,
        "nbbo_bid": "2.00",
        "nbbo_ask": "2.10",
        "upstream_condition_detail": "auto",
    } | more


def test_flow_alert() -> None:
    chunk = parse.flow_alerts([alert(AT)], AAPL).chunk
    got = {name: values.tolist()[0] for name, values in chunk.columns.items()}
    assert got == {
        "expiry": int(np.datetime64("2026-06-19").astype(int)),
        "strike": 2_000_000,
        "is_put": 0,
        "premium": 15_002_500,
        "size": 7,
        "ask_premium": 10_005_000,
        "bid_premium": 200_000,
        "open_interest": 50,
        "is_sweep": 1,
        "rule": "RepeatedHits",
    }
    assert (chunk.event_at[0], chunk.known_at[0], chunk.grade[0]) == (AT - 9 * SECOND, AT, Grade.STAMPED)
    assert chunk.sources == ("unusual_whales",)


def test_flow_alert_clocks() -> None:
    no_stamp = alert(AT) | {"created_at": None}
    spec = alert(AT) | {"end_time": None}
    early = alert(AT, end_time=AT // 10**6 + 5)  # made before its last print: not known before the print is a second old
    for row, event_at, known_at, grade in (
        (no_stamp, AT - 9 * SECOND, AT + 7 * SECOND, Grade.MODELLED),
        (spec, AT - 8 * SECOND, AT, Grade.STAMPED),
        (early, AT + 5 * 10**6, AT + 5 * 10**6 + SECOND, Grade.STAMPED),
    ):
        chunk = parse.flow_alerts([row], AAPL).chunk
        assert (chunk.event_at[0], chunk.known_at[0], chunk.grade[0]) == (event_at, known_at, grade)
    with pytest.raises(BadAnswer, match=r"Row 1 of Unusual Whales' flow_alert rows.*neither"):
        parse.flow_alerts([no_stamp | {"end_time": None}], AAPL)


def test_absent_is_zero_only_in_protobuf() -> None:
    row = {name: value for name, value in alert(AT).items() if name not in ("open_interest", "total_bid_side_prem", "has_sweep")}
    rest = parse.flow_alerts([row], AAPL).chunk.columns
    assert [rest[n][0] for n in ("open_interest", "bid_premium", "is_sweep")] == [MISSING, MISSING, MISSING]
    kafka = {**row, "end_time": str(row["end_time"])}
    del kafka["created_at"]
    sent = parse.flow_alerts([kafka], AAPL).chunk.columns
    assert [sent[n][0] for n in ("open_interest", "bid_premium", "is_sweep")] == [0, 0, 0]


def test_ratio_is_recomputed() -> None:
    told = [alert(AT, volume_oi_ratio="0"), alert(AT, open_interest=0, volume_oi_ratio="0"), alert(AT, volume=None)]
    np.testing.assert_array_equal(parse.volume_oi_ratios(told), [0.5, np.nan, np.nan])


def test_an_alert_told_twice_is_one_and_others_are_counted() -> None:
    got = parse.flow_alerts([alert(AT), alert(AT), alert(AT, 2, ticker="TSLA"), alert(AT, 3)], AAPL)
    assert (len(got.chunk), got.left_out) == (2, {rows.TWICE: 1, rows.ELSEWHERE: 1})


def test_option_trades() -> None:
    told = [
        trade(),
        trade(id="t2", upstream_condition_detail="mlat"),
        trade(id="t3", canceled=True),
        trade(id="t4", canceled="t"),
        trade(id="t5", upstream_condition_detail="cnco"),
        trade(id="t6", nbbo_bid="0", nbbo_ask="", upstream_condition_detail="new1", canceled="f"),
        trade(id="t7", created_at=1_780_000_000_333),
    ]
    got = parse.option_trades(told, AAPL)
    by_condition = dict(zip(got.chunk.columns["conditions"].tolist(), range(len(got.chunk)), strict=False))
    assert got.left_out == {options.CANCELLED: 3}
    assert sorted(got.chunk.columns["conditions"].tolist()) == ["209", "209", "233", "new1"]
    assert "233" in options.MULTI_LEG
    assert "209" not in options.MULTI_LEG
    odd = by_condition["new1"]
    assert (got.chunk.columns["bid"][odd], got.chunk.columns["ask"][odd]) == (MISSING, MISSING)
    assert got.chunk.columns["strike"].tolist() == [1_875_000] * 4
    assert got.chunk.columns["is_put"].tolist() == [1] * 4
    stamped = got.chunk.known_at[got.chunk.grade == Grade.STAMPED]
    assert stamped.tolist() == [1_780_000_000_333 * 10**6]
    modelled = got.chunk.known_at[got.chunk.grade == Grade.MODELLED]
    assert set(modelled.tolist()) == {instant_of("2026-05-28T14:00:00.350001Z")}
    with pytest.raises(BadAnswer, match="no price or no size"):
        parse.option_trades([trade(price=None)], AAPL)


def test_off_exchange_clocks_conditions_and_exact_ids() -> None:
    later, earlier = "2026-05-28T14:00:01.250Z", "2026-05-28T13:59:59Z"
    told = [
        dark(AT, 1, trf_executed_at=later, sale_cond_codes="average_price_trade", trade_settlement="regular_settlement"),
        dark(AT, 2, trf_executed_at=earlier, trade_code="qualified_contingent_trade", ext_hour_sold_codes="extended_hours_trade"),
        dark(AT, 3, trade_settlement="cash", sale_cond_codes="odd_lot_execution,brand_new"),
    ]
    chunk = parse.off_exchange_prints(told, AAPL).chunk
    by_id = {seq - 9_007_199_254_740_993: i for i, seq in enumerate(chunk.seq.tolist())}
    assert sorted(by_id) == [1, 2, 3]
    assert [chunk.known_at[by_id[n]] for n in (1, 2, 3)] == [instant_of(later), AT, AT]
    assert [chunk.event_at[by_id[n]] for n in (1, 2, 3)] == [AT, instant_of(earlier), AT]
    assert [chunk.columns["conditions"][by_id[n]] for n in (1, 2, 3)] == ["2", "12,53", "7,37,brand_new"]
    assert chunk.columns["price"].tolist() == [1_012_345] * 3
    assert chunk.columns["venue"].tolist() == ["L"] * 3


def test_cancelled_prints_leave() -> None:
    zero = dark(AT, 5, tracking_id=0)
    told = [
        dark(AT, 1),
        dark(AT, 2),
        dark(AT + MINUTE, 1, canceled=True),
        zero,
        zero | {"canceled": True},
        dark(AT, 5, tracking_id=0, size=9),
    ]
    got = parse.off_exchange_prints(told, AAPL)
    assert sorted(got.chunk.columns["size"].tolist()) == [9, 102]
    assert got.left_out == {options.CANCELLED: 4}


def test_untracked_prints_of_one_second_stay_apart() -> None:
    told = [dark(AT, 1, tracking_id=0), dark(AT, 1, tracking_id=0, volume=77), dark(AT, 1, tracking_id=0)]
    got = parse.off_exchange_prints(told, AAPL)
    assert (len(got.chunk), got.left_out) == (2, {rows.TWICE: 1})
    again = parse.off_exchange_prints(told[1:2], AAPL).chunk
    assert again.seq[0] in got.chunk.seq  # the same print has the same seq in any company
    assert parse.off_exchange_prints([dark(AT, type="lit")], AAPL).left_out == {prints.ON_EXCHANGE: 1}


def test_insider_trades() -> None:
    row = {
        "amount": -400,
        "filing_date": "2026-05-22",
        "formtype": "4",
        "id": "f1",
        "owner_name": "DOE JANE",
        "price": "12.5",
        "ticker": "AAPL",
        "transaction_code": "S",
        "transaction_date": "2026-05-20",
        "is_director": True,
    }
    told = [
        row,
        row | {"formtype": "144", "id": "f2"},
        row | {"formtype": "3/A", "id": "f3"},
        row | {"filing_date": None},
        row | {"transaction_date": "2206-05-20"},
    ]
    got = parse.insider_trades(told, AAPL)
    assert got.left_out == {filings.NOTICE: 1, filings.HOLDING: 1, filings.UNFILED: 1, filings.AHEAD: 1}
    values = {name: column[0] for name, column in got.chunk.columns.items()}
    assert values == {
        "insider": "DOE JANE",
        "title": "Director",
        "code": "S",
        "shares": 400,
        "price": 125_000,
        "value": 50_000_000,
        "filing": "f1",
    }
    assert got.chunk.event_at[0] == instant_of("2026-05-20T04:00:00Z")
    assert got.chunk.known_at[0] == instant_of("2026-05-23T04:00:00Z")  # the end of the filing's day in New York
    assert got.chunk.grade[0] == Grade.MODELLED


def test_congress_trades() -> None:
    row = {"amounts": "$15,001 - $50,000", "filed_at_date": "2026-02-13", "transaction_date": "2026-02-06", "name": "A", "ticker": "AAPL"}
    kinds = ("Buy", "Sale (Partial)", "Sell (PARTIAL)", "Purchase", "Exchange", "Exercise", "Receive")
    told = [row | {"txn_type": kind, "notes": kind} for kind in kinds] + [row | {"ticker": None}]
    got = parse.congress_trades(told, AAPL)
    assert sorted(got.chunk.columns["side"].tolist()) == [-1, -1, 0, 0, 0, 1, 1]
    assert set(got.chunk.columns["least_amount"].tolist()) == {150_010_000}
    assert set(got.chunk.columns["most_amount"].tolist()) == {500_000_000}
    assert set(got.chunk.known_at.tolist()) == {instant_of("2026-02-14T05:00:00Z")}
    assert got.left_out == {filings.NO_TICKER: 1}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Over $50,000,000", (500_000_000_000, MISSING)),
        ("$1,000,001 +", (10_000_010_000, MISSING)),
        ("under $1,000", (MISSING, 10_000_000)),
        ("$250.50", (2_505_000, 2_505_000)),
        (None, (MISSING, MISSING)),
        ("undisclosed", (MISSING, MISSING)),
    ],
)
def test_amounts(text: str | None, expected: tuple[int, int]) -> None:
    assert filings.amounts(text) == expected


def test_news() -> None:
    told = [
        {
            "created_at": "2026-05-28T14:00:00Z",
            "headline": "A",
            "sentiment": "negative",
            "source": "x",
            "tickers": ["AAPL", "MSFT", "TSLA"],
        },
        {"timestamp": "2026-05-28T14:00:01Z", "headline": "B wins", "source": "social-media", "tickers": ["AAPL"], "is_trump_ts": False},
        {"created_at": "2026-05-28T14:00:02Z", "headline": "C", "sentiment": "neutral", "tickers": []},
        {"created_at": "2026-05-28T14:00:02Z", "headline": "D", "sentiment": "neutral", "tickers": ["TSLA"]},
    ]
    got = parse.news(told, AAPL)
    assert got.left_out == {company.NO_TICKER: 1, rows.ELSEWHERE: 1}
    assert sorted(got.chunk.key.tolist()) == [0, 0, 1]
    assert np.sort(got.chunk.columns["tone"]).tolist() == [-1.0, -1.0, 0.5]  # the last is that of the headline's words
    assert (got.chunk.known_at == got.chunk.event_at).all()


def test_earnings_and_their_futures() -> None:
    row = {"ticker": "AAPL", "actual_eps": "2.45", "street_mean_est": "2.25", "report_date": "2026-05-21", "report_time": "postmarket"}
    moves = {f"post_earnings_move_{n}": "0.07" for n in ("1d", "1w")} | {"reaction": "0.5", "pre_earnings_move_1d": "1"}
    chunk = parse.earnings_reports([row | moves], AAPL).chunk
    assert (chunk.event_at[0], chunk.known_at[0]) == (instant_of("2026-05-21T20:00:00Z"), instant_of("2026-05-22T00:00:00Z"))
    assert chunk.columns["surprise"][0] == pytest.approx(0.2 / 2.25)
    bare = parse.earnings_reports([row], AAPL).chunk
    assert [column[0] for column in chunk.columns.values()] == [column[0] for column in bare.columns.values()]  # the future is not read
    for more, event_at, known_at in (
        ({"report_time": "premarket"}, "2026-05-21T08:00:00Z", "2026-05-21T13:30:00Z"),
        ({"report_time": "unknown"}, "2026-05-21T08:00:00Z", "2026-05-22T04:00:00Z"),
        ({"report_date": "2026-05-23"}, "2026-05-26T08:00:00Z", "2026-05-26T08:00:00Z"),  # Saturday; Monday is Memorial Day
        ({"report_date": "2025-11-28"}, "2025-11-28T18:00:00Z", "2025-11-29T01:00:00Z"),  # a half day
    ):
        chunk = parse.earnings_reports([row | more], AAPL).chunk
        assert (chunk.event_at[0], chunk.known_at[0]) == (instant_of(event_at), instant_of(known_at))
    coming = row | {"actual_eps": None, "report_date": "2026-08-20"}
    assert parse.earnings_reports([coming], AAPL).left_out == {company.NOT_YET: 1}
    dates = parse.earnings_dates([row, coming], AAPL, AT)
    assert dates.chunk.columns["reports_at"].tolist() == [instant_of("2026-08-20T20:00:00Z")]
    assert (dates.chunk.known_at.tolist(), dates.chunk.grade.tolist()) == ([AT], [Grade.RECORDED])
    assert dates.left_out == {company.REPORTED: 1}


def test_open_interest_is_of_the_session_before() -> None:
    row = {"option_symbol": "AAPL260619C00200000", "curr_date": "2026-05-26", "curr_oi": 1234, "last_date": "2026-05-22", "last_oi": 9}
    got = parse.open_interest([row, row | {"curr_date": "2026-05-25"}], AAPL)
    assert got.left_out == {options.NO_SESSION: 1}
    chunk = got.chunk
    assert (chunk.event_at[0], chunk.known_at[0]) == (instant_of("2026-05-22T20:00:00Z"), instant_of("2026-05-26T10:45:00Z"))
    assert chunk.columns["open_interest"].tolist() == [1234]


def test_the_heartbeat_of_the_vendors_own_database_is_no_row() -> None:
    beat = {"ticker": None, "trade_ids": "[]", "bid": 0.0, "ask": 0.0, "url": ""}
    for kind, reader in parse.READERS.items():
        got = reader([beat], AAPL)
        assert (len(got.chunk), got.left_out, got.chunk.kind) == (0, {rows.HEARTBEAT: 1}, kind)


@pytest.mark.parametrize("symbol", ["", None, 7, "AAPL", "AAPL261319C00200000", "AAPL26061C00200000"])
def test_what_is_no_option_symbol(symbol: object) -> None:
    with pytest.raises(BadAnswer):
        rows.contract(symbol)
    assert rows.contract("O:BRK.B260619C00200500") == ("BRK.B", int(np.datetime64("2026-06-19").astype(int)), 2_005_000, 0)


def test_nothing_is_known_before_it_happened() -> None:
    chunk = parse.option_trades([trade(created_at="2026-05-28T14:00:00.1Z")], AAPL).chunk  # two clocks that disagree
    assert chunk.known_at[0] == chunk.event_at[0] == instant_of("2026-05-28T14:00:00.250001Z")


def test_a_report_of_the_past_without_numbers_is_no_date_to_come() -> None:
    row = {"ticker": "AAPL", "actual_eps": None, "report_date": "2026-05-21", "report_time": "postmarket"}
    assert parse.earnings_dates([row], AAPL, AT).left_out == {company.REPORTED: 1}
    assert len(parse.earnings_dates([row], AAPL, instant_of("2026-05-21T19:59:59Z")).chunk) == 1

"""Rows to chunks: the two clocks, whole units, what may be absent, and what is refused."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from tests.sources.massive.bodies import SCOPE, bar, body, contract, ns, quote, trade
from undertow.core.calendar import nyse
from undertow.core.errors import BadData
from undertow.core.events import MISSING, Grade
from undertow.core.time import HOUR, MINUTE, SECOND, iso
from undertow.sources.massive import bars, chain, reference, ticks
from undertow.sources.massive.rows import Scope, results
from undertow.sources.wire.errors import BadAnswer, NotEntitled, NotFound


def test_results_empty_is_said_and_never_guessed() -> None:
    assert results({"status": "OK", "resultsCount": 0}) == []
    assert results({"status": "DELAYED", "results": []}) == []
    for broken in (
        {},
        {"status": "OK"},
        {"status": "OK", "results": None, "resultsCount": 3},
        [],
        None,
        "x",
        {"results": 5},
        {"results": [1]},
    ):
        with pytest.raises(BadAnswer):
            results(broken)
    for status, error in (("ERROR", BadAnswer), ("NOT_AUTHORIZED", NotEntitled), ("NOT_FOUND", NotFound)):
        with pytest.raises(error):
            results({"status": status, "results": []})


def test_an_intraday_bar_ends_a_span_after_its_stamp() -> None:
    rows = [bar("2026-05-28T14:30:00Z"), bar("2026-05-28T14:35:00Z", dv="1200.6", o=171.55001)]
    chunk = bars.bars(rows, SCOPE, 5 * MINUTE)
    assert iso(int(chunk.event_at[0])) == "2026-05-28T14:35:00Z"
    assert (chunk.known_at - chunk.event_at).tolist() == [SECOND, SECOND]
    assert chunk.columns["close"].tolist() == [1719999, 1719999]
    assert chunk.columns["volume"].tolist() == [1200, 1201]
    assert chunk.columns["span"].tolist() == [5 * MINUTE] * 2
    assert set(chunk.key.tolist()) == {1}
    assert set(chunk.grade.tolist()) == {Grade.MODELLED}
    assert chunk.sources == ("massive",)
    late = bars.bars(rows, Scope(symbols=("AAPL",), symbol="AAPL", delay=15 * MINUTE), 5 * MINUTE)
    assert (late.known_at - chunk.known_at).tolist() == [15 * MINUTE] * 2


def test_bars_that_cannot_be_are_left_out_and_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    good, weekend, upside_down = bar("2026-05-28T14:30:00Z"), bar("2026-05-30T14:30:00Z"), bar("2026-05-28T14:31:00Z", h=1)
    assert len(bars.bars([good, weekend, upside_down], SCOPE, MINUTE)) == 1
    assert "closed" in caplog.text
    assert "contradict" in caplog.text
    with pytest.raises(BadAnswer, match="'c'"):
        bars.bars([{k: v for k, v in good.items() if k != "c"}], SCOPE, MINUTE)
    least = {k: good[k] for k in "tohlcv"}
    assert bars.bars([least], SCOPE, MINUTE).columns["vwap"].tolist() == [MISSING]


@pytest.mark.parametrize(("day", "close"), [("2026-05-28", "20:00"), ("2026-11-27", "18:00"), ("2026-01-05", "21:00")])
def test_a_day_bar_is_of_the_session_and_known_when_the_evening_ends(day: str, close: str) -> None:
    midnight = nyse().midnight[nyse().session_on_or_before(np.datetime64(day))]
    for stamp in (midnight, midnight + 16 * HOUR):
        row = bar("2026-05-28T00:00:00Z") | {"t": int(stamp) // 10**6}
        chunk = bars.daily_bars([row], SCOPE)
        assert iso(int(chunk.event_at[0])) == f"{day}T{close}:00Z"
        assert chunk.known_at[0] == midnight + 20 * HOUR
    assert len(bars.daily_bars([bar("2026-07-03T04:00:00Z")], SCOPE)) == 0


def test_a_print_is_known_by_its_latest_stamp_and_is_in_one_feed() -> None:
    at = "2026-05-28T14:30:00.000000123Z"
    rows = [
        trade(at, 9007199254740993, decimal_size="100.0"),
        trade(at, 7, exchange=4, trf_id=202, trf_timestamp=ns(at) + 5, price=129.8473, conditions=None),
        trade(at, 8, exchange=4, trf_id=0, trf_timestamp=0),
        trade(at, 9, correction=8),
        trade(at, 10, exchange=4, trf_id=299, trf_timestamp=ns(at) - 9),
    ]
    lit, dark = ticks.trades(rows, SCOPE), ticks.off_exchange_prints(rows, SCOPE)
    assert lit.seq.tolist() == [8, 9007199254740993]
    assert lit.known_at.tolist() == [ns(at)] * 2
    assert lit.event_at.tolist() == [ns(at) - 500_000] * 2
    assert lit.columns["exchange"].tolist() == ["4", "ARCX"]
    assert lit.columns["conditions"].tolist() == ["12,37", "12,37"]
    assert dark.seq.tolist() == [10, 7]
    assert dark.known_at.tolist() == [ns(at), ns(at) + 5]
    assert dark.columns["price"].tolist() == [1715500, 1298473]
    assert dark.columns["venue"].tolist() == ["299", "FINN"]
    assert set(lit.grade.tolist()) == {Grade.STAMPED}


def test_option_trades_need_neither_id_nor_conditions() -> None:
    row = {"exchange": 46, "price": 6.91, "size": 1, "sip_timestamp": ns("2026-05-28T14:30:00Z"), "participant_timestamp": 0}
    chunk = ticks.option_trades([row], SCOPE, "O:AAPL260619P00530000")
    assert chunk.columns["strike"].tolist() == [5_300_000]
    assert chunk.columns["is_put"].tolist() == [1]
    assert np.datetime64(int(chunk.columns["expiry"][0]), "D") == np.datetime64("2026-06-19")
    with pytest.raises(BadAnswer):
        ticks.option_terms("O:AAPL")
    assert ticks.underlying_of("O:EVRI1260619C00010000") == ""


def test_quotes_without_a_side() -> None:
    rows = [quote("2026-05-28T14:30:00Z", 2), quote("2026-05-28T14:30:00Z", 1, bid_price=0, bid_size=0, trf_timestamp=0)]
    chunk = ticks.quotes(rows, SCOPE)
    assert chunk.columns["bid"].tolist() == [MISSING, 1715000]
    assert chunk.columns["bid_size"].tolist() == [MISSING, 300]
    assert chunk.columns["ask"].tolist() == [1715200, 1715200]


def test_splits_and_dividends() -> None:
    split = {"ticker": "AAPL", "execution_date": "2020-08-31", "split_from": 1, "split_to": 4}
    other = split | {"ticker": "MSFT"}
    paid = {"ticker": "AAPL", "cash_amount": 0.26, "declaration_date": "2020-07-30", "ex_dividend_date": "2020-08-07"}
    undeclared = paid | {"ex_dividend_date": "2020-11-06", "declaration_date": None}
    foreign = paid | {"currency": "CAD"}
    chunk = reference.actions([split, split, other], [paid, undeclared, foreign], SCOPE)
    assert chunk.columns["ratio"].tolist() == [1.0, 4.0, 1.0]
    assert chunk.columns["dividend"].tolist() == [0.26, 0.0, 0.26]
    assert [iso(int(at)) for at in chunk.event_at] == ["2020-08-07T04:00:00Z", "2020-08-31T04:00:00Z", "2020-11-06T05:00:00Z"]
    assert [iso(int(at)) for at in chunk.known_at] == ["2020-07-31T04:00:00Z", "2020-08-31T04:00:00Z", "2020-11-06T05:00:00Z"]
    with pytest.raises(BadData, match="2020-08-31"):
        reference.splits([split, split | {"execution_date": "2020-08-24"}], SCOPE)
    with pytest.raises(BadAnswer):
        reference.splits([split | {"split_from": 0}], SCOPE)


def test_short_volume_is_known_the_next_morning() -> None:
    row = {"ticker": "AAPL", "date": "2026-05-22", "total_volume": 574084, "short_volume": 181219.0}
    chunk = reference.short_volume([row, row | {"date": "2026-05-23"}, row | {"ticker": "A"}], SCOPE)
    assert iso(int(chunk.event_at[0])) == "2026-05-22T20:00:00Z"
    assert iso(int(chunk.known_at[0])) == "2026-05-26T10:00:00Z"  # after a weekend and Memorial Day
    assert (chunk.columns["volume"].tolist(), chunk.columns["short_volume"].tolist()) == ([574084], [181219])


def test_news_with_a_tone_is_known_later_than_without() -> None:
    story = {"published_utc": "2026-05-28T18:33:53Z", "title": "Apple wins a contract", "tickers": ["AAPL", "UBS"]}
    tone = story | {
        "title": "Apple wins again",
        "insights": [{"ticker": "UBS", "sentiment": "positive"}, {"ticker": "AAPL", "sentiment": "negative"}],
    }
    chunk = reference.news([tone, story, story | {"tickers": ["UBS"]}], SCOPE)
    assert chunk.columns["headline"].tolist() == ["Apple wins a contract", "Apple wins again"]
    assert 0.0 < chunk.columns["tone"][0] < 1.0  # of the title's words
    assert chunk.columns["tone"][1] == -1.0  # what the vendor says comes first
    assert (chunk.known_at - chunk.event_at).tolist() == [0, 15 * MINUTE]


def test_the_chain_is_of_the_last_close_and_known_on_receipt() -> None:
    rows = [
        contract("call", 150),
        contract("call", 150),
        contract("put", 150, greeks={}, implied_volatility=None, last_quote={"bid": 0, "ask": 4}, day={}),
        contract(
            "put", 155, last_quote=None, open_interest=None, day={"close": 3, "volume": 9, "last_updated": ns("2026-05-27T18:00:00Z")}
        ),
        contract("call", 160, details=contract("call", 160)["details"] | {"shares_per_contract": 44}),
    ]
    evening = ns("2026-05-28T20:30:00Z")
    chunk = chain.chain_rows(rows, SCOPE, evening)
    assert chunk.columns["price"].tolist() == [41500, MISSING, 30000]
    assert chunk.columns["volume"].tolist() == [10, MISSING, 0]
    assert np.isnan(chunk.columns["iv"]).tolist() == [False, True, False]
    assert set(chunk.known_at.tolist()) == {evening}
    assert {iso(int(at)) for at in chunk.event_at} == {"2026-05-28T20:00:00Z"}
    assert len(chain.chain_rows(rows, SCOPE, ns("2026-05-28T15:00:00Z"))) == 0
    assert len(chain.chain_rows(rows, Scope(symbols=("AAPL",), symbol="AAPL", delay=HOUR), evening)) == 0
    interest = chain.open_interest(rows, SCOPE, evening)
    assert interest.columns["open_interest"].tolist() == [77, 77]
    assert {iso(int(at)) for at in interest.event_at} == {"2026-05-27T20:00:00Z"}
    early = chain.open_interest(rows, SCOPE, ns("2026-05-28T10:00:00Z"))
    assert {iso(int(at)) for at in early.event_at} == {"2026-05-26T20:00:00Z"}
    with pytest.raises(BadAnswer, match="details"):
        chain.chain_rows([{}], SCOPE, evening)


@pytest.mark.parametrize(
    "parse",
    [
        lambda r: bars.bars(r, SCOPE, MINUTE),
        lambda r: bars.daily_bars(r, SCOPE),
        lambda r: ticks.trades(r, SCOPE),
        lambda r: ticks.quotes(r, SCOPE),
        lambda r: ticks.off_exchange_prints(r, SCOPE),
        lambda r: reference.actions(r, r, SCOPE),
        lambda r: reference.news(r, SCOPE),
        lambda r: reference.short_volume(r, SCOPE),
        lambda r: chain.open_interest(r, SCOPE, ns("2026-05-28T10:00:00Z")),
    ],
)
def test_nothing_happened_is_a_chunk_of_no_rows(parse) -> None:
    assert len(parse(results(body([])))) == 0

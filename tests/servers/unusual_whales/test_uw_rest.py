"""The vendor's manners: empty answers, refusals, windows of plans, counting, cursors, and rows that never change nor come early."""

from __future__ import annotations

import csv
import io
import zipfile

import numpy as np
import pytest

from tests.servers.unusual_whales.uw_vendor import DAY, MARKET, Vendor, at, position
from tests.sources.unusual_whales.samples import needed, sample
from undertow.core.calendar import nyse
from undertow.core.events import ChainRow, FlowAlert, OffExchangePrint, OptionTrade, Trade
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.market import Market
from undertow.sandbox.servers.unusual_whales import Plan
from undertow.sources.unusual_whales.options import option_trades
from undertow.sources.unusual_whales.source import BEFORE_PLAN
from undertow.sources.wire.stamps import instant_of

NOW = at(DAY, 20.5)
CHAIN_KNOWN = at(DAY, 16) + 20 * MINUTE
NAMES = ("call", "put")
FLOW_ALERTS = "option-trades/flow-alerts?ticker_symbol=AAPL"


@pytest.fixture(scope="module")
def vendor() -> Vendor:
    return Vendor(NOW)


@pytest.mark.parametrize("day", ["2026-05-24", "2026-05-25", "2026-06-01", "1999-12-31"])  # weekend, holiday, future, before the market
@pytest.mark.parametrize("path", ["darkpool/AAPL", "darkpool/recent", "stock/AAPL/oi-change", "market/market-tide", "stock/AAPL/ohlc/1m"])
def test_a_day_without_a_session_is_an_empty_answer(vendor: Vendor, path: str, day: str) -> None:
    assert vendor.rows(f"/api/{path}", date=day) == []


def test_an_unknown_ticker_is_an_empty_answer() -> None:
    vendor = Vendor(NOW, Plan(known=frozenset({"AAPL"})))
    for path in ("darkpool/{}", "stock/{}/oi-change", "earnings/{}", "stock/{}/iv-rank", "stock/{}/flow-per-strike"):
        assert vendor.rows("/api/" + path.format("ZZZZ")) == []
    assert vendor.rows("/api/option-trades/flow-alerts", ticker_symbol="ZZZZ") == []
    assert vendor.rows("/api/darkpool/AAPL") != []


@pytest.mark.parametrize(
    "path",
    [
        "/api/darkpool/MSFT12",
        "/api/darkpool/AAPL?date=2026-05-280",
        "/api/darkpool/AAPL?date=2026-02-30",
        "/api/darkpool/AAPL?limit=x",
        "/api/darkpool/AAPL?older_than=yesterday",
        "/api/stock/AAPL/greeks",
        "/api/option-contract/AAPL/flow",
        "/api/market/Tech/sector-tide",
    ],
)
def test_malformed_input_is_refused_with_a_message(vendor: Vendor, path: str) -> None:
    answer = vendor.response(path)
    assert answer.status_code == 422
    assert set(answer.json()) == {"msg", "path", "query", "url"}
    assert "valid example" in answer.json()["msg"]
    assert "x-uw-daily-req-count" in answer.headers


def test_before_the_plan_the_answer_names_the_first_day() -> None:
    vendor = Vendor(NOW, Plan(earliest="2026-05-27"))
    refused = vendor.response("/api/darkpool/AAPL", date="2026-05-26")
    assert refused.status_code == 403
    assert refused.json()["code"] == "historic_data_access_missing"
    assert "2026-05-27" in refused.json()["message"]
    assert vendor.response("/api/option-trades/flow-alerts", older_than=at("2026-05-27", 0) // SECOND).status_code == 403
    assert vendor.response("/api/option-trades/flow-alerts", older_than=at("2026-05-27", 12) // SECOND).status_code == 200
    oldest = vendor.rows("/api/darkpool/AAPL", older_than=at("2026-05-27", 4.2) // SECOND)
    assert all(instant_of(row["executed_at"]) > at("2026-05-27", 0) for row in oldest)


@pytest.mark.parametrize("kind", [OffExchangePrint, FlowAlert])
def test_our_source_learns_the_first_day_and_says_what_it_lacks(kind: type[OffExchangePrint] | type[FlowAlert]) -> None:
    with Vendor(NOW, Plan(earliest="2026-05-27")).source(kind) as source:
        chunks = [chunk for chunk in source.history(["AAPL"], at("2026-05-26", 0), NOW) if len(chunk)]
        assert source.earliest == {kind: "2026-05-27"}
        assert [(gap.day, BEFORE_PLAN in gap.why) for gap in source.completeness.gaps] == [("2026-05-26", True)]
    market = MARKET.events(["AAPL"], slice(position("2026-05-27"), position(DAY) + 1), (kind,))[kind]
    assert sum(map(len, chunks)) == len(market)


def test_requests_are_counted_by_key_minute_and_day() -> None:
    vendor = Vendor(NOW, Plan(per_minute=3, per_day=5))
    path = "/api/congress/recent-trades"
    headers = [vendor.response(path).headers for _ in range(3)]
    assert [h["x-uw-minute-req-counter"] for h in headers] == ["1", "2", "3"]
    assert [h["x-uw-req-per-minute-remaining"] for h in headers] == ["2", "1", "0"]
    assert headers[0]["x-uw-token-req-limit"] == "5"
    assert headers[0]["x-uw-req-per-minute-reset"] == "60000"
    vendor.clock.at += 20 * SECOND
    refused = vendor.response(path)
    assert (refused.status_code, refused.headers["x-uw-req-per-minute-reset"], refused.headers["x-uw-daily-req-count"]) == (
        429,
        "40000",
        "3",
    )
    assert vendor.response(path).status_code == 429
    vendor.clock.at += 40 * SECOND
    assert [vendor.response(path).status_code for _ in range(3)] == [200, 200, 429]
    assert "daily" in vendor.response(path).json()["error"]["message"]
    vendor.clock.at += 23 * HOUR
    assert vendor.response(path).status_code == 429  # 19:31 in New York: still the same vendor day
    vendor.clock.at += 30 * MINUTE
    assert vendor.response(path).headers["x-uw-daily-req-count"] == "1"


def test_our_limiter_keeps_within_the_headers() -> None:
    vendor = Vendor(NOW, Plan(per_minute=2))
    with vendor.source(OffExchangePrint) as source:
        list(source.history(["AAPL"], at(DAY, 0), NOW))
        assert source.completeness.complete
        assert source.completeness.pages >= 4
    assert sum(vendor.clock.slept) >= (source.completeness.pages // 2 - 1) * MINUTE


def test_options_volume_is_one_row_unless_asked_for_more(vendor: Vendor) -> None:
    one, three = vendor.rows("/api/stock/AAPL/options-volume"), vendor.rows("/api/stock/AAPL/options-volume", limit=3)
    assert [row["date"] for row in one] == [DAY]
    assert [row["date"] for row in three] == [DAY, "2026-05-27", "2026-05-26"]
    assert one == three[:1]


def test_a_cursor_makes_the_day_forgotten(vendor: Vendor) -> None:
    early = at(DAY, 4.8) // SECOND
    first = vendor.rows("/api/darkpool/AAPL", date=DAY)
    assert len(first) == 500
    assert all(row["executed_at"].startswith((DAY, "2026-05-29T0")) for row in first)
    older = vendor.rows("/api/darkpool/AAPL", date=DAY, older_than=early)
    assert {row["executed_at"][:10] for row in older} > {"2026-05-27"}
    assert max(instant_of(row["executed_at"]) for row in older) < early * SECOND
    stamps = [instant_of(row["executed_at"]) for row in older]
    assert stamps == sorted(stamps, reverse=True)


def test_filters_and_orders(vendor: Vendor) -> None:
    rows = vendor.rows("/api/darkpool/AAPL", date=DAY, min_premium=200_000, order_by="premium")
    premiums = [float(row["premium"]) for row in rows]
    assert premiums == sorted(premiums, reverse=True)
    assert min(premiums) >= 200_000
    assert len(premiums) > 5
    rising = vendor.rows("/api/darkpool/AAPL", date=DAY, order="asc", limit=5)
    assert [row["executed_at"] for row in rising] == sorted(row["executed_at"] for row in rising)
    asks = vendor.rows("/api/option-trades?tags[]=ask_side", ticker_symbol="AAPL", limit=500)
    assert len(asks) > 100
    assert all(row["tags"][0] == "ask_side" for row in asks)
    calm = vendor.rows("/api/option-trades/flow-alerts?rule_name[]=RepeatedHits", ticker_symbol="AAPL", is_put="false")
    assert calm
    assert {(row["alert_rule"], row["type"]) for row in calm} == {("RepeatedHits", "call")}


def test_single_option_trades_are_of_the_latest_session_only(vendor: Vendor) -> None:
    refused = vendor.response("/api/option-trades", older_than=at(DAY, 0) // 10**6)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "historical_data_not_supported")
    with vendor.source(OptionTrade) as source:
        list(source.history(["AAPL"], at("2026-05-27", 0), NOW))
        assert [gap.day for gap in source.completeness.gaps] == ["2026-05-27"]


@needed
def test_the_full_tape_is_a_zip_with_every_print_of_the_day() -> None:
    vendor = Vendor(NOW, Plan(universe=("AAPL",)))
    answer = vendor.response("/api/option-trades/full-tape/2026-05-27")
    assert answer.content[:2] == b"PK"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        (name,) = archive.namelist()
        rows = list(csv.DictReader(io.StringIO(archive.read(name).decode())))
    assert list(rows[0]) == sample("full_tape_columns")["zip_member_columns"]
    ours, market = (
        option_trades(rows, ["AAPL"]).chunk,
        MARKET.events(["AAPL"], slice(position("2026-05-27"), position(DAY)), (OptionTrade,)),
    )
    truth = market[OptionTrade]
    assert ours.known_at.tolist() == truth.known_at.tolist()
    assert ours.event_at.tolist() == truth.event_at.tolist()
    assert ours.columns["price"].tolist() == truth.columns["price"].tolist()
    for path in ("2026-05-25", "2027-05-27"):
        assert vendor.response(f"/api/option-trades/full-tape/{path}").status_code == 404


def test_minutes_add_up_to_the_day_until_its_chain_is_known() -> None:
    vendor = Vendor(CHAIN_KNOWN - 1)
    ticks, day = vendor.rows("/api/stock/AAPL/net-prem-ticks"), vendor.rows("/api/stock/AAPL/options-volume")[0]
    prints = MARKET.events(["AAPL"], slice(position(DAY), position(DAY) + 1), (OptionTrade,))[OptionTrade].columns
    assert day["call_volume"] + day["put_volume"] == prints["size"].sum()
    for name in ("call_volume", "put_volume", "call_volume_ask_side", "put_volume_bid_side"):
        assert sum(row[name] for row in ticks) == day[name]
    for name in ("net_call_premium", "net_put_premium"):
        assert abs(sum(float(row[name]) for row in ticks) - float(day[name])) <= 1
    assert min(float(row["net_call_premium"]) for row in ticks) < 0
    expiries, strikes = vendor.rows("/api/stock/AAPL/flow-per-expiry"), vendor.rows("/api/stock/AAPL/flow-per-strike")
    assert sum(row["call_volume"] for row in expiries) == sum(row["call_volume"] for row in strikes) == day["call_volume"]


def test_a_day_whose_chain_is_known_has_its_sums_and_never_changes_again(vendor: Vendor) -> None:
    rows = Vendor(CHAIN_KNOWN).rows("/api/stock/AAPL/options-volume", limit=60)
    assert rows == vendor.rows("/api/stock/AAPL/options-volume", limit=60)
    chain = MARKET.events(["AAPL"], slice(position(DAY) - 59, position(DAY) + 1), (ChainRow,))[ChainRow]
    session, c = nyse().position(chain.event_at), chain.columns
    for back, row in enumerate(rows):
        for n, name in enumerate(("call", "put")):
            own = (session == position(DAY) - back) & (c["is_put"] == n)
            assert row[f"{name}_volume"] == c["volume"][own].sum()
            assert row[f"{name}_premium"] == str(round(float((c["price"] * c["volume"])[own].sum()) / 100))
            assert row[f"{name}_volume_ask_side"] + row[f"{name}_volume_bid_side"] <= row[f"{name}_volume"]
            assert abs(float(row[f"net_{name}_premium"])) < float(row[f"{name}_premium"])
        sided = float(row["bullish_premium"]) + float(row["bearish_premium"])
        assert sided < float(row["call_premium"]) + float(row["put_premium"]) + 2
        net = float(row["net_call_premium"]) - float(row["net_put_premium"])
        assert abs(float(row["bullish_premium"]) - float(row["bearish_premium"]) - net) <= 2
    total = Vendor(CHAIN_KNOWN, Plan(universe=("AAPL", "KO"))).rows("/api/market/total-options-volume", limit=2)
    both = [Vendor(CHAIN_KNOWN).rows(f"/api/stock/{symbol}/options-volume", limit=2) for symbol in ("AAPL", "KO")]
    assert [row["put_volume"] for row in total] == [one["put_volume"] + two["put_volume"] for one, two in zip(*both, strict=True)]


def test_the_sides_of_a_day_s_volume_are_spread_as_those_of_its_prints(vendor: Vendor) -> None:
    rows = vendor.rows("/api/stock/AAPL/options-volume", limit=40)
    rights = [(row, name) for row in rows for name in NAMES]
    drawn = np.array([[row[f"{name}_volume_{side}_side"] / row[f"{name}_volume"] for side in ("ask", "bid")] for row, name in rights])
    prints = MARKET.events(["AAPL"], slice(position(DAY) - 39, position(DAY) + 1), (OptionTrade,))[OptionTrade]
    c, session = prints.columns, nyse().position(prints.event_at)
    side = np.sign(2 * c["price"] - c["bid"] - c["ask"])
    group = 2 * (session - session.min()) + c["is_put"]
    whole = np.bincount(group, c["size"])
    true = np.column_stack([np.bincount(group, c["size"] * (side == sign)) / whole for sign in (1, -1)])
    assert np.abs(drawn.mean(axis=0) - true.mean(axis=0)).max() < 0.06
    assert (drawn.std(axis=0) / true.std(axis=0) > 0.5).all()
    assert (drawn.std(axis=0) / true.std(axis=0) < 2).all()
    other = Vendor(NOW, market=Market(seed=4)).rows("/api/stock/AAPL/options-volume")[0]
    assert other["call_volume_ask_side"] / other["call_volume"] != pytest.approx(drawn[0, 0], abs=1e-4)


@pytest.mark.parametrize(("day", "offset"), [(DAY, "-04:00"), ("2026-01-15", "-05:00")])
def test_the_tide_is_cumulative_and_carries_new_yorks_offset(day: str, offset: str) -> None:
    vendor = Vendor(at(day, 16.3), Plan(universe=("AAPL", "KO")))  # the day's row still sums the prints
    tide = vendor.rows("/api/market/market-tide")
    assert len(tide) == 81
    assert tide[0]["timestamp"] == f"{day}T09:30:00{offset}"
    days = [vendor.rows(f"/api/stock/{symbol}/options-volume")[0] for symbol in ("AAPL", "KO")]
    assert abs(float(tide[-1]["net_call_premium"]) - sum(float(row["net_call_premium"]) for row in days)) <= 2
    assert len(vendor.rows("/api/market/market-tide", interval_5m="false")) > 390


def test_counters_of_a_contract_add_up_and_sides_agree_with_the_quote(vendor: Vendor) -> None:
    for row in vendor.rows("/api/option-trades", ticker_symbol="AAPL", limit=500):
        assert row["ask_vol"] + row["bid_vol"] + row["mid_vol"] + row["no_side_vol"] == row["volume"]
        middle = (float(row["nbbo_bid"]) + float(row["nbbo_ask"])) / 2
        side = "ask_side" if float(row["price"]) > middle + 1e-9 else "bid_side" if float(row["price"]) < middle - 1e-9 else "mid_side"
        assert row["tags"][0] == side
        assert abs(float(row["premium"]) - float(row["price"]) * row["size"] * 100) < 0.01


@pytest.mark.parametrize(
    "path", ["darkpool/AAPL", "lit-flow/AAPL", "option-trades?ticker_symbol=AAPL", "option-trades/flow-alerts?ticker_symbol=AAPL"]
)
def test_what_was_told_at_noon_is_told_the_same_in_the_evening(vendor: Vendor, path: str) -> None:
    early = Vendor(at(DAY, 12)).rows(f"/api/{path}")
    cursor = at(DAY, 12) // SECOND
    late = vendor.rows(f"/api/{path}", older_than=cursor)
    assert len(early) >= 20
    assert early == late[: len(early)]


def test_volume_of_a_print_is_what_the_tape_had_by_then(vendor: Vendor) -> None:
    market = MARKET.events(["AAPL"], slice(position(DAY), position(DAY) + 1), (OffExchangePrint, Trade))
    for row in vendor.rows("/api/darkpool/AAPL", date=DAY)[::50]:
        known = instant_of(row["executed_at"])
        assert row["volume"] == sum(int(chunk.columns["size"][chunk.known_at <= known].sum()) for chunk in market.values())
        assert instant_of(row["trf_executed_at"]) <= known


def test_open_interest_and_chains_are_published_when_the_market_knows_them() -> None:
    for hours, rows in ((8.9, 0), (9.1, 56)):
        assert len(Vendor(at(DAY, hours)).rows("/api/stock/AAPL/oi-change", date=DAY)) == rows
    for hours, rows in ((16.2, 0), (16.4, 56)):
        assert len(Vendor(at(DAY, hours)).rows("/api/stock/AAPL/option-chains", date=DAY)) == rows
    changes = Vendor(NOW).rows("/api/stock/AAPL/oi-change", date=DAY)
    assert [abs(row["oi_diff_plain"]) for row in changes] == sorted((abs(row["oi_diff_plain"]) for row in changes), reverse=True)
    assert all(row["curr_oi"] - row["last_oi"] == row["oi_diff_plain"] for row in changes)


def test_realized_volatility_is_told_under_a_date_before_it_was_known(vendor: Vendor) -> None:
    rows = vendor.rows("/api/stock/AAPL/volatility/realized")
    assert len(rows) > 200
    assert rows[-1]["unshifted_rv_date"] == DAY
    assert all(np.datetime64(row["date"]) + 27 < np.datetime64(row["unshifted_rv_date"]) for row in rows)


def test_a_plan_that_ends_before_all_that_is_asked_for_is_said() -> None:
    with Vendor(NOW, Plan(earliest="2026-05-28")).source(OffExchangePrint) as source:
        chunks = list(source.history(["AAPL"], at("2026-05-26", 0), at("2026-05-27", 20)))
        assert not any(map(len, chunks))
        assert len(source.completeness.gaps) == 2

"""The source as the engine sees it: bounds, order, days, the plan's window, and an account of what is missing."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from tests.sources.unusual_whales.vendor import NOW, DarkPool, FakeClock, Script, alert, dark, ok, reply, session, source
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import (
    Bar,
    ChainRow,
    CongressTrade,
    DailyBar,
    EarningsDate,
    EarningsReport,
    FlowAlert,
    InsiderTrade,
    NewsItem,
    OffExchangePrint,
    OpenInterest,
    OptionTrade,
)
from undertow.core.protocols import Source
from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Instant
from undertow.sources.unusual_whales.source import BEFORE_PLAN, DAILY, EMPTY, LATEST_ONLY, WHOLE
from undertow.sources.wire.errors import NotEntitled, Unauthorised, VendorDown
from undertow.sources.wire.stamps import instant_of, new_york_day

THURSDAY = session("2026-05-28")
BEGINS = instant_of("2026-05-21T04:00:00Z")
DAYS = ("2026-05-21", "2026-05-22", "2026-05-26", "2026-05-27", "2026-05-28")  # the 25th is Memorial Day


class Vendor:
    """All endpoints, with rows on every session of that week for AAPL."""

    def __init__(self) -> None:
        self.dark = DarkPool([dark(session(day) + i * SECOND, 1000 * n + i) for n, day in enumerate(DAYS) for i in range(30)])
        self.alerts = [alert(session(day) + i * MINUTE, 100 * n + i) for n, day in enumerate(DAYS) for i in range(5)]
        self.asked: list[httpx.Request] = []

    def days(self, path: str) -> list[str]:
        return [request.url.params["date"] for request in self.asked if path in request.url.path]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path, ask = request.url.path, request.url.params
        if "/darkpool/" in path:
            return self.dark(request)
        if path.endswith("/flow-alerts"):
            until, after = int(ask["older_than"]) * 10**6, int(ask.get("newer_than", "0")) * 10**6
            rows = [row for row in self.alerts if after < instant_of(row["created_at"]) < until]
            return ok({"data": sorted(rows, key=lambda row: row["created_at"], reverse=True)[: int(ask["limit"])]})
        if path.endswith("/option-trades"):
            at = "2026-05-28T14:00:00.5Z"
            row = {"option_chain_id": "AAPL260619C00200000", "executed_at": at, "price": "1", "size": 1, "underlying_symbol": "AAPL"}
            return ok({"data": [row | {"id": str(i)} for i in range(3)]})
        if path.endswith("/oi-change"):
            return ok({"data": [{"option_symbol": "AAPL260619C00200000", "curr_date": ask["date"], "curr_oi": 5}]})
        return ok({"data": self.other(path)})

    def other(self, path: str) -> list[dict[str, Any]]:
        if path.endswith("/headlines"):
            return [{"created_at": "2026-05-27T12:00:00Z", "headline": "A", "sentiment": "positive", "tickers": ["AAPL"]}]
        if path.endswith("/transactions"):
            filed = {"filing_date": "2026-05-26", "transaction_date": "2026-05-22", "formtype": "4", "id": "f"}
            return [filed | {"ticker": "AAPL", "amount": 10, "price": "1", "transaction_code": "P", "owner_name": "D"}]
        if path.endswith("/recent-trades"):
            filed = {"filed_at_date": "2026-05-26", "transaction_date": "2026-05-01", "amounts": "$1,001 - $15,000"}
            return [filed | {"ticker": "AAPL", "txn_type": "Buy", "name": "D"}]
        past = {"report_date": "2026-05-27", "report_time": "postmarket", "actual_eps": "1", "street_mean_est": "2"}
        return [past, past | {"report_date": "2026-08-27", "actual_eps": None}]


def by_kind(chunks: list[Chunk]) -> dict[Any, list[Chunk]]:
    out: dict[Any, list[Chunk]] = {}
    for chunk in chunks:
        out.setdefault(chunk.kind, []).append(chunk)
    return out


def rows(chunks: list[Chunk]) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for c in chunks for row in zip(c.known_at, c.event_at, c.seq, c.key, strict=True)]


def test_every_kind_in_order_and_within_bounds() -> None:
    vendor = Vendor()
    kinds = tuple(kind for kind in DAILY + WHOLE if kind not in (ChainRow, DailyBar))  # test_totals
    with source(vendor, kinds=kinds) as uw:
        as_protocol: Source = uw
        until = NOW + HOUR
        got = by_kind(list(as_protocol.history(("AAPL",), BEGINS, until)))
        gaps = uw.completeness.gaps
    counts = {kind: sum(map(len, chunks)) for kind, chunks in got.items()}
    assert counts == {
        OffExchangePrint: 150,
        OptionTrade: 3,
        FlowAlert: 25,
        OpenInterest: 5,
        NewsItem: 1,
        InsiderTrade: 1,
        CongressTrade: 1,
        EarningsDate: 1,
        EarningsReport: 1,
    }
    for chunks in got.values():
        told = rows(chunks)
        assert [row[0] for row in told] == sorted(row[0] for row in told)
        assert all(BEGINS < row[0] <= until for row in told)
        assert all(chunk.sources == ("unusual_whales",) for chunk in chunks)
    assert vendor.days("/darkpool/") == list(dict.fromkeys(vendor.days("/darkpool/")))  # one page a day
    assert set(vendor.days("/darkpool/")) == set(DAYS)
    assert [(gap.kind, gap.why) for gap in gaps] == [("option_trade", LATEST_ONLY)] * 4


def test_cut_anywhere_the_rows_are_the_same() -> None:
    kinds = (OffExchangePrint, FlowAlert, OpenInterest)
    middle = session("2026-05-26") + 15 * SECOND
    with source(Vendor(), kinds=kinds) as uw:
        whole = by_kind(list(uw.history(("AAPL",), BEGINS, NOW)))
        parts = by_kind([*uw.history(("AAPL",), BEGINS, middle), *uw.history(("AAPL",), middle, NOW)])
    for kind in kinds:
        assert rows(whole[kind]) == rows(parts[kind])
        assert len(rows(whole[kind])) > 0


def test_a_holiday_is_not_asked_and_an_empty_session_is_said() -> None:
    vendor = Vendor()
    vendor.dark.rows = [row for row in vendor.dark.rows if "2026-05-26" not in row["executed_at"]]
    with source(vendor, kinds=(OffExchangePrint,)) as uw:
        list(uw.history(("AAPL",), session("2026-05-22"), session("2026-05-26") + 10 * HOUR))
        assert vendor.days("/darkpool/") == ["2026-05-22", "2026-05-26"]
        assert [(gap.day, gap.why) for gap in uw.completeness.gaps] == [("2026-05-26", EMPTY)]
        assert not uw.completeness.complete


def test_today_may_still_be_empty() -> None:
    clock = FakeClock(THURSDAY - HOUR)
    with source(Script(ok({"data": []})), clock, kinds=(OffExchangePrint, FlowAlert)) as uw:
        chunks = list(uw.history(("AAPL",), THURSDAY - 8 * HOUR, THURSDAY + DAY))
        assert sum(map(len, chunks)) == 0
        assert uw.completeness.complete


def test_the_plans_window_is_learned_and_remembered() -> None:
    vendor = Vendor()

    def windowed(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("date", "9") < "2026-05-26":
            vendor.asked.append(request)
            message = "The earliest date for you is 2026-05-26 (3 trading days)."
            return reply(403, {"code": "historic_data_access_missing", "message": message})
        return vendor(request)

    with source(windowed, kinds=(OffExchangePrint,)) as uw:
        chunks = list(uw.history(("AAPL", "MSFT"), BEGINS, NOW))
        assert sum(map(len, chunks)) == 90
        assert uw.earliest == {OffExchangePrint: "2026-05-26"}
        assert vendor.days("/darkpool/")[:2] == ["2026-05-21", "2026-05-26"]  # one refusal, then straight to the first day
        early = [gap.day for gap in uw.completeness.gaps if BEFORE_PLAN in gap.why]
        assert early == ["2026-05-21", "2026-05-22"]
        vendor.asked.clear()
        list(uw.history(("AAPL",), BEGINS, NOW))
        assert min(vendor.days("/darkpool/")) == "2026-05-26"


def test_a_kind_outside_the_plan_does_not_take_the_others_with_it() -> None:
    vendor = Vendor()

    def without_dark_pool(request: httpx.Request) -> httpx.Response:
        return reply(403, {"message": "not in your plan"}) if "/darkpool/" in request.url.path else vendor(request)

    with source(without_dark_pool, kinds=(OffExchangePrint, FlowAlert)) as uw:
        got = by_kind(list(uw.history(("AAPL",), BEGINS, NOW)))
        assert sum(map(len, got[FlowAlert])) == 25
        assert OffExchangePrint not in got
        assert list(uw.refused) == [OffExchangePrint]
        assert "not in your plan" in uw.completeness.gaps[0].why
    with (
        source(Script(reply(403, {"message": "no"})), kinds=(OffExchangePrint, NewsItem)) as uw,
        pytest.raises(NotEntitled, match="none of what"),
    ):
        list(uw.history(("AAPL",), BEGINS, NOW))


def test_a_window_is_no_refusal_for_ever() -> None:
    answer = reply(403, {"code": "historic_data_access_missing", "message": "The earliest date for you is 2026-05-20."})
    with source(Script(answer), kinds=(InsiderTrade, FlowAlert)) as uw:
        assert sum(map(len, uw.history(("AAPL",), BEGINS, NOW))) == 0
        assert uw.refused == {}
        assert [gap.kind for gap in uw.completeness.gaps] == ["insider_trade", "flow_alert"]
        assert "2026-05-20" in uw.completeness.gaps[0].why


def test_an_unknown_ticker_is_a_gap_and_a_wrong_key_ends_it() -> None:
    vendor = Vendor()

    def handler(request: httpx.Request) -> httpx.Response:
        return reply(404, {}) if "/NOPE" in request.url.path else vendor(request)

    with source(handler, kinds=(OffExchangePrint, EarningsReport)) as uw:
        chunks = list(uw.history(("NOPE", "AAPL"), THURSDAY - HOUR, NOW))
        assert sum(map(len, chunks)) == 30
        assert {(gap.kind, gap.symbols) for gap in uw.completeness.gaps} == {
            ("off_exchange_print", ("NOPE",)),
            ("earnings_report", ("NOPE",)),
        }
    with source(Script(reply(401, {}))) as uw, pytest.raises(Unauthorised):
        list(uw.history(("AAPL",), BEGINS, NOW))


def test_faults_in_the_middle_are_overcome_or_end_it() -> None:
    vendor, clock = Vendor(), FakeClock()
    answers = 0

    def stumbling(request: httpx.Request) -> httpx.Response:
        nonlocal answers
        answers += 1
        if answers % 3 == 0:
            return reply(500, "Something went wrong")
        if answers % 5 == 0:
            return reply(429, {}, x_uw_req_per_minute_reset="5000", x_uw_req_per_minute_remaining="0")
        return vendor(request)

    kinds = (OffExchangePrint, FlowAlert, OpenInterest)
    with source(stumbling, clock, kinds=kinds) as uw, source(Vendor(), kinds=kinds) as calm:
        assert rows(list(uw.history(("AAPL",), BEGINS, NOW))) == rows(list(calm.history(("AAPL",), BEGINS, NOW)))
    with source(Script(reply(500, "Something went wrong")), kinds=kinds) as uw, pytest.raises(VendorDown):
        list(uw.history(("AAPL",), BEGINS, NOW))


def test_what_is_known_after_its_day_goes_with_the_next() -> None:
    vendor = Vendor()
    late: Instant = instant_of("2026-05-27T04:00:07Z")
    row = dark(session("2026-05-26"), 77_777, trf_executed_at="2026-05-27T04:00:07Z")
    vendor.dark.rows = sorted([*vendor.dark.rows, row], key=lambda r: instant_of(r["executed_at"]), reverse=True)
    with source(vendor, kinds=(OffExchangePrint,)) as uw:
        chunks = list(uw.history(("AAPL",), BEGINS, NOW))
    known = np.concatenate([chunk.known_at for chunk in chunks])
    assert bool((np.diff(known) >= 0).all())
    assert late in known
    assert all(len({str(new_york_day(int(a))) for a in chunk.known_at}) == 1 for chunk in chunks)


def test_an_earnings_date_is_known_only_from_now_on() -> None:
    for until, count in ((NOW - SECOND, 0), (NOW, 1)):
        with source(Vendor(), kinds=(EarningsDate,)) as uw:
            chunks = list(uw.history(("AAPL",), BEGINS, until))
            assert sum(map(len, chunks)) == count
            assert uw.completeness.left_out == {("earnings_date", "reported already"): 1}


def test_what_cannot_be_asked() -> None:
    with pytest.raises(BadInput, match="'bar'; valid are off_exchange_print, "):
        source(Vendor(), kinds=(Bar,))
    vendor = Vendor()
    with source(vendor) as uw:
        assert list(uw.history((), BEGINS, NOW)) == []
        assert list(uw.history(("AAPL",), NOW, NOW)) == []
        assert OptionTrade not in uw.kinds
    assert vendor.asked == []

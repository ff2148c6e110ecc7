"""The source over a vendor that is not there: pages to the end, windows in order, faults in the middle, and no key anywhere."""

from __future__ import annotations

import asyncio
import gzip
import logging
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.sources.massive.bodies import bar, body, contract, ns, quote, trade
from tests.sources.wire.vendor import BASE, CANARY, NOW, Script, fault, ok, wire
from undertow.core.errors import BadData, BadInput
from undertow.core.events import (
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    NewsItem,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    Quote,
    Trade,
)
from undertow.core.protocols import Source
from undertow.core.time import MINUTE
from undertow.sources.massive.capabilities import Entitlement, probe
from undertow.sources.massive.pages import collect
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.wire import errors
from undertow.sources.wire.shelf import Shelf

DAY = "2026-05-28"
AFTER, UNTIL = ns("2026-05-28T04:00:00Z"), ns("2026-05-29T04:00:00Z")
SPLIT = {"execution_date": "2020-08-31", "split_from": 1, "split_to": 4}
PAID = {"cash_amount": 0.26, "declaration_date": "2026-05-01", "ex_dividend_date": "2026-05-11"}


def follow(path: str) -> str:
    return f"https://api.massive.com:443{path}?cursor=YW%2Bx&apiKey=leaked"


def read(script, path="/v3/trades/AAPL", folder: Path | None = None, clock=None):
    async def run():
        async with wire(script, clock) as client:
            client.shelf = None if folder is None else Shelf(folder)
            return await collect(client, path, {"limit": 2})

    return asyncio.run(run())


def page(*rows, then: str = "") -> httpx.Response:
    return ok(body(list(rows), **({"next_url": follow(then)} if then else {})))


T1, T2, T3 = (trade("2026-05-28T14:30:00Z", n) for n in (1, 2, 3))


def test_pages_stay_on_the_host_and_are_kept_as_they_came(tmp_path: Path) -> None:
    script = Script(page(T1, {**T2, "brand_new": {"a": 2**60 + 1}}, then="/v3/trades/AAPL"), page(T3))
    got = read(script, folder=tmp_path)
    assert [row["sequence_number"] for row in got.rows] == [1, 2, 3]
    second = script.asked[1]
    assert str(second.url).startswith(BASE + "/v3/trades/AAPL?cursor=YW%2Bx")
    assert "apiKey" not in str(second.url)
    assert "limit" not in second.url.params
    assert second.headers["Authorization"] == f"Bearer {CANARY}"
    kept = sorted(tmp_path.iterdir())
    assert len(kept) == 2
    raw = [gzip.decompress(path.read_bytes()) for path in kept]
    assert any(b'"brand_new": {"a": 1152921504606846977}' in text for text in raw)


def test_a_row_on_two_pages_counts_once() -> None:
    got = read(Script(page(T1, T2, then="/a"), page(T2, T3)))
    assert ([row["sequence_number"] for row in got.rows], got.duplicates, got.pages) == ([1, 2, 3], 1, 2)


@pytest.mark.parametrize(
    ("second", "error"),
    [
        (page(T2, then="/a"), errors.BadAnswer),  # a circle
        (ok({"status": "OK"}), errors.BadAnswer),
        (ok({"status": "OK", "results": [1]}), errors.BadAnswer),
        (ok(body([T2], next_url=5)), errors.BadAnswer),
        (httpx.Response(200, content=b'{"status":"OK","results":[{"pri'), errors.BadAnswer),
        (fault(500, "<html>"), errors.VendorDown),
        (fault(401), errors.Unauthorised),
        (fault(429), errors.RateLimited),
    ],
)
def test_a_fault_in_the_middle_is_never_the_end(second, error) -> None:
    with pytest.raises(error):
        read(Script(page(T1, then="/a"), second))


@pytest.mark.parametrize(
    "hiccup",
    [fault(429, retry_after="2"), fault(429), fault(504), fault(500, "<html>"), httpx.ReadError("reset"), httpx.ReadTimeout("slow")],
)
def test_a_hiccup_in_the_middle_is_overcome_whole(hiccup) -> None:
    got = read(Script(page(T1, then="/a"), hiccup, page(T2, T3)))
    assert [row["sequence_number"] for row in got.rows] == [1, 2, 3]


class Market:
    """Answers every endpoint for any symbol, by path."""

    def __init__(self, **instead: httpx.Response) -> None:
        self.instead = instead
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path, params = request.url.path, request.url.params
        for word, reply in self.instead.items():
            if word in path.replace("-", "_"):
                return httpx.Response(reply.status_code, content=reply.content, headers=reply.headers)
        symbol = params.get("ticker") or path.split("/")[4 if path.startswith(("/v2/aggs", "/v3/snapshot")) else 3]
        return ok(body(self.rows(path, symbol)))

    @staticmethod
    def rows(path: str, symbol: str) -> list[dict[str, object]]:
        if "/day/" in path:
            return [bar(f"{DAY}T04:00:00Z")]
        if "/aggs/" in path:
            return [bar(f"{DAY}T14:30:00Z"), bar(f"{DAY}T14:35:00Z"), bar("2026-05-27T19:55:00Z")]
        if "splits" in path:
            return [SPLIT | {"ticker": symbol}]
        if "dividends" in path:
            return [PAID | {"ticker": symbol}]
        if "short-volume" in path:
            return [{"ticker": symbol, "date": "2026-05-27", "total_volume": 5, "short_volume": 2}]
        if "news" in path:
            return [{"published_utc": f"{DAY}T18:00:00Z", "title": "Up", "tickers": [symbol]}]
        if "quotes" in path:
            return [quote(f"{DAY}T14:30:00Z", 1)]
        if "snapshot" in path:
            return [contract("call", 150)]
        off = {"exchange": 4, "trf_id": 202, "trf_timestamp": 0}
        return [trade(f"{DAY}T14:30:00Z", 1), trade(f"{DAY}T14:30:01Z", 2, **off), trade("2026-05-27T19:00:00Z", 3)]


EVERYTHING = Settings(kinds=(CorporateAction, Bar, DailyBar, OffExchangeVolume, NewsItem, Quote, Trade, OffExchangePrint))


def history(market, settings: Settings = EVERYTHING, after: int = AFTER, until: int = UNTIL):
    with MassiveSource(wire(market), settings) as source:
        checked: Source = source
        return list(checked.history(["AAPL", "MSFT"], after, until))


def test_history_of_every_kind_in_order_and_in_range() -> None:
    market = Market()
    chunks = history(market)
    rows = {kind: sum(len(c) for c in chunks if c.kind is kind) for kind in EVERYTHING.kinds}
    assert rows == {CorporateAction: 4, Bar: 4, DailyBar: 2, OffExchangeVolume: 2, NewsItem: 2, Quote: 2, Trade: 2, OffExchangePrint: 2}
    for chunk in chunks:
        assert chunk.symbols == ("AAPL", "MSFT")
        assert np.all(np.diff(chunk.known_at) >= 0)
        assert np.all(chunk.known_at <= UNTIL)
        assert np.all(chunk.event_at <= chunk.known_at) or chunk.kind is CorporateAction
        assert chunk.kind is CorporateAction or np.all(chunk.known_at > AFTER)
    aggs = [r for r in market.asked if "/aggs/" in r.url.path]
    assert all(r.url.params["adjusted"] == "false" for r in aggs)
    assert len([r for r in market.asked if "/v3/trades" in r.url.path]) == 2  # off-exchange prints come with the trades


def test_cutting_the_range_changes_nothing() -> None:
    whole = history(Market())
    middle = ns("2026-05-28T14:40:00Z")
    cut = history(Market(), until=middle) + history(Market(), after=middle)
    for kind in EVERYTHING.kinds[1:]:
        both = [[at for c in chunks if c.kind is kind for at in c.known_at.tolist()] for chunks in (whole, cut)]
        assert both[0] == both[1]
    assert history(Market(), after=UNTIL, until=AFTER) == []


def test_a_delayed_plan_knows_later() -> None:
    rows = [trade(f"{DAY}T14:30:00Z", 1)]
    late = history(Market(trades=ok(body(rows, status="DELAYED"))), Settings(kinds=(Trade,)))
    assert (late[0].known_at - ns(f"{DAY}T14:30:00Z")).tolist() == [15 * MINUTE] * 2


def test_a_weekend_is_not_asked_for_ticks() -> None:
    market = Market()
    history(market, Settings(kinds=(Trade,)), ns("2026-05-30T08:00:00Z"), ns("2026-05-31T23:00:00Z"))
    assert market.asked == []


@pytest.mark.parametrize(
    ("word", "reply", "error"),
    [
        ("minute", fault(403, {"status": "NOT_AUTHORIZED", "message": "not entitled"}), errors.NotEntitled),
        ("splits", ok({"status": "OK"}), errors.BadAnswer),
        ("news", ok(body([{"title": "no date", "tickers": ["AAPL"]}])), errors.BadAnswer),
        ("splits", ok(body([SPLIT | {"ticker": "AAPL"}, SPLIT | {"ticker": "AAPL", "execution_date": "2020-08-24"}])), BadData),
    ],
)
def test_a_kind_that_fails_raises(word: str, reply, error) -> None:
    with pytest.raises(error):
        history(Market(**{word: reply}))


def test_a_wrong_split_can_be_ignored_by_a_person() -> None:
    twice = ok(body([SPLIT | {"ticker": "AAPL"}, SPLIT | {"ticker": "AAPL", "execution_date": "2020-08-24"}]))
    settings = Settings(kinds=(CorporateAction,), ignored_splits=frozenset({("AAPL", "2020-08-24")}))
    (chunk,) = history(Market(splits=twice), settings)
    assert chunk.columns["ratio"].tolist().count(4.0) == 1


def test_the_chain_is_a_snapshot() -> None:
    with MassiveSource(wire(Market())) as source:
        rows, interest = source.snapshot(["AAPL", "MSFT"])
    assert (rows.kind, len(rows), interest.kind, len(interest)) == (ChainRow, 2, OpenInterest, 2)
    assert set(rows.known_at.tolist()) == {NOW}
    with pytest.raises(BadInput, match="chain_row"):
        MassiveSource(wire(Market()), Settings(kinds=(ChainRow,)))


def probed(market, **settings):
    async def run():
        async with wire(market) as client:
            return await probe(client, "AAPL", NOW, **settings)

    return {capability.kinds[0]: capability for capability in asyncio.run(run())}


def test_capabilities() -> None:
    refusal = fault(403, {"status": "NOT_AUTHORIZED", "message": "not entitled"})
    dated = fault(403, {"message": "The earliest date available to you is 2024-05-28"})
    found = probed(Market(quotes=refusal, trades=dated, news=fault(404), short_volume=ok({}), minute=ok(body([], status="DELAYED"))))
    assert found[Quote].state is Entitlement.NOT_ENTITLED
    assert found[Trade].earliest == "2024-05-28"
    assert found[NewsItem].state is Entitlement.UNKNOWN
    assert found[OffExchangeVolume].state is Entitlement.UNKNOWN
    assert found[Bar].delayed
    assert found[CorporateAction].state is Entitlement.ENTITLED
    assert found[DailyBar].earliest == "2006-06-04"
    with pytest.raises(errors.Unauthorised):
        probed(Market(v1=fault(401)))


def test_the_farthest_window_is_found() -> None:
    def two_years(request: httpx.Request) -> httpx.Response:
        start = re.search(r"/day/(\d+)/", request.url.path)
        if start and int(start[1]) * 10**6 < NOW - int(2.1 * 365.25 * 86400 * 10**9):
            return fault(403, {"status": "NOT_AUTHORIZED", "message": "upgrade"})
        return ok(body([]))

    assert probed(two_years)[DailyBar].earliest == "2024-06-04"
    assert probed(two_years, years=())[DailyBar].earliest == ""


def test_the_key_is_in_no_page_no_log_and_no_error(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = page({**T1, "note": CANARY}, then="/a/" + CANARY.replace("+", "%2B").replace("/", "%2F"))
    seen = []
    lasts = fault(403, {"message": CANARY}), ok({"status": "ERROR", "error": CANARY}), httpx.Response(200, content=CANARY.encode())
    for number, last in enumerate(lasts):
        with pytest.raises(errors.WireError) as caught:
            read(Script(echo, last), folder=tmp_path / str(number))
        seen += [repr(caught.value), str(caught.value)]
    kept = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(kept) >= len(lasts)
    seen += [gzip.decompress(path.read_bytes()).decode() for path in kept] + [path.name for path in kept]
    seen += [record.getMessage() for record in caplog.records]
    assert len(seen) > 10
    assert all("SECRET" not in text for text in seen)


def test_pages_in_a_circle_are_seen_at_once() -> None:
    script = Script(page(T1, then="/a"), page(T2, then="/b"), page(T3, then="/a"))
    with pytest.raises(errors.BadAnswer, match="circle"):
        read(script)
    assert len(script.asked) == 3


def test_what_is_asked() -> None:
    market = Market()
    history(market)
    asked = {request.url.path.split("/AAPL")[0]: request.url.params for request in market.asked if "MSFT" not in str(request.url)}
    trades = asked["/v3/trades"]
    assert int(trades["timestamp.gt"]) <= AFTER - 30 * MINUTE  # what a late report or a delayed plan makes known after ``AFTER``
    assert trades["timestamp.lte"] == str(UNTIL)
    assert (trades["order"], trades["sort"], trades["limit"]) == ("asc", "timestamp", "50000")
    assert asked["/stocks/v1/short-volume"]["date.gte"] <= "2026-05-22"
    assert asked["/stocks/v1/splits"]["execution_date.lte"] == "2026-05-29"
    assert asked["/v2/reference/news"]["published_utc.gte"] == "2026-05-28T03:00:00Z"
    assert "date.gte" not in asked["/stocks/v1/dividends"]
    spans = sorted(r.url.path for r in market.asked if "/aggs/ticker/AAPL" in r.url.path)
    assert [re.search(r"/range/(\d+/\w+)/", path)[1] for path in spans] == ["1/day", "5/minute"]

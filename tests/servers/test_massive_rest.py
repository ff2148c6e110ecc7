"""Massive's REST over the simulated market: pages that fit together, nothing before its time, and rows that come back as they were."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest

from tests.servers.conftest import DAY, SPLIT_DAY, at
from tests.servers.running import Running, running
from tests.sources.wire.vendor import FakeClock
from undertow.core.calendar import nyse
from undertow.core.events import (
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    Event,
    NewsItem,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    OptionTrade,
    Quote,
    Trade,
)
from undertow.core.time import DAY as DAY_LONG
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.servers.massive.asking import contract as terms_of
from undertow.sources.massive.rows import Scope
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.massive.ticks import option_trades
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Wire
from undertow.sources.wire.key import Key

RANGE = "/v2/aggs/ticker/{}/range/{}/{}/{}/{}"
SAMPLES = Path(__file__).parents[2].parent / "shared" / "data" / "vendor_samples" / "polygon"


def source(server: Running, *kinds: type[Event], span: int = MINUTE) -> MassiveSource:
    wire = Wire(
        server.base, Key("k"), limiter=Bucket(10**6, DAY_LONG), clock=FakeClock(server.world.now()), chance=np.random.default_rng(1)
    )
    return MassiveSource(wire, Settings(kinds=kinds or (Bar,), span=span))


def position(day: str) -> slice:
    i = nyse().session_on_or_before(np.datetime64(day))
    return slice(i, i + 1)


@pytest.mark.parametrize("sort", ["asc", "desc"])
@pytest.mark.parametrize(
    ("path", "query", "limit", "most"),
    [
        (RANGE.format("JPM", 1, "minute", "2025-06-11", DAY), {}, 400, 50_000),
        (RANGE.format("JPM", 7, "minute", "2025-06-11", DAY), {}, 150, 50_000),
        (RANGE.format("JPM", 1, "day", "2025-01-01", DAY), {}, 17, 50_000),
        (RANGE.format("JPM", 1, "week", "2025-01-01", DAY), {}, 17, 50_000),
        ("/v3/trades/JPM", {"timestamp.gte": "2025-06-11", "timestamp.lt": DAY}, 4_000, 50_000),
        ("/v3/quotes/JPM", {"timestamp": DAY}, 3_000, 50_000),
        ("/v3/reference/options/contracts", {"underlying_ticker": "JPM"}, 9, 1_000),
        ("/v1/indicators/ema/JPM", {"timestamp.gte": "2025-05-01"}, 5, 5_000),
    ],
)
def test_pages_fit_together(evening: Running, path: str, query: dict, limit: int, most: int, sort: str) -> None:
    params = {**query, "sort" if "/aggs/" in path else "order": sort}
    whole = evening.get(path, **params, limit=most)
    assert "next_url" not in whole.json()
    pages, reply = [], evening.get(path, **params, limit=limit)
    while True:
        pages.append(_rows(reply.json()))
        if "next_url" not in reply.json():
            break
        reply = evening.get(reply.json()["next_url"].removeprefix("https://api.massive.com"))
    assert len(pages) > 2
    assert [row for page in pages for row in page] == _rows(whole.json())


def _rows(body: dict) -> list[dict]:
    return body["results"]["values"] if isinstance(body["results"], dict) else body["results"]


def test_longer_bars_are_made_of_shorter_ones(evening: Running) -> None:
    minutes = evening.rows(RANGE.format("KO", 1, "minute", DAY, DAY), limit=50_000)
    fives = evening.rows(RANGE.format("KO", 5, "minute", DAY, DAY), limit=50_000)
    for five in fives:
        inside = [m for m in minutes if five["t"] <= m["t"] < five["t"] + 300_000]
        assert (five["o"], five["c"]) == (inside[0]["o"], inside[-1]["c"])
        assert (five["h"], five["l"]) == (max(m["h"] for m in inside), min(m["l"] for m in inside))
        assert (five["v"], five["n"]) == (sum(m["v"] for m in inside), sum(m["n"] for m in inside))
    assert sum(f["v"] for f in fives) == sum(m["v"] for m in minutes)
    weeks = evening.rows(RANGE.format("KO", 1, "week", "2025-05-18", DAY))
    days = evening.rows(RANGE.format("KO", 1, "day", "2025-05-18", DAY))
    assert len(weeks) == 4
    assert sum(w["v"] for w in weeks) == sum(d["v"] for d in days)
    assert all((np.datetime64(w["t"], "ms").astype("datetime64[D]").astype(int) + 4) % 7 == 0 for w in weeks)  # Sundays


def test_a_split_divides_the_prices_before_it(evening: Running) -> None:
    path = RANGE.format("JPM", 1, "day", "2025-06-05", DAY)
    plain, fair = evening.rows(path, adjusted="false"), evening.rows(path)
    ratio = [p["o"] / f["o"] for p, f in zip(plain, fair, strict=True)]
    first = [np.datetime64(row["t"], "ms") >= np.datetime64(SPLIT_DAY) for row in plain].index(True)
    assert ratio == pytest.approx([4.0] * first + [1.0] * (len(plain) - first), rel=1e-5)
    assert 0 < first < len(plain)
    (split,) = [row for row in evening.rows("/stocks/v1/splits", ticker="JPM") if row["execution_date"] == SPLIT_DAY]
    assert (split["split_from"], split["split_to"]) == (1, 4)


def test_nothing_is_told_before_its_time() -> None:
    with running(at(DAY, 9.75)) as server:
        path, counts = RANGE.format("AAPL", 1, "minute", DAY, DAY), []
        for hours in (9.75, 12.0, 12.0001, 15.99, 16.2, 20.5, 33.1):
            server.clock.at = now = at(DAY, hours)
            bars = server.rows(path, limit=50_000)
            assert all(bar["t"] + 60_000 <= now // 10**6 for bar in bars)
            trades = server.rows("/v3/trades/AAPL", timestamp=DAY, limit=50_000)
            assert all(trade["sip_timestamp"] <= now for trade in trades)
            assert all(row["sip_timestamp"] <= now for row in server.rows("/v3/quotes/AAPL", timestamp=DAY, limit=50_000))
            day = server.rows(RANGE.format("AAPL", 1, "day", DAY, DAY))
            assert len(day) == (hours >= 16)
            volume = server.rows("/stocks/v1/short-volume", ticker="AAPL", date=DAY)
            assert len(volume) == (hours >= 18)
            chain = server.rows("/v3/snapshot/options/AAPL", limit=250)
            updated = max((row["day"].get("last_updated", 0) for row in chain), default=0)
            assert updated <= now
            contracts = server.rows("/v3/reference/options/contracts", underlying_ticker="AAPL", limit=1000)
            news = [row["published_utc"] for row in server.rows("/v2/reference/news", ticker="AAPL", limit=1000)]
            assert max(news) < str(np.datetime64(now - 14 * MINUTE, "ns"))
            last = server.get("/v2/last/trade/AAPL").json()["results"]["t"]
            assert last <= now
            shot = server.get("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL").json()["ticker"]
            assert shot["updated"] <= now
            assert shot["min"]["t"] * 10**6 + MINUTE <= now
            assert hours > 24 or (shot["day"]["v"] > 0) == bool([bar for bar in bars if bar["t"] >= nyse().open[position(DAY)][0] // 10**6])
            counts.append((len(bars), len(trades), len(contracts)))
        assert counts == sorted(counts)
        assert counts[0][1] > 100
        assert counts[0][1] < counts[-1][1]


def test_rows_come_back_through_our_own_parsers(evening: Running) -> None:
    """World rows -> server -> source: equal prices, sizes, times, conditions and venues."""
    kinds = (CorporateAction, Bar, DailyBar, OffExchangeVolume, NewsItem, Quote, Trade, OffExchangePrint)
    first, last = at(DAY, 4), at(DAY, 20.99)
    with source(evening, *kinds) as vendor:
        got: dict[type[Event], list] = {}
        for chunk in vendor.history(["JPM", "KO"], first, last):
            got.setdefault(chunk.kind, []).append(chunk)
    checked = 0
    for kind in (Quote, Trade, OffExchangePrint):
        for key, symbol in enumerate(("JPM", "KO")):
            truth = evening.world.rows(kind, symbol, position(DAY))
            (chunk,) = [c for c in got[kind] if len(c)]
            mine = chunk[chunk.key == key]
            assert np.array_equal(mine.event_at, truth.event_at)
            assert np.array_equal(mine.known_at, truth.known_at)
            for name, values in truth.columns.items():
                assert np.array_equal(mine.columns[name], values), (kind, name)
            checked += len(mine)
    assert checked > 20_000
    (bars,) = [c for c in got[Bar] if len(c)]
    truth = evening.world.minutes("JPM", position(DAY))
    truth = truth[truth.event_at > first]
    mine = bars[bars.key == 0]
    assert np.array_equal(mine.event_at, truth.event_at)
    assert all(np.array_equal(mine.columns[name], truth.columns[name]) for name in truth.columns)
    (days,) = [c for c in got[DailyBar] if len(c)]
    truth = evening.world.rows(DailyBar, "JPM", position(DAY))
    assert all(np.array_equal(days[days.key == 0].columns[name], truth.columns[name]) for name in truth.columns)
    ratios = next(c for c in got[CorporateAction] if len(c))
    assert ratios.columns["ratio"][-1] == 4.0
    (news,) = [c for c in got[NewsItem] if len(c)]
    truth = evening.world.rows(NewsItem, "JPM", slice(position(DAY).start - 1, position(DAY).stop))
    assert news[news.key == 0].known_at.tolist() == truth.known_at[-1:].tolist()


def test_the_chain_comes_back_after_the_close(evening: Running) -> None:
    with source(evening) as vendor:
        rows, interest = vendor.snapshot(["KO"])
    truth = evening.world.rows(ChainRow, "KO", position(DAY))
    alive = truth.columns["expiry"] >= nyse().day[position(DAY)][0].astype(np.int64)
    for got, want in (
        (rows, truth[alive]),
        (interest, evening.world.rows(OpenInterest, "KO", slice(position(DAY).start - 1, position(DAY).start))),
    ):
        names = [name for name in want.columns if name in ("price", "volume", "iv", "delta", "open_interest")]
        known = dict(_by_terms(want, names))
        found = dict(_by_terms(got, names))
        common = known.keys() & found.keys()
        assert len(common) > 30
        assert all(found[terms] == known[terms] for terms in common)


def _by_terms(chunk, names):
    columns = chunk.columns
    terms = zip(*(columns[name].tolist() for name in ("expiry", "strike", "is_put")), strict=True)
    return zip(terms, zip(*(columns[name].tolist() for name in names), strict=True), strict=True)


def test_option_trades_come_back(evening: Running) -> None:
    truth = evening.world.rows(OptionTrade, "KO", position(DAY))
    listed = evening.rows("/v3/reference/options/contracts", underlying_ticker="KO", limit=1000)
    seen = 0
    for name in [row["ticker"] for row in listed]:
        terms = terms_of(name)
        own = truth[
            (truth.columns["expiry"] == terms.expiry)
            & (truth.columns["strike"] == terms.strike)
            & (truth.columns["is_put"] == terms.is_put)
        ]
        if len(own) < 3:
            continue
        rows = evening.rows(f"/v3/trades/{name}", timestamp=DAY, order="asc", limit=50_000)
        mine = option_trades(rows, Scope(symbols=("KO",), symbol="KO"), name)
        assert np.array_equal(mine.event_at, own.event_at)
        for column in ("price", "size", "conditions", "strike", "expiry", "is_put"):
            assert np.array_equal(mine.columns[column], own.columns[column])
        seen += 1
        if seen == 5:
            return
    pytest.fail("too few contracts traded")


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        (RANGE.format("AAPL", 1, "day", DAY, "2025-06-01"), 400, "before 'from'"),
        (RANGE.format("AAPL", 1, "day", "2025-06-31", DAY), 400, "2025-06-31"),
        (RANGE.format("AAPL", 0, "day", DAY, DAY), 400, "multiplier"),
        (RANGE.format("AAPL", 1, "fortnight", DAY, DAY), 400, "fortnight"),
        (RANGE.format("AAPL", 1, "day", DAY, DAY) + "?limit=50001", 400, "50000"),
        (RANGE.format("toolongname", 1, "day", DAY, DAY), 404, "Ticker not found."),
        ("/v3/trades/AAPL?cursor=Zm9vYmFyYmF6cXV4", 400, "cursor"),
        ("/v3/trades/AAPL?limit=x", 400, "limit"),
        ("/v3/trades/O:AAPL", 404, "Ticker not found."),
        ("/v2/snapshot/locale/us/markets/stocks/tickers/aapl", 404, "Ticker not found."),
        ("/v2/snapshot/locale/us/markets/stocks/sideways", 400, "sideways"),
        ("/v3/reference/options/contracts/O:AAPL250620C09990000", 404, "not found"),
        ("/v1/open-close/AAPL/2025-06-14", 404, "Data not found."),
        ("/v2/nothing", 404, "404 page not found"),
    ],
)
def test_refusals(evening: Running, path: str, status: int, said: str) -> None:
    reply = evening.get(path)
    assert reply.status_code == status
    assert said in reply.text
    assert reply.headers["x-market"].startswith("simulated seed 7 ic 0.05 with ")  # it has a split of its own


def test_a_cursor_belongs_to_its_path_and_its_moment() -> None:
    with running(at(DAY, 11)) as server:
        first = server.get("/v3/trades/KO", limit=10).json()
        follow = first["next_url"].removeprefix("https://api.massive.com")
        second = server.get(follow).json()["results"]
        server.clock.at += HOUR
        assert server.get(follow).json()["results"] == second
        assert server.get(follow.replace("/KO", "/JPM")).status_code == 400
        assert server.get("/v3/trades/KO", limit=10).json()["results"] != first["results"]


def test_empty_ranges_say_so(evening: Running) -> None:
    weekend = evening.get(RANGE.format("AAPL", 1, "minute", "2025-06-07", "2025-06-08")).json()
    assert "results" not in weekend
    assert (weekend["resultsCount"], weekend["count"], weekend["queryCount"]) == (0, 0, 0)
    assert evening.get("/v3/trades/AAPL", timestamp="2025-06-08").json()["results"] == []


def test_indicators_by_their_definitions(evening: Running) -> None:
    bars = evening.rows(RANGE.format("KO", 1, "day", "2005-01-01", DAY), limit=50_000)
    close = [bar["c"] for bar in bars]

    def ask(name: str, **params: object) -> list[dict]:
        return evening.get(f"/v1/indicators/{name}/KO", limit=3, **params).json()["results"]["values"]

    assert [v["timestamp"] for v in ask("sma", window=5)] == [bar["t"] for bar in bars[:-4:-1]]
    assert [v["value"] for v in ask("sma", window=5)] == pytest.approx(
        [sum(close[i - 4 : i + 1 or None]) / 5 for i in (-1, -2, -3)], rel=1e-7
    )
    weights = [(2 / 11) * (9 / 11) ** k for k in range(400)]
    smooth = sum(w * c for w, c in zip(weights, close[::-1], strict=False))
    assert ask("ema", window=10)[0]["value"] == pytest.approx(smooth, rel=1e-6)
    row = ask("macd")[0]
    assert row["histogram"] == pytest.approx(row["value"] - row["signal"], abs=1e-7)
    assert row["value"] == pytest.approx(ask("ema", window=12)[0]["value"] - ask("ema", window=26)[0]["value"], abs=1e-7)
    gain = loss = None
    strength = []
    for i in range(1, len(close)):
        up, down = max(0.0, close[i] - close[i - 1]), max(0.0, close[i - 1] - close[i])
        gain, loss = (up, down) if gain is None else (gain + (up - gain) / 14, loss + (down - loss) / 14)
        strength.append(100 - 100 / (1 + gain / loss) if loss else 100.0)
    assert [v["value"] for v in ask("rsi")] == pytest.approx(strength[:-4:-1], rel=1e-6)


@pytest.mark.skipif(not SAMPLES.exists(), reason="the collected vendor bodies are not beside this checkout")
@pytest.mark.parametrize(
    ("path", "sample"),
    [
        (RANGE.format("AAPL", 1, "day", "2025-06-01", DAY), "(mock|openapi)_aggs_(AAPL|stocks).*"),
        (f"/v2/aggs/grouped/locale/us/market/stocks/{DAY}", "(mock|openapi)_grouped_daily"),
        ("/v2/aggs/ticker/AAPL/prev", "(mock|openapi)_prev_.*"),
        (f"/v1/open-close/AAPL/{DAY}", "(mock|openapi)_open_close.*"),
        ("/v3/trades/AAPL", "(mock|openapi)_trades_v3.*"),
        ("/v3/quotes/AAPL", "(mock|openapi)_quotes_v3.*"),
        ("/v2/last/trade/AAPL", "(mock|openapi)_last_trade.*"),
        ("/v2/last/nbbo/AAPL", "(mock|openapi)_last_nbbo.*"),
        ("/v2/snapshot/locale/us/markets/stocks/tickers/AAPL", "(mock|openapi)_snapshot_single.*"),
        ("/v2/snapshot/locale/us/markets/stocks/gainers", "(mock|openapi)_snapshot_(gainers|all|single).*"),
        ("/v3/snapshot/options/AAPL", "(mock|openapi)_option(s_chain|_contract)_snapshot.*"),
        ("/v3/reference/options/contracts?underlying_ticker=AAPL", "(mock|openapi)_options_contract.*"),
        ("/v1/indicators/macd/AAPL", "(mock|openapi)_macd.*"),
        ("/v1/indicators/sma/AAPL?expand_underlying=true", "(mock|openapi)_sma.*"),
        ("/v2/reference/news?ticker=AAPL", "(mock|openapi)_news.*"),
        ("/stocks/v1/splits?ticker=JPM", "openapi_splits_v1"),
        ("/v3/reference/splits?ticker=JPM", "(mock|openapi)_splits(_v3)?"),
        ("/stocks/v1/short-volume?ticker=AAPL", "openapi_short_volume"),
        ("/v3/reference/tickers", "(mock|openapi)_tickers.*"),
        ("/v3/reference/tickers/AAPL", "(mock|openapi)_ticker_details.*"),
        ("/v3/reference/exchanges", "(mock|openapi)_exchanges.*"),
        ("/v3/reference/conditions", "(mock|openapi)_conditions.*"),
        ("/v1/marketstatus/now", "(mock|openapi)_marketstatus_now"),
        ("/v1/marketstatus/upcoming", "(mock|openapi)_marketstatus_upcoming"),
        ("/v3/snapshot?ticker.any_of=AAPL,nope", "(mock|openapi)_(universal_snapshot|summaries.*)"),
    ],
)
def test_no_field_is_our_invention(evening: Running, path: str, sample: str) -> None:
    bodies = [json.loads(file.read_text()) for file in SAMPLES.glob("*.json") if re.fullmatch(sample, file.stem)]
    documented = set().union(*(_fields(body) for body in bodies))
    ours = _fields(evening.get(path).json())
    assert bodies
    assert ours <= documented, ours - documented


def _fields(body: object, where: str = "") -> set[str]:
    if isinstance(body, list):
        return set().union(*(_fields(one, where) for one in body[:50]), set())
    if isinstance(body, dict):
        names = {f"{where}.{name}" for name in body if where or name not in ("count", "next_url", "queryCount", "resultsCount")}
        return names.union(*(_fields(value, f"{where}.{name}") for name, value in body.items()))
    return set()


def test_times_are_whole_numbers_to_the_nanosecond(evening: Running) -> None:
    reply: httpx.Response = evening.get("/v3/trades/KO", limit=50)
    stamps = re.findall(rb'"sip_timestamp":(\d+)[,}]', reply.content)
    assert len(stamps) == 50
    assert any(int(s) % SECOND % 1000 for s in stamps)

"""The socket: acknowledgements first, then only what became known, in forms that our parsers read; and each fault on demand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.servers.unusual_whales.uw_vendor import DAY, MARKET, at, position
from tests.sources.unusual_whales.samples import needed, sample
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import MISSING, Event, FlowAlert, NewsItem, OffExchangePrint, OptionTrade, Trade
from undertow.core.time import MINUTE, SECOND, Instant
from undertow.sandbox.halts import Halt
from undertow.sandbox.market import Market
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.unusual_whales import Plan, routes
from undertow.sandbox.servers.world import World
from undertow.sources.unusual_whales.envelope import frame
from undertow.sources.unusual_whales.parse import READERS

MS = 10**6
UNIVERSE = ("AAPL", "KO")
BEGIN = at(DAY, 10)
WAIT = 20  # seconds at most for a message; for a silence much less
SILENCE = 0.4


class Clock:
    def __init__(self, now: Instant) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now


class Line:
    """A client that keeps what it is told."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def ask(self, channel: str, kind: str = "join") -> Any:
        self.socket.send(json.dumps({"channel": channel, "msg_type": kind}))
        return self.next()

    def next(self, wait: float = WAIT) -> Any:
        return json.loads(self.socket.recv(timeout=wait))

    def take(self, count: int) -> list[Any]:
        return [self.next() for _ in range(count)]

    def is_silent(self) -> bool:
        try:
            self.socket.recv(timeout=SILENCE)
        except TimeoutError:
            return True
        return False


@contextmanager
def vendor(faults: Faults | None = None, key: str = "", market: Market = MARKET) -> Iterator[tuple[str, Clock]]:
    clock = Clock(BEGIN)
    app = FastAPI()
    app.include_router(routes(World(market, clock), faults or Faults(), key, Plan(universe=UNIVERSE)))
    with Serving(app) as base:
        yield base.replace("http://", "ws://") + "/socket", clock


@contextmanager
def line(url: str, token: str = "a-token") -> Iterator[Line]:
    with connect(f"{url}?token={token}", close_timeout=0.2, ping_interval=None) as socket:
        yield Line(socket)


def truth(kind: type[Event], until: Instant, symbols: tuple[str, ...] = UNIVERSE, since: Instant = BEGIN) -> Chunk:
    return MARKET.events(symbols, slice(position(DAY) - 1, position(DAY) + 1), (kind,))[kind].between(since, until)


def test_the_acknowledgement_comes_first_and_then_only_what_is_new() -> None:
    with vendor() as (url, clock), line(url) as client:
        assert client.ask("option_trades:AAPL") == ["option_trades:AAPL", {"response": {}, "status": "ok"}]
        assert client.is_silent()
        clock.now = BEGIN + 3 * MINUTE
        market = truth(OptionTrade, clock.now, ("AAPL",))
        found = client.take(len(market))
        assert len(market) > 10
        assert client.is_silent()
        market.columns["bid"][market.columns["bid"] == 0] = MISSING  # a zero is no quote
        rows = [frame(message).rows[0] for message in found]
        ours = READERS[OptionTrade](rows, ["AAPL"]).chunk
        for name in ("expiry", "strike", "is_put", "price", "size", "bid", "ask", "conditions"):
            assert ours.columns[name].tolist() == market.columns[name].tolist()
        assert (ours.event_at // MS).tolist() == (market.event_at // MS).tolist()
        assert (ours.known_at // MS).tolist() == (market.known_at // MS).tolist()
        assert client.ask("option_trades:AAPL", "leave")[1]["status"] == "ok"
        clock.now += 3 * MINUTE
        assert client.is_silent()


@pytest.mark.parametrize(
    ("channel", "kind", "columns", "minutes"),
    [
        ("option_trades", OptionTrade, ("price", "size"), 20),
        ("flow-alerts", FlowAlert, ("premium", "ask_premium", "bid_premium", "size", "open_interest", "is_sweep", "rule"), 240),
        ("off_lit_trades", OffExchangePrint, ("price", "size"), 20),
    ],
)
def test_a_channel_of_the_universe_tells_every_row_once(channel: str, kind: type[Event], columns: tuple[str, ...], minutes: int) -> None:
    with vendor() as (url, clock), line(url) as client:
        client.ask(channel)
        clock.now = BEGIN + minutes * MINUTE
        market = truth(kind, clock.now)
        found = client.take(len(market))
        assert len(market) > 3
        assert client.is_silent()
        ours = READERS[kind]([frame(message).rows[0] for message in found], UNIVERSE).chunk
        for name in columns:
            assert sorted(ours.columns[name].tolist()) == sorted(market.columns[name].tolist()), name
        assert sorted((ours.event_at // MS).tolist()) == sorted((market.event_at // MS).tolist())
        if kind is OffExchangePrint:
            assert ours.known_at.tolist() == market.known_at.tolist()


def test_lit_prints_prices_and_news() -> None:
    with vendor() as (url, clock), line(url) as client:
        for channel in ("lit_trades", "price:AAPL", "news"):
            client.ask(channel)
        clock.now = BEGIN + MINUTE
        lit = truth(Trade, clock.now)
        found = client.take(len(lit) + 1)
        told = Counter(channel for channel, _ in found)
        assert told == {"lit_trades": len(lit), "price:AAPL": 1}
        of_aapl = truth(Trade, clock.now, ("AAPL",))
        price = next(row for channel, row in found if channel == "price:AAPL")
        assert float(price["close"]) == of_aapl.columns["price"][-1] / 10_000
        assert price["time"] == of_aapl.known_at[-1] // MS
        assert all(row["type"] == "lit" for channel, row in found if channel == "lit_trades")
        for channel in ("lit_trades", "price:AAPL"):
            client.ask(channel, "leave")
        news = MARKET.events(UNIVERSE, slice(position(DAY), position(DAY) + 1), (NewsItem,))[NewsItem]
        clock.now = int(news.known_at[-1])
        rows = [frame(client.next()).rows[0] for _ in range(len(news))]
        ours = READERS[NewsItem](rows, UNIVERSE).chunk
        assert sorted(ours.columns["headline"]) == sorted(news.columns["headline"])
        assert (ours.known_at == news.known_at[-1]).all()


def test_what_is_told_at_steps_of_the_clock() -> None:
    with vendor() as (url, clock), line(url) as client:
        for channel in ("gex:AAPL", "market_tide", "net_flow:AAPL"):
            client.ask(channel)
        clock.now = BEGIN + 2 * MINUTE + SECOND
        found = client.take(12 + 2 + 2)
        assert client.is_silent()
        gex = [row["timestamp"] for channel, row in found if channel == "gex:AAPL"]
        assert gex == [(BEGIN + step * 10 * SECOND) // MS for step in range(1, 13)]
        assert [row["timestamp"] for channel, row in found if channel == "market_tide"] == [f"{DAY}T14:01:00Z", f"{DAY}T14:02:00Z"]
        assert [row["time"] for channel, row in found if channel == "net_flow:AAPL"] == [(BEGIN + m * MINUTE) // MS for m in (1, 2)]


def test_a_halt_is_told_and_its_end() -> None:
    opens = int(nyse().open[position(DAY)])
    market = Market(seed=3, halts=[Halt(symbol="AAPL", begin=opens + 40 * MINUTE, end=opens + 50 * MINUTE)])
    with vendor(market=market) as (url, clock), line(url) as client:
        client.ask("trading_halts")
        clock.now = BEGIN + 30 * MINUTE
        assert [row["state"] for _, row in client.take(2)] == ["halted", "resumed"]


@needed
@pytest.mark.parametrize(
    ("channel", "name"),
    [
        ("option_trades", "ws_option_trades"),
        ("flow-alerts", "ws_flow_alerts"),
        ("off_lit_trades", "ws_off_lit_trades"),
        ("lit_trades", "ws_lit_trades"),
        ("price", "ws_price"),
        ("gex:AAPL", "ws_gex"),
        ("market_tide", "ws_market_tide"),
        ("net_flow:AAPL", "ws_net_flow"),
    ],
)
def test_a_payload_has_the_names_and_types_of_the_sample(channel: str, name: str) -> None:
    theirs = sample(name)
    theirs = theirs[1] if isinstance(theirs, list) else theirs
    with vendor() as (url, clock), line(url) as client:
        client.ask(channel)
        clock.now = BEGIN + (240 if channel == "flow-alerts" else 20) * MINUTE
        ours = client.next()[1]
    assert set(ours) == set(theirs)
    wrong = {n for n, value in ours.items() if value is not None and theirs[n] is not None and type(value) is not type(theirs[n])}
    # the sample's round sums are whole numbers, the captures' are not
    assert wrong <= {"total_premium", "total_ask_side_prem", "total_bid_side_prem", "volume_oi_ratio"}
    assert all(isinstance(ours[n], float) for n in wrong)


def test_an_unknown_channel_is_refused_and_nonsense_is_passed_over() -> None:
    with vendor() as (url, _), line(url) as client:
        for channel in ("nonsense", "net_flow", "flow-alerts:AAPL"):
            assert client.ask(channel)[1]["status"] == "error"
        client.socket.send("{")
        client.socket.send('["a"]')
        assert client.ask("news")[1]["status"] == "ok"


@pytest.mark.parametrize("token", ["", "another"])
def test_another_token_does_not_get_in(token: str) -> None:
    with vendor(key="the-key") as (url, _):
        with pytest.raises(InvalidStatus) as refused, line(url, token):
            pass
        assert refused.value.response.status_code == 403
        with line(url, "the-key") as client:
            assert client.ask("news")[1]["status"] == "ok"


def faulty(name: str, after: int = 3, seconds: float = 0.3) -> Faults:
    return Faults([Fault(name=name, match="/socket", after=after, seconds=seconds)])


def played(url: str, clock: Clock, count: int) -> list[Any]:
    """The first messages of ten minutes of AAPL's option prints."""
    with line(url) as client:
        client.ask("option_trades:AAPL")
        clock.now = BEGIN + 10 * MINUTE
        found = client.take(count)
        assert client.is_silent()
    return [row["id"] for _, row in found]


def test_duplicates_disorder_and_gaps() -> None:
    with vendor() as (url, clock):
        clean = played(url, clock, len(truth(OptionTrade, BEGIN + 10 * MINUTE, ("AAPL",))))
    assert len(clean) == len(set(clean)) > 30
    with vendor(faulty("duplicates")) as (url, clock):
        assert played(url, clock, 2 * len(clean) - 3) == clean[:3] + [each for each in clean[3:] for _ in range(2)]
    with vendor(faulty("out-of-order")) as (url, clock):
        assert played(url, clock, len(clean)) == clean[:3] + clean[3:][::-1]
    known = truth(OptionTrade, BEGIN + 10 * MINUTE, ("AAPL",)).known_at
    lost = int(((known >= known[3]) & (known < known[3] + 60 * SECOND)).sum())
    with vendor(faulty("gap", seconds=60)) as (url, clock):
        assert 0 < lost < len(clean)
        assert played(url, clock, len(clean) - lost) == clean[:3] + clean[3 + lost :]
    with vendor(faulty("slow")) as (url, clock):
        assert played(url, clock, len(clean)) == clean


@pytest.mark.parametrize("code", [1000, 1011])
def test_a_connection_is_closed_after_some_messages_and_the_next_one_lives(code: int) -> None:
    with vendor(faulty(f"close-{code}")) as (url, clock):
        with line(url) as client:
            client.ask("option_trades")
            clock.now = BEGIN + MINUTE
            client.take(3)
            with pytest.raises(ConnectionClosed):
                client.next()
            assert client.socket.close_code == code
        with line(url) as client:
            client.ask("option_trades")
            clock.now += 10 * MINUTE
            client.take(10)


def test_a_mute_connection_still_acknowledges_and_a_half_open_one_does_nothing() -> None:
    with vendor(faulty("mute", after=0)) as (url, clock), line(url) as client:
        client.ask("option_trades")
        clock.now = BEGIN + MINUTE
        assert client.is_silent()
        assert client.ask("news")[1]["status"] == "ok"
        assert client.socket.ping().wait(WAIT)
    with vendor(faulty("half-open", after=2)) as (url, clock), line(url) as client:
        client.ask("option_trades")
        clock.now = BEGIN + MINUTE
        client.take(2)
        assert client.is_silent()
        assert not client.socket.ping().wait(SILENCE)
        client.socket.send(json.dumps({"channel": "news", "msg_type": "join"}))
        assert client.is_silent()


def test_a_second_connection_evicts_the_first_when_that_is_planned() -> None:
    faults = Faults()
    with vendor(faults) as (url, _), line(url) as first:
        first.ask("news")
        with line(url) as second:
            second.ask("news")
            assert first.is_silent()
        faults.plan(Fault(name="evict"))
        with line(url, "another") as stranger, line(url) as second:
            with pytest.raises(ConnectionClosed):
                first.next()
            assert first.socket.close_code == 1008
            assert stranger.ask("price")[1]["status"] == second.ask("price")[1]["status"] == "ok"


def test_a_planned_refusal_at_the_door() -> None:
    with vendor(faulty("auth-failed")) as (url, _):
        with pytest.raises(InvalidStatus), line(url):
            pass
        with line(url) as client:
            client.ask("news")

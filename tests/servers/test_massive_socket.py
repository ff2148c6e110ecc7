"""Massive's socket over the simulated market: its handshake, its topics, events that are the market's, and each way it can go wrong."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.servers.conftest import DAY, at
from tests.servers.running import KEY, Running, running
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.events import Bar, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.halts import Halt
from undertow.sandbox.market import Market
from undertow.sandbox.servers.massive.prints import stock_trades
from undertow.sandbox.servers.massive.topics import Topics
from undertow.sandbox.servers.world import World
from undertow.sources.massive.frames import frame

SESSION = slice(int(nyse().position(at(DAY, 12))), int(nyse().position(at(DAY, 12))) + 1)
WAIT = 30.0


class Client:
    """A connection that is authenticated, and all that it heard."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.heard: list[dict[str, Any]] = []

    async def next(self) -> list[dict[str, Any]]:
        events = json.loads(await asyncio.wait_for(self.socket.recv(), WAIT))
        assert isinstance(events, list)
        self.heard += events
        return events

    async def say(self, action: str, params: str) -> None:
        await self.socket.send(json.dumps({"action": action, "params": params}))

    async def subscribe(self, params: str) -> list[str]:
        await self.say("subscribe", params)
        found: list[str] = []
        while len(found) < len(params.split(",")):
            found += [event["status"] for event in await self.next() if event["ev"] == "status"]
        return found

    async def until(self, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        while not enough(self.data()):
            await self.next()
        return self.data()

    async def to_the_end(self) -> int:
        """Listen until the server closes; the code it gives."""
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.socket.close_code or 0

    def data(self) -> list[dict[str, Any]]:
        return [event for event in self.heard if event["ev"] != "status"]


def talk(server: Running, what: Callable[[Client], Awaitable[Any]], path: str = "/stocks", key: str = KEY) -> Any:
    async def run() -> Any:
        async with entered(server, path, key) as client:
            return await asyncio.wait_for(what(client), 2 * WAIT)

    return asyncio.run(run())


class entered:  # noqa: N801 - reads as a verb
    def __init__(self, server: Running, path: str = "/stocks", key: str = KEY) -> None:
        self.url, self.key = server.socket(path), key

    async def __aenter__(self) -> Client:
        self.client = Client(await connect(self.url, max_size=None, compression=None, close_timeout=1))
        assert [e["status"] for e in await self.client.next()] == ["connected"]
        await self.client.say("auth", self.key)
        await self.client.next()
        return self.client

    async def __aexit__(self, *_: object) -> None:
        await self.client.socket.close()


def jump(server: Running, hours: float) -> None:
    server.clock.at = at(DAY, hours)


def minutes_heard(events: list[dict[str, Any]]) -> list[tuple[int, int, int]]:
    return [(e["e"] * 10**6, round(e["c"] * 10_000), e["v"]) for e in events if e["ev"] == "AM"]


def minutes_true(server: Running, symbol: str, first: float, last: float) -> list[tuple[int, int, int]]:
    chunk = server.world.minutes(symbol, SESSION)
    chunk = chunk.between(at(DAY, first), at(DAY, last))
    return list(zip(chunk.event_at.tolist(), chunk.columns["close"].tolist(), chunk.columns["volume"].tolist(), strict=True))


def test_handshake_and_topics() -> None:
    async def run(client: Client) -> list[str]:
        assert client.heard[-1]["status"] == "auth_success"
        return await client.subscribe("T.AAPL,AM.*,LULD.*,NOI.AAPL,T.nope,A.AAPL")

    with running(at(DAY, 12)) as server:
        assert talk(server, run) == ["success", "success", "success", "error", "error", "success"]
        assert talk(server, lambda c: c.subscribe("Q.*,T.*,Q.O:AAPL250620C00600000,AM.AAPL"), "/options") == [
            "error",
            "success",
            "success",
            "error",
        ]


@pytest.mark.parametrize(("accepted", "given"), [("right", "wrong"), ("", "")])
def test_a_wrong_key_is_told_and_closed(accepted: str, given: str) -> None:
    async def run(client: Client) -> int:
        assert [e["status"] for e in client.heard] == ["connected", "auth_failed"]
        return await client.to_the_end()

    with running(at(DAY, 12), key=accepted) as server:
        assert talk(server, run, key=given) == 1008


def test_what_is_sent_is_what_became_known() -> None:
    """From 10:00 to 10:20 in two leaps, everything once and in order, and through our own parser as it was in the market."""

    async def run(client: Client) -> list[str]:
        frames: list[str] = []
        await client.subscribe("T.KO,Q.KO,AM.KO")
        for hours in (10 + 1 / 7, 10 + 1 / 3):
            jump(server, hours)
            want = at(DAY, hours) // MINUTE * MINUTE // 10**6
            while not any(e["ev"] == "AM" and e["e"] == want for e in client.data()):
                frames.append(text := await asyncio.wait_for(client.socket.recv(), WAIT))
                client.heard += json.loads(text)
        return frames

    with running(at(DAY, 10), listed=("KO",)) as server:
        frames = talk(server, run)
        found: dict[type, list[Chunk]] = {}
        for text in frames:
            for chunk in frame(text, ("KO",), server.world.now()).chunks:
                found.setdefault(chunk.kind, []).append(chunk)
        until = at(DAY, 10) + 20 * MINUTE
        for kind in (Trade, OffExchangePrint, Quote, Bar):
            got = concat(found[kind])
            truth = server.world.minutes("KO", SESSION) if kind is Bar else server.world.rows(kind, "KO", SESSION)
            truth = truth.between(at(DAY, 10), until)
            # the last look may have been cut after the minute that was waited for
            assert len(truth) - len(got) in range(40)
            assert len(got) > 15
            for name in set(truth.columns) - {"trades"}:
                assert got.columns[name].tolist() == truth.columns[name][: len(got)].tolist(), (kind, name)
        numbers = [e["q"] for text in frames for e in json.loads(text) if e["ev"] == "T"]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        ticks = stock_trades(server.world, "KO", SESSION.start)
        assert numbers[0] == ticks.number[np.searchsorted(ticks.sip, at(DAY, 10), side="right")]


def test_seconds_of_a_minute_add_up_to_it() -> None:
    async def run(client: Client) -> list[dict[str, Any]]:
        await client.subscribe("A.KO,AM.KO")
        server.clock.run(150)
        return await client.until(lambda events: len(minutes_heard(events)) >= 3)

    with running(at(DAY, 10), listed=("KO",)) as server:
        events = talk(server, run)
    for bar in [e for e in events if e["ev"] == "AM"]:
        seconds = [e for e in events if e["ev"] == "A" and bar["s"] <= e["s"] < bar["e"]]
        assert len({e["s"] for e in seconds}) == len(seconds) > 5
        assert all(e["e"] - e["s"] == 1000 and e["s"] % 1000 == 0 for e in seconds)
        assert (seconds[0]["o"], seconds[-1]["c"]) == (bar["o"], bar["c"])
        assert (max(e["h"] for e in seconds), min(e["l"] for e in seconds)) == (bar["h"], bar["l"])
        assert sum(e["v"] for e in seconds) <= bar["v"]
        assert {e["op"] for e in seconds} == {bar["op"]}
        assert all(a["av"] + b["v"] <= b["av"] for a, b in itertools.pairwise(seconds))


def test_options_by_contract_and_all_together() -> None:
    async def run(client: Client) -> list[dict[str, Any]]:
        truth = server.world.at(at(DAY, 11)).rows(OptionTrade, "KO", SESSION)
        assert set(await client.subscribe("T.*,AM.*")) == {"success"}
        jump(server, 11)
        last = int(truth.known_at[-1]) // 10**6
        return await client.until(
            lambda events: any(e["ev"] == "T" and e["t"] == last for e in events) and any(e["ev"] == "AM" for e in events)
        )

    with running(at(DAY, 10), listed=("KO",)) as server:
        events = talk(server, run, "/options")
        truth = server.world.rows(OptionTrade, "KO", SESSION).between(at(DAY, 10), at(DAY, 11))
        trades = [e for e in events if e["ev"] == "T"]
        assert [round(e["p"] * 10_000) for e in trades] == truth.columns["price"].tolist()
        assert [e["s"] for e in trades] == truth.columns["size"].tolist()
        assert sum(e["v"] for e in events if e["ev"] == "AM") == int(truth.columns["size"].sum())
        name = trades[0]["sym"]

        async def one(client: Client) -> list[dict[str, Any]]:
            await client.subscribe(f"T.{name},Q.{name}")
            jump(server, 13)
            return await client.until(lambda events: {e["ev"] for e in events} == {"T", "Q"})

        assert {e["sym"] for e in talk(server, one, "/options")} == {name}


def test_bands_round_a_halt() -> None:
    begin = at(DAY, 11)
    halt = Halt(symbol="KO", begin=begin, end=begin + 10 * MINUTE)

    async def run(client: Client) -> list[dict[str, Any]]:
        await client.subscribe("LULD.*,AM.KO")
        jump(server, 11.25)
        return await client.until(lambda events: any(e["ev"] == "AM" and e["e"] * 10**6 == at(DAY, 11.25) for e in events))

    with running(at(DAY, 10.9), market=Market(7, halts=[halt]), listed=("KO", "JPM")) as server:
        events = talk(server, run)
    bands = [e for e in events if e["ev"] == "LULD"]
    assert [e["t"] * 1000 - begin for e in bands] == [-15 * SECOND, 0, 10 * MINUTE]
    assert all(e["T"] == "KO" and e["l"] < e["h"] for e in bands)
    ends = [e["e"] * 10**6 for e in events if e["ev"] == "AM"]
    assert not [end for end in ends if begin < end <= begin + 10 * MINUTE]
    parsed = frame(json.dumps(bands), ("KO",), begin + MINUTE)
    assert [band.at for band in parsed.bands] == [begin - 15 * SECOND, begin, begin + 10 * MINUTE]


def test_a_second_connection_evicts_the_first() -> None:
    async def run() -> None:
        async with (
            entered(server) as first,
            entered(server, "/options") as other,
            entered(server, key="another") as stranger,
            entered(server) as second,
        ):
            assert await first.to_the_end() == 1008
            assert first.heard[-1]["status"] == "max_connections"
            for client in (second, other, stranger):
                assert set(await client.subscribe("T.AAPL" if client is not other else "T.*")) == {"success"}

    with running(at(DAY, 12)) as server:
        asyncio.run(run())
        assert server.get("/sandbox/account").json()["keys"] == 2


@pytest.mark.parametrize(("fault", "code"), [("close-1000", 1000), ("close-1011", 1011), ("evict", 1008)])
def test_a_connection_ends_after_some_messages(fault: str, code: int) -> None:
    async def run(client: Client) -> int:
        await client.subscribe("AM.KO")
        jump(server, 10.5)
        return await client.to_the_end()

    with running(at(DAY, 10), listed=("KO",)) as server:
        server.plan(fault, match="/stocks", after=7)
        clients: list[Client] = []

        async def keep(client: Client) -> int:
            clients.append(client)
            return await run(client)

        assert talk(server, keep) == code
        assert minutes_heard(clients[0].data()) == minutes_true(server, "KO", 10, 10.5)[:7]
        assert (clients[0].heard[-1].get("status") == "max_connections") == (fault == "evict")
        assert talk(server, lambda c: c.subscribe("AM.KO")) == ["success"]  # it happens once


@pytest.mark.parametrize("fault", ["mute", "half-open"])
def test_a_silent_connection_stays_open(fault: str) -> None:
    async def run(client: Client) -> bool:
        await client.subscribe("AM.KO")
        jump(server, 10.2)
        await client.until(lambda events: len(events) == 3)
        jump(server, 10.9)
        pong = await client.socket.ping()
        answered = True
        try:
            await asyncio.wait_for(pong, 1.0)
        except TimeoutError:
            answered = False
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.socket.recv(), 0.5)
        assert client.socket.close_code is None
        return answered

    with running(at(DAY, 10), listed=("KO",)) as server:
        server.plan(fault, after=3)
        assert talk(server, run) == (fault == "mute")


@pytest.mark.parametrize("fault", ["duplicates", "out-of-order", "gap", "slow"])
def test_messages_are_spoiled_as_said(fault: str) -> None:
    async def run(client: Client) -> list[tuple[int, int, int]]:
        await client.subscribe("AM.KO")
        jump(server, 10.5)
        count = {"duplicates": 57, "gap": 25}.get(fault, 30)
        return minutes_heard(await client.until(lambda events: len(events) == count))

    with running(at(DAY, 10), listed=("KO",)) as server:
        server.plan(fault, after=3, seconds=0.3)
        heard = talk(server, run)
        truth = minutes_true(server, "KO", 10, 10.5)
    assert len(truth) == 30
    want = {
        "duplicates": truth[:3] + [row for row in truth[3:] for _ in range(2)],
        "out-of-order": truth[:3] + truth[:2:-1],
        "gap": truth[:3] + truth[8:],
        "slow": truth,
    }
    assert heard == want[fault]


def test_authentication_fails_on_demand() -> None:
    with running(at(DAY, 12)) as server:
        server.plan("auth-failed", match="/stocks")

        async def heard(client: Client) -> str:
            return str(client.heard[-1]["status"])

        assert talk(server, heard) == "auth_failed"
        assert talk(server, heard) == "auth_success"


def test_accelerated_time_gives_every_minute_once() -> None:
    async def run(client: Client) -> list[dict[str, Any]]:
        await client.subscribe("AM.*")
        server.clock.run(1200)
        return await client.until(lambda events: len({e["e"] for e in events}) >= 20)

    with running(at(DAY, 15.8), listed=("KO", "JPM", "SPY")) as server:
        events = talk(server, run)
        for symbol in ("KO", "JPM", "SPY"):
            mine = [(e["e"] * 10**6, round(e["c"] * 10_000), e["v"]) for e in events if e["sym"] == symbol]
            truth = minutes_true(server, symbol, 15.8, 17)
            assert mine == truth[: len(mine)]
            assert len(mine) > 10


@pytest.mark.parametrize("path", ["/stocks", "/options"])
def test_how_often_the_clock_is_looked_at_changes_nothing(path: str) -> None:
    first, step, looks = at(DAY, 10) + 123_456_789, 370_000_001, 400
    world = World(Market(7), lambda: first + looks * step, ("NVDA",))
    topics = Topics(path)
    topics.subscribe("T.*,A.*,AM.*" + (",Q.*,LULD.*" if path == "/stocks" else ""))
    often = [event for k in range(looks) for event in topics.events(world, first + k * step, first + (k + 1) * step)]
    once = topics.events(world, first, first + looks * step)
    assert sorted(often, key=str) == sorted(once, key=str)
    assert {event["ev"] for _, event in once} >= {"T", "A", "AM"}
    assert len(once) > 100

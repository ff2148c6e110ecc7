"""Massive's stream under every fault: the minute bars that came out equal the truth, or the state says plainly why not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection

from tests.sources.wire.socket_server import FILLING, POLICY, START, FastClock, Script, Truth, Vendor, gathered, serving
from tests.sources.wire.vendor import CANARY
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, Event, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sources.massive.frames import Band, Reader
from undertow.sources.massive.live import LiveSettings, MassiveLive
from undertow.sources.wire.errors import NotEntitled, Unauthorised, VendorDown
from undertow.sources.wire.key import Key
from undertow.sources.wire.socket_state import State

SYMBOLS = ("AAPL", "MSFT")
MINUTES = 5
MS = 10**6
REPAIRED = ("mute", "half-open", "close-1000", "close-1011", "duplicates", "out-of-order", "gap", "slow")


def market() -> tuple[list[tuple[int, str]], list[Chunk]]:
    """Five minutes of two symbols: a trade every six seconds, a bar a minute told a second after its end; and the same as chunks."""
    rng, events = np.random.default_rng(3), []
    for key, symbol in enumerate(SYMBOLS):
        for minute in range(MINUTES):
            begin, prices = START // MS + minute * 60_000, []
            for i in range(10):
                price, number = float(rng.integers(10_000, 20_000)) / 100, minute * 10 + i + 1
                prices.append(price)
                trade = {"ev": "T", "sym": symbol, "x": 4 if i % 3 == 0 else 12, "p": price, "s": 100 + i, "c": [37], "q": number}
                venue = {"trfi": 202} if i % 3 == 0 else {}
                events.append((begin + i * 6000 + 500 + key, trade | venue | {"t": begin + i * 6000 + 499}))
            bar = {"ev": "AM", "sym": symbol, "v": 1045, "vw": 1.5, "o": prices[0], "c": prices[-1], "h": max(prices), "l": min(prices)}
            events.append((begin + 61_000 + key, bar | {"s": begin, "e": begin + 60_000}))
    events.sort(key=lambda event: event[0])
    messages = [(at * MS, json.dumps([event])) for at, event in events]
    told = Reader(SYMBOLS).read([(at, text.encode()) for at, text in messages])
    return messages, list(told.chunks)


def rows(chunk: Chunk) -> list[tuple[Any, ...]]:
    """What matters of each row, in an order of its own."""
    names = [
        name for name in ("price", "size", "open", "high", "low", "close", "volume", "exchange", "venue", "span") if name in chunk.columns
    ]
    seq = np.zeros(len(chunk), np.int64) if chunk.kind is Bar else chunk.seq
    columns = [chunk.key, chunk.event_at, seq, *(chunk.columns[name] for name in names)]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


async def welcome(vendor: Vendor, socket: ServerConnection) -> list[str] | None:
    await socket.send(json.dumps([{"ev": "status", "status": "connected", "message": "Connected Successfully"}]))
    login = json.loads(await socket.recv())
    if login != {"action": "auth", "params": CANARY}:
        words = {"ev": "status", "status": "auth_failed", "message": f"authentication failed for {login['params']}"}
        await socket.send(json.dumps([words]))
        return None
    await socket.send(json.dumps([{"ev": "status", "status": "auth_success", "message": "authenticated"}]))
    wanted = json.loads(await socket.recv())
    vendor.script.received.append(wanted)
    words = {"ev": "status", "status": "success"}
    return [json.dumps([words | {"message": f"subscribed to: {topic}"}]) for topic in wanted["params"].split(",")]


def stream(url: str, clock: FastClock, *backfill: Truth, key: str = CANARY, **settings: Any) -> MassiveLive:
    given = LiveSettings(**{"topics": ("T", "AM"), "url": url, "policy": POLICY, "filling": FILLING, "since": START} | settings)
    return MassiveLive(Key(key), given, clock=clock, chance=np.random.default_rng(1), backfill=backfill)


def whole(truth: dict[type[Event], Chunk], kinds: tuple[type[Event], ...]) -> Callable[[list[Chunk]], bool]:
    """Enough: as many rows of these kinds as there are in truth."""

    def enough(got: list[Chunk]) -> bool:
        counts = {kind: sum(len(chunk) for chunk in got if chunk.kind is kind) for kind in kinds}
        return all(counts[kind] >= len(truth[kind]) for kind in kinds)

    return enough


@pytest.mark.parametrize("fault", ["", *REPAIRED])
def test_after_a_fault_the_bars_equal_the_truth(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    messages, chunks = market()
    truth = {chunk.kind: chunk for chunk in chunks}
    ticks = () if fault == "gap" else (Trade, OffExchangePrint)  # what the server silently drops, only bars bring back

    async def main() -> None:
        clock = FastClock()
        script = Script(messages, fault, after=60, missing=(40, 90))
        source = Truth(chunks, clock.now)
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock, source)
            got = await gathered(live.live(SYMBOLS), whole(truth, (Bar, *ticks)))
            report = live.report()
        assert report is not None
        for kind in (Bar, *ticks):
            assert rows(got[kind]) == rows(truth[kind])
            assert set(got[kind].grade.tolist()) == {Grade.RECORDED}
            assert bool((got[kind].known_at >= got[kind].event_at).all())
        ends = {"mute": "mute", "half-open": "mute", "close-1000": "closed 1000", "close-1011": "closed 1011"}
        if fault in ends:
            assert report.socket.ends.get(ends[fault], 0) >= 1
            assert script.connections >= 2
        if fault in ("mute", "half-open"):
            assert report.filled["trade"] > 0
        if fault == "gap":
            assert report.filled["bar"] > 0
        if fault == "duplicates":
            assert report.duplicates["trade"] >= len(truth[Trade])
        assert not report.conflicts
        assert not report.unfilled
        assert report.latencies["trade"].rows > 0
        assert CANARY not in repr(report) + repr(live.stream.supervisor.history)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text


def test_the_key_is_refused_for_good_and_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock, wrong = FastClock(), "wrong-" + CANARY
        async with serving(Vendor(Script([]), clock, welcome)) as url:
            live = stream(url, clock, key=wrong)
            with pytest.raises(Unauthorised, match="does not accept the key") as caught:
                await gathered(live.live(SYMBOLS), lambda got: False)
            report = live.report()
        assert report is not None
        assert report.socket.state is State.REFUSED
        assert report.socket.connections == 1
        assert wrong not in repr(report) + str(caught.value)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text


def test_a_second_connection_evicts_us_and_we_wait_before_we_come_back() -> None:
    messages, chunks = market()
    truth = {chunk.kind: chunk for chunk in chunks}

    async def main() -> None:
        clock, script = FastClock(), Script(messages)
        vendor = Vendor(script, clock, welcome)
        async with serving(vendor) as url:
            live = stream(url, clock, Truth(chunks, clock.now))

            async def intrude() -> None:
                await clock.sleep(100 * SECOND)
                async with connect(f"{url}/stocks", ping_interval=None, close_timeout=0.2) as other:
                    await other.recv()
                    await other.send(json.dumps({"action": "auth", "params": CANARY}))
                    await other.send(json.dumps({"action": "subscribe", "params": "T.AAPL"}))
                    with contextlib.suppress(Exception):
                        await clock.sleep(20 * SECOND)

            intruder = asyncio.ensure_future(intrude())
            got = await gathered(live.live(SYMBOLS), whole(truth, (Bar, Trade)))
            await intruder
            report, states = live.report(), list(live.stream.supervisor.history)
        assert report is not None
        assert report.socket.ends == {"evicted": 1}
        assert report.socket.connections == 2
        evicted = next(change for change in states if change.state is State.EVICTED)
        back = next(change for change in states if change.at > evicted.at and change.state is State.CONNECTING)
        assert back.at - evicted.at >= POLICY.evicted // 2
        assert "Another connection" in evicted.reason
        assert rows(got[Bar]) == rows(truth[Bar])
        assert rows(got[Trade]) == rows(truth[Trade])

    asyncio.run(main())


def test_what_a_late_vendor_had_not_sent_when_it_closed_is_filled_in() -> None:
    messages, chunks = market()
    truth = {chunk.kind: chunk for chunk in chunks}

    async def main() -> None:
        clock, script = FastClock(), Script(messages, "slow-1011", after=40)
        async with serving(Vendor(script, clock, welcome)) as url:
            filling = replace(FILLING, overlap=2 * SECOND, reconcile=None)
            live = stream(url, clock, Truth(chunks, clock.now), filling=filling)
            got = await gathered(live.live(SYMBOLS), whole(truth, (Bar, Trade, OffExchangePrint)))
        for kind in (Bar, Trade, OffExchangePrint):
            assert rows(got[kind]) == rows(truth[kind])

    asyncio.run(main())


def test_a_failing_rest_is_asked_again_and_a_refusal_is_reported() -> None:
    messages, chunks = market()
    truth = {chunk.kind: chunk for chunk in chunks}

    async def main() -> None:
        clock, script = FastClock(), Script(messages, "close-1000", after=40)
        source = Truth(chunks, clock.now)
        source.failures = [VendorDown("down"), VendorDown("down")]
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock, source)
            got = await gathered(live.live(SYMBOLS), whole(truth, (Bar, Trade)))
            assert rows(got[Trade]) == rows(truth[Trade])
        clock, script = FastClock(), Script(messages, "close-1000", after=40)
        source = Truth(chunks, clock.now)
        source.failures = [NotEntitled("Your plan does not include trades.")] * 100
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock, source)
            await gathered(live.live(SYMBOLS), lambda got: bool(live.report().unfilled))
            report = live.report()
        assert report is not None
        assert "does not include trades" in report.unfilled[0][1]

    asyncio.run(main())


def test_a_bar_that_rest_contradicts_stays_and_is_a_conflict() -> None:
    messages, chunks = market()
    bars = next(chunk for chunk in chunks if chunk.kind is Bar)
    close = bars.columns["close"].copy()
    close[0] += 100
    other = replace(bars, columns={**bars.columns, "close": close})

    async def main() -> None:
        clock = FastClock()
        source = Truth([other], clock.now)
        async with serving(Vendor(Script(messages), clock, welcome)) as url:
            live = stream(url, clock, source)
            got = await gathered(live.live(SYMBOLS), lambda got: bool(live.report().conflicts))
            (conflict,) = set(live.stream.merge.contradicted)
        assert conflict.symbol == SYMBOLS[int(bars.key[0])]
        assert conflict.second[3] == conflict.first[3] + 100
        assert rows(got[Bar])[0] == rows(bars)[0]

    asyncio.run(main())


def test_options_bands_and_broken_frames() -> None:
    at = START + 5 * SECOND
    option = {"ev": "T", "sym": "O:AAPL260619C00200000", "x": 65, "p": 1.54, "s": 1, "c": [233], "t": at // MS, "q": 4}
    band = {"ev": "LULD", "T": "AAPL", "h": 218.96, "l": 198.11, "i": [21], "z": 3, "t": at // MS, "q": 1}
    quote = {"ev": "Q", "sym": "AAPL", "bp": 1, "bs": 1, "ap": 2, "as": 1, "t": at // MS, "q": 1}

    async def main() -> None:
        bands: list[Band] = []
        clock = FastClock(rate=20)
        script = Script([(at, json.dumps([band])), (at, "[{"), (at, json.dumps([quote]))])
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock, topics=("Q", "LULD"), on_band=bands.append)
            got = await gathered(live.live(SYMBOLS), lambda got: True)
            report = live.report()
        assert report is not None
        assert got[Quote].columns["ask"].tolist() == [20000]
        assert [one.symbol for one in bands] == ["AAPL"]
        assert report.broken == 1
        assert "no list of events" in " ".join(gap.why for gap in report.waiting)
        clock = FastClock(rate=20)
        script = Script([(at, json.dumps([option]))])
        async with serving(Vendor(script, clock, welcome)) as url:
            got = await gathered(stream(url, clock, asset="options", topics=("T",)).live(SYMBOLS), lambda got: True)
        assert got[OptionTrade].columns["strike"].tolist() == [2_000_000]
        assert script.received == [{"action": "subscribe", "params": "T.*"}]

    asyncio.run(main())


def test_what_there_is_no_stream_of() -> None:
    for wrong in ({"asset": "crypto"}, {"topics": ("T", "X")}):
        with pytest.raises(BadInput, match="valid are"):
            MassiveLive(Key(CANARY), LiveSettings(**wrong), clock=None, chance=None)  # type: ignore[arg-type]


def test_a_day_later_the_market_is_closed_and_silence_is_nothing() -> None:
    async def main() -> None:
        clock = FastClock(start=START + 12 * 60 * MINUTE)
        script = Script([])
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock)
            await gathered(live.live(SYMBOLS), lambda got: False, seconds=1.0)
            report = live.report()
        assert report is not None
        assert report.socket.connections == 1
        assert State.LIVE in [change.state for change in live.stream.supervisor.history]
        assert report.socket.topics == dict.fromkeys(["T.AAPL", "T.MSFT", "AM.AAPL", "AM.MSFT"], "joined")

    asyncio.run(main())

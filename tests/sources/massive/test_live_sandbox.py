"""The whole road: the simulated vendor's socket and REST, a fault on the way, and the session's rows as the market made them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from tests.sources.wire.socket_server import FastClock, gathered
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import Bar, OffExchangePrint, Trade
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.sources.massive.live import LiveSettings, MassiveLive
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Wire
from undertow.sources.wire.key import Key
from undertow.sources.wire.socket_state import Policy
from undertow.sources.wire.socket_stream import Filling

SYMBOLS = ("AAPL", "MSFT")
KEY = Key("sandbox-canary-0123456789")
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
BEGIN = int(nyse().open[AT]) + HOUR
LASTS = 3 * MINUTE
POLICY = Policy(mute=25 * SECOND, ping=None, closing=0.2)
FILLING = Filling(settle=5 * SECOND, reconcile=2 * MINUTE)


def source(base: str, clock: FastClock, *kinds: Any) -> MassiveSource:
    wire = Wire(base, KEY, limiter=Bucket(1000, SECOND), clock=clock, chance=np.random.default_rng(0))
    return MassiveSource(wire, Settings(kinds=kinds, span=MINUTE))


def told(chunk: Chunk, names: tuple[str, ...]) -> list[tuple[Any, ...]]:
    """Rows known to the market in the span: bars by their end, prints by the millisecond, for the socket tells no more."""
    chunk = chunk[(chunk.event_at > BEGIN + SECOND) & (chunk.event_at <= BEGIN + LASTS - 10 * SECOND)]
    at = chunk.event_at // 10**6
    return sorted(zip(at.tolist(), *(chunk.columns[name].tolist() for name in names), strict=True))


def test_a_session_of_the_simulated_market_comes_whole_through_a_fault() -> None:
    clock: list[FastClock] = []
    now: Callable[[], int] = lambda: clock[0].now() if clock else BEGIN  # noqa: E731 - made ready before the clock runs
    world, faults = World(Market(3, 0.05), now), Faults()
    session = slice(AT, AT + 1)
    for symbol in SYMBOLS:
        world.minutes(symbol, session)
        for kind in (Trade, OffExchangePrint):
            world.rows(kind, symbol, session)
    faults.plan(Fault(name="half-open", match="/stocks", after=20))

    async def main(live: MassiveLive) -> None:
        got = await gathered(live.live(SYMBOLS), lambda got: clock[0].now() > BEGIN + LASTS + 30 * SECOND, seconds=20)
        report = live.report()
        assert report is not None
        assert sum(report.socket.ends.values()) >= 1
        assert not report.conflicts
        assert not report.unfilled
        for key, symbol in enumerate(SYMBOLS):
            mine = {kind: chunk[chunk.key == key] for kind, chunk in got.items()}
            names = ("open", "high", "low", "close", "volume")
            truth = told(world.minutes(symbol, session), names)
            assert len(truth) == 2
            assert told(mine[Bar], names) == truth
            for kind in (Trade, OffExchangePrint):
                assert told(mine[kind], ("price", "size")) == told(world.rows(kind, symbol, session), ("price", "size"))

    given = LiveSettings(topics=("T", "AM"), policy=POLICY, filling=FILLING, since=BEGIN)
    with Serving(build(world, faults, key="sandbox-canary-0123456789")) as base:
        clock.append(FastClock(rate=60, start=BEGIN))
        with source(base, clock[0], Bar) as bars, source(base, clock[0], Trade, OffExchangePrint) as ticks:
            settings = replace(given, url=base.replace("http", "ws"))
            asyncio.run(main(MassiveLive(KEY, settings, clock=clock[0], chance=np.random.default_rng(1), backfill=(bars, ticks))))

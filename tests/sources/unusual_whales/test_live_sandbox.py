"""The whole road: the simulated vendor's socket and REST, a fault on the way, and the session's rows as the market made them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.sources.wire.socket_server import FastClock, gathered
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import FlowAlert, OffExchangePrint
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.sources.unusual_whales.connect import connect
from undertow.sources.unusual_whales.live import LiveSettings, UnusualWhalesLive
from undertow.sources.unusual_whales.source import Settings, UnusualWhalesSource
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.key import Key
from undertow.sources.wire.socket_state import Policy
from undertow.sources.wire.socket_stream import Filling

SYMBOLS = ("AAPL", "MSFT")
SECRET = "sandbox-canary-0123456789"
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
BEGIN = int(nyse().open[AT]) + HOUR
LASTS = 3 * MINUTE
POLICY = Policy(mute=25 * SECOND, ping=None, closing=0.2)


def told(chunk: Chunk) -> list[tuple[Any, ...]]:
    """Prints of the span by the millisecond."""
    chunk = chunk[(chunk.known_at > BEGIN) & (chunk.event_at > BEGIN + SECOND) & (chunk.event_at <= BEGIN + LASTS - 10 * SECOND)]
    columns = (chunk.event_at // 10**6, chunk.columns["price"], chunk.columns["size"])
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


def test_a_session_of_the_simulated_market_comes_whole_through_a_fault() -> None:
    clock: list[FastClock] = []
    now: Callable[[], int] = lambda: clock[0].now() if clock else BEGIN  # noqa: E731 - made ready before the clock runs
    world, faults = World(Market(3, 0.05), now), Faults()
    session = slice(AT, AT + 1)
    for symbol in world.listed:
        for kind in (OffExchangePrint, FlowAlert):
            world.rows(kind, symbol, session)
    faults.plan(Fault(name="half-open", match="/socket", after=20))

    async def main(live: UnusualWhalesLive) -> None:
        got = await gathered(live.live(SYMBOLS), lambda got: clock[0].now() > BEGIN + LASTS + 30 * SECOND, seconds=20)
        report = live.report()
        assert report is not None
        assert sum(report.socket.ends.values()) >= 1
        assert not report.unfilled
        assert report.broken == 0
        for key, symbol in enumerate(SYMBOLS):
            mine = got[OffExchangePrint][got[OffExchangePrint].key == key]
            truth = told(world.rows(OffExchangePrint, symbol, session))
            assert len(truth) > 3
            assert told(mine) == truth

    with Serving(build(world, faults, key=SECRET)) as base:
        clock.append(FastClock(rate=60, start=BEGIN))
        wire = connect(Key(SECRET), clock=clock[0], chance=np.random.default_rng(0), limiter=Bucket(1000, SECOND), base_url=base)
        with UnusualWhalesSource(wire, Settings(kinds=(OffExchangePrint, FlowAlert))) as source:
            settings = LiveSettings(
                url=base.replace("http", "ws") + "/socket",
                channels=("off_lit_trades", "flow-alerts"),
                policy=POLICY,
                filling=Filling(settle=5 * SECOND, reconcile=None),
                since=BEGIN,
            )
            asyncio.run(main(UnusualWhalesLive(Key(SECRET), settings, clock=clock[0], chance=np.random.default_rng(1), backfill=(source,))))

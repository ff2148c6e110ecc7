"""The recorder itself: what it notes as fetched and what a download then still asks for are together the whole, each row once."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.sources.wire.socket_server import FastClock
from undertow.app.vendors.handshake import Handshake, same_market
from undertow.app.vendors.keeper import Keeper, Whole
from undertow.app.vendors.recorder import Recording, Teller, record
from undertow.app.vendors.tellers import STREAMED
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.errors import BadData, StoreError
from undertow.core.events import Bar, Event, OffExchangePrint, Trade
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
from undertow.sources.wire.errors import VendorDown
from undertow.sources.wire.key import Key
from undertow.sources.wire.socket_state import Gap, Policy, Report, State
from undertow.sources.wire.socket_stream import Filling, StreamReport
from undertow.tape.fetched import Fetched, missing
from undertow.tape.store import Tape, frame_of

SYMBOLS = ("AAPL", "MSFT")
KEY = Key("sandbox-canary-0123456789")
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
BEGIN = int(nyse().open[AT]) + HOUR
KINDS: tuple[type[Event], ...] = (Trade, OffExchangePrint, Bar)


def topic(kind: type[Event], symbol: str) -> str:
    return f"{STREAMED['massive'][kind]}.{symbol}"


def source(base: str, clock: FastClock, *kinds: type[Event]) -> MassiveSource:
    wire = Wire(base, KEY, limiter=Bucket(1000, SECOND), clock=clock, chance=np.random.default_rng(0))
    return MassiveSource(wire, Settings(kinds=kinds, span=MINUTE))


@pytest.mark.parametrize("fault", ["", "half-open", "close-1011"])
def test_recorded_and_downloaded_are_the_whole_and_nothing_twice(fault: str, tmp_path: Path) -> None:
    clock: list[FastClock] = []
    world, faults = World(Market(3, 0.05), lambda: clock[0].now() if clock else BEGIN), Faults()
    session = slice(AT, AT + 1)
    for symbol in SYMBOLS:
        world.minutes(symbol, session)
        for kind in (Trade, OffExchangePrint):
            world.rows(kind, symbol, session)
    if fault:
        faults.plan(Fault(name=fault, match="/stocks", after=20))
    tape = Tape(tmp_path)
    seen: list[Chunk] = []
    with Serving(build(world, faults, key="sandbox-canary-0123456789")) as base:
        clock.append(FastClock(rate=40, start=BEGIN))
        keeper = Keeper(tape, SYMBOLS, "simulated", clock[0].now)
        given = LiveSettings(
            topics=("T", "AM"),
            policy=Policy(mute=25 * SECOND, ping=None, closing=0.2),
            filling=Filling(settle=5 * SECOND, reconcile=2 * MINUTE),
            since=keeper.begun,
            url=base.replace("http", "ws"),
        )
        with source(base, clock[0], Bar) as bars, source(base, clock[0], Trade, OffExchangePrint) as ticks:
            live = MassiveLive(KEY, given, clock=clock[0], chance=np.random.default_rng(1), backfill=(bars, ticks))
            teller = Teller(live=live, kinds=KINDS, whole=keeper.whole("massive", KINDS, topic))
            ends = clock[0].now() + 4 * MINUTE
            asyncio.run(record(Recording(symbols=SYMBOLS, tellers=(teller,), keeper=keeper, clock=clock[0], until=ends, also=seen.append)))
        report = live.report()
        assert report is not None
        assert bool(fault) == bool(sum(report.socket.ends.values()))
        until = ends + 20 * SECOND
        while clock[0].now() < ends + 40 * SECOND:
            time.sleep(0.05)
        spans = [span for span in Fetched(tape).spans() if span.kind == "trade" and span.symbol == "AAPL"]
        assert sum(span.until - span.after for span in spans) > 2 * MINUTE
        assert "bar" not in {span.kind for span in Fetched(tape).spans()}
        with source(base, clock[0], Trade, OffExchangePrint) as ticks:
            for a, b in missing([(span.after, span.until) for span in spans], BEGIN, until):
                for chunk in ticks.history(SYMBOLS, a, b):
                    tape.append(chunk.kind, frame_of(chunk, "download"))
    # a stream's row carries one of the vendor's two clocks: one reported late, as its border passed, may come by either road, or both
    edges = [edge for span in spans for edge in (span.after, span.until)]
    for kind in (Trade, OffExchangePrint):
        for symbol in SYMBOLS:
            truth = world.rows(kind, symbol, session)
            truth = truth[(truth.known_at > BEGIN) & (truth.known_at <= until)]
            late = set(times(truth[truth.known_at - truth.event_at > SECOND], edges, until))
            told, had = times(truth, edges, until), times(tape.read(kind, [symbol], -(2**63), 2**63 - 1), edges, until)
            assert len(told) > 5
            assert {row: n for row, n in had.items() if row not in late} == {row: n for row, n in told.items() if row not in late}
            assert late <= set(had)
    assert sum(len(chunk) for chunk in seen) >= len(tape.frame(Bar).collect())


def times(chunk: Chunk, edges: list[int], until: int) -> Counter[tuple[int, int, int]]:
    """Prints by the millisecond, those within a second of a border left out."""
    far = np.all([np.abs(chunk.event_at - edge) > SECOND for edge in edges], axis=0)
    rows = chunk[far & (chunk.event_at > BEGIN + SECOND) & (chunk.event_at < until - SECOND)]
    columns = (rows.event_at // 10**6, rows.columns["price"], rows.columns["size"])
    return Counter(zip(*(column.tolist() for column in columns), strict=True))


def report_of(data_at: int, waiting: tuple[Gap, ...] = (), **topics: str) -> StreamReport:
    socket = Report(state=State.LIVE, reason="", since=0, last_data_at=data_at, topics={"T.AAPL": "joined", **topics})
    empty: dict[str, int] = {}
    return StreamReport(
        socket=socket, rows=empty, filled=empty, duplicates=empty, conflicts=empty, ignored=empty, broken=0,
        longest_lag=0, latencies={}, waiting=waiting, unfilled=(),
    )  # fmt: skip


def test_a_gap_is_noted_only_once_it_is_filled_and_silence_never() -> None:
    whole = Whole(vendor="massive", kinds=(Trade,), topics=topic, upto=100)
    gap = Gap(after=200, until=300, why="not connected")
    whole.look(report_of(400, (gap,)), 400)
    assert whole.told(report_of(400, (gap,))) == [(100, 200), (300, 400)]
    whole.look(report_of(500), 500)
    assert whole.told(report_of(500)) == [(200, 300), (400, 500)]
    whole.look(report_of(700, (replace(gap, after=550, until=600),)), 700)
    whole.cut(report_of(700, (replace(gap, after=550, until=600),)))
    assert whole.told(report_of(700)) == [(500, 550), (600, 700)]  # filled after the end: too late
    assert whole.brings(Trade, "AAPL")
    assert not whole.brings(Trade, "MSFT")
    whole.look(report_of(700, (), **{"T.AAPL": "refused: not in your plan"}), 700)
    assert not whole.brings(Trade, "AAPL")


def test_after_a_batch_that_the_disk_refused_nothing_is_noted(tmp_path: Path) -> None:
    (tmp_path / "tape").write_text("in the way")
    now = [BEGIN]
    keeper = Keeper(Tape(tmp_path), ("AAPL",), "", lambda: now[0])
    whole = keeper.whole("massive", (Trade,), topic)
    market = Market(3, 0.05).events(["AAPL"], slice(AT, AT + 1), (Trade,))[Trade]
    rows = market[market.event_at > BEGIN][:50]
    keeper.take(whole, rows)
    now[0] = int(rows.event_at.max()) + 10 * SECOND
    with pytest.raises(StoreError):
        keeper.write(keeper.last([(whole, report_of(now[0]))]))
    (tmp_path / "tape").unlink()
    whole.look(report_of(now[0]), now[0])
    batch = keeper.last([(whole, report_of(now[0]))])
    assert batch.spans
    keeper.write(batch)
    assert Fetched(Tape(tmp_path)).spans() == []


def test_a_stream_of_another_market_is_refused() -> None:
    same_market(Handshake(shown="wss://x", market="simulated"), "simulated")
    same_market(Handshake(shown="wss://x", error=VendorDown("no")), "simulated")
    with pytest.raises(BadData, match="two markets"):
        same_market(Handshake(shown="wss://x", market=""), "simulated")

"""The sandbox's own sockets at many times the pace of the market, what goes wrong at them, and how each fault must end."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tests.sources.wire.socket_server import FastClock, gathered
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.events import Event, FlowAlert
from undertow.core.time import HOUR, MINUTE, SECOND, Instant
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.sources.wire.client import Wire
from undertow.sources.wire.errors import NotEntitled, RateLimited, Unauthorised, VendorDown, WireError
from undertow.sources.wire.key import Key
from undertow.sources.wire.live import SocketSource
from undertow.sources.wire.socket_state import Change, Policy, State
from undertow.sources.wire.socket_stream import StreamReport

SYMBOLS = ("AAPL", "MSFT")
SECRET = "sandbox-canary-0123456789"
KEY = Key(SECRET)
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
SESSION = slice(AT, AT + 1)
BEGIN = int(nyse().open[AT]) + HOUR
END = BEGIN + 2 * MINUTE  #: rows that happened until then are compared
KNOWN = END + 10 * SECOND  #: and are looked at once that is known
RATE = 200  #: seconds of the market in one of the machine
SLOW = 0.1  #: seconds of the machine
EVICTED = 20 * SECOND
POLICY = Policy(mute=20 * MINUTE, evicted=EVICTED, handshake=5.0, closing=0.2, ping=None)
AGAIN = "looked through again"  #: why a stream asks for what it does not miss
WATCHFUL = replace(POLICY, mute=2 * MINUTE)  #: where silence is the fault; elsewhere a busy machine's must not be taken for one
Told = Counter[tuple[Any, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A fault that is overcome."""

    fault: Fault | None
    ends: str = ""  #: how a connection ends by it, as the report counts it
    policy: Policy = POLICY


def _after(name: str, **more: Any) -> Fault:
    return Fault(name=name, after=15, **more)


#: every fault of a socket after which the data are whole
REPAIRED = {
    "none": Case(fault=None),
    "slow": Case(fault=_after("slow", seconds=SLOW)),
    "half-open": Case(fault=_after("half-open"), ends="mute", policy=WATCHFUL),
    "mute": Case(fault=_after("mute"), ends="mute", policy=WATCHFUL),
    "duplicates": Case(fault=_after("duplicates")),
    "out-of-order": Case(fault=_after("out-of-order")),
    "gap": Case(fault=_after("gap", lost=25, seconds=40.0)),
    "close-1000": Case(fault=_after("close-1000"), ends="closed 1000"),
    "close-1011": Case(fault=_after("close-1011"), ends="closed 1011"),
    "truncated": Case(fault=_after("truncated"), ends="closed 1006"),
    "half-json": Case(fault=_after("half-json")),
    "429": Case(fault=Fault(name="429", times=2), ends="not connected"),
    "429-retry-after": Case(fault=Fault(name="429-retry-after", times=2, seconds=3.0), ends="not connected"),
    "500-html": Case(fault=Fault(name="500-html", times=2), ends="not connected"),
    "504": Case(fault=Fault(name="504", times=2), ends="not connected"),
}
#: and those after which there are none, and why
REFUSED: dict[str, type[WireError]] = {
    "auth-failed": Unauthorised,
    "401": Unauthorised,
    "403": NotEntitled,
    "not-entitled": NotEntitled,
}
#: and those that are waited out for as long as they last
SHUT: dict[str, type[WireError]] = {"429": RateLimited, "429-retry-after": RateLimited, "500-html": VendorDown, "504": VendorDown}


class HeldClock(FastClock):
    """Stands still until it is let go, so that every run begins at the same instant however slow the machine is."""

    held = True

    def now(self) -> Instant:
        return self.start if self.held else super().now()

    async def let_go(self, live: SocketSource) -> None:
        """Run once the first attempt to connect has ended, well or not."""
        await until(lambda: live.stream is not None and live.stream.supervisor.state not in (State.STOPPED, State.CONNECTING))
        self._begin, self.held = time.monotonic(), False


class Stage:
    """A market whose blocks are made once, and whose clock each run sets anew.

    judged : the instant at which all that was known by then had come
    """

    def __init__(self, kinds: tuple[type[Event], ...], symbols: tuple[str, ...], *, minutes: bool) -> None:
        self.clock: HeldClock | None = None
        self.judged: Instant | None = None
        self.world = World(Market(3, 0.05), self.now)
        for symbol in symbols or self.world.listed:
            for kind in kinds:
                self.world.rows(kind, symbol, SESSION)
            if minutes:
                self.world.minutes(symbol, SESSION)

    def now(self) -> Instant:
        return BEGIN if self.clock is None else self.clock.now()

    def then(self) -> World:
        """The market as it was known when a stream was judged to be whole; as it is now, where none was."""
        return self.world.at(self.now() if self.judged is None else self.judged)


@dataclass(frozen=True, slots=True)
class Run:
    """What came out of one stream, and how it stood at the end."""

    got: dict[type[Event], Chunk]
    report: StreamReport
    history: list[Change]
    faults: Faults


Made = Callable[[str, HeldClock, ExitStack], SocketSource]  #: base URL, clock, and where to leave what is to be closed
Whole = Callable[[World, list[Chunk]], bool]  #: the market as it is known at an instant, and what has come


def streamed(
    stage: Stage,
    faults: Faults,
    make: Made,
    whole: Whole,
    also: Callable[[str, SocketSource], Coroutine[Any, Any, None]] | None = None,
    seconds: float = 30.0,
) -> Run:
    """Stream from a server of its own until all has come; ``also`` runs beside it and is told the base URL."""
    stage.clock = stage.judged = None
    with Serving(build(stage.world, faults, key=SECRET)) as base, ExitStack() as stack:
        clock = stage.clock = HeldClock(rate=RATE, start=BEGIN)
        live = make(base, clock, stack)

        def enough(got: list[Chunk]) -> bool:
            now = clock.now()
            missing = any(gap.after < END and gap.why != AGAIN for gap in live.report().waiting)
            if now >= KNOWN and not missing and whole(stage.world.at(now), got):
                stage.judged = now
            return stage.judged is not None

        async def main() -> dict[type[Event], Chunk]:
            jobs = [clock.let_go(live), *([also(base, live)] if also is not None else [])]
            beside = [asyncio.ensure_future(job) for job in jobs]
            try:
                return await gathered(live.live(SYMBOLS), enough, seconds=seconds)
            finally:
                for task in beside:
                    task.cancel()
                for end in await asyncio.gather(*beside, return_exceptions=True):
                    assert end is None or isinstance(end, asyncio.CancelledError), end

        try:
            got = asyncio.run(main())
        finally:
            report = live.report()
            assert report is not None
            assert SECRET not in repr(report) + repr(live.stream.supervisor.history)
        return Run(got, report, list(live.stream.supervisor.history), faults)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what nobody announces."""
    while not true():  # noqa: ASYNC110 - the state of what is tested, which rings no bell for tests
        await asyncio.sleep(0.001)


async def streams(clock: HeldClock, live: SocketSource, span: int) -> None:
    """Wait until a stream has brought something, and so long after."""
    await until(lambda: live.stream is not None and live.stream.supervisor.report().frames > 0)
    await clock.sleep(span)


def patient(wire: Wire) -> Wire:
    """Deadlines are of the market's clock, which runs much faster here than any answer."""
    wire.policy = replace(wire.policy, deadline=24 * HOUR, attempt=24 * HOUR)
    return wire


def planned(name: str, path: str, **more: Any) -> Faults:
    """A fault that lasts at a socket."""
    return Faults([Fault(name=name, match=path, **more)])


def of(case: Case, path: str) -> Faults:
    """A case's fault at a socket; every run gets its own, for they are spent."""
    return Faults([] if case.fault is None else [replace(case.fault, match=path)])


def ended(case: Case, report: StreamReport) -> bool:
    """Whether as many connections ended by the fault as it happened to."""
    return case.fault is None or not case.ends or report.socket.ends.get(case.ends, 0) >= case.fault.times


def mine(got: list[Chunk] | dict[type[Event], Chunk], kind: type[Event]) -> Iterator[tuple[str, Chunk]]:
    """Rows of a kind by symbol."""
    chunks = [chunk for chunk in (got.values() if isinstance(got, dict) else got) if chunk.kind is kind and len(chunk)]
    if chunks:
        whole = concat(chunks)
        for key, symbol in enumerate(SYMBOLS):
            yield symbol, whole[whole.key == key]


def told(chunk: Chunk, *names: str) -> Told:
    """What happened in the span, with its values; times by the millisecond, for sockets tell no more."""
    chunk = chunk[(chunk.event_at > BEGIN + SECOND) & (chunk.event_at <= END) & (chunk.known_at > BEGIN)]
    columns = (chunk.columns[name].tolist() for name in names)
    return Counter(zip((chunk.event_at // 10**6).tolist(), *columns, strict=True))


def is_whole(world: World, kind: type[Event], got: list[Chunk] | dict[type[Event], Chunk], *names: str) -> bool:
    """Whether all that is known came, each row once, and nothing else; there must be some of every kind but alerts, which are rare."""
    came = dict(mine(got, kind))
    for symbol in SYMBOLS:
        rows = told(came[symbol], *names) if symbol in came else Counter()
        truth = told(world.rows(kind, symbol, SESSION), *names)
        if rows != truth or not (truth or kind is FlowAlert):
            return False
    return True


def minute_sums(rows: Told) -> dict[int, tuple[int, int, int, int]]:
    """Rows of (ms, price, size) as minutes: end in ms -> high, low, volume and number."""
    out: dict[int, tuple[int, int, int, int]] = {}
    for (at, price, size), count in sorted(rows.items()):
        end = -(-at // 60_000) * 60_000
        high, low, volume, number = out.get(end, (price, price, 0, 0))
        out[end] = max(high, price), min(low, price), volume + size * count, number + count
    return out

"""From a supervised socket to chunks: frames are parsed and measured, gaps are filled by REST, and every row comes out once.

Rows come out in the order of receipt, which is their ``known_at`` (unless the vendor's clock runs ahead of ours: then the time it
says), and nothing is ever taken back (``socket_merge`` says what counts as the same row). A row that REST filled in is known from
the moment of its filling, graded recorded, for that is when it could be used.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from undertow.core.chunk import I64, Chunk
from undertow.core.errors import UndertowError
from undertow.core.events import Bar, Event
from undertow.core.protocols import Source
from undertow.core.time import HOUR, MINUTE, SECOND, Duration, Instant, iso
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import WireError
from undertow.sources.wire.queue import Received
from undertow.sources.wire.socket import Supervisor
from undertow.sources.wire.socket_latency import Latencies, Latency
from undertow.sources.wire.socket_merge import Merge, moved, recorded
from undertow.sources.wire.socket_minutes import Minutes
from undertow.sources.wire.socket_open import first_of
from undertow.sources.wire.socket_state import Gap, Report

Backfill = Callable[[Gap], Sequence[Chunk]]  #: called in a thread of its own, one call at a time
_LAST_FILLING = 10.0  # seconds of the machine that a filling under way gets at the end
_log = logging.getLogger(__name__)


class Parsed(Protocol):
    """What a parser made of some frames."""

    @property
    def chunks(self) -> Sequence[Chunk]:
        """Known on receipt."""
        ...

    @property
    def ignored(self) -> Mapping[str, int]:
        """What was not taken, by name."""
        ...

    @property
    def broken(self) -> Sequence[tuple[Instant, str]]:
        """Frames of which nothing was taken: when they came, and why."""
        ...


Parse = Callable[[Sequence[Received]], Parsed]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filling:
    """How gaps are filled. Times in ns of the clock."""

    settle: Duration = 5 * SECOND  #: from a gap's end until it is asked for, and how far beyond its end
    overlap: Duration = MINUTE  #: how far before a gap's beginning: what was known then may have been told after
    again: Duration = 10 * SECOND  #: pause after a failure, doubled with each
    attempts: int = 8  #: then the gap stays open, and is reported so
    reconcile: Duration | None = 5 * MINUTE  #: all minutes are asked for as often; None: never
    reconciled: tuple[type[Event], ...] = (Bar,)  #: kinds asked for then; of others a message dropped without a trace is lost
    at_once: int = 4_000  #: frames parsed together


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamReport:
    """A stream's whole state: of the socket, of its rows, and of what is still missing."""

    socket: Report
    rows: Mapping[str, int]  #: kind -> rows that came out, from both roads
    filled: Mapping[str, int]  #: kind -> rows that REST filled in
    duplicates: Mapping[str, int]
    conflicts: Mapping[str, int]  #: bars that REST tells otherwise than the stream did
    ignored: Mapping[str, int]
    broken: int  #: frames of which nothing could be taken; each is a gap
    longest_lag: Duration  #: longest wait of a frame for its reader
    latencies: Mapping[str, Latency]
    waiting: tuple[Gap, ...]  #: known gaps that are not filled yet
    unfilled: tuple[tuple[Gap, str], ...]  #: gaps that REST would not fill, and why


@dataclass(slots=True)
class _Open:
    gap: Gap
    due: Instant
    attempts: int = 0


@dataclass(slots=True)
class _Counts:
    rows: Counter[str] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    ignored: Counter[str] = field(default_factory=Counter)
    broken: int = 0
    unfilled: list[tuple[Gap, str]] = field(default_factory=list)


class Stream:
    """Chunks of a supervised socket, its gaps filled by ``backfill``; None: gaps stay open and are reported."""

    def __init__(
        self,
        supervisor: Supervisor,
        parse: Parse,
        *,
        symbols: Sequence[str],
        clock: Clock,
        merge: Merge | None = None,
        backfill: Backfill | None = None,
        filling: Filling | None = None,
    ) -> None:
        self.supervisor, self.symbols = supervisor, tuple(symbols)
        self.filling = filling or Filling()
        self.merge = merge or Merge()
        self.latencies = Latencies()
        self._parse, self._clock, self._backfill = parse, clock, backfill
        self._minutes: Minutes | None = None
        if self.filling.reconcile is not None and backfill is not None:
            self._minutes = Minutes(
                symbols=self.symbols, settle=self.filling.settle, every=self.filling.reconcile, kinds=self.filling.reconciled
            )
        self._open: list[_Open] = []
        self._counts = _Counts()
        self._filling: tuple[_Open, asyncio.Future[Sequence[Chunk]]] | None = None
        self._behind: Duration = 0  # from when the latest rows happened until they came: so much may be under way when a socket ends
        self._last: Instant = 0  # when the latest filling was handed out

    async def chunks(self) -> AsyncGenerator[Chunk, None]:
        """Chunks as they come, until ``supervisor.stop`` or the consumer closes this. Raises what ``Supervisor.run`` raises."""
        bell = self.supervisor.queue.bell
        running = asyncio.ensure_future(self.supervisor.run())
        running.add_done_callback(lambda _: bell.set())
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="backfill")
        try:
            while True:
                ended = running.done()
                bell.clear()
                for chunk in self._ready(thread):
                    yield chunk
                if self.supervisor.queue.depth:
                    await asyncio.sleep(0)
                elif ended:
                    running.result()
                    return
                else:
                    await first_of(bell.wait(), self._clock.sleep(SECOND))
        finally:
            self.supervisor.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            if self._filling is not None:  # whoever closes this may close the backfill's source next
                await asyncio.wait([self._filling[1]], timeout=_LAST_FILLING)
            thread.shutdown(wait=False, cancel_futures=True)

    def lacks(self, gap: Gap) -> None:
        """Ask for rows that were told before it began."""
        self._gap(gap, self._clock.now())

    def report(self) -> StreamReport:
        """Everything that can be said of it now; the key is in none of it."""
        counts, waiting = self._counts, [*self._open, *([self._filling[0]] if self._filling else [])]
        return StreamReport(
            socket=self.supervisor.report(),
            rows=dict(counts.rows),
            filled=dict(counts.filled),
            duplicates=dict(self.merge.duplicates),
            conflicts=dict(self.merge.conflicts),
            ignored=dict(counts.ignored),
            broken=counts.broken,
            longest_lag=self.supervisor.queue.longest_lag,
            latencies=self.latencies.report(),
            waiting=tuple(one.gap for one in waiting) + tuple(self.supervisor.gaps),
            unfilled=tuple(counts.unfilled),
        )

    def _ready(self, thread: ThreadPoolExecutor) -> list[Chunk]:
        """All that is there now, without waiting: streamed rows first, then what a filling brought."""
        out = self._streamed()
        filled = self._filled()
        now = self._clock.now()
        self._note_gaps(now)
        self._fill(thread, now)
        return [chunk for chunk in out + filled if len(chunk)]

    def _streamed(self) -> list[Chunk]:
        frames = self.supervisor.queue.take(self.filling.at_once, self._clock.now())
        if not frames:
            return []
        parsed = self._parse(frames)
        self._counts.ignored.update(parsed.ignored)
        for at, why in parsed.broken:
            self._counts.broken += 1
            self._gap(Gap(after=at - 1, until=at, why=why), at)
            _log.warning("%s: %s", self.supervisor.dialect.shown, why)
        newest = max((int(chunk.event_at.max()) for chunk in parsed.chunks), default=frames[-1][0])
        self._behind = min(max(frames[-1][0] - newest, 0), HOUR)
        out = []
        for chunk in parsed.chunks:
            self.latencies.add(chunk, _received(chunk, frames))
            if self._minutes is not None:
                self._minutes.saw(chunk)
            out.append(self._counted(self._after_last(self.merge.take(chunk, streamed=True))))
        return out

    def _after_last(self, chunk: Chunk) -> Chunk:
        """Frames that waited while a filling was handed out are known after it."""
        if not len(chunk) or chunk.known_at[0] >= self._last:
            return chunk
        return replace(chunk, known_at=np.maximum(chunk.known_at, self._last))

    def _counted(self, chunk: Chunk) -> Chunk:
        self._counts.rows[chunk.kind.kind] += len(chunk)
        return chunk

    def _filled(self) -> list[Chunk]:
        """What a filling that has ended brought."""
        if self._filling is None or not self._filling[1].done():
            return []
        one, answer = self._filling
        self._filling = None
        now = self._clock.now()
        try:
            told = answer.result()
        except WireError as error:
            one.attempts += 1
            if not error.retryable or one.attempts >= self.filling.attempts:
                self._give_up(one.gap, str(error))
            else:
                one.due = now + self.filling.again * 2 ** (one.attempts - 1)
                self._open.append(one)
            return []
        except UndertowError as error:
            self._give_up(one.gap, str(error))
            return []
        out = []
        self._last = max(self._last, now)
        for chunk in told:
            if not len(chunk):
                continue
            if self._minutes is not None:
                self._minutes.saw(chunk)
            new = self.merge.take(recorded(moved(chunk, self.symbols), self._last), streamed=False)
            self._counts.filled[chunk.kind.kind] += len(new)
            out.append(self._counted(new))
        return out

    def _give_up(self, gap: Gap, why: str) -> None:
        self._counts.unfilled.append((gap, why))
        _log.warning("%s: rows from %s to %s stay missing: %s", self.supervisor.dialect.shown, iso(gap.after), iso(gap.until), why)

    def _note_gaps(self, now: Instant) -> None:
        supervisor = self.supervisor
        while supervisor.gaps:
            gap = supervisor.gaps.popleft()
            self._gap(replace(gap, after=gap.after - self._behind), gap.until)
        if (lost := supervisor.queue.lost()) is not None:
            self._gap(Gap(after=lost[0], until=lost[1], why="frames went unread"), now)
        if self._minutes is not None:
            for gap in self._minutes.due(now):
                self._gap(gap, now - self.filling.settle)

    def _gap(self, gap: Gap, over: Instant) -> None:
        """Open a gap, as one with another of the same kinds that waits to be asked for."""
        due = over + self.filling.settle
        for one in self._open:
            same = one.gap.kinds == gap.kinds and one.gap.symbols == gap.symbols
            if same and not one.attempts and gap.after <= one.gap.until + self.filling.overlap and one.gap.after <= gap.until:
                why = one.gap.why if gap.why in one.gap.why else f"{one.gap.why}; {gap.why}"
                one.gap = replace(one.gap, after=min(one.gap.after, gap.after), until=max(one.gap.until, gap.until), why=why)
                one.due = max(one.due, due)
                return
        self._open.append(_Open(gap, due))

    def _fill(self, thread: ThreadPoolExecutor, now: Instant) -> None:
        if self._backfill is None or self._filling is not None:
            return
        one = min((one for one in self._open if one.due <= now), key=lambda one: one.due, default=None)
        if one is None:
            return
        self._open.remove(one)
        ask = replace(one.gap, after=one.gap.after - self.filling.overlap, until=one.gap.until + self.filling.settle)
        answer = asyncio.get_running_loop().run_in_executor(thread, self._backfill, ask)
        answer.add_done_callback(lambda _: self.supervisor.queue.bell.set())
        self._filling = (one, answer)


def backfill_from(sources: Sequence[Source], symbols: Sequence[str], kinds: Sequence[type[Event]]) -> Backfill:
    """A ``Backfill`` that asks the sources that have a gap's kinds. A source of bars must have those of a minute."""

    def fill(gap: Gap) -> list[Chunk]:
        wanted = set(gap.kinds or kinds)
        asked = [source for source in sources if wanted & set(source.kinds)]
        return [
            chunk
            for source in asked
            for chunk in source.history(gap.symbols or tuple(symbols), gap.after, gap.until)
            if chunk.kind in wanted
        ]

    return fill


def _received(chunk: Chunk, frames: Sequence[Received]) -> I64:
    """When rows were received: ``known_at``, but for rows whose clock runs ahead, which are known no sooner than they happened."""
    return np.minimum(chunk.known_at, frames[-1][0])

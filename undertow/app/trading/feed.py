"""What a session meets: rows that became known up to an instant, from a market that is played or one that is alive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from undertow.core.chunk import Chunk, concat
from undertow.core.events import Bar, Event
from undertow.core.time import HOUR, SECOND, Duration, Instant
from undertow.sources.longer import Longer
from undertow.sources.wire.clock import Clock

FAST = 1e12  #: a speed at which nothing is waited for
LONGEST_WAIT: Duration = HOUR  #: of a market that is played; the night is not waited for


SETTLE: Duration = (
    5 * SECOND
)  #: after its end until a streamed bar's last minute has come; at a tick the bar that ends there is not known yet


class Feed(Protocol):
    """Where a session's rows come from, and what time it is there."""

    def now(self) -> Instant:
        """The market's present, ns UTC."""
        ...

    async def until(self, at: Instant) -> list[Chunk]:
        """Wait for an instant; the rows that became known since the last one, a chunk a kind."""
        ...


class Played:
    """A recorded or simulated session, ``speed`` times as fast as it was."""

    def __init__(self, chunks: Sequence[Chunk], after: Instant, speed: float) -> None:
        self._chunks, self._at, self._speed = chunks, after, speed
        self._begun = False

    def now(self) -> Instant:
        """The last instant that was waited for."""
        return self._at

    async def until(self, at: Instant) -> list[Chunk]:
        """Waits only between two instants of the session."""
        if self._begun and self._speed < 1e9:
            await asyncio.sleep(min(at - self._at, LONGEST_WAIT) / SECOND / self._speed)
        before, self._at, self._begun = self._at, at, True
        return [part for part in (chunk.between(before, at) for chunk in self._chunks) if len(part)]

    def skip(self, at: Instant) -> list[Chunk]:
        """The rows up to an instant, without waiting."""
        before, self._at = self._at, max(at, self._at)
        return [part for part in (chunk.between(before, at) for chunk in self._chunks) if len(part)]


class Streamed:
    """A live market: rows wait here from their receipt to the next decision.

    ``take`` is called as rows come. A row that comes after the decision that it was received before is known from then on, so that
    nothing is ever known in the past; minutes become bars of ``span`` besides.
    """

    def __init__(self, symbols: Sequence[str], span: Duration, clock: Clock, after: Instant, begun: Instant) -> None:
        """Rows up to ``after`` were met; history ends at ``begun``. ``told`` is called with every chunk as it comes."""
        self.told: Callable[[Chunk], None] = lambda _: None
        self._longer, self._clock, self._span = Longer(symbols, span, SETTLE, begun), clock, span
        self.met = after  #: rows up to here were cut off
        self._rows: dict[type[Event], list[Chunk]] = {}
        self._made: list[Chunk] = []  # longer bars from elsewhere

    def prime(self, chunks: Sequence[Chunk]) -> None:
        """Rows of today that were there before the stream began; bars among them that are as long as ours are taken as they are."""
        for chunk in chunks:
            rows = chunk[chunk.known_at > self.met]
            if chunk.kind is Bar:  # one that had settled by then was met, though history may say that it was known later
                self._made.append(rows[(rows.columns["span"] == self._span) & (rows.event_at + SETTLE > self.met)])
            elif len(rows):
                self._rows.setdefault(chunk.kind, []).append(rows)

    def now(self) -> Instant:
        """The clock's."""
        return self._clock.now()

    def take(self, chunk: Chunk) -> None:
        """Rows of a stream, in the order of their receipt."""
        self.told(chunk)
        self._rows.setdefault(chunk.kind, []).append(chunk)

    async def until(self, at: Instant) -> list[Chunk]:
        """Sleeps until the instant, and takes what was received by it."""
        while (left := at - self._clock.now()) > 0:
            await self._clock.sleep(left)
        await self._clock.sleep(0)
        return self.cut(at)

    def cut(self, at: Instant) -> list[Chunk]:
        """What is known by an instant and was not taken yet."""
        out: list[Chunk] = []
        for kind, parts in self._rows.items():
            whole = _one(parts)
            known = np.maximum(whole.known_at, self.met + 1)
            whole = replace(whole, known_at=known)
            now, later = whole.between(self.met, at), whole.between(at, 2**63 - 1)
            self._rows[kind] = [later]
            if kind is Bar:
                self._longer.push(now)
            elif len(now):
                out.append(now)
        bars = [part for part in (*self._made, self._longer.due(at)) if len(part)]
        self._made, self.met = [], at
        return [_one(bars), *out] if bars else out


def _one(parts: Sequence[Chunk]) -> Chunk:
    """Chunks of one kind as one; streams of several vendors may name their symbols in another order."""
    universe = tuple(dict.fromkeys(symbol for part in parts for symbol in part.symbols))
    return concat([_in(part, universe) for part in parts])


def _in(chunk: Chunk, universe: tuple[str, ...]) -> Chunk:
    if chunk.symbols == universe:
        return chunk
    place = np.array([universe.index(symbol) for symbol in chunk.symbols], np.int64)
    return replace(chunk, symbols=universe, key=place[chunk.key])

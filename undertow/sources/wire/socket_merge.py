"""Rows of a stream and of the REST that fills its gaps as one: each row once, and nothing that was handed out is taken back.

A tick is known by symbol, New York day, venue and the vendor's number, whichever way it came; where the vendor numbers nothing, by
symbol, time, price and size. A bar is known by symbol, end and span. What replaces what: nothing. The first telling of a row stays,
a second one with the same values is a duplicate, and a bar told again with other prices or volume is a conflict, which is counted and
kept for the report: a streamed bar that REST contradicts stays as it was streamed, for decisions were made on it.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Chunk
from undertow.core.events import Bar, Event, Grade, OffExchangePrint, OptionTrade, Quote, Trade, columns_of
from undertow.core.time import MINUTE, Duration, Instant

_VALUES = ("open", "high", "low", "close", "volume")
_TERMS = ("expiry", "strike", "is_put")
_MOST = 2_000_000  # ticks remembered in each of two generations


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """A bar told twice with different values: open, high, low, close (1/10,000 USD) and volume."""

    symbol: str
    event_at: Instant
    first: tuple[int, ...]
    second: tuple[int, ...]


class Merge:
    """Lets each row through once. Bars of a minute and more are remembered for ever, ticks for ``keep`` ns of receipt or two million rows.

    unnumbered : kinds to which stream and REST give different numbers, so that across the two they are known by time, price and size
    duplicates, conflicts : kind's name -> rows; ``contradicted`` are the latest conflicts
    """

    def __init__(self, *, keep: Duration = 30 * MINUTE, unnumbered: tuple[type[Event], ...] = ()) -> None:
        self.keep, self.unnumbered = keep, unnumbered
        self.duplicates: Counter[str] = Counter()
        self.conflicts: Counter[str] = Counter()
        self.contradicted: deque[Conflict] = deque(maxlen=256)
        self._now: set[int] = set()  # hashes of 64 bits: the tuples themselves would be five times the memory
        self._before: set[int] = set()
        self._turned_at: Instant | None = None
        self._bars: dict[tuple[int, int, int], tuple[int, ...]] = {}
        self._loose: Counter[tuple[object, ...]] = Counter()  # rows from the stream less those from REST
        self._loose_before: Counter[tuple[object, ...]] = Counter()

    def take(self, chunk: Chunk, *, streamed: bool) -> Chunk:
        """The rows not seen before, as they are."""
        if not len(chunk):
            return chunk
        self._turn(int(chunk.known_at[-1]))
        keep = self._bars_kept(chunk) if chunk.kind is Bar else self._ticks_kept(chunk, streamed)
        if all(keep):
            return chunk
        self.duplicates[chunk.kind.kind] += len(keep) - sum(keep)
        return chunk[np.array(keep, bool)]

    def _ticks_kept(self, chunk: Chunk, streamed: bool) -> list[bool]:
        loosely = chunk.kind in self.unnumbered
        keep = []
        for known, loose in zip(_identities(chunk), _loose(chunk) if loosely else ((),) * len(chunk), strict=True):
            new = known not in self._now and known not in self._before
            if new:
                self._now.add(known)
            if new and loosely:
                side = 1 if streamed else -1
                new = (self._loose[loose] + self._loose_before[loose]) * side >= 0  # else the other road told this one before
                self._loose[loose] += side
            keep.append(new)
        return keep

    def _bars_kept(self, chunk: Chunk) -> list[bool]:
        names = zip(chunk.key.tolist(), chunk.event_at.tolist(), chunk.columns["span"].tolist(), strict=True)
        values = zip(*(chunk.columns[name].tolist() for name in _VALUES), strict=True)
        keep = []
        for name, told in zip(names, values, strict=True):
            if name[2] < MINUTE:
                known = hash((Bar.kind, *name))
                keep.append(known not in self._now and known not in self._before)
                self._now.add(known)
                continue
            first = self._bars.setdefault(name, told)
            keep.append(first is told)
            if first != told:
                self.conflicts[Bar.kind] += 1
                symbol = chunk.symbols[name[0]]
                self.contradicted.append(Conflict(symbol=symbol, event_at=name[1], first=first, second=told))
        return keep

    def _turn(self, now: Instant) -> None:
        if self._turned_at is None:
            self._turned_at = now
        if now - self._turned_at >= self.keep or len(self._now) > _MOST:
            self._before, self._now, self._turned_at = self._now, set(), now
            self._loose_before, self._loose = self._loose, Counter()


def recorded(chunk: Chunk, now: Instant) -> Chunk:
    """Rows from REST as what a live system knows of them: received now, however early the vendor could have told them."""
    known = np.maximum(chunk.event_at + chunk.kind.least_lag, now)
    out = replace(chunk, known_at=known, grade=np.full(len(chunk), int(Grade.RECORDED), np.int8))
    return out[np.lexsort((out.seq, known))]


def moved(chunk: Chunk, symbols: tuple[str, ...]) -> Chunk:
    """The same rows in a universe that holds their symbols."""
    if chunk.symbols == symbols:
        return chunk
    place = np.array([symbols.index(symbol) for symbol in chunk.symbols], np.int64)
    return replace(chunk, symbols=symbols, key=place[chunk.key])


def _identities(chunk: Chunk) -> list[int]:
    """What tells ticks of a kind apart, the same for stream and REST."""
    kind, n = chunk.kind, len(chunk)
    seq = chunk.seq if kind in (Trade, OffExchangePrint, OptionTrade, Quote) else np.zeros(n, np.int64)
    numbered = seq > 0
    days: list[object] = np.where(numbered, nyse().position(chunk.event_at), chunk.event_at).tolist()
    named = [chunk.columns[name].tolist() for name in _named(kind)]
    told = [np.where(numbered, 0, values).tolist() for values in _told(chunk)]
    rows = zip([kind.kind] * n, chunk.key.tolist(), days, np.where(numbered, seq, -1).tolist(), *named, *told, strict=True)
    return list(map(hash, rows))


def _named(kind: type[Event]) -> tuple[str, ...]:
    return {Trade: ("exchange",), OffExchangePrint: ("venue",), OptionTrade: _TERMS}.get(
        kind, tuple(name for name in kind.identity if name in columns_of(kind))
    )


def _told(chunk: Chunk) -> list[I64]:
    """Price and size, where the kind has them."""
    return [chunk.columns[name] for name in ("price", "size") if name in chunk.columns]


def _loose(chunk: Chunk) -> list[tuple[object, ...]]:
    at = (chunk.event_at // 10**6).tolist()
    told = [values.tolist() for values in _told(chunk)]
    return list(zip([chunk.kind.kind] * len(chunk), chunk.key.tolist(), at, *told, strict=True))

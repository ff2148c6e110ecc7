"""From chunks to the columns a fold reads: which rows are ours, when each bar began, what came too late."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE, Bar, CorporateAction, DailyBar, Event
from undertow.core.time import Duration
from undertow.execution.tables import NO_ACTIONS, NO_FLOATS, NO_INTS, Actions, Bars


@dataclass(frozen=True, slots=True)
class Traded:
    """The bars that a broker trades on."""

    kind: type[Event]  #: Bar or DailyBar
    span: Duration  #: of a Bar, ns; a DailyBar lasts its session
    calendar: Calendar

    def __post_init__(self) -> None:
        if self.kind not in (Bar, DailyBar):
            raise BadInput(f"{self.kind.__name__} is not a bar: a broker trades on Bar or DailyBar")
        if self.kind is Bar and self.span <= 0:
            raise BadInput(f"span {self.span} is not a length: give the bars' span in ns")

    def bars_per_day(self) -> float:
        """Bars in a full regular session."""
        regular = int(np.median(self.calendar.close - self.calendar.open))
        return max(regular / self.span, 1.0) if self.kind is Bar else 1.0

    def rows(self, chunk: Chunk) -> Array:
        """bool (n,): the rows of a chunk that are our bars; an intraday bar of another span is not."""
        if chunk.kind is not self.kind:
            return np.zeros(len(chunk), bool)
        return chunk.columns["span"] == self.span if self.kind is Bar else np.ones(len(chunk), bool)

    def starts(self, ends: I64) -> I64:
        """When bars that end at ``ends`` (n,) began, ns UTC: a span before, or at their session's open."""
        if self.kind is Bar:
            return ends - self.span
        return self.calendar.open[self.calendar.position(ends)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Splits and dividends of one symbol that no bar has met yet, in the order they take effect."""

    event_at: I64
    known_at: I64
    ratio: F64
    dividend: F64

    def with_rows(self, chunk: Chunk, rows: Array) -> Waiting:
        """These and the actions in ``rows`` of a chunk."""
        at, known = np.append(self.event_at, chunk.event_at[rows]), np.append(self.known_at, chunk.known_at[rows])
        order = np.lexsort((known, at))
        ratio = np.append(self.ratio, chunk.numbers("ratio")[rows])
        dividend = np.append(self.dividend, chunk.numbers("dividend")[rows])
        return Waiting(at[order], known[order], ratio[order], dividend[order])

    def due(self, bars: Bars) -> tuple[Actions, Waiting]:
        """Those that apply before a bar of this push, each at the first bar that starts late enough and is known late enough."""
        at = np.maximum(np.searchsorted(bars.start, self.event_at), np.searchsorted(bars.known, self.known_at))
        now = at < len(bars.start)
        order = np.flatnonzero(now)[np.argsort(at[now], kind="stable")]
        later = Waiting(self.event_at[~now], self.known_at[~now], self.ratio[~now], self.dividend[~now])
        return Actions(at[order].astype(np.int64), self.ratio[order], self.dividend[order]), later


NO_BARS = Bars(NO_INTS, NO_INTS, NO_FLOATS, NO_FLOATS, NO_FLOATS)
NONE_WAITING = Waiting(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0), np.empty(0))


def keys_of(chunk: Chunk, symbols: Mapping[str, int]) -> I64:
    """The chunk's symbols as positions in ours (n,); -1 for one that we do not trade."""
    ours = np.array([symbols.get(symbol, -1) for symbol in chunk.symbols] or [-1], np.int64)
    return ours[chunk.key]


@dataclass(frozen=True, slots=True)
class Arrived:
    """Our bars of one push, all symbols together, each symbol's in the order they became known."""

    key: I64
    end: I64
    start: I64
    known: I64
    prices: F64  #: (n, 3) open, close in USD, volume in shares

    def of(self, key: int, after: int) -> tuple[Bars, I64, int]:
        """One symbol's bars that start after ``after`` and after each other, their ends, and how many came too late for that."""
        a, b = np.searchsorted(self.key, [key, key + 1])
        start = self.start[a:b]
        latest = np.maximum.accumulate(np.concatenate([[after], start[:-1]])) if len(start) else start
        rows = int(a) + np.flatnonzero(start > latest)
        prices = self.prices[rows]
        columns = (np.ascontiguousarray(prices[:, i]) for i in range(3))
        return Bars(self.start[rows], self.known[rows], *columns), self.end[rows], int(b - a) - len(rows)


def arrived(chunks: Sequence[Chunk], symbols: Mapping[str, int], traded: Traded) -> Arrived:
    """Our bars among the chunks, by symbol, then by when they were known, then by when they ended."""
    parts = []
    for chunk in chunks:
        key = keys_of(chunk, symbols)
        rows = np.flatnonzero(traded.rows(chunk) & (key >= 0))
        if len(rows):
            ours = chunk[rows]
            usd = [ours.numbers("open") / PRICE_SCALE, ours.numbers("close") / PRICE_SCALE, ours.numbers("volume")]
            parts.append((key[rows], ours.event_at, ours.known_at, np.column_stack(usd)))
    if not parts:
        none = np.empty(0, np.int64)
        return Arrived(none, none, none, none, np.empty((0, 3)))
    key, end, known, prices = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((end, known, key))
    return Arrived(key[order], end[order], traded.starts(end[order]), known[order], prices[order])


class Met(NamedTuple):
    """The bars that a push brings to all symbols, one symbol after the other, with the actions that they meet.

    end   : int64 (n,)            ns UTC
    key   : int64 (n,)            position of the symbol
    first : int64 (symbols + 1,)  where each symbol's bars begin, and the end
    due   : int64 (symbols + 1,)  the same of the actions; their ``bar`` counts through all symbols
    """

    bars: Bars
    end: I64
    key: I64
    actions: Actions
    first: I64
    due: I64


class Inbox:
    """What came for each symbol and is still to be met: actions wait for their bar, bars that come too late are left out."""

    def __init__(self, symbols: Sequence[str], traded: Traded) -> None:
        """For these symbols' bars."""
        self._place = {symbol: i for i, symbol in enumerate(symbols)}
        self._traded = traded
        self._waiting = [NONE_WAITING] * len(symbols)
        self._started = np.full(len(symbols), -(2**63), np.int64)
        self.late = 0  #: bars that began no later than one already seen

    def copy(self) -> Inbox:
        """The same, to go on from separately."""
        other = copy(self)
        other._waiting, other._started = list(self._waiting), self._started.copy()
        return other

    def sort(self, chunks: Sequence[Chunk]) -> tuple[Arrived, list[Chunk]]:
        """Our bars among chunks, and the chunks of actions."""
        return arrived(chunks, self._place, self._traded), [chunk for chunk in chunks if is_action(chunk) and len(chunk)]

    def take(self, bars: Arrived, actions: Sequence[Chunk]) -> Met:
        """All that is met now, and keep the rest."""
        for chunk in actions:
            keys = keys_of(chunk, self._place)
            for key in np.unique(keys[keys >= 0]).tolist():
                self._waiting[key] = self._waiting[key].with_rows(chunk, keys == key)
        n = len(self._waiting)
        first, due = np.zeros(n + 1, np.int64), np.zeros(n + 1, np.int64)
        tables, ends, acts = [], [], []
        for key in range(n):
            first[key + 1], due[key + 1] = first[key], due[key]
            own, end, late = bars.of(key, int(self._started[key]))
            self.late += late
            if len(end):
                done, self._waiting[key] = self._waiting[key].due(own)
                tables.append(own)
                ends.append(end)
                acts.append(done._replace(bar=done.bar + first[key]))
                first[key + 1] += len(end)
                due[key + 1] += len(done.bar)
                self._started[key] = own.start[-1]
        if not tables:
            return Met(NO_BARS, NO_INTS, NO_INTS, NO_ACTIONS, first, due)
        whole = Bars._make(np.concatenate(column) for column in zip(*tables, strict=True))
        every = Actions._make(np.concatenate(column) for column in zip(*acts, strict=True))
        return Met(whole, np.concatenate(ends), np.repeat(np.arange(n, dtype=np.int64), np.diff(first)), every, first, due)


def is_action(chunk: Chunk) -> bool:
    """Whether a chunk carries splits and dividends."""
    return chunk.kind is CorporateAction

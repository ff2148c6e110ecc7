"""What became of each decision: the return from its fill to its horizon, as an event that is known only once it has happened (law 8)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk, chunk_of, concat, empty_chunk
from undertow.core.events import Bar, CorporateAction, DailyBar, Event, LabelKnown
from undertow.core.time import duration
from undertow.features.language.joins import SplitHistory

#: a fill or exit that has to wait longer than this is a hole in the data, not an outcome
PATIENCE = duration("5d")


def bar_starts(bars: Chunk, calendar: Calendar) -> I64:
    """When each bar began, ns UTC (n,): its end less its span, or the session's open for a daily bar."""
    if bars.kind is DailyBar:
        opens: I64 = calendar.open[calendar.position(bars.event_at)]
        return opens
    starts: I64 = bars.event_at - bars.columns["span"]
    return starts


class Labels:
    """A fold: ticks wait until the first bar that starts at or after them, and the first that starts ``sessions`` later, are known."""

    def __init__(self, symbols: Sequence[str], calendar: Calendar, *, sessions: int = 1, kind: type[Event] = Bar) -> None:
        self.symbols = tuple(symbols)
        self.kind = kind
        self._calendar = calendar
        self.sessions = sessions
        self._splits = SplitHistory()
        self._tick = np.empty(0, np.int64)
        self._key = np.empty(0, np.int64)
        self._due = np.empty(0, np.int64)
        self._entry = np.empty(0)
        self._none = empty_chunk(LabelKnown, self.symbols)

    def due(self, ticks: I64) -> I64:
        """The same time of day ``sessions`` later (n,), ns UTC."""
        at = self._calendar.position(ticks)
        later: I64 = self._calendar.midnight[at + self.sessions] + (ticks - self._calendar.midnight[at])
        return later

    def push(self, chunks: Iterable[Chunk], ticks: I64) -> Chunk:
        """Take what became known and new decision ticks (t,); return the labels that became known, in order (LabelKnown)."""
        if len(ticks):
            self._wait(ticks)
        chunks = list(chunks)
        bars = [c for c in chunks if c.kind is self.kind]
        actions = [c for c in chunks if c.kind is CorporateAction]
        if not bars:
            for action in actions:
                self._splits.push(action[:0], action)
            return self._none
        whole = concat(bars)
        none = whole[:0]
        factor = self._splits.push(whole, concat(actions) if actions else none)
        starts = bar_starts(whole, self._calendar)
        return self._match(whole, starts, whole.numbers("open") * factor) if self._concerned(starts) else self._none

    def _wait(self, ticks: I64) -> None:
        symbols = len(self.symbols)
        self._tick = np.concatenate([self._tick, np.repeat(ticks, symbols)])
        self._key = np.concatenate([self._key, np.tile(np.arange(symbols), len(ticks))])
        self._due = np.concatenate([self._due, np.repeat(self.due(ticks), symbols)])
        self._entry = np.concatenate([self._entry, np.full(len(ticks) * symbols, np.nan)])

    def _concerned(self, starts: I64) -> bool:
        """Whether bars that began then can be the entry or the end of any tick that waits; in a live session they seldom are."""
        if not len(starts):
            return False
        last = starts.max()
        return bool((((self._tick <= last) & np.isnan(self._entry)) | (self._due <= last)).any())

    def _match(self, bars: Chunk, starts: I64, price: F64) -> Chunk:
        known, value = np.full(len(self._tick), -1, np.int64), np.full(len(self._tick), np.nan)
        for key in range(len(self.symbols)):
            mine = np.flatnonzero((bars.key == key) & ~np.isnan(price))
            waiting = np.flatnonzero(self._key == key)
            if not len(mine) or not len(waiting):
                continue
            start, at = starts[mine], price[mine]
            entry = np.searchsorted(start, self._tick[waiting], side="left")
            fresh = np.isnan(self._entry[waiting]) & (entry < len(mine))
            filled = np.minimum(entry, len(mine) - 1)
            soon = start[filled] - self._tick[waiting] < PATIENCE
            # an entry that came too late is marked by infinity: decided, never to become a label
            self._entry[waiting] = np.where(fresh, np.where(soon, at[filled], np.inf), self._entry[waiting])
            leave = np.searchsorted(start, self._due[waiting], side="left")
            done = (leave < len(mine)) & ~np.isnan(self._entry[waiting])
            left = np.minimum(leave, len(mine) - 1)
            good = done & np.isfinite(self._entry[waiting]) & (start[left] - self._due[waiting] < PATIENCE)
            known[waiting[done]] = bars.known_at[mine[left[done]]]
            value[waiting[good]] = at[left[good]] / self._entry[waiting[good]] - 1.0
        return self._take(known, value)

    def _take(self, known: I64, value: F64) -> Chunk:
        out = self._result(*_pick(np.flatnonzero((known >= 0) & ~np.isnan(value)), known, value))
        keep = known < 0
        self._tick, self._key, self._due, self._entry = self._tick[keep], self._key[keep], self._due[keep], self._entry[keep]
        return out

    def _result(self, rows: I64, known: I64, value: F64) -> Chunk:
        columns: dict[str, Array] = {"horizon": self._due[rows] - self._tick[rows], "value": value}
        return chunk_of(LabelKnown, self.symbols, key=self._key[rows], event_at=self._tick[rows], known_at=known, columns=columns)


def _pick(rows: I64, known: I64, value: F64) -> tuple[I64, I64, F64]:
    ordered = rows[np.argsort(known[rows], kind="stable")]
    return ordered, known[ordered], value[ordered]

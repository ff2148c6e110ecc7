"""A small invented tape for checking laws: every kind that some features read, whole seconds, a half day, a holiday and a split.

It is no market: values are drawn at random and mean nothing. What matters is its timing. Events and ticks fall on the same seconds,
so that "known at the tick" and "known just after it" are both on the tape.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Array, Chunk, Origin, chunk_of
from undertow.core.events import (
    MISSING,
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    Event,
    Grade,
    IndexLevel,
    OffExchangeVolume,
    OpenInterest,
    Unit,
    columns_of,
)
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.validation.planted_values import CONTRACTS, planted_values

PLANTED = Origin(Grade.MODELLED, ("planted",))

FIRST, LAST = np.datetime64("2022-03-01"), np.datetime64("2024-12-04")  # the last weeks hold Thanksgiving and its half day
INTRADAY_SESSIONS = 36
BAR = 5 * MINUTE
SYMBOLS = ("AAA", "BBB", "CCC")
CONTEXT = ("SPY", "SKEW", "VIX", "VIX3M", "VIX9D")  #: what features look at beside the symbols that they are asked about
OF_CONTEXT: tuple[type[Event], ...] = (Bar, DailyBar, IndexLevel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a law is checked on: chunks of one universe, and ticks (t,) at which features are asked for, ns UTC ascending.

    context : chunks about ``CONTEXT``, from which features get the symbols that they name
    """

    symbols: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    ticks: I64
    calendar: Calendar
    context: tuple[Chunk, ...] = ()


def planted_tape(
    kinds: Iterable[type[Event]], calendar: Calendar, *, seed: int = 0, symbols: Sequence[str] = SYMBOLS, ticks: int = 100
) -> Material:
    """Daily kinds over nearly three years, all others over the last seven weeks; the last ``ticks`` five-minute marks as ticks."""
    draw = _Draw(np.random.default_rng(seed), tuple(symbols), calendar)
    chunks = tuple(draw.chunk(kind) for kind in sorted(set(kinds) | {CorporateAction}, key=lambda kind: kind.kind))
    around = _Draw(np.random.default_rng([seed, len(CONTEXT)]), CONTEXT, calendar)
    context = tuple(around.chunk(kind) for kind in OF_CONTEXT if kind in set(kinds))
    return Material(symbols=tuple(symbols), chunks=chunks, ticks=draw.ticks(ticks), calendar=calendar, context=context)


class _Draw:
    def __init__(self, rng: np.random.Generator, symbols: tuple[str, ...], calendar: Calendar) -> None:
        self._rng, self._symbols, self._calendar = rng, symbols, calendar
        self._sessions = np.arange(len(calendar))[calendar.sessions(FIRST, LAST)]
        self._recent = self._sessions[-INTRADAY_SESSIONS:]
        #: more than a tick's session before the end, so that some ticks see it happen
        self._split_at = int(calendar.midnight[self._sessions[-2]])

    def ticks(self, n: int) -> I64:
        marks = [np.arange(self._calendar.midnight[s] + 8 * HOUR, self._calendar.midnight[s] + 17 * HOUR, BAR) for s in self._recent[-6:]]
        every: I64 = np.concatenate(marks)
        # all of the last sessions, thinly, and every mark of the end: a cut anywhere has ticks on both sides
        thinly, end = np.linspace(0, len(every) - 1, n // 2).astype(np.int64), len(every) - 1 - np.arange(n // 2)
        chosen: I64 = every[np.unique(np.concatenate([thinly, end]))]
        return chosen

    def chunk(self, kind: type[Event]) -> Chunk:
        if kind is CorporateAction:
            return self._split()
        if kind in (DailyBar, IndexLevel, ChainRow, OpenInterest, OffExchangeVolume):
            rows = CONTRACTS if kind in (ChainRow, OpenInterest) else 1
            event, key = self._every(self._calendar.close[self._sessions], rows)
        elif kind is Bar:
            ends = [np.arange(self._calendar.open[s] + BAR, self._calendar.close[s] + 1, BAR) for s in self._recent]
            event, key = self._every(np.concatenate(ends), 1)
        else:
            event, key = self._scattered(kind)
        known = self._known(kind, event)
        columns = {name: self._column(name, unit, len(event)) for name, unit in columns_of(kind).items()}
        if {"open", "high", "low", "close"} <= set(columns):
            columns |= self._prices(key, event, len(event))
        columns |= planted_values(kind, self._rng, event)
        return chunk_of(kind, self._symbols, key=key, event_at=event, known_at=known, columns=columns, origin=PLANTED)

    def _every(self, instants: Array, rows: int) -> tuple[I64, I64]:
        keys = len(self._symbols)
        return np.repeat(instants, keys * rows), np.tile(np.repeat(np.arange(keys), rows), len(instants))

    def _scattered(self, kind: type[Event]) -> tuple[I64, I64]:
        # about two dozen events a session and symbol, half of them on five-minute marks, in trading hours for what happens in them
        sessions = np.repeat(self._recent, 24 * len(self._symbols))
        n = len(sessions)
        seconds = self._rng.integers(0, 12_600 if kind.in_session else 36_000, n)
        seconds = np.where(self._rng.random(n) < 0.5, seconds // 300 * 300, seconds)
        event = self._calendar.open[sessions] + seconds * SECOND
        return event, self._rng.integers(0, len(self._symbols), n)

    def _known(self, kind: type[Event], event: I64) -> I64:
        if kind.next_session:
            known: I64 = self._calendar.next_midnight(event) + 9 * HOUR
            return known
        if kind is OffExchangeVolume:
            return event + 2 * HOUR
        # late by a few whole seconds or by minutes that put it exactly on a mark
        n = len(event)
        late = np.where(self._rng.random(n) < 0.5, self._rng.integers(0, 3, n) * BAR, self._rng.integers(0, 90, n) * SECOND)
        if kind in (Bar, DailyBar):
            late = np.where(self._rng.random(n) < 0.5, 0, SECOND if kind is Bar else MINUTE)
        if kind is ChainRow:
            late = 20 * MINUTE + self._rng.integers(0, 2, n) * MINUTE
        return event + np.maximum(late, kind.least_lag)

    def _column(self, name: str, unit: Unit, n: int) -> Array:
        if unit.kept is str:
            return self._rng.choice(np.array(["a", "b", "c", ""], object), n)
        if unit.kept is float:
            return np.round(self._rng.normal(0.0, 0.4, n), 6)
        if unit.of == "0 or 1":
            return self._rng.integers(0, 2, n)
        if unit.of == "-1, 0 or +1":
            return self._rng.integers(-1, 2, n)
        if name == "span":
            return np.full(n, BAR)
        values = self._rng.integers(1, 100_000, n)
        return np.where(self._rng.random(n) < 0.01, MISSING, values) if name == "trades" else values

    def _prices(self, key: I64, event: I64, n: int) -> dict[str, Array]:
        close = np.full(n, 1_000_000)
        for k in range(len(self._symbols)):
            mine = key == k
            walk = np.cumsum(self._rng.integers(-900, 901, int(mine.sum())))
            close[mine] += np.clip(walk, -800_000, 10_000_000)
        # a third of all bars close where they opened or at an extreme, as candlesticks ask
        opened = close + self._rng.integers(-400, 401, n) * self._rng.integers(0, 3, n)
        high = np.maximum(opened, close) + self._rng.integers(0, 300, n) * self._rng.integers(0, 2, n)
        low = np.minimum(opened, close) - self._rng.integers(0, 300, n) * self._rng.integers(0, 2, n)
        after = np.where((key == 0) & (event >= self._split_at), 4, 1)
        return {name: price // after for name, price in {"open": opened, "high": high, "low": low, "close": close}.items()}

    def _split(self) -> Chunk:
        at = np.array([self._split_at])
        known = at - 5 * HOUR
        ratio = {"ratio": np.array([4.0]), "dividend": np.zeros(1)}
        return chunk_of(CorporateAction, self._symbols, key=np.zeros(1, np.int64), event_at=at, known_at=known, columns=ratio)

"""What the framework remembers between retrainings: rows, what was foretold of them, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.time import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """Rows (n,) whose outcome was known at some instant, in order of tick and symbol."""

    tick: I64
    key: I64
    X: F64  #: (n, features)
    value: F64  #: (n,) return over the horizon
    odds: F64  #: (n, models) as foretold at the time; NaN where no model was ready
    score: F64  #: (n,) as foretold at the time


class Lessons:
    """Teaching ticks (t) by symbol, with labels as they become known."""

    def __init__(self, symbols: int, features: int, models: int) -> None:
        self._tick = np.empty(0, np.int64)
        self._X = np.empty((0, symbols, features))
        self._value = np.empty((0, symbols))
        self._known = np.empty((0, symbols), np.int64)
        self._odds = np.empty((0, symbols, models))
        self._score = np.empty((0, symbols))

    def add(self, ticks: I64, X: F64) -> None:
        """Remember the matrix (t, symbols, features) at new ticks (t,)."""
        if not len(ticks):
            return
        shape = (len(ticks), self._X.shape[1])
        self._tick = np.concatenate([self._tick, ticks])
        self._X = np.concatenate([self._X, X])
        self._value = np.concatenate([self._value, np.full(shape, np.nan)])
        self._known = np.concatenate([self._known, np.full(shape, 2**62)])
        self._odds = np.concatenate([self._odds, np.full((*shape, self._odds.shape[2]), np.nan)])
        self._score = np.concatenate([self._score, np.full(shape, np.nan)])

    def learn(self, labels: Chunk) -> None:
        """Note what became of earlier ticks; labels of ticks that are not remembered are passed over."""
        if not len(labels) or not len(self._tick):
            return
        at = np.minimum(np.searchsorted(self._tick, labels.event_at), len(self._tick) - 1)
        kept = self._tick[at] == labels.event_at
        rows, key = at[kept], labels.key[kept]
        self._value[rows, key] = labels.columns["value"][kept]
        self._known[rows, key] = labels.known_at[kept]

    def predicted(self, ticks: I64, odds: F64, score: F64) -> None:
        """Note what was foretold at ticks (t,): odds (t, symbols, models), score (t, symbols)."""
        if not len(self._tick):
            return
        at = np.minimum(np.searchsorted(self._tick, ticks), len(self._tick) - 1)
        kept = self._tick[at] == ticks
        self._odds[at[kept]] = odds[kept]
        self._score[at[kept]] = score[kept]

    def forget(self, before: Instant) -> None:
        """Let go of ticks before an instant."""
        keep = slice(int(np.searchsorted(self._tick, before)), None)
        self._tick, self._X, self._value = self._tick[keep], self._X[keep], self._value[keep]
        self._known, self._odds, self._score = self._known[keep], self._odds[keep], self._score[keep]

    def known(self, at: Instant) -> Taught:
        """Rows decided before and with labels known by ``at``: law 8 in one comparison."""
        rows, key = np.nonzero((self._known <= at) & (self._tick < at)[:, None])
        return Taught(
            tick=self._tick[rows],
            key=key.astype(np.int64),
            X=self._X[rows, key],
            value=self._value[rows, key],
            odds=self._odds[rows, key],
            score=self._score[rows, key],
        )

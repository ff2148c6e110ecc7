"""Operators along events: each event of a kind gets a number that may rest on earlier events. Folds with explicit state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, log
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.features import kernels
from undertow.features.memory import Memory

State = dict[str, Any]
Statistic = Literal["mean", "deviation", "highest", "lowest"]
SLOT_MINUTES = 5
SLOTS = 24 * 60 // SLOT_MINUTES
GRID = 1024.0  #: steps to a price unit that candlesticks see; whole prices stay as they are
FADED = 40 * log(2.0)  #: a decay is forgotten when it weighs less than 2**-40


def _ring(keys: int, n: int) -> State:
    return {"ring": np.full((keys, n), np.nan), "count": np.zeros(keys, np.int64)}


@dataclass(frozen=True, slots=True)
class Lag:
    """The value ``n`` events earlier."""

    n: int

    @property
    def memory(self) -> Memory:
        """``n`` events before this one."""
        return Memory(events=self.n)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return _ring(keys, self.n)

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.lag(key, x, state["ring"], state["count"], out)
        return out


@dataclass(frozen=True, slots=True)
class Window:
    """A statistic of the last ``n`` events: mean, deviation, lowest or highest."""

    n: int
    statistic: Statistic

    def __post_init__(self) -> None:
        if self.n < 1 or self.statistic not in get_args(Statistic):
            raise ValueError(f"a window has n >= 1 and one of {', '.join(get_args(Statistic))}, not {self.n} and {self.statistic!r}")

    @property
    def memory(self) -> Memory:
        """``n - 1`` events before this one."""
        return Memory(events=self.n - 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return _ring(keys, self.n)

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        ring, count = state["ring"], state["count"]
        if self.statistic == "mean":
            kernels.mean(key, x, ring, count, out)
        elif self.statistic == "deviation":
            kernels.deviation(key, x, ring, count, out)
        else:
            kernels.extreme(key, x, ring, count, 1.0 if self.statistic == "highest" else -1.0, out)
        return out


@dataclass(frozen=True, slots=True)
class Smooth:
    """Exponential smoothing with weight ``alpha``, seeded by the mean of the first ``n`` values."""

    fades: ClassVar[bool] = True
    n: int
    alpha: float

    @property
    def memory(self) -> Memory:
        """Events until the seed weighs less than 2**-40."""
        return Memory(events=self.n + ceil(FADED / -log(1.0 - self.alpha)))

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"count": np.zeros(keys, np.int64), "value": np.zeros(keys)}

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.smooth(key, x, self.n, self.alpha, state["count"], state["value"], out)
        return out


@dataclass(frozen=True, slots=True)
class SessionSum:
    """Sum since the session began; takes the value and the session's number."""

    @property
    def memory(self) -> Memory:
        """The session so far."""
        return Memory(sessions=1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"current": np.full(keys, -1, np.int64), "total": np.zeros(keys)}

    def push(self, state: State, key: I64, x: F64, session: F64) -> F64:
        """key (n,), x (n,), session (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.session_sum(key, x, session.astype(np.int64), state["current"], state["total"], out)
        return out


@dataclass(frozen=True, slots=True)
class SlotScore:
    """Standard score against the same five minutes of the day in the ``n`` sessions before; takes the value, the minute and the session."""

    n: int

    @property
    def memory(self) -> Memory:
        """``n`` sessions before this one."""
        return Memory(sessions=self.n + 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        shape = (keys, SLOTS, self.n)
        return {"ring": np.full(shape, np.nan), "day": np.zeros(shape, np.int64), "count": np.zeros((keys, SLOTS), np.int64)}

    def push(self, state: State, key: I64, x: F64, minute: F64, session: F64) -> F64:
        """key (n,), x (n,), minute of the New York day (n,), session's number (n,) -> (n,)."""
        out = np.empty(len(x))
        slot = minute.astype(np.int64) // SLOT_MINUTES
        kernels.slot_score(key, x, slot, session.astype(np.int64), state["ring"], state["day"], state["count"], out)
        return out


class Strips(NamedTuple):
    """Every symbol's last bars and its new ones, one symbol after the other, so that one call of TA-Lib serves them all.

    bars  : float64 (4, length)  open, high, low, close
    place : int64 (n,)  where each new bar lies
    early : bool (n,)   too little is known before it; None where that is true of none
    """

    bars: F64
    place: I64
    early: Array | None


@dataclass(frozen=True, slots=True)
class Strip:
    """The last ``n`` bars before each new one; takes open, high, low, close."""

    n: int = 40  #: bars a pattern and its body averages look back; 40 covers every pattern of TA-Lib

    @property
    def memory(self) -> Memory:
        """``n`` bars before this one."""
        return Memory(events=self.n)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"tail": np.zeros((keys, 4, self.n)), "whole": np.zeros(keys, np.int64)}

    def push(self, state: State, key: I64, *prices: F64) -> Strips:
        """key (n,), four prices (n,) -> strips; prices are rounded to a grid on which TA-Lib's running sums are exact."""
        bars = np.rint(np.stack(prices) * GRID) / GRID
        tail = state["tail"]
        out, place = np.empty((4, len(key) + len(tail) * self.n)), np.empty(len(key), np.int64)
        length = kernels.strips(key, bars, tail, state["whole"], out, place)
        early = place < 0
        return Strips(out[:, :length], place, early if early.any() else None)


@dataclass(frozen=True, slots=True)
class Candlestick:
    """One of TA-Lib's 61 patterns: -1 bearish, +1 bullish, 0 none, and ±0.8 of an engulfing or harami whose bodies share an end."""

    pattern: str  #: TA-Lib's name, for example CDLENGULFING

    def __call__(self, strips: Strips) -> F64:
        """Strips with n new bars -> (n,)."""
        found = _recogniser(self.pattern)(*strips.bars)[strips.place] / 100.0
        if strips.early is not None:
            found[strips.early] = np.nan
        return found


@cache
def _recogniser(pattern: str) -> Callable[..., Array]:
    import talib  # a second to load

    # without TA-Lib's wrapper, which looks for data frames in every call
    plain: Callable[..., Array] = getattr(talib, pattern).__wrapped__
    return plain

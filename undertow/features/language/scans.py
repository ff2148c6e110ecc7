"""Operators along events: each event of a kind gets a number that may rest on earlier events. Folds with explicit state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import ceil, log
from typing import Any, ClassVar, Literal, NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.features.language import kernels, statistics, steps_candles, steps_scans
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import CODES, OF_TWO, Statistic
from undertow.features.language.steps import Compiled

State = dict[str, Any]
OfSlot = Literal["score", "rank"]
SLOTS = 24 * 60 // kernels.SLOT_MINUTES
GRID = 1024.0  #: steps to a price unit that candlesticks see; whole prices stay as they are
LONG_AGO = -(2**62)
FADED = 40 * log(2.0)  #: a decay is forgotten when it weighs less than 2**-40


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
        return {"ring": np.full((keys, self.n), np.nan), "slot": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_scans.lag, ("ring", "slot"), (self.n,))

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.lag(key, x, state["ring"], state["slot"], out)
        return out


@dataclass(frozen=True, slots=True)
class Window:
    """A statistic of the last ``n`` events, or of every ``step``-th; see ``statistics``."""

    n: int
    statistic: Statistic
    step: int = 1

    def __post_init__(self) -> None:
        if self.n < 1 or self.step < 1 or self.statistic not in CODES:
            raise ValueError(f"a window has n >= 1 and one of {', '.join(CODES)}, not {self.n} and {self.statistic!r}")

    @property
    def memory(self) -> Memory:
        """``n - 1`` steps before this event."""
        return Memory(events=(self.n - 1) * self.step)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        extreme = self.step == 1 and self.statistic in ("highest", "lowest")
        room = (self.n - 1) * self.step + 1 + extreme  # the best of them lies behind the rest
        state: State = {name: np.zeros(keys, np.int64) for name in ("count", "slot", "rough")}
        long_ago = {name: np.full(keys, LONG_AGO, np.int64) for name in ("at", "missing")}
        return state | long_ago | {"ring": np.full((keys, room), np.nan), "total": np.zeros((2, keys), np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        extreme, what = self.step == 1 and self.statistic in ("highest", "lowest"), CODES[self.statistic]
        room = (self.n - 1) * self.step + 1 + extreme
        if self.step > 1 or what > 3:
            return Compiled(steps_scans.statistic, steps_scans.WINDOW_STATE, (room, self.n, self.step, what))
        if extreme:
            return Compiled(steps_scans.extreme, steps_scans.WINDOW_STATE, (room, 1.0 if self.statistic == "highest" else -1.0))
        if self.statistic == "mean":
            step = steps_scans.short_mean if self.n <= kernels.FEW else steps_scans.mean
            return Compiled(step, steps_scans.WINDOW_STATE, (room,))
        return Compiled(steps_scans.deviation, steps_scans.WINDOW_STATE, (room,))

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        ring, count, slot = state["ring"], state["count"], state["slot"]
        if self.step > 1 or CODES[self.statistic] > 3:
            statistics.statistic(key, x, self.n, self.step, ring, count, CODES[self.statistic], out)
        elif self.statistic == "mean" and self.n <= kernels.FEW:
            kernels.short_mean(key, x, ring, count, slot, out)
        elif self.statistic == "mean":
            kernels.mean(key, x, ring, count, slot, state["total"][0], state["rough"], out)
        elif self.statistic == "deviation":
            kernels.deviation(key, x, ring, count, slot, state["total"], state["rough"], out)
        else:
            sign = 1.0 if self.statistic == "highest" else -1.0
            kernels.extreme(key, x, ring, count, slot, state["at"], state["missing"], sign, out)
        return out


@dataclass(frozen=True, slots=True)
class Regression:
    """Least squares on another column over the last ``n`` events: its ``slope``, ``t``, ``correlation`` or the newest ``residual``."""

    n: int
    statistic: str
    step: int = 1

    def __post_init__(self) -> None:
        if self.n < 2 or self.statistic not in OF_TWO:
            raise ValueError(f"a regression has n >= 2 and one of {', '.join(OF_TWO)}, not {self.n} and {self.statistic!r}")

    @property
    def memory(self) -> Memory:
        """``n - 1`` steps before this event."""
        return Memory(events=(self.n - 1) * self.step)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"ring": np.full((2, keys, (self.n - 1) * self.step + 1), np.nan), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.n, self.step, (self.n - 1) * self.step + 1, OF_TWO[self.statistic]
        return Compiled(steps_scans.regression, ("ring", "count"), numbers)

    def push(self, state: State, key: I64, y: F64, x: F64) -> F64:
        """key (n,), y (n,), x (n,) -> (n,)."""
        out = np.empty(len(y))
        statistics.regression(key, y, x, self.n, self.step, state["ring"], state["count"], OF_TWO[self.statistic], out)
        return out


@dataclass(frozen=True, slots=True)
class Smooth:
    """Exponential smoothing with weight ``alpha``, seeded by the mean of the first ``n`` values; each ``step``-th event by itself."""

    fades: ClassVar[bool] = True
    n: int
    alpha: float
    step: int = 1

    @property
    def memory(self) -> Memory:
        """Events until the seed weighs less than 2**-40."""
        return Memory(events=(self.n + ceil(FADED / -log(1.0 - self.alpha))) * self.step)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        rows = keys * self.step
        return {"count": np.zeros(rows, np.int64), "value": np.zeros(rows), "phase": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_scans.smooth, ("count", "value", "phase"), (self.n, self.step, float(self.alpha)))

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.smooth(key, x, self.n, self.step, self.alpha, state["count"], state["value"], state["phase"], out)
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

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_scans.session_sum, ("current", "total"), takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.session_sum(key, x, session, state["current"], state["total"], out)
        return out


@dataclass(frozen=True, slots=True)
class SessionFirst:
    """The first known value of the session; takes the value and the session's number."""

    @property
    def memory(self) -> Memory:
        """The session so far."""
        return Memory(sessions=1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"current": np.full(keys, -1, np.int64), "held": np.full(keys, np.nan)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_scans.session_first, ("current", "held"), takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.session_first(key, x, session, state["current"], state["held"], out)
        return out


@dataclass(frozen=True, slots=True)
class SlotScore:
    """Standard score, or mid-rank, among the same five minutes of the ``n`` sessions before; takes the value, minute and session."""

    n: int
    statistic: OfSlot = "score"

    @property
    def memory(self) -> Memory:
        """``n`` sessions before this one."""
        return Memory(sessions=self.n + 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        shape = (SLOTS, keys, self.n)
        return {"ring": np.full(shape, np.nan), "day": np.zeros(shape, np.int64), "count": np.zeros((SLOTS, keys), np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = SLOTS, self.n, int(self.statistic == "rank")
        return Compiled(steps_scans.slot_score, ("ring", "day", "count"), numbers, takes=(1, 2))

    def push(self, state: State, key: I64, x: F64, minute: I64, session: I64) -> F64:
        """key (n,), x (n,), minute of the New York day (n,), session's number (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels.slot_score(key, x, minute, session, state["ring"], state["day"], state["count"], self.statistic == "rank", out)
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


def _strips(state: State, n: int) -> Strips:
    place = state["place"][:n].copy()
    early = place < 0
    return Strips(state["bars"][:, : state["about"][steps_candles.LENGTH]].copy(), place, early if early.any() else None)


@dataclass(frozen=True, slots=True)
class Strip:
    """The last ``n`` bars before each new one; takes open, high, low, close."""

    n: int = 16  #: bars a pattern and its averages of bodies look back; the longest of TA-Lib's looks back 14

    @property
    def memory(self) -> Memory:
        """``n`` bars before this one."""
        return Memory(events=self.n)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"tail": np.zeros((keys, 4, self.n)), "whole": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled | None:
        """How it enters the machine, where TA-Lib's functions can be called without Python."""
        if not steps_candles.function_of("CDLDOJI"):
            return None
        return Compiled(
            steps_candles.strip,
            ("tail", "whole", "about"),
            (self.n, GRID),
            fresh=lambda keys: steps_candles.strip_state(keys, self.n),
            room=steps_candles.room_in_strip,
            register="about",
            shown=_strips,
        )

    def push(self, state: State, key: I64, *prices: F64) -> Strips:
        """key (n,), four prices (n,) -> strips; prices are rounded to a grid on which TA-Lib's running sums are exact."""
        bars = np.rint(np.stack(prices) * GRID) / GRID
        tail = state["tail"]
        out, place = np.empty((4, len(key) + len(tail) * self.n)), np.empty(len(key), np.int64)
        length, _ = kernels.strips(key, bars, tail, state["whole"], out, place, np.empty((len(tail), 2), np.int64))
        early = place < 0
        return Strips(out[:, :length], place, early if early.any() else None)


@dataclass(frozen=True, slots=True)
class Candlestick:
    """One of TA-Lib's 61 patterns: -1 bearish, +1 bullish, 0 none, and ±0.8 of an engulfing or harami whose bodies share an end."""

    pattern: str  #: TA-Lib's name, for example CDLENGULFING

    def compiled(self) -> Compiled | None:
        """How it enters the machine, where TA-Lib's functions can be called without Python."""
        function = steps_candles.function_of(self.pattern)
        depth = steps_candles.PENETRATION.get(self.pattern, float("nan"))
        return Compiled(steps_candles.candlestick, numbers=(function, depth)) if function else None

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

"""Kalman filters along bars: a level with its slope, and a hedge ratio to another series.

Noise is counted in units of the observation's own, so that gains, and with them what is forgotten, are known beforehand. Covariances are
updated in Joseph's form, which keeps them positive; a value that is not known is predicted and not learnt from.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import ceil, log, sqrt
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import ints, number, table
from undertow.features.language.memory import Memory
from undertow.features.language.scans import FADED
from undertow.features.language.steps import KEYS, MORE, OUT, Compiled, input_of, key_of, rows_of, step, whole_input_of

State = dict[str, Any]
LEVEL, SLOPE, SURPRISE, DISTANCE = 0, 1, 2, 3  #: numbers that ``LocalTrend`` gives; ``Hedge`` gives intercept, ratio and surprise


def steady_gain(q: float) -> float:
    """Gain to which a filter of a level alone settles, its variance a step being ``q`` times the observation's."""
    return (-q + sqrt(q * q + 4.0 * q)) / 2.0


@cache
def _settled(level: float, slope: float) -> tuple[float, float]:
    # the slope's variance once settled, and by how much an error shrinks a step: the largest eigenvalue of (I - KH) F
    p = np.array([[1.0, 0.0], [0.0, slope]])
    step = np.array([[1.0, 1.0], [0.0, 1.0]])
    noise = np.array([[level + slope / 3.0, slope / 2.0], [slope / 2.0, slope]])
    gain = np.zeros(2)
    for _ in range(20_000):
        p = step @ p @ step.T + noise
        gain = p[:, 0] / (p[0, 0] + 1.0)
        p = p - np.outer(gain, p[0])
    if slope == 0.0:
        return 0.0, 1.0 - float(gain[0])
    keeps = (np.eye(2) - np.outer(gain, [1.0, 0.0])) @ step
    return float(p[1, 1]), float(np.abs(np.linalg.eigvals(keeps)).max())


@dataclass(frozen=True, slots=True)
class LocalTrend:
    """A level that walks and a slope that walks; gives level, slope, the surprise before it was learnt from, and the value less the level.

    ``level`` and ``slope`` are variances a step in units of the observation's own; over a ``night`` the level walks so many steps more.
    The surprise is in units of its forecast's deviation times the deviation of an observation, which is not known here: divide it by its
    own root mean square. With ``slope`` 0 it is the local level model.
    """

    fades: ClassVar[bool] = True
    level: float
    slope: float
    night: float = 0.0

    def __post_init__(self) -> None:
        if not (self.level > 0.0 and self.slope >= 0.0 and self.night >= 0.0):
            raise ValueError(f"a filter needs level > 0, slope >= 0 and night >= 0, not {self.level}, {self.slope} and {self.night}")

    @property
    def memory(self) -> Memory:
        """Events until where it began weighs less than 2**-40, and half more for gains that had to settle first."""
        return Memory(events=ceil(1.5 * FADED / -log(_settled(self.level, self.slope)[1])))

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"at": np.full((keys, 3), np.nan), "covariance": np.zeros((keys, 3)), "session": np.full(keys, -1, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = float(self.level), float(self.slope), float(self.night), float(_settled(self.level, self.slope)[0])
        return Compiled(trend, ("at", "covariance", "session"), numbers, outputs=4, takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session's number (n,) -> (4, n)."""
        out = np.empty((4, len(x)))
        start = _settled(self.level, self.slope)[0]
        noise = self.level, self.slope, self.night
        local_trend(key, x, session, noise, start, state["at"], state["covariance"], state["session"], out)
        return out


@njit(cache=True)
def local_trend(
    key: I64, x: F64, session: I64, noise: tuple[float, float, float], start: float, at: F64, cov: F64, current: I64, out: F64
) -> None:
    """at (keys, 3) last known value, level above it, slope; cov (keys, 3) of level and slope by upper triangle; out (4, n).

    The level is kept as a distance from the last value: beside a log price its last bits would be too coarse to forget by (law 5).
    """
    level, slope, night = noise
    for i in range(key.shape[0]):
        k = key[i]
        fresh_day = session[i] != current[k]
        current[k] = session[i]
        out[2, i], out[3, i] = np.nan, np.nan
        if np.isnan(at[k, 0]):
            if not np.isnan(x[i]):
                at[k, 0], at[k, 1], at[k, 2] = x[i], 0.0, 0.0
                cov[k, 0], cov[k, 1], cov[k, 2] = 1.0, 0.0, start
                out[3, i] = 0.0
            out[0, i], out[1, i] = x[i], at[k, 2]
            continue
        above = at[k, 1] + at[k, 2]
        p00 = cov[k, 0] + 2.0 * cov[k, 1] + cov[k, 2] + level + slope / 3.0 + (night * level if fresh_day else 0.0)
        p01 = cov[k, 1] + cov[k, 2] + slope / 2.0
        p11 = cov[k, 2] + slope
        if not np.isnan(x[i]):
            error, total = (x[i] - at[k, 0]) - above, p00 + 1.0
            k0, k1 = p00 / total, p01 / total
            left = 1.0 - k0
            above = -left * error
            at[k, 0] = x[i]
            at[k, 2] += k1 * error
            out[2, i], out[3, i] = error / np.sqrt(total), -above
            crossed = p01 - k1 * p00
            p11 = p11 - k1 * p01 - k1 * crossed + k1 * k1
            p01 = left * crossed + k0 * k1
            p00 = left * left * p00 + k0 * k0
        at[k, 1] = above
        cov[k, 0], cov[k, 1], cov[k, 2] = p00, p01, p11
        out[0, i], out[1, i] = at[k, 0] + above, at[k, 2]


@dataclass(frozen=True, slots=True)
class Hedge:
    """Intercept and ratio of y = intercept + ratio * x + noise, both walking; gives intercept, ratio and surprise.

    A step's variance is ``delta`` / (1 - delta), that of y around the line ``noise``; the surprise is in its forecast's deviations.
    """

    fades: ClassVar[bool] = True
    delta: float
    noise: float

    def __post_init__(self) -> None:
        if not (0.0 < self.delta < 1.0 and self.noise > 0.0):
            raise ValueError(f"a hedge ratio needs 0 < delta < 1 and noise > 0, not {self.delta} and {self.noise}")

    @property
    def memory(self) -> Memory:
        """Events until where it began weighs less than 2**-40 when x has unit variance, and half more for quieter times."""
        return Memory(events=ceil(1.5 * FADED / -log(1.0 - steady_gain(self.delta / (1.0 - self.delta) / self.noise))))

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing: a ratio of 1, give or take 1."""
        return {"at": np.tile([0.0, 1.0], (keys, 1)), "covariance": np.tile([1.0, 0.0, 1.0], (keys, 1)), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        step = self.delta / (1.0 - self.delta)
        return Compiled(hedge_ratio, ("at", "covariance", "count"), (float(step), float(self.noise)), outputs=3)

    def push(self, state: State, key: I64, y: F64, x: F64) -> F64:
        """key (n,), y (n,), x (n,) -> (3, n); NaN until twenty pairs are known."""
        out = np.empty((3, len(y)))
        step = self.delta / (1.0 - self.delta)
        hedge(key, y, x, step, self.noise, state["at"], state["covariance"], state["count"], out)
        return out


FEWEST = 20  #: pairs before a ratio is told


@njit(cache=True)
def hedge(key: I64, y: F64, x: F64, step: float, noise: float, at: F64, cov: F64, count: I64, out: F64) -> None:
    """at (keys, 2) intercept and ratio; cov (keys, 3) its covariance by upper triangle; out (3, n) intercept, ratio, surprise."""
    for i in range(key.shape[0]):
        k, h = key[i], x[i]
        p00, p01, p11 = cov[k, 0] + step, cov[k, 1], cov[k, 2] + step
        out[2, i] = np.nan
        if np.isnan(y[i]) or np.isnan(h):
            # no more doubt than at the start, or a long silence would make anything believed
            p00, p11 = min(p00, 1.0), min(p11, 1.0)
        else:
            error = y[i] - at[k, 0] - h * at[k, 1]
            c0, c1 = p00 + h * p01, p01 + h * p11
            total = c0 + h * c1 + noise
            k0, k1 = c0 / total, c1 / total
            at[k, 0] += k0 * error
            at[k, 1] += k1 * error
            count[k] += 1
            out[2, i] = error / np.sqrt(total) if count[k] > FEWEST else np.nan
            a, b, c, d = 1.0 - k0, -k0 * h, -k1, 1.0 - k1 * h
            m00, m01, m10, m11 = a * p00 + b * p01, a * p01 + b * p11, c * p00 + d * p01, c * p01 + d * p11
            p00 = m00 * a + m01 * b + noise * k0 * k0
            p01 = m00 * c + m01 * d + noise * k0 * k1
            p11 = m10 * c + m11 * d + noise * k1 * k1
        cov[k, 0], cov[k, 1], cov[k, 2] = p00, p01, p11
        known = count[k] >= FEWEST
        out[0, i] = at[k, 0] if known else np.nan
        out[1, i] = at[k, 1] if known else np.nan


@step
def trend(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state at, covariance and session; numbers: three of noise, and the slope's start."""
    x, session, keys = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), f[KEYS]
    state, cov, current = table(f[MORE + 2], keys, 3), table(f[MORE + 3], keys, 3), ints(f[MORE + 4], keys)
    noise = number(f[MORE + 5]), number(f[MORE + 6]), number(f[MORE + 7])
    out = table(at[f[OUT]], 4, rows_of(f, kinds))
    local_trend(key_of(f, kinds), x, session, noise, number(f[MORE + 8]), state, cov, current, out)


@step
def hedge_ratio(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs; state at, covariance and count; numbers: variance a step, noise."""
    y, x, keys = input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), f[KEYS]
    state, cov, count = table(f[MORE + 2], keys, 2), table(f[MORE + 3], keys, 3), ints(f[MORE + 4], keys)
    out = table(at[f[OUT]], 3, rows_of(f, kinds))
    hedge(key_of(f, kinds), y, x, number(f[MORE + 5]), number(f[MORE + 6]), state, cov, count, out)

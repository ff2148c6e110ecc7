"""A series against others: return of a residual to its mean, and what several columns leave unexplained."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import cube, ints, table
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import mean_of
from undertow.features.language.steps import KEYS, MORE, OUT, Compiled, input_of, key_of, output_of, rows_of, step

State = dict[str, Any]
SCORE, HALF_LIFE = 0, 1  #: numbers that ``Reversion`` gives


def rate_of(b: float, step: float) -> float:
    """Rate at which a first-order autoregression with coefficient ``b`` a ``step`` returns to its mean."""
    return -log(b) / step


def half_life(rate: float) -> float:
    """Time in which half of a distance to the mean is gone, in the unit of 1 / rate."""
    return log(2.0) / rate


@njit(cache=True)
def unbiased(b: float, n: int) -> float:
    """A coefficient estimated from ``n`` steps, without the bias -(1 + 3b) / n that makes half-lives too short."""
    return b + (1.0 + 3.0 * b) / n


@dataclass(frozen=True, slots=True)
class Reversion:
    """y less its least squares on x over the last ``n`` events, summed up and fitted with a first-order autoregression.

    Gives the distance of the newest sum from the mean it returns to, in deviations of its equilibrium (Avellaneda and Lee 2010), and the
    half-life in events. NaN where there is no return once the coefficient's bias is taken off, or fewer than half of the pairs are known.
    """

    n: int

    def __post_init__(self) -> None:
        if self.n < 20:
            raise ValueError(f"a return to a mean needs n >= 20 events, not {self.n}")

    @property
    def memory(self) -> Memory:
        """``n - 1`` events before this one."""
        return Memory(events=self.n - 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"ring": np.full((2, keys, self.n), np.nan), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(return_to_mean, ("ring", "count"), (self.n,), outputs=2)

    def push(self, state: State, key: I64, y: F64, x: F64) -> F64:
        """key (n,), y (n,), x (n,) -> (2, n)."""
        out = np.empty((2, len(y)))
        reversion(key, y, x, state["ring"], state["count"], out)
        return out


@njit(cache=True)
def reversion(key: I64, y: F64, x: F64, ring: F64, count: I64, out: F64) -> None:
    """ring (2, keys, n); out (2, n) score and half-life."""
    n = ring.shape[2]
    window = np.empty((2, n))
    for i in range(key.shape[0]):
        k = key[i]
        ring[0, k, count[k] % n], ring[1, k, count[k] % n] = y[i], x[i]
        count[k] += 1
        out[0, i], out[1, i] = np.nan, np.nan
        if count[k] < n or np.isnan(y[i]) or np.isnan(x[i]):
            continue
        m, at = 0, count[k] % n
        for _ in range(n):
            window[0, m], window[1, m] = ring[0, k, at], ring[1, k, at]
            m += not np.isnan(window[0, m] + window[1, m])
            at = at + 1 if at + 1 < n else 0
        if 2 * m >= n:
            out[0, i], out[1, i] = distance(window[0, :m], window[1, :m])


@njit(cache=True)
def distance(y: F64, x: F64) -> tuple[float, float]:
    """Distance from the mean in deviations, and half-life in events; y (m,) and x (m,) oldest first. y is overwritten."""
    m = y.shape[0]
    at_x, at_y = mean_of(x), mean_of(y)
    sxx, sxy, syy = 0.0, 0.0, 0.0
    for j in range(m):
        sxx += (x[j] - at_x) ** 2
        sxy += (x[j] - at_x) * (y[j] - at_y)
        syy += (y[j] - at_y) ** 2
    slope = sxy / sxx if sxx > 0.0 else 0.0
    # a series against itself leaves nothing but rounding
    if not syy - slope * sxy > 1e-12 * syy:
        return np.nan, np.nan
    total = 0.0
    for j in range(m):
        total += y[j] - at_y - slope * (x[j] - at_x)
        y[j] = total
    before, after = mean_of(y[:-1]), mean_of(y[1:])
    sbb, sba, saa = 0.0, 0.0, 0.0
    for j in range(m - 1):
        sbb += (y[j] - before) ** 2
        sba += (y[j] - before) * (y[j + 1] - after)
        saa += (y[j + 1] - after) ** 2
    raw = sba / sbb
    b = unbiased(raw, m - 1)
    if not 0.0 < b < 1.0:
        return np.nan, np.nan
    mean, noise = (after - b * before) / (1.0 - b), (saa - raw * sba) / (m - 3)
    if not noise > 0.0:
        return np.nan, np.nan
    return float((y[m - 1] - mean) / np.sqrt(noise / (1.0 - b * b))), float(-np.log(2.0) / np.log(b))


@dataclass(frozen=True, slots=True)
class Unexplained:
    """What least squares with an intercept on three columns over the last ``n`` events leaves of the newest, in deviations.

    Rows of which a number is not known are left out; a quarter of ``n`` has to remain. NaN where two columns tell the same.
    """

    n: int

    @property
    def memory(self) -> Memory:
        """``n - 1`` events before this one."""
        return Memory(events=self.n - 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"ring": np.full((keys, self.n, 4), np.nan), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(left_unexplained, ("ring", "count"), (self.n,))

    def push(self, state: State, key: I64, y: F64, a: F64, b: F64, c: F64) -> F64:
        """key (n,), y (n,), three columns (n,) -> (n,)."""
        out = np.empty(len(y))
        unexplained(key, np.stack([y, a, b, c], axis=1), state["ring"], state["count"], out)
        return out


@njit(cache=True)
def unexplained(key: I64, rows: F64, ring: F64, count: I64, out: F64) -> None:
    """rows (n, 4): what is to be explained and by what; ring (keys, window, 4)."""
    n = ring.shape[1]
    sums = np.empty((5, 4))
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = rows[i]
        count[k] += 1
        out[i] = np.nan
        if not np.isnan(rows[i].sum()):
            m = _moments(ring[k], count[k] % n, rows[i], sums)
            if m > 8 and 4 * m >= n:
                out[i] = _left(sums, m)


@njit(cache=True)
def _moments(ring: F64, first: int, newest: F64, sums: F64) -> float:
    # products about the means of the rows that are known, oldest first, seen from the newest row; returns how many they are.
    # Sums that stand side by side in registers do not wait for one another.
    m, y0, a0, b0, c0 = 0.0, newest[0], newest[1], newest[2], newest[3]
    y1 = a1 = b1 = c1 = yy = ya = yb = yc = aa = ab = ac = bb = bc = cc = 0.0
    n = ring.shape[0]
    at = first
    for _ in range(n):
        y, a, b, c = ring[at, 0] - y0, ring[at, 1] - a0, ring[at, 2] - b0, ring[at, 3] - c0
        at += 1
        if at == n:
            at = 0
        if np.isnan(y + a + b + c):
            continue
        m += 1.0
        y1, a1, b1, c1 = y1 + y, a1 + a, b1 + b, c1 + c
        yy, ya, yb, yc = yy + y * y, ya + y * a, yb + y * b, yc + y * c
        aa, ab, ac = aa + a * a, ab + a * b, ac + a * c
        bb, bc, cc = bb + b * b, bc + b * c, cc + c * c
    means = (y1 / m, a1 / m, b1 / m, c1 / m)
    products = (yy, ya, yb, yc, aa, ab, ac, bb, bc, cc)
    at = 0
    for p in range(4):
        sums[4, p] = -means[p]  # the newest row's distance from the mean
        for q in range(p, 4):
            sums[p, q] = products[at] - m * means[p] * means[q]
            sums[q, p] = sums[p, q]
            at += 1
    return m


@njit(cache=True)
def _left(sums: F64, m: float) -> float:
    # sweeps each explaining column out of those after it and out of the first, as Gauss would
    whole = (sums[0, 0], sums[1, 1], sums[2, 2], sums[3, 3])
    for a in range(1, 4):
        if not sums[a, a] > 1e-10 * whole[a]:
            return np.nan
        for b in range(4):
            if b == 0 or b > a:
                share = sums[b, a] / sums[a, a]
                sums[4, b] -= share * sums[4, a]
                for d in range(4):
                    sums[b, d] -= share * sums[a, d]
    left = sums[0, 0]
    return float(sums[4, 0] / np.sqrt(left / (m - 4.0))) if left > 1e-12 * whole[0] else np.nan


@step
def return_to_mean(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs; state ring and count; number: n."""
    keys, n = f[KEYS], f[MORE + 4]
    ring, count, out = cube(f[MORE + 2], 2, keys, n), ints(f[MORE + 3], keys), table(at[f[OUT]], 2, rows_of(f, kinds))
    reversion(key_of(f, kinds), input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), ring, count, out)


@step
def left_unexplained(f: Any, at: Any, kinds: Any) -> None:
    """Four inputs; state ring and count; number: n."""
    n, keys, rows = f[MORE + 6], f[KEYS], np.empty((rows_of(f, kinds), 4))
    for p in range(4):
        rows[:, p] = input_of(f, at, kinds, p)
    unexplained(key_of(f, kinds), rows, cube(f[MORE + 4], keys, n, 4), ints(f[MORE + 5], keys), output_of(f, at, kinds))

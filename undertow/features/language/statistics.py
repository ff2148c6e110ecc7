"""Statistics of a window, from its values alone, oldest first: what a number says never depends on where a run began (laws 3, 5).

The folds that call them stand here too: a compiled function is kept on disk until its own file changes, whatever it calls.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.kernels import unrolled

Statistic = Literal[
    "mean",
    "deviation",
    "highest",
    "lowest",
    "rank",
    "median",
    "robust_score",
    "slope",
    "slope_t",
    "skewness",
    "autocorrelation",
    "first",
    "mean_distance",
    "since_highest",
    "since_lowest",
]
CODES: dict[str, int] = {name: i for i, name in enumerate(get_args(Statistic))}
OfTwo = Literal["slope", "t", "correlation", "residual"]
OF_TWO: dict[str, int] = {name: i for i, name in enumerate(get_args(OfTwo))}
NORMAL_MAD = 1.4826  #: the median absolute deviation times this estimates a normal distribution's standard deviation


@njit(cache=True)
def mean_of(x: F64) -> float:
    """Mean of x (n,), summed from the first to the last."""
    total = 0.0
    for j in range(x.shape[0]):
        total += x[j]
    return float(total / x.shape[0])


@njit(cache=True)
def moment(x: F64, centre: float, power: int) -> float:
    """Mean of (x - centre) ** power, a power of 2 or 3."""
    total = 0.0
    for j in range(x.shape[0]):
        away = x[j] - centre
        total += away * away if power == 2 else away * (away * away)
    return float(total / x.shape[0])


@njit(cache=True)
def rank_of_last(x: F64) -> float:
    """Mid-rank in (0, 1) of the last value among all of them."""
    less, ties = 0, 0
    newest = x[x.shape[0] - 1]
    for j in range(x.shape[0]):
        less += x[j] < newest
        ties += x[j] == newest
    return float((less + 0.5 * ties) / x.shape[0])


@njit(cache=True)
def middle(x: F64) -> float:
    """Median of x (n,); x is put in order."""
    x.sort()
    n = x.shape[0]
    return float(x[n // 2] if n % 2 else 0.5 * (x[n // 2 - 1] + x[n // 2]))


@njit(cache=True)
def robust_score(x: F64) -> float:
    """Distance of the last value from the median in standard deviations estimated by the median absolute deviation."""
    newest = x[x.shape[0] - 1]
    centre = middle(x)
    spread = NORMAL_MAD * middle(np.abs(x - centre))
    return (newest - centre) / spread if spread > 0.0 else np.nan


@njit(cache=True)
def mean_distance(x: F64) -> float:
    """Mean distance of x (n,) from its mean."""
    centre, total = mean_of(x), 0.0
    for j in range(x.shape[0]):
        total += abs(x[j] - centre)
    return float(total / x.shape[0])


@njit(cache=True)
def since_extreme(x: F64, sign: float) -> float:
    """How many values ago the newest of the largest (``sign`` 1) or smallest (-1) was."""
    at = 0
    for j in range(1, x.shape[0]):
        if sign * x[j] >= sign * x[at]:
            at = j
    return float(x.shape[0] - 1 - at)


@njit(cache=True)
def of_two(y: F64, x: F64, what: int) -> float:
    """Least squares of y on x, both (n,): slope 0, its t-statistic 1, correlation 2, residual of the newest 3; NaN without variance."""
    n = y.shape[0]
    at_x, at_y = 0.0, 0.0
    for j in range(n):
        at_x += x[j]
        at_y += y[j]
    at_x, at_y = at_x / n, at_y / n
    if np.isnan(at_x) or np.isnan(at_y):
        return np.nan
    sxx, sxy, syy = 0.0, 0.0, 0.0
    for j in range(n):
        sxx += (x[j] - at_x) ** 2
        sxy += (x[j] - at_x) * (y[j] - at_y)
        syy += (y[j] - at_y) ** 2
    if not sxx > 0.0:
        return np.nan
    slope = sxy / sxx
    if what == 0:
        return slope
    if what == 3:
        return float(y[n - 1] - at_y - slope * (x[n - 1] - at_x))
    if not syy > 0.0:
        return np.nan
    if what == 2:
        return float(sxy / np.sqrt(sxx * syy))
    left = syy - slope * sxy
    # a perfect fit has no error to measure a slope by
    return slope / np.sqrt(left / (n - 2) / sxx) if n > 2 and left > 1e-14 * syy else np.nan


@njit(cache=True)
def statistic_of(x: F64, what: int) -> float:
    """The statistic with number ``what`` in ``CODES`` of x (n,), oldest first; x may be put in order. NaN where any value is."""
    n = x.shape[0]
    for j in range(n):
        if np.isnan(x[j]):
            return np.nan
    if what == 0:
        return mean_of(x)
    if what == 1:
        return float(np.sqrt(moment(x, mean_of(x), 2)))
    if what == 2:
        return float(x.max())
    if what == 3:
        return float(x.min())
    if what == 4:
        return rank_of_last(x)
    if what == 5:
        return middle(x)
    if what == 6:
        return robust_score(x)
    if what == 7 or what == 8:
        return of_two(x, np.arange(n).astype(np.float64), what - 7)
    if what == 9:
        centre = mean_of(x)
        spread = moment(x, centre, 2)
        return moment(x, centre, 3) / spread**1.5 if spread > 0.0 else np.nan
    if what == 10:
        return of_two(x[1:], x[:-1], 2) if n > 2 else np.nan
    if what == 12:
        return mean_distance(x)
    if what == 13 or what == 14:
        return since_extreme(x, 1.0 if what == 13 else -1.0)
    return float(x[0])


@njit(cache=True)
def statistic(key: I64, x: F64, n: int, step: int, ring: F64, count: I64, what: int, out: F64) -> None:
    """Statistic number ``what`` of the last ``n`` values, ``step`` apart."""
    window = np.empty(n)
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % ring.shape[1]] = x[i]
        count[k] += 1
        if count[k] < ring.shape[1]:
            out[i] = np.nan
            continue
        unrolled(ring[k], count[k], step, window)
        out[i] = statistic_of(window, what)


@njit(cache=True)
def regression(key: I64, y: F64, x: F64, n: int, step: int, ring: F64, count: I64, what: int, out: F64) -> None:
    """Least squares of the last ``n`` values of y on those of x, ``step`` apart; ring (2, keys, m). NaN where one is not known."""
    left, right = np.empty(n), np.empty(n)
    m = ring.shape[2]
    for i in range(key.shape[0]):
        k = key[i]
        ring[0, k, count[k] % m] = y[i]
        ring[1, k, count[k] % m] = x[i]
        count[k] += 1
        out[i] = np.nan
        if count[k] >= m:
            unrolled(ring[0, k], count[k], step, left)
            unrolled(ring[1, k], count[k], step, right)
            out[i] = of_two(left, right, what)

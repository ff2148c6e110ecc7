"""Is any of many models better than a benchmark? Hansen's test for superior predictive ability, by the stationary bootstrap.

Hansen 2005, "A test for superior predictive ability"; Politis and Romano 1994 for the bootstrap. Where the deflated Sharpe needs the
number of effective trials, this test takes the dependence of the trials from their returns.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput

LEAST_PERIODS = 30
_CELLS = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class Superiority:
    """p-values of "no model beats the benchmark"; ``p`` is consistent, ``lower`` and ``upper`` are its bounds."""

    p: float
    lower: float
    upper: float  #: White's reality check, studentised
    best: int  #: column with the largest studentised gain
    statistic: float
    block: float  #: mean length of the bootstrap's blocks, periods


def superior(gains: F64, *, block: float | None = None, draws: int = 1_000, seed: int = 0) -> Superiority:
    """Test gains over the benchmark (periods, models), finite; against staying out they are the returns themselves.

    ``block`` is the mean length of blocks, by default the cube root of the number of periods. The p-values count the data among the
    draws, so none is below 1 / (draws + 1). Raises ``BadInput`` for fewer than 30 periods or models none of which moves.
    """
    d = np.asarray(gains, np.float64)
    if d.ndim != 2 or not np.isfinite(d).all():
        raise BadInput("Superiority is tested on a table of finite gains, periods by models.")
    n = len(d)
    if n < LEAST_PERIODS:
        raise BadInput(f"Too short a record: this test takes at least {LEAST_PERIODS} periods, and there are {n}.")
    length = max(1.0, round(n ** (1 / 3)) if block is None else block)
    moving = np.flatnonzero(d.std(axis=0) > 1e-14 * np.maximum(1.0, np.abs(d).max(axis=0)))
    if not len(moving):
        raise BadInput("There is nothing to test: no model's gain moves.")
    x = d[:, moving]
    mean, error = x.mean(axis=0), np.sqrt(_long_run_variance(x, length) / n)
    score = mean / error
    statistic = max(0.0, float(score.max()))
    hopeless = score < -math.sqrt(2 * math.log(math.log(n)))
    centres = np.stack([np.maximum(mean, 0.0), np.where(hopeless, 0.0, mean), mean])
    beaten = np.zeros(3)
    for count in _resamples(n, length, draws, seed):
        drawn = count @ x / n
        for i, centre in enumerate(centres):
            beaten[i] += (np.maximum(((drawn - centre) / error).max(axis=1), 0.0) >= statistic).sum()
    lower, p, upper = ((beaten + 1) / (draws + 1)).tolist()
    return Superiority(p=p, lower=lower, upper=upper, best=int(moving[score.argmax()]), statistic=statistic, block=length)


def _long_run_variance(x: F64, block: float) -> F64:
    """Variance (models,) of sqrt(n) times the bootstrapped mean, in closed form (Politis and Romano)."""
    n, keep = len(x), 1 - 1 / block
    spectrum = np.fft.rfft(x - x.mean(axis=0), 2 * n, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:n] / n
    lag = np.arange(1, n)
    kernel = (n - lag) / n * keep**lag + lag / n * keep ** (n - lag)
    variance = covariance[0] + 2 * (kernel[:, None] * covariance[1:]).sum(axis=0)
    return np.asarray(np.maximum(variance, 1e-3 * covariance[0]), np.float64)


def _resamples(n: int, block: float, draws: int, seed: int) -> Iterator[F64]:
    """How often each period is drawn, (some draws, n) at a time: blocks of geometric length that wrap round the end."""
    rng = np.random.default_rng(seed)
    step, time = max(1, _CELLS // n), np.arange(n)
    for begin in range(0, draws, step):
        some = min(step, draws - begin)
        fresh = rng.random((some, n)) < 1 / block
        fresh[:, 0] = True
        last = np.maximum.accumulate(np.where(fresh, time, 0), axis=1)
        start = np.take_along_axis(rng.integers(0, n, (some, n)), last, axis=1)
        place = (start + time - last) % n + n * np.arange(some)[:, None]
        yield np.bincount(place.ravel(), minlength=some * n).reshape(some, n).astype(np.float64)

"""The Sharpe ratio's inference as revised: autocorrelated returns, errors at the hypothesis, and how many discoveries are false.

López de Prado, Lipton and Zoonekynd 2026, "How to use the Sharpe ratio" (SSRN 5520741). All Sharpe ratios are per period. Beside
``sharpe``, which follows the papers of 2012 and 2014: here the error is taken where the hypothesis is, with n and not n - 1.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from undertow.validation.significance.sharpe import Moments, best_of, hurdle

_NORMAL = NormalDist()


def standard_error(m: Moments, true: float | None = None) -> float:
    """Standard error of the estimated Sharpe if the true one is ``true`` (as estimated, if left out) and returns follow an AR(1)."""
    if m.periods < 2 or math.isnan(m.sharpe):
        return math.nan
    return math.sqrt(_factor(m, m.sharpe if true is None else true) / m.periods)


def _factor(m: Moments, true: float) -> float:
    r = min(max(m.autocorrelation, -0.99), 0.99)
    flat = (1 + r) / (1 - r)
    tilt = (1 + r + r * r) / (1 - r * r) * m.skew * true
    bend = (1 + r * r) / (1 - r * r) * (m.kurtosis - 1) / 4 * true**2
    return max(1e-12, flat - tilt + bend)


def psr(m: Moments, benchmark: float = 0.0) -> float:
    """Probability that the true Sharpe exceeds ``benchmark``."""
    error = standard_error(m, benchmark)
    return math.nan if math.isnan(error) else _NORMAL.cdf((m.sharpe - benchmark) / error)


def min_track_record(m: Moments, benchmark: float = 0.0, confidence: float = 0.95) -> float:
    """Periods needed before ``psr`` against ``benchmark`` reaches ``confidence``; infinite if the Sharpe is not above it."""
    if math.isnan(m.sharpe) or m.sharpe <= benchmark:
        return math.inf
    return _factor(m, benchmark) * (_NORMAL.inv_cdf(confidence) / (m.sharpe - benchmark)) ** 2


def chance_of_missing(m: Moments, true: float, alpha: float = 0.05) -> float:
    """Probability that a test at ``alpha`` against zero overlooks a strategy whose true Sharpe is ``true`` (type II error)."""
    line = _NORMAL.inv_cdf(1 - alpha) * standard_error(m, 0.0)
    return _NORMAL.cdf((line - true) / standard_error(m, true))


def planned_fdr(m: Moments, true: float, share: float, alpha: float = 0.05) -> float:
    """Share of false discoveries in a test at ``alpha``, where a ``share`` of strategies has the Sharpe ``true``."""
    false = alpha * (1 - share)
    return false / (false + (1 - chance_of_missing(m, true, alpha)) * share)


def observed_fdr(m: Moments, true: float, share: float) -> float:
    """Probability that this strategy is worthless, given that a Sharpe at least as high as its own was seen (``share`` as above)."""
    false = (1 - psr(m)) * (1 - share)
    found = (1 - _NORMAL.cdf((m.sharpe - true) / standard_error(m, true))) * share
    return false / (false + found) if false + found > 0 else 0.0


def dsr(m: Moments, trials: float, variance: float) -> float:
    """Deflated Sharpe: probability that it exceeds what the best of ``trials`` worthless strategies shows by chance.

    ``variance`` is that of the trials' per-period Sharpes; the spread of the best of them is the measure, not the error of one.
    """
    if math.isnan(m.sharpe) or variance <= 0:
        return math.nan
    return _NORMAL.cdf((m.sharpe - hurdle(trials, variance)) / (math.sqrt(variance) * best_of(trials)[1]))

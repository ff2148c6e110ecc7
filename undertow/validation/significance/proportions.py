"""Shares and hit rates: exact limits, gates that do not cry wolf, and what is left of a hit rate once luck is taken out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.validation.significance.sharpe import best_of

PRIOR_STRENGTH = 200.0  #: outcomes that the prior is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class HitRate:
    """A hit rate drawn towards a prior: Beta-Binomial posterior mean with a central interval."""

    rate: float
    low: float
    high: float
    outcomes: float  #: that speak for it, discounted ones in part


def clopper_pearson(hits: int, n: int, confidence: float = 0.95, sides: Literal[1, 2] = 2) -> tuple[float, float]:
    """Exact limits of a share of which ``hits`` of ``n`` were seen; with one side each limit holds by itself with ``confidence``."""
    from scipy.special import betaincinv

    if not 0 <= hits <= n or n < 1:
        raise BadInput(f"{hits} of {n} is not a share.")
    tail = (1 - confidence) / sides
    low = float(betaincinv(hits, n - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def binomial_gate(n: int, rate: float = 0.05, alarm: float = 0.05) -> int:
    """The most of ``n`` that may fail before a gate closes, so that it closes with at most ``alarm`` where each fails at ``rate``.

    >>> binomial_gate(200), binomial_gate(50)
    (15, 5)
    """
    from scipy.special import bdtrc

    return int(np.argmax(bdtrc(np.arange(n + 1), n, rate) <= alarm))


def best_null_hit_rate(trades: int, contestants: int = 20) -> float:
    """Hit rate that the best of ``contestants`` coin-flippers is expected to show over so many trades each (normal approximation)."""
    return 0.5 + 0.5 * best_of(float(contestants))[0] / math.sqrt(trades)


def shrunk_hit_rate(hits: float, n: float, prior: float = 0.5, strength: float = PRIOR_STRENGTH, confidence: float = 0.8) -> HitRate:
    """Hit rate of ``hits`` in ``n`` outcomes (fractions where they are discounted), drawn towards ``prior`` worth ``strength`` outcomes."""
    from scipy.special import betaincinv

    if not 0 <= hits <= n or not 0 < prior < 1 or strength <= 0:
        raise BadInput(f"{hits} hits in {n} outcomes with a prior of {prior} worth {strength} outcomes make no hit rate.")
    a, b = hits + prior * strength, n - hits + (1 - prior) * strength
    low, high = betaincinv(a, b, [(1 - confidence) / 2, (1 + confidence) / 2]).tolist()
    return HitRate(rate=a / (a + b), low=low, high=high, outcomes=n)


def discounted(outcomes: F64, keep: float = 0.99) -> tuple[float, float]:
    """Hits and outcomes that are left of outcomes (n,) in {0, 1}, in order of time, where each newer one leaves ``keep`` of the older."""
    y = np.asarray(outcomes, np.float64)
    weight = keep ** np.arange(len(y) - 1, -1, -1)
    return float((weight * y).sum()), float(weight.sum())


def prior_strength(hits: F64, n: F64, least: float = 20.0, most: float = 1e5) -> float:
    """What a shared prior is worth, in outcomes, from hits (groups,) among n (groups,): p(1 - p) over the variance between groups, less 1.

    The variance between groups is what remains of the hit rates' variance once binomial chance is taken out (empirical Bayes, by moments).
    """
    trials = np.asarray(n, np.float64)
    used = trials > 0
    trials = trials[used]
    if len(trials) < 2:
        return most
    rate = np.asarray(hits, np.float64)[used] / trials
    total = trials.sum()
    p = float((trials * rate).sum() / total)
    # moments of a one-way layout: what groups of unequal size would spread by chance alone is subtracted
    spread = float((trials * (rate - p) ** 2).sum()) - (len(trials) - 1) * p * (1 - p)
    scale = total - float((trials**2).sum()) / total - (len(trials) - 1)
    between = spread / scale if scale > 0 else 0.0
    return most if between <= 0 else float(np.clip(p * (1 - p) / between - 1, least, most))

"""A threshold with a guarantee: above it, calls are right more often than asked, unless chance of less than one in twenty fooled us.

Thresholds declared beforehand are walked from the strictest; each is tested exactly, and the first that fails ends the walk. So the risk of
certifying any threshold that does not deserve it stays at ``alpha``, however many are walked (fixed-sequence testing, learn then test).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput

ALPHA = 0.05
POWER = 0.8
_START = 0.99  #: the first step must not fail by bad luck: with it the walk would end
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One threshold of the walk."""

    threshold: float  #: least probability of the called direction
    calls: int  #: independent ones
    hits: int
    p_value: float  #: chance of so many hits if calls were right as often as the target
    passed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What the walk found; ``threshold`` is infinite where nothing can be certified: then every call is NEUTRAL."""

    threshold: float
    target: float  #: hit rate that is exceeded
    alpha: float
    steps: tuple[Step, ...]  #: thresholds walked, the strictest first; the last one failed unless all passed
    lacking: float  #: further independent calls needed at the threshold that failed, if it goes on as it did; infinite if it would not do
    says: str  #: one plain sentence


def trades_to_certify(hit_rate: float, target: float = 0.5, alpha: float = ALPHA, power: float = POWER) -> float:
    """Independent calls after which a true ``hit_rate`` is told from ``target`` with probability ``power``; infinite if it is not above it.

    By the normal approximation, one-sided at ``alpha``.
    """
    if not 0.0 < target < 1.0 or not 0.0 <= hit_rate <= 1.0:
        raise BadInput(f"Hit rates lie between 0 and 1: not {hit_rate} against {target}.")
    if hit_rate <= target:
        return math.inf
    spread = _NORMAL.inv_cdf(1 - alpha) * math.sqrt(target * (1 - target)) + _NORMAL.inv_cdf(power) * math.sqrt(hit_rate * (1 - hit_rate))
    return float(math.ceil((spread / (hit_rate - target)) ** 2))


def hit_rate_from_ic(correlation: float) -> float:
    """Share of right directions of a signal that correlates so with the return, both normal: ½ + asin(correlation)/π.

    >>> round(hit_rate_from_ic(0.05), 4)
    0.5159
    """
    return 0.5 + math.asin(correlation) / math.pi


def chance_of_hits(hits: int, calls: int, target: float = 0.5) -> float:
    """Probability of ``hits`` or more in ``calls`` that are each right with probability ``target`` (exact binomial)."""
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, calls, target)) if hits > 0 else 1.0


def thresholds(p_up: F64, count: int = 10, target: float = 0.5, alpha: float = ALPHA, independent: float = 1.0) -> F64:
    """Thresholds (up to ``count``,) for ``certify``, falling from the strictest that would be certified if the probabilities are right.

    Where none would be with near certainty, from the most likely one.
    They are read off the probabilities alone and never off outcomes, so that walking them is as good as having declared them beforehand.
    """
    sure = np.sort(_surety(p_up))[::-1]
    calls = np.arange(1, len(sure) + 1) * independent
    said = np.cumsum(sure) / np.arange(1, len(sure) + 1)
    if not len(sure) or said[0] <= target:
        return np.array([0.5])
    line = _NORMAL.inv_cdf(1 - alpha) * math.sqrt(target * (1 - target))
    power = (np.sqrt(calls) * (said - target) - line) / np.sqrt(np.maximum(said * (1 - said), 1e-12))
    enough = np.flatnonzero(power >= _NORMAL.inv_cdf(_START))
    begin = int(enough[0]) if len(enough) else int(power.argmax())
    place = np.geomspace(begin + 1, len(sure), count).astype(np.int64) - 1
    return np.unique(np.append(sure[place[:-1]], 0.5))[::-1].copy()


def certify(p_up: F64, y: F64, walk: F64 | None = None, target: float = 0.5, alpha: float = ALPHA, independent: float = 1.0) -> Certificate:
    """Walk thresholds over probabilities p_up (n,) and outcomes y (n,) in {0, 1}, none of which any model or calibrator was taught with.

    ``walk`` are the thresholds, by default those of ``thresholds``; a call is a probability of its direction at or above one. ``target``
    is the hit rate to exceed: one half, or what pays the costs. ``independent`` is the share of rows that are independent; calls and
    hits are counted down by it. Raises ``BadInput`` for a target, alpha or share outside (0, 1].
    """
    if not (0.0 < target < 1.0 and 0.0 < alpha < 1.0 and 0.0 < independent <= 1.0):
        raise BadInput(
            f"A certificate needs a target, alpha and share of independent rows in (0, 1], not {target}, {alpha}, {independent}."
        )
    kept = np.isfinite(p_up) & np.isfinite(y) & (np.asarray(p_up) != 0.5)
    p, came = np.asarray(p_up, np.float64)[kept], np.asarray(y, np.float64)[kept] > 0.5
    sure, right = _surety(p), (p > 0.5) == came
    steps: list[Step] = []
    declared = thresholds(p, target=target, alpha=alpha, independent=independent) if walk is None else np.asarray(walk, np.float64)
    for threshold in np.sort(declared)[::-1]:
        calls = sure >= threshold
        n, hits = (math.floor(int(v.sum()) * independent + 1e-9) for v in (calls, calls & right))
        chance = chance_of_hits(hits, n, target)
        steps.append(Step(threshold=float(threshold), calls=n, hits=hits, p_value=chance, passed=chance <= alpha))
        if not steps[-1].passed:
            break
    return _certificate(tuple(steps), target, alpha)


def _surety(p_up: F64) -> F64:
    p = np.asarray(p_up, np.float64)
    p = p[np.isfinite(p)]
    return np.maximum(p, 1.0 - p)


def _certificate(steps: tuple[Step, ...], target: float, alpha: float) -> Certificate:
    passed = [s for s in steps if s.passed]
    failed = next((s for s in steps if not s.passed), None)
    lacking = 0.0
    if failed is not None:
        rate = failed.hits / failed.calls if failed.calls else 0.0
        lacking = max(1.0, trades_to_certify(rate, target, alpha) - failed.calls)
    threshold = passed[-1].threshold if passed else math.inf
    return Certificate(
        threshold=threshold,
        target=target,
        alpha=alpha,
        steps=steps,
        lacking=lacking,
        says=_sentence(passed, failed, target, alpha, lacking),
    )


def _sentence(passed: list[Step], failed: Step | None, target: float, alpha: float, lacking: float) -> str:
    if passed:
        best = passed[-1]
        return (
            f"Calls of probability {best.threshold:.3f} or more were right in {best.hits:,} of {best.calls:,} cases: more than "
            f"{target:.1%} of the time, at a risk of {alpha:.0%} to say so wrongly."
        )
    if failed is None or failed.calls == 0:
        return "No threshold can be certified: there are no calls with a known outcome. Everything is NEUTRAL."
    seen = f"{failed.hits:,} of {failed.calls:,} calls were right"
    if math.isinf(lacking):
        return f"No threshold can be certified: {seen}, not more than {target:.1%}. Everything is NEUTRAL."
    return (
        f"No threshold can be certified yet: {seen}; if it goes on like this, about {lacking:,.0f} more are needed. Everything is NEUTRAL."
    )

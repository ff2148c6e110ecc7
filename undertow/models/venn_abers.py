"""Probabilities as intervals without assumptions on their shape: the inductive Venn–Abers predictor.

Vovk, Petej and Fedorova 2015, "Large-scale probabilistic predictors with and without guarantees of validity": a score's outcome is
assumed to be 0, then 1; the isotonic fits of both give [p0, p1], of which one is calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.core.errors import BadInput


def merge(low: F64, high: F64) -> F64:
    """One probability from an interval, of any shape: high / (1 - low + high), which regrets least in log-loss."""
    return np.asarray(np.asarray(high) / (1.0 - np.asarray(low) + high), np.float64)


@dataclass(frozen=True, slots=True)
class VennAbers:
    """Intervals by score: between two neighbouring scores taught, each bound is constant."""

    score: F64  #: (k,) distinct, rising
    low: F64  #: (k,) p0 from this score on, to the next
    high: F64  #: (k,) p1 up to this score, from the one before
    method: str

    def interval(self, score: F64) -> tuple[F64, F64]:
        """p0 and p1 of scores of any shape; NaN stays NaN. Below all that was taught p0 is 0, above all of it p1 is 1."""
        s = np.asarray(score, np.float64)
        low = np.append(0.0, self.low)[np.searchsorted(self.score, s, "right")]
        high = np.append(self.high, 1.0)[np.searchsorted(self.score, s, "left")]
        unknown = np.isnan(s)
        return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)

    def predict(self, score: F64) -> F64:
        """Scores of any shape -> merged probabilities; NaN stays NaN."""
        return merge(*self.interval(score))


def venn_abers(score: F64, y: F64, weight: F64 | None = None) -> VennAbers:
    """Fit on scores (n,) that no model was taught with and their outcomes y (n,) in {0, 1}.

    ``weight`` (n,) is what each row counts for beside the one that is asked about: the share of rows that are independent.
    Raises ``BadInput`` without rows.
    """
    kept = np.isfinite(score) & np.isfinite(y)
    s, came = np.asarray(score, np.float64)[kept], np.asarray(y, np.float64)[kept]
    if not len(s):
        raise BadInput("There are no scores with known outcomes to calibrate on.")
    w = np.ones(len(s)) if weight is None else np.asarray(weight, np.float64)[kept]
    distinct, place = np.unique(s, return_inverse=True)
    total, hits = (np.bincount(place, v).astype(np.float64) for v in (w, w * came))
    high = _if_one(total, hits)
    low = 1.0 - _if_one(total[::-1].copy(), (total - hits)[::-1].copy())[::-1]
    return VennAbers(distinct, low, high, f"venn-abers ({len(distinct)} levels)")


@njit(cache=True)
def _if_one(weight: F64, hits: F64) -> F64:
    """Isotonic value (k,) at each score if one more row there had come 1: max over a <= i of min over b >= i of the mean of a..b.

    Graham scans over the cumulative sums: the point before the first is (-1, -1), so that passing it adds the row; once a score has been
    read off, the row moves past it.
    """
    k = len(weight)
    x, y = np.empty(k + 2), np.empty(k + 2)  # the point i of the paper, from -1 on, lies at i + 1
    x[0], y[0], x[1], y[1] = -1.0, -1.0, 0.0, 0.0
    for i in range(k):
        x[i + 2], y[i + 2] = x[i + 1] + weight[i], y[i + 1] + hits[i]
    stack = np.empty(k + 2, np.int64)
    top = 0
    for i in range(k + 2):
        while top > 1 and _turn(x, y, stack[top - 2], stack[top - 1], i) <= 0.0:
            top -= 1
        stack[top] = i
        top += 1
    for i in range(top // 2):
        stack[i], stack[top - 1 - i] = stack[top - 1 - i], stack[i]
    out = np.empty(k)
    for i in range(2, k + 2):
        a, b = stack[top - 1], stack[top - 2]
        out[i - 2] = (y[b] - y[a]) / (x[b] - x[a])
        x[i - 1], y[i - 1] = x[i - 2] + x[i] - x[i - 1], y[i - 2] + y[i] - y[i - 1]
        if _turn(x, y, a, i - 1, b) <= 0.0:
            continue
        top -= 1
        while top > 1 and _turn(x, y, i - 1, stack[top - 1], stack[top - 2]) <= 0.0:
            top -= 1
        stack[top] = i - 1
        top += 1
    return out


@njit(cache=True)
def _turn(x: F64, y: F64, a: int, b: int, c: int) -> float:
    """Above zero where a, b, c turn left."""
    return float((x[b] - x[a]) * (y[c] - y[a]) - (x[c] - x[a]) * (y[b] - y[a]))

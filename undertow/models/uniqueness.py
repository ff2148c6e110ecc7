"""How much of its own each label says: labels that lie over each other in time share what they know (López de Prado 2018, chapter 4).

Spans are half open, ``[start, end)``, in whole periods from 0.
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.core.errors import BadInput


def alive(start: I64, end: I64) -> I64:
    """Labels alive in each period, (periods,), of spans (n,)."""
    _check(start, end)
    periods = int(end.max(initial=0)) + 1
    return np.cumsum(np.bincount(start, minlength=periods) - np.bincount(end, minlength=periods))[:-1].astype(np.int64)


def average_uniqueness(start: I64, end: I64) -> F64:
    """Mean over a label's life of one over the labels alive, (n,): 1 for a label on its own, ½ for two that are the same."""
    return _mean_over(start, end, 1.0 / np.maximum(alive(start, end), 1))


def draw_probabilities(start: I64, end: I64, drawn: I64) -> F64:
    """Probability (n,) of each label to be drawn next, after ``drawn`` (k,) indices: as unique as it would be among those drawn."""
    _check(start, end)
    count = np.zeros(int(end.max()))
    for i in drawn:
        count[start[i] : end[i]] += 1.0
    unique = _mean_over(start, end, 1.0 / (1.0 + count))
    return np.asarray(unique / unique.sum(), np.float64)


def sequential_bootstrap(start: I64, end: I64, draws: int, rng: np.random.Generator) -> I64:
    """Indices (draws,), drawn one after the other with ``draw_probabilities``: samples overlap less than when drawn evenly."""
    _check(start, end)
    return np.asarray(_draw(start, end, rng.random(draws)), np.int64)


@njit(cache=True)
def _draw(start: I64, end: I64, chance: F64) -> I64:
    n, out = len(start), np.empty(len(chance), np.int64)
    count, sums = np.zeros(end.max()), np.zeros(end.max() + 1)
    until = np.empty(n)
    for d in range(len(chance)):
        for t in range(len(count)):
            sums[t + 1] = sums[t] + 1.0 / (1.0 + count[t])
        total = 0.0
        for i in range(n):
            total += (sums[end[i]] - sums[start[i]]) / (end[i] - start[i])
            until[i] = total
        chosen = min(np.searchsorted(until, chance[d] * total, "right"), n - 1)
        out[d] = chosen
        count[start[chosen] : end[chosen]] += 1.0
    return out


def _mean_over(start: I64, end: I64, value: F64) -> F64:
    sums = np.append(0.0, np.cumsum(value))
    return np.asarray((sums[end] - sums[start]) / (end - start), np.float64)


def _check(start: I64, end: I64) -> None:
    if len(start) != len(end) or not len(start) or int(np.min(start)) < 0 or bool((np.asarray(end) <= start).any()):
        raise BadInput("Spans of labels need a start from 0 and an end after it, one of each for every label.")

"""Was the best of a search best by chance? Probability of backtest overfitting by symmetric cross-validation, with its null band.

Bailey, Borwein, López de Prado and Zhu 2017, "The probability of backtest overfitting". The number wobbles widely from one data set to
the next: it is never a gate by itself and is always told with the band that worthless trials show.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

from undertow.core.chunk import F64, Array
from undertow.core.compiled import njit
from undertow.core.errors import BadInput

_NULL_TRIALS = 100  #: the band hardly depends on their number beyond this
_NULL_ROWS = 8  #: per block, in the simulation of the band


@dataclass(frozen=True, slots=True, kw_only=True)
class Overfitting:
    """``pbo`` is the share of splits in which the trial best in one half is below the median of the other half."""

    pbo: float
    splits: int
    blocks: int
    low: float  #: 5th percentile of ``pbo`` over searches among worthless trials
    high: float  #: 95th percentile of the same
    loss: float  #: share of splits in which the trial best in one half loses money in the other

    @property
    def says(self) -> str:
        """One plain sentence."""
        band = f"searches among worthless trials show {self.low:.2f} to {self.high:.2f}"
        if self.pbo < self.low:
            return f"The best trial stays good elsewhere more often than by chance: overfitting {self.pbo:.2f}, {band}."
        if self.pbo > self.high:
            return f"The best trial does worse elsewhere than chance would have it: overfitting {self.pbo:.2f}, {band}."
        return f"Overfitting {self.pbo:.2f} proves nothing either way: {band}."


def cpcv_counts(groups: int, test_groups: int) -> tuple[int, int]:
    """Splits and whole paths of combinatorial purged cross-validation (López de Prado 2018, chapter 12).

    >>> cpcv_counts(6, 2)
    (15, 5)
    """
    if not 0 < test_groups < groups:
        raise BadInput(f"Of {groups} groups, between 1 and {groups - 1} can be tested at a time, not {test_groups}.")
    return math.comb(groups, test_groups), math.comb(groups - 1, test_groups - 1)


def overfitting(returns: F64, blocks: int = 12) -> Overfitting:
    """Probability of backtest overfitting of returns (periods, trials), finite, cut into an even number of ``blocks`` in time.

    The oldest rows that do not fill a block are left out. Raises ``BadInput`` for fewer than two trials or four rows a block.
    """
    table = np.asarray(returns, np.float64)
    if table.ndim != 2 or table.shape[1] < 2 or not np.isfinite(table).all():
        raise BadInput("Overfitting is judged on a table of finite returns, periods by at least two trials.")
    if blocks < 4 or blocks % 2 or len(table) < 4 * blocks:
        raise BadInput(f"An even number of blocks from 4 to {len(table) // 4} is needed for {len(table)} periods, not {blocks}.")
    pbo, loss = _cscv(table, blocks)
    low, high = null_band(table.shape[1], blocks)
    return Overfitting(pbo=pbo, splits=math.comb(blocks, blocks // 2), blocks=blocks, low=low, high=high, loss=loss)


@cache
def null_band(trials: int, blocks: int = 12, draws: int = 200, seed: int = 0) -> tuple[float, float]:
    """5th and 95th percentile of ``pbo`` over ``draws`` searches among worthless, independent trials; simulated once a process."""
    rng = np.random.default_rng(seed)
    shape = (_NULL_ROWS * blocks, min(trials, _NULL_TRIALS))
    seen = [_cscv(rng.standard_normal(shape), blocks)[0] for _ in range(draws)]
    low, high = np.quantile(seen, [0.05, 0.95])
    return float(low), float(high)


@cache
def _halves(blocks: int) -> Array:
    out = np.zeros((math.comb(blocks, blocks // 2), blocks), np.bool_)
    for row, chosen in enumerate(combinations(range(blocks), blocks // 2)):
        out[row, list(chosen)] = True
    return out


def _cscv(table: F64, blocks: int) -> tuple[float, float]:
    rows, trials = len(table) // blocks, table.shape[1]
    cut = table[len(table) - rows * blocks :].reshape(blocks, rows, trials)
    splits = _halves(blocks)
    below, lost = _count(splits, cut.sum(axis=1), (cut**2).sum(axis=1), rows * blocks // 2)
    return below / len(splits), lost / len(splits)


@njit(cache=True)
def _count(splits: Array, total: F64, square: F64, n: int) -> tuple[int, int]:
    """Splits in which the best of one half is at or below the middle of the other, and in which it loses there."""
    blocks, trials = total.shape
    below, lost = 0, 0
    for s in range(len(splits)):
        best, most = 0, -np.inf
        tested = np.empty(trials)
        for k in range(trials):
            a, b, c, d = 0.0, 0.0, 0.0, 0.0
            for j in range(blocks):
                if splits[s, j]:
                    a, b = a + total[j, k], b + square[j, k]
                else:
                    c, d = c + total[j, k], d + square[j, k]
            taught = _sharpe(a, b, n)
            tested[k] = _sharpe(c, d, n)
            if taught > most:
                best, most = k, taught
        rank = 0.5
        for k in range(trials):
            rank += 1.0 if tested[k] < tested[best] else 0.5 if tested[k] == tested[best] else 0.0
        below += rank / (trials + 1) <= 0.5
        lost += tested[best] <= 0.0
    return below, lost


@njit(cache=True)
def _sharpe(total: float, square: float, n: int) -> float:
    mean = total / n
    variance = square / n - mean * mean
    return mean / np.sqrt(variance) if variance > 1e-24 else 0.0

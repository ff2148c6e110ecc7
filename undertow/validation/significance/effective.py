"""How many trials were really made: variants of one idea rise and fall together and are not as many tries as there are of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.validation.significance.sharpe import Moments, dsr, hurdle, moments, psr

ALIKE = 0.5  #: trials whose returns correlate by this much on average are one family
By = Literal["entropy", "participation", "families"]
_LEAST_SHARED = 20  #: periods two trials must share before their correlation counts for anything


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The best of several trials, judged as the best of several."""

    chosen: int  #: column of the trial judged
    moments: Moments
    trials: int  #: those that moved at all
    effective: float  #: independent ones among them
    hurdle: float  #: per-period Sharpe that the best of so many worthless trials is expected to show
    psr: float  #: as if it had been the only one
    dsr: float


def correlations(returns: F64) -> tuple[F64, I64]:
    """Correlation (trials, trials) of returns (periods, trials), and the periods each two share; NaN is left out pair by pair.

    Trials that share fewer than 20 periods, or do not move in those they share, count as uncorrelated: the cautious reading.
    """
    r = np.asarray(returns, np.float64)
    if r.ndim != 2:
        raise BadInput(f"Returns of trials must be a table of periods by trials, not {r.ndim}-dimensional.")
    there = np.isfinite(r)
    mask = there.astype(np.float64)
    count = mask.sum(axis=0)
    x = np.where(there, r - np.where(there, r, 0.0).sum(axis=0) / np.maximum(count, 1.0), 0.0)
    shared = mask.T @ mask
    n = np.maximum(shared, 1.0)
    total = x.T @ mask
    square = (x**2).T @ mask - total**2 / n
    spread = np.sqrt(np.maximum(square, 0.0) * np.maximum(square.T, 0.0))
    known = (shared >= _LEAST_SHARED) & (spread > 1e-24)
    out = np.where(known, (x.T @ x - total * total.T / n) / np.where(known, spread, 1.0), 0.0)
    np.fill_diagonal(out, 1.0)
    return np.clip(out, -1.0, 1.0), shared.astype(np.int64)


def _moving(returns: F64) -> I64:
    r = np.asarray(returns, np.float64)
    if r.ndim != 2:
        raise BadInput(f"Returns of trials must be a table of periods by trials, not {r.ndim}-dimensional.")
    return np.array([j for j in range(r.shape[1]) if not np.isnan(moments(r[:, j]).sharpe)], np.int64)


def effective_trials(returns: F64, by: By = "entropy") -> float:
    """Independent trials among the columns of returns (periods, trials), at least one; columns that do not move are no trials.

    All read the eigenvalues of the trials' correlation, freed of what chance adds to it. ``entropy`` is e to the entropy of their shares:
    the one under which the best of worthless variants is believed as seldom as promised. ``participation``, (sum)² / sum of squares,
    and ``families``, the number of clusters, count close variants for too little: among 16 that correlate by .8, in 200 searches among
    worthless ones, they let 21 and 36 pass at 5 % (``deflate``), ``entropy`` 7.
    """
    table = np.asarray(returns, np.float64)[:, _moving(returns)]
    trials = table.shape[1]
    if trials < 2:
        return 1.0
    correlation, shared = correlations(table)
    if by == "families":
        return float(families(correlation).max() + 1)
    if by == "entropy":
        share = np.maximum(np.linalg.eigvalsh(correlation), 1e-12) / trials
        chance = (trials - 1) / (2 * max(float(np.median(shared)), 1.0))  # the entropy that short samples of independent trials lack
        return float(np.clip(math.exp(-float((share * np.log(share)).sum()) + chance), 1.0, trials))
    noise = (1.0 - correlation**2) / np.maximum(shared - 2, 1)
    squares = np.where(shared >= _LEAST_SHARED, correlation**2 - noise, 0.0)
    np.fill_diagonal(squares, 0.0)
    return float(np.clip(trials**2 / (trials + max(0.0, float(squares.sum()))), 1.0, trials))


def families(correlation: F64, alike: float = ALIKE) -> I64:
    """Family (trials,), numbered by first member: average-linkage clusters cut at a correlation of ``alike``."""
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    if len(correlation) < 2:
        return np.zeros(len(correlation), np.int64)
    distance = np.clip(1.0 - (correlation + correlation.T) / 2, 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    raw = fcluster(linkage(squareform(distance, checks=False), "average"), 1.0 - alike, "distance")
    _, first, place = np.unique(raw, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.int64)


def deflate(
    returns: F64,
    chosen: int | None = None,
    *,
    by: By = "entropy",
    variance: float | None = None,
) -> Search:
    """Judge one column of returns (periods, trials), by default that of the highest Sharpe, as the best of all (``variance``: see ``dsr``).

    Raises ``BadInput`` where no column moves, or the one chosen does not.
    """
    table = np.asarray(returns, np.float64)
    moving = _moving(table)
    shapes = {int(j): moments(table[:, j]) for j in moving}
    if not shapes or (chosen is not None and chosen not in shapes):
        raise BadInput("There is nothing to judge: the returns of the trial do not move.")
    best = max(shapes, key=lambda j: shapes[j].sharpe) if chosen is None else chosen
    m, effective = shapes[best], effective_trials(table, by)
    return Search(
        chosen=best,
        moments=m,
        trials=len(moving),
        effective=effective,
        hurdle=hurdle(effective, 1 / (m.periods - 1) if variance is None else variance),
        psr=psr(m),
        dsr=dsr(m, effective, variance),
    )

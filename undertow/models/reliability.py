"""Does a probability mean what it says? Brier score and its parts, log-loss, slope and intercept, calibration error above its floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.models.logistic import logit, sigmoid

BINS = 10
LEAST_A_BIN = 40  #: effective outcomes; fewer bins are used rather than thinner ones
LEAST_BINS = 3
LEAST_FITTED = 50  #: no slope is fitted to fewer outcomes


@dataclass(frozen=True, slots=True, kw_only=True)
class Murphy:
    """Brier score and its parts: ``brier = reliability - resolution + uncertainty + within`` (Murphy 1973).

    ``within`` is what the spread of probabilities inside bins adds; zero for probabilities that are constant in each bin.
    """

    brier: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Logistic regression of the outcome on the log-odds said: slope 1 and intercept 0 are right, a slope below 1 is overconfident.

    Errors are standard errors that allow outcomes of one session to move together. All NaN where no fit exists.
    """

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """What outcomes say about probabilities."""

    outcomes: int
    effective: float  #: independent ones among them
    base_rate: float
    log_loss: float  #: nats
    climatology: float  #: log-loss of always saying the base rate, nats
    murphy: Murphy
    line: Line
    ece: float  #: expected calibration error over bins of equal mass
    ece_floor: float  #: what perfect probabilities near one half show on so few outcomes
    spiegelhalter: float  #: z-score of the Brier score if the probabilities are right, on the effective count

    @property
    def ece_excess(self) -> float:
        """Calibration error above its floor; at or below zero nothing is wrong that could be seen."""
        return self.ece - self.ece_floor


def reliability(p: F64, y: F64, session: I64 | None = None, effective: float | None = None) -> Reliability:
    """Judge probabilities p (n,) by outcomes y (n,) in {0, 1}; rows without either are left out.

    ``session`` (n,) groups outcomes that move together; ``effective`` is the number of independent outcomes, all of them if left out.
    Raises ``BadInput`` where nothing is left to judge.
    """
    kept = np.isfinite(p) & np.isfinite(y)
    said, came = np.asarray(p, np.float64)[kept], np.asarray(y, np.float64)[kept]
    n = len(said)
    if n == 0:
        raise BadInput("There are no probabilities with known outcomes to judge.")
    count = float(n) if effective is None else min(float(effective), float(n))
    place = bins_for(said, count)
    return Reliability(
        outcomes=n,
        effective=count,
        base_rate=float(came.mean()),
        log_loss=log_loss(said, came),
        climatology=log_loss(np.full(n, came.mean()), came),
        murphy=murphy(said, came, place),
        line=line(said, came, None if session is None else np.asarray(session)[kept]),
        ece=ece(said, came, place),
        ece_floor=ece_floor(count, int(place.max()) + 1),
        spiegelhalter=spiegelhalter(said, came) * math.sqrt(count / n),
    )


def brier(p: F64, y: F64) -> float:
    """Mean squared error of probabilities p (n,) of outcomes y (n,) in {0, 1}."""
    return float(((p - y) ** 2).mean())


def log_loss(p: F64, y: F64) -> float:
    """Mean of -log(probability given to what happened), nats; probabilities are kept 1e-12 away from 0 and 1."""
    safe = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-(y * np.log(safe) + (1 - y) * np.log1p(-safe)).mean())


def bins_for(p: F64, effective: float) -> I64:
    """Bin (n,) of each probability (n,), in as many bins as ``effective`` independent outcomes can fill (see ``bin_of``)."""
    return bin_of(p, int(min(BINS, max(LEAST_BINS, effective // LEAST_A_BIN))))


def bin_of(p: F64, bins: int = BINS) -> I64:
    """Bin (n,) of each probability (n,), of equal mass by middle rank: equal probabilities share a bin and no bin is empty."""
    ordered = np.sort(p)
    middle = (np.searchsorted(ordered, p, "left") + np.searchsorted(ordered, p, "right")) / 2
    raw = np.minimum((middle * bins / len(p)).astype(np.int64), bins - 1)
    return np.unique(raw, return_inverse=True)[1].astype(np.int64)


def murphy(p: F64, y: F64, place: I64) -> Murphy:
    """Brier score and its decomposition over bins ``place`` (n,), numbered from 0 without gaps (Murphy 1973, J. Applied Meteorology)."""
    count = np.bincount(place)
    said, came = (np.bincount(place, v) / count for v in (p, y))
    base, score = float(y.mean()), brier(p, y)
    reliable = float((count * (said - came) ** 2).sum() / len(p))
    resolved = float((count * (came - base) ** 2).sum() / len(p))
    uncertain = base * (1 - base)
    return Murphy(
        brier=score,
        reliability=reliable,
        resolution=resolved,
        uncertainty=uncertain,
        within=score - (reliable - resolved + uncertain),
    )


def ece(p: F64, y: F64, place: I64) -> float:
    """Expected calibration error over bins ``place`` (n,): mean distance between what was said and what came."""
    return float(np.abs(np.bincount(place, p - y)).sum() / len(p))


def ece_floor(outcomes: float, bins: int = BINS) -> float:
    """Calibration error that perfect probabilities near one half show on ``outcomes`` independent outcomes: ½ √(2/π) √(bins/outcomes)."""
    return 0.5 * math.sqrt(2 / math.pi) * math.sqrt(bins / outcomes) if outcomes > 0 else math.nan


def spiegelhalter(p: F64, y: F64) -> float:
    """z-score of the Brier score against what right probabilities would show (Spiegelhalter 1986); NaN where all are one half."""
    spread = float(((1 - 2 * p) ** 2 * p * (1 - p)).sum())
    return float(((y - p) * (1 - 2 * p)).sum()) / math.sqrt(spread) if spread > 1e-12 else math.nan


def line(p: F64, y: F64, session: I64 | None = None) -> Line:
    """Slope and intercept of outcomes y (n,) on the log-odds of p (n,), with errors clustered by ``session`` (n,) where it is given.

    NaN below 50 outcomes, where the probabilities hardly vary, where all outcomes are the same, or where p separates them.
    """
    nothing = Line(slope=math.nan, intercept=math.nan, slope_error=math.nan, intercept_error=math.nan)
    x = logit(p)
    if len(x) < LEAST_FITTED or x.std() < 1e-6 or y.min() == y.max():
        return nothing
    X, beta = np.column_stack([x, np.ones_like(x)]), np.array([1.0, 0.0])
    for _ in range(50):
        q = sigmoid(X @ beta)
        information = (X * (q * (1 - q))[:, None]).T @ X
        if np.linalg.cond(information) > 1e12:
            return nothing
        step = np.linalg.solve(information, X.T @ (y - q))
        beta = beta + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            error = np.sqrt(np.diag(_covariance(X, y - q, information, session)))
            return Line(slope=float(beta[0]), intercept=float(beta[1]), slope_error=float(error[0]), intercept_error=float(error[1]))
    return nothing


def _covariance(X: F64, residual: F64, information: F64, session: I64 | None) -> F64:
    inverse = np.asarray(np.linalg.inv(information), np.float64)
    if session is None:
        return inverse
    _, group = np.unique(session, return_inverse=True)
    groups = int(group.max()) + 1
    score = np.column_stack([np.bincount(group, X[:, j] * residual) for j in range(X.shape[1])])
    return np.asarray(inverse @ (score.T @ score) @ inverse * (groups / max(groups - 1, 1)), np.float64)

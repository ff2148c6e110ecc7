"""Does a probability mean what it says? Reliability, Brier and its parts, log-loss, slope, calibration error and its floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.engine.result import Judged, RunResult

BINS = 10
LEAST_A_BIN = 40  #: effective outcomes; fewer bins are drawn rather than thinner ones
LEAST_BINS = 3
Z95 = 1.959964
LEAST_JUDGED = 50  #: below this nothing is said about calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliability:
    """Bins of equal mass; equal probabilities share a bin.

    count : int64 (bins,)
    said  : float64 (bins,) mean probability
    came  : float64 (bins,) share that rose
    low, high : float64 (bins,) where ``came`` lies 95 % of the time if ``said`` is true (binomial, on the effective count)
    """

    count: I64
    said: F64
    came: F64
    low: F64
    high: F64


@dataclass(frozen=True, slots=True, kw_only=True)
class Brier:
    """Mean squared error of probabilities and its parts: ``score = reliability - resolution + uncertainty + within``.

    Murphy 1973; ``within`` is what the spread of probabilities inside bins adds (zero for probabilities constant in each bin).
    """

    score: float
    reliability: float
    resolution: float
    uncertainty: float
    within: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """What the judged predictions say about the probabilities; ``why`` says why there is nothing, if there is nothing."""

    judged: int
    effective: float  #: independent outcomes among them: sessions x effective names
    base_rate: float
    right: float  #: share of outcomes on the likelier side; a probability of exactly one half counts half
    bins: Reliability
    brier: Brier
    log_loss: float  #: nats
    climatology: float  #: log-loss of always saying the base rate, nats
    slope: float  #: of logit(outcome) on logit(p): 1 is right, below 1 overconfident; NaN where p hardly varies
    intercept: float  #: 0 is right
    slope_error: float  #: standard error, on the effective count
    ece: float  #: expected calibration error
    ece_floor: float  #: what perfect probabilities would show on so few outcomes
    coverage: float  #: share of ticks with BUY or SELL
    why: str = ""

    @property
    def ece_excess(self) -> float:
        """Calibration error above the floor; at or below zero nothing is wrong that could be seen."""
        return self.ece - self.ece_floor


def calibrate(result: RunResult, column: int | None = None) -> Calibration:
    """Judge the calibrated probabilities of a run, of one symbol or of all."""
    judged = result.judged
    chosen = np.isfinite(judged.p_up) & np.isfinite(judged.value)
    if column is not None:
        chosen &= judged.key == column
    directions = result.direction if column is None else result.direction[:, column]
    coverage = float((directions != 0).mean()) if directions.size else math.nan
    p, y = judged.p_up[chosen], (judged.value[chosen] > 0).astype(np.float64)
    effective = effective_count(judged, chosen, result.horizon)
    return measure(p, y, effective, coverage)


def measure(p: F64, y: F64, effective: float, coverage: float = math.nan) -> Calibration:
    """Judge probabilities p (n,) against outcomes y (n,) in {0, 1}; ``effective`` is the number of independent outcomes."""
    n = len(p)
    if n == 0:
        return _nothing("nothing has been judged yet", coverage)
    place, count = bin_of(p, int(min(BINS, max(LEAST_BINS, effective // LEAST_A_BIN))))
    said, came = (np.bincount(place, v, len(count)) / count for v in (p, y))
    half = Z95 * np.sqrt(said * (1 - said) / np.maximum(count * effective / n, 1e-9))
    slope, intercept, error = logistic_fit(p, y)
    base = float(y.mean())
    return Calibration(
        judged=n,
        effective=effective,
        base_rate=base,
        right=float(np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5)).mean()),
        bins=Reliability(count=count, said=said, came=came, low=np.maximum(said - half, 0), high=np.minimum(said + half, 1)),
        brier=murphy(p, y, place),
        log_loss=log_loss(p, y),
        climatology=log_loss(np.full(n, base), y),
        slope=slope,
        intercept=intercept,
        slope_error=error * math.sqrt(n / effective) if effective else math.nan,
        ece=float((count * np.abs(said - came)).sum() / n),
        ece_floor=ece_floor(len(count), effective),
        coverage=coverage,
        why="" if n >= LEAST_JUDGED else f"too few to judge: {n} predictions, at least {LEAST_JUDGED} needed",
    )


def base_models(result: RunResult) -> dict[str, Calibration]:
    """Each base model's own probabilities, judged on the rows where all of them spoke."""
    judged = result.judged
    chosen = np.isfinite(judged.value)
    for p in judged.base.values():
        chosen &= np.isfinite(p)
    y = (judged.value[chosen] > 0).astype(np.float64)
    effective = effective_count(judged, chosen, result.horizon)
    return {name: measure(p[chosen], y, effective) for name, p in judged.base.items()}


def verdict(c: Calibration) -> str:
    """One plain sentence on whether the probabilities can be taken at their word."""
    if c.why:
        return c.why[:1].upper() + c.why[1:] + "."
    if math.isnan(c.slope):
        return "The probabilities hardly vary, so there is little to judge: they say what the base rate says."
    if c.slope + 2 * c.slope_error < 1:
        return "Overconfident: outcomes vary less than the probabilities say."
    if c.slope - 2 * c.slope_error > 1:
        return "Too timid: outcomes vary more than the probabilities say."
    if c.slope_error > 0.5:
        return "Nothing is visibly wrong, but there are too few independent outcomes to say that the probabilities are right."
    return "The probabilities mean what they say, as far as these outcomes can tell."


def _nothing(why: str, coverage: float) -> Calibration:
    nan, none = math.nan, np.empty(0)
    return Calibration(
        judged=0,
        effective=0.0,
        base_rate=nan,
        right=nan,
        bins=Reliability(count=np.empty(0, np.int64), said=none, came=none, low=none, high=none),
        brier=Brier(score=nan, reliability=nan, resolution=nan, uncertainty=nan, within=nan),
        log_loss=nan,
        climatology=nan,
        slope=nan,
        intercept=nan,
        slope_error=nan,
        ece=nan,
        ece_floor=nan,
        coverage=coverage,
        why=why,
    )


def bin_of(p: F64, bins: int = BINS) -> tuple[I64, I64]:
    """Bin of each probability (n,), and the bins' counts. Equal mass by middle rank; ties stay together; empty bins are dropped."""
    ordered = np.sort(p)
    middle = (np.searchsorted(ordered, p, "left") + np.searchsorted(ordered, p, "right")) / 2
    raw = np.minimum((middle * bins / len(p)).astype(np.int64), bins - 1)
    _, place, count = np.unique(raw, return_inverse=True, return_counts=True)
    return place.astype(np.int64), count.astype(np.int64)


def murphy(p: F64, y: F64, place: I64) -> Brier:
    """Brier score and its decomposition over bins ``place`` (n,) (Murphy 1973, Journal of Applied Meteorology)."""
    count = np.bincount(place)
    said, came = (np.bincount(place, v) / count for v in (p, y))
    n, base = len(p), float(y.mean())
    score = float(((p - y) ** 2).mean())
    reliability = float((count * (said - came) ** 2).sum() / n)
    resolution = float((count * (came - base) ** 2).sum() / n)
    uncertainty = base * (1 - base)
    within = score - (reliability - resolution + uncertainty)
    return Brier(score=score, reliability=reliability, resolution=resolution, uncertainty=uncertainty, within=within)


def log_loss(p: F64, y: F64) -> float:
    """Mean of -log(probability given to what happened), nats; probabilities are kept 1e-12 away from 0 and 1."""
    safe = np.clip(p, 1e-12, 1 - 1e-12)
    return float(-(y * np.log(safe) + (1 - y) * np.log(1 - safe)).mean())


def logistic_fit(p: F64, y: F64) -> tuple[float, float, float]:
    """Slope, intercept and the slope's standard error of logit(y) on logit(p), by Newton; NaN where no fit exists."""
    nothing = (math.nan, math.nan, math.nan)
    safe = np.clip(p, 1e-6, 1 - 1e-6)
    x = np.log(safe / (1 - safe))
    if len(x) < LEAST_JUDGED or x.std() < 1e-6 or y.min() == y.max():
        return nothing
    X = np.column_stack([np.ones_like(x), x])
    beta = np.array([0.0, 1.0])
    for _ in range(50):
        q = 1 / (1 + np.exp(-np.clip(X @ beta, -30, 30)))
        information = (X * (q * (1 - q))[:, None]).T @ X
        if np.linalg.cond(information) > 1e12:
            return nothing
        step = np.linalg.solve(information, X.T @ (y - q))
        beta = beta + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            return float(beta[1]), float(beta[0]), float(math.sqrt(np.linalg.inv(information)[1, 1]))
    return nothing


def ece_floor(bins: int, count: float) -> float:
    """Expected calibration error that perfect probabilities near ½ show on ``count`` outcomes: ½ √(2/π) √(bins/count)."""
    return 0.5 * math.sqrt(2 / math.pi) * math.sqrt(bins / count) if count > 0 else math.nan


def effective_count(judged: Judged, chosen: Array, apart: int) -> float:
    """Independent outcomes among ``chosen`` bool (n,), cautiously: sessions x effective names.

    ``apart`` is how many sessions two outcomes of one symbol must lie apart to have nothing in common.

    Effective names is the participation ratio of the eigenvalues of the correlation between the symbols' session means.
    """
    rows = np.flatnonzero(chosen)
    if not len(rows):
        return 0.0
    _, date = np.unique(nyse().position(judged.decided_at[rows]), return_inverse=True)
    _, name = np.unique(judged.key[rows], return_inverse=True)
    dates, names = int(date.max()) + 1, int(name.max()) + 1
    cell = date * names + name
    count = np.bincount(cell, minlength=dates * names)
    mean = np.bincount(cell, judged.value[rows], dates * names) / np.maximum(count, 1)
    return min(float(len(rows)), max(1.0, dates / apart) * _effective_names(mean.reshape(dates, names)))


def _effective_names(table: F64) -> float:
    moving = table[:, table.std(axis=0) > 0]
    if moving.shape[1] < 2 or len(moving) < 3:
        return 1.0
    correlation = np.corrcoef(moving, rowvar=False)
    return float(np.trace(correlation) ** 2 / (correlation**2).sum())

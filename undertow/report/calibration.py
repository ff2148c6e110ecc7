"""A run's probabilities judged by its outcomes; every number comes from ``models.reliability``, here it meets the run and plain words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.engine.result import Judged, RunResult
from undertow.models.calibration import effective_count
from undertow.models.reliability import Line, Murphy, bins_for, reliability

Z95 = 1.959964
LEAST_JUDGED = 50  #: below this nothing is said about calibration


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
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
class Calibration:
    """What the judged predictions say about the probabilities; ``why`` says why there is nothing, if there is nothing."""

    judged: int
    effective: float  #: independent outcomes among them
    base_rate: float
    right: float  #: share of outcomes on the likelier side; a probability of exactly one half counts half
    bins: Bins
    brier: Murphy
    log_loss: float  #: nats
    climatology: float  #: log-loss of always saying the base rate, nats
    line: Line  #: of outcomes on the log-odds said; NaN where they hardly vary
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
    return measure(judged.p_up[chosen], *_outcomes(judged, chosen, result.horizon), coverage)


def base_models(result: RunResult) -> dict[str, Calibration]:
    """Each base model's own probabilities, judged on the rows where it spoke."""
    judged = result.judged
    out = {}
    for name, p in judged.base.items():
        chosen = np.isfinite(judged.value) & np.isfinite(p)
        out[name] = measure(p[chosen], *_outcomes(judged, chosen, result.horizon))
    return out


def _outcomes(judged: Judged, chosen: Array, apart: int) -> tuple[F64, I64, float]:
    """Of ``chosen`` rows: what came, the sessions in which outcomes move together, and how many outcomes are independent.

    ``apart`` is how many sessions two outcomes of one symbol must lie apart to have nothing in common.
    """
    rows = np.flatnonzero(chosen)
    session = nyse().position(judged.decided_at[rows])
    count = effective_count(session, judged.key[rows], judged.value[rows]) / apart if len(rows) else 0.0
    return (judged.value[rows] > 0).astype(np.float64), session, min(float(len(rows)), max(1.0, count))


def measure(p: F64, y: F64, session: I64 | None = None, effective: float | None = None, coverage: float = math.nan) -> Calibration:
    """Judge probabilities p (n,) against outcomes y (n,) in {0, 1}; ``session`` and ``effective`` as in ``models.reliability``."""
    n = len(p)
    if n == 0:
        return _nothing("nothing has been judged yet", coverage)
    found = reliability(p, y, session, effective)
    return Calibration(
        judged=n,
        effective=found.effective,
        base_rate=found.base_rate,
        right=float(np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5)).mean()),
        bins=_bins(p, y, found.effective),
        brier=found.murphy,
        log_loss=found.log_loss,
        climatology=found.climatology,
        line=found.line,
        ece=found.ece,
        ece_floor=found.ece_floor,
        coverage=coverage,
        why="" if n >= LEAST_JUDGED else f"too few to judge: {n} predictions, at least {LEAST_JUDGED} needed",
    )


def _bins(p: F64, y: F64, effective: float) -> Bins:
    place = bins_for(p, effective)
    count = np.bincount(place)
    said, came = (np.bincount(place, v) / count for v in (p, y))
    half = Z95 * np.sqrt(said * (1 - said) / np.maximum(count * effective / len(p), 1e-9))
    return Bins(count=count, said=said, came=came, low=np.maximum(said - half, 0), high=np.minimum(said + half, 1))


def verdict(c: Calibration) -> str:
    """One plain sentence on whether the probabilities can be taken at their word."""
    if c.why:
        return c.why[:1].upper() + c.why[1:] + "."
    slope, error = c.line.slope, c.line.slope_error
    if math.isnan(slope):
        return "The probabilities hardly vary, so there is little to judge: they say what the base rate says."
    if slope + 2 * error < 1:
        return "Overconfident: outcomes vary less than the probabilities say."
    if slope - 2 * error > 1:
        return "Too timid: outcomes vary more than the probabilities say."
    if error > 0.5:
        return "Nothing is visibly wrong, but there are too few independent outcomes to say that the probabilities are right."
    return "The probabilities mean what they say, as far as these outcomes can tell."


def _nothing(why: str, coverage: float) -> Calibration:
    nan, none = math.nan, np.empty(0)
    return Calibration(
        judged=0,
        effective=0.0,
        base_rate=nan,
        right=nan,
        bins=Bins(count=np.empty(0, np.int64), said=none, came=none, low=none, high=none),
        brier=Murphy(brier=nan, reliability=nan, resolution=nan, uncertainty=nan, within=nan),
        log_loss=nan,
        climatology=nan,
        line=Line(slope=nan, intercept=nan, slope_error=nan, intercept_error=nan),
        ece=nan,
        ece_floor=nan,
        coverage=coverage,
        why=why,
    )

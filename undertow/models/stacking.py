"""The meta-model: whom to believe in which phase, learnt from predictions on rows that no base model had been taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.models.calibration import calibrate
from undertow.models.logistic import dot_rows
from undertow.models.phases import PHASES, REGULAR

#: fewer independent outcomes than this cannot tell base models apart
STACK_NEEDS = 60
#: outcomes that equal weights are worth before any was seen, and that the common ones are worth to a phase
PRIOR, PHASE_PRIOR = 200.0, 400.0
#: standard errors by which weights have to beat equal ones: two candidates would else win by luck more often than not
LUCK = 0.5
#: a sum of weights that says that no model is believed
NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Stack:
    """score = sum of weight * log-odds over the base models that speak, with how the weights came about."""

    weights: F64  #: (models,), none negative: those of regular hours
    method: str
    phased: F64 | None = None  #: (phases, models), in order of ``phases.PHASES``; None where all phases share ``weights``

    def by_phase(self) -> F64:
        """Weights (phases, models), in order of ``phases.PHASES``."""
        if self.phased is None:
            return np.broadcast_to(self.weights, (len(PHASES), len(self.weights)))
        return self.phased

    def by_row(self, rows: int, phase: I64 | None = None) -> F64:
        """Weights of each row (rows, models); without ``phase`` (rows,) those of regular hours."""
        if phase is None or self.phased is None:
            return np.broadcast_to(self.weights, (rows, len(self.weights)))
        return np.asarray(self.phased[phase], np.float64)

    def predict(self, odds: F64, phase: I64 | None = None) -> F64:
        """Log-odds of the base models (n, models), NaN for one that is silent -> score (n,)."""
        said = np.nan_to_num(odds)
        if phase is None or self.phased is None:
            return dot_rows(said, self.weights)
        return dot_rows(said * self.by_row(len(odds), phase), np.ones(len(self.weights)))


def even_weights(speaks: Array) -> F64:
    """Which model speaks in which phase, bool (phases, models) -> the equal-weight average of those that do, same shape."""
    return np.asarray(speaks / np.maximum(speaks.sum(axis=1, keepdims=True), 1), np.float64)


def equal(speaks: Array, why: str) -> Stack:
    """The equal-weight average of the models that speak, bool (phases, models)."""
    even = even_weights(speaks)
    return Stack(even[REGULAR], f"equal weights ({why})", None if bool((even == even[REGULAR]).all()) else even)


def stack(odds: F64, y: F64, effective: float, phase: I64, speaks: Array) -> Stack:
    """Fit on out-of-sample log-odds (n, models), NaN for the silent, in order of time; phase (n,), speaks bool (phases, models).

    Equal weights stay unless common ones, or others by phase, beat them on the last third by more than luck often does.
    """
    if effective < STACK_NEEDS:
        return equal(speaks, f"{effective:.0f} independent outcomes are too few to stack")
    said, cut = np.nan_to_num(odds), 2 * len(y) // 3
    early = _both(said[:cut], y[:cut], effective * 2 / 3, phase[:cut], speaks)
    candidates = {"equal": even_weights(speaks), "common": early[0], "phased": early[1]}
    judged = {name: _judge(said, y, weights[phase], cut, effective) for name, weights in candidates.items()}
    gains = {name: _beyond_luck(judged["equal"] - judged[name], effective / 3) for name in ("common", "phased")}
    best = max(gains, key=lambda name: gains[name])
    told = f"{judged[best].mean():.5f} against {judged['equal'].mean():.5f} nats"
    if gains[best] <= 0.0:
        return equal(speaks, f"stacking did not beat it: {told}")
    common, phased = _both(said, y, effective, phase, speaks)
    if best == "common":
        return Stack(common[REGULAR], f"stacked ({told} for equal weights)", None if bool((common == common[REGULAR]).all()) else common)
    unseen = [PHASES[i] for i in range(len(PHASES)) if not (phase == i).any()]
    rest = f"; {', '.join(unseen)}: the common weights, for no outcome is known" if unseen else ""
    return Stack(phased[REGULAR], f"stacked by phase ({told} for equal weights{rest})", phased)


def _judge(odds: F64, y: F64, weights: F64, cut: int, effective: float) -> F64:
    """Log-loss of each row after ``cut``, in nats, of the score of weights (n, models) calibrated on those before."""
    score = np.einsum("ij,ij->i", odds, weights)
    p = calibrate(score[:cut], y[:cut], effective * 2 / 3).predict(score[cut:])
    return np.asarray(-np.log(np.clip(np.where(y[cut:] > 0.5, p, 1.0 - p), 1e-12, 1.0)), np.float64)


def _beyond_luck(gain: F64, effective: float) -> float:
    """Mean gain (n,) of which so many are independent, less what luck alone often gives."""
    return float(gain.mean() - LUCK * gain.std() / np.sqrt(effective))


def _both(odds: F64, y: F64, effective: float, phase: I64, speaks: Array) -> tuple[F64, F64]:
    """Common weights, zero where a model is silent, and weights by phase: each (phases, models).

    The common ones sum to one: how far to believe the whole is the calibrator's to say, and scores of stages have to be of one scale.
    """
    even = even_weights(speaks)
    centre = even.sum(axis=0) / np.maximum(speaks.sum(axis=0), 1)
    raw = _weights(odds, y, effective, centre, PRIOR)
    scale = float(raw.sum())
    if scale < NOTHING:  # every model points the wrong way: none is believed more than another
        return even, even
    common = raw * speaks
    phased = common.copy()
    for i in range(len(PHASES)):
        mine, who = phase == i, np.flatnonzero(speaks[i])
        if mine.any() and len(who):
            phased[i, who] = _weights(odds[mine][:, who], y[mine], effective * mine.mean(), common[i, who], PHASE_PRIOR)
    return common / scale, phased / scale


def _weights(odds: F64, y: F64, effective: float, centre: F64, worth: float) -> F64:
    """Non-negative weights (models,), drawn towards ``centre`` (models,) by a prior worth so many outcomes."""
    from scipy.optimize import minimize

    row = effective / len(y)
    pull = 0.25 * worth * float(np.mean(np.var(odds, axis=0)))

    def loss(w: F64) -> tuple[float, F64]:
        score = np.einsum("ij,j->i", odds, w)
        p = 1.0 / (1.0 + np.exp(-score))
        value = row * float(np.sum(np.logaddexp(0.0, score) - y * score)) + 0.5 * pull * float(np.sum((w - centre) ** 2))
        return value, row * (odds.T @ (p - y)) + pull * (w - centre)

    found = minimize(loss, centre, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(centre))
    return np.asarray(found.x, np.float64)

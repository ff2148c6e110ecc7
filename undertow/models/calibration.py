"""From a score to a probability that means what it says; the calibrator is chosen by how much there is to learn it from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.models.logistic import fit_logistic, sigmoid

#: below this many independent observations a fitted slope is worse than a shrunk one
PLATT_NEEDS = 1500
PRIOR_SLOPE = 0.5


@dataclass(frozen=True, slots=True)
class Calibrator:
    """p = sigmoid(slope * score + intercept), with how it came about."""

    slope: float
    intercept: float
    method: str

    def predict(self, score: F64) -> F64:
        """Log-odds scores -> probabilities, of any shape; NaN stays NaN."""
        return sigmoid(self.slope * score + self.intercept)


def effective_count(session: I64, key: I64, value: F64) -> float:
    """Independent observations among rows (n,): sessions times effective names, names / (1 + (names - 1) * mean correlation)."""
    days, day = np.unique(session, return_inverse=True)
    names = int(key.max()) + 1 if len(key) else 0
    if len(days) < 3 or names == 0:
        return float(len(days))
    total, count = np.zeros((len(days), names)), np.zeros((len(days), names))
    np.add.at(total, (day, key), value)
    np.add.at(count, (day, key), 1.0)
    full = (count > 0).all(axis=1)
    seen = int((count > 0).any(axis=0).sum())
    if names < 2 or full.sum() < 20:
        return float(len(days)) * (1.0 if names < 2 else np.sqrt(seen))
    panel = total[full] / count[full]
    correlation = np.corrcoef(panel.T)
    mean = float(np.clip((correlation.sum() - names) / (names * (names - 1)), 0.0, 1.0))
    return float(len(days)) * names / (1.0 + (names - 1) * mean)


def calibrate(score: F64, y: F64, effective: float) -> Calibrator:
    """Fit on scores (n,) that no model was taught with and their outcomes y (n,); ``effective`` of the rows are independent."""
    if effective < 20:
        return Calibrator(PRIOR_SLOPE, 0.0, f"none: {effective:.0f} independent outcomes, log-odds halved")
    weight = np.full(len(score), effective / len(score))
    # the prior's weight is the information that PLATT_NEEDS outcomes would carry; it fades to nothing as that many come in
    lacking = max(PLATT_NEEDS - effective, 0.0)
    spread = max(float(np.var(score)), 1e-8)
    precision = np.array([0.25 * lacking * spread + 1e-9, 0.25 * lacking + 1e-9])
    slope, intercept = fit_logistic(np.column_stack([score, np.ones(len(score))]), y, weight, np.array([PRIOR_SLOPE, 0.0]), precision)
    name = "platt" if effective >= PLATT_NEEDS else "platt shrunk towards half the log-odds"
    # a score that points the wrong way is not turned round: it says nothing
    return Calibrator(max(float(slope), 0.0), float(intercept), f"{name} (n_eff {effective:.0f})")

"""The meta-model: whom to believe, learnt from predictions on rows that no base model had been taught."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.models.calibration import calibrate
from undertow.models.logistic import dot_rows, log_loss

#: fewer independent outcomes than this cannot tell base models apart
STACK_NEEDS = 60


@dataclass(frozen=True, slots=True)
class Stack:
    """score = sum of weight * log-odds over the base models, with how the weights came about."""

    weights: F64  #: (models,), none negative
    method: str

    def predict(self, odds: F64) -> F64:
        """Log-odds of the base models (n, models) -> score (n,)."""
        return dot_rows(odds, self.weights)


def equal(models: int, why: str) -> Stack:
    """The equal-weight average."""
    return Stack(np.full(models, 1.0 / models), f"equal weights ({why})")


def stack(odds: F64, y: F64, effective: float) -> Stack:
    """Fit on out-of-sample log-odds (n, models) in order of time; falls back to equal weights unless it beats them on the last third."""
    models = odds.shape[1]
    if effective < STACK_NEEDS:
        return equal(models, f"{effective:.0f} independent outcomes are too few to stack")
    cut = 2 * len(y) // 3
    trial = _weights(odds[:cut], y[:cut], effective * 2 / 3)
    even = np.full(models, 1.0 / models)
    judged = [_judge(odds, y, w, cut, effective) for w in (trial, even)]
    if not judged[0] < judged[1]:
        return equal(models, f"stacking did not beat it: {judged[0]:.5f} against {judged[1]:.5f} nats")
    return Stack(_weights(odds, y, effective), f"stacked ({judged[0]:.5f} against {judged[1]:.5f} nats for equal weights)")


def _judge(odds: F64, y: F64, weights: F64, cut: int, effective: float) -> float:
    score = np.einsum("ij,j->i", odds, weights)
    calibrator = calibrate(score[:cut], y[:cut], effective * 2 / 3)
    return log_loss(y[cut:], calibrator.predict(score[cut:]), np.ones(len(y) - cut))


def _weights(odds: F64, y: F64, effective: float) -> F64:
    """Non-negative weights, drawn towards equal ones by a prior worth two hundred outcomes."""
    from scipy.optimize import minimize

    models = odds.shape[1]
    even = np.full(models, 1.0 / models)
    row = effective / len(y)
    pull = 50.0 * float(np.mean(np.var(odds, axis=0)))

    def loss(w: F64) -> tuple[float, F64]:
        score = np.einsum("ij,j->i", odds, w)
        p = 1.0 / (1.0 + np.exp(-score))
        value = row * float(np.sum(np.logaddexp(0.0, score) - y * score)) + 0.5 * pull * float(np.sum((w - even) ** 2))
        return value, row * (odds.T @ (p - y)) + pull * (w - even)

    found = minimize(loss, even, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * models)
    return np.asarray(found.x, np.float64)

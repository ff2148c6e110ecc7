"""HFTModels: signals that are computed with every bar, each with a calibrated probability of its own.

What moves with each bar, a Kalman filter or a regression on a window, is a feature: a compiled fold that takes well under a microsecond an
update. A model here reads the few features of its name and learns no more than how much to believe them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np

from undertow.core.chunk import F64
from undertow.models.logistic import clipped, fit_logistic, sigmoid
from undertow.models.register import model

#: precision of the prior on a coefficient and on the base: a deviation of 0.1 in log-odds, an information coefficient of about 0.06
PRIOR = 100.0
#: a value so many times as large as usual says no more than one at this
MOST = 5.0

KALMAN = ("kalman_slope", "kalman_distance", "kalman_innovation", "kalman_slope_1d", "kalman_distance_1d", "kalman_innovation_1d")
SLOPE = ("return_slope_t", "return_slope_t_1d", "drift_t", "drift_t_1d")
ARBITRAGE = ("residual_score", "residual_score_1d")
DIVERGENCE = ("synthetic_divergence_score",)


class Signal:
    """Log-odds that grow with each column beyond a dead zone, and a base; both are drawn to nothing by a prior.

    dead : size up to which a value says nothing, in the columns' own unit; from there on it counts by what it has more
    sign : what theory says of all columns: +1 or -1, a coefficient that wants the other way is left out; 0 lets the rows decide

    Columns are not centred, for zero is where a signal is neutral; a value that is not known says nothing, and neither does a column
    that was not known anywhere. With its prior a probability is calibrated as it stands, however few the outcomes.
    """

    def __init__(self, dead: float = 0.0, sign: int = 0) -> None:
        self.dead, self.sign = dead, sign

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, p) with NaN for not known, y (n,) in {0, 1}, weight (n,) that sums to the number of independent outcomes."""
        size = np.array([_usual(column) for column in self._beyond(X).T])
        self.scale_ = np.where(size > 0.0, size, 1.0)
        self.weights_, self.base_ = np.zeros(X.shape[1]), 0.0
        if not len(X):
            return self
        parts = np.column_stack([self._parts(X), np.ones(len(X))])
        kept = np.append(np.flatnonzero(size > 0.0), X.shape[1])
        while True:
            beta = fit_logistic(parts[:, kept], y, weight, np.zeros(len(kept)), np.full(len(kept), PRIOR))
            wrong = beta[:-1] * self.sign < 0.0
            if not wrong.any():
                break
            kept = np.delete(kept, np.argmin(np.where(wrong, beta[:-1] * self.sign, 0.0)))
        self.weights_[kept[:-1]], self.base_ = beta[:-1], float(beta[-1])
        return self

    def _beyond(self, X: F64) -> F64:
        # an infinity is no measurement
        known = np.where(np.isfinite(X), X, 0.0)
        return np.asarray(np.sign(known) * np.maximum(np.abs(known) - self.dead, 0.0), np.float64)

    def _parts(self, X: F64) -> F64:
        return clipped(self._beyond(X) / self.scale_, -MOST, MOST)

    def predict(self, X: F64) -> F64:
        """X (n, p) -> probability of up (n,)."""
        score = np.full(len(X), self.base_)
        for part in (self._parts(X) * self.weights_).T:  # in order, row by row: the same bits alone and in company (law 7)
            score += part
        return sigmoid(score)

    def contributions(self, X: F64) -> F64:
        """X (n, p) -> (n, p + 1) log-odds by feature, the last column the base."""
        return np.column_stack([self._parts(X) * self.weights_, np.full(len(X), self.base_)])

    def pack(self) -> dict[str, Any]:
        """What was learnt, as arrays and numbers that ``unpack`` takes."""
        return {"dead": self.dead, "sign": self.sign, "base": self.base_, "scale": self.scale_, "weights": self.weights_}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Self:
        """The signal that was packed; it answers with the same bits."""
        one = cls(float(packed["dead"]), int(packed["sign"]))
        one.scale_, one.weights_ = (np.asarray(packed[name], np.float64) for name in ("scale", "weights"))
        one.base_ = float(packed["base"])
        return one


def _usual(column: F64) -> float:
    """Usual size of what is not nothing (n,), of which one wild value is no part: a median, in deviations of a normal; 0 without any."""
    size = np.abs(column[column != 0.0])
    return 1.4826 * float(np.median(size)) if len(size) else 0.0


class HFTModels:
    """Every method returns one unfitted signal; ``reads`` names the features it is given. A signal without any of them is left out."""

    @model(reads=KALMAN)
    def kalman_filter(self) -> Signal:
        """Slope, distance and innovation of a Kalman local linear trend: a drift goes on, what the filter takes for noise reverts."""
        return Signal()

    @model(reads=SLOPE)
    def regression_slope(self) -> Signal:
        """t-statistics of returns on time and of their mean; never of the price, whose t is large on any random walk."""
        return Signal()

    @model(reads=ARBITRAGE)
    def statistical_arbitrage(self) -> Signal:
        """Return of the residual on SPY to its mean, from 1.25 deviations of its equilibrium on (Avellaneda and Lee 2010)."""
        return Signal(dead=1.25, sign=-1)

    @model(reads=DIVERGENCE)
    def options_equity_divergence(self) -> Signal:
        """The share goes to where its options imply it, from two deviations of the carry's noise on: a price pressure that reverts."""
        return Signal(dead=2.0, sign=1)

"""Which calibrator, by how much there is to learn from; beside the logistic one of ``calibration``: beta, isotonic and Venn–Abers.

Measured excess log-loss at an information coefficient of .05, in 1e-4 nats (the whole truth is worth 8): with 1,000 independent outcomes
Platt 9.7, Venn–Abers 39, isotonic 119; with 5,000 2.4, 8.6 and 14; with 20,000 .3, 3.2 and 6.4. What adapts to any shape pays for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.calibration import PLATT_NEEDS, calibrate
from undertow.models.logistic import fit_logistic, sigmoid
from undertow.models.venn_abers import venn_abers

Kind = Literal["shrunk", "platt", "beta", "venn-abers", "isotonic"]
#: independent outcomes below which a kind is refused, and above which it is taken by itself where nothing is asked for
VENN_ABERS_NEEDS = 5_000
ISOTONIC_NEEDS = 10_000
SHAPE_FREE_FROM = 100_000


class Calibrates(Protocol):
    """A map from scores to probabilities that never falls as the score rises, with how it came about."""

    @property
    def method(self) -> str:
        """For people: the kind and what it was learnt from."""
        ...

    def predict(self, score: F64) -> F64:
        """Log-odds scores -> probabilities, of any shape; NaN stays NaN."""
        ...


@dataclass(frozen=True, slots=True)
class Beta:
    """p = sigmoid(a ln q - b ln(1 - q) + c) with q = sigmoid(score): bends each end by itself (Kull, Silva Filho and Flach 2017)."""

    a: float
    b: float
    c: float
    method: str

    def predict(self, score: F64) -> F64:
        """Log-odds scores -> probabilities, of any shape; NaN stays NaN."""
        rise, fall = _ends(score)
        return sigmoid(self.a * rise + self.b * fall + self.c)


@dataclass(frozen=True, slots=True)
class Isotonic:
    """The rising step function closest to the outcomes; its ends are drawn in by one outcome of either kind."""

    score: F64  #: (k,) where each step begins, rising
    p: F64  #: (k,)
    method: str

    def predict(self, score: F64) -> F64:
        """Log-odds scores -> probabilities, of any shape; NaN stays NaN."""
        s = np.asarray(score, np.float64)
        place = np.clip(np.searchsorted(self.score, s, "right") - 1, 0, len(self.p) - 1)
        return np.where(np.isnan(s), np.nan, self.p[place])


def choose(effective: float) -> Kind:
    """The kind for so many independent outcomes: shrunk below 1,500, Platt to 100,000, Venn–Abers above."""
    if effective < PLATT_NEEDS:
        return "shrunk"
    return "platt" if effective <= SHAPE_FREE_FROM else "venn-abers"


def fit(score: F64, y: F64, effective: float, kind: Kind | None = None) -> Calibrates:
    """Fit the kind asked for, or the one ``choose`` takes, on scores (n,) that no model was taught with and outcomes y (n,) in {0, 1}.

    A kind that needs more than ``effective`` independent outcomes, or one outcome of each sort, gives way to the logistic one, and its
    ``method`` says so. Raises ``BadInput`` for scores and outcomes of different lengths.
    """
    if len(score) != len(y):
        raise BadInput(f"{len(score)} scores cannot be calibrated on {len(y)} outcomes.")
    kept = np.isfinite(score) & np.isfinite(y)
    s, came = np.asarray(score, np.float64)[kept], np.asarray(y, np.float64)[kept]
    wanted = choose(effective) if kind is None else kind
    needs = {"venn-abers": VENN_ABERS_NEEDS, "isotonic": ISOTONIC_NEEDS, "beta": PLATT_NEEDS}.get(wanted, 0)
    if not len(s) or wanted in ("shrunk", "platt"):
        return calibrate(s, came, effective)
    if effective < needs or came.min() == came.max():
        instead = calibrate(s, came, effective)
        why = f"{wanted} needs {needs:,} independent outcomes" if effective < needs else "all outcomes are the same"
        return type(instead)(instead.slope, instead.intercept, f"{instead.method}: {why}")
    if wanted == "beta":
        return _beta(s, came, effective)
    if wanted == "isotonic":
        return _isotonic(s, came, effective)
    found = venn_abers(s, came, np.full(len(s), min(1.0, effective / len(s))))
    return type(found)(found.score, found.low, found.high, f"venn-abers (n_eff {effective:.0f})")


def _ends(score: F64) -> tuple[F64, F64]:
    s = np.clip(np.asarray(score, np.float64), -35.0, 35.0)
    return -np.log1p(np.exp(-s)), np.log1p(np.exp(s))


def _beta(score: F64, y: F64, effective: float) -> Beta:
    """Maximum likelihood with neither end turned round: an end that wants to fall is left out."""
    parts = np.column_stack([*_ends(score), np.ones(len(score))])
    weight = np.full(len(score), effective / len(score))
    keep = [0, 1, 2]
    while True:
        beta = np.zeros(3)
        beta[keep] = fit_logistic(parts[:, keep], y, weight, np.zeros(len(keep)), np.full(len(keep), 1e-6))
        wrong = [j for j in keep if j < 2 and beta[j] < 0.0]
        if not wrong:
            return Beta(float(beta[0]), float(beta[1]), float(beta[2]), f"beta (n_eff {effective:.0f})")
        keep.remove(min(wrong, key=lambda j: beta[j]))


def _isotonic(score: F64, y: F64, effective: float) -> Isotonic:
    from scipy.optimize import isotonic_regression

    distinct, place = np.unique(score, return_inverse=True)
    count = np.bincount(place)
    fitted = np.asarray(isotonic_regression(np.bincount(place, y) / count, weights=count.astype(np.float64)).x, np.float64)
    begins = np.flatnonzero(np.diff(fitted, prepend=-1.0) > 0.0)
    mass = np.add.reduceat(count, begins) * effective / len(score)
    # a step where all outcomes were the same must not be certain of the next one
    low, high = 1.0 / (mass + 2.0), (mass + 1.0) / (mass + 2.0)
    drawn = np.maximum.accumulate(np.clip(fitted[begins], low, high))
    return Isotonic(distinct[begins], drawn, f"isotonic (n_eff {effective:.0f})")

"""The combined strategy: follow the framework's signal, sized by what it is worth.

Hypothesis: where the calibrated probability clears its costs, a fraction of the Kelly stake on it earns more than it costs.
Fails when the probabilities are not calibrated out of sample (see the report's reliability diagram) or costs are understated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View

#: mean absolute value of a standard normal: what a bet on the sign of a return wins or loses, in volatilities
MEAN_MOVE = 0.8


@dataclass(frozen=True, slots=True)
class Combined:
    """A fraction ``kelly`` of the growth-optimal stake on each signal, never more than ``most`` of the symbol's equity."""

    name: str = "combined"
    kelly: float = 0.25
    most: float = 1.0

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): zero where the signal is NEUTRAL."""
        with np.errstate(invalid="ignore", divide="ignore"):
            stake = self.kelly * MEAN_MOVE * (2.0 * view.p_up - 1.0) / view.volatility
        sized = np.clip(stake, -self.most, self.most)
        return np.where((view.direction != 0) & np.isfinite(sized), sized, 0.0)

"""The framework's strategy: follow its calibrated signal, sized by what it is worth after costs.

Hypothesis: where the calibrated probability clears its costs, a fraction of the Kelly stake on what is left earns more than it costs.
Reads: the signal of the framework (its probability and call), volatility and expected costs; no feature.
Fails when the probabilities are not calibrated out of sample (see the report's reliability diagram) or costs are understated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need

#: density of a standard normal at its centre: a mean of m volatilities makes up likelier than a half by this times m
DENSITY = 0.4


@dataclass(frozen=True, slots=True)
class Meta:
    """A fraction ``kelly`` of the growth-optimal stake on each signal's edge net of costs, never more than ``most`` of the equity.

    The stake grows from nothing where a signal begins to pay, so that a probability near that threshold does not trade to and fro.
    """

    name: str = "meta"
    reads: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()
    kelly: float = 0.25
    most: float = 1.0

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): zero where the signal is NEUTRAL."""
        with np.errstate(invalid="ignore", divide="ignore"):
            edge = np.abs(view.p_up - 0.5) / DENSITY * view.volatility - view.cost
            stake = self.kelly * edge / view.volatility**2
        sized = view.direction * np.clip(stake, 0.0, self.most)
        return np.where((view.direction != 0) & np.isfinite(sized), sized, 0.0)

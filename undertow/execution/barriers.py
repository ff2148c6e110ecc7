"""Which of two barriers a price meets first: profit or stop, for a drifting random walk watched all the time or at steps."""

from __future__ import annotations

import math

from undertow.core.errors import BadInput

#: -zeta(1/2) / sqrt(2 pi): how far past a barrier a walk lands on average, in standard deviations of a step
OVERSHOOT = 0.5825971579390106


def chance_up_first(up: float, down: float, drift: float = 0.0, volatility: float = 1.0, step: float = 0.0) -> float:
    """Probability that a walk meets ``up`` above before ``down`` below it; both are distances above 0, in the unit of the walk.

    ``drift`` and ``volatility`` are per unit of time. Watched only every ``step`` of time, barriers act as if farther away by ``OVERSHOOT``
    steps' standard deviation (Broadie, Glasserman and Kou 1997). Raises ``BadInput`` for distances or a volatility not above 0.
    """
    if up <= 0.0 or down <= 0.0 or volatility <= 0.0 or step < 0.0:
        raise BadInput(f"Barriers, volatility and step must be positive, not {up}, {down}, {volatility} and {step}.")
    shift = OVERSHOOT * volatility * math.sqrt(step)
    a, b, pull = up + shift, down + shift, 2.0 * drift / volatility**2
    if abs(pull) * (a + b) < 1e-9:
        return b / (a + b)
    if pull > 0.0:
        return math.expm1(-pull * b) / math.expm1(-pull * (a + b))
    # the same, multiplied out so that a strong drift downwards does not overflow
    return math.exp(pull * a) * math.expm1(pull * b) / math.expm1(pull * (a + b))

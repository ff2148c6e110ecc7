"""How much to stake: the growth-optimal fraction, what a part of it costs in growth and buys in safety."""

from __future__ import annotations

import math

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput


def kelly(p: F64 | float, odds: F64 | float = 1.0) -> F64:
    """Fraction of wealth that makes it grow fastest when p wins ``odds`` per unit staked and 1 - p loses the unit; 0 without an edge.

    Any shape; NaN gives 0: what is not known is not staked on (Kelly 1956). Raises ``BadInput`` for odds not above 0.
    """
    if bool((np.asarray(odds) <= 0.0).any()):
        raise BadInput("The odds of a bet, what it wins per unit staked, must be above 0.")
    chance = np.asarray(p, np.float64)
    return np.asarray(np.nan_to_num(np.maximum(chance - (1.0 - chance) / odds, 0.0)), np.float64)


def growth(fraction: float) -> float:
    """Share of the fastest growth left at ``fraction`` of the Kelly stake: fraction (2 - fraction); below 0 past twice the stake."""
    return fraction * (2.0 - fraction)


def chance_of_falling_to(level: float, fraction: float = 1.0) -> float:
    """Probability that wealth ever falls to ``level`` of what it is when ``fraction`` of the Kelly stake is taken: level^(2/fraction - 1).

    For small, many bets (a diffusion); from twice the Kelly stake on it is certain. Raises ``BadInput`` outside 0 < level <= 1.
    """
    if not 0.0 < level <= 1.0 or fraction < 0.0:
        raise BadInput(f"A level of wealth lies in (0, 1] and a fraction of the stake is not below 0: not {level} and {fraction}.")
    if fraction == 0.0:
        return 0.0 if level < 1.0 else 1.0
    return 1.0 if fraction >= 2.0 else level ** (2.0 / fraction - 1.0)


def fraction_for(level: float, chance: float) -> float:
    """Largest fraction of the Kelly stake at which wealth falls to ``level`` with at most ``chance`` (see ``chance_of_falling_to``)."""
    if not 0.0 < level < 1.0 or not 0.0 < chance <= 1.0:
        raise BadInput(f"A level of wealth and a chance lie between 0 and 1: not {level} and {chance}.")
    return 2.0 / (1.0 + math.log(chance) / math.log(level))

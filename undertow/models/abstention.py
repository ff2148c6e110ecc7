"""When to say nothing: an edge that does not pay its costs is NEUTRAL (field guide §6)."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I8

#: density of a standard normal at its centre: how much probability an edge of one standard deviation is worth
DENSITY = 0.4


def threshold(cost: F64 | float, volatility: F64 | float) -> F64:
    """Least probability of the called direction that pays: a half and 0.4 times round-trip cost over volatility; any shape."""
    return np.asarray(0.5 + DENSITY * np.asarray(cost) / volatility, np.float64)


def directions(p_up: F64, cost: F64, volatility: F64) -> I8:
    """+1 BUY, -1 SELL, 0 NEUTRAL, also where the probability or the volatility is not known; any shape."""
    least = threshold(cost, volatility)
    return np.where(p_up > least, 1, np.where(1.0 - p_up > least, -1, 0)).astype(np.int8)

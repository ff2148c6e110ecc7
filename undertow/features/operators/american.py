"""American options by a binomial tree (Cox, Ross and Rubinstein 1979), for what the right to exercise early is worth."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

from undertow.core.compiled import njit

CALL, PUT = 1.0, -1.0


@njit(cache=True)
def tree(side: float, spot: float, strike: float, rate: float, volatility: float, years: float, steps: int, american: bool) -> float:
    """An option on a share without dividends by a tree of so many steps, with or without exercise before the end."""
    step = years / steps
    up = exp(volatility * sqrt(step))
    discount = exp(-rate * step)
    chance = (exp(rate * step) - 1.0 / up) / (up - 1.0 / up)
    price = spot * up ** (-steps)
    value = np.empty(steps + 1)
    for j in range(steps + 1):
        value[j] = max(side * (price - strike), 0.0)
        price *= up * up
    for i in range(steps - 1, -1, -1):
        price = spot * up ** (-i)
        for j in range(i + 1):
            value[j] = discount * (chance * value[j + 1] + (1.0 - chance) * value[j])
            if american:
                value[j] = max(value[j], side * (price - strike))
                price *= up * up
    return float(value[0])


@njit(cache=True)
def early_exercise(side: float, spot: float, strike: float, rate: float, volatility: float, years: float, steps: int) -> float:
    """What the right to exercise early adds, as the difference of two trees, whose own errors cancel."""
    with_it = tree(side, spot, strike, rate, volatility, years, steps, True)
    return with_it - tree(side, spot, strike, rate, volatility, years, steps, False)

"""American options by a binomial tree (Cox, Ross and Rubinstein 1979), for what the right to exercise early is worth."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit

CALL, PUT = 1.0, -1.0
ROWS = 4  #: of a tree whose prices are told together


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
    if side == PUT:
        return _of_put(spot, strike, rate, volatility, years, steps)
    with_it = tree(side, spot, strike, rate, volatility, years, steps, True)
    return with_it - tree(side, spot, strike, rate, volatility, years, steps, False)


@njit(cache=True)
def _of_put(spot: float, strike: float, rate: float, volatility: float, years: float, steps: int) -> float:
    # both trees in one pass, to the last bit as ``tree``; nodes from which no end below the strike is reached are worth nothing
    step = years / steps
    up = exp(volatility * sqrt(step))
    discount, growth, powers = exp(-rate * step), exp(rate * step), _powers(up, steps)
    chance = (growth - 1.0 / up) / (up - 1.0 / up)
    other, price, worth = 1.0 - chance, spot * (1.0 / powers[steps]), 0
    value, now = np.zeros(steps + 2), np.empty((ROWS, steps + 1))
    while worth <= steps and price < strike:
        value[worth] = strike - price
        price *= up * up
        worth += 1
    plain = value.copy()
    for first in range(steps - 1, -1, -ROWS):
        _exercised(spot, strike, powers, first, min(first + 1, worth), now)
        for r in range(min(ROWS, first + 1)):
            gain = now[r]
            for j in range(min(first - r + 1, worth)):
                plain[j] = discount * (chance * plain[j + 1] + other * plain[j])
                value[j] = max(discount * (chance * value[j + 1] + other * value[j]), gain[j])
    return float(value[0] - plain[0])


@njit(cache=True)
def _powers(base: float, n: int) -> F64:
    # base ** i for i up to n, by the squarings and in the order that a power of a whole number takes
    out, top, square = np.ones(n + 1), 1, base
    for i in range(1, n + 1):
        if i == 2 * top:
            top, square = i, square * square
        out[i] = out[i - top] * square
    return out


@njit(cache=True)
def _exercised(spot: float, strike: float, powers: F64, first: int, worth: int, out: F64) -> None:
    # what a put gives at once in the rows from ``first`` down; prices of a row wait for one another, those of several rows do not
    a, b = spot * (1.0 / powers[first]), spot * (1.0 / powers[max(first - 1, 0)])
    c, d = spot * (1.0 / powers[max(first - 2, 0)]), spot * (1.0 / powers[max(first - 3, 0)])
    twice = powers[1] * powers[1]
    for j in range(worth):
        out[0, j], out[1, j], out[2, j], out[3, j] = strike - a, strike - b, strike - c, strike - d
        a, b, c, d = a * twice, b * twice, c * twice, d * twice

"""American options by a binomial tree (Cox, Ross and Rubinstein 1979), for what the right to exercise early is worth."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np

from undertow.core.chunk import F64
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
    up, chance, _ = _moves(rate, volatility, years / steps)
    if side == PUT and spot > 0.0 and rate > 0.0 and 0.0 < chance < 1.0:
        price = _prices(spot, up, steps)
        return max(_exercised(price, strike, rate, volatility, years) - _kept(price, strike, rate, volatility, years), 0.0)
    with_it = tree(side, spot, strike, rate, volatility, years, steps, True)
    return with_it - tree(side, spot, strike, rate, volatility, years, steps, False)


@njit(cache=True)
def _moves(rate: float, volatility: float, step: float) -> tuple[float, float, float]:
    # a tree's factor up, the chance of it, and what a step takes off a price
    up = exp(volatility * sqrt(step))
    return up, (exp(rate * step) - 1.0 / up) / (up - 1.0 / up), exp(-rate * step)


@njit(cache=True)
def _exercised(price: F64, strike: float, rate: float, volatility: float, years: float) -> float:
    # a put's tree with exercise, worked out only where it is held and worth something; node j of row i is at price[2 j - i + steps]
    steps = len(price) // 2
    _, chance, discount = _moves(rate, volatility, years / steps)
    rises, falls, value, worth = discount * chance, discount * (1.0 - chance), np.zeros(steps + 2), 0
    while worth <= steps and price[2 * worth] < strike:
        value[worth] = strike - price[2 * worth]
        worth += 1
    # Below ``low`` all is exercised: a node whose two successors are is so too, for its strike is paid sooner. Above it all is held, for a
    # node is where its lower successor is: its price is higher and its time longer. Only the node below ``low`` may be either.
    low = worth
    for i in range(steps - 1, -1, -1):
        at = steps - i
        if low > i + 1:
            low = i + 1
        elif low > 0:
            value[low - 1] = strike - price[2 * low - 3 + at]
            if rises * value[low] + falls * value[low - 1] > strike - price[2 * low - 2 + at]:
                low -= 1
        band = value[low : min(i + 1, worth) + 1]
        for j in range(len(band) - 1):
            band[j] = rises * band[j + 1] + falls * band[j]
    return float(strike - price[steps] if low else value[0])


@njit(cache=True)
def _kept(price: F64, strike: float, rate: float, volatility: float, years: float) -> float:
    # a put's tree without exercise is the mean of its ends, whose weights are a binomial's
    steps = len(price) // 2
    _, chance, _ = _moves(rate, volatility, years / steps)
    weight, odds, total = (1.0 - chance) ** steps, chance / (1.0 - chance), 0.0
    for j in range(steps + 1):
        if price[2 * j] >= strike:
            break
        total += weight * (strike - price[2 * j])
        weight *= odds * (steps - j) / (j + 1)
    return total * exp(-rate * years)


@njit(cache=True)
def _prices(spot: float, up: float, steps: int) -> F64:
    # spot * up ** k at k + steps, for k from -steps to steps: node j of row i has the price at 2 j - i + steps
    out = np.empty(2 * steps + 1)
    out[steps], down = spot, 1.0 / up
    for k in range(steps):
        out[steps + k + 1], out[steps - k - 1] = out[steps + k] * up, out[steps - k] * down
    return out

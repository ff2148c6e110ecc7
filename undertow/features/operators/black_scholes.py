"""Black and Scholes (1973) and Merton's dividend-free formulas, compiled, and what a report's jump does to implied volatility."""

from __future__ import annotations

from math import erf, exp, log, pi, sqrt

import numpy as np

from undertow.core.compiled import njit

SHARES = 100.0  #: that one contract stands for
YEAR = 365.0  #: days


@njit(cache=True)
def normal_cdf(x: float) -> float:
    """Probability that a standard normal number is at most ``x``."""
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


@njit(cache=True)
def d_1(spot: float, strike: float, years: float, volatility: float, rate: float) -> float:
    """The formula's d1; NaN where a price, the time left or the volatility is not above zero, as on a contract that has expired."""
    if not (spot > 0.0 and strike > 0.0 and years > 0.0 and volatility > 0.0):
        return float(np.nan)
    return (log(spot / strike) + (rate + 0.5 * volatility**2) * years) / (volatility * sqrt(years))


@njit(cache=True)
def option_price(spot: float, strike: float, years: float, volatility: float, rate: float, put: bool) -> float:
    """Value of a European option on a share without dividends, in the unit of ``spot``."""
    first = d_1(spot, strike, years, volatility, rate)
    second = first - volatility * sqrt(max(years, 0.0))
    sign = -1.0 if put else 1.0
    return sign * (spot * normal_cdf(sign * first) - strike * exp(-rate * years) * normal_cdf(sign * second))


@njit(cache=True)
def option_delta(spot: float, strike: float, years: float, volatility: float, rate: float, put: bool) -> float:
    """Change of value with the share: 0 to 1 of a call, -1 to 0 of a put."""
    return normal_cdf(d_1(spot, strike, years, volatility, rate)) - (1.0 if put else 0.0)


@njit(cache=True)
def option_gamma(spot: float, strike: float, years: float, volatility: float, rate: float) -> float:
    """Change of delta for one unit of ``spot``, the same of a call and a put."""
    first = d_1(spot, strike, years, volatility, rate)
    return exp(-0.5 * first * first) / (sqrt(2.0 * pi) * spot * volatility * sqrt(years)) if first == first else float(np.nan)


@njit(cache=True)
def gamma_dollars(spot: float, gamma: float, contracts: float) -> float:
    """What hedgers of some contracts trade in the share when it moves 1 %, in the unit of ``spot``."""
    return gamma * contracts * SHARES * spot * spot * 0.01


@njit(cache=True)
def jump_variance(volatility_1: float, years_1: float, volatility_2: float, years_2: float) -> float:
    """Variance of the one jump that both of two expiries hold, from their implied volatilities; NaN where it would not be positive.

    IV² T = base² T + jump, so that jump = (IV1² - IV2²) / (1 / T1 - 1 / T2) (Dubinsky and others 2019).
    """
    if not 0.0 < years_1 < years_2:
        return float(np.nan)
    jump = (volatility_1**2 - volatility_2**2) / (1.0 / years_1 - 1.0 / years_2)
    return jump if jump > 0.0 else float(np.nan)


@njit(cache=True)
def volatility_without_jump(volatility: float, years: float, jump: float, gone: float) -> float:
    """Implied volatility once a jump of that variance is over and ``gone`` years have passed; NaN where none is left."""
    if not years > gone:
        return float(np.nan)
    left = (volatility**2 * years - jump) / (years - gone)
    return sqrt(left) if left >= 0.0 else float(np.nan)


@njit(cache=True)
def mean_move(deviation: float) -> float:
    """Mean size of a normal move with that standard deviation."""
    return deviation * sqrt(2.0 / pi)

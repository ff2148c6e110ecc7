"""The share that options imply: a forward from puts and calls of one strike, freed of early exercise."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.features.language.kernels_publications import published
from undertow.features.language.publications import reduced_as
from undertow.features.language.steps import output_of, step
from undertow.features.language.steps_publications import told
from undertow.features.operators.american import PUT, early_exercise

RATE = 0.04  #: a year, in the discounting alone; a wrong level is taken off with the symbol's own usual carry
NEAR = 0.05  #: strikes so far from the spot count, as a share of it
NEAREST, FURTHEST, BEST = 7.0, 90.0, 30.0  #: days an expiry may be away, and how many it had best be
DIVIDENDS = 0.01  #: of the spot: as much as may be paid before the expiry
STALE = 0.01  #: of the spot: as much as closing prices of two options and a share may have been taken at different times
STEPS = 100  #: of the tree that early exercise is valued with


@njit(cache=True)
def within_bounds(call: float, put: float, spot: float, strike: float, years: float) -> bool:
    """Whether two American options can cost that: S - D - K <= C - P <= S - K exp(-rT), give or take stale prices."""
    gap, slack = call - put, STALE * spot
    return bool(spot * (1.0 - DIVIDENDS) - strike - slack <= gap <= spot - strike * exp(-RATE * years) + slack)


@njit(cache=True)
def forward(call: float, put: float, spot: float, strike: float, years: float, volatility: float) -> float:
    """K + exp(rT) (C - P) with the put's value of early exercise taken off; without dividends the call has none."""
    extra = early_exercise(PUT, spot, strike, RATE, volatility, years, STEPS) if 0.01 < volatility < 5.0 else 0.0
    return float(strike + exp(RATE * years) * (call - (put - extra)))


@njit(cache=True)
def implied_carry(rows: F64) -> float:
    """ln(F / S) / T a year, the median over pairs near the money of the expiry nearest to a month; NaN without a pair.

    rows (6, r) of one chain: price, strike, days left, is_put, spot (all prices in one unit) and implied volatility. What is left when
    the rate is taken off are dividends and the fee for borrowing the share, both with a minus sign.
    """
    best = np.inf
    for i in range(rows.shape[1]):
        days = rows[2, i]
        if NEAREST <= days <= FURTHEST and _near(rows, i) and abs(days - BEST) < abs(best - BEST) and _partner(rows, i) >= 0:
            best = days
    found, carry = 0, np.empty(rows.shape[1])
    for i in range(rows.shape[1]):
        if rows[2, i] == best and rows[3, i] == 1.0 and _near(rows, i):
            j = _partner(rows, i)
            if j >= 0:
                spot, strike, years = rows[4, i], rows[1, i], best / 365.0
                volatility = rows[5, i] if not np.isnan(rows[5, i]) else rows[5, j]
                carry[found] = log(forward(rows[0, j], rows[0, i], spot, strike, years, volatility) / spot) / years
                found += 1
    return float(np.median(carry[:found])) if found else np.nan


@njit(cache=True, error_model="numpy")
def _near(rows: F64, i: int) -> bool:
    return bool(rows[0, i] > 0.0 and abs(rows[1, i] / rows[4, i] - 1.0) <= NEAR)


@njit(cache=True)
def _partner(rows: F64, i: int) -> int:
    # the other side of a contract, where both together can be prices of American options
    for j in range(rows.shape[1]):
        if rows[1, j] == rows[1, i] and rows[2, j] == rows[2, i] and rows[3, j] != rows[3, i] and rows[0, j] > 0.0:
            call, put = (i, j) if rows[3, i] == 0.0 else (j, i)
            if within_bounds(rows[0, call], rows[0, put], rows[4, i], rows[1, i], rows[2, i] / 365.0):
                return j
    return -1


@step
def _implied_carry_step(f: Any, at: Any, kinds: Any) -> None:
    rows, events, cases = told(f, at, kinds)
    out = output_of(f, at, kinds)
    for j in range(cases.shape[0]):
        out[cases[j, 0]] = implied_carry(published(rows, events, cases[j]))


reduced_as(implied_carry, _implied_carry_step)

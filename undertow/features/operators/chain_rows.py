"""Compiled functions of a whole chain: its forward, gamma by strike, pairs of a call and a put, the jump of a report.

``rows`` are (7, r), a column a contract: days left, strike, is put, price, implied volatility, delta and contracts open; functions of
a report take an eighth row, the days from the close to it. Money is in 1/10,000 USD. What cannot be told is NaN.
"""

from __future__ import annotations

from math import exp, log, sqrt

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.features.operators.black_scholes import YEAR, gamma_dollars, jump_variance, mean_move, option_gamma, volatility_without_jump

DAYS, STRIKE, PUT, PRICE, VOLATILITY, DELTA, OPEN, REPORT = range(8)
GRID, REACH = 40, 0.2  #: steps to each side, and how far, as a logarithm, the share is moved in search of zero gamma
FAR = 1.0e9
AT_MONEY = 0.15  #: a delta so near to one half is at the money


@njit(cache=True)
def pairs(rows: F64) -> F64:
    """The places of both contracts (p, 2) of each expiry and strike that has a call and a put."""
    r = rows.shape[1]
    order = np.argsort((rows[DAYS] + 10_000.0) * 1e10 + rows[STRIKE], kind="mergesort")
    out, found = np.empty((r, 2)), 0
    for j in range(r - 1):
        a, b = order[j], order[j + 1]
        if rows[DAYS, a] == rows[DAYS, b] and rows[STRIKE, a] == rows[STRIKE, b] and rows[PUT, a] != rows[PUT, b]:
            out[found, 0], out[found, 1] = (b, a) if rows[PUT, a] == 1.0 else (a, b)
            found += 1
    return out[:found]


@njit(cache=True)
def forward(rows: F64) -> float:
    """Median of strike + call - put over pairs at the money that expire within 60 days: what the options take the share to cost."""
    both = pairs(rows)
    found, n = np.empty(both.shape[0]), 0
    for j in range(both.shape[0]):
        c, p = int(both[j, 0]), int(both[j, 1])
        near = 0.3 <= rows[DELTA, c] <= 0.7 and 0.0 < rows[DAYS, c] <= 60.0
        if near and rows[PRICE, c] > 0.0 and rows[PRICE, p] > 0.0:
            found[n] = rows[STRIKE, c] + rows[PRICE, c] - rows[PRICE, p]
            n += 1
    return float(np.median(found[:n])) if n > 0 else np.nan


@njit(cache=True)
def spread_of_pairs(rows: F64) -> float:
    """Implied volatility of calls less puts of the same strike and expiry, weighed by what is open of the pair (Cremers, Weinbaum)."""
    both = pairs(rows)
    total, weight = 0.0, 0.0
    for j in range(both.shape[0]):
        c, p = int(both[j, 0]), int(both[j, 1])
        spread = rows[VOLATILITY, c] - rows[VOLATILITY, p]
        held = 0.5 * (rows[OPEN, c] + rows[OPEN, p])
        if rows[DAYS, c] >= 5.0 and rows[VOLATILITY, c] > 0.0 and rows[VOLATILITY, p] > 0.0 and held > 0.0:
            total += held * spread
            weight += held
    return total / weight if weight > 0.0 else np.nan


@njit(cache=True)
def gammas(rows: F64, spot: float) -> F64:
    """What hedgers of each contract's open interest trade when the share moves 1 % from ``spot`` (r,); 0 where it cannot be told."""
    out = np.zeros(rows.shape[1])
    for j in range(rows.shape[1]):
        if rows[OPEN, j] > 0.0:
            gamma = option_gamma(spot, rows[STRIKE, j], rows[DAYS, j] / YEAR, rows[VOLATILITY, j], 0.0)
            if not np.isnan(gamma):
                out[j] = gamma_dollars(spot, gamma, rows[OPEN, j])
    return out


@njit(cache=True)
def gamma_of(rows: F64, spot: float, calls: float, puts: float) -> float:
    """Sum of the gammas, those of calls and of puts times a number each."""
    total, each = 0.0, gammas(rows, spot)
    for j in range(rows.shape[1]):
        total += each[j] * (puts if rows[PUT, j] == 1.0 else calls)
    return total


@njit(cache=True)
def gamma_all(rows: F64) -> float:
    """What is traded for a move of 1 % by those who hedge all that is open, 1/10,000 USD."""
    total = gamma_of(rows, forward(rows), 1.0, 1.0)
    return total if total > 0.0 else np.nan


@njit(cache=True)
def gamma_balance(rows: F64) -> float:
    """Gamma of calls less that of puts, over both."""
    spot = forward(rows)
    total = gamma_of(rows, spot, 1.0, 1.0)
    return gamma_of(rows, spot, 1.0, -1.0) / total if total > 0.0 else np.nan


@njit(cache=True)
def gamma_within_a_week(rows: F64) -> float:
    """Share of all gamma that expires within seven days."""
    each, total, soon = gammas(rows, forward(rows)), 0.0, 0.0
    for j in range(rows.shape[1]):
        total += each[j]
        soon += each[j] if rows[DAYS, j] <= 7.0 else 0.0
    return soon / total if total > 0.0 else np.nan


@njit(cache=True)
def wall(rows: F64, put: float) -> float:
    """Logarithm of the strike at which calls, or puts, have most gamma, over the forward."""
    spot = forward(rows)
    each = gammas(rows, spot)
    order = np.argsort(rows[STRIKE], kind="mergesort")
    best, place, here = 0.0, np.nan, 0.0
    for j in range(len(order)):
        at = order[j]
        if j == 0 or rows[STRIKE, at] != rows[STRIKE, order[j - 1]]:
            here = 0.0
        here += each[at] if rows[PUT, at] == put else 0.0
        if here > best:
            best, place = here, rows[STRIKE, at]
    return log(place / spot) if best > 0.0 else np.nan


@njit(cache=True)
def call_wall(rows: F64) -> float:
    """Logarithm of the strike at which calls have most gamma, over the forward."""
    return wall(rows, 0.0)


@njit(cache=True)
def put_wall(rows: F64) -> float:
    """Logarithm of the strike at which puts have most gamma, over the forward."""
    return wall(rows, 1.0)


@njit(cache=True)
def gamma_flip(rows: F64) -> float:
    """Logarithm of the nearest price, within 20 %, at which gamma of calls equals that of puts, over the forward; NaN without one."""
    spot = forward(rows)
    if np.isnan(spot):
        return np.nan
    step = REACH / GRID
    values = np.empty(2 * GRID + 1)
    for j in range(2 * GRID + 1):
        values[j] = gamma_of(rows, spot * exp((j - GRID) * step), 1.0, -1.0)
    best = np.nan
    for j in range(2 * GRID):
        a, b = values[j], values[j + 1]
        if (a < 0.0 <= b) or (b < 0.0 <= a):
            place = (j - GRID + a / (a - b)) * step
            if np.isnan(best) or abs(place) < abs(best):
                best = place
    return best


@njit(cache=True)
def expiry_after(rows: F64, days: float) -> float:
    """The nearest number of days left, above ``days``, at which some contract at the money has a volatility; ``FAR`` without one."""
    nearest = FAR
    for j in range(rows.shape[1]):
        usable = rows[VOLATILITY, j] > 0.0 and abs(abs(rows[DELTA, j]) - 0.5) < AT_MONEY
        if usable and days < rows[DAYS, j] < nearest:
            nearest = rows[DAYS, j]
    return nearest


@njit(cache=True)
def at_money(rows: F64, days: float) -> float:
    """Implied volatility at the money of the expiry with so many days left, weighed by nearness to a delta of one half."""
    total, weight = 0.0, 0.0
    for j in range(rows.shape[1]):
        near = 1.0 - abs(abs(rows[DELTA, j]) - 0.5) / AT_MONEY
        if rows[DAYS, j] == days and near > 0.0 and rows[VOLATILITY, j] > 0.0:
            total += near * rows[VOLATILITY, j]
            weight += near
    return total / weight if weight > 0.0 else np.nan


@njit(cache=True)
def front_move(rows: F64) -> float:
    """Mean size of the logarithmic move to the nearest expiry at least two days away: a straddle's price over the share's."""
    days = expiry_after(rows, 1.0)
    return mean_move(at_money(rows, days) * sqrt(days / YEAR)) if days < FAR else np.nan


@njit(cache=True)
def report_variance(rows: F64) -> float:
    """Variance of the jump at the next report, from the first two expiries after it; NaN without a date within 60 days."""
    report = rows[REPORT, 0]
    if not 0.0 <= report <= 60.0:
        return np.nan
    first = expiry_after(rows, max(report, 1.0))
    second = expiry_after(rows, first)
    if second >= FAR:
        return np.nan
    return jump_variance(at_money(rows, first), first / YEAR, at_money(rows, second), second / YEAR)


@njit(cache=True)
def report_move(rows: F64) -> float:
    """Mean size of the move at the next report that the options imply."""
    return mean_move(sqrt(report_variance(rows)))


@njit(cache=True)
def base_volatility(rows: F64) -> float:
    """Implied volatility of the first expiry after the next report once that is over: what it is to fall to."""
    first = expiry_after(rows, max(rows[REPORT, 0], 1.0))
    return volatility_without_jump(at_money(rows, first), first / YEAR, report_variance(rows), 0.0)

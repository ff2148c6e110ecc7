"""Half-spreads a bar: from quotes where there are any, else estimated from open, high, low and close, else assumed."""

from __future__ import annotations

import math

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.execution import kernel

WINDOW = 21  #: bars in an estimate: a month of days


def quoted(bid: F64, ask: F64) -> F64:
    """Half-spread (n,), a fraction of the middle, of the quotes (n,) that stood before each bar; NaN without one or if crossed."""
    good = (bid > 0.0) & (ask >= bid)
    return np.where(good, (ask - bid) / np.where(good, ask + bid, 1.0), np.nan)


def first_known(*columns: F64 | float) -> F64:
    """The first of the columns (n,) that is a number: quotes, then an estimate, then an assumption."""
    out = np.asarray(columns[0], np.float64)
    for column in columns[1:]:
        out = np.where(np.isnan(out), column, out)
    return out


def estimated(prices: F64, window: int = WINDOW) -> F64:
    """Half-spread (n,), a fraction of price, before each bar: EDGE over the ``window`` bars before it; NaN where it cannot tell.

    ``prices`` (n, 4) are open, high, low, close. A bar's own prices are not in its estimate. Memory: ``window`` bars, so a push
    that continues another is handed the last of them again. EDGE joins the moments of four pairs of returns, each of which the bounce
    between bid and ask makes negative, by their precision (Ardia, Guidotti and Kroencke, Journal of Financial Economics, 2024); the
    estimate of a squared spread below 0 counts as its opposite, which biases quiet names upwards. Raises ``BadInput`` below 3 bars.
    """
    if window < 3 or prices.ndim != 2 or prices.shape[1] != 4:
        raise BadInput(f"prices must be (n, 4) and the window at least 3 bars, not {prices.shape} and {window}")
    out = np.full(len(prices), np.nan)
    spreads_before(np.log(np.where(prices > 0.0, prices, np.nan)), window, out)
    return out


@kernel.compiled
def spreads_before(logs: F64, window: int, out: F64) -> None:
    """Write half the estimated spread before each bar; logs (n, 4)."""
    terms = np.empty((window, 11))
    for t in range(window, logs.shape[0]):
        count = 0
        for u in range(t - window + 1, t):
            count += bounced(logs, u, terms, count)
        out[t] = edge(terms, count) / 2.0


@kernel.inlined
def bounced(logs: F64, u: int, terms: F64, row: int) -> int:
    """Returns and flags of bar ``u`` and the one before as a row of ``terms``; 0 where a price is missing."""
    o, h, low, c = logs[u, 0], logs[u, 1], logs[u, 2], logs[u, 3]
    h1, l1, c1 = logs[u - 1, 1], logs[u - 1, 2], logs[u - 1, 3]
    middle, middle_1 = (h + low) / 2.0, (h1 + l1) / 2.0
    if np.isnan(middle + o + c + middle_1 + c1):
        return 0
    traded = 1.0 if h != low or low != c1 else 0.0
    terms[row, 0], terms[row, 1], terms[row, 2] = middle - o, o - middle_1, middle - c1
    terms[row, 3], terms[row, 4], terms[row, 5] = c1 - middle_1, o - c1, traded
    terms[row, 6] = traded if o != h else 0.0
    terms[row, 7] = traded if o != low else 0.0
    terms[row, 8] = traded if c1 != h1 else 0.0
    terms[row, 9] = traded if c1 != l1 else 0.0
    return 1


@kernel.inlined
def edge(terms: F64, count: int) -> float:
    """The spread, a fraction of price, of ``count`` rows of returns and flags; NaN where too few bars traded."""
    mean = np.zeros(10)
    for k in range(count):
        for j in range(10):
            mean[j] += terms[k, j]
    if mean[5] < 2.0:
        return np.nan
    mean /= count
    at_open, at_close, traded = mean[6] + mean[7], mean[8] + mean[9], mean[5]
    if at_open == 0.0 or at_close == 0.0:
        return np.nan
    sums, squares = np.zeros(2), np.zeros(2)
    for k in range(count):
        r = terms[k]
        share = r[5] / traded
        d1, d3, d5 = r[0] - mean[0] * share, r[2] - mean[2] * share, r[4] - mean[4] * share
        x = -4.0 / at_open * d1 * r[1] - 4.0 / at_close * d3 * r[3]
        y = -4.0 / at_open * d1 * r[4] - 4.0 / at_close * d5 * r[3]
        sums += np.array([x, y])
        squares += np.array([x * x, y * y])
    sums /= count
    spread_of = squares / count - sums * sums
    total = spread_of[0] + spread_of[1]
    squared = (spread_of[1] * sums[0] + spread_of[0] * sums[1]) / total if total > 0.0 else (sums[0] + sums[1]) / 2.0
    return math.sqrt(abs(squared))

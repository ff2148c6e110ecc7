"""Off-exchange prints: wholesalers' improved prices, crossings at the midpoint, averages; reported late by seconds, some by hours."""

from __future__ import annotations

from math import exp, log
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.core.time import SECOND
from undertow.sandbox.codes import AVERAGE, CONTINGENT, LATE, ODD_LOT, VARIATION
from undertow.sandbox.tape.allot import LOT, allot

#: an off-exchange print: published, executed; the true side, 0 at a midpoint
DARK = np.dtype([(n, "i8") for n in ("known", "executed", "price", "size", "side", "conditions", "venue")])
DUE = 10 * SECOND  #: a report may take that long
LATE_SHARE, LATE_LEAST, LATE_MOST = 0.01, 60.0, 3.0 * 3600.0  # seconds
MIDPOINTS, AVERAGES, CONTINGENTS, IMPROVED = 0.30, 0.015, 0.005, 0.6


@njit(cache=True)
def _priced(now: Any, quote: Any, u: F64) -> None:
    # at, inside or amid the quote that stood when it was executed
    middle = (quote.bid + quote.ask) // 2
    if u[0] < MIDPOINTS:
        now.price, now.side = middle, 0
        return
    now.side = 1 if u[1] < 0.5 else -1
    better = 0
    if u[2] < IMPROVED:
        better = min(1 + int(20.0 * u[2] / IMPROVED), max(0, (quote.ask - quote.bid) // 2 - 1))
    now.price = quote.ask - better if now.side > 0 else quote.bid + better


@njit(cache=True)
def _flagged(now: Any, bar: Any, average: int, late: bool, u: float) -> None:
    if u < AVERAGES and average > 0:
        now.conditions |= AVERAGE
        now.price, now.side = average, 0
    elif u < AVERAGES + CONTINGENTS:
        now.conditions |= CONTINGENT
    if late:
        now.conditions |= LATE
        if now.price < bar.low or now.price > bar.high:
            now.conditions |= VARIATION
    elif not now.conditions:
        now.price = min(bar.high, max(bar.low, now.price))


@njit(cache=True)
def print_dark(bars: Any, volume: I64, counts: I64, through: I64, lit: Any, e: F64, u: F64, z: F64, out: Any) -> None:
    """Fill ``DARK`` records (prints,) of one session, in no order within a bar.

    bars, volume, counts, through : (bars,)  the bars, shares off exchange in each, in how many prints, and lit prints up to its end
    lit : ``LIT`` records of the session; e, z (prints,), u (prints, 8) draws
    """
    at, first, value, traded = 0, 0, 0.0, 0
    for k in range(len(bars)):
        bar, n = bars[k], counts[k]
        if n == 0 and through[k] == first:  # a halt
            continue
        begin, end = lit[first].known, lit[through[k] - 1].known
        weight, odd, size = np.empty(n), np.zeros(n), np.zeros(n, np.int64)
        average = int(value / traded) if traded > 0 else 0
        for i in range(n):
            now, draw = out[at + i], u[at + i]
            now.known = begin + 1 + int((end - begin - 2) * draw[3])
            delay = min(DUE - 1, int(SECOND * (0.002 + 0.8 * e[at + i] ** 2)))
            late = draw[4] < LATE_SHARE and now.known - lit[0].known > 2.0 * LATE_LEAST * SECOND
            if late:
                longest = min(LATE_MOST, (now.known - lit[0].known) / SECOND - 1.0)
                delay = int(SECOND * LATE_LEAST * exp(log(longest / LATE_LEAST) * draw[4] / LATE_SHARE))
            now.executed = now.known - delay if late else max(now.known - delay, begin)
            stood = np.searchsorted(lit.quoted, now.executed, side="right") - 1
            _priced(now, lit[max(0, stood)], draw)
            _flagged(now, bar, average, late, draw[5])
            weight[i] = exp(1.2 * z[at + i])
            odd[i] = draw[6] / 0.5 if draw[6] < 0.5 and i > 0 else 0.0
            now.venue = 0 if draw[7] < 0.72 else (1 if draw[7] < 0.97 else 2)
        if n:
            allot(volume[k], weight, odd, LOT, size)
        for i in range(n):
            out[at + i].size = size[i]
            if size[i] < LOT and odd[i] > 0.0:
                out[at + i].conditions |= ODD_LOT
        for i in range(first, through[k]):
            value += float(lit[i].price) * lit[i].size
            traded += lit[i].size
        at, first = at + n, through[k]

"""Five-minute bars: a Brownian bridge from the session's open to its close, in a time that runs fast at both ends of the day.

The bridge has the market's path in common with every other symbol's, and just the variance that its end was drawn with: the path is then
Brownian motion, jointly over symbols, and no hour of the day foretells another.
"""

from __future__ import annotations

from math import exp, sqrt
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.core.time import MINUTE
from undertow.sandbox.daily.layer import Settings
from undertow.sandbox.draws import session_draws

SPAN = 5 * MINUTE
MOST = 78  #: bars of a full session
CENT = 100.0  # price units
BAR = np.dtype([(n, "i8") for n in ("open", "high", "low", "close", "volume", "vwap", "trades")])


def paths(settings: Settings, symbol: str, rows: Array, days: I64, counts: I64) -> Array:
    """Bars of one symbol: records ``BAR`` (sessions, 78), zero after the session's own count and in halts.

    rows   : ``LAYER`` records (sessions,)
    days   : int64 (sessions,) days since 1970
    counts : int64 (sessions,) bars in each session
    """
    shared, _ = session_draws((settings.seed, "factor bars"), days, MOST)
    normal, exponential = session_draws((settings.seed, symbol, "bars"), days, 3 * MOST, 2 * MOST)
    normal = normal.reshape(-1, 3, MOST)
    spread = np.hypot(rows["shared"], rows["own"])
    normal[:, 0] = (rows["shared"] / spread)[:, None] * shared + (rows["own"] / spread)[:, None] * normal[:, 0]
    out = np.zeros((len(days), MOST), BAR)
    _bars(rows, counts, normal, exponential.reshape(-1, 2, MOST), out)
    for name, day, first, end in settings.halts:
        if name == symbol:
            out[days == day, first:end] = np.zeros(1, BAR)
    return out


def days_of(bars: Array) -> Array:
    """The daily bars that the five-minute bars add up to: records ``BAR`` (sessions,)."""
    out = np.zeros(len(bars), BAR)
    _sessions(bars, out)
    return out


@njit(cache=True)
def _grid(price: float) -> int:
    return max(1, int(price * 10_000.0 / CENT + 0.5)) * int(CENT)


@njit(cache=True)
def _clock(at: float) -> tuple[float, float]:
    # share of the variance and of the volume at a fraction of the session, relative to its middle
    start, end = exp(-at / 0.08), exp(-(1.0 - at) / 0.06)
    return 1.0 + 2.6 * start + 1.2 * end, 1.0 + 2.2 * start + 1.6 * end


@njit(cache=True)
def _bars(rows: Any, counts: I64, z: F64, e: F64, out: Any) -> None:
    for i in range(len(rows)):
        n = counts[i]
        variance, weight, path = np.empty(n), np.empty(n), np.empty(n)
        for k in range(n):
            variance[k], weight[k] = _clock((k + 0.5) / n)
            weight[k] *= exp(0.3 * z[i, 1, k] + 0.25 * abs(z[i, 0, k]))
        variance *= (rows[i].shared ** 2 + rows[i].own ** 2) / _sum(variance)
        weight *= rows[i].volume / _sum(weight)
        total, reach, done = _sum(variance), np.log(rows[i].close / rows[i].open), 0.0
        for k in range(n):
            path[k] = sqrt(variance[k]) * z[i, 0, k]
        missing = reach - _sum(path)
        last, last_price, moved = rows[i].open, _grid(rows[i].open), 0.0
        for k in range(n):
            moved += path[k]
            done += variance[k]
            now = rows[i].close if k == n - 1 else rows[i].open * exp(moved + missing * done / total)
            _bar(out[i, k], last, now, last_price, 2.0 * variance[k], e[i, :, k])
            last, last_price = now, out[i, k].close
            out[i, k].volume = max(1, int(weight[k] + 0.5))
            out[i, k].trades = max(1, int(weight[k] / 110.0 * exp(0.2 * z[i, 2, k])))


@njit(cache=True)
def _bar(bar: Any, start: float, end: float, open_price: int, spread: float, e: F64) -> None:
    # the extremes of a Brownian bridge have closed laws, so no finer path is drawn
    step = np.log(end / start)
    bar.open, bar.close = open_price, _grid(end)
    bar.high = max(_grid(start * exp(0.5 * (step + sqrt(step * step + spread * e[0])))), bar.open, bar.close)
    bar.low = min(_grid(start * exp(0.5 * (step - sqrt(step * step + spread * e[1])))), bar.open, bar.close)
    bar.vwap = (bar.open + bar.high + bar.low + bar.close) // 4


@njit(cache=True)
def _sum(values: F64) -> float:
    total = 0.0
    for value in values:
        total += value
    return total


@njit(cache=True)
def _sessions(bars: Any, out: Any) -> None:
    for i in range(len(bars)):
        day, value = out[i], 0
        day.open, day.low = bars[i, 0].open, bars[i, 0].low
        for k in range(MOST):
            bar = bars[i, k]
            if bar.volume == 0:
                continue
            day.high, day.low, day.close = max(day.high, bar.high), min(day.low, bar.low), bar.close
            day.volume += bar.volume
            day.trades += bar.trades
            value += bar.vwap * bar.volume
        day.vwap = value // day.volume

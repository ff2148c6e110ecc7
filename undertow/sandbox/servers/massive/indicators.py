"""Simple and exponential averages, relative strength, and the convergence of averages, over closes of bars."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.time import DAY, Instant
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive import candles
from undertow.sandbox.servers.massive.asking import HOST, bad, date_at, flag, next_url, request_id, span, stock, whole, years
from undertow.sandbox.servers.massive.candles import Candles
from undertow.sandbox.servers.world import World

WARM = 20 * DAY  #: of minutes and hours: how long before the range an average begins; of longer bars it begins with the market
_SERIES = ("open", "high", "low", "close")
_BEYOND = 5000  # values of one page


def sma(world: World, asked: Asked) -> dict[str, Any]:
    """``/v1/indicators/sma``."""
    window = whole(asked, "window", 50, 500)
    return _answer(world, asked, lambda x: {"value": simple(x, window)})


def ema(world: World, asked: Asked) -> dict[str, Any]:
    """``/v1/indicators/ema``."""
    window = whole(asked, "window", 50, 500)
    return _answer(world, asked, lambda x: {"value": exponential(x, window)})


def rsi(world: World, asked: Asked) -> dict[str, Any]:
    """``/v1/indicators/rsi``."""
    window = whole(asked, "window", 14, 500)
    return _answer(world, asked, lambda x: {"value": strength(x, window)})


def macd(world: World, asked: Asked) -> dict[str, Any]:
    """``/v1/indicators/macd``."""
    short, long = whole(asked, "short_window", 12, 500), whole(asked, "long_window", 26, 500)
    signal = whole(asked, "signal_window", 9, 500)

    def made(x: F64) -> dict[str, F64]:
        value = exponential(x, short) - exponential(x, long)
        smooth = np.full(len(x), np.nan)
        begun = np.flatnonzero(~np.isnan(value))
        smooth[begun] = exponential(value[begun], signal)
        return {"value": value, "signal": smooth, "histogram": value - smooth}

    return _answer(world, asked, made)


def simple(x: F64, window: int) -> F64:
    """Mean of the last ``window`` values (n,); NaN until there are as many."""
    out = np.full(len(x), np.nan)
    if len(x) >= window:
        through = np.concatenate([[0.0], np.cumsum(x)])
        out[window - 1 :] = (through[window:] - through[:-window]) / window
    return out


def exponential(x: F64, window: int) -> F64:
    """Average of weight ``2 / (window + 1)`` on the newest value (n,), begun with the simple mean of the first ``window``."""
    out = np.full(len(x), np.nan)
    if len(x) < window:
        return out
    now, weight = float(np.mean(x[:window])), 2.0 / (window + 1.0)
    out[window - 1] = now
    for i in range(window, len(x)):
        now += weight * (float(x[i]) - now)
        out[i] = now
    return out


def strength(x: F64, window: int) -> F64:
    """Wilder's relative strength index (n,), from 0 to 100; NaN until ``window`` changes are known."""
    out = np.full(len(x), np.nan)
    if len(x) <= window:
        return out
    change = np.diff(x)
    gains, losses = np.maximum(change, 0.0), np.maximum(-change, 0.0)
    gain, loss = float(np.mean(gains[:window])), float(np.mean(losses[:window]))
    for i in range(window, len(x)):
        if i > window:
            gain = (gain * (window - 1) + float(gains[i - 1])) / window
            loss = (loss * (window - 1) + float(losses[i - 1])) / window
        out[i] = 100.0 if loss == 0.0 else 100.0 - 100.0 / (1.0 + gain / loss)
    return out


def _answer(world: World, asked: Asked, made: Any) -> dict[str, Any]:
    order, series, timespan = asked.query.get("order", "desc"), asked.query.get("series_type", "close"), asked.query.get("timespan", "day")
    if order not in ("asc", "desc") or series not in _SERIES or timespan not in (*candles.MINUTES, "day", "week", "month", "year"):
        raise bad("The parameters 'order', 'series_type' and 'timespan' must be among those documented.")
    limit, first, last = whole(asked, "limit", 10, _BEYOND), *span(asked, "timestamp", *years(world))
    bars = _bars(world, asked, timespan, first)
    columns: dict[str, F64] = made(getattr(bars, series))
    begun = ~np.isnan(np.stack(list(columns.values()))).any(axis=0)
    at = np.flatnonzero(begun & (bars.start >= first) & (bars.start <= last))
    at = at if order == "asc" else at[::-1]
    page = at[asked.start : asked.start + limit]
    stamps = (bars.start[page] // 10**6).tolist()
    columns = {name: np.round(values[page], 8) for name, values in columns.items()}
    values = [dict(zip(columns, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)]
    ticker = asked.parts["ticker"]
    url = f"{HOST}/v2/aggs/ticker/{ticker}/range/1/{timespan}/{date_at(int(bars.start[0])) if len(bars) else ''}/{date_at(world.now())}"
    under: dict[str, Any] = {"url": url}
    if flag(asked, "expand_underlying", False):
        under["aggregates"] = candles.rendered(bars[np.sort(page)])
    results = {"underlying": under, "values": [{"timestamp": t, **row} for t, row in zip(stamps, values, strict=True)]}
    body = {"status": "OK", "request_id": request_id(asked), "results": results}
    if asked.start + limit < len(at):
        body["next_url"] = next_url(world, asked, asked.start + limit)
    return body


def _bars(world: World, asked: Asked, timespan: str, first: Instant) -> Candles:
    symbol, today = stock(asked.parts["ticker"]), date_at(world.now())
    if timespan in candles.MINUTES:
        begin = first if first > years(world)[0] else world.now()
        bars = candles.minutes(world, symbol, world.sessions(date_at(begin - WARM), today))
    else:
        bars = candles.days(world, symbol, world.sessions(np.datetime64("2005-01-01"), today))
    if flag(asked, "adjusted", True):
        bars = candles.adjusted(world, symbol, bars)
    return candles.together(bars, 1, timespan)

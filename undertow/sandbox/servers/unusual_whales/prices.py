"""Answers about prices: candles, the state of a stock, and its months of the year."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import DailyBar
from undertow.core.time import MINUTE
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.words import money, stamp

Row = dict[str, Any]
_SIZES = {"1m": 1, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "1h": 60, "4h": 240}
_MOST = 2500
_YEARS = 5
LENGTHS = {"D": 1, "W": 5, "M": 21, "Y": 252}  #: sessions of a timeframe


def candles(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/ohlc/{candle_size}``: newest first; of ``date`` alone where it is given, else back to ``limit`` rows."""
    symbol, size, limit = ask.ticker(), ask.parts["candle_size"], ask.count("limit", _MOST, _MOST)
    if size != "1d" and size not in _SIZES:
        raise ask.malformed(f"Invalid path input: {size} (valid example: 1m)")
    position = desk.position(ask, "date" if ask.text("date") else "end_date")
    if not desk.exists(symbol) or position is None:
        return {"data": []}
    if size == "1d":
        bars = desk.rows(DailyBar, symbol, max(desk.first(), position - min(limit, _length(ask)) + 1), position + 1)
        return {"data": [_daily(bars, i) for i in range(len(bars) - 1, -1, -1)]}
    first = position if ask.text("date") else max(desk.first(), position - 60)
    out: list[Row] = []
    for at in range(position, first - 1, -1):
        if len(out) >= limit:
            break
        out += _candles(desk, symbol, at, _SIZES[size])[::-1]
    return {"data": out[:limit]}


def state(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/stock-state``: the last minute that is over, and the close before its day."""
    symbol = ask.ticker()
    latest = desk.latest()
    for position in (latest, latest - 1) if desk.exists(symbol) else ():
        rows = _candles(desk, symbol, position, 1)
        before = desk.rows(DailyBar, symbol, position - 1)
        if rows:
            last = rows[-1]
            row = {name: last[name] for name in ("open", "high", "low", "close", "volume", "total_volume")}
            time = {"pr": "premarket", "r": "regular", "po": "postmarket"}[last["market_time"]]
            close = money(before.columns["close"][-1]) if len(before) else None
            return {"data": row | {"market_time": time, "prev_close": close, "tape_time": last["end_time"]}}
    return {"data": []}


def months(desk: Desk, ask: Ask) -> Any:
    """``/seasonality/{ticker}/monthly``: returns of each month of the year, as numbers."""
    symbol, latest = ask.ticker(), desk.latest()
    if not desk.exists(symbol):
        return {"data": []}
    bars = desk.rows(DailyBar, symbol, max(desk.first(), latest - _YEARS * 252), latest + 1)
    month = nyse().day[nyse().position(bars.event_at)].astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.diff(month) != 0)
    close = bars.columns["close"][last].astype(np.float64)
    change, of = np.diff(close) / close[:-1], month[last][1:] % 12 + 1
    out = []
    for each in np.unique(of).tolist():
        own = change[of == each]
        row = {"month": each, "years": len(own), "positive_closes": int((own > 0).sum()), "positive_months_perc": float(np.mean(own > 0))}
        shape = {"avg": np.mean(own), "median": np.median(own), "min": np.min(own), "max": np.max(own)}
        out.append(row | {f"{name}_change": round(float(value), 4) for name, value in shape.items()})
    return {"data": out}


def _length(ask: Ask) -> int:
    given = ask.text("timeframe") or "1Y"
    match = re.fullmatch(r"(\d{1,3})([DWMY])", given.upper())
    if match is None:
        raise ask.malformed(f"Invalid query input(s): timeframe={given} (valid example: timeframe=1Y)")
    return int(match[1]) * LENGTHS[match[2]]


def _daily(bars: Chunk, i: int) -> Row:
    columns = bars.columns
    prices = {name: money(columns[name][i]) for name in ("open", "high", "low", "close")}
    volume = int(columns["volume"][i])
    return prices | {
        "date": day_of(int(nyse().position(int(bars.event_at[i])))),
        "market_time": "r",
        "volume": volume,
        "total_volume": volume,
    }


def _candles(desk: Desk, symbol: str, position: int, size: int) -> list[Row]:
    bars = desk.world.minutes(symbol, slice(position, position + 1))
    columns, begin = bars.columns, bars.event_at - MINUTE
    span = size * MINUTE
    group = (begin - int(nyse().midnight[position])) // span
    edges = np.flatnonzero(np.concatenate([[True], np.diff(group) != 0])) if len(bars) else np.empty(0, np.int64)
    total = np.cumsum(columns["volume"])
    out = []
    for a, b in zip(edges.tolist(), [*edges[1:].tolist(), len(bars)], strict=True):
        start = int(nyse().midnight[position]) + int(group[a]) * span
        time = "pr" if begin[a] < nyse().open[position] else "r" if begin[a] < nyse().close[position] else "po"
        out.append(
            {
                "open": money(columns["open"][a]),
                "high": money(columns["high"][a:b].max()),
                "low": money(columns["low"][a:b].min()),
                "close": money(columns["close"][b - 1]),
                "volume": int(columns["volume"][a:b].sum()),
                "total_volume": int(total[b - 1]),
                "market_time": time,
                "start_time": stamp(start),
                "end_time": stamp(start + span),
            }
        )
    return out

"""Bars as columns: of minutes and days, put together to longer ones, adjusted for later splits, and as the vendor's rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import PRICE_SCALE, ChainRow, DailyBar
from undertow.core.time import HOUR, MINUTE, Duration
from undertow.sandbox.servers.massive.asking import Contract, midnight
from undertow.sandbox.servers.world import World

MINUTES = {"minute": MINUTE, "hour": HOUR}
_UNITS = {"day": "D", "week": "W", "month": "M", "year": "Y"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Candles:
    """Bars in order of their start. Prices float64 (n,) USD, volumes float64 (n,), the rest int64 (n,)."""

    start: I64  #: ns UTC
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    vwap: F64
    trades: I64

    def __len__(self) -> int:
        return len(self.start)

    def __getitem__(self, rows: slice | Array) -> Candles:
        return Candles(**{name: getattr(self, name)[rows] for name in self.__slots__})


def minutes(world: World, symbol: str, sessions: slice) -> Candles:
    """Bars of one minute from 04:00 to 20:00 New York."""
    chunk = world.minutes(symbol, sessions)
    return _candles(chunk, chunk.event_at - MINUTE)


def days(world: World, symbol: str, sessions: slice) -> Candles:
    """Bars of whole sessions, which start at midnight in New York."""
    chunk = world.rows(DailyBar, symbol, sessions)
    return _candles(chunk, nyse().midnight[nyse().position(chunk.event_at)])


def contract_days(world: World, contract: Contract, sessions: slice) -> Candles:
    """Day bars of one option contract, at its price at the close; none where it did not trade."""
    chunk = world.rows(ChainRow, contract.underlying, sessions)
    c = chunk.columns
    same = (c["expiry"] == contract.expiry) & (c["strike"] == contract.strike) & (c["is_put"] == contract.is_put)
    own = chunk[same & (c["volume"] > 0)]
    price, volume = own.columns["price"] / PRICE_SCALE, own.columns["volume"].astype(np.float64)
    number = np.maximum(1, np.sqrt(volume)).astype(np.int64)
    start = nyse().midnight[nyse().position(own.event_at)]
    return Candles(start=start, open=price, high=price, low=price, close=price, volume=volume, vwap=price, trades=number)


def _candles(chunk: Chunk, start: I64) -> Candles:
    c = chunk.columns
    prices = {name: c[name] / PRICE_SCALE for name in ("open", "high", "low", "close", "vwap")}
    return Candles(start=start, volume=c["volume"].astype(np.float64), trades=c["trades"], **prices)


def together(bars: Candles, multiplier: int, timespan: str) -> Candles:
    """Longer bars: of minutes and hours counted from midnight in New York, of days, weeks (from Sunday), months and years by date."""
    if not len(bars) or (timespan in ("minute", "day") and multiplier == 1):
        return bars
    calendar = nyse()
    position = calendar.position(bars.start)
    if timespan in MINUTES:
        return _merged(bars, _slots(bars.start, calendar.midnight[position], multiplier * MINUTES[timespan]))
    date = calendar.day[position]
    number = (date + 4).astype("datetime64[W]") if timespan == "week" else date.astype(f"datetime64[{_UNITS[timespan]}]")
    label = number.astype(np.int64) // multiplier * multiplier
    first = label.astype(f"datetime64[{_UNITS[timespan]}]").astype("datetime64[D]") - (4 if timespan == "week" else 0)
    each, where = np.unique(first, return_inverse=True)
    return _merged(bars, np.asarray([midnight(d) for d in each], np.int64)[where])


def _slots(start: I64, midnights: I64, length: Duration) -> I64:
    slots: I64 = midnights + (start - midnights) // length * length
    return slots


def _merged(bars: Candles, start: I64) -> Candles:
    at = np.flatnonzero(np.diff(start, prepend=start[0] - 1))
    last = np.append(at[1:], len(start)) - 1
    volume = np.add.reduceat(bars.volume, at)
    vwap = np.add.reduceat(bars.volume * bars.vwap, at) / np.maximum(volume, 1e-9)
    return Candles(
        start=start[at],
        open=bars.open[at],
        high=np.maximum.reduceat(bars.high, at),
        low=np.minimum.reduceat(bars.low, at),
        close=bars.close[last],
        volume=volume,
        vwap=np.where(volume > 0, vwap, bars.close[last]),
        trades=np.add.reduceat(bars.trades, at),
    )


def adjusted(world: World, symbol: str, bars: Candles) -> Candles:
    """Prices and volumes in shares as they are now: a split after a bar's start divides its prices."""
    splits = world.actions(symbol)
    if not len(splits):
        return bars
    through = np.concatenate([[1.0], np.cumprod(splits.columns["ratio"])])
    ratio = through[-1] / through[np.searchsorted(splits.event_at, bars.start, side="right")]
    prices = {name: getattr(bars, name) / ratio for name in ("open", "high", "low", "close", "vwap")}
    return replace(bars, volume=bars.volume * ratio, **prices)


def rendered(bars: Candles, **more: Any) -> list[dict[str, Any]]:
    """The vendor's rows, one letter a field; ``more`` is in each of them."""
    prices = [np.round(getattr(bars, name), 6).tolist() for name in ("open", "high", "low", "close", "vwap")]
    volume = np.rint(bars.volume).astype(np.int64).tolist()
    return [
        {**more, "v": v, "vw": vw, "o": o, "c": c, "h": h, "l": low, "t": t, "n": n}
        for v, o, h, low, c, vw, t, n in zip(volume, *prices, (bars.start // 10**6).tolist(), bars.trades.tolist(), strict=True)
    ]

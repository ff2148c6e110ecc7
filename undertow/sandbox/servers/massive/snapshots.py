"""Snapshots of stocks: the day so far, the day before, the last minute, print and quote; one, all, the most moved, and of any class."""

from __future__ import annotations

from typing import Any

from undertow.core.calendar import nyse
from undertow.core.time import MINUTE
from undertow.sandbox.servers.asked import Asked, Refused
from undertow.sandbox.servers.massive import candles
from undertow.sandbox.servers.massive.asking import bad, contract, missing, request_id, stock
from undertow.sandbox.servers.massive.candles import Candles
from undertow.sandbox.servers.massive.contracts import snapshots as contract_snapshots
from undertow.sandbox.servers.massive.lists import listed
from undertow.sandbox.servers.massive.reference import market_now
from undertow.sandbox.servers.massive.ticks import latest, quotes_of, short_quote, short_trade, trades_of
from undertow.sandbox.servers.world import World

CLEARED = 210 * MINUTE  #: after midnight in New York: from then on a snapshot is of the new day
_MOST_MOVED, _MOST_NAMES = 20, 250
_EMPTY = {"c": 0, "h": 0, "l": 0, "o": 0, "v": 0, "vw": 0, "dv": "0.0"}


def one(world: World, asked: Asked) -> dict[str, Any]:
    """``/v2/snapshot/…/tickers/{ticker}``, under the key ``ticker``."""
    return {"status": "OK", "request_id": request_id(asked), "ticker": snapshot(world, stock(asked.parts["ticker"]))}


def every(world: World, asked: Asked) -> dict[str, Any]:
    """``/v2/snapshot/…/tickers``, under the key ``tickers``."""
    names = [name for name in asked.query.get("tickers", "").split(",") if name] or list(world.listed)
    rows = [snapshot(world, stock(name)) for name in names]
    return {"status": "OK", "request_id": request_id(asked), "count": len(rows), "tickers": rows}


def movers(world: World, asked: Asked) -> dict[str, Any]:
    """``/v2/snapshot/…/gainers`` and ``losers``: the twenty that moved most."""
    direction = asked.parts["direction"]
    if direction not in ("gainers", "losers"):
        raise bad(f"The direction must be gainers or losers, not '{direction}'.")
    sign = -1 if direction == "gainers" else 1
    rows = sorted((snapshot(world, name) for name in world.listed), key=lambda row: sign * row["todaysChangePerc"])
    moved = [row for row in rows if sign * row["todaysChangePerc"] < 0][:_MOST_MOVED]
    return {"status": "OK", "request_id": request_id(asked), "tickers": moved}


def universal(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/snapshot``: stocks and contracts by name, each a row or an error of its own."""
    names = [name for name in asked.query.get("ticker.any_of", asked.query.get("ticker", "")).split(",") if name]
    if len(names) > _MOST_NAMES:
        raise bad(f"The parameter 'ticker.any_of' must not name more than {_MOST_NAMES} tickers.")
    if not names:
        names = [] if asked.query.get("type", "stocks") != "stocks" else list(world.listed)
    rows = [_universal(world, name) for name in sorted(dict.fromkeys(names))]
    return listed(world, asked, rows, (), limits=(10, 250))


def snapshot(world: World, symbol: str) -> dict[str, Any]:
    """One stock as it stands."""
    today, minute, before = _blocks(world, symbol)
    row: dict[str, Any] = {"ticker": symbol, "day": dict(_EMPTY), "prevDay": {}, "min": {**_EMPTY, "t": 0, "n": 0, "av": 0}}
    price = 0.0
    if len(before):
        row["prevDay"] = {name: value for name, value in _bar(before).items() if name != "dv"}
        price = float(before.close[-1])
    if len(today):
        row["day"] = _bar(today)
    if len(minute):
        # the day's volume is that of every minute since 04:00
        through = int(minute.volume.sum())
        row["min"] = {**_bar(minute[-1:]), "t": int(minute.start[-1]) // 10**6, "n": int(minute.trades[-1])}
        row["min"] |= {"av": through, "dav": f"{through}.0"}
    quote, trade = latest(world, quotes_of(symbol)), latest(world, trades_of(symbol))
    row["lastQuote"] = {name: value for name, value in (short_quote(quote) if quote is not None else {}).items() if name in "PSpst"}
    row["lastTrade"] = {name: value for name, value in (short_trade(trade) if trade is not None else {}).items() if name not in "qryzf"}
    last = float(minute.close[-1]) if len(minute) else price
    row["todaysChange"] = round(last - price, 4)
    row["todaysChangePerc"] = round(100 * (last / price - 1), 4) if price else 0.0
    row["updated"] = max(row["lastQuote"].get("t", 0), row["lastTrade"].get("t", 0))
    return row


def _blocks(world: World, symbol: str) -> tuple[Candles, Candles, Candles]:
    """The day's bar so far, its minutes, and the bar of the session before; of no rows where there are none."""
    calendar, at = nyse(), world.last_session()
    if world.now() < int(calendar.midnight[at]) + CLEARED:
        at -= 1
    whole_days = candles.days(world, symbol, slice(max(at - 3, world.market.sessions.start), at + 1))
    done = len(whole_days) > 0 and int(whole_days.start[-1]) == int(calendar.midnight[at])
    minutes = candles.minutes(world, symbol, slice(at, at + 1))
    if done:
        return whole_days[-1:], minutes, candles.adjusted(world, symbol, whole_days[-2:-1])
    regular = minutes[minutes.start >= calendar.open[at]]
    return candles.together(regular, 24, "hour"), minutes, candles.adjusted(world, symbol, whole_days[-1:])


def _bar(bar: Candles) -> dict[str, Any]:
    row = candles.rendered(bar)[-1]
    return {name: row[name] for name in ("o", "h", "l", "c", "v", "vw")} | {"dv": f"{row['v']}.0"}


def _universal(world: World, name: str) -> dict[str, Any]:
    try:
        return _contract_row(world, name) if ":" in name else _stock_row(world, stock(name))
    except Refused:
        return {"ticker": name, "error": "NOT_FOUND", "message": "Ticker not found."}


def _contract_row(world: World, name: str) -> dict[str, Any]:
    for row in contract_snapshots(world, contract(name).underlying):
        if row["details"]["ticker"] == name:
            return {"ticker": name, "type": "options", "name": name, "market_status": _status(world), "session": row["day"], **row}
    raise missing()


def _stock_row(world: World, symbol: str) -> dict[str, Any]:
    row = snapshot(world, symbol)
    quote, trade, minute = row["lastQuote"], row["lastTrade"], row["min"]
    out: dict[str, Any] = {"ticker": symbol, "type": "stocks", "name": f"Simulated {symbol}", "market_status": _status(world)}
    out["session"] = _session(row)
    if quote:
        sides = {"bid": quote["p"], "bid_size": quote["s"], "ask": quote["P"], "ask_size": quote["S"]}
        out["last_quote"] = sides | {"last_updated": quote["t"], "timeframe": "REAL-TIME"}
    if trade:
        size = {"size": trade["s"], "decimal_size": trade["ds"], "exchange": trade["x"], "id": trade["i"]}
        out["last_trade"] = {"price": trade["p"], "last_updated": trade["t"], "timeframe": "REAL-TIME", **size}
    if minute["t"]:
        names = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "transactions": "n"}
        out["last_minute"] = {name: minute[short] for name, short in names.items()}
    return out


def _status(world: World) -> str:
    return str(market_now(world, Asked(path=""))["market"])


def _session(row: dict[str, Any]) -> dict[str, Any]:
    day, before = row["day"], row["prevDay"]
    return {
        "change": row["todaysChange"],
        "change_percent": row["todaysChangePerc"],
        "open": day["o"],
        "high": day["h"],
        "low": day["l"],
        "close": day["c"],
        "volume": day["v"],
        "decimal_volume": day["dv"],
        "previous_close": before.get("c", 0),
    }

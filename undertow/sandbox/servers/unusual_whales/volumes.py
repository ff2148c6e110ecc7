"""Answers about a day's option volume as a whole: one row a session, of a symbol or of the market."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Chunk
from undertow.core.events import ChainRow, OpenInterest, OptionTrade
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import MULTIPLIER
from undertow.sandbox.servers.unusual_whales.words import money

Row = dict[str, Any]
_LENGTHS = (3, 7, 30)  # sessions of the averages


def options_volume(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/options-volume``: a row a session, the newest first; one row unless ``limit`` says more."""
    symbol, limit = ask.ticker(), ask.count("limit", 1, 500)
    if not desk.exists(symbol):
        return {"data": []}
    latest = desk.latest()
    first = max(desk.first(), latest - limit + 1)
    start = first - max(_LENGTHS)
    before = _by_session(desk.rows(ChainRow, symbol, start, latest + 1), "volume", start, latest)
    interest = _by_session(desk.rows(OpenInterest, symbol, first - 1, latest), "open_interest", first - 1, latest)
    out = []
    for position in range(latest, first - 1, -1):
        row = dict(_day(desk, symbol, position))
        for n, name in enumerate(("call", "put")):
            row[f"{name}_open_interest"] = int(interest[position - first, n])
            for length in _LENGTHS:
                held = before[position - start - length : position - start, n]
                row[f"avg_{length}_day_{name}_volume"] = f"{float(held.mean()):.12f}"
        out.append(row | {"date": day_of(position)})
    return {"data": out}


def total_volume(desk: Desk, ask: Ask) -> Any:
    """``/market/total-options-volume``: a row a session of the universe, the newest first; one row unless ``limit`` says more."""
    latest, out = desk.latest(), []
    for position in range(latest, max(desk.first() - 1, latest - ask.count("limit", 1, 60)), -1):
        days = [_day(desk, symbol, position) for symbol in desk.plan.universe]
        row: Row = {"date": day_of(position)}
        for name in ("call", "put"):
            row[f"{name}_volume"] = sum(day[f"{name}_volume"] for day in days)
            row[f"{name}_premium"] = money(sum(int(day[f"{name}_premium"]) for day in days) * 10_000)
        out.append(row)
    return {"data": out}


def _by_session(chunk: Chunk, column: str, first: int, last: int) -> I64:
    # sums of calls and of puts of each session from first to last (sessions, 2)
    out = np.zeros((last - first + 1, 2), np.int64)
    at = nyse().position(chunk.event_at) - first
    np.add.at(out, (at, chunk.columns["is_put"]), chunk.columns[column])
    return out


def _day(desk: Desk, symbol: str, position: int) -> Row:
    # a day that is over stays as it is, and needs no look at its prints
    state = 0 if desk.now >= int(nyse().midnight[position + 1]) else desk.now
    return desk.shelf.day((symbol, position, state), lambda: _sums(desk.rows(OptionTrade, symbol, position)))


def _sums(prints: Chunk) -> Row:
    columns = prints.columns
    side = np.sign(2 * columns["price"] - columns["bid"] - columns["ask"])
    premium, put = columns["price"] * columns["size"] * MULTIPLIER, columns["is_put"] == 1
    out: Row = {}
    for name, right in (("call", ~put), ("put", put)):
        out[f"{name}_volume"], out[f"{name}_premium"] = int(columns["size"][right].sum()), _dollars(premium[right].sum())
        out[f"{name}_volume_ask_side"] = int(columns["size"][right & (side > 0)].sum())
        out[f"{name}_volume_bid_side"] = int(columns["size"][right & (side < 0)].sum())
        out[f"net_{name}_premium"] = _dollars((premium * side)[right].sum())
    bullish = np.where(put, side < 0, side > 0)
    out["bullish_premium"], out["bearish_premium"] = _dollars(premium[bullish].sum()), _dollars(premium[~bullish & (side != 0)].sum())
    return out


def _dollars(units: float) -> str:
    return str(round(float(units) / 10_000))

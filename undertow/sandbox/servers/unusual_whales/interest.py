"""Answers about open interest, published in the morning for the session before: by strike, by expiry, and how it changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.events import OpenInterest
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.contracts import contracts_of, day_row
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of, pages
from undertow.sandbox.servers.unusual_whales.flow import flow_of, interest_of
from undertow.sandbox.servers.unusual_whales.words import day_text, number, option_symbol, plain

Row = dict[str, Any]


def oi_change(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/oi-change``: open interest of the session before ``date``, published that morning, by absolute change."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": []}
    if not ask.text("date") and not len(desk.rows(OpenInterest, symbol, position - 1)):
        position -= 1
    limit = ask.count("limit", 100, 500)
    rows = desk.table(
        "oi-change", symbol, position, len(desk.rows(OpenInterest, symbol, position - 1)), lambda: _changes(desk, symbol, position)
    )
    return {"data": pages(rows if ask.text("order") != "asc" else rows[::-1], ask, limit)}


def oi_per_strike(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/oi-per-strike``."""
    return {"data": _interest_by(desk, ask, "strike")}


def oi_per_expiry(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/oi-per-expiry``."""
    return {"data": _interest_by(desk, ask, "expiry")}


def _changes(desk: Desk, symbol: str, position: int) -> list[Row]:
    now, before = interest_of(desk, symbol, position - 1), interest_of(desk, symbol, position - 2)
    flow = flow_of(desk, symbol, position - 1)
    traded = {(c.expiry, c.is_put, c.strike): day_row(flow, c) for c in contracts_of(flow)}
    total = sum(abs(held - before.get(key, 0)) for key, held in now.items())
    out = []
    for rank, (key, held) in enumerate(sorted(now.items(), key=lambda item: (-abs(item[1] - before.get(item[0], 0)), item[0])), 1):
        last, day = before.get(key, 0), traded.get(key, {})
        row: Row = {f"prev_{name}": day.get(name, 0) for name in ("ask_volume", "bid_volume", "mid_volume", "neutral_volume")}
        row |= {f"prev_{name}": day.get(name, 0) for name in ("multi_leg_volume", "stock_multi_leg_volume")}
        out.append(
            row
            | {
                "option_symbol": option_symbol(symbol, *key),
                "underlying_symbol": symbol,
                "curr_date": day_of(position),
                "last_date": day_of(position - 1),
                "curr_oi": held,
                "last_oi": last,
                "oi_diff_plain": held - last,
                "oi_change": number((held - last) / last, 16) if last else "0",
                "percentage_of_total": number(abs(held - last) / total, 16) if total else "0",
                "rnk": rank,
                "volume": day.get("volume", 0),
                "trades": day.get("trades", 0),
                "prev_total_premium": day.get("total_premium", "0.00"),
                "avg_price": day.get("avg_price", "0"),
                "last_fill": day.get("last_price", "0.00"),
                "last_bid": day.get("nbbo_bid", "0.00"),
                "last_ask": day.get("nbbo_ask", "0.00"),
            }
        )
    return out


def _interest_by(desk: Desk, ask: Ask, what: str) -> list[Row]:
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return []
    chunk = desk.rows(OpenInterest, symbol, position - 1)
    columns, out = chunk.columns, []
    for each in np.unique(columns[what]).tolist():
        of = {
            name: int(columns["open_interest"][(columns[what] == each) & (columns["is_put"] == n)].sum())
            for n, name in enumerate(("call", "put"))
        }
        name = plain(each) if what == "strike" else day_text(each)
        out.append({"date": day_of(position), what: name, "call_oi": of["call"], "put_oi": of["put"]})
    return out

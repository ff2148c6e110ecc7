"""Answers about contracts: a day of each, its minutes, its history, and what is listed."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from undertow.core.chunk import Array
from undertow.core.events import ChainRow
from undertow.core.time import MINUTE
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of, pages
from undertow.sandbox.servers.unusual_whales.flow import Flow, flow_of, interest_of, terms
from undertow.sandbox.servers.unusual_whales.greeks import greeks
from undertow.sandbox.servers.unusual_whales.words import day_text, money, number, option_symbol, stamp

Row = dict[str, Any]
_UNUSUAL_PREMIUM, _UNUSUAL_DAYS = 10_000, 60
_MOST_SESSIONS = 80  # no contract lives longer
_QUIET = 15  # sessions without a print, after which none is looked for


class Contract(NamedTuple):
    """A contract's prints in a session."""

    symbol: str
    expiry: int
    is_put: int
    strike: int
    rows: Array  #: of the session's flow, int64 (n,)
    interest: int
    iv: float

    @property
    def name(self) -> str:
        """Its OCC symbol."""
        return option_symbol(self.symbol, self.expiry, self.is_put, self.strike)


def contracts_of(flow: Flow) -> list[Contract]:
    """The contracts that traded in a session."""
    return [
        Contract(flow.symbol, int(e), int(p), int(s), np.flatnonzero(flow.contract == n), int(flow.interest[n]), float(flow.iv[n]))
        for n, (e, p, s) in enumerate(flow.contracts)
    ]


def day_row(flow: Flow, contract: Contract) -> Row:
    """What a contract's day came to, under the names of ``historic``."""
    rows, columns = contract.rows, flow.chunk.columns
    size, price, letters, side = columns["size"][rows], columns["price"][rows], flow.letters[rows], flow.side[rows]
    return {
        "ask_volume": int(size[side > 0].sum()),
        "bid_volume": int(size[side < 0].sum()),
        "mid_volume": int(size[side == 0].sum()),
        "neutral_volume": 0,
        "cross_volume": 0,
        "floor_volume": int(size[letters == "slft"].sum()),
        "sweep_volume": int(size[letters == "isoi"].sum()),
        "multi_leg_volume": int(size[flow.multi[rows]].sum()),
        "stock_multi_leg_volume": 0,
        "volume": int(size.sum()),
        "trades": len(rows),
        "total_premium": money(int(flow.premium[rows].sum())),
        "avg_price": number(float((price * size).sum()) / float(size.sum()) / 10_000, 16),
        "open_price": money(price[0]),
        "high_price": money(price.max()),
        "low_price": money(price.min()),
        "last_price": money(price[-1]),
        "last_tape_time": stamp(flow.chunk.event_at[rows[-1]]),
        "nbbo_bid": money(columns["bid"][rows[-1]]),
        "nbbo_ask": money(columns["ask"][rows[-1]]),
        "total_ask_changes": int((np.diff(columns["ask"][rows]) != 0).sum()),
        "total_bid_changes": int((np.diff(columns["bid"][rows]) != 0).sum()),
        "open_interest": contract.interest,
        **{name: number(contract.iv) for name in ("implied_volatility", "iv_high", "iv_low")},
        "date": day_of(flow.position),
    }


def option_contracts(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/option-contracts``: the contracts that traded in the latest session, those with the most volume first."""
    symbol, limit = ask.ticker(), ask.count("limit", 500, 500)
    if not desk.exists(symbol):
        return {"data": []}
    flow, out = flow_of(desk, symbol, desk.latest()), []
    before = interest_of(desk, symbol, desk.latest() - 2)
    for contract in contracts_of(flow):
        if ask.text("expiry") and day_text(contract.expiry) != ask.text("expiry"):
            continue
        if (right := ask.text("option_type").lower()) in ("call", "put") and (right == "put") != bool(contract.is_put):
            continue
        row, last = day_row(flow, contract), contract.rows[-1:]
        held = greeks(flow.spot[last], np.array([contract.strike]), flow.days(last), np.array([contract.iv]), np.array([contract.is_put]))
        row |= {name: number(float(getattr(held, name)[0]), 6) for name in ("delta", "theta", "vega", "rho")}
        row |= {"gamma": number(float(held.gamma[0]) * 10_000, 6), "option_symbol": contract.name, "no_side_volume": 0}
        row["prev_oi"] = before.get((contract.expiry, contract.is_put, contract.strike), 0)
        for name in ("neutral_volume", "cross_volume", "open_price", "iv_high", "iv_low", "date", "trades"):
            del row[name]
        out.append({name: value for name, value in row.items() if not name.endswith("_changes")})
    return {"data": pages(sorted(out, key=lambda row: (-row["volume"], row["option_symbol"])), ask, limit)}


def option_chains(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/option-chains``: symbols listed on a day, from its close on; without ``date`` the latest list."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": []}
    chain = desk.rows(ChainRow, symbol, position)
    if not len(chain) and not ask.text("date"):
        chain = desk.rows(ChainRow, symbol, position - 1)
    return {"data": [option_symbol(symbol, *row) for row in terms(chain)]}


def historic(desk: Desk, ask: Ask) -> Any:
    """``/option-contract/{id}/historic``: a row a session in which it traded, under ``chains``, the newest first."""
    root, expiry, put, strike = ask.option()
    out: list[Row] = []
    last, quiet = desk.latest(), 0
    limit = ask.count("limit", _MOST_SESSIONS, _MOST_SESSIONS)
    for position in range(last, max(desk.first(), last - _MOST_SESSIONS) - 1, -1) if desk.exists(root) else ():
        if len(out) >= limit:
            break
        flow = flow_of(desk, root, position)
        found = [day_row(flow, c) for c in contracts_of(flow) if (c.expiry, c.is_put, c.strike // 10 * 10) == (expiry, put, strike)]
        quiet = 0 if found else quiet + 1
        if quiet > _QUIET:
            break
        out += found
    return {"chains": out}


def intraday(desk: Desk, ask: Ask) -> Any:
    """``/option-contract/{id}/intraday``: minutes in which it traded."""
    root, expiry, put, strike = ask.option()
    position = desk.position(ask)
    if position is None or not desk.exists(root):
        return {"data": []}
    flow = flow_of(desk, root, position)
    own = [c for c in contracts_of(flow) if (c.expiry, c.is_put, c.strike // 10 * 10) == (expiry, put, strike)]
    return {"data": [_minute(flow, own[0], int(minute)) for minute in np.unique(flow.chunk.event_at[own[0].rows] // MINUTE)] if own else []}


def _minute(flow: Flow, contract: Contract, minute: int) -> Row:
    rows = contract.rows[flow.chunk.event_at[contract.rows] // MINUTE == minute]
    size, price, side = flow.chunk.columns["size"][rows], flow.chunk.columns["price"][rows], flow.side[rows]
    row: Row = {
        "option_symbol": contract.name,
        "expiry": day_text(contract.expiry),
        "start_time": stamp(minute * MINUTE).replace("Z", ".000000Z"),
        "open": money(price[0]),
        "high": money(price.max()),
        "low": money(price.min()),
        "close": money(price[-1]),
        "avg_price": number(float((price * size).sum()) / float(size.sum()) / 10_000, 16),
        "iv_high": number(contract.iv),
        "iv_low": number(contract.iv),
        "premium_no_side": "0.00",
        "volume_no_side": 0,
        "volume_multi": int(size[flow.multi[rows]].sum()),
        "volume_stock_multi": 0,
    }
    for name, sign in (("ask", 1), ("bid", -1), ("mid", 0)):
        row[f"premium_{name}_side"] = money(int(flow.premium[rows][side == sign].sum()))
        row[f"volume_{name}_side"] = int(size[side == sign].sum())
    return row

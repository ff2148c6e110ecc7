"""``/v3/trades``, ``/v3/quotes`` and the last of each: pages over sessions, in the tape's order or against it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive.asking import (
    LIFE,
    Contract,
    bad,
    contract,
    envelope,
    missing,
    next_url,
    request_id,
    span,
    stock,
    whole,
    years,
)
from undertow.sandbox.servers.massive.prints import (
    Session,
    Ticks,
    contract_quotes,
    contract_trades,
    quote_rows,
    stock_quotes,
    stock_trades,
    trade_rows,
)
from undertow.sandbox.servers.world import World

_PLACES = 10**9  # more ticks than any session has: a cursor's start is session * _PLACES + number


def trades(world: World, asked: Asked) -> dict[str, Any]:
    """A page of prints of a stock or a contract."""
    ticks, then = _page(world, asked, trades_of(asked.parts["ticker"]))
    return _body(world, asked, [row for some in ticks for row in trade_rows(some)], then)


def quotes(world: World, asked: Asked) -> dict[str, Any]:
    """A page of quotes of a stock or a contract."""
    ticks, then = _page(world, asked, quotes_of(asked.parts["ticker"]))
    return _body(world, asked, [row for some in ticks for row in quote_rows(some)], then)


def last_trade(world: World, asked: Asked) -> dict[str, Any]:
    """The latest print, under one-letter names."""
    one = latest(world, trades_of(asked.parts["ticker"]))
    if one is None:
        raise missing()
    return {"status": "OK", "request_id": request_id(asked), "results": {"T": asked.parts["ticker"], **short_trade(one)}}


def last_quote(world: World, asked: Asked) -> dict[str, Any]:
    """The latest quote, under one-letter names."""
    one = latest(world, quotes_of(asked.parts["ticker"]))
    if one is None:
        raise missing()
    return {"status": "OK", "request_id": request_id(asked), "results": {"T": asked.parts["ticker"], **short_quote(one)}}


def trades_of(ticker: str) -> Session:
    """How a session's prints of a ticker are had; raises a 404 for what is no ticker."""
    if ":" in ticker:
        what = contract(ticker)
        return lambda world, position: contract_trades(world, ticker, what, position)
    return partial(_of, stock(ticker), stock_trades)


def quotes_of(ticker: str) -> Session:
    """How a session's quotes of a ticker are had; raises a 404 for what is no ticker."""
    if ":" in ticker:
        what = contract(ticker)
        return lambda world, position: contract_quotes(world, ticker, what, position)
    return partial(_of, stock(ticker), stock_quotes)


def latest(world: World, session: Session, back: int = 5) -> Ticks | None:
    """The last tick that is known, one row; None if the last sessions have none."""
    at = world.last_session()
    for position in range(at, max(at - back, world.market.sessions.start - 1), -1):
        ticks = session(world, position)
        if len(ticks):
            return ticks[-1:]
    return None


def short_trade(one: Ticks) -> dict[str, Any]:
    """One print under one-letter names."""
    row = trade_rows(one)[0]
    names = {"conditions": "c", "decimal_size": "ds", "trf_timestamp": "f", "id": "i", "price": "p", "sequence_number": "q", "trf_id": "r"}
    names |= {"size": "s", "sip_timestamp": "t", "exchange": "x", "participant_timestamp": "y", "tape": "z"}
    return {short: row[name] for name, short in names.items() if name in row}


def short_quote(one: Ticks) -> dict[str, Any]:
    """One quote under one-letter names: capitals for the ask."""
    row = quote_rows(one)[0]
    names = {"ask_price": "P", "ask_size": "S", "ask_exchange": "X", "bid_price": "p", "bid_size": "s", "bid_exchange": "x"}
    names |= {"sequence_number": "q", "sip_timestamp": "t", "participant_timestamp": "y", "tape": "z"}
    return {short: row[name] for name, short in names.items() if name in row}


def _of(symbol: str, make: Any, world: World, position: int) -> Ticks:
    ticks: Ticks = make(world, symbol, position)
    return ticks


def _body(world: World, asked: Asked, rows: list[dict[str, Any]], then: int) -> dict[str, Any]:
    body = envelope(asked, rows)
    if then:
        body["next_url"] = next_url(world, asked, then)
    return body


def _lifetime(terms: Contract, low: int, high: int) -> tuple[int, int]:
    calendar = nyse()
    expiry = np.datetime64(terms.expiry, "D")
    return max(low, calendar.session_on_or_before(expiry - LIFE)), min(high, calendar.session_on_or_before(expiry))


def _page(world: World, asked: Asked, session: Session) -> tuple[list[Ticks], int]:
    """A page's ticks, session by session, and where the next page begins, 0 if there is none."""
    order = asked.query.get("order", "desc")
    if order not in ("asc", "desc") or asked.query.get("sort", "timestamp") != "timestamp":
        raise bad("The parameter 'order' must be asc or desc, and 'sort' timestamp.")
    limit = whole(asked, "limit", 1000, 50_000)
    first, last = span(asked, "timestamp", *years(world))
    calendar, exists, step = nyse(), world.market.sessions, 1 if order == "asc" else -1
    low = max(int(calendar.position(first)), exists.start)
    high = min(int(calendar.position(last)), world.last_session())
    if ":" in asked.parts["ticker"]:
        low, high = _lifetime(contract(asked.parts["ticker"]), low, high)
    at, number = divmod(asked.start, _PLACES)
    if not asked.start:
        at = low if step > 0 else high
    found: list[Ticks] = []
    room = limit
    while low <= at <= high:
        ticks = session(world, at)
        if len(ticks):
            a, b = np.searchsorted(ticks.sip, [first, last + 1], side="left")
            ticks = ticks[int(a) : int(b)][::step]
        if number:
            ticks = ticks[(ticks.number - number) * step >= 0]
        number = 0
        if len(ticks) > room:
            found.append(ticks[:room])
            return found, at * _PLACES + int(ticks.number[room])
        found.append(ticks)
        room -= len(ticks)
        at += step
    return found, 0

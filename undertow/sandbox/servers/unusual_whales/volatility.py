"""Answers about volatility, from chains as they stood at each close."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import ChainRow, CorporateAction, DailyBar
from undertow.core.time import MINUTE
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import spot_at, terms
from undertow.sandbox.servers.unusual_whales.greeks import greeks
from undertow.sandbox.servers.unusual_whales.words import day_text, money, number, option_symbol, stamp

Row = dict[str, Any]
YEAR, MONTH = 252, 21  #: sessions
_TENORS = (1, 5, 7, 14, 30, 60, 90)
_NEAREST = 2  # strikes on which the volatility at the money stands


def chain_position(desk: Desk, ask: Ask, symbol: str) -> int | None:
    """The session whose chain is asked for: of ``date``, else the latest that is published; None where there is none."""
    position = desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return None
    if not ask.text("date") and not len(desk.rows(ChainRow, symbol, position)):
        position -= 1
    return position if len(desk.rows(ChainRow, symbol, position)) else None


def spot_of(desk: Desk, symbol: str, position: int) -> int:
    """The close of a session, or the latest price while it lasts, 1/10,000 USD."""
    bars = desk.rows(DailyBar, symbol, position)
    return int(bars.columns["close"][-1]) if len(bars) else int(spot_at(desk, symbol, position, np.array([desk.now]))[0])


def at_money(chain: Chunk, spot: int) -> tuple[Array, F64]:
    """Expiries (n,), days since 1970, and the volatility at the money of each (n,)."""
    expiries = np.unique(chain.columns["expiry"])
    away = np.abs(chain.columns["strike"] - spot)
    out = []
    for expiry in expiries.tolist():
        rows = np.flatnonzero(chain.columns["expiry"] == expiry)
        out.append(float(np.mean(chain.columns["iv"][rows[np.argsort(away[rows], kind="stable")[: 2 * _NEAREST]]])))
    return expiries, np.array(out, np.float64)


def volatility_at(chain: Chunk, spot: int, position: int, days: float) -> float:
    """The volatility of so many days, between the expiries by variance."""
    expiries, iv = at_money(chain, spot)
    left = np.maximum(expiries - int(nyse().day[position].astype(np.int64)), 0.5).astype(np.float64)
    return float(np.sqrt(np.interp(days, left, iv * iv * left) / days)) if left[0] <= days <= left[-1] else float(np.interp(days, left, iv))


def series(desk: Desk, symbol: str, position: int) -> tuple[Array, F64, F64]:
    """Sessions (n,) of the year up to one, the 30-day volatility at their close and the realized one of the month before (n,)."""
    first = max(desk.first(), position - YEAR)
    return desk.table("volatility", symbol, position, first, lambda: _series(desk, symbol, first, position))


def term_structure(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/volatility/term-structure``."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    spot = spot_of(desk, symbol, position)
    today = int(nyse().day[position].astype(np.int64))
    out = []
    for expiry, iv in zip(*at_money(desk.rows(ChainRow, symbol, position), spot), strict=True):
        days = int(expiry) - today
        move = float(iv) * np.sqrt(max(days, 0.5) / 365.0) * 0.8
        row = {"date": day_of(position), "dte": days, "expiry": day_text(expiry), "volatility": number(float(iv), 6)}
        out.append(row | {"implied_move": number(move * spot / 10_000, 4), "implied_move_perc": number(move, 6)})
    return {"data": out}


def stats(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/volatility/stats``: one object; an empty list where nothing is known."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    _, iv, rv = series(desk, symbol, position)
    known = rv[np.isfinite(rv)]
    row = {"date": day_of(position), "ticker": symbol, "iv_rank": number(_rank(iv), 4)}
    for name, values in (("iv", iv), ("rv", known)):
        there = len(values) > 0
        row |= {name: number(float(values[-1]), 6) if there else "0"}
        row |= {f"{name}_high": number(float(values.max()), 6) if there else "0"}
        row |= {f"{name}_low": number(float(values.min()), 6) if there else "0"}
    return {"data": row}


def realized(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/volatility/realized``: as at the vendor, what was realized is told a month before it was known."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    sessions, iv, rv = series(desk, symbol, position)
    out = []
    for i in range(len(sessions) - MONTH):
        if np.isfinite(rv[i + MONTH]):
            row = {"date": day_of(int(sessions[i])), "unshifted_rv_date": day_of(int(sessions[i + MONTH]))}
            row |= {"implied_volatility": number(float(iv[i]), 6), "realized_volatility": number(float(rv[i + MONTH]), 6)}
            out.append(row | {"price": money(spot_of(desk, symbol, int(sessions[i])))})
    return {"data": out}


def iv_rank(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/iv-rank``: a row a session of the year, oldest first; the rank from 0 to 1 in what had been seen of the year."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    sessions, iv, _ = series(desk, symbol, position)
    out = []
    for i, session in enumerate(sessions.tolist()):
        known = int(nyse().close[session]) + 20 * MINUTE
        row = {"date": day_of(session), "close": money(spot_of(desk, symbol, session)), "volatility": number(float(iv[i]), 6)}
        out.append(row | {"iv_rank_1y": number(_rank(iv[: i + 1]), 4), "updated_at": stamp(known)})
    return {"data": out}


def interpolated(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/interpolated-iv``: volatilities of fixed numbers of days."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    chain, spot = desk.rows(ChainRow, symbol, position), spot_of(desk, symbol, position)
    _, past, _ = series(desk, symbol, position)
    out = []
    for days in _TENORS:
        iv = volatility_at(chain, spot, position, days)
        row = {
            "date": day_of(position),
            "days": days,
            "volatility": number(iv, 6),
            "percentile": number(100.0 * float(np.mean(past <= iv)), 3),
        }
        out.append(row | {"implied_move_perc": number(iv * float(np.sqrt(days / 365.0)) * 0.8, 6)})
    return {"data": out}


def greeks_of_expiry(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/greeks``: a row a strike of the expiry that must be given."""
    symbol, expiry = ask.ticker(), ask.day("expiry")
    if expiry is None:
        raise ask.malformed("Missing query input: expiry (valid example: expiry=2024-02-02)")
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    chain = desk.rows(ChainRow, symbol, position)
    chain = chain[chain.columns["expiry"] == int(expiry.astype(np.int64))]
    spot, columns = spot_of(desk, symbol, position), chain.columns
    days = columns["expiry"] - int(nyse().day[position].astype(np.int64))
    held = greeks(np.full(len(chain), spot) / 10_000, columns["strike"] / 10_000, days, columns["iv"], columns["is_put"])
    rows: dict[int, Row] = {}
    for i, (day, put, strike) in enumerate(terms(chain).tolist()):
        row = rows.setdefault(strike, {"date": day_of(position), "expiry": day_text(day), "strike": f"{strike / 10_000:.1f}"})
        name = "put" if put else "call"
        row[f"{name}_option_symbol"], row[f"{name}_volatility"] = (
            option_symbol(symbol, day, put, strike),
            number(float(columns["iv"][i]), 6),
        )
        row |= {f"{name}_{greek}": number(float(getattr(held, greek)[i]), 8) for greek in held.__slots__}
    return {"data": [rows[strike] for strike in sorted(rows)]}


def _series(desk: Desk, symbol: str, first: int, position: int) -> tuple[Array, F64, F64]:
    chains = desk.rows(ChainRow, symbol, first, position + 1)
    at = nyse().position(chains.event_at)
    sessions = np.unique(at)
    edges = np.searchsorted(at, [*sessions, position + 1])
    bars = desk.rows(DailyBar, symbol, max(desk.world.market.sessions.start, first - MONTH - 1), position + 1)
    close = dict(zip(nyse().position(bars.event_at).tolist(), bars.columns["close"].tolist(), strict=True))
    iv = [
        volatility_at(chains[a:b], close.get(int(session), 1), int(session), 30.0)
        for session, a, b in zip(sessions, edges[:-1], edges[1:], strict=True)
    ]
    moved = _returns(desk, symbol, bars)
    where = {session: i for i, session in enumerate(nyse().position(bars.event_at).tolist())}
    rv = [float(np.std(moved[max(0, i - MONTH) : i]) * np.sqrt(YEAR)) if (i := where.get(int(s), 0)) >= MONTH else np.nan for s in sessions]
    return sessions, np.array(iv, np.float64), np.array(rv, np.float64)


def _returns(desk: Desk, symbol: str, bars: Chunk) -> F64:
    # from close to close, splits taken out (n - 1,)
    close = bars.columns["close"].astype(np.float64)
    if not len(close):
        return close
    at = nyse().position(bars.event_at)
    splits = desk.rows(CorporateAction, symbol, int(at[0]), int(at[-1]) + 1)
    for position, ratio in zip(nyse().position(splits.event_at).tolist(), splits.columns["ratio"].tolist(), strict=True):
        close[at < position] /= ratio
    moved: F64 = np.diff(np.log(close))
    return moved


def _rank(values: F64) -> float:
    low, high = float(values.min()), float(values.max())
    return (float(values[-1]) - low) / (high - low) if high > low else 0.0

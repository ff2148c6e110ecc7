"""Answers about what dealers are thought to hold: greeks times open interest, by the vendor's model (long calls, short puts)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.events import ChainRow, OpenInterest
from undertow.core.time import MINUTE
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import flow_of, interest_of, spot_at, terms, volatilities
from undertow.sandbox.servers.unusual_whales.greeks import greeks
from undertow.sandbox.servers.unusual_whales.volatility import chain_position, spot_of
from undertow.sandbox.servers.unusual_whales.words import day_text, money, plain, stamp

Row = dict[str, Any]
_LENGTHS = {"D": 1, "W": 5, "M": 21, "Y": 252}
_GREEKS = ("gamma", "delta", "charm", "vanna")


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """Greeks times open interest of a chain at its close; contracts (n, 3) as ``flow.terms``, greek -> float64 (n,)."""

    contracts: I64
    greeks: dict[str, F64]


def held_at(desk: Desk, symbol: str, position: int) -> Held:
    """Of a session's chain at its close and the open interest published that morning; the gamma of puts is negative."""
    chain = desk.rows(ChainRow, symbol, position)
    contracts, interest = terms(chain), interest_of(desk, symbol, position - 1)
    shares = 100.0 * np.array([interest.get((int(e), int(p), int(s)), 0) for e, p, s in contracts], np.float64)
    spot = spot_of(desk, symbol, position) / 10_000
    days = contracts[:, 0] - int(nyse().day[position].astype(np.int64))
    found = greeks(np.full(len(chain), spot), contracts[:, 2] / 10_000, days, chain.columns["iv"], contracts[:, 1])
    sign = np.where(contracts[:, 1] == 1, -1.0, 1.0)
    per_move = {"gamma": spot * sign, "delta": 1.0, "charm": spot * sign, "vanna": spot * sign}
    return Held(contracts=contracts, greeks={name: getattr(found, name) * shares * per_move[name] for name in _GREEKS})


def daily(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/greek-exposure``: a row a session of ``timeframe`` (default 1Y), oldest first."""
    symbol, given = ask.ticker(), ask.text("timeframe") or "1Y"
    match = re.fullmatch(r"(\d{1,3})([DWMY])", given.upper())
    if match is None:
        raise ask.malformed(f"Invalid query input(s): timeframe={given} (valid example: timeframe=1M)")
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    first = max(desk.first(), position - min(int(match[1]) * _LENGTHS[match[2]], 252) + 1)
    out = []
    for at in range(first, position + 1):
        held = desk.table("exposure", symbol, at, len(desk.rows(ChainRow, symbol, at)), lambda at=at: held_at(desk, symbol, at))  # type: ignore[misc]
        row = _sums(held, np.ones(len(held.contracts), bool))
        out.append({name.replace("gex", "gamma"): value for name, value in row.items()} | {"date": day_of(at)})
    return {"data": out}


def by_strike(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/greek-exposure/strike``."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    held = held_at(desk, symbol, position)
    strike = held.contracts[:, 2]
    return {"data": [_sums(held, strike == each) | {"strike": plain(each)} for each in np.unique(strike).tolist()]}


def by_expiry(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/greek-exposure/expiry``."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    held, today = held_at(desk, symbol, position), int(nyse().day[position].astype(np.int64))
    expiry = held.contracts[:, 0]
    return {
        "data": [
            _sums(held, expiry == each) | {"date": day_of(position), "dte": each - today, "expiry": day_text(each)}
            for each in np.unique(expiry).tolist()
        ]
    }


def spot_exposures(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/spot-exposures``: a row a minute of regular hours that is over."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": []}
    begin, end = int(nyse().open[position]), int(nyse().close[position])
    at = np.arange(begin + MINUTE, min(end, desk.now) + 1, MINUTE)
    return {"data": [row | {"time": stamp(when)} for when, row in zip(at.tolist(), moves(desk, symbol, position, at), strict=True)]}


def moves(desk: Desk, symbol: str, position: int, at: I64) -> list[Row]:
    """Exposure to a move of one percent at instants of a session (n,): by open interest, volume and direction of the prints until then."""
    if not len(at):
        return []
    flow, interest = flow_of(desk, symbol, position), interest_of(desk, symbol, position - 1)
    traded = {(int(e), int(p), int(s)): n for n, (e, p, s) in enumerate(flow.contracts)}
    every = sorted({*interest, *traded})
    contracts = np.array(every, np.int64).reshape(-1, 3)
    spot = spot_at(desk, symbol, position, at) / 10_000
    volume, direction = (np.zeros((len(at), len(contracts))) for _ in range(2))
    for m, contract in enumerate(every):
        rows = np.flatnonzero(flow.contract == traded.get(contract, -1))
        until, size = np.searchsorted(flow.chunk.known_at[rows], at, side="right"), flow.chunk.columns["size"][rows]
        volume[:, m] = np.concatenate([[0], np.cumsum(size)])[until]
        direction[:, m] = np.concatenate([[0], np.cumsum(-size * flow.side[rows])])[until]
    days = contracts[:, 0] - int(nyse().day[position].astype(np.int64)) + 0.3
    iv = volatilities(desk, symbol, position - 1, contracts)
    found = greeks(spot[:, None], contracts[None, :, 2] / 10_000, days[None, :], iv[None, :], contracts[None, :, 1])
    sign = np.where(contracts[:, 1] == 1, -1.0, 1.0)[None, :]
    held = np.array([interest.get(contract, 0) for contract in every], np.float64)
    weights = {"oi": held[None, :] * sign, "vol": volume * sign}
    weights["dir"] = direction
    out: list[Row] = [{"price": money(round(price * 10_000))} for price in spot.tolist()]
    for greek in ("gamma", "charm", "vanna"):
        per_contract = getattr(found, greek) * 100.0 * spot[:, None] ** (2 if greek == "gamma" else 1) * (0.01 if greek == "gamma" else 1.0)
        for name, weight in weights.items():
            for row, value in zip(out, (per_contract * weight).sum(axis=1).tolist(), strict=True):
                row[f"{greek}_per_one_percent_move_{name}"] = f"{value:.2f}"
    return out


def levels(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/gex-levels``: one object of strikes, null where there is none."""
    symbol = ask.ticker()
    position = chain_position(desk, ask, symbol)
    if position is None:
        return {"data": []}
    held, spot = held_at(desk, symbol, position), spot_of(desk, symbol, position)
    strikes = np.unique(held.contracts[:, 2])
    put = held.contracts[:, 1] == 1
    of = {
        name: np.array([held.greeks["gamma"][mask & (held.contracts[:, 2] == strike)].sum() for strike in strikes])
        for name, mask in (("call", ~put), ("put", put))
    }
    net = of["call"] + of["put"]
    flips = np.flatnonzero(np.diff(np.sign(net)) != 0)
    flip = strikes[flips[np.argmin(np.abs(strikes[flips] - spot))]] if len(flips) else None

    def text(strike: Any) -> str | None:
        return None if strike is None else plain(int(strike))

    walls = {"call_wall": text(strikes[np.argmax(of["call"])]), "put_wall": text(strikes[np.argmin(of["put"])])}
    return {"data": walls | {"gamma_flip": text(flip), "gamma_magnet": text(strikes[np.argmax(np.abs(net))])}}


def max_pain(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/max-pain``: the strike of each expiry at which its open interest would be worth least."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": [], "date": ask.text("date")}
    chunk = desk.rows(OpenInterest, symbol, position - 1)
    expiry, put, strike = terms(chunk).T
    held, out = chunk.columns["open_interest"], []
    for each in np.unique(expiry).tolist():
        own = expiry == each
        prices = np.unique(strike[own])
        worth = [_worth(price, strike[own], put[own], held[own]) for price in prices.tolist()]
        out.append({"expiry": day_text(each), "max_pain": plain(prices[int(np.argmin(worth))])})
    return {"data": out, "date": day_of(position)}


def _worth(price: int, strike: Array, put: Array, held: Array) -> float:
    return float((np.maximum(np.where(put == 1, strike - price, price - strike), 0) * held).sum())


def _sums(held: Held, mask: Array) -> Row:
    put = held.contracts[:, 1] == 1
    return {
        f"{right}_{'gex' if name == 'gamma' else name}": f"{float(held.greeks[name][mask & of].sum()):.4f}"
        for right, of in (("call", ~put), ("put", put))
        for name in _GREEKS
    }

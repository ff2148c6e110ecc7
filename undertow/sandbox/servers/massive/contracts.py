"""Option contracts: which are listed on a date, and what is known of each of them now."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log, pi, sqrt
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array, Chunk
from undertow.core.events import PRICE_SCALE, ChainRow, OpenInterest, OptionTrade
from undertow.core.time import Instant
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive.asking import LIFE, contract, date_at, day, envelope, flag, missing, option_symbol, stock
from undertow.sandbox.servers.massive.lists import listed
from undertow.sandbox.servers.world import World

_TERMS = ("expiry", "strike", "is_put")
_FIELDS = ("contract_type", "expiration_date", "strike_price", "ticker")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """The latest chain of an underlying: rows of the last session whose chain is known, and today's prints if they are later."""

    underlying: str
    rows: Chunk  #: ``ChainRow``
    interest: dict[tuple[int, int, int], int]
    prints: Chunk  #: ``OptionTrade`` of the last session that has begun
    prints_later: bool  #: whether that session's own chain is still to come


def contracts(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/options/contracts`` as of a date; with ``expired`` those that had expired by then."""
    as_of = day(asked.query["as_of"]) if "as_of" in asked.query else date_at(world.now())
    expired = flag(asked, "expired", False)
    rows: list[dict[str, Any]] = []
    for symbol in [stock(asked.query["underlying_ticker"])] if "underlying_ticker" in asked.query else _named(world, asked):
        for expiry, strike, is_put in _terms(world, symbol, *_reach(asked, as_of, expired)):
            if (expiry < as_of.astype(np.int64)) == expired:
                rows.append(_contract(symbol, expiry, strike, is_put))
    return listed(world, asked, rows, _FIELDS, limits=(10, 1000), order="ticker.asc")


def one_contract(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/options/contracts/{ticker}``."""
    what = contract(asked.parts["ticker"])
    expiry = np.datetime64(what.expiry, "D")
    known = _terms(world, what.underlying, expiry - LIFE, expiry)
    if (what.expiry, what.strike, what.is_put) not in known:
        raise missing("Options contract not found.")
    return envelope(asked, _contract(what.underlying, what.expiry, what.strike, what.is_put))


def chain(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/snapshot/options/{underlying}``: every contract quoted now, at most 250 a page."""
    rows = snapshots(world, stock(asked.parts["underlying"]))
    keyed = [{name: row["details"][name] for name in _FIELDS} | {"row": row} for row in rows]
    body = listed(world, asked, keyed, _FIELDS, limits=(10, 250), order="ticker.asc")
    return body | {"results": [row["row"] for row in body["results"]]}


def one_snapshot(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/snapshot/options/{underlying}/{contract}``; ``results`` is one object."""
    contract(asked.parts["ticker"])
    for row in snapshots(world, stock(asked.parts["underlying"])):
        if row["details"]["ticker"] == asked.parts["ticker"]:
            return envelope(asked, row)
    raise missing("Options contract not found.")


def snapshots(world: World, underlying: str) -> list[dict[str, Any]]:
    """A snapshot of every contract quoted now."""
    known = _chain(world, underlying)
    if known is None:
        return []
    spot, spot_at = _spot(world, underlying)
    groups = _by_contract(known.prints)
    c = {name: values.tolist() for name, values in known.rows.columns.items()}
    close = known.rows.event_at.tolist()
    out = []
    for i, terms in enumerate(zip(*(c[name] for name in _TERMS), strict=True)):
        row = {"price": c["price"][i], "volume": c["volume"][i], "iv": c["iv"][i], "delta": c["delta"][i], "close": close[i]}
        years = max(1, terms[0] - int(nyse().day[nyse().position(close[i])].astype(np.int64))) / 365
        out.append(_snapshot(known, terms, row, groups.get(terms), (spot, spot_at, years)))
    return out


def _chain(world: World, underlying: str) -> Chain | None:
    at = world.last_session()
    sessions = slice(max(at - 3, world.market.sessions.start), at + 1)
    rows = world.rows(ChainRow, underlying, sessions)
    if not len(rows):
        return None
    last = rows[rows.event_at == rows.event_at[-1]]
    later = int(nyse().position(int(last.event_at[0]))) < at
    alive = last.columns["expiry"] >= date_at(world.now()).astype(np.int64)
    interest = world.rows(OpenInterest, underlying, sessions)
    newest = interest[interest.event_at == interest.event_at[-1]] if len(interest) else interest
    keys = zip(*(newest.columns[name].tolist() for name in _TERMS), strict=True)
    counts = dict(zip(keys, newest.columns["open_interest"].tolist(), strict=True))
    prints = world.rows(OptionTrade, underlying, slice(at, at + 1))
    return Chain(underlying=underlying, rows=last[alive], interest=counts, prints=prints, prints_later=later)


def _by_contract(prints: Chunk) -> dict[tuple[int, int, int], I64]:
    terms = np.stack([prints.columns[name] for name in _TERMS], axis=1)
    each, where = np.unique(terms, axis=0, return_inverse=True)
    order = np.argsort(where.ravel(), kind="stable")
    cuts = np.searchsorted(where.ravel()[order], np.arange(len(each) + 1))
    return {tuple(terms): order[a:b] for terms, a, b in zip(each.tolist(), cuts[:-1], cuts[1:], strict=True)}


def _snapshot(
    known: Chain, terms: tuple[int, ...], row: dict[str, Any], at: I64 | None, asset: tuple[float, Instant, float]
) -> dict[str, Any]:
    expiry, strike, is_put = terms
    spot, spot_at, years = asset
    price = row["price"] / PRICE_SCALE
    details = {name: value for name, value in _contract(known.underlying, *terms).items() if name not in ("cfi", "underlying_ticker")}
    del details["primary_exchange"]
    even = strike / PRICE_SCALE + (-price if is_put else price)
    prints = None if at is None else known.prints[at]
    gamma, theta, vega = greeks(spot, strike / PRICE_SCALE, years, row["iv"])
    out: dict[str, Any] = {
        "break_even_price": round(even, 4),
        "day": _day(known, row, prints),
        "details": details,
        "greeks": {"delta": row["delta"], "gamma": gamma, "theta": theta, "vega": vega},
        "implied_volatility": row["iv"],
        "last_quote": _quote(known, row, prints),
        "open_interest": known.interest.get((expiry, strike, is_put), 0),
        "underlying_asset": {
            "ticker": known.underlying,
            "price": spot,
            "last_updated": spot_at,
            "change_to_break_even": round(even - spot, 4),
            "timeframe": "REAL-TIME",
        },
    }
    if prints is not None:
        c = prints.columns
        size = int(c["size"][-1])
        out["last_trade"] = {
            "conditions": [int(c["conditions"][-1])],
            "exchange": 316,
            "price": float(c["price"][-1]) / PRICE_SCALE,
            "size": size,
            "decimal_size": f"{size}.0",
            "sip_timestamp": int(prints.known_at[-1]),
            "timeframe": "REAL-TIME",
        }
    return out


def _day(known: Chain, row: dict[str, Any], prints: Chunk | None) -> dict[str, Any]:
    """The session's own prints while it lasts, the chain's price and volume once it is known; empty where nothing traded."""
    if known.prints_later and len(known.prints):
        if prints is None:
            return {}
        price, size = prints.columns["price"] / PRICE_SCALE, prints.columns["size"]
        values = float(price[0]), float(price.max()), float(price.min()), float(price[-1]), int(size.sum())
        vwap, updated = float((price * size).sum() / size.sum()), int(prints.known_at[-1])
    else:
        close = row["price"] / PRICE_SCALE
        values, vwap, updated = (close, close, close, close, row["volume"]), close, row["close"]
    names = dict(zip(("open", "high", "low", "close", "volume"), values, strict=True))
    previous = row["price"] / PRICE_SCALE
    change = names["close"] - previous
    more = {"vwap": round(vwap, 4), "last_updated": updated, "previous_close": previous, "change": round(change, 4)}
    return {**names, **more, "change_percent": round(100 * change / previous, 4)}


def _quote(known: Chain, row: dict[str, Any], prints: Chunk | None) -> dict[str, Any]:
    """The quote of the last print while the session lasts, else one round the price at the close."""
    if known.prints_later and prints is not None:
        bid, ask, at = int(prints.columns["bid"][-1]), int(prints.columns["ask"][-1]), int(prints.known_at[-1])
    else:
        half = max(100, row["price"] // 50 // 100 * 100)
        bid, ask, at = max(0, row["price"] - half), row["price"] + half, row["close"]
    middle = (bid + ask) / 2 / PRICE_SCALE
    sides = {"bid": max(0, bid) / PRICE_SCALE, "ask": ask / PRICE_SCALE, "bid_size": 12, "ask_size": 15}
    return {**sides, "midpoint": middle, "last_updated": at, "timeframe": "REAL-TIME"}


def greeks(spot: float, strike: float, years: float, iv: float) -> tuple[float, float, float]:
    """Gamma for a dollar, theta for a day and vega for a point of volatility, by Black and Scholes at no interest."""
    spread = iv * sqrt(years)
    d1 = log(spot / strike) / spread + 0.5 * spread
    density = exp(-0.5 * d1 * d1) / sqrt(2 * pi)
    return density / (spot * spread), -spot * density * iv / (2 * sqrt(years)) / 365, spot * density * sqrt(years) / 100


def _spot(world: World, symbol: str) -> tuple[float, Instant]:
    at = world.last_session()
    bars = world.minutes(symbol, slice(max(at - 1, world.market.sessions.start), at + 1))
    return (float(bars.columns["close"][-1]) / PRICE_SCALE, int(bars.known_at[-1])) if len(bars) else (0.0, 0)


def _named(world: World, asked: Asked) -> list[str]:
    return [contract(asked.query["ticker"]).underlying] if "ticker" in asked.query else list(world.listed)


def _reach(asked: Asked, as_of: np.datetime64, expired: bool) -> tuple[np.datetime64, np.datetime64]:
    # the days on whose chains the contracts asked for were quoted
    first = as_of - LIFE
    if expired:
        given = [asked.query[name] for name in ("expiration_date", "expiration_date.gte", "expiration_date.gt") if name in asked.query]
        first = min([day(text) for text in given], default=as_of) - LIFE
    return first, as_of


def _terms(world: World, symbol: str, first: np.datetime64, last: np.datetime64) -> list[tuple[int, int, int]]:
    rows = world.rows(ChainRow, symbol, world.sessions(first, last))
    table: Array = np.stack([rows.columns[name] for name in _TERMS], axis=1)
    return [(e, s, p) for e, s, p in np.unique(table, axis=0).tolist()]


def _contract(symbol: str, expiry: int, strike: int, is_put: int) -> dict[str, Any]:
    return {
        "cfi": "OPASPS" if is_put else "OCASPS",
        "contract_type": "put" if is_put else "call",
        "exercise_style": "american",
        "expiration_date": str(np.datetime64(expiry, "D")),
        "primary_exchange": "BATO",
        "shares_per_contract": 100,
        "strike_price": strike / PRICE_SCALE,
        "ticker": option_symbol(symbol, expiry, strike, is_put),
        "underlying_ticker": symbol,
    }

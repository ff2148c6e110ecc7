"""Answers about a day's option volume as a whole: one row a session, of a symbol or of the market.

Once the chain of a session is known, which is 20 minutes after four o'clock, its row is the chain's and never changes again: volumes are
the sums over its contracts, premiums the same at the contracts' closing prices, and the sides a share of both that is drawn for the
symbol and day. Until then the row sums the prints so far. The prints of a whole session have the chain's volumes, contract by contract;
their premiums differ from the chain's a little, as prints have prices of their own, and so do their sides: the drawn share has the usual
size and spread of that of the prints, but tells nothing of who traded that day.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import ChainRow, OpenInterest, OptionTrade
from undertow.sandbox.draws import session_draws
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import MULTIPLIER
from undertow.sandbox.servers.unusual_whales.words import money

Row = dict[str, Any]
_LENGTHS = (3, 7, 30)  # sessions of the averages
_RIGHTS = ("call", "put")
_MIDDLE, _MIDDLE_SPREAD, _MIDDLE_MOST = 0.065, 0.02, 0.15  # of the volume, what is at the middle of the quote
_LEAN, _LEAN_SPREAD = 0.25, 0.25  # log-odds of the ask among the rest


def options_volume(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/options-volume``: a row a session, the newest first; one row unless ``limit`` says more."""
    symbol, limit = ask.ticker(), ask.count("limit", 1, 500)
    if not desk.exists(symbol):
        return {"data": []}
    latest = desk.latest()
    first = max(desk.first(), latest - limit + 1)
    start = first - max(_LENGTHS)
    chain = desk.rows(ChainRow, symbol, start, latest + 1)
    before = _by_session(chain, chain.columns["volume"], start, latest)
    held = desk.rows(OpenInterest, symbol, first - 1, latest)
    interest = _by_session(held, held.columns["open_interest"], first - 1, latest)
    out = []
    for position, row in zip(range(latest, first - 1, -1), _days(desk, symbol, chain, first, latest)[::-1], strict=True):
        for n, name in enumerate(_RIGHTS):
            row[f"{name}_open_interest"] = int(interest[position - first, n])
            for length in _LENGTHS:
                earlier = before[position - start - length : position - start, n]
                row[f"avg_{length}_day_{name}_volume"] = f"{float(earlier.mean()):.12f}"
        out.append(row | {"date": day_of(position)})
    return {"data": out}


def total_volume(desk: Desk, ask: Ask) -> Any:
    """``/market/total-options-volume``: a row a session of the universe, the newest first; one row unless ``limit`` says more."""
    latest = desk.latest()
    first = max(desk.first(), latest - ask.count("limit", 1, 60) + 1)
    days = [_days(desk, symbol, desk.rows(ChainRow, symbol, first, latest + 1), first, latest) for symbol in desk.plan.universe]
    out = []
    for position in range(latest, first - 1, -1):
        row: Row = {"date": day_of(position)}
        for name in _RIGHTS:
            row[f"{name}_volume"] = sum(own[position - first][f"{name}_volume"] for own in days)
            row[f"{name}_premium"] = money(sum(int(own[position - first][f"{name}_premium"]) for own in days) * 10_000)
        out.append(row)
    return {"data": out}


def _by_session(chunk: Chunk, values: Array, first: int, last: int) -> I64:
    # sums of calls and of puts of each session from first to last (sessions, 2)
    out = np.zeros((last - first + 1, 2), np.int64)
    at = nyse().position(chunk.event_at) - first
    there = at >= 0
    np.add.at(out, (at[there], chunk.columns["is_put"][there]), values[there])
    return out


def _days(desk: Desk, symbol: str, chain: Chunk, first: int, last: int) -> list[Row]:
    # a row a session from first to last: of the chain where it is known, else of the prints so far
    volume = _by_session(chain, chain.columns["volume"], first, last)
    premium = _by_session(chain, chain.columns["price"] * chain.columns["volume"] * MULTIPLIER, first, last)
    asks, bids = _shares(desk.world.market.settings.seed, symbol, first, last)
    parts = (volume, (volume * asks).astype(np.int64), (volume * bids).astype(np.int64), premium, premium * asks, premium * bids)
    known = set((nyse().position(chain.event_at)).tolist())
    return [
        _row(*(part[i] for part in parts)) if first + i in known else _row(*_printed(desk.rows(OptionTrade, symbol, first + i)))
        for i in range(last - first + 1)
    ]


def _shares(seed: int, symbol: str, first: int, last: int) -> tuple[F64, F64]:
    # of the volume at the ask and at the bid, of calls and of puts (sessions, 2)
    day = nyse().day[first : last + 1].astype(np.int64)
    normal, _ = session_draws((seed, symbol, "option sides"), day, 4)
    sided = 1.0 - np.clip(_MIDDLE + _MIDDLE_SPREAD * normal[:, :2], 0.0, _MIDDLE_MOST)
    asks = sided / (1.0 + np.exp(-_LEAN - _LEAN_SPREAD * normal[:, 2:]))
    return asks, sided - asks


def _printed(prints: Chunk) -> list[Array]:
    # volume, at the ask, at the bid, and premium likewise, of calls and of puts (2,) each
    columns = prints.columns
    side, put = np.sign(2 * columns["price"] - columns["bid"] - columns["ask"]), columns["is_put"]
    size = columns["size"]
    return [
        np.array([amount[(put == right) & of_side].sum() for right in range(2)])
        for amount in (size, columns["price"] * size * MULTIPLIER)
        for of_side in (np.ones(len(prints), bool), side > 0, side < 0)
    ]


def _row(volume: Array, at_ask: Array, at_bid: Array, premium: Array, bought: Array, sold: Array) -> Row:
    out: Row = {}
    for n, name in enumerate(_RIGHTS):
        out[f"{name}_volume"], out[f"{name}_premium"] = int(volume[n]), _dollars(premium[n])
        out[f"{name}_volume_ask_side"], out[f"{name}_volume_bid_side"] = int(at_ask[n]), int(at_bid[n])
        out[f"net_{name}_premium"] = _dollars(bought[n] - sold[n])
    out["bullish_premium"], out["bearish_premium"] = _dollars(bought[0] + sold[1]), _dollars(sold[0] + bought[1])
    return out


def _dollars(units: float) -> str:
    return str(round(float(units) / 10_000))

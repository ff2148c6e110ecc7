"""A session's option prints as arrays: sides against the quote, counters of each contract so far, and what stood behind each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.events import ChainRow, OpenInterest, OptionTrade, Quote
from undertow.sandbox.servers.unusual_whales.desk import Desk

MULTIPLIER = 100  #: shares of a contract
#: the house's numbers of option conditions -> OPRA's letters
LETTERS = {"209": "auto", "219": "isoi", "227": "slan", "231": "slft", "232": "mlet", "233": "mlat"}
_USUAL_VOLATILITY = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Option prints of one symbol and session, in order of publication; arrays are (n,)."""

    symbol: str
    position: int
    chunk: Chunk
    contract: I64  #: row of ``contracts``
    side: I64  #: +1 above the middle of the quote, -1 below it, 0 at it
    premium: I64  #: 1/10,000 USD
    multi: Array  #: bool, a leg of a package
    spot: I64  #: middle of the underlying's quote, 1/10,000 USD
    volume: Mapping[str, I64]  #: contracts of the same contract so far: all, ask, bid, mid, multi
    contracts: I64  #: expiry, is_put, strike (m, 3)
    interest: I64  #: open interest published that morning, by contract (m,)
    iv: F64  #: of the chain of the session before, by contract (m,)

    def __len__(self) -> int:
        return len(self.chunk)

    @property
    def is_put(self) -> Array:
        """bool (n,)."""
        return np.asarray(self.chunk.columns["is_put"] == 1)

    @property
    def letters(self) -> Array:
        """OPRA's letters of each print (n,)."""
        return np.array([LETTERS.get(str(code), "auto") for code in self.chunk.columns["conditions"]], object)

    def days(self, rows: Array) -> F64:
        """Days to expiry of prints, with their fraction."""
        at = self.chunk.event_at[rows] - int(nyse().midnight[self.position])
        day = int(nyse().day[self.position].astype(np.int64))
        days: F64 = np.maximum(self.chunk.columns["expiry"][rows] - day + 2 / 3 - at / (24 * 3600 * 10**9), 0.0)
        return days


def flow_of(desk: Desk, symbol: str, position: int) -> Flow:
    """The prints of a session known by now."""
    chunk = desk.rows(OptionTrade, symbol, position)
    interest = desk.rows(OpenInterest, symbol, position - 1)
    return desk.table("flow", symbol, position, (len(chunk), len(interest)), lambda: _flow(desk, symbol, position, chunk))


def terms(chunk: Chunk) -> I64:
    """Expiry, is_put and strike of each row (n, 3)."""
    return np.column_stack([chunk.columns[name] for name in ("expiry", "is_put", "strike")]).astype(np.int64)


def spot_at(desk: Desk, symbol: str, position: int, at: Array) -> I64:
    """The middle of the last quote published by each instant, 1/10,000 USD; of the session before where there is none yet."""
    for session in (position, position - 1):
        quotes = desk.rows(Quote, symbol, session)
        if len(quotes):
            middle = (quotes.columns["bid"] + quotes.columns["ask"]) // 2
            found: I64 = middle[np.maximum(0, np.searchsorted(quotes.known_at, at, side="right") - 1)]
            return found
    return np.full(len(np.atleast_1d(at)), 1_000_000)


def interest_of(desk: Desk, symbol: str, position: int) -> dict[tuple[int, int, int], int]:
    """Open interest at a session's close by contract, as far as it is published."""
    chunk = desk.rows(OpenInterest, symbol, position)
    return dict(zip(map(_key, terms(chunk)), chunk.columns["open_interest"].tolist(), strict=True))


def volatilities(desk: Desk, symbol: str, position: int, contracts: I64) -> F64:
    """Implied volatility of contracts (m, 3) in the chain of a session: of the nearest listed strike of the nearest expiry."""
    chain = desk.rows(ChainRow, symbol, position)
    if not len(chain) or not len(contracts):
        return np.full(len(contracts), _USUAL_VOLATILITY)
    listed = terms(chain)
    weight = np.array([1.0, 1e-6, 1.0 / float(listed[:, 2].max())])
    away = np.abs(contracts[:, None, :] - listed[None, :, :]) @ weight
    return np.ascontiguousarray(chain.columns["iv"][np.argmin(away, axis=1)])


def running(groups: I64, amounts: I64) -> I64:
    """The sum of each row's group up to and with the row (n,)."""
    order = np.argsort(groups, kind="stable")
    total = np.cumsum(amounts[order])
    begins = np.concatenate([[True], np.diff(groups[order]) != 0]) if len(order) else np.empty(0, bool)
    before = (total - amounts[order])[begins][np.cumsum(begins) - 1] if len(order) else total
    out = np.empty_like(total)
    out[order] = total - before
    return out


def _flow(desk: Desk, symbol: str, position: int, chunk: Chunk) -> Flow:
    columns = chunk.columns
    contracts, contract = np.unique(terms(chunk), axis=0, return_inverse=True)
    contract = contract.reshape(-1).astype(np.int64)
    side = np.sign(2 * columns["price"] - columns["bid"] - columns["ask"]).astype(np.int64)
    size = columns["size"].astype(np.int64)
    multi = np.isin(columns["conditions"].astype(str), ("232", "233"))
    parts = {"all": size, "ask": size * (side > 0), "bid": size * (side < 0), "mid": size * (side == 0), "multi": size * multi}
    published = interest_of(desk, symbol, position - 1)
    return Flow(
        symbol=symbol,
        position=position,
        chunk=chunk,
        contract=contract,
        side=side,
        premium=columns["price"] * size * MULTIPLIER,
        multi=multi,
        spot=spot_at(desk, symbol, position, chunk.known_at),
        volume={name: running(contract, amount) for name, amount in parts.items()},
        contracts=contracts,
        interest=np.array([published.get(_key(row), 0) for row in contracts], np.int64),
        iv=volatilities(desk, symbol, position - 1, contracts),
    )


def _key(row: Array) -> tuple[int, int, int]:
    return int(row[0]), int(row[1]), int(row[2])

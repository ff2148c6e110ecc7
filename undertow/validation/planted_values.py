"""Values for the planted tape that a kind's meaning asks for: contracts that exist, quotes that do not cross, words that are used."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.events import (
    MISSING,
    ChainRow,
    CongressTrade,
    EarningsDate,
    Event,
    FlowAlert,
    InsiderTrade,
    OffExchangePrint,
    OpenInterest,
    OptionTrade,
    Quote,
    Trade,
)
from undertow.core.time import DAY

CONTRACTS = 12  #: a symbol has so many, in two expiries, three strikes and both sides
TENORS = np.array([21, 63])
PRICE = 1_000_000  #: about what a share costs on the planted tape, in 1/10,000 USD
MONTH = 28

Values = dict[str, Array]
Random = np.random.Generator


def planted_values(kind: type[Event], rng: Random, event: I64) -> Values:
    """Columns (n,) of a kind at some instants, over those drawn without meaning; none where any number will do."""
    return _OF[kind](rng, event) if kind in _OF else {}


def _contract(which: Array, event: I64) -> Values:
    # expiries lie on a grid of four weeks, so that a contract lives for a while and then expires
    today = event // DAY
    expiry = (today + TENORS[which // (CONTRACTS // 2)]) // MONTH * MONTH + 1
    strike = PRICE + (which // 2 % 3 - 1) * 50_000
    return {"expiry": expiry, "strike": strike, "is_put": which % 2}


def _chain(rng: Random, event: I64) -> Values:
    n = len(event)
    which = np.arange(n) % CONTRACTS
    values = _contract(which, event)
    money = (values["strike"] - PRICE) / 200_000
    delta = np.clip(0.5 - money + rng.normal(0.0, 0.03, n), 0.02, 0.98) - values["is_put"]
    iv = 0.3 + 0.1 * money**2 + rng.normal(0.0, 0.02, n)
    iv = np.where(rng.random(n) < 0.02, np.nan, iv)  # some are not published
    side = 1 - 2 * values["is_put"]
    price = np.maximum(side * (PRICE - values["strike"]), 0) + 20_000 + rng.integers(0, 4_000, n)  # parity holds, about
    return values | {"price": price, "volume": rng.integers(0, 5_000, n), "iv": np.round(iv, 6), "delta": delta}


def _interest(rng: Random, event: I64) -> Values:
    n = len(event)
    held = np.where(rng.random(n) < 0.05, 0, rng.integers(0, 20_000, n))
    return _contract(np.arange(n) % CONTRACTS, event) | {"open_interest": held}


def _option_prints(rng: Random, event: I64) -> Values:
    n = len(event)
    bid = rng.integers(5_000, 60_000, n) // 100 * 100
    ask = bid + rng.integers(1, 20, n) * 100
    words = np.array(["209", "219", "227", "232", "219,209", "", "201", "202"], object)
    unquoted = rng.random(n) < 0.05
    return _contract(rng.integers(0, CONTRACTS, n), event) | {
        "bid": np.where(unquoted, MISSING, bid),
        "ask": np.where(unquoted, MISSING, ask),
        "price": bid + (ask - bid) * rng.integers(0, 5, n) // 4,
        "size": rng.integers(1, 400, n),
        "conditions": rng.choice(words, n),
    }


def _alerts(rng: Random, event: I64) -> Values:
    n = len(event)
    premium = rng.integers(10_000, 500_000, n) * 10_000
    at_ask = np.round(premium * rng.random(n)).astype(np.int64)
    return _contract(rng.integers(0, CONTRACTS, n), event) | {
        "premium": premium,
        "ask_premium": at_ask,
        "bid_premium": premium - at_ask,
        "size": rng.integers(1, 5_000, n),
        "open_interest": rng.integers(0, 20_000, n),
        "rule": rng.choice(np.array(["RepeatedHits", "Sweep", "Floor"], object), n),
    }


def _quotes(rng: Random, event: I64) -> Values:
    n = len(event)
    bid = PRICE + rng.integers(-20_000, 20_000, n)
    sizes = {name: rng.integers(1, 30, n) * 100 for name in ("bid_size", "ask_size")}
    return sizes | {"bid": bid, "ask": bid + rng.integers(1, 10, n) * 100}


def _prints(rng: Random, event: I64) -> Values:
    n = len(event)
    size = np.where(rng.random(n) < 0.1, rng.integers(10_000, 60_000, n), rng.integers(1, 900, n))
    # most prints form a price, some at a whole penny; one in eight is out of order, an average or contingent
    words = np.array([*[""] * 6, "12", "14", "37", "14,37", "37,41", "2", "53", "32", "14", ""], object)
    price = PRICE + rng.integers(-20_000, 20_000, n)
    price = np.where(rng.random(n) < 0.5, price // 100 * 100, price)
    return {"price": price, "size": size, "conditions": rng.choice(words, n)}


def _trades(rng: Random, event: I64) -> Values:
    return _prints(rng, event) | {"exchange": rng.choice(np.array(["XNAS", "XNYS", "ARCX", "IEXG"], object), len(event))}


def _dark(rng: Random, event: I64) -> Values:
    return _prints(rng, event) | {"venue": rng.choice(np.array(["FINN", "FINY", "FINC", "UBSA"], object), len(event))}


def _insiders(rng: Random, event: I64) -> Values:
    n = len(event)
    shares, price = rng.integers(100, 50_000, n), PRICE + rng.integers(-20_000, 20_000, n)
    return {
        "insider": rng.choice(np.array(["Ada", "Ben", "Cy", "Di"], object), n),
        "title": rng.choice(np.array(["CEO", "Director", "10% Owner"], object), n),
        "code": rng.choice(np.array(["P", "S", "A", "M"], object), n),
        "shares": shares,
        "price": price,
        "value": shares * price,
    }


def _congress(rng: Random, event: I64) -> Values:
    least = rng.choice(np.array([1_001, 15_001, 50_001]), len(event)) * 10_000
    return {"least_amount": least, "most_amount": least * 3}


def _planned(rng: Random, event: I64) -> Values:
    return {"reports_at": event + rng.integers(1, 40, len(event)) * DAY}


_OF: dict[type[Event], Callable[[Random, I64], Values]] = {
    ChainRow: _chain,
    OpenInterest: _interest,
    OptionTrade: _option_prints,
    FlowAlert: _alerts,
    Quote: _quotes,
    Trade: _trades,
    OffExchangePrint: _dark,
    InsiderTrade: _insiders,
    CongressTrade: _congress,
    EarningsDate: _planned,
}

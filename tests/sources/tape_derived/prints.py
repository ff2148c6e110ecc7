"""Option prints of the simulated market with the oracle of their sides, and prints made by hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Event, FlowAlert, OptionTrade
from undertow.core.time import MINUTE
from undertow.sandbox.market import Market

SYMBOLS = ("NVDA", "SPY", "KO")
SESSIONS = nyse().sessions(np.datetime64("2025-06-09"), np.datetime64("2025-06-13"))
OPEN = int(nyse().open[SESSIONS.start])


@cache
def market() -> Market:
    return Market(11)


@cache
def _events(first: int, end: int) -> dict[type[Event], Chunk]:
    return market().events(SYMBOLS, slice(first, end), (OptionTrade, FlowAlert))


def prints(sessions: slice) -> Chunk:
    return _events(sessions.start, sessions.stop)[OptionTrade]


def alerts(sessions: slice) -> Chunk:
    return _events(sessions.start, sessions.stop)[FlowAlert]


def hands(rows: Chunk) -> F64:
    """1.0 where the customer bought (n,)."""
    sides: dict[int, int] = {}
    for symbol in SYMBOLS:
        found = market().hands(symbol, SESSIONS, OptionTrade)
        sides |= dict(zip(found.seq.tolist(), found.side.tolist(), strict=True))
    return np.array([sides[seq] > 0 for seq in rows.seq.tolist()], np.float64)


def made(rows: Sequence[tuple[int, str]], step: int = MINUTE, size: int = 10) -> Chunk:
    """Prints of one contract, ``step`` ns apart: (price, conditions), the quote 90 at 110."""
    n = len(rows)
    at = OPEN + step * np.arange(1, n + 1)
    whole = {"expiry": 20_300, "strike": 1_000_000, "is_put": 0, "size": size, "bid": 90, "ask": 110}
    columns = {name: np.full(n, value) for name, value in whole.items()}
    columns |= {"price": np.array([price for price, _ in rows]), "conditions": np.array([c for _, c in rows], object)}
    return chunk_of(OptionTrade, SYMBOLS, key=np.zeros(n, np.int64), event_at=at - 1000, known_at=at, columns=columns)

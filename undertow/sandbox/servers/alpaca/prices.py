"""Where the broker's prices come from: the simulated market's quotes as they become known, or those that a test hands in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import Quote
from undertow.core.time import Instant
from undertow.sandbox.servers.world import World

_BACK = 5  # sessions that are looked through for a first price


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Best prices of a symbol in 1/10,000 USD, with the displayed sizes in shares; or, where ``trade`` is set, a print."""

    at: Instant
    symbol: str
    bid: int = 0
    ask: int = 0
    sizes: tuple[int, int] = (0, 0)
    trade: int = 0


@dataclass(slots=True)
class Prices:
    """What the broker sees. A symbol whose prices were handed in gets no others."""

    world: World
    pushed: dict[str, list[Price]] = field(default_factory=dict)

    def push(self, price: Price) -> None:
        """Hand in prices of one symbol."""
        self.pushed.setdefault(price.symbol, []).append(price)

    def since(self, symbol: str, after: Instant, until: Instant, *, every: bool) -> list[Price]:
        """The market's quotes known in ``(after, until]``; unless ``every`` one is wanted, the last ones before each close and the end."""
        calendar, exists = nyse(), self.world.market.sessions
        last = min(int(calendar.position(until)), exists.stop - 1)
        first = int(calendar.position(after)) if every else max(int(calendar.position(after)), last - _BACK)
        world, found = self.world.at(until), list[Price]()
        for i in range(last, max(first, exists.start) - 1, -1):
            rows = world.rows(Quote, symbol, slice(i, i + 1))
            rows = rows[int(np.searchsorted(rows.known_at, after, side="right")) :]
            if not every:
                ends = np.searchsorted(rows.known_at, (int(calendar.close[i]), until), side="right") - 1
                rows = rows[np.unique(ends[ends >= 0])]
            found = [*_prices(symbol, rows), *found]
            if found and not after:
                break  # a first price needs no history
        return found


def _prices(symbol: str, rows: Chunk) -> Sequence[Price]:
    names = ("bid", "ask", "bid_size", "ask_size")
    columns = [rows.known_at.tolist(), *(rows.columns[name].tolist() for name in names)]
    return [Price(at=at, symbol=symbol, bid=b, ask=a, sizes=(x, y)) for at, b, a, x, y in zip(*columns, strict=True)]

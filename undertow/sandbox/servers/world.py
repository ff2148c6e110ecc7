"""What the vendors can know of the simulated market at an instant: never a row whose ``known_at`` is still to come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from threading import RLock

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat, empty_chunk
from undertow.core.events import Bar, CorporateAction, Event
from undertow.core.time import Instant
from undertow.sandbox.market import TICKS, Market

_MONTH = 21  # sessions made at once of what is not a tick; of ticks and minutes one
_KEPT = {1: 400, _MONTH: 2_000}  # blocks in memory, by sessions in one
#: what is listed here; any other symbol of capital letters can be asked for too
LISTED = ("AAPL", "AMD", "AMZN", "GOOGL", "IWM", "JPM", "KO", "META", "MSFT", "NFLX", "NVDA", "QQQ", "SPY", "TSLA", "XOM")


class World:
    """A market and a clock. Blocks of sessions are made when first asked for, and kept while they are used.

    now    : the market's present, ns UTC; real or accelerated
    listed : symbols of the lists and of subscriptions to everything
    """

    def __init__(self, market: Market, now: Callable[[], Instant], listed: Sequence[str] = LISTED) -> None:
        self.market = market
        self.now = now
        self.listed = tuple(listed)
        self._blocks: dict[int, OrderedDict[tuple[object, ...], Chunk]] = {size: OrderedDict() for size in _KEPT}
        self._lock = RLock()

    def at(self, instant: Instant) -> World:
        """The same market as it was known at an instant, which then stands still; blocks are shared."""
        still = World(self.market, lambda: instant, self.listed)
        still._blocks, still._lock = self._blocks, self._lock
        return still

    def sessions(self, first: np.datetime64, last: np.datetime64) -> slice:
        """Positions in the exchange's calendar of the sessions of these days, both included, that exist here and have begun."""
        exists, calendar = self.market.sessions, nyse()
        begun = int(calendar.position(self.now())) + 1
        wanted = calendar.sessions(first, last)
        return slice(max(wanted.start, exists.start), max(min(wanted.stop, exists.stop, begun), exists.start))

    def rows(self, kind: type[Event], symbol: str, sessions: slice) -> Chunk:
        """Rows of a kind that belong to these sessions and are known by now; ``Bar`` are bars of five minutes in regular hours."""
        size = 1 if kind in TICKS else _MONTH
        return self._known(kind, symbol, sessions, size, lambda part: self.market.events([symbol], part, (kind,))[kind])

    def minutes(self, symbol: str, sessions: slice) -> Chunk:
        """Bars of one minute from 04:00 to 20:00 New York that are known by now."""
        return self._known(Bar, symbol, sessions, 1, lambda part: self.market.minutes([symbol], part), "minute")

    def actions(self, symbol: str) -> Chunk:
        """All splits that are known by now, as ``CorporateAction``."""
        exists = self.market.sessions
        whole = self._block(("actions", symbol), _MONTH, lambda: self.market.events([symbol], exists, (CorporateAction,))[CorporateAction])
        return whole[: int(np.searchsorted(whole.known_at, self.now(), side="right"))]

    def last_session(self) -> int:
        """Position in the exchange's calendar of the session whose New York day is, or was last, at this moment."""
        exists = self.market.sessions
        return int(max(exists.start, min(int(nyse().position(self.now())), exists.stop - 1)))

    def _known(self, kind: type[Event], symbol: str, sessions: slice, size: int, make: Callable[[slice], Chunk], what: str = "") -> Chunk:
        exists, blocks = self.market.sessions, []
        for block in range(sessions.start // size, -(-sessions.stop // size)):
            whole = slice(max(block * size, exists.start), min((block + 1) * size, exists.stop))
            chunk = self._block((kind, what, symbol, block), size, partial(make, whole))
            if size > 1:
                # what belongs to a session is known on its day or before the next but one: the month is cut by its own clock
                at = nyse().position(chunk.event_at)
                chunk = chunk[(at >= sessions.start) & (at < sessions.stop)]
            blocks.append(chunk)
        if not blocks:
            return empty_chunk(kind, (symbol,))
        found = concat(blocks)
        return found[: int(np.searchsorted(found.known_at, self.now(), side="right"))]

    def _block(self, name: tuple[object, ...], size: int, make: Callable[[], Chunk]) -> Chunk:
        with self._lock:
            blocks = self._blocks[size]
            if name not in blocks:
                blocks[name] = make()
                while len(blocks) > _KEPT[size]:
                    blocks.popitem(last=False)
            blocks.move_to_end(name)
            return blocks[name]

"""What the vendors can know of the simulated market at an instant: never a row whose ``known_at`` is still to come."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from threading import RLock

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat, empty_chunk
from undertow.core.events import Bar, CorporateAction, Event
from undertow.core.time import Instant
from undertow.sandbox.market import TICKS, MarketLike

_MONTH = 21  # sessions made at once of what is not a tick; of ticks and minutes one
_KEPT = {"tick": 400, "minute": 2_000, "month": 2_000}  # blocks in memory
#: what is listed here; any other symbol of capital letters can be asked for too
LISTED = ("AAPL", "AMD", "AMZN", "GOOGL", "IWM", "JPM", "KO", "META", "MSFT", "NFLX", "NVDA", "QQQ", "SPY", "TSLA", "XOM")


class World:
    """A market and a clock. Blocks of sessions are made when first asked for, and kept while they are used.

    market : the market itself, or a ``Cached`` one that keeps what it made on disk too
    now    : the market's present, ns UTC; real or accelerated
    listed : symbols of the lists and of subscriptions to everything
    """

    def __init__(self, market: MarketLike, now: Callable[[], Instant], listed: Sequence[str] = LISTED) -> None:
        self.market = market
        self.now = now
        self.listed = tuple(listed)
        self._blocks: dict[str, OrderedDict[tuple[object, ...], Chunk]] = {what: OrderedDict() for what in _KEPT}
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
        exists, blocks, size = self.market.sessions, [], 1 if kind in TICKS else _MONTH
        for block in range(sessions.start // size, -(-sessions.stop // size)):
            whole = slice(max(block * size, exists.start), min((block + 1) * size, exists.stop))
            make = partial(self._make, kind, symbol, whole)
            chunk = self._block("tick" if size == 1 else "month", (kind, symbol, block), make)
            if size > 1:
                # what belongs to a session is known on its day or before the next but one: the month is cut by its own clock
                at = nyse().position(chunk.event_at)
                chunk = chunk[(at >= sessions.start) & (at < sessions.stop)]
            blocks.append(chunk)
        return self._known(kind, symbol, blocks)

    def minutes(self, symbol: str, sessions: slice) -> Chunk:
        """Bars of one minute from 04:00 to 20:00 New York that are known by now."""
        wanted = range(sessions.start, sessions.stop)
        with self._lock:
            found = {at: self._blocks["minute"].get((symbol, at)) for at in wanted}
            if missing := [at for at in wanted if found[at] is None]:
                # in one call: to make sessions one by one takes longer
                found |= self._sessions(symbol, slice(missing[0], missing[-1] + 1))
            blocks = [self._block("minute", (symbol, at), partial(_same, found[at])) for at in wanted]
        return self._known(Bar, symbol, blocks)

    def actions(self, symbol: str) -> Chunk:
        """All splits that are known by now, as ``CorporateAction``."""
        exists = self.market.sessions
        whole = self._block("month", ("actions", symbol), lambda: self.market.events([symbol], exists, (CorporateAction,))[CorporateAction])
        return whole[: int(np.searchsorted(whole.known_at, self.now(), side="right"))]

    def last_session(self) -> int:
        """Position in the exchange's calendar of the session whose New York day is, or was last, at this moment."""
        exists = self.market.sessions
        return int(max(exists.start, min(int(nyse().position(self.now())), exists.stop - 1)))

    def _make(self, kind: type[Event], symbol: str, sessions: slice) -> Chunk:
        return self.market.events([symbol], sessions, (kind,))[kind]

    def _sessions(self, symbol: str, sessions: slice) -> dict[int, Chunk]:
        # minutes, each session's apart; bars are in order of their sessions but for those that an outage held back
        chunk, midnight = self.market.minutes([symbol], sessions), nyse().midnight
        edges = np.searchsorted(chunk.event_at, midnight[sessions.start : sessions.stop + 1]).tolist()
        return {sessions.start + i: chunk[a:b] for i, (a, b) in enumerate(pairwise(edges))}

    def _known(self, kind: type[Event], symbol: str, blocks: Sequence[Chunk]) -> Chunk:
        if not blocks:
            return empty_chunk(kind, (symbol,))
        found = concat(blocks)
        return found[: int(np.searchsorted(found.known_at, self.now(), side="right"))]

    def _block(self, what: str, name: tuple[object, ...], make: Callable[[], Chunk]) -> Chunk:
        with self._lock:
            blocks = self._blocks[what]
            if name not in blocks:
                blocks[name] = make()
                while len(blocks) > _KEPT[what]:
                    blocks.popitem(last=False)
            blocks.move_to_end(name)
            return blocks[name]


def _same(chunk: Chunk | None) -> Chunk:
    assert chunk is not None  # noqa: S101 - what was missing has been made
    return chunk

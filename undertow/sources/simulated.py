"""The simulated market as a source: no key, no network, and everything it says is marked as simulated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import CorporateAction, Event
from undertow.core.time import Instant
from undertow.sandbox.cache import Cached
from undertow.sandbox.market import KINDS, NAME, TICKS, Market, MarketLike

_ROWS = 4_000_000  # of the densest kind in one chunk: some 400 MB
_TICKS = 20_000  # a busy symbol's prints in a session


class SimulatedSource:
    """History from a ``Market``; the same rows, bit for bit, however the range is cut.

    kinds  : what it tells; those of ``market.TICKS`` only when asked for
    folder : where ticks are kept once they are made; the rows are the same without one
    """

    name: str = NAME
    simulated: bool = True
    kinds: tuple[type[Event], ...] = KINDS

    def __init__(self, market: Market | None = None, kinds: tuple[type[Event], ...] = KINDS, folder: Path | None = None) -> None:
        made = market or Market()
        self.market: MarketLike = made if folder is None else Cached(made, folder)
        self.kinds = kinds

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Chunks of rows with ``after < known_at <= until``; corporate actions always from the market's first day on.

        There is nothing before ``Market.sessions`` begins, on 2005-01-03, and nothing after it ends.
        """
        exists, calendar = self.market.sessions, nyse()
        end = min(int(calendar.position(until)) + 1, exists.stop)
        # what belongs to a session is known on its day or the next morning
        first = max(int(calendar.position(after)) - 1, exists.start)
        if until <= after or end <= exists.start:
            return
        actions = self.market.events(symbols, slice(exists.start, end), (CorporateAction,))[CorporateAction]
        yield actions.between(actions.known_at[0] - 1 if len(actions) else after, until)
        others = tuple(kind for kind in self.kinds if kind is not CorporateAction)
        block = max(1, _ROWS // ((_TICKS if set(self.kinds) & set(TICKS) else 78) * max(1, len(symbols))))
        for start in range(first, end, block):
            for chunk in self.market.events(symbols, slice(start, min(start + block, end)), others).values():
                yield chunk.between(after, until)

"""The simulated broker's account as the engine's broker: bars and targets in, marks and fills out, and how many shares are wanted."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.orders import Portfolio, PortfolioLimits
from undertow.core.protocols import Progress
from undertow.core.time import Instant
from undertow.execution.gateway.allotment import Allotment
from undertow.execution.gateway.sizing import fill_events
from undertow.execution.gateway.words import Execution
from undertow.execution.paper.floor import Floor


class PaperAccount:
    """A ``Broker`` that only notes what is wanted; whoever drives it sends the orders, to the same floor."""

    def __init__(self, floor: Floor, band: float, limits: PortfolioLimits | None = None) -> None:
        self.floor, self.symbols = floor, floor.symbols
        self._allotment = Allotment(floor.symbols, floor.traded, band, limits or PortfolioLimits())
        self._fills = 0

    @property
    def bound(self) -> tuple[str, ...]:
        """A sentence for each limit that bound, and how often."""
        return self._allotment.bound

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64) -> Progress:
        """Meet the bars; the targets of the last tick are the ones to trade, on what all purses together are worth by then."""
        marked = self.floor.push(chunks)
        equity, mark, shares = self._columns()
        self._allotment.push(chunks, ticks, targets, equity, shares * mark)
        return Progress(fills=self._events(marked.executions), at=marked.at, key=marked.key, equity=marked.equity, shares=marked.shares)

    def wanted(self) -> F64:
        """Shares to hold by the newest targets (symbols,); NaN where nothing is said."""
        _, mark, shares = self._columns()
        return self._allotment.wanted(mark, shares)

    def portfolio(self) -> Portfolio:
        """What is held now."""
        pairs = list(zip(self.symbols, self.floor.sleeves, strict=True))
        return Portfolio(
            cash={symbol: one.cash for symbol, one in pairs},
            shares={symbol: one.shares for symbol, one in pairs},
            equity={symbol: one.equity for symbol, one in pairs},
        )

    def _columns(self) -> tuple[F64, F64, F64]:
        sleeves = self.floor.sleeves
        equity, mark, shares = (np.array([getattr(one, name) for one in sleeves]) for name in ("equity", "mark", "shares"))
        return equity, mark, shares

    def _events(self, executions: Sequence[tuple[Execution, Instant]]) -> Chunk:
        chunk = fill_events(self.symbols, executions, self.floor.name, self._fills)
        self._fills += len(chunk)
        return chunk

"""What an account that is driven tick by tick may hold: the limits of a backtest's account, on what this one is worth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.orders import PortfolioLimits
from undertow.core.time import Instant
from undertow.execution.gateway.sizing import wanted
from undertow.execution.inbox import Inbox, Traded
from undertow.execution.measured import Measured
from undertow.execution.portfolio import Row, allow, bounds_of, memory_of, told_of, worth


class Allotment:
    """The newest targets as the account may follow them, each in parts: its equity at the tick, divided by the number of symbols."""

    def __init__(self, symbols: Sequence[str], traded: Traded, band: float, limits: PortfolioLimits) -> None:
        """``band`` is a share of a part: a change of no more is not traded."""
        n = len(symbols)
        self.at: Instant = 0  #: of the newest targets
        self.part = 0.0  #: USD
        self._bounds, self._memory = bounds_of(symbols, limits, band), memory_of(n)
        self._row = Row(np.full(n, np.nan), np.full(n, band))
        self._inbox, self._measured = Inbox(symbols, traded), Measured(n, traded)

    @property
    def bound(self) -> tuple[str, ...]:
        """A sentence for each limit that bound, and how often."""
        return told_of(self._memory)

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64, equity: F64, held: F64) -> None:
        """Take targets (ticks, symbols) after ``chunks`` were met; equity of each purse and what is held, both in USD (symbols,)."""
        volatility = np.empty((len(ticks), 0))
        if self._bounds.volatility:
            volatility = self._measured.push(self._inbox.take(*self._inbox.sort(chunks)), np.asarray(ticks, np.int64))
        if len(ticks):
            total = worth(equity)
            self.at, self.part = int(ticks[-1]), total / len(equity)
            for target, moves in zip(np.asarray(targets, np.float64), volatility, strict=True):
                allow(np.ascontiguousarray(target), moves, held, total, self._bounds, self._memory, self._row)

    def wanted(self, mark: F64, shares: F64) -> F64:
        """Shares to hold (symbols,) at prices in USD, where ``shares`` are held; NaN where nothing is said or no price is known."""
        return wanted(self._row.weight, self.part, mark, shares, self._row.band)

"""An account at a broker as the engine's broker: positions by its fills, marks by the bars that are met."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import Bar, Event
from undertow.core.orders import Portfolio, PortfolioLimits
from undertow.core.protocols import Progress
from undertow.core.time import MINUTE, Duration, Instant
from undertow.execution.gateway.allotment import Allotment
from undertow.execution.gateway.sizing import fill_events
from undertow.execution.gateway.words import Execution
from undertow.execution.inbox import Traded, arrived


class ToldAccount:
    """A ``Broker`` that only notes what is wanted, and knows of fills what it is told; a purse a symbol says who earned what.

    capital : USD that is traded with, all symbols together; more may lie in the account
    name    : of the broker, as the source of fills
    """

    def __init__(
        self,
        symbols: Sequence[str],
        capital: float,
        calendar: Calendar,
        *,
        name: str,
        band: float,
        kind: type[Event] = Bar,
        span: Duration = 5 * MINUTE,
    ) -> None:
        self.symbols, self._name, self._band = tuple(symbols), name, band
        self._place = {symbol: i for i, symbol in enumerate(self.symbols)}
        self._traded = Traded(kind, span, calendar)
        self._allotment = Allotment(self.symbols, self._traded, band, PortfolioLimits())
        self.cash: F64 = np.full(len(self.symbols), capital / len(self.symbols))
        self.shares: F64 = np.zeros(len(self.symbols))
        self.mark: F64 = np.zeros(len(self.symbols))
        self._due: Mapping[str, float] = {}
        self._told: list[tuple[Execution, Instant]] = []
        self._fills = 0

    def within(self, limits: PortfolioLimits) -> ToldAccount:
        """The same account, held within limits; before anything was decided."""
        self._allotment = Allotment(self.symbols, self._traded, self._band, limits)
        return self

    @property
    def bound(self) -> tuple[str, ...]:
        """A sentence for each limit that bound, and how often."""
        return self._allotment.bound

    @property
    def equity(self) -> F64:
        """USD of each purse (symbols,)."""
        return self.cash + self.shares * self.mark

    def begins_with(self, held: Mapping[str, float]) -> None:
        """Positions that were there before the session: each is paid for out of its purse at the first price that is known."""
        self._due = {symbol: shares for symbol, shares in held.items() if symbol in self._place}
        self._pay()

    def fill(self, execution: Execution, known: Instant) -> None:
        """Take a fill, once; of symbols that are not traded here none is taken."""
        place = self._place.get(execution.symbol)
        if place is None:
            return
        self.cash[place] -= execution.side * execution.shares * execution.price + execution.commission
        self.shares[place] += execution.side * execution.shares
        if not self.mark[place] > 0.0:
            self.mark[place] = execution.price
        self._told.append((execution, known))

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64) -> Progress:
        """Mark the account by the bars; the targets of the last tick are the ones to trade."""
        met = arrived(chunks, self._place, self._traded)
        order = np.lexsort((met.end, met.key, met.known))
        equity, shares = np.empty(len(order)), np.empty(len(order))
        for i, row in enumerate(order.tolist()):
            key, close = int(met.key[row]), float(met.prices[row, 1])
            if close > 0.0:
                self.mark[key] = close
                self._pay()
            equity[i], shares[i] = self.equity[key], self.shares[key]
        self._allotment.push(chunks, ticks, targets, self.equity, self.shares * self.mark)
        told, self._told = self._told, []
        fills = fill_events(self.symbols, told, self._name, self._fills)
        self._fills += len(fills)
        return Progress(fills=fills, at=met.end[order], key=met.key[order], equity=equity, shares=shares)

    def wanted(self) -> F64:
        """Shares to hold by the newest targets (symbols,); NaN where nothing is said."""
        return self._allotment.wanted(self.mark, self.shares)

    def portfolio(self) -> Portfolio:
        """What is held now."""
        columns = (dict(zip(self.symbols, column.tolist(), strict=True)) for column in (self.cash, self.shares, self.equity))
        cash, shares, equity = columns
        return Portfolio(cash=cash, shares=shares, equity=equity)

    def _pay(self) -> None:
        for symbol, shares in list(self._due.items()):
            place = self._place[symbol]
            if self.mark[place] > 0.0:
                self.cash[place] -= shares * self.mark[place]
                self.shares[place] += shares
                self._due = {name: count for name, count in self._due.items() if name != symbol}

"""An account that is given orders: one symbol, one purse, any number of pushes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.core.orders import Costs
from undertow.core.time import MINUTE, Duration, Instant
from undertow.execution.account import opened, summary_of
from undertow.execution.orders.book import NO_BOOK, kept, states_of, with_new
from undertow.execution.orders.check import check_bars, check_orders
from undertow.execution.orders.columns import (
    LOGGED,
    NO_ORDERS,
    PARTLY_FILLED,
    Ledger,
    OrderBars,
    OrderFills,
    Orders,
    OrderStates,
    fills_of,
)
from undertow.execution.orders.desk import desk_of
from undertow.execution.orders.fold import MOST, fold_orders
from undertow.execution.orders.margin import Account, Policies, policies
from undertow.execution.orders.work import Terms
from undertow.execution.rules import rules_of
from undertow.execution.tables import NO_ACTIONS, Actions, Summary

ROOM = 4096  #: rows of a log that may need so many


@dataclass(frozen=True, slots=True, kw_only=True)
class Venue:
    """What lies between a decision and the market; the defaults are the earlier cut-off of the two large exchanges'."""

    latency: Duration = 0  #: ns from the decision until the order is there
    open_cutoff: Duration = 2 * MINUTE  #: orders on the open come no later before it
    close_cutoff: Duration = 10 * MINUTE  #: orders on the close come no later before it
    bars_per_day: float = 1.0  #: sets the memory of the volatility and volume averages


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """What one push of n bars did."""

    ledger: Ledger
    fills: OrderFills
    states: OrderStates  #: of the orders that lived during this push

    @property
    def equity(self) -> F64:
        """USD at each close (n,)."""
        return self.ledger.equity


class OrderSleeve:
    """One symbol's account that is given orders (law 3: ``push(a); push(b)`` equals ``push(a + b)``).

    ``a`` holds the orders decided before its last bar ended, and ``b`` the others.
    """

    def __init__(self, capital: float, costs: Costs, rule: Policies | None = None, venue: Venue | None = None) -> None:
        """``capital`` in USD; ``rule`` says what the account may open, by default anything (see ``margin.policies``)."""
        if not capital > 0.0:
            raise BadInput(f"capital {capital} must be above 0")
        self._venue = venue or Venue()
        self._terms = Terms(self._venue.open_cutoff, self._venue.close_cutoff)
        self._table = rule or policies(Account.UNLIMITED)
        self._rules = rules_of(costs, self._venue.bars_per_day)
        self._state, self._seat = opened(capital), desk_of(capital)
        self._book, self._given = NO_BOOK, 0
        self._ended: Instant = -(2**63)
        self._decided: Instant = -(2**63)

    def push(self, bars: OrderBars, orders: Orders = NO_ORDERS, actions: Actions = NO_ACTIONS) -> Worked:
        """Bars (n,) that come later than all before, and the orders that were decided since the last of them ended.

        Raises LawBroken for what comes too late, BadInput for an order that makes no sense.
        """
        n = len(bars.start)
        check_orders(orders, self._given, self._decided, self._ended, self._rules.whole)
        check_bars(bars, self._ended)
        if len(orders.kind):
            self._book = with_new(self._book, orders, self._given, self._venue.latency)
            self._decided, self._given = int(orders.decided_at[-1]), self._given + len(orders.kind)
        self._ended = int(bars.end[-1]) if n else self._ended
        book, ledger = self._book, Ledger(np.empty(n), np.empty(n), np.empty(n))
        active, place = np.empty(len(book), np.int64), np.zeros(3, np.int64)  # what stands arrives anew at the first bar
        most = MOST * len(book) + 1  # fills in one bar
        log, parts = np.empty(min(max(ROOM, most), most * n), LOGGED), []
        while place[0] < n:
            rows = fold_orders(
                bars, book, active, place, actions, self._table, self._terms, self._rules, self._state, self._seat, ledger, log
            )
            parts.append(log[:rows].copy())
        states = states_of(book)
        self._book = kept(book)
        return Worked(ledger=ledger, fills=fills_of(parts), states=states)

    def open_orders(self) -> OrderStates:
        """The orders that still work."""
        states = states_of(self._book)
        rows = np.flatnonzero(states.status <= PARTLY_FILLED)
        return OrderStates._make(column[rows] for column in states)

    def summary(self) -> Summary:
        """Totals since the account was opened."""
        return summary_of(self._state)

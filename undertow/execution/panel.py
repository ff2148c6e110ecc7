"""The simulated broker's core for a panel: many symbols on one cash account, a row a day.

Opens, closes and target weights (days, symbols) come in; the account's equity a day comes out. Weights are sized at their day's close
and filled at the next day's open, unless another convention is asked for.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.orders import Costs
from undertow.execution import kernel
from undertow.execution.account import (
    BARS,
    STARTED,
    Account,
    accrued,
    acted,
    load,
    marked,
    opened,
    rented,
    rounded,
    store,
    summary_of,
    trade,
)
from undertow.execution.rules import Flow, Rules, learned, limit, rules_of
from undertow.execution.tables import NO_FLOATS, NO_INTS, Summary, same_length


class Prices(NamedTuple):
    """A panel of bars.

    start  : int64 (days,)             ns UTC
    open   : float64 (days, symbols)   USD, NaN when there was no price
    close  : float64 (days, symbols)   USD, NaN when there was no price
    volume : float64 (days, symbols)   shares, NaN when not known
    """

    start: I64
    open: F64
    close: F64
    volume: F64


class PanelActions(NamedTuple):
    """Splits and dividends, ascending by day; each applies before the open of its day.

    day      : int64 (k,)    index into the days of this push
    symbol   : int64 (k,)
    ratio    : float64 (k,)  new shares for one old
    dividend : float64 (k,)  USD per old share
    """

    day: I64
    symbol: I64
    ratio: F64
    dividend: F64


class Holdings(NamedTuple):
    """Per symbol (symbols,): shares held, shares wanted, last price in USD and the sums behind volatility and volume."""

    shares: F64
    want: F64
    mark: F64
    variance: F64
    volume: F64


class Fill(StrEnum):
    """The price at which weights that were sized at a close are filled."""

    NEXT_OPEN = "next open"
    NEXT_CLOSE = "next close"
    SAME_CLOSE = "same close"  #: nobody can: the price that decides is gone. An upper bound, to see what the delay costs


NO_PANEL_ACTIONS = PanelActions(NO_INTS, NO_INTS, NO_FLOATS, NO_FLOATS)


@kernel.inlined
def holding(account: Account, held: Holdings, i: int) -> Account:
    """The shared account as symbol ``i`` sees it: its own position, the common cash."""
    a = account
    return Account(
        a.cash, held.shares[i], held.want[i], held.mark[i], a.fills, a.commission, a.spread_cost, a.impact_cost, a.borrow, a.dividends
    )


@kernel.inlined
def learn(held: Holdings, prices: Prices, t: int, rules: Rules) -> None:
    """Take day ``t`` into the averages; marks are still those of the day before."""
    for i in range(held.mark.shape[0]):
        before = held.mark[i] if held.mark[i] > 0.0 else prices.open[t, i]
        flow = learned(Flow(held.variance[i], held.volume[i]), before, prices.close[t, i], prices.volume[t, i], rules.decay)
        held.variance[i], held.volume[i] = flow.variance, flow.volume


@kernel.inlined
def trade_all(account: Account, held: Holdings, prices: Prices, t: int, rules: Rules, due: I64) -> Account:
    """Work every standing order at the opens of day ``t``; ``due`` (symbols,) is room for their list.

    The list is made without a branch: which symbols trade is hard to guess, and a wrong guess costs more than the trade.
    """
    orders = 0
    for i in range(held.want.shape[0]):
        due[orders] = i
        orders += int((held.want[i] != held.shares[i]) & (prices.open[t, i] > 0.0))
    for k in range(orders):
        i = due[k]
        flow = Flow(held.variance[i], held.volume[i])
        account, _ = trade(holding(account, held, i), prices.open[t, i], limit(prices.volume[t], i, rules), flow, rules)
        held.shares[i] = account.shares
    return account


@kernel.inlined
def mark_all(held: Holdings, close: F64) -> float:
    """Mark every holding at its close (symbols,), USD; returns what they are worth together."""
    for i in range(close.shape[0]):
        held.mark[i] = close[i] if close[i] > 0.0 else held.mark[i]
    worth = 0.0
    for i in range(close.shape[0]):
        worth += held.shares[i] * held.mark[i]
    return worth


@kernel.inlined
def size_all(held: Holdings, weights: F64, total: float, whole: bool) -> None:
    """Turn one day's weights (symbols,) into shares at the marks; a symbol without weight or price keeps its order."""
    for i in range(weights.shape[0]):
        want = rounded(weights[i] * total / held.mark[i], whole)
        held.want[i] = want if (weights[i] == weights[i]) & (held.mark[i] > 0.0) else held.want[i]


@kernel.compiled
def fold_panel(
    prices: Prices, weights: F64, actions: PanelActions, rules: Rules, same: bool, state: F64, held: Holdings, equity: F64
) -> None:
    """Push days through ``state`` and ``held``; weights (days, symbols) where NaN says nothing; equity (days,) is written.

    ``same`` fills at the close that sized the weights, instead of the next open.
    """
    account, curve, flow = load(state)
    started, due, symbols = state[STARTED], 0, held.shares.shape[0]
    orders = np.empty(symbols, np.int64)
    for t in range(prices.close.shape[0]):
        start = np.float64(prices.start[t])
        if rules.borrow > 0.0:
            rent = 0.0
            for i in range(symbols):
                rent += rented(held.shares[i], held.mark[i], start - started, rules.borrow)
            account = accrued(account, account.cash - rent, account.borrow + rent)
        started = start
        while due < actions.day.shape[0] and actions.day[due] == t:
            i, ratio = actions.symbol[due], actions.ratio[due]
            account = acted(holding(account, held, i), ratio, actions.dividend[due], prices.open[t, i], rules.whole)
            held.shares[i], held.want[i], held.mark[i] = account.shares, account.want, account.mark
            held.volume[i] *= ratio
            due += 1
        if not same:
            account = trade_all(account, held, prices, t, rules, orders)
        if rules.impact > 0.0:
            learn(held, prices, t, rules)
        equity[t] = account.cash + mark_all(held, prices.close[t])
        size_all(held, weights[t], equity[t], rules.whole)
        if same:
            at_close = Prices(prices.start, prices.close, prices.close, prices.volume)
            account = trade_all(account, held, at_close, t, rules, orders)
            equity[t] = account.cash + mark_all(held, prices.close[t])
        curve = marked(curve, equity[t])
    store(state, account, curve, flow)
    state[BARS] += prices.close.shape[0]
    state[STARTED] = started


class Panel:
    """Many symbols on one cash account, told which fraction of the equity each should be."""

    def __init__(self, symbols: int, capital: float, costs: Costs, fill: Fill = Fill.NEXT_OPEN) -> None:
        """``capital`` in USD, shared by all symbols."""
        self._state = opened(capital)
        self._held = Holdings(*np.zeros((len(Holdings._fields), symbols)))
        self._rules = rules_of(costs)
        self._fill = fill

    def push(self, prices: Prices, weights: F64, actions: PanelActions = NO_PANEL_ACTIONS) -> F64:
        """Weights (days, symbols), each decided at its day's close; returns the equity at each close, USD (days,)."""
        equity = np.empty(len(prices.close))
        same_length(len(equity), **prices._asdict(), weights=weights)
        for table in (prices.open, prices.close, prices.volume, weights):
            same_length(len(self._held.shares), symbols=table.T)
        if self._fill is Fill.NEXT_CLOSE:
            prices = prices._replace(open=prices.close)
        fold_panel(prices, weights, actions, self._rules, self._fill is Fill.SAME_CLOSE, self._state, self._held, equity)
        return equity

    def shares(self) -> F64:
        """Shares held now (symbols,)."""
        return self._held.shares.copy()

    def summary(self) -> Summary:
        """Totals since the account was opened."""
        return summary_of(self._state)

"""The simulated broker's core for targets in shares: one symbol, or many variants over one symbol's bars.

Bars and one target a bar come in; equity, shares, fills and a running summary come out. A target is decided at the end of its bar and
filled from the next bar's open. State rests in a small array between pushes, so that two pushes equal one bit for bit (law 3).
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I8, Array
from undertow.core.orders import Costs
from undertow.execution import kernel
from undertow.execution.account import (
    BARS,
    EQUITY,
    LAST,
    SHARES,
    STARTED,
    Account,
    Curve,
    accrued,
    acted,
    load,
    marked,
    note,
    opened,
    ordered,
    priced,
    rented,
    store,
    summary_of,
    trade,
)
from undertow.execution.rules import Flow, Rules, learned, limit, rules_of
from undertow.execution.tables import NO_ACTIONS, Actions, Bars, Fills, Log, Pushed, Steps, Summary, joined, room, same_length, written


@kernel.inlined
def closes(
    bars: Bars, targets: Array, last: float, equity: F64, begin: int, until: int, rate: float, account: Account, curve: Curve
) -> tuple[int, float, Account, Curve]:
    """Mark bar after bar from ``begin``, to ``until`` or past the first target that differs from ``last``.

    Nothing trades here, so the loop keeps its few numbers in registers. Unsigned indices spare numba's test for negative ones.
    ``rate`` is the lender's of a short position, per ns; the caller has paid it up to the first bar.
    """
    cash, shares, mark, borrow = account.cash, account.shares, account.mark, account.borrow
    short, keep = rate > 0.0 and shares < 0.0, equity.shape[0] > 0
    t, first, end, one = np.uint64(begin), np.uint64(begin), np.uint64(until), np.uint64(1)
    while t < end:
        if short and t > first:
            due = rented(shares, mark, np.float64(bars.start[t]) - np.float64(bars.start[t - one]), rate)
            cash, borrow = cash - due, borrow + due
        price = bars.close[t]
        mark = price if price > 0.0 else mark
        curve = marked(curve, cash + shares * mark)
        if keep:
            equity[t] = curve.equity
        target = targets[t]
        t += one
        if target != last and target == target:
            break
    return int(np.int64(t)), mark, accrued(account, cash, borrow), curve


@kernel.inlined
def caught_up(flow: Flow, bars: Bars, begin: int, end: int, mark: float, decay: float) -> Flow:
    """The averages after bars ``begin`` to ``end``; ``mark`` is the last price before them."""
    for t in range(begin, end):
        close = bars.close[t]
        flow = learned(flow, mark if mark > 0.0 else bars.open[t], close, bars.volume[t], decay)
        mark = close if close > 0.0 else mark
    return flow


@kernel.compiled
def fold_shares(
    bars: Bars, targets: Array, size: float, actions: Actions, rules: Rules, begin: int, state: F64, equity: F64, log: Log
) -> tuple[int, int, int]:
    """Push bars and targets (n,) in units of ``size`` shares through ``state``, from bar ``begin`` until the log is full.

    Returns the bar reached and the rows written to the two logs. A float target that is NaN says nothing. An empty ``equity``
    means a sweep: no curve and no logs.
    """
    account, curve, flow = load(state)
    last, keep = targets.dtype.type(state[LAST]), equity.shape[0] > 0
    count, space = bars.close.shape[0], log.fills.bar.shape[0] if keep else 1
    t, fills, steps, due = begin, 0, 0, np.searchsorted(actions.bar, begin)
    action_at = actions.bar[due] if due < actions.bar.shape[0] else count
    while t < count and fills < space:
        # The open of a bar at which something may be due.
        price, held = bars.open[t], account.shares
        if rules.borrow > 0.0 and account.shares < 0.0:
            before = np.float64(bars.start[t - 1]) if t > 0 else state[STARTED]
            rent = rented(account.shares, account.mark, np.float64(bars.start[t]) - before, rules.borrow)
            account = accrued(account, account.cash - rent, account.borrow + rent)
        while t == action_at:
            account = acted(account, actions.ratio[due], actions.dividend[due], price, rules.whole)
            flow = Flow(flow.variance, flow.volume * actions.ratio[due])
            due += 1
            action_at = actions.bar[due] if due < actions.bar.shape[0] else count
        if account.want != account.shares and price > 0.0:
            account, done = trade(account, price, limit(bars.volume, t, rules), flow, rules)
            if keep and done.shares != 0.0:
                fills = note(log.fills, fills, t, done)
        if keep and account.shares != held:
            log.steps.bar[steps], log.steps.shares[steps] = t, account.shares
            steps += 1
        # Closes, until something is due at an open again.
        until = action_at if account.want == account.shares else t + 1
        begun, seen = t, account.mark
        t, mark, account, curve = closes(bars, targets, last, equity, t, until, rules.borrow, account, curve)
        if rules.impact > 0.0:
            flow = caught_up(flow, bars, begun, t, seen, rules.decay)
        account = priced(account, mark)
        if targets[t - 1] != last and targets[t - 1] == targets[t - 1]:
            last = targets[t - 1]
            account = ordered(account, last * size)
    store(state, account, curve, flow)
    state[LAST] = np.float64(last)
    state[BARS] += t - begin
    if t > 0:
        state[STARTED] = np.float64(bars.start[t - 1])
    return t, fills, steps


@kernel.compiled
def fold_sweep(bars: Bars, signals: I8, size: float, actions: Actions, rules: Rules, states: F64) -> None:
    """``fold_shares`` for each row of signals (variants, n), without curves; states (variants, SLOTS)."""
    none, ints = np.empty(0), np.empty(0, np.int64)
    log = Log(Fills(ints, none, none, none, none, none), Steps(ints, none))
    for v in range(signals.shape[0]):
        fold_shares(bars, signals[v], size, actions, rules, 0, states[v], none, log)


class ShareSleeve:
    """One symbol's sleeve that is told how many shares to hold."""

    def __init__(self, capital: float, costs: Costs, *, size: float = 1.0, bars_per_day: float = 1.0) -> None:
        """``capital`` in USD; targets are in units of ``size`` shares."""
        self._state = opened(capital)
        self._rules = rules_of(costs, bars_per_day)
        self._size = float(size)

    def push(self, bars: Bars, targets: Array, actions: Actions = NO_ACTIONS, *, out: F64 | None = None) -> Pushed:
        """Targets (n,), int8 or float64, each decided at the end of its bar; the equity curve (n,) is written to ``out`` if given."""
        n, before, reached = len(bars.close), float(self._state[SHARES]), 0
        equity, log, parts = np.empty(n) if out is None else out, room(n // 16 + 64, len(actions.bar)), []
        same_length(n, **bars._asdict(), targets=targets, out=equity)
        while reached < n:
            reached, fills, steps = fold_shares(bars, targets, self._size, actions, self._rules, reached, self._state, equity, log)
            parts.append(written(log, fills, steps))
        return Pushed(equity, joined(parts), before)

    def summary(self) -> Summary:
        """Totals since the sleeve was opened."""
        return summary_of(self._state)


class Sweep:
    """Many variants of one symbol's signal, a summary each and no curves."""

    def __init__(self, variants: int, capital: float, costs: Costs, *, size: float = 1.0, bars_per_day: float = 1.0) -> None:
        """``capital`` in USD for each variant; signals are in units of ``size`` shares."""
        self._states = np.tile(opened(capital), (variants, 1))
        self._rules = rules_of(costs, bars_per_day)
        self._size = float(size)

    def push(self, bars: Bars, signals: I8, actions: Actions = NO_ACTIONS) -> None:
        """Signals int8 (n, variants); Fortran order is read in place, any other is copied."""
        same_length(len(bars.close), **bars._asdict(), signals=signals)
        same_length(len(self._states), variants=signals.T)
        fold_sweep(bars, np.ascontiguousarray(signals.T), self._size, actions, self._rules, self._states)

    def equity(self) -> F64:
        """Equity of each variant at the last mark, USD (variants,)."""
        return self._states[:, EQUITY].copy()

    def summaries(self) -> tuple[Summary, ...]:
        """Totals of each variant."""
        return tuple(summary_of(state) for state in self._states)

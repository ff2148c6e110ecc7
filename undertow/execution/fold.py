"""The simulated broker's core for targets in shares: one symbol, or many variants over one symbol's bars.

Bars and one target a bar come in; equity, shares, fills and a running summary come out. A target is decided at the end of its bar and
filled from the next bar's open. State rests in a small array between pushes, so that two pushes equal one bit for bit (law 3).
"""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I8, Array
from undertow.core.orders import Costs
from undertow.execution.account import FLOW, LAST, SLOTS, STARTED, accrued, acted, load, marked, note, opened, ordered, priced, store, trade
from undertow.execution.rules import Flow, Rules, kernel, learned, rules_of
from undertow.execution.tables import NO_ACTIONS, NO_FLOATS, Actions, Bars, Curves, Fills, Summary, room, summary_of, written


@kernel
def fold_shares(
    bars: Bars, targets: Array, size: float, actions: Actions, rules: Rules, state: F64, curves: Curves, log: Fills
) -> int:
    """Push bars and targets (n,) in units of ``size`` shares through ``state``; returns the number of fills written to ``log``.

    A float target that is NaN says nothing. Empty curves and log are not written, for sweeps.
    """
    account, curve, flow = load(state)
    last, keep, learns = targets.dtype.type(state[LAST]), curves.equity.shape[0] > 0, rules.impact > 0.0
    count, rows, due, t = bars.close.shape[0], 0, 0, 0
    action_at = actions.bar[0] if actions.bar.shape[0] > 0 else count
    while t < count:
        # The open of a bar at which something is due.
        price = bars.open[t]
        if rules.borrow > 0.0 and account.shares < 0.0:
            before = np.float64(bars.start[t - 1]) if t > 0 else state[STARTED]
            account = accrued(account, np.float64(bars.start[t]) - before, rules)
        while t == action_at:
            account = acted(account, actions.ratio[due], actions.dividend[due], price, rules.whole)
            flow = Flow(flow.variance, flow.volume * actions.ratio[due])
            due += 1
            action_at = actions.bar[due] if due < actions.bar.shape[0] else count
        if account.want != account.shares and price > 0.0:
            account, done = trade(account, price, bars.volume[t], flow, rules)
            if keep and done.shares != 0.0:
                note(log, rows, t, done)
                rows += 1
        # Closes, until something is due at an open again: this inner loop keeps its few numbers in registers.
        until = action_at
        if account.want != account.shares or (rules.borrow > 0.0 and account.shares < 0.0):
            until = t + 1
        while t < until:
            close = bars.close[t]
            if learns:
                flow = learned(flow, account.mark if account.mark > 0.0 else bars.open[t], close, bars.volume[t], rules.decay)
            account = priced(account, close)
            curve = marked(curve, account.cash + account.shares * account.mark)
            if keep:
                curves.equity[t], curves.shares[t] = curve.equity, account.shares
            target = targets[t]
            t += 1
            if target != last and target == target:
                last = target
                account = ordered(account, target * size)
                break
    store(state, account, curve, flow)
    state[LAST] = np.float64(last)
    if count > 0:
        state[STARTED] = np.float64(bars.start[count - 1])
    return rows


@kernel
def fold_sweep(bars: Bars, signals: I8, size: float, actions: Actions, rules: Rules, states: F64) -> None:
    """``fold_shares`` for each row of signals (variants, n), without curves; states (variants, SLOTS)."""
    none = np.empty(0)
    curves, log = Curves(none, none), Fills(np.empty(0, np.int64), none, none, none, none, none)
    for v in range(signals.shape[0]):
        fold_shares(bars, signals[v], size, actions, rules, states[v], curves, log)


class ShareSleeve:
    """One symbol's sleeve that is told how many shares to hold."""

    def __init__(self, capital: float, costs: Costs, *, size: float = 1.0, bars_per_day: float = 1.0) -> None:
        """``capital`` in USD; targets are in units of ``size`` shares."""
        self._state = opened(capital)
        self._rules = rules_of(costs, bars_per_day)
        self._size = float(size)

    def push(self, bars: Bars, targets: Array, actions: Actions = NO_ACTIONS) -> tuple[Curves, Fills]:
        """Targets (n,), int8 or float64, each decided at the end of its bar: equity and shares (n,), and the fills."""
        n = len(bars.close)
        curves, log = Curves(np.empty(n), np.empty(n)), room(n)
        rows = fold_shares(bars, targets, self._size, actions, self._rules, self._state, curves, log)
        return curves, written(log, rows)

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
        fold_sweep(bars, np.ascontiguousarray(signals.T), self._size, actions, self._rules, self._states)

    def summaries(self) -> tuple[Summary, ...]:
        """Totals of each variant."""
        return tuple(summary_of(state) for state in self._states)


__all__ = ["FLOW", "NO_FLOATS", "SLOTS", "ShareSleeve", "Sweep", "fold_shares", "fold_sweep"]

"""The simulated broker's core for decisions that carry a clock: weights decided at ticks, filled at the first bar that starts later.

One loop walks bars and ticks in the order a live system would have met them. A tick is sized with the last bar known by then and
waits, in shares, for a bar that starts no earlier; a split on the way changes the waiting order as it changes the position.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.execution import kernel
from undertow.execution.account import (
    BARS,
    STARTED,
    Account,
    accrued,
    acted,
    load,
    marked,
    note,
    ordered,
    priced,
    rented,
    rounded,
    store,
    trade,
)
from undertow.execution.rules import Flow, Rules, learned, limit
from undertow.execution.tables import Actions, Bars, Curves, Fills

NEVER = 2**63 - 1


class Decisions(NamedTuple):
    """Targets of one symbol in tick order; those that say nothing are left out.

    at     : int64 (d,)    the tick, ns UTC
    weight : float64 (d,)  fraction of the sleeve's equity to hold
    shares : float64 (d,)  the same in shares, once sized; NaN as long as no price is known
    least  : float64 (d,)  a change of at most so many shares is not worth trading
    """

    at: I64
    weight: F64
    shares: F64
    least: F64

    def ready(self) -> int:
        """How many have been sized."""
        return int(np.count_nonzero(~np.isnan(self.shares)))

    def and_new(self, at: I64, weight: F64) -> Decisions:
        """A copy with later decisions behind, not sized yet."""
        unsized = np.full(len(at), np.nan)
        return Decisions(
            np.append(self.at, at), np.append(self.weight, weight), np.append(self.shares, unsized), np.append(self.least, unsized)
        )

    def but(self, taken: int) -> Decisions:
        """A copy without the first ``taken``."""
        return Decisions(self.at[taken:].copy(), self.weight[taken:].copy(), self.shares[taken:].copy(), self.least[taken:].copy())


@kernel.inlined
def sized(decisions: Decisions, ready: int, before: int, account: Account, equity: float, band: float, whole: bool) -> int:
    """Turn the weights decided before ``before`` into shares at the last known price; returns how many are in shares by now.

    As long as there is no price they wait, and are sized with the first.
    """
    while account.mark > 0.0 and ready < decisions.at.shape[0] and decisions.at[ready] < before:
        decisions.shares[ready] = rounded(decisions.weight[ready] * equity / account.mark, whole)
        decisions.least[ready] = band * equity / account.mark
        ready += 1
    return ready


@kernel.inlined
def taken(account: Account, decisions: Decisions, row: int) -> Account:
    """The account with a decision as its standing order; inside the band the decision is to keep what is held."""
    want = decisions.shares[row]
    return ordered(account, want if abs(want - account.shares) > decisions.least[row] else account.shares)


@kernel.compiled
def fold_ticks(
    bars: Bars, decisions: Decisions, ready: int, actions: Actions, band: float, rules: Rules, state: F64, curves: Curves, log: Fills
) -> tuple[int, int]:
    """Push bars (n,) and decisions through ``state``; the first ``ready`` decisions were sized in an earlier push.

    Decisions whose tick is after the last bar's start are sized and left standing. Returns how many decisions were taken and the
    number of fills written to ``log``.
    """
    account, curve, flow = load(state)
    started, count = state[STARTED], bars.close.shape[0]
    rows, turn, due = 0, 0, 0
    for t in range(count):
        price, start = bars.open[t], np.float64(bars.start[t])
        ready = sized(decisions, ready, bars.known[t], account, curve.equity, band, rules.whole)
        if rules.borrow > 0.0 and account.shares < 0.0:
            rent = rented(account.shares, account.mark, start - started, rules.borrow)
            account = accrued(account, account.cash - rent, account.borrow + rent)
        started = start
        while due < actions.bar.shape[0] and actions.bar[due] == t:
            ratio = actions.ratio[due]
            account = acted(account, ratio, actions.dividend[due], price, rules.whole)
            flow = Flow(flow.variance, flow.volume * ratio)
            for i in range(turn, ready):
                decisions.shares[i] = rounded(decisions.shares[i] * ratio, rules.whole)
                decisions.least[i] *= ratio
            due += 1
        if account.mark == 0.0:
            account = priced(account, price)
            ready = sized(decisions, ready, bars.known[t], account, curve.equity, band, rules.whole)
        while turn < ready and decisions.at[turn] <= bars.start[t]:
            account = taken(account, decisions, turn)
            turn += 1
        if account.want != account.shares and price > 0.0:
            account, done = trade(account, price, limit(bars.volume, t, rules), flow, rules)
            if done.shares != 0.0:
                rows = note(log, rows, t, done)
        if rules.impact > 0.0:
            flow = learned(flow, account.mark, bars.close[t], bars.volume[t], rules.decay)
        account = priced(account, bars.close[t])
        curve = marked(curve, account.cash + account.shares * account.mark)
        curves.equity[t], curves.shares[t] = curve.equity, account.shares
    sized(decisions, ready, NEVER, account, curve.equity, band, rules.whole)
    store(state, account, curve, flow)
    state[BARS] += count
    state[STARTED] = started
    return turn, rows

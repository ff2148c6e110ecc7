"""The simulated broker's core for decisions that carry a clock: one account, decided for at ticks, filled at bars that start later.

One loop walks bars and ticks in the order a live system would have met them: at each tick every symbol's bars that are known by then have
been met, and the account is worth what all its purses are. What is allowed then is sized with the last bar known and waits, in shares, for
a bar that starts no earlier; a split on the way changes the waiting order as it changes the position.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.execution import kernel
from undertow.execution.account import (
    BARS,
    EQUITY,
    MARK,
    SHARES,
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
from undertow.execution.inbox import Met
from undertow.execution.portfolio import Bounds, Memory, Row, allow, worth
from undertow.execution.rules import Flow, Rules, learned, limit
from undertow.execution.tables import Curves, Fills

NEVER = 2**63 - 1


class Asked(NamedTuple):
    """What is decided in a push.

    at         : int64 (t,)             the ticks, ns UTC
    target     : float64 (t, symbols)   of a part; NaN says nothing
    volatility : float64 (t, symbols)   a year's, as far as known; (t, 0) where none is wanted
    """

    at: I64
    target: F64
    volatility: F64


class Queue(NamedTuple):
    """Decisions in tick order, those of a push behind those that wait from earlier ones.

    at     : int64 (d,)             the tick, ns UTC
    part   : float64 (d,)           USD that a weight of 1 is
    weight : float64 (d, symbols)   of a part, as allowed; NaN says nothing
    band   : float64 (d, symbols)   of a part: a change of no more is not worth trading
    shares : float64 (d, symbols)   the weight in shares, once sized; NaN as long as no price is known
    least  : float64 (d, symbols)   the band in shares
    """

    at: I64
    part: F64
    weight: F64
    band: F64
    shares: F64
    least: F64

    def and_new(self, at: I64) -> Queue:
        """A copy with room for later decisions behind."""
        shape = (len(at), self.weight.shape[1])
        table = (np.concatenate([column, np.full(shape, np.nan)]) for column in self[2:])
        return Queue(np.append(self.at, at), np.append(self.part, np.full(len(at), np.nan)), *table)

    def but(self, taken: int) -> Queue:
        """A copy without the first ``taken``."""
        return Queue._make(column[taken:].copy() for column in self)


class Seat(NamedTuple):
    """The account in between two pushes.

    purses : float64 (symbols, SLOTS)  what each symbol's purse holds, see ``account.load``
    turn   : int64 (symbols,)          first decision in the queue that it has not taken
    memory : of the limits
    """

    purses: F64
    turn: I64
    memory: Memory


class Terms(NamedTuple):
    """How it trades, and how much."""

    rules: Rules
    bounds: Bounds


class Work(NamedTuple):
    """One push, all of it. ``next`` and ``due`` (symbols,) are the bars and actions that each symbol meets next."""

    met: Met
    next: I64
    due: I64
    queue: Queue
    seat: Seat
    terms: Terms
    curves: Curves
    log: Fills


def no_queue(symbols: int) -> Queue:
    """Nothing decided."""
    none = np.empty((0, symbols))
    return Queue(np.empty(0, np.int64), np.empty(0), none, none, none, none)


@kernel.inlined
def sized(queue: Queue, i: int, rows: tuple[int, int], mark: float, whole: bool) -> None:
    """Turn one symbol's weights in ``rows`` (from, to) into shares at a price, as far as there is one."""
    if mark > 0.0:
        for row in range(rows[0], rows[1]):
            if queue.weight[row, i] == queue.weight[row, i]:
                queue.shares[row, i] = rounded(queue.weight[row, i] * queue.part[row] / mark, whole)
                queue.least[row, i] = queue.band[row, i] * queue.part[row] / mark


@kernel.inlined
def taken(account: Account, want: float, least: float) -> Account:
    """The account with a decision as its standing order; inside the band the decision is to keep what is held."""
    return ordered(account, want if abs(want - account.shares) > least else account.shares)


@kernel.compiled
def meet(work: Work, i: int, until: int, decided: int, rows: int) -> int:
    """One symbol's bars known no later than ``until``, after the first ``decided`` decisions; returns how many fills are in the log."""
    bars, actions, queue, rules, state = work.met.bars, work.met.actions, work.queue, work.terms.rules, work.seat.purses[i]
    account, curve, flow = load(state)
    started, turn, due, t = state[STARTED], work.seat.turn[i], work.due[i], work.next[i]
    first, end = t, work.met.first[i + 1]
    while t < end and bars.known[t] <= until:
        price, start, unpriced = bars.open[t], np.float64(bars.start[t]), account.mark == 0.0
        if rules.borrow > 0.0 and account.shares < 0.0:
            rent = rented(account.shares, account.mark, start - started, rules.borrow)
            account = accrued(account, account.cash - rent, account.borrow + rent)
        started = start
        while due < work.met.due[i + 1] and actions.bar[due] == t:
            ratio = actions.ratio[due]
            account = acted(account, ratio, actions.dividend[due], price, rules.whole)
            flow = Flow(flow.variance, flow.volume * ratio)
            for row in range(turn, decided):
                queue.shares[row, i] = rounded(queue.shares[row, i] * ratio, rules.whole)
                queue.least[row, i] *= ratio
            due += 1
        if unpriced:
            account = priced(account, price)
            sized(queue, i, (turn, decided), account.mark, rules.whole)
        # decisions wait, all of them, until there is a price to size them at
        while account.mark > 0.0 and turn < decided and queue.at[turn] <= bars.start[t]:
            if queue.shares[turn, i] == queue.shares[turn, i]:
                account = taken(account, queue.shares[turn, i], queue.least[turn, i])
            turn += 1
        if account.want != account.shares and price > 0.0:
            account, done = trade(account, price, limit(bars.volume, t, rules), flow, rules)
            if done.shares != 0.0:
                rows = note(work.log, rows, t, done)
        if rules.impact > 0.0:
            flow = learned(flow, account.mark, bars.close[t], bars.volume[t], rules.decay)
        unpriced = account.mark == 0.0
        account = priced(account, bars.close[t])
        if unpriced:
            sized(queue, i, (turn, decided), account.mark, rules.whole)
        curve = marked(curve, account.cash + account.shares * account.mark)
        work.curves.equity[t], work.curves.shares[t] = curve.equity, account.shares
        t += 1
    store(state, account, curve, flow)
    state[BARS] += t - first
    state[STARTED] = started
    work.seat.turn[i], work.due[i], work.next[i] = turn, due, t
    return rows


@kernel.inlined
def decide(work: Work, asked: Asked, j: int, held: F64) -> None:
    """Decision ``j`` of the push: what the account is worth, what it may hold, and how many shares that is; ``held`` is room to work in."""
    seat, queue = work.seat, work.queue
    row = queue.at.shape[0] - asked.at.shape[0] + j
    for i in range(held.shape[0]):
        held[i] = seat.purses[i, SHARES] * seat.purses[i, MARK]
    equity = worth(seat.purses[:, EQUITY])
    allow(asked.target[j], asked.volatility[j], held, equity, work.terms.bounds, seat.memory, Row(queue.weight[row], queue.band[row]))
    queue.part[row] = equity / held.shape[0]
    for i in range(held.shape[0]):
        sized(queue, i, (row, row + 1), seat.purses[i, MARK], work.terms.rules.whole)


@kernel.compiled
def fold_ticks(work: Work, asked: Asked) -> int:
    """Push bars and decisions through the account; returns the number of fills in the log.

    Decisions whose tick is after the last bar's start are sized and left standing.
    """
    symbols, ticks = work.next.shape[0], asked.at.shape[0]
    earlier, rows, held = work.queue.at.shape[0] - ticks, 0, np.empty(symbols)
    for j in range(ticks + 1):
        until = asked.at[j] if j < ticks else NEVER
        for i in range(symbols):
            t = work.next[i]
            if t < work.met.first[i + 1] and work.met.bars.known[t] <= until:
                rows = meet(work, i, until, earlier + j, rows)
        if j < ticks:
            decide(work, asked, j, held)
    return rows

"""One symbol's trades through one account, compiled: orders that wait for their time, fills, marks, and the strategy's call.

An order placed at one event may fill from the next event on that happens no earlier than ``latency`` ns after it, at that event's price.
State rests in arrays between two calls, so that two pushes equal one bit for bit (law 3).
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
    Curve,
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
from undertow.execution.tables import Actions, Fills

NEVER = 2**63 - 1
TICK, HEAD, PLACED, FILLS, ACTED = range(5)  #: of the cursor: next event, first waiting order, orders, fills, actions; of this push
CURSOR = 5


class Ticks(NamedTuple):
    """Trades of one symbol in the order they became known.

    at    : int64 (n,)    ns UTC, never falling
    price : float64 (n,)  USD; NaN where there was none: nothing fills there and nothing is marked
    size  : float64 (n,)  shares; NaN where not known
    """

    at: I64
    price: F64
    size: F64


class Orders(NamedTuple):
    """Append-only log of market orders, one row each; those from the cursor's head on are still on their way.

    tick   : int64 (m,)    index of the event at which it was placed; below 0 in an earlier push
    due    : int64 (m,)    ns UTC from which on it may fill
    shares : float64 (m,)  signed, as ordered
    """

    tick: I64
    due: I64
    shares: F64


class Seen(NamedTuple):
    """The account as a compiled strategy sees it, after the event was filled and marked."""

    cash: float  #: USD
    shares: float  #: held, signed
    pending: float  #: ordered and not filled yet, signed shares
    equity: float  #: USD


class Course(NamedTuple):
    """What moves from event to event, all in registers."""

    account: Account
    curve: Curve
    flow: Flow
    flying: float  #: shares on their way, that the account does not know of yet
    before: float  #: ns, the event before
    head: int
    fills: int
    acted: int
    due: int  #: ns, of the first order on its way
    action_at: int  #: event of the next action


class Tables(NamedTuple):
    """Arrays of one push: what happened, and what is written."""

    ticks: Ticks
    actions: Actions
    orders: Orders
    waiting: F64  #: (m,) the orders' shares as splits left them
    fills: Fills
    equity: F64  #: (n,) USD at each event; empty: not kept


def called(_memory: F64, _at: int, _price: float, _size: float, _seen: Seen) -> float:
    """The place of the strategy's own function, which is put here when ``fold_strategy`` is compiled for it."""
    return 0.0


@kernel.inlined
def split(course: Course, tables: Tables, price: float, placed: int, whole: bool) -> Course:
    """The next action upon the account, and upon the orders that are on their way."""
    c, ratio = course, tables.actions.ratio[course.acted]
    account = acted(c.account, ratio, tables.actions.dividend[c.acted], price, whole)
    shares, flying, following = tables.waiting, 0.0, c.acted + 1
    for k in range(c.head, placed):
        shares[k] = rounded(shares[k] * ratio, whole)
        flying += shares[k]
    action_at = tables.actions.bar[following] if following < tables.actions.bar.shape[0] else NEVER
    flow = Flow(c.flow.variance, c.flow.volume * ratio)
    return Course(account, c.curve, flow, flying, c.before, c.head, c.fills, following, c.due, action_at)


@kernel.inlined
def stirred(course: Course, tables: Tables, t: int, placed: int, rules: Rules) -> Course:
    """What an event does to shares: actions, orders whose time has come, and their fill. Rare, and kept out of the way of the rest."""
    price, now, orders, c = tables.ticks.price[t], tables.ticks.at[t], tables.orders, course
    while t == c.action_at:
        c = split(c, tables, price, placed, rules.whole)
    account, flying, head, fills = c.account, c.flying, c.head, c.fills
    while head < placed and orders.due[head] <= now:
        account = ordered(account, account.want + tables.waiting[head])
        flying = flying - tables.waiting[head] if head + 1 < placed else 0.0
        head += 1
    if account.want != account.shares and price > 0.0:
        account, done = trade(account, price, limit(tables.ticks.size, t, rules), c.flow, rules)
        if done.shares != 0.0:
            fills = note(tables.fills, fills, t, done)
    due = orders.due[head] if head < placed else NEVER
    return Course(account, c.curve, c.flow, flying, c.before, head, fills, c.acted, due, c.action_at)


@kernel.inlined
def rent(course: Course, now: float, rate: float) -> Course:
    """A short position pays its lender up to this event; no array is handed over: numba would count references at every event."""
    c = course
    account = c.account
    if rate > 0.0 and account.shares < 0.0:
        owed = rented(account.shares, account.mark, now - c.before, rate)
        account = accrued(account, account.cash - owed, account.borrow + owed)
    return Course(account, c.curve, c.flow, c.flying, now, c.head, c.fills, c.acted, c.due, c.action_at)


@kernel.inlined
def passed(course: Course, price: float, size: float, rules: Rules) -> Course:
    """The event's price upon the averages, the mark and the curve."""
    c, flow = course, course.flow
    if rules.impact > 0.0:
        flow = learned(flow, c.account.mark, price, size, rules.decay)
    account = priced(c.account, price)
    curve = marked(c.curve, account.cash + account.shares * account.mark)
    return Course(account, curve, flow, c.flying, c.before, c.head, c.fills, c.acted, c.due, c.action_at)


@kernel.inlined
def begun(tables: Tables, state: F64, flight: F64, cursor: I64) -> Course:
    """Arrays to registers."""
    account, curve, flow = load(state)
    head, done = cursor[HEAD], cursor[ACTED]
    due = tables.orders.due[head] if head < cursor[PLACED] else NEVER
    action_at = tables.actions.bar[done] if done < tables.actions.bar.shape[0] else NEVER
    return Course(account, curve, flow, flight[0], state[STARTED], head, cursor[FILLS], done, due, action_at)


@kernel.inlined
def rested(course: Course, state: F64, flight: F64, cursor: I64, t: int, placed: int) -> None:
    """Registers back to arrays."""
    c = course
    store(state, c.account, c.curve, c.flow)
    state[STARTED] = c.before
    state[BARS] += t - cursor[TICK]
    flight[0] = c.flying
    cursor[TICK], cursor[HEAD], cursor[PLACED], cursor[FILLS], cursor[ACTED] = t, c.head, placed, c.fills, c.acted


def fold_strategy(memory: F64, tables: Tables, rules: Rules, latency: int, state: F64, flight: F64, cursor: I64) -> None:
    """Call ``called`` after each event from the cursor on, until the push ends or a log is full; compiled once for each strategy."""
    at, prices, sizes, equity = tables.ticks.at, tables.ticks.price, tables.ticks.size, tables.equity
    orders, waiting = tables.orders, tables.waiting
    count, space, room, keep = at.shape[0], tables.fills.bar.shape[0], orders.due.shape[0], equity.shape[0] > 0
    c, t, placed = begun(tables, state, flight, cursor), cursor[TICK], cursor[PLACED]
    while t < count and c.fills < space and placed < room:
        now, price, size = at[t], prices[t], sizes[t]
        c = rent(c, np.float64(now), rules.borrow)
        if t == c.action_at or c.due <= now or c.account.want != c.account.shares:
            c = stirred(c, tables, t, placed, rules)
        c = passed(c, price, size, rules)
        if keep:
            equity[t] = c.curve.equity
        account = c.account
        seen = Seen(account.cash, account.shares, account.want - account.shares + c.flying, c.curve.equity)
        wanted = rounded(called(memory, now, price, size, seen), rules.whole)
        if wanted != 0.0 and abs(wanted) < np.inf:
            orders.tick[placed], orders.due[placed], orders.shares[placed], waiting[placed] = t, now + latency, wanted, wanted
            placed += 1
            due = min(c.due, now + latency)
            c = Course(account, c.curve, c.flow, c.flying + wanted, c.before, c.head, c.fills, c.acted, due, c.action_at)
        t += 1
    rested(c, state, flight, cursor, t, placed)


@kernel.compiled
def fold_until(
    tables: Tables,
    rules: Rules,
    wanted: float,
    latency: int,
    until: int,
    clock: int,
    below: float,
    above: float,
    state: F64,
    flight: F64,
    cursor: I64,
) -> bool:
    """Order ``wanted`` shares at the event before, and run without a strategy to event ``until`` or to the end of the log of fills.

    Stops earlier after the first event at or after ``clock`` (ns UTC), or with a price below ``below`` or above ``above`` (USD): then true.
    """
    if wanted != 0.0:
        last, row, orders = cursor[TICK] - 1, cursor[PLACED], tables.orders
        orders.tick[row], orders.due[row], orders.shares[row] = last, tables.ticks.at[last] + latency, wanted
        tables.waiting[row] = wanted
        cursor[PLACED] += 1
        flight[0] += wanted
    at, prices, sizes, equity = tables.ticks.at, tables.ticks.price, tables.ticks.size, tables.equity
    space, keep, woken = tables.fills.bar.shape[0], equity.shape[0] > 0, False
    c, t, placed = begun(tables, state, flight, cursor), cursor[TICK], cursor[PLACED]
    while t < until and c.fills < space and not woken:
        now, price = at[t], prices[t]
        c = rent(c, np.float64(now), rules.borrow)
        if t == c.action_at or c.due <= now or c.account.want != c.account.shares:
            c = stirred(c, tables, t, placed, rules)
        c = passed(c, price, sizes[t], rules)
        if keep:
            equity[t] = c.curve.equity
        woken = now >= clock or price > above or price < below
        t += 1
    rested(c, state, flight, cursor, t, placed)
    return woken

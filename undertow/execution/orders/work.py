"""One bar's work: which orders fill at its open, inside it and at its close, at what price, and as far as volume and account allow.

The rules, and why: docs/concepts/execution.md.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.execution import kernel
from undertow.execution.account import Account, priced, settled
from undertow.execution.orders.book import RESTING, TOUCHED, TOUCHED_NOW, filled_by, left
from undertow.execution.orders.columns import (
    CLOSING,
    FORCED,
    INSIDE,
    LIMIT,
    MARKET,
    NONE,
    ON_CLOSE,
    ON_OPEN,
    OPENING,
    PARTLY_FILLED,
    REFUSED,
    STOP,
    STOP_LIMIT,
    OrderBars,
)
from undertow.execution.orders.desk import Desk, called, day_trades, dealt_today, unsettled
from undertow.execution.orders.margin import TINY, Asked, Means, Policy, refusal
from undertow.execution.rules import INF, Execution, Flow, Rules, capped, dealt, within

NAN = float("nan")


class Terms(NamedTuple):
    """The venue's last moments for auctions, in ns."""

    open_cutoff: int  #: before the open, for orders on the open
    close_cutoff: int  #: before the close, for orders on the close


class Now(NamedTuple):
    """One bar and what is allowed in it."""

    t: int
    start: int
    end: int
    open: float
    high: float
    low: float
    close: float
    cap: float  #: shares that may be filled in it
    up: float  #: USD; NaN is no band
    down: float
    locate: float


class Offer(NamedTuple):
    """A price at which an order may trade; a tuple, so that numba compiles one code for all of them."""

    price: float  #: USD, before costs
    worst: float  #: USD, what it may be with them; NaN is anything
    at: int  #: an ``At``


class Purse(NamedTuple):
    """What a fill changes."""

    account: Account
    desk: Desk
    used: float  #: shares filled in this bar
    rows: int  #: of the log


@kernel.inlined
def now_of(bars: OrderBars, t: int, rules: Rules) -> Now:
    """Bar ``t`` as scalars."""
    b = bars
    cap = rules.participation * b.volume[t] if rules.participation < INF else INF
    return Now(t, b.start[t], b.end[t], b.open[t], b.high[t], b.low[t], b.close[t], cap, b.up[t], b.down[t], b.locate[t])


@kernel.inlined
def costs_of(rules: Rules, half_spread: float) -> Rules:
    """The rules with a bar's own half-spread, where one is known."""
    r = rules
    spread = half_spread if half_spread >= 0.0 else r.half_spread
    return Rules(spread, r.impact, r.per_share, r.commission, r.borrow, r.participation, r.whole, r.decay)


@kernel.inlined
def resting(rules: Rules) -> Rules:
    """The rules for an order that waits in the book: others come to it, so it pays no spread and moves no price."""
    r = rules
    return Rules(0.0, 0.0, r.per_share, r.commission, r.borrow, r.participation, r.whole, r.decay)


@kernel.inlined
def noted(log: Array, purse: Purse, now: Now, order: int, at: int, done: Execution) -> int:
    """Append one fill to the log; returns the row after it."""
    row = log[purse.rows]
    row.bar, row.order, row.at, row.shares, row.price = now.t, order, at, done.shares, done.price
    row.commission, row.spread_cost, row.impact_cost = done.commission, done.spread_cost, done.impact_cost
    return purse.rows + 1


@kernel.inlined
def banned(side: float, price: float, now: Now) -> bool:
    """Whether the limit-up-limit-down bands forbid a trade: no purchase above the upper, no sale below the lower."""
    return price > now.up if side > 0.0 else price < now.down


@kernel.inlined
def booked(purse: Purse, done: Execution, price: float, first: bool, rows: int) -> Purse:
    """The purse after an execution at a raw ``price`` USD."""
    account = purse.account if purse.account.mark > 0.0 else priced(purse.account, price)
    desk = dealt_today(purse.desk, account.shares, done.shares, price, first)
    shares = account.shares + done.shares
    if abs(shares) <= TINY:  # sums of fractions of a share may miss zero by a bit
        shares = 0.0
    return Purse(settled(account, done, shares, shares), desk, purse.used + abs(done.shares), rows)


@kernel.compiled
def attempt(i: int, offer: Offer, now: Now, costs: Rules, book: Array, flow: Flow, policy: Policy, log: Array, purse: Purse) -> Purse:
    """Fill order ``i`` at an offer, or refuse it, or leave it waiting."""
    change = left(book, i, now.t, offer.at)
    side = 1.0 if change > 0.0 else -1.0
    size = capped(abs(change), now.cap - purse.used, costs.whole)
    if change == 0.0 or not size > 0.0 or banned(side, offer.price, now):
        return purse
    done = within(dealt(side, size, offer.price, flow, costs), offer.worst, costs)
    if banned(side, done.price, now):
        return purse
    account, past = purse.account, purse.desk.past
    # The account is asked for all that is left of the order, not for the part that this bar's volume allows.
    fees = (done.spread_cost + done.impact_cost + done.commission) * abs(change) / size
    means = Means(account.cash, account.shares, unsettled(past, policy), purse.desk.base, day_trades(past))
    reason = refusal(Asked(change, offer.price, fees, now.locate), means, policy)
    if reason != NONE:
        book[i].status, book[i].reason = REFUSED, reason
        return purse
    first = book[i].filled == 0.0
    filled_by(book, i, done.shares, now.t, offer.at)
    return booked(purse, done, offer.price, first, noted(log, purse, now, book[i].number, offer.at, done))


@kernel.compiled
def reduced(now: Now, costs: Rules, flow: Flow, log: Array, purse: Purse) -> Purse:
    """Meet a margin call at the open: close as much as makes the equity cover the rest, half-spread and commission paid."""
    account, due, price = purse.account, purse.desk.due, now.open
    held = abs(account.shares)
    equity = account.cash + account.shares * price
    if equity >= due * held * price:
        return Purse(account, called(purse.desk, 0.0), purse.used, purse.rows)
    saved = price * (due - costs.half_spread - costs.commission) - costs.per_share  # what closing one share frees
    size = min((due * held * price - equity) / saved, held) if saved > 0.0 else held
    if costs.whole:
        size = min(np.ceil(size), held)
    side = -1.0 if account.shares > 0.0 else 1.0
    part = capped(size, now.cap - purse.used, costs.whole)
    if not part > 0.0 or banned(side, price, now):
        return purse
    done = dealt(side, part, price, flow, costs)
    if banned(side, done.price, now):
        return purse
    after = booked(purse, done, price, False, noted(log, purse, now, FORCED, OPENING, done))
    return Purse(after.account, called(after.desk, 0.0 if part == size else due), after.used, after.rows)


@kernel.inlined
def through(book: Array, i: int, price: float) -> bool:
    """Whether a price lies beyond an order's limit, to the order's good; at the limit others were first."""
    return bool(price < book[i].limit if book[i].shares > 0.0 else price > book[i].limit)


@kernel.inlined
def stops_at(book: Array, i: int, price: float) -> bool:
    """Whether a price touches an order's stop."""
    return bool(price >= book[i].stop if book[i].shares > 0.0 else price <= book[i].stop)


@kernel.inlined
def fills_at_open(book: Array, i: int, now: Now, first: bool, terms: Terms) -> bool:
    """Whether an order trades at the bar's open; a stop that the open has passed is touched by it."""
    kind = book[i].kind
    if kind == MARKET:
        return True
    if kind == ON_OPEN:
        return first and book[i].arrives_at + terms.open_cutoff <= now.start
    if kind == LIMIT:
        return through(book, i, now.open)
    if kind in (STOP, STOP_LIMIT):
        if book[i].touched == RESTING and stops_at(book, i, now.open):
            book[i].touched = TOUCHED
        return book[i].touched == TOUCHED and (kind == STOP or through(book, i, now.open))
    return False


@kernel.compiled
def at_open(
    active: I64,
    count: int,
    first: bool,
    now: Now,
    costs: Rules,
    book: Array,
    flow: Flow,
    policy: Policy,
    terms: Terms,
    log: Array,
    purse: Purse,
) -> Purse:
    """Work the orders that trade at the open, in the order they were given; ``first`` says that it is the session's opening."""
    for k in range(count):
        i = active[k]
        if book[i].status > PARTLY_FILLED or book[i].arrives_at > now.start or book[i].until <= now.start:
            continue
        if left(book, i, now.t, OPENING) != 0.0 and fills_at_open(book, i, now, first, terms):
            limited = book[i].kind == LIMIT or book[i].kind == STOP_LIMIT
            worst = book[i].limit if limited else NAN
            purse = attempt(i, Offer(now.open, worst, OPENING), now, costs, book, flow, policy, log, purse)
    return purse


@kernel.inlined
def stop_price(book: Array, i: int, now: Now) -> float:
    """Where a stop that was touched inside a bar trades: at the stop, or at what the bar shows to be worse."""
    price = float(book[i].stop)
    if book[i].shares > 0.0:
        price = max(price, now.low)
        return max(price, now.open) if now.open > 0.0 else price
    price = min(price, now.high)
    return min(price, now.open) if now.open > 0.0 else price


@kernel.compiled
def stops_inside(
    active: I64, count: int, children: bool, now: Now, costs: Rules, book: Array, flow: Flow, policy: Policy, log: Array, purse: Purse
) -> Purse:
    """Work the stops that the bar's range touches; ``children`` takes those alone that a fill inside this bar may have woken."""
    for k in range(count):
        i = active[k]
        kind = book[i].kind
        if book[i].status > PARTLY_FILLED or book[i].arrives_at > now.start or book[i].until < now.end:
            continue
        if (kind != STOP and kind != STOP_LIMIT) or (children and book[i].parent < 0):
            continue
        extreme = now.high if book[i].shares > 0.0 else now.low
        if left(book, i, now.t, INSIDE) == 0.0 or book[i].touched == TOUCHED or not stops_at(book, i, extreme):
            continue
        book[i].touched = TOUCHED_NOW
        price = stop_price(book, i, now)
        if kind == STOP:
            purse = attempt(i, Offer(price, NAN, INSIDE), now, costs, book, flow, policy, log, purse)
        elif through(book, i, price) or price == book[i].limit:
            purse = attempt(i, Offer(price, book[i].limit, INSIDE), now, costs, book, flow, policy, log, purse)
    return purse


@kernel.compiled
def limits_inside(
    active: I64, count: int, now: Now, costs: Rules, book: Array, flow: Flow, policy: Policy, log: Array, purse: Purse
) -> Purse:
    """Work the limits that the bar traded through, each at its limit."""
    quiet = resting(costs)
    for k in range(count):
        i = active[k]
        if book[i].status > PARTLY_FILLED or book[i].arrives_at > now.start or book[i].until < now.end:
            continue
        if book[i].kind == LIMIT or (book[i].kind == STOP_LIMIT and book[i].touched == TOUCHED):
            extreme = now.low if book[i].shares > 0.0 else now.high
            if through(book, i, extreme):
                purse = attempt(i, Offer(book[i].limit, book[i].limit, INSIDE), now, quiet, book, flow, policy, log, purse)
    return purse


@kernel.compiled
def at_close(
    active: I64, count: int, now: Now, costs: Rules, book: Array, flow: Flow, policy: Policy, terms: Terms, log: Array, purse: Purse
) -> Purse:
    """Work the orders for the closing auction that came in time for it."""
    for k in range(count):
        i = active[k]
        late = book[i].arrives_at + terms.close_cutoff > now.end or book[i].arrives_at >= now.end
        if book[i].kind == ON_CLOSE and book[i].status <= PARTLY_FILLED and book[i].until >= now.end and not late:
            purse = attempt(i, Offer(now.close, NAN, CLOSING), now, costs, book, flow, policy, log, purse)
    return purse

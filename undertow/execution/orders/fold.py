"""The order fold: one symbol's bars and orders through one account, bar after bar."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.execution import kernel
from undertow.execution.account import BARS, STARTED, Account, accrued, acted, load, marked, priced, rented, store
from undertow.execution.orders.book import cancel_due, split_book, swept
from undertow.execution.orders.columns import Ledger, OrderBars
from undertow.execution.orders.desk import Desk, after_opening, called, next_session, rested, seated, split_desk
from undertow.execution.orders.margin import CENT, Policies, Policy, keeping, overnight, policy_at
from undertow.execution.orders.work import Now, Purse, Terms, at_close, at_open, costs_of, limits_inside, now_of, reduced, stops_inside
from undertow.execution.rules import Flow, Rules, learned
from undertow.execution.tables import Actions

MOST = 3  #: fills of one order in one bar: at its open, inside it, at its close


@kernel.inlined
def arrived(book: Array, active: I64, count: int, come: int, before: int) -> tuple[int, int]:
    """Take the orders that arrive before an instant among the active; returns how many are active and how many came in all."""
    while come < book.shape[0] and book[come].arrives_at < before:
        active[count] = come
        count += 1
        come += 1
    return count, come


@kernel.compiled
def worked(
    active: I64,
    count: int,
    first: bool,
    closes: bool,
    now: Now,
    costs: Rules,
    book: Array,
    flow: Flow,
    policy: Policy,
    terms: Terms,
    log: Array,
    purse: Purse,
) -> Purse:
    """All that may fill in one bar, in the order in which it would: the open, stops, limits, stops of what just filled, the close."""
    if now.open > 0.0:
        if purse.desk.due > 0.0:
            purse = reduced(now, costs, flow, log, purse)
        purse = at_open(active, count, first, now, costs, book, flow, policy, terms, log, purse)
    for woken in range(2):  # once for all stops, and once more for those of what the limits between have filled
        purse = stops_inside(active, count, woken == 1, now, costs, book, flow, policy, log, purse)
        if woken == 0:
            purse = limits_inside(active, count, now, costs, book, flow, policy, log, purse)
    if closes and now.close > 0.0:
        purse = at_close(active, count, now, costs, book, flow, policy, terms, log, purse)
    return purse


@kernel.inlined
def changed(actions: Actions, row: int, price: float, whole: bool, account: Account, desk: Desk, flow: Flow) -> tuple[Account, Desk, Flow]:
    """Account, desk and averages after a split or a dividend; ``price`` is the bar's open, NaN in a halt."""
    ratio = actions.ratio[row]
    after = acted(account, ratio, actions.dividend[row], price, whole)
    return after, split_desk(desk, ratio), Flow(flow.variance, flow.volume * ratio)


@kernel.inlined
def watched(account: Account, desk: Desk, equity: float, closes: bool, policy: Policy) -> Desk:
    """The desk after a bar's close: with a margin call where the equity does not cover what must be kept."""
    shares, mark = account.shares, account.mark
    if shares == 0.0:
        return called(desk, 0.0) if desk.due > 0.0 else desk
    need = keeping(shares, mark, policy)
    if closes and policy.intraday < policy.initial:
        need = max(need, overnight(shares, desk.today, desk.cost, mark, policy))
    if equity + CENT < need:
        return called(desk, max(desk.due, need / (abs(shares) * mark)))
    return desk


@kernel.compiled
def fold_orders(
    bars: OrderBars,
    book: Array,
    active: I64,
    place: I64,
    actions: Actions,
    table: Policies,
    terms: Terms,
    rules: Rules,
    state: F64,
    seat: F64,
    ledger: Ledger,
    log: Array,
) -> int:
    """Push bars (n,) and a book through ``state`` and ``seat`` until the log is full; returns the number of fills written.

    ``place`` (3,) is read and written: the bar to begin with, the number of active orders and of those that have arrived.
    """
    account, curve, flow = load(state)
    begins, ends, opens, closes, halts, auctions = bars.start, bars.end, bars.open, bars.close, bars.halted, bars.closes
    sessions, equity, cash, shares, due_at = bars.session, ledger.equity, ledger.cash, ledger.shares, actions.bar
    desk, started = seated(seat), state[STARTED]
    t, count, come = place[0], place[1], place[2]
    rows, due, row = 0, np.searchsorted(due_at, t), 0
    policy, begun = policy_at(table, 0), t
    while t < closes.shape[0]:
        if come < book.shape[0] and book[come].arrives_at < ends[t]:
            count, come = arrived(book, active, count, come, ends[t])
        if rows + MOST * count + 1 > log.shape[0]:
            break
        start, halted = begins[t], halts[t]
        while row + 1 < table.since.shape[0] and table.since[row + 1] <= start:
            row += 1
            policy = policy_at(table, row)
        if np.float64(sessions[t]) != desk.session:
            desk = next_session(desk, np.float64(sessions[t]), curve.equity)
        if rules.borrow > 0.0 and account.shares < 0.0:
            rent = rented(account.shares, account.mark, np.float64(start) - started, rules.borrow)
            account = accrued(account, account.cash - rent, account.borrow + rent)
        started = np.float64(start)
        while due < due_at.shape[0] and due_at[due] == t:
            account, desk, flow = changed(actions, due, np.nan if halted else opens[t], rules.whole, account, desk, flow)
            split_book(book, actions.ratio[due], actions.dividend[due], start, rules.whole)
            due += 1
        cancel_due(book, active, count, start)
        first = not halted and desk.opened != desk.session and opens[t] > 0.0
        if first:
            desk = after_opening(desk)
        if not halted and (count > 0 or desk.due > 0.0):
            now, costs = now_of(bars, t, rules), costs_of(rules, bars.half_spread[t])
            purse = Purse(account, desk, 0.0, rows)
            purse = worked(active, count, first, auctions[t], now, costs, book, flow, policy, terms, log, purse)
            account, desk, rows = purse.account, purse.desk, purse.rows
        count = swept(book, active, count, ends[t])
        if not halted:
            if rules.impact > 0.0:
                before = account.mark if account.mark > 0.0 else opens[t]
                flow = learned(flow, before, closes[t], bars.volume[t], rules.decay)
            account = priced(account, closes[t] if closes[t] > 0.0 else opens[t])
        curve = marked(curve, account.cash + account.shares * account.mark)
        desk = watched(account, desk, curve.equity, auctions[t], policy)
        equity[t], cash[t], shares[t] = curve.equity, account.cash, account.shares
        t += 1
    store(state, account, curve, flow)
    rested(seat, desk)
    state[BARS] += t - begun
    state[STARTED] = started
    place[0], place[1], place[2] = t, count, come
    return rows

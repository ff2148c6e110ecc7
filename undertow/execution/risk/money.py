"""Checks of what the account may open: shares to borrow, the margin rule of the day, the broker's buying power."""

from __future__ import annotations

import math

from undertow.execution.orders import columns
from undertow.execution.orders.margin import Asked, Means, Policy, opening, refusal
from undertow.execution.risk.case import Case, Denial
from undertow.execution.risk.codes import Code
from undertow.execution.risk.exposure import Line
from undertow.execution.risk.inputs import Item, Side
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.size import CENT

ANSWERS = {
    columns.NO_SHORTS: (Code.NO_SHORTS, "A {account} account may not sell {symbol} short."),
    columns.MINIMUM: (Code.MINIMUM_EQUITY, "With {equity:,.2f} USD of equity {symbol} cannot be sold short; {minimum:,.2f} are needed."),
    columns.DAY_TRADES: (
        Code.DAY_TRADES,
        "{trades:g} day trades in five sessions are used up, by a broker that counts them below {day_minimum:,.2f} USD.",
    ),
    columns.UNSETTLED: (
        Code.UNSETTLED,
        "Of {cash:,.2f} USD of cash {unsettled:,.2f} have not settled: too little for {value:,.2f} of {symbol}.",
    ),
    columns.BUYING_POWER: (Code.MARGIN, "Equity of {equity:,.2f} USD does not carry {value:,.2f} more of {symbol} beside the rest."),
}


def losses_leave_room(case: Case) -> Denial | None:
    """Loss room: every order that works may fill as far off as a limit may lie, and this one would come after them."""
    account, limits, state = case.world.account, case.limits, case.state
    slip = sum(each.left * each.price * each.intent.multiplier * _off(each.intent.item, limits) for each in case.world.working)
    start = account.start if state.base is None else state.base
    room = account.equity - max(start * (1.0 - limits.loss_reduce), state.peak * (1.0 - limits.peak_reduce))
    if slip > 0.0 and not slip < room:
        return Denial(Code.LOSS_ROOM, f"What works may slip by {slip:,.2f} USD, and {room:,.2f} more of losses end entries for the day.")
    return None


def shares_can_be_borrowed(case: Case) -> Denial | None:
    """No locate."""
    shorter, there = case.shorter, case.world.locates.get(case.intent.symbol, 0.0)
    if not case.is_option and not shorter <= there:
        return Denial(Code.NO_LOCATE, f"{shorter:g} shares of {case.intent.symbol} would be sold short, and {there:g} can be borrowed.")
    return None


def rule_of_the_day_allows(case: Case) -> Denial | None:
    """No shorts, minimum equity, day trades, unsettled, margin: the first that the dated rule of this broker asks."""
    policy = case.limits.policy(case.world.now)
    reason = int(refusal(_asked(case, policy), _means(case, policy), _own(case, policy)))
    if reason == columns.NONE:
        return None
    code, sentence = ANSWERS[reason]
    account = case.world.account
    said = sentence.format(
        account=case.limits.account.value,
        symbol=case.intent.symbol,
        equity=account.equity,
        cash=account.cash,
        unsettled=account.unsettled,
        trades=account.day_trades,
        value=case.value,
        minimum=policy.minimum,
        day_minimum=policy.day_minimum,
    )
    return Denial(code, said)


def buying_power_is_there(case: Case) -> Denial | None:
    """Buying power."""
    needs = sum(line.opening for line in case.lines.values()) * (1.0 + case.limits.reserve)
    most = case.world.account.buying_power
    if not needs <= most + CENT:
        return Denial(Code.BUYING_POWER, f"This order and those that work need {needs:,.2f} USD of {most:,.2f} of buying power.")
    return None


def _off(item: Item, limits: Limits) -> float:
    return limits.option_collar if item is Item.OPTION else limits.collar


def _own(case: Case, policy: Policy) -> Policy:
    """An option is paid in full by every account that pays at all."""
    paid = case.is_option and policy.initial > 0.0
    return policy._replace(initial=1.0, intraday=1.0, initial_short=1.0, intraday_short=1.0) if paid else policy


def _asked(case: Case, policy: Policy) -> Asked:
    spoken_for = _cash_of_orders(case) if policy.settle > 0.0 else _needs_of_others(case, policy)
    fees = spoken_for + case.value * case.limits.reserve
    return Asked(float(case.intent.side * case.intent.shares), _a_share(case), fees, math.nan)


def _means(case: Case, policy: Policy) -> Means:
    """The account as the rule for one symbol sees it: what else it holds is in its cash, and what that needs in the fees."""
    account, line = case.world.account, case.lines[case.intent.symbol]
    # With all that works on this side filled, which is the worst that may be there when this order fills.
    shares = line.high - case.intent.shares if case.intent.side is Side.BUY else line.low + case.intent.shares
    cash = account.cash
    if policy.settle == 0.0:
        equity = min(account.equity, account.start) if policy.last_close > 0.0 else account.equity
        cash = equity - shares * _a_share(case)
    return Means(cash, shares, account.unsettled, account.start, account.day_trades)


def _a_share(case: Case) -> float:
    return case.lines[case.intent.symbol].price * case.lines[case.intent.symbol].multiplier


def _cash_of_orders(case: Case) -> float:
    bought = [each for each in case.world.working if each.intent.side is Side.BUY]
    return sum(each.left * each.price * each.intent.multiplier for each in bought)


def _needs_of_others(case: Case, policy: Policy) -> float:
    return sum(_needs(line, case, policy) for symbol, line in case.lines.items() if symbol != case.intent.symbol)


def _needs(line: Line, case: Case, policy: Policy) -> float:
    if policy.initial <= 0.0:
        return 0.0
    if line.item is Item.OPTION:
        return line.worst
    base, equity = case.world.account.start, case.world.account.equity
    each = (opening(count, line.price * line.multiplier, base, equity, policy) for count in (line.high, line.low))
    return max(float(need) for need in each)

"""One sleeve of money as scalars: what the folds keep in registers, and the array it rests in between two pushes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64
from undertow.execution import kernel
from undertow.execution.rules import Execution, Flow, Rules, execute
from undertow.execution.tables import Fills, Summary


class Account(NamedTuple):
    """Cash, position and standing order of one sleeve, with running totals in USD."""

    cash: float  #: USD
    shares: float  #: held, signed
    want: float  #: held once the standing order is filled; equals ``shares`` when there is none
    mark: float  #: last known price, USD; 0.0 before the first
    fills: float
    commission: float
    spread_cost: float
    impact_cost: float
    borrow: float
    dividends: float


class Curve(NamedTuple):
    """The equity curve's running summary."""

    equity: float  #: USD at the last mark
    peak: float  #: USD
    drawdown: float  #: deepest so far, a fraction <= 0
    total: float  #: sum of returns a bar
    squares: float  #: sum of their squares


ACCOUNT, CURVE = len(Account._fields), len(Curve._fields)
CASH, SHARES, MARK = 0, 1, 3
EQUITY = ACCOUNT  #: equity at the last mark
FLOW = ACCOUNT + CURVE  #: where the volatility and volume sums begin
STARTED = FLOW + 2  #: start of the last bar, ns; kept as float on both sides of a cut, so that a cut changes no bit
LAST = STARTED + 1  #: last signal that was acted upon
BARS = LAST + 1  #: marked so far
SLOTS = BARS + 1


def opened(capital: float) -> F64:
    """The state (SLOTS,) of a sleeve that holds ``capital`` USD and has seen nothing."""
    state = np.zeros(SLOTS)
    state[0] = state[ACCOUNT] = state[ACCOUNT + 1] = capital
    return state


@kernel.inlined
def load(state: F64) -> tuple[Account, Curve, Flow]:
    """State array to scalars."""
    s = state
    return (
        Account(s[0], s[1], s[2], s[3], s[4], s[5], s[6], s[7], s[8], s[9]),
        Curve(s[10], s[11], s[12], s[13], s[14]),
        Flow(s[15], s[16]),
    )


@kernel.inlined
def store(state: F64, account: Account, curve: Curve, flow: Flow) -> None:
    """Scalars back to the state array."""
    for i in range(ACCOUNT):
        state[i] = account[i]
    for i in range(CURVE):
        state[ACCOUNT + i] = curve[i]
    state[FLOW], state[FLOW + 1] = flow.variance, flow.volume


@kernel.inlined
def rounded(shares: float, whole: bool) -> float:
    """Towards zero to whole shares, where only those are traded."""
    return np.trunc(shares) if whole else shares


@kernel.inlined
def trade(account: Account, price: float, volume: float, flow: Flow, rules: Rules) -> tuple[Account, Execution]:
    """Work the standing order at ``price`` USD; what the bar's volume does not allow keeps standing."""
    a = account if account.mark > 0.0 else priced(account, price)  # what is held from now on has a price, though no bar has closed yet
    wanted = a.want - a.shares
    done = execute(wanted, price, volume, flow, rules)
    # A full fill lands on the target itself: the sum may miss it by a bit, and the miss would trade for ever.
    shares = a.want if done.shares == wanted else a.shares + done.shares
    return settled(a, done, shares, a.want), done


@kernel.inlined
def settled(account: Account, done: Execution, shares: float, want: float) -> Account:
    """The account after an execution that leaves it with ``shares`` held and ``want`` as its standing order."""
    a = account
    return Account(
        a.cash - (done.shares * done.price + done.commission),
        shares,
        want,
        a.mark,
        a.fills + (1.0 if done.shares != 0.0 else 0.0),
        a.commission + done.commission,
        a.spread_cost + done.spread_cost,
        a.impact_cost + done.impact_cost,
        a.borrow,
        a.dividends,
    )


@kernel.inlined
def ordered(account: Account, want: float) -> Account:
    """The account with another standing order."""
    a = account
    return Account(a.cash, a.shares, want, a.mark, a.fills, a.commission, a.spread_cost, a.impact_cost, a.borrow, a.dividends)


@kernel.inlined
def priced(account: Account, price: float) -> Account:
    """The account marked at ``price`` USD; a price that is missing leaves the last one."""
    a = account
    mark = price if price > 0.0 else a.mark
    return Account(a.cash, a.shares, a.want, mark, a.fills, a.commission, a.spread_cost, a.impact_cost, a.borrow, a.dividends)


@kernel.inlined
def rented(shares: float, mark: float, elapsed: float, rate: float) -> float:
    """What a short position owes its lender for ``elapsed`` ns at ``rate`` a ns, in USD; long ones owe nothing."""
    return max(-shares, 0.0) * rate * mark * max(elapsed, 0.0)


@kernel.inlined
def accrued(account: Account, cash: float, borrow: float) -> Account:
    """The account after rent was paid: its new cash and its new total of rent."""
    a = account
    return Account(cash, a.shares, a.want, a.mark, a.fills, a.commission, a.spread_cost, a.impact_cost, borrow, a.dividends)


@kernel.inlined
def acted(account: Account, ratio: float, dividend: float, price: float, whole: bool) -> Account:
    """Pay ``dividend`` USD an old share, then turn each share into ``ratio`` new ones.

    Shorts owe the dividend. Where only whole shares are held the fraction is paid in cash at ``price``, the bar's open, or at the
    adjusted last price where the bar has none.
    """
    a = account
    paid = a.shares * dividend
    mark = a.mark / ratio
    exact = a.shares * ratio
    shares = rounded(exact, whole)
    cash = a.cash + paid + (exact - shares) * (price if price > 0.0 else mark)
    want = shares if a.want == a.shares else rounded(a.want * ratio, whole)
    return Account(cash, shares, want, mark, a.fills, a.commission, a.spread_cost, a.impact_cost, a.borrow, a.dividends + paid)


@kernel.inlined
def marked(curve: Curve, equity: float) -> Curve:
    """The curve one bar on. The drawdown divides only where it deepens, which is rare."""
    change = equity / curve.equity - 1.0
    peak = max(curve.peak, equity)
    drawdown = curve.drawdown
    if equity < peak * (1.0 + drawdown):
        drawdown = min(drawdown, equity / peak - 1.0)
    return Curve(equity, peak, drawdown, curve.total + change, curve.squares + change * change)


@kernel.inlined
def note(fills: Fills, row: int, bar: int, done: Execution) -> int:
    """Append one fill to the log; returns the row after it."""
    fills.bar[row], fills.shares[row], fills.price[row] = bar, done.shares, done.price
    fills.commission[row], fills.spread_cost[row], fills.impact_cost[row] = done.commission, done.spread_cost, done.impact_cost
    return row + 1


def summary_of(state: F64) -> Summary:
    """The totals kept in a sleeve's state array."""
    account, curve = Account(*state[:ACCOUNT]), Curve(*state[ACCOUNT : ACCOUNT + CURVE])
    bars = max(float(state[BARS]), 1.0)
    return Summary(
        equity=float(curve.equity),
        mean=float(curve.total / bars),
        mean_square=float(curve.squares / bars),
        peak=float(curve.peak),
        drawdown=float(curve.drawdown),
        bars=int(state[BARS]),
        fills=int(account.fills),
        commission=float(account.commission),
        spread_cost=float(account.spread_cost),
        impact_cost=float(account.impact_cost),
        borrow=float(account.borrow),
        dividends=float(account.dividends),
    )

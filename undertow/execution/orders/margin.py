"""What an account may open and must keep: cash, Regulation T and intraday margin, each rule with the day from which it holds.

Sources: Federal Reserve Regulation T (50 % of a purchase or a short sale); FINRA Rule 4210 (25 % of long and 30 % of short positions to
keep, at least 5 USD a share short, or below 5 USD the greater of 2.50 USD and the whole price; 2,000 USD before anything is lent); its
day-trading part (25,000 USD, three day trades in five sessions below that, four times what was not needed at the last close) and what took
its place on 2026-06-04 (Regulatory Notice 26-10: no count and no 25,000 USD; 25 % must be covered all through the day), which brokers
may phase in until 2027-10-20. Sales settle after three sessions, two from 2017-09-05 and one from 2024-05-28.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.core.time import DAY, date_of
from undertow.execution import kernel
from undertow.execution.orders.columns import BUYING_POWER, DAY_TRADES, MINIMUM, NO_BORROW, NO_SHORTS, NONE, UNSETTLED

INF = float("inf")
TINY = 1e-9  #: shares; less is nothing
CENT = 1e-6  #: USD by which a requirement may be missed: rounding, not debt


class Account(StrEnum):
    """Kinds of account."""

    UNLIMITED = "unlimited"  #: whatever is asked for
    CASH = "cash"  #: nothing is lent
    REG_T = "reg-t"  #: half is lent, within a day as overnight
    MARGIN = "margin"  #: more is lent within a day, by the rule of that day


class Policy(NamedTuple):
    """What one account is bound by at one time; fractions are of a position's value."""

    initial: float  #: to buy
    initial_short: float  #: to sell short
    intraday: float  #: to buy what may be gone by the close
    intraday_short: float
    day_minimum: float  #: USD of equity at the last close for the intraday fractions and any number of day trades
    day_trades: float  #: in five sessions, below that equity
    minimum: float  #: USD of equity below which nothing is lent
    maintenance: float  #: to keep a long position
    maintenance_short: float
    settle: float  #: sessions until the proceeds of a sale can be spent
    shorts: float  #: 1.0 where short sales are allowed
    floor: float  #: 1.0 where a short position's price sets a least amount a share
    last_close: float  #: 1.0 where a day's buying power is set at the close before


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A policy of one kind of account from one day on; the broker ``"*"`` is any without a rule of its own that day."""

    account: Account
    since: str  #: YYYY-MM-DD, UTC
    policy: Policy
    broker: str = "*"


UNLIMITED = Policy(0.0, 0.0, 0.0, 0.0, 0.0, INF, -INF, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0)
CASH = Policy(1.0, 1.0, 1.0, 1.0, 0.0, INF, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0)
REG_T = Policy(0.5, 0.5, 0.5, 0.5, 25_000.0, 3.0, 2_000.0, 0.25, 0.30, 0.0, 1.0, 1.0, 0.0)
PATTERN = REG_T._replace(intraday=0.25, intraday_short=0.30, last_close=1.0)
INTRADAY = PATTERN._replace(day_minimum=0.0, day_trades=INF, last_close=0.0)
ALWAYS, FIRST, LAST = "1970-01-01", "2026-06-04", "2027-10-20"

RULES: tuple[Rule, ...] = (
    Rule(account=Account.UNLIMITED, since=ALWAYS, policy=UNLIMITED),
    Rule(account=Account.CASH, since=ALWAYS, policy=CASH),
    Rule(account=Account.CASH, since="2017-09-05", policy=CASH._replace(settle=2.0)),
    Rule(account=Account.CASH, since="2024-05-28", policy=CASH._replace(settle=1.0)),
    Rule(account=Account.REG_T, since=ALWAYS, policy=REG_T),
    Rule(account=Account.REG_T, since=FIRST, policy=REG_T._replace(day_minimum=0.0, day_trades=INF)),
    Rule(account=Account.MARGIN, since=ALWAYS, policy=PATTERN),
    Rule(account=Account.MARGIN, since=FIRST, policy=INTRADAY),
    # A broker that takes all the time it is given; one with a day of its own is a rule like this one.
    Rule(account=Account.MARGIN, since=ALWAYS, policy=PATTERN, broker="last to switch"),
    Rule(account=Account.MARGIN, since=LAST, policy=INTRADAY, broker="last to switch"),
    Rule(account=Account.REG_T, since=ALWAYS, policy=REG_T, broker="last to switch"),
    Rule(account=Account.REG_T, since=LAST, policy=REG_T._replace(day_minimum=0.0, day_trades=INF), broker="last to switch"),
)


class Policies(NamedTuple):
    """One account's policies as the fold reads them.

    since : int64 (p,)            ns UTC, ascending; the first holds before, too
    terms : float64 (p, fields)   a ``Policy`` a row
    """

    since: I64
    terms: F64


def policies(account: Account, broker: str = "*", rules: Sequence[Rule] = RULES) -> Policies:
    """The dated policies of an account at a broker; a broker without rules of its own follows those of ``"*"``."""
    own = [rule for rule in rules if rule.account == account and rule.broker == broker]
    found = sorted(own or [r for r in rules if r.account == account and r.broker == "*"], key=lambda rule: rule.since)
    if not found:
        raise BadInput(f"there is no rule for an account {account!r} at {broker!r}")
    since = np.array([date_of(rule.since).astype("datetime64[D]").astype(np.int64) * DAY for rule in found], np.int64)
    return Policies(since, np.array([rule.policy for rule in found], np.float64))


def switched(broker: str, day: str, rules: Sequence[Rule] = RULES) -> tuple[Rule, ...]:
    """The rules with a broker added that moves from counted day trades to intraday margin on ``day``."""
    if not FIRST <= day <= LAST:
        raise BadInput(f"a broker may switch from {FIRST} to {LAST}, not on {day}")
    ours = [rule for rule in rules if rule.broker == "last to switch"]
    return (*rules, *(replace(rule, broker=broker, since=day if rule.since == LAST else rule.since) for rule in ours))


@kernel.inlined
def policy_at(table: Policies, row: int) -> Policy:
    """One row as scalars."""
    p = table.terms[row]
    return Policy(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8], p[9], p[10], p[11], p[12])


@kernel.inlined
def a_share(price: float, fraction: float, floored: bool) -> float:
    """USD that one share at ``price`` needs; a short one never less than 5 USD, or below 5 USD than 2.50 USD or its price."""
    need = price * fraction
    if floored:
        need = max(need, 5.0 if price >= 5.0 else max(2.5, price))
    return need


@kernel.inlined
def keeping(shares: float, price: float, policy: Policy) -> float:
    """USD of equity that a position must have behind it."""
    if shares < 0.0:
        return -shares * a_share(price, policy.maintenance_short, policy.floor > 0.0)
    return shares * price * policy.maintenance


@kernel.inlined
def opening(shares: float, price: float, base: float, equity: float, policy: Policy) -> float:
    """USD of equity that a position needs when it is opened or grown; ``base`` is the equity at the last close."""
    day = base >= policy.day_minimum
    if shares < 0.0:
        return -shares * a_share(price, policy.intraday_short if day else policy.initial_short, policy.floor > 0.0)
    fraction = policy.intraday if day else policy.initial
    return shares * price * (1.0 if equity < policy.minimum else fraction)


@kernel.inlined
def overnight(shares: float, today: float, cost: float, price: float, policy: Policy) -> float:
    """USD of equity that a position needs at the close: the initial fraction of what was opened today, at what it was opened for.

    ``today`` of the shares were opened since the last close, for ``cost`` USD; both have the position's sign.
    """
    initial = policy.initial_short if shares < 0.0 else policy.initial
    # Today's gain or loss on them counts for nothing here: the debt is to half of what was paid.
    return keeping(shares - today, price, policy) + abs(cost) * initial - (cost - today * price)


@kernel.inlined
def opened_by(shares: float, change: float) -> float:
    """How many of ``change`` (signed) shares open or grow a position of ``shares``, a number >= 0; the others close it."""
    after = shares + change
    if shares * change >= 0.0:
        return abs(change)
    return max(abs(after), 0.0) if after * shares < 0.0 else 0.0


class Asked(NamedTuple):
    """An order at the moment at which it would fill, all of what is left of it."""

    change: float  #: signed shares
    price: float  #: USD, before costs
    fees: float  #: USD: half-spread, impact and commission
    locate: float  #: shares that can be borrowed; NaN is any number


class Means(NamedTuple):
    """What the account has."""

    cash: float  #: USD
    shares: float
    unsettled: float  #: USD of the cash that cannot be spent yet
    base: float  #: USD of equity at the last close
    trades: float  #: day trades in this and the four sessions before


@kernel.inlined
def refusal(asked: Asked, means: Means, policy: Policy) -> int:
    """The reason for which the account may not do this, or NONE; what only closes is never refused."""
    opens = opened_by(means.shares, asked.change)
    after = means.shares + asked.change
    if opens <= TINY:
        return NONE
    equity = means.cash + means.shares * asked.price
    if after < -TINY:
        if policy.shorts == 0.0:
            return NO_SHORTS
        if equity < policy.minimum:
            return MINIMUM
        if max(-after, 0.0) - max(-means.shares, 0.0) > asked.locate:
            return NO_BORROW
    if policy.day_trades < INF and means.base < policy.day_minimum and means.trades >= policy.day_trades:
        return DAY_TRADES
    if policy.settle > 0.0:
        spent = asked.change * asked.price + asked.fees
        if spent > means.cash + CENT:
            return BUYING_POWER
        return UNSETTLED if spent > means.cash - means.unsettled + CENT else NONE
    if policy.initial <= 0.0:
        return NONE
    left = equity - asked.fees
    if policy.last_close > 0.0:
        left = min(left, means.base)
    return BUYING_POWER if left + CENT < opening(after, asked.price, means.base, left, policy) else NONE

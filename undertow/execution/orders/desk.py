"""What the order fold remembers of the account besides its money: the session, what was opened today, sales that have not settled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64
from undertow.execution import kernel
from undertow.execution.orders.margin import Policy, opened_by


class Past(NamedTuple):
    """This session and those before it, as far as a rule looks back."""

    sold_0: float  #: USD from sales in this session
    sold_1: float  #: and in the one before
    sold_2: float
    trades_0: float  #: day trades in this session
    trades_1: float
    trades_2: float
    trades_3: float
    trades_4: float


class Desk(NamedTuple):
    """Scalars of the session and of margin."""

    session: float  #: number of the session of the last bar; -1.0 before the first
    opened: float  #: number of the last session whose opening has been seen
    base: float  #: USD of equity at the last session's close
    today: float  #: shares opened in this session and still held, signed as the position
    cost: float  #: USD that they were opened for, signed likewise
    due: float  #: margin call: the fraction of the position's value that equity must cover; 0.0 is none
    past: Past


OWN, DESK = len(Desk._fields) - 1, len(Desk._fields) - 1 + len(Past._fields)


def desk_of(capital: float) -> F64:
    """The state (DESK,) of an account that holds ``capital`` USD and has seen nothing."""
    state = np.zeros(DESK)
    state[0], state[1], state[2] = -1.0, -1.0, capital
    return state


@kernel.inlined
def seated(state: F64) -> Desk:
    """State array to scalars."""
    s = state
    return Desk(s[0], s[1], s[2], s[3], s[4], s[5], Past(s[6], s[7], s[8], s[9], s[10], s[11], s[12], s[13]))


@kernel.inlined
def rested(state: F64, desk: Desk) -> None:
    """Scalars back to the state array."""
    d = desk
    state[0], state[1], state[2], state[3], state[4], state[5] = d.session, d.opened, d.base, d.today, d.cost, d.due
    for i in range(DESK - OWN):
        state[OWN + i] = d.past[i]


@kernel.inlined
def next_session(desk: Desk, session: float, equity: float) -> Desk:
    """The desk on the morning of another session; ``equity`` in USD is the last close's."""
    p = desk.past
    past = Past(0.0, p.sold_0, p.sold_1, 0.0, p.trades_0, p.trades_1, p.trades_2, p.trades_3)
    return Desk(session, desk.opened, equity, 0.0, 0.0, desk.due, past)


@kernel.inlined
def after_opening(desk: Desk) -> Desk:
    """The desk once this session's opening has been seen."""
    d = desk
    return Desk(d.session, d.session, d.base, d.today, d.cost, d.due, d.past)


@kernel.inlined
def called(desk: Desk, due: float) -> Desk:
    """The desk with another margin call, or with none."""
    d = desk
    return Desk(d.session, d.opened, d.base, d.today, d.cost, due, d.past)


@kernel.inlined
def split_desk(desk: Desk, ratio: float) -> Desk:
    """The desk after a split."""
    d = desk
    return Desk(d.session, d.opened, d.base, d.today * ratio, d.cost, d.due, d.past)


@kernel.inlined
def dealt_today(desk: Desk, shares: float, change: float, price: float, first: bool) -> Desk:
    """The desk after ``change`` shares were traded at ``price`` USD by an account that held ``shares``.

    Closing takes what was opened today first; where it takes any, the order's first fill counts as one day trade.
    """
    d, p = desk, desk.past
    opens = opened_by(shares, change)
    closes, side = abs(change) - opens, 1.0 if change > 0.0 else -1.0
    today, cost, trades = d.today, d.cost, p.trades_0
    if closes > 0.0 and today != 0.0:
        left = max(abs(today) - closes, 0.0)
        cost *= left / abs(today)
        today = left if today > 0.0 else -left
        trades += 1.0 if first else 0.0
    past = Past(p.sold_0 + max(-change, 0.0) * price, p.sold_1, p.sold_2, trades, p.trades_1, p.trades_2, p.trades_3, p.trades_4)
    return Desk(d.session, d.opened, d.base, today + side * opens, cost + side * opens * price, d.due, past)


@kernel.inlined
def unsettled(past: Past, policy: Policy) -> float:
    """USD of sales that cannot be spent yet."""
    total = past.sold_0 if policy.settle >= 1.0 else 0.0
    total += past.sold_1 if policy.settle >= 2.0 else 0.0
    return total + (past.sold_2 if policy.settle >= 3.0 else 0.0)


@kernel.inlined
def day_trades(past: Past) -> float:
    """Day trades in this and the four sessions before."""
    return past.trades_0 + past.trades_1 + past.trades_2 + past.trades_3 + past.trades_4

"""The arrays of the order fold: bars with all that decides whether an order fills, orders, and the log of their fills."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadInput

NEVER = 2**63 - 1  #: the end of an order that is good until it is cancelled


class Kind(IntEnum):
    """What an order asks for."""

    MARKET = 0  #: the next open
    LIMIT = 1  #: its limit or better
    STOP = 2  #: a market order once its stop is touched
    STOP_LIMIT = 3  #: a limit order once its stop is touched
    ON_OPEN = 4  #: the opening auction
    ON_CLOSE = 5  #: the closing auction
    CANCEL = 6  #: the end of the order named as its parent


class Status(IntEnum):
    """Where an order stands."""

    OPEN = 0
    PARTLY_FILLED = 1  #: and still working
    FILLED = 2
    CANCELLED = 3
    EXPIRED = 4
    REFUSED = 5


class Reason(IntEnum):
    """Why an order ended without being filled; what was filled before stays filled."""

    NONE = 0
    TIME = 1  #: its time was over
    ASKED = 2  #: a cancel order reached it
    GROUP = 3  #: others of its group did what it was to do
    PARENT = 4  #: the order that was to wake it ended without a fill
    TOO_LATE = 5  #: a cancel order found nothing to cancel
    NO_BORROW = 6  #: fewer shares can be borrowed than it would sell short
    NO_SHORTS = 7  #: the account may not sell short
    BUYING_POWER = 8  #: the equity does not cover what it would open
    UNSETTLED = 9  #: a cash account's settled cash does not pay for it
    DAY_TRADES = 10  #: a small account has used its day trades
    MINIMUM = 11  #: the equity is below what a broker lends to, or lends shares to


class At(IntEnum):
    """Which price of its bar a fill had."""

    OPENING = 0
    INSIDE = 1
    CLOSING = 2


MARKET, LIMIT, STOP, STOP_LIMIT, ON_OPEN, ON_CLOSE, CANCEL = (int(kind) for kind in Kind)
OPEN, PARTLY_FILLED, FILLED, CANCELLED, EXPIRED, REFUSED = (int(status) for status in Status)
NONE, TIME, ASKED, GROUP, PARENT, TOO_LATE, NO_BORROW, NO_SHORTS, BUYING_POWER, UNSETTLED, DAY_TRADES, MINIMUM = (int(r) for r in Reason)
OPENING, INSIDE, CLOSING = (int(at) for at in At)
FORCED = -1  #: in place of an order's number: the broker reduced the position itself


class OrderBars(NamedTuple):
    """Bars of one symbol, starts ascending, and what the venue and the lender allow in each; trades lie in (start, end].

    start       : int64 (n,)    ns UTC
    end         : int64 (n,)    ns UTC
    session     : int64 (n,)    number of the session, ascending
    open, high, low, close : float64 (n,)  USD, NaN when there was no price
    volume      : float64 (n,)  shares, NaN when not known
    closes      : bool (n,)     ends with its session's closing auction
    halted      : bool (n,)     trading was halted: its prices are not looked at
    up, down    : float64 (n,)  USD, the limit-up and limit-down prices; NaN is none
    half_spread : float64 (n,)  fraction of price; NaN takes the cost rules'
    locate      : float64 (n,)  shares that can be borrowed anew; NaN is any number
    """

    start: I64
    end: I64
    session: I64
    open: F64
    high: F64
    low: F64
    close: F64
    volume: F64
    closes: Array
    halted: Array
    up: F64
    down: F64
    half_spread: F64
    locate: F64


class Orders(NamedTuple):
    """Orders in the order they were decided.

    decided_at : int64 (k,)    ns UTC
    kind       : int64 (k,)    a ``Kind``
    shares     : float64 (k,)  signed: positive buys
    limit      : float64 (k,)  USD, of a limit and a stop-limit order; NaN is none
    stop       : float64 (k,)  USD, of a stop and a stop-limit order; NaN is none
    until      : int64 (k,)    ns UTC; works in bars that start before
    parent     : int64 (k,)    number of the order whose fill wakes this one, or that it cancels; -1 is none
    group      : int64 (k,)    one-cancels-other: what one fills, the others of its group and instant no longer do; -1 is none

    Orders are numbered from 0 in the order in which a sleeve is given them.
    """

    decided_at: I64
    kind: I64
    shares: F64
    limit: F64
    stop: F64
    until: I64
    parent: I64
    group: I64


class OrderFills(NamedTuple):
    """Append-only log of fills, one row each.

    bar         : int64 (f,)    index into the bars of this push
    order       : int64 (f,)    the order's number; -1 where the broker reduced the position itself
    at          : int64 (f,)    an ``At``
    shares      : float64 (f,)  signed
    price       : float64 (f,)  USD, after half-spread and impact
    commission  : float64 (f,)  USD
    spread_cost : float64 (f,)  USD
    impact_cost : float64 (f,)  USD
    """

    bar: I64
    order: I64
    at: I64
    shares: F64
    price: F64
    commission: F64
    spread_cost: F64
    impact_cost: F64


class OrderStates(NamedTuple):
    """What became of orders, ascending by number.

    order  : int64 (k,)
    status : int64 (k,)    a ``Status``
    reason : int64 (k,)    a ``Reason``
    filled : float64 (k,)  shares, signed, as they were when they were filled
    """

    order: I64
    status: I64
    reason: I64
    filled: F64


class Ledger(NamedTuple):
    """Per bar (n,): equity and cash in USD, and shares held, after its close."""

    equity: F64
    cash: F64
    shares: F64


NO_ORDERS = Orders(*(np.empty(0, dtype) for dtype in (np.int64, np.int64, float, float, float, np.int64, np.int64, np.int64)))


def order_bars(start: I64, end: I64, prices: F64, session: I64, closes: Array) -> OrderBars:
    """Bars from times (n,) and prices (n, 5) open, high, low, close, volume; never halted, no bands, any number to borrow.

    Use ``_replace`` for what differs.
    """
    n = len(start)
    if prices.shape != (n, 5) or not len(end) == len(session) == len(closes) == n:
        raise BadInput(f"{n} starts need as many ends, sessions and closes, and prices of shape ({n}, 5), not {prices.shape}")
    prices_by_kind = [np.ascontiguousarray(prices[:, i], np.float64) for i in range(5)]
    none = np.full(n, np.nan)
    return OrderBars._make([start, end, session, *prices_by_kind, np.asarray(closes, bool), np.zeros(n, bool), *[none] * 4])


def sessions_of(calendar: Calendar, start: I64, end: I64) -> tuple[I64, Array]:
    """The session of each bar (n,), and whether it ends with the session's close; both are known beforehand."""
    session = np.asarray(calendar.position(start), np.int64)
    return session, np.asarray(end == calendar.close[session])


def orders_of(decided_at: I64, kind: Array, shares: Array, **given: Array) -> Orders:
    """Orders (k,) from columns; ``limit``, ``stop``, ``until``, ``parent`` and ``group`` may be left out. Raises ``BadInput``."""
    k = len(decided_at)
    unknown = set(given) - {"limit", "stop", "until", "parent", "group"}
    if unknown:
        raise BadInput(f"orders have no {', '.join(sorted(unknown))}: valid are limit, stop, until, parent and group")
    none = {"limit": np.nan, "stop": np.nan, "until": NEVER, "parent": -1, "group": -1}
    columns = {name: np.asarray(given.get(name, np.full(k, value))) for name, value in none.items()}
    types = (np.int64, np.int64, float, float, float, np.int64, np.int64, np.int64)
    every = (np.asarray(decided_at), np.asarray(kind), np.asarray(shares), *columns.values())
    return Orders(*(np.ascontiguousarray(column, dtype) for column, dtype in zip(every, types, strict=True)))


LOGGED = np.dtype([(name, np.int64 if name in ("bar", "order", "at") else np.float64) for name in OrderFills._fields])


def fills_of(rows: Sequence[Array]) -> OrderFills:
    """Logs end to end as columns."""
    full = [part for part in rows if len(part)]
    every = full[0] if len(full) == 1 else np.concatenate(full) if full else np.empty(0, LOGGED)
    return OrderFills._make(np.ascontiguousarray(every[name]) for name in OrderFills._fields)

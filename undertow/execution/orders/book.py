"""The orders that live: what each may still fill, and how it ends."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.execution import kernel
from undertow.execution.account import rounded
from undertow.execution.orders.columns import (
    ASKED,
    CANCEL,
    CANCELLED,
    EXPIRED,
    FILLED,
    GROUP,
    INSIDE,
    NEVER,
    OPEN,
    PARENT,
    PARTLY_FILLED,
    STOP,
    STOP_LIMIT,
    TIME,
    TOO_LATE,
    Orders,
    OrderStates,
)
from undertow.execution.orders.margin import TINY

RESTING, TOUCHED, TOUCHED_NOW = 0, 1, 2  #: of a stop: not yet, before this price, by a price inside this bar


#: One order that lives, or that a living one looks at; the columns of ``Orders``, and how far it has come.
ENTRY = np.dtype(
    [
        ("number", np.int64),
        ("decided_at", np.int64),  # ns UTC
        ("arrives_at", np.int64),  # ns UTC, with latency
        ("kind", np.int64),
        ("shares", np.float64),  # signed
        ("limit", np.float64),  # USD
        ("stop", np.float64),  # USD
        ("until", np.int64),  # ns UTC
        ("parent", np.int64),  # its place in the book; -1 is none
        ("leader", np.int64),  # place of its group's first; its own where it has no group
        ("total", np.float64),  # signed shares it has filled, as they were when it did
        ("filled", np.float64),  # the same in shares of today, as its children see it
        ("taken", np.float64),  # shares that its group has filled, kept at the leader
        ("fresh", np.float64),  # of the filled, those in the bar of its last fill
        ("bar", np.int64),  # of its last fill, in this push; -1 is none
        ("at", np.int64),  # which of that bar's prices
        ("touched", np.int64),
        ("status", np.int64),
        ("reason", np.int64),
    ]
)
NO_BOOK: Array = np.empty(0, ENTRY)  #: a book (b,) is written in place


def states_of(book: Array) -> OrderStates:
    """What became of each order in a book (b,)."""
    return OrderStates(book["number"].copy(), book["status"].copy(), book["reason"].copy(), book["total"].copy())


@kernel.compiled
def kept(book: Array) -> Array:
    """A copy of the orders that live, and of the parents and leaders that they look at, for the next push."""
    alive = book["status"] <= PARTLY_FILLED
    for i in range(book.shape[0]):
        if book[i].status <= PARTLY_FILLED and book[i].parent >= 0:
            alive[book[i].parent] = True
    for i in range(book.shape[0]):
        if alive[i]:
            alive[book[i].leader] = True
    places, mine = np.cumsum(alive) - 1, book[alive]
    for i in range(mine.shape[0]):
        parent = mine[i].parent
        mine[i].parent = places[parent] if parent >= 0 and alive[parent] else -1
        mine[i].leader, mine[i].bar = places[mine[i].leader], -1
    return mine


@kernel.inlined
def place_of(book: Array, number: int) -> int:
    """Where an order stands in a book, whose numbers ascend; -1 where it does not."""
    place = np.searchsorted(book["number"], number)
    return int(place) if place < book.shape[0] and book[int(place)].number == number else -1


@kernel.inlined
def head_of(orders: Orders, i: int) -> int:
    """The first order of an order's group; itself where it has none."""
    head = i
    for j in range(i - 1, -1, -1):
        if orders.group[i] < 0 or orders.decided_at[j] != orders.decided_at[i]:
            break
        if orders.group[j] == orders.group[i]:
            head = j
    return head


@kernel.compiled
def with_new(book: Array, orders: Orders, first: int, latency: int) -> Array:
    """A copy with orders behind, numbered from ``first``, that arrive ``latency`` ns after they were decided."""
    b = book.shape[0]
    both = np.zeros(b + orders.kind.shape[0], book.dtype)
    both[:b] = book
    for i in range(orders.kind.shape[0]):
        new, at, parent = both[b + i], orders.decided_at[i], orders.parent[i]
        new.number, new.kind, new.shares, new.bar = first + i, orders.kind[i], orders.shares[i], -1
        new.limit, new.stop, new.until = orders.limit[i], orders.stop[i], orders.until[i]
        new.decided_at, new.arrives_at = at, min(at, NEVER - latency) + latency
        new.parent = b + parent - first if parent >= first else place_of(book, parent)
        new.leader = b + head_of(orders, i)
    return both


@kernel.inlined
def entered(book: Array, i: int, t: int, at: int) -> float:
    """How many shares of its parent's an order may act upon at a price of bar ``t``; infinitely many without a parent.

    A fill of this very bar counts where it came before: the path inside a bar is not known, so a stop is taken to come after a fill
    inside its bar, and a limit before it.
    """
    p = book[i].parent
    if p < 0:
        return np.inf
    filled = abs(book[p].filled)
    if book[p].bar == t:
        stops = book[i].kind == STOP or book[i].kind == STOP_LIMIT
        if not (book[p].at < at or (stops and at == INSIDE and book[p].at == INSIDE)):
            filled -= book[p].fresh
    return float(filled)


@kernel.inlined
def left(book: Array, i: int, t: int, at: int) -> float:
    """Signed shares that an order may still fill at a price of bar ``t``."""
    size = min(abs(book[i].shares), entered(book, i, t, at)) - book[book[i].leader].taken
    if size <= TINY:
        return 0.0
    return float(size if book[i].shares > 0.0 else -size)


@kernel.inlined
def filled_by(book: Array, i: int, change: float, t: int, at: int) -> None:
    """Write down a fill of ``change`` shares."""
    earlier = book[i].fresh if book[i].bar == t else 0.0
    book[i].filled += change
    book[i].total += change
    book[book[i].leader].taken += abs(change)
    book[i].fresh = earlier + abs(change)
    book[i].bar, book[i].at = t, at


@kernel.inlined
def split_book(book: Array, ratio: float, dividend: float, start: int, whole: bool) -> None:
    """Standing orders in new shares: a split changes shares and prices; a dividend lowers what waits below the price.

    Buying limits and selling stops are lowered by the dividend, as exchanges do; orders decided after ``start`` know of it already.
    """
    for i in range(book.shape[0]):
        if book[i].decided_at > start:
            continue
        if book[i].shares > 0.0:
            book[i].limit -= dividend
        else:
            book[i].stop -= dividend
        book[i].limit /= ratio
        book[i].stop /= ratio
        book[i].shares, book[i].filled = rounded(book[i].shares * ratio, whole), rounded(book[i].filled * ratio, whole)
        book[i].taken, book[i].fresh = rounded(book[i].taken * ratio, whole), rounded(book[i].fresh * ratio, whole)


@kernel.inlined
def cancel_due(book: Array, active: I64, count: int, start: int) -> None:
    """Let the cancel orders that have arrived by ``start`` end what they name."""
    for k in range(count):
        i = active[k]
        if book[i].kind == CANCEL and book[i].status == OPEN and book[i].arrives_at <= start:
            p = book[i].parent
            if p >= 0 and book[p].status <= PARTLY_FILLED:
                book[p].status, book[p].reason, book[i].status = CANCELLED, ASKED, FILLED
            else:
                book[i].status, book[i].reason = CANCELLED, TOO_LATE


@kernel.inlined
def ended(book: Array, i: int, end: int) -> None:
    """Give an order its status after the bar that ended at ``end``."""
    p, size = book[i].parent, abs(book[i].shares)
    over = p < 0 or book[p].status > PARTLY_FILLED
    if p >= 0 and over:
        size = min(size, abs(book[p].filled))
    if over and size - book[book[i].leader].taken <= TINY:
        if abs(book[i].filled) >= size - TINY and size > TINY:
            book[i].status = FILLED
        else:
            book[i].status = CANCELLED
            book[i].reason = PARENT if size <= TINY else GROUP
    elif end >= book[i].until:
        book[i].status, book[i].reason = EXPIRED, TIME
    elif book[i].filled != 0.0:
        book[i].status = PARTLY_FILLED
    if book[i].touched == TOUCHED_NOW:
        book[i].touched = TOUCHED


@kernel.inlined
def swept(book: Array, active: I64, count: int, end: int) -> int:
    """Give every order its status after a bar and keep those that live; returns how many."""
    kept = 0
    for k in range(count):
        i = active[k]
        if book[i].status <= PARTLY_FILLED and book[i].kind != CANCEL:
            ended(book, i, end)
        if book[i].status <= PARTLY_FILLED:
            active[kept] = i
            kept += 1
    return kept

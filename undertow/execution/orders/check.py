"""What makes no sense is refused before anything is traded."""

from __future__ import annotations

import numpy as np

from undertow.core.compiled import njit
from undertow.core.errors import BadInput, LawBroken
from undertow.core.time import Instant, iso
from undertow.execution.orders.columns import CANCEL, LIMIT, STOP, STOP_LIMIT, Kind, OrderBars, Orders


def check_bars(bars: OrderBars, ended: Instant) -> None:
    """Raise LawBroken unless bars follow each other and begin no earlier than ``ended``, BadInput unless their columns are equally long."""
    n = len(bars.start)
    wrong = [name for name, column in zip(bars._fields, bars, strict=True) if len(column) != n]
    if wrong:
        raise BadInput(f"{', '.join(wrong)} must have {n} rows, as many as there are starts")
    if n and (bars.start[0] < ended or (bars.end <= bars.start).any() or (n > 1 and (bars.start[1:] < bars.end[:-1]).any())):
        raise LawBroken("a bar begins before the one before it has ended, or ends before it begins: nothing was traded")


def check_orders(orders: Orders, first: int, after: Instant, ended: Instant, whole: bool) -> None:
    """Raise LawBroken for orders that come too late, BadInput for one that no broker would take.

    They are numbered from ``first``; orders up to ``after`` and bars up to ``ended`` have been pushed before.
    """
    k, at = len(orders.kind), orders.decided_at
    wrong = [name for name, column in zip(orders._fields, orders, strict=True) if len(column) != k]
    if wrong:
        raise BadInput(f"{', '.join(wrong)} must have {k} rows, as many as there are kinds")
    if k == 0:
        return
    if at[0] <= after or at[0] < ended or (k > 1 and (at[1:] < at[:-1]).any()):
        raise LawBroken(f"an order decided at {iso(int(at[0]))} was pushed after something later: nothing was traded, push in time order")
    row, wrong_with = _first_wrong(orders, first, whole)
    if row >= 0:
        raise BadInput(f"order {first + row}: {_SAYS[wrong_with]}")


#: what may be wrong with an order, in the order in which it is looked for
_SAYS = (
    f"kind must be one of {', '.join(known.name for known in Kind)}",
    "shares must be a number other than 0",
    "a cancel order has 0 shares",
    "shares must be whole: the costs say whole_shares",
    "a limit or stop-limit order needs a limit above 0",
    "a stop or stop-limit order needs a stop above 0",
    "a cancel order names an earlier order as its parent",
    "a parent is an order further up of the same instant",
)
_CHECKS, _LEAST, _MOST = len(_SAYS), int(min(Kind)), int(max(Kind))


@njit(cache=True)
def _first_wrong(orders: Orders, first: int, whole: bool) -> tuple[int, int]:
    """Row and place in ``_SAYS`` of what is wrong first, by what it is and then by row; -1 where nothing is."""
    for check in range(_CHECKS):
        for i in range(len(orders.kind)):
            if _is_wrong(check, orders, i, first, whole):
                return i, check
    return -1, -1


@njit(cache=True)
def _is_wrong(check: int, orders: Orders, i: int, first: int, whole: bool) -> bool:
    kind, size, parent = orders.kind[i], orders.shares[i], orders.parent[i]
    cancels, earlier = kind == CANCEL, 0 <= parent < first + i
    if check == 0:
        return bool(kind < _LEAST or kind > _MOST)
    if check == 1:
        return bool(not cancels and not (np.isfinite(size) and size != 0.0))
    if check == 2:
        return bool(cancels and size != 0.0)
    if check == 3:
        return bool(whole and size != np.trunc(size))
    if check == 4:
        return bool(kind in (LIMIT, STOP_LIMIT) and not orders.limit[i] > 0.0)
    if check == 5:
        return bool(kind in (STOP, STOP_LIMIT) and not orders.stop[i] > 0.0)
    if check == 6:
        return bool(cancels and not earlier)
    if cancels or parent < 0:
        return False
    at = parent - first
    return bool(at < 0 or not earlier or orders.decided_at[at] != orders.decided_at[i] or orders.kind[at] == CANCEL)

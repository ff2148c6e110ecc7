"""Making orders: of what was asked, with their legs, and of what is to be different about one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from undertow.core.time import Instant
from undertow.sandbox.broker import hours
from undertow.sandbox.broker.legs import exits
from undertow.sandbox.broker.words import TAKE_PROFIT, Ask, Change, Order, Status, Together

NewId = Callable[[str], tuple[int, str]]


def made(ask: Ask, new_id: NewId, now: Instant, *, closes: bool, reserve: int) -> list[Order]:
    """The order and its legs, held until the order is filled; of two exits that come together, the limit leads."""
    oco = ask.together is Together.OCO
    number, name = new_id("order")
    first = Order(
        id=name,
        number=number,
        client_id=ask.client_id or name,
        symbol=ask.symbol,
        side=ask.side,
        type=ask.type,
        lasts=ask.lasts,
        shares=ask.shares,
        notional=ask.notional,
        limit=ask.take_profit if oco else ask.limit,
        stop=ask.stop,
        extended=ask.extended,
        together=ask.together,
        role=TAKE_PROFIT if oco else "",
        closes=closes,
        reserve=reserve,
        status=Status.PENDING_NEW,
        created_at=now,
        updated_at=now,
        expires_at=hours.expiry(ask.lasts, ask.extended, now),
    )
    found = [first]
    for role, side, kind, limit, stop in exits(ask):
        number, name = new_id("order")
        leg = replace(first, id=name, number=number, client_id=name, parent=first.id, role=role)
        leg.side, leg.type, leg.limit, leg.stop = side, kind, limit, stop
        leg.status, leg.armed, leg.closes, leg.reserve = Status.HELD, oco, oco, 0
        found.append(leg)
    return found


def of_change(old: Order, change: Change) -> Ask:
    """What is asked for in an order's place: ``shares`` is the whole, what was filled of it is not asked for again."""
    return Ask(
        symbol=old.symbol,
        side=old.side,
        shares=(old.shares if change.shares is None else change.shares) - old.filled,
        type=old.type,
        lasts=old.lasts if change.lasts is None else change.lasts,
        limit=old.limit if change.limit is None else change.limit,
        stop=old.stop if change.stop is None else change.stop,
        extended=old.extended,
        client_id=change.client_id,
    )

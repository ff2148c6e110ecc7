"""Orders that belong together: legs that wait for their entry, two exits of which one ends the other."""

from __future__ import annotations

from typing import Protocol

from undertow.sandbox.broker.words import STOP_LOSS, TAKE_PROFIT, Ask, Order, Side, State, Status, Together, Type


class Desk(Protocol):
    """What the book does for orders that belong together."""

    state: State

    def tell(self, order: Order, status: Status, event: str = "") -> None:
        """Set an order's status, and say so."""


def exits(ask: Ask) -> list[tuple[str, Side, Type, int | None, int | None]]:
    """Role, side, type, limit and stop of each leg that comes with an order."""
    side = ask.side if ask.together is Together.OCO else Side.SELL if ask.side is Side.BUY else Side.BUY
    found: list[tuple[str, Side, Type, int | None, int | None]] = []
    if ask.take_profit is not None and ask.together is not Together.OCO:
        found.append((TAKE_PROFIT, side, Type.LIMIT, ask.take_profit, None))
    if ask.stop_loss is not None:
        kind = Type.STOP if ask.stop_loss_limit is None else Type.STOP_LIMIT
        found.append((STOP_LOSS, side, kind, ask.stop_loss_limit, ask.stop_loss))
    return found


def legs_of(state: State, order: Order) -> list[Order]:
    """The legs that came with an order, those that were replaced left out."""
    if order.together is Together.SIMPLE or order.parent:
        return []
    return [leg for leg in state.orders.values() if leg.parent == order.id and leg.status is not Status.REPLACED]


def sibling(state: State, order: Order) -> Order | None:
    """The other exit, if it may still be filled."""
    for other in state.waiting():
        if other.id != order.id and order.role and other.role and (other.parent or other.id) == (order.parent or order.id):
            return other
    return None


def filled(desk: Desk, order: Order) -> None:
    """After a fill: legs take their places once the entry is whole, the other exit shrinks, or ends with this one."""
    if order.role:
        other = sibling(desk.state, order)
        if other is not None and order.status is Status.FILLED:
            desk.tell(other, Status.CANCELED)
        elif other is not None:
            other.shares = other.filled + order.left
        return
    if order.status is Status.FILLED:
        for leg in legs_of(desk.state, order):
            leg.armed = leg.closes = True
            leg.shares, leg.updated_at = order.filled, desk.state.now
            if leg.role == TAKE_PROFIT or sibling(desk.state, leg) is None:
                desk.tell(leg, Status.NEW)


def ended(desk: Desk, order: Order) -> None:
    """After an end without being filled: what belongs to it ends too. An entry that was filled in part leaves no exits."""
    if order.role and order.triggered:
        return
    other = sibling(desk.state, order) if order.role else None
    for each in [*([other] if other is not None else []), *legs_of(desk.state, order)]:
        if each.open and not each.triggered:
            desk.tell(each, Status.CANCELED)


def triggered(desk: Desk, order: Order) -> None:
    """A stop was touched: its sibling goes, it works."""
    order.triggered = True
    if order.status is Status.HELD:
        other = sibling(desk.state, order)
        if other is not None:
            desk.tell(other, Status.CANCELED)
        desk.tell(order, Status.NEW)

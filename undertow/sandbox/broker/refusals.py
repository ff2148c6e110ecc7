"""What the broker says when it does not take an order: status, code and words as Alpaca's clients know them."""

from __future__ import annotations

from undertow.sandbox.broker.units import average_text, dollars, price_text, shares_text
from undertow.sandbox.broker.words import Order, Refused

_BAD, _NOT_NOW, _NO = 40010001, 42210000, 40310000


def malformed(message: str) -> Refused:
    """The request itself makes no order."""
    return Refused(422, _BAD, message)


def unprocessable(message: str) -> Refused:
    """An order that cannot be, or not now."""
    return Refused(422, _NOT_NOW, message)


def forbidden(message: str, **more: str) -> Refused:
    """An order that this account may not give."""
    return Refused(403, _NO, message, **more)


def missing(message: str) -> Refused:
    """What was named is not there."""
    return Refused(404, 40410000, message)


def day_trader() -> Refused:
    """One day trade too many for the equity."""
    return Refused(403, 40310100, "trade denied due to pattern day trading protection")


def no_power(power: int, cost: int) -> Refused:
    """Buying power does not reach."""
    return forbidden("insufficient buying power", buying_power=dollars(power), cost_basis=dollars(cost))


def no_shares(symbol: str, asked: int, there: int, kept: int) -> Refused:
    """The position does not have so many that are free."""
    free = shares_text(there - kept)
    said = f"insufficient qty available for order (requested: {shares_text(asked)}, available: {free})"
    return forbidden(said, symbol=symbol, available=free, existing_qty=shares_text(there), held_for_orders=shares_text(kept))


def wash_trade(other: Order) -> Refused:
    """The account might trade with itself."""
    reason = f"opposite side {other.type.value.replace('_', ' ')} order exists"
    return forbidden("potential wash trade detected. use complex orders", existing_order_id=other.id, reject_reason=reason)


def sub_penny(name: str, price: int) -> Refused:
    """A price between two ticks."""
    return unprocessable(f"invalid {name} {price_text(price)}. sub-penny increment does not fulfill minimum pricing criteria")


def too_close(name: str, than: str, base: int) -> Refused:
    """A leg on the wrong side of the price."""
    return Refused(422, _NOT_NOW, f"{name} must be {than}", base_price=average_text(base, 1))


def not_open(order: Order) -> Refused:
    """An order that has ended cannot end again."""
    return unprocessable(f'order is already in "{order.status.value}" state')

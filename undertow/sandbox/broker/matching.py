"""Whether an order is filled by the prices that stand, at what price, and how much of it."""

from __future__ import annotations

from undertow.core.time import Instant
from undertow.sandbox.broker import hours
from undertow.sandbox.broker.units import SHARE
from undertow.sandbox.broker.words import Lasts, Order, Quote, Side, Type


def tradable_at(order: Order, quote: Quote, now: Instant) -> bool:
    """Whether the order may be filled at this hour by this quote: one from before the open fills nothing in regular hours."""
    if hours.is_open(now):
        return order.lasts is not Lasts.CLS and (order.extended or quote.at >= hours.opens_at(now))
    return order.extended and hours.in_extended(now) and quote.at >= hours.begun_at(now)


def touched(order: Order, quote: Quote) -> bool:
    """Whether a stop's price is reached, by the quote's far side or the latest trade."""
    if order.stop is None:
        return True
    up = order.side.sign
    seen = (far(order, quote), quote.last if quote.last_at >= order.updated_at else 0)
    return any(price and (price - order.stop) * up >= 0 for price in seen)


def far(order: Order, quote: Quote) -> int:
    """The price that the other side offers; 0 for none."""
    return quote.ask if order.side is Side.BUY else quote.bid


def price_of(order: Order, quote: Quote) -> int:
    """The price at which the order is filled now; 0 where it is not."""
    offered = far(order, quote)
    if not offered or (order.stop is not None and not order.triggered):
        return 0
    return offered if within(order, offered) else 0


def within(order: Order, price: int) -> bool:
    """Whether the order's limit, if it has one, allows a price."""
    if order.type not in (Type.LIMIT, Type.STOP_LIMIT) or order.limit is None:
        return True
    return (order.limit - price) * order.side.sign >= 0


def offered_shares(order: Order, quote: Quote) -> int:
    """How much of the order the displayed size fills; a size without limit fills all of it."""
    left = quote.ask_left if order.side is Side.BUY else quote.bid_left
    if left < 0:
        return order.left
    taken = min(order.left, left)
    return 0 if order.lasts is Lasts.FOK and taken < order.left else taken


def take(order: Order, quote: Quote, shares: int) -> None:
    """Nobody else gets these shares of the quote."""
    if order.side is Side.BUY and quote.ask_left >= 0:
        quote.ask_left -= shares
    elif order.side is Side.SELL and quote.bid_left >= 0:
        quote.bid_left -= shares


def shares_for(notional: int, price: int) -> int:
    """As many shares as an amount in 1/10,000 USD buys, rounded down."""
    return notional * SHARE // price

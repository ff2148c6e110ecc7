"""What a broker would refuse, said before it is asked: one clear sentence each."""

from __future__ import annotations

from collections.abc import Mapping

from undertow.core.time import Instant, iso
from undertow.execution.gateway.words import Asset, Hours, Lasts, Money, Order
from undertow.execution.path.words import Refused
from undertow.execution.risk.inputs import Item

_AT_AUCTIONS = frozenset({Lasts.OPG, Lasts.CLS})


def refusal(order: Order, assets: Mapping[str, Asset | None] | None, hours: Hours | None, at: Instant) -> tuple[Refused, str] | None:
    """Why an order is not worth sending, or nothing; shares that the broker was never asked about are not traded.

    assets : None where it does not matter, as for an exit from something that nobody asked about
    """
    if assets is not None and order.item is Item.SHARE and (wrong := _asset(order, assets)) is not None:
        return wrong
    if hours is not None and not is_open(hours, at) and order.lasts not in _AT_AUCTIONS:
        said = f"The market is closed until {iso(hours.next_open)}: {order.symbol} is not ordered."
        return Refused.CLOSED, said
    return None


def is_open(hours: Hours, at: Instant) -> bool:
    """Whether the market is open at an instant, by what the broker said of its hours earlier."""
    if hours.open:
        return at < hours.next_close
    return at >= hours.next_open


def account_problem(money: Money, typed: str) -> str:
    """Why an account may not be traded, or nothing. ``typed``: the account's id as a person wrote it; empty where nobody had to."""
    if typed and typed.strip() != money.number:
        return f"The key belongs to another account than {typed.strip()!r}: check the account's id at your broker and type it again."
    if money.blocked:
        return f"The broker does not let account {money.number} trade: {money.blocked}."
    return ""


def _asset(order: Order, assets: Mapping[str, Asset | None]) -> tuple[Refused, str] | None:
    symbol = order.symbol
    if symbol not in assets:
        return Refused.NOT_TRADABLE, f"The broker was not asked about {symbol}: it is not ordered."
    asset = assets[symbol]
    if asset is None:
        return Refused.NOT_TRADABLE, f"The broker does not know {symbol}: check how it is written."
    if not asset.tradable:
        return Refused.NOT_TRADABLE, f"{symbol} cannot be traded at this broker now."
    if order.shares % 1.0 and not asset.fractional:
        return Refused.FRACTIONAL, f"{order.shares:g} shares of {symbol}: this broker trades only whole shares of it."
    return None

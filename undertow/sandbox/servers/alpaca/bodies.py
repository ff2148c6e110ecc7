"""What the book knows, in Alpaca's fields: numbers as text, prices in dollars."""

from __future__ import annotations

from typing import Any
from uuid import NAMESPACE_DNS, uuid5

from undertow.core.time import Instant
from undertow.sandbox.broker import legs, margin
from undertow.sandbox.broker.units import PRICE, SHARE, average_text, dollars, price_text, shares_text, text
from undertow.sandbox.broker.words import Asset, Fill, Order, Position, State, Status, Told
from undertow.sandbox.servers.alpaca.stamps import utc

Body = dict[str, Any]
_ENDS = {Status.CANCELED: "canceled_at", Status.EXPIRED: "expired_at", Status.REPLACED: "replaced_at", Status.REJECTED: "failed_at"}


def asset_id(symbol: str) -> str:
    """The same for a symbol always."""
    return str(uuid5(NAMESPACE_DNS, f"{symbol}.assets"))


def order_body(order: Order, state: State, *, nested: bool = False) -> Body:
    """An order; its legs inside it where ``nested``."""
    at = dict.fromkeys(_ENDS.values()) | ({_ENDS[order.status]: utc(order.ended_at)} if order.status in _ENDS else {})
    found: Body = {
        "id": order.id,
        "client_order_id": order.client_id,
        "created_at": utc(order.created_at),
        "updated_at": utc(order.updated_at),
        "submitted_at": utc(order.created_at),
        "filled_at": utc(order.filled_at),
        "expires_at": utc(order.expires_at),
        **at,
        "replaced_by": order.replaced_by or None,
        "replaces": order.replaces or None,
        "asset_id": asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": text(order.notional, PRICE, 4) if order.notional else None,
        "qty": None if order.notional else shares_text(order.shares),
        "filled_qty": shares_text(order.filled),
        "filled_avg_price": average_text(order.value, order.filled) if order.filled else None,
        "order_class": order.together.value,
        "order_type": order.type.value,
        "type": order.type.value,
        "side": order.side.value,
        "position_intent": f"{order.side.value}_to_{'close' if order.closes or order.parent else 'open'}",
        "time_in_force": order.lasts.value,
        "limit_price": None if order.limit is None else price_text(order.limit),
        "stop_price": None if order.stop is None else price_text(order.stop),
        "status": order.status.value,
        "extended_hours": order.extended,
        "legs": None,
        "trail_percent": None,
        "trail_price": None,
        "hwm": None,
        "subtag": None,
        "source": None,
    }
    if nested and (mine := legs.legs_of(state, order)):
        found["legs"] = [order_body(leg, state) for leg in mine]
    return found


def update_body(told: Told, state: State) -> Body:
    """What the socket says of an order."""
    found: Body = {
        "event": told.event,
        "execution_id": told.id,
        "timestamp": utc(told.at),
        "order": order_body(told.order, state, nested=True),
    }
    if told.fill is not None:
        found |= {"price": price_text(told.fill.price), "qty": shares_text(told.fill.shares)}
        found["position_qty"] = shares_text(told.fill.position)
    return {"stream": "trade_updates", "data": found}


def fill_body(fill: Fill, order: Order) -> Body:
    """An account's activity of the kind FILL."""
    return {
        "id": activity_id(fill),
        "activity_type": "FILL",
        "transaction_time": utc(fill.at),
        "type": "partial_fill" if fill.left else "fill",
        "price": price_text(fill.price),
        "qty": shares_text(fill.shares),
        "side": fill.side.value,
        "symbol": fill.symbol,
        "leaves_qty": shares_text(fill.left),
        "cum_qty": shares_text(fill.total),
        "order_id": fill.order,
        "order_status": "partially_filled" if fill.left else "filled",
        "client_order_id": order.client_id,
    }


def activity_id(fill: Fill) -> str:
    """The time to the millisecond, and the execution's id."""
    stamp = f"{utc(fill.at)}"[:19].translate({ord(sign): None for sign in "-:T"})
    return f"{stamp}{fill.at // 10**6 % 1000:03d}::{fill.id}"


def asset_body(asset: Asset) -> Body:
    """An asset."""
    return {
        "id": asset_id(asset.symbol),
        "class": "us_equity",
        "exchange": asset.exchange,
        "symbol": asset.symbol,
        "name": f"{asset.symbol} of the simulated market",
        "status": "active",
        "tradable": asset.tradable,
        "marginable": True,
        "maintenance_margin_requirement": margin.MAINTENANCE,
        "margin_requirement_long": str(margin.MAINTENANCE),
        "margin_requirement_short": str(margin.MAINTENANCE),
        "shortable": asset.shortable,
        "easy_to_borrow": asset.easy_to_borrow,
        "fractionable": asset.fractional,
        "attributes": [],
    }


def position_body(position: Position, state: State, asset: Asset | None) -> Body:
    """A position, valued at the latest price."""
    mark, before = margin.mark(state, position.symbol), state.closes.get(position.symbol, 0)
    value = mark * position.shares
    gain = value - position.cost
    day = (mark - before) * position.shares if position.last_shares and before else gain
    there = abs(position.shares) - margin.held(state, position.symbol)
    return {
        "asset_id": asset_id(position.symbol),
        "symbol": position.symbol,
        "exchange": asset.exchange if asset is not None else "",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": shares_text(position.shares),
        "qty_available": shares_text(there if position.shares > 0 else -there),
        "avg_entry_price": average_text(position.cost, position.shares),
        "side": "long" if position.shares > 0 else "short",
        "market_value": dollars(value),
        "cost_basis": dollars(position.cost),
        "unrealized_pl": dollars(gain),
        "unrealized_plpc": _share(gain, position.cost),
        "unrealized_intraday_pl": dollars(day),
        "unrealized_intraday_plpc": _share(day, value - day),
        "current_price": price_text(mark),
        "lastday_price": price_text(before or mark),
        "change_today": _share(mark - (before or mark), before or mark),
    }


def account_body(state: State, now: Instant) -> Body:
    """The account; what day traders were told is part of it until the rule ended."""
    times, worth = margin.multiplier(state, now), margin.equity(state)
    power = {n: dollars(margin.buying_power(state, n)) for n in (1, 2, times)}
    found: Body = {
        "id": str(uuid5(NAMESPACE_DNS, f"{state.terms.number}.accounts")),
        "account_number": state.terms.number,
        "status": "ACTIVE",
        "crypto_status": "INACTIVE",
        "currency": "USD",
        "cash": dollars(state.cash),
        "equity": dollars(worth),
        "portfolio_value": dollars(worth),
        "last_equity": dollars(state.last_equity),
        "long_market_value": dollars(margin.long_value(state)),
        "short_market_value": dollars(margin.short_value(state)),
        "initial_margin": dollars(margin.exposure(state) // 2),
        "maintenance_margin": dollars(margin.maintenance(state)),
        "last_maintenance_margin": dollars(state.last_maintenance),
        "sma": "0",
        "multiplier": str(times),
        "buying_power": power[times],
        "regt_buying_power": power[min(2, times)],
        "non_marginable_buying_power": power[1],
        "options_buying_power": power[1],
        "options_approved_level": 0,
        "options_trading_level": 0,
        "accrued_fees": "0",
        "pending_transfer_in": "0",
        "pending_transfer_out": "0",
        "trading_blocked": state.terms.blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "trade_suspended_by_user": False,
        "shorting_enabled": state.terms.shorting,
        "created_at": utc(state.created_at),
    }
    if now < margin.LEGACY_ENDS:
        count = margin.day_trades(state, now)
        found |= {"daytrade_count": count, "pattern_day_trader": count > margin.FREE_DAY_TRADES}
        found["daytrading_buying_power"] = power[times] if times == 4 else "0"
    return found


def _share(part: int, whole: int) -> str:
    return text(part * SHARE // abs(whole), SHARE) if whole else "0"

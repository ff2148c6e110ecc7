"""Whether the broker takes an order: first the order by itself, then the asset, the hour, what is held and what can be paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from undertow.core.time import Instant
from undertow.sandbox.broker import hours, margin
from undertow.sandbox.broker.refusals import (
    day_trader,
    forbidden,
    malformed,
    no_power,
    no_shares,
    sub_penny,
    too_close,
    unprocessable,
    wash_trade,
)
from undertow.sandbox.broker.units import PRICE, SHARE
from undertow.sandbox.broker.words import Ask, Asset, Lasts, Order, Position, Quote, Side, State, Together, Type

CENT = PRICE // 100
_SURE = 103  # percentage of the ask that an order without a limit is valued at
_LONGEST_ID = 128


def shape(ask: Ask) -> None:
    """Refuse what is no order by itself."""
    if (ask.shares <= 0) == (ask.notional <= 0):
        raise malformed("qty or notional is required, and must be > 0" if ask.shares <= 0 else "only one of qty or notional is accepted")
    if 0 < ask.notional < PRICE:
        raise forbidden("cost basis must be >= minimal amount of order 1")
    if len(ask.client_id) > _LONGEST_ID:
        raise malformed(f"client_order_id must be no more than {_LONGEST_ID} characters")
    oco = ask.together is Together.OCO
    prices(ask.type, None if oco and ask.limit is None else ask.limit, ask.stop, limit_elsewhere=oco)
    for name, price in (
        ("take_profit.limit_price", ask.take_profit),
        ("stop_loss.stop_price", ask.stop_loss),
        ("stop_loss.limit_price", ask.stop_loss_limit),
    ):
        tick(name, price)
    if ask.lasts in (Lasts.OPG, Lasts.CLS) and ask.type not in (Type.MARKET, Type.LIMIT):
        raise unprocessable(f"{ask.lasts.value} orders must be market or limit orders")
    if ask.extended and (ask.type is not Type.LIMIT or ask.lasts not in (Lasts.DAY, Lasts.GTC)):
        raise unprocessable("extended hours order must be DAY or GTC limit orders")
    if ask.together is not Together.SIMPLE:
        _legs(ask)


def prices(kind: Type, limit: int | None, stop: int | None, *, limit_elsewhere: bool = False) -> None:
    """Refuse prices that the type does not have, lacks, or that lie between two ticks."""
    wants_limit, wants_stop = kind in (Type.LIMIT, Type.STOP_LIMIT), kind in (Type.STOP, Type.STOP_LIMIT)
    if kind is Type.MARKET and (limit is not None or stop is not None):
        raise malformed("market orders require no stop or limit price")
    if wants_limit and limit is None and not limit_elsewhere:
        raise malformed(f"{kind.value} orders require limit price")
    if wants_stop and stop is None:
        raise malformed(f"{kind.value} orders require stop price")
    if (limit is not None and not wants_limit) or (stop is not None and not wants_stop):
        raise malformed(f"{kind.value} orders require no {'limit' if limit is not None and not wants_limit else 'stop'} price")
    tick("limit_price", limit)
    tick("stop_price", stop)


def tick(name: str, price: int | None) -> None:
    """Refuse a price that is none, or that lies between two ticks: a cent from a dollar on, 1/10,000 below."""
    if price is not None and price <= 0:
        raise malformed(f"{name.replace('_', ' ')} must be > 0")
    if price is not None and price >= PRICE and price % CENT:
        raise sub_penny(name, price)


def _legs(ask: Ask) -> None:
    if ask.lasts not in (Lasts.DAY, Lasts.GTC) or ask.extended:
        raise unprocessable(f"{ask.together.value} orders must be DAY or GTC orders in regular hours")
    if ask.notional or ask.shares % SHARE:
        raise unprocessable(f"fractional orders must be simple orders, not {ask.together.value}")
    both = ask.take_profit is not None and ask.stop_loss is not None
    if ask.together in (Together.BRACKET, Together.OCO) and not both:
        raise malformed(f"{ask.together.value} orders require take_profit.limit_price and stop_loss.stop_price")
    if ask.together is Together.OTO and (ask.take_profit is None) == (ask.stop_loss is None):
        raise malformed("oto orders require one of take_profit and stop_loss")
    if ask.together is Together.OCO and ask.type is not Type.LIMIT:
        raise malformed("oco orders must be limit orders")
    exits = ask.side if ask.together is Together.OCO else Side.SELL if ask.side is Side.BUY else Side.BUY
    if ask.take_profit is not None and ask.stop_loss is not None:
        apart = (ask.take_profit - ask.stop_loss) * -exits.sign
        if apart <= 0:
            raise unprocessable(f"take_profit.limit_price must be {'>' if exits is Side.SELL else '<'} stop_loss.stop_price")


def base(ask: Ask, quote: Quote | None) -> None:
    """Refuse legs on the wrong side of the price at which the order would be filled."""
    if ask.together not in (Together.BRACKET, Together.OTO):
        return
    far = 0 if quote is None else quote.ask if ask.side is Side.BUY else quote.bid
    price = ask.limit or ask.stop or far
    up = ask.side.sign
    if price and ask.take_profit is not None and (ask.take_profit - price) * up < CENT:
        raise too_close("take_profit.limit_price", ">= base_price + 0.01" if up > 0 else "<= base_price - 0.01", price)
    if price and ask.stop_loss is not None and (price - ask.stop_loss) * up < CENT:
        raise too_close("stop_loss.stop_price", "<= base_price - 0.01" if up > 0 else ">= base_price + 0.01", price)


def asset(ask: Ask, found: Asset | None) -> Asset:
    """Refuse what the broker does not trade, or not in parts."""
    if found is None:
        raise malformed(f'asset "{ask.symbol}" not found')
    if not found.tradable:
        raise unprocessable(f"asset {ask.symbol} is not tradable")
    if ask.shares % SHARE or ask.notional:
        if not found.fractional:
            raise forbidden(f'asset "{ask.symbol}" is not fractionable')
        if ask.lasts is not Lasts.DAY:
            raise unprocessable("fractional orders must be DAY orders")
        if ask.notional and ask.type is not Type.MARKET:
            raise unprocessable("notional orders must be market orders")
    return found


def in_shares(ask: Ask, state: State) -> Ask:
    """An amount that is to be got for what is held, as shares at the price that is bid."""
    if not ask.notional or not closes(ask, state.positions.get(ask.symbol)):
        return ask
    quote = state.quotes.get(ask.symbol)
    price = 0 if quote is None else quote.bid if ask.side is Side.SELL else quote.ask
    if not price or not ask.notional * SHARE // price:
        raise unprocessable(f"no price is known for {ask.symbol}")
    return replace(ask, shares=ask.notional * SHARE // price)


def hour(lasts: Lasts, now: Instant) -> None:
    """Refuse what needs a market that is open, or an auction that it is too late for."""
    if lasts in (Lasts.IOC, Lasts.FOK) and not hours.is_open(now):
        raise unprocessable(f"market is closed: {lasts.value} orders are accepted in regular hours only")
    if lasts in (Lasts.OPG, Lasts.CLS) and hours.too_late(lasts, now):
        raise unprocessable(f"{lasts.value} orders are not accepted between {'09:28' if lasts is Lasts.OPG else '15:50'} and 19:00 ET")


def reference(ask: Ask, quote: Quote | None) -> int:
    """The price that an order which opens or adds is valued at; 0 where there is none."""
    sure = 0 if quote is None else (quote.ask or quote.last) * _SURE // 100
    if ask.side is Side.SELL:
        return max(ask.limit or 0, sure)
    return ask.limit or ask.stop or sure


def closes(ask: Ask, position: Position | None) -> bool:
    """Whether the order makes a position smaller."""
    return position is not None and position.shares * ask.side.sign < 0


def holding(ask: Ask, state: State, found: Asset, without: str = "") -> None:
    """Refuse more than is held and free, short sales that may not be, and orders against the account's own."""
    position = state.positions.get(ask.symbol)
    others = [order for order in state.waiting() if order.symbol == ask.symbol and order.id != without]
    if closes(ask, position) and ask.together in (Together.BRACKET, Together.OTO):
        raise unprocessable(f"{ask.together.value} orders must be entry orders")
    if closes(ask, position):
        assert position is not None  # noqa: S101 - else it closes nothing
        there, kept = abs(position.shares), margin.held(state, ask.symbol, without)
        if ask.shares > there - kept:
            raise no_shares(ask.symbol, ask.shares, there, kept)
    elif ask.together is Together.OCO:
        raise no_shares(ask.symbol, ask.shares, 0, 0)
    else:
        _no_crossing_of_zero(ask, position, others)
        if ask.side is Side.SELL:
            short_sale(ask, state, found)
    if ask.together is Together.SIMPLE:
        wash(ask, others)


def _no_crossing_of_zero(ask: Ask, position: Position | None, others: Sequence[Order]) -> None:
    if position is None and any(not order.closes and order.armed and order.side is not ask.side for order in others):
        said = "cannot open a long buy while a short sell order is open"
        raise forbidden(said if ask.side is Side.BUY else "cannot open a short sell while a long buy order is open")


def short_sale(ask: Ask, state: State, found: Asset) -> None:
    """Refuse a short sale that the account, the asset or its size does not allow."""
    if not state.terms.shorting or margin.equity(state) < margin.LEAST:
        raise forbidden("account is not allowed to short")
    if ask.notional or ask.shares % SHARE:
        raise unprocessable("fractional orders cannot be sold short")
    if not found.shortable:
        raise unprocessable(f'asset "{ask.symbol}" cannot be sold short')
    if not found.easy_to_borrow:
        raise unprocessable(f'asset "{ask.symbol}" is hard to borrow')


def wash(ask: Ask, others: Sequence[Order]) -> None:
    """Refuse an order that could meet one of the account's own."""
    for order in others:
        if order.side is ask.side or not order.armed:
            continue
        if order.limit is None or ask.limit is None or (ask.limit - order.limit) * ask.side.sign >= 0:
            raise wash_trade(order)


def payable(ask: Ask, state: State, now: Instant, without: str = "") -> int:
    """The price that buying power is kept at; refuses what buying power does not reach."""
    quote = state.quotes.get(ask.symbol)
    if closes(ask, state.positions.get(ask.symbol)):
        return 0
    price = reference(ask, quote)
    if price <= 0:
        raise unprocessable(f"no price is known for {ask.symbol}")
    few = margin.equity(state) < margin.DAY_TRADER and now < margin.LEGACY_ENDS
    if few and margin.day_trades(state, now) >= margin.FREE_DAY_TRADES:
        raise day_trader()
    cost = ask.notional * SHARE if ask.notional else ask.shares * price
    power = margin.buying_power(state, margin.multiplier(state, now), without)
    if cost > power:
        raise no_power(power, cost)
    return price

"""What an account is worth and what it may still buy.

One rule: exposure (long and short, and what open orders would add) stays below equity times the multiplier. That is 1 below 2,000 USD of
equity; 4 in regular hours from 25,000 USD on; else 2, as Regulation T has it overnight. Nobody calls for margin after the close.
"""

from __future__ import annotations

from undertow.core.time import Instant
from undertow.sandbox.broker import hours
from undertow.sandbox.broker.units import DOLLAR, SHARE
from undertow.sandbox.broker.words import Order, State

LEAST = 2_000 * DOLLAR  #: equity below which nothing is lent
DAY_TRADER = 25_000 * DOLLAR  #: equity from which day traders were let be, and four times the equity may be used within a day
MAINTENANCE = 30  #: percentage of the exposure
FREE_DAY_TRADES = 3  #: in five sessions, below ``DAY_TRADER``
LEGACY_ENDS = 1_783_310_400 * 10**9  #: 2026-07-06 00:00 New York: from then on the rule of day traders and its fields are gone


def mark(state: State, symbol: str) -> int:
    """The price that a holding is valued at; 0 where none is known."""
    quote = state.quotes.get(symbol)
    return quote.mark if quote is not None else 0


def long_value(state: State) -> int:
    """Amount of what is held."""
    return sum(p.shares * mark(state, p.symbol) for p in state.positions.values() if p.shares > 0)


def short_value(state: State) -> int:
    """Amount of what was sold short; negative."""
    return sum(p.shares * mark(state, p.symbol) for p in state.positions.values() if p.shares < 0)


def equity(state: State) -> int:
    """Cash and holdings."""
    return state.cash + long_value(state) + short_value(state)


def exposure(state: State) -> int:
    """Amount of long and short holdings together."""
    return long_value(state) - short_value(state)


def reserved(state: State, without: str = "") -> int:
    """Amount that open orders would add to the exposure."""
    return sum(_adds(order) for order in state.waiting() if order.id != without)


def multiplier(state: State, now: Instant) -> int:
    """How many times its equity the account may hold now."""
    worth = equity(state)
    if worth < LEAST:
        return 1
    return 4 if worth >= DAY_TRADER and hours.is_open(now) else 2


def buying_power(state: State, times: int, without: str = "") -> int:
    """Amount that may still be bought or sold short; ``without`` is an order not to be counted."""
    return max(0, times * equity(state) - exposure(state) - reserved(state, without))


def maintenance(state: State) -> int:
    """Amount of equity that the holdings ask for."""
    return exposure(state) * MAINTENANCE // 100


def day_trades(state: State, now: Instant) -> int:
    """Round trips within a session, in this session and the four before."""
    today = hours.session(now)
    return sum(count for position, count in state.day_trades.items() if today - 4 <= position <= today)


def held(state: State, symbol: str, without: str = "") -> int:
    """Shares, unsigned, that open orders would take from the position; legs of one group are counted once."""
    groups: dict[str, int] = {}
    for order in state.waiting():
        if order.symbol == symbol and order.closes and order.armed and order.id != without:
            group = order.parent or order.id
            groups[group] = max(groups.get(group, 0), order.left)
    return sum(groups.values())


def _adds(order: Order) -> int:
    if order.closes or order.parent:
        return 0
    if order.notional:
        return order.notional * SHARE - order.value
    return order.left * order.reserve

"""From wanted positions to orders: pure, whole shares, one order a symbol at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from undertow.core.time import Instant
from undertow.execution.gateway.words import Lasts
from undertow.execution.path.words import Planned
from undertow.execution.risk.inputs import Intent, Item, Side
from undertow.tape.journal.ids import client_order_id, decision_id
from undertow.tape.journal.orders import DONE, UNKNOWN, Order, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """The position that a strategy wants."""

    symbol: str
    shares: float  #: signed; only whole shares are traded, towards 0
    band: float = 0.0  #: shares by which the position may differ before anything is done; a wish for none at all knows no band
    limit: float | None = None  #: USD a share
    lasts: Lasts = Lasts.DAY
    item: Item = Item.SHARE
    multiplier: float = 1.0
    underlying: str = ""
    turns: bool = False  #: whether the broker lets one order turn the position around


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Whose decision this is."""

    run: str
    at: Instant  #: ns UTC, of the decision, the same when it is taken again
    strategy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is there already, by the journal."""

    held: Mapping[str, float] = field(default_factory=dict)  #: signed shares
    live: tuple[Order, ...] = ()  #: orders that may still fill, without those of ``guards``
    guards: tuple[Order, ...] = ()  #: exits of brackets that wait at the broker
    of: Callable[[str], tuple[Order, ...]] = lambda _: ()  #: a decision's orders so far, in their order


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do now: cancel first, then send; what waits is asked again at the next tick."""

    orders: tuple[Planned, ...] = ()
    cancels: tuple[str, ...] = ()  #: client order ids
    waits: Mapping[str, str] = field(default_factory=dict)  #: symbol -> why nothing is sent in it


@dataclass(slots=True)
class _Draft:
    orders: list[Planned] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    waits: dict[str, str] = field(default_factory=dict)


def plan(wants: Iterable[Want], standing: Standing, tick: Tick) -> Plan:
    """Orders that bring what is held to what is wanted; symbols that nobody names stay as they are.

    A position that turns around is closed by one order, unless the want ``turns``; what opens the other side follows once that is
    filled. While nobody knows whether an order in a symbol is live nothing is sent in it, and one that works towards something else
    is cancelled first.
    """
    draft = _Draft()
    for want in sorted(wants, key=lambda each: each.symbol):
        _one(want, standing, tick, draft)
    return Plan(orders=tuple(draft.orders), cancels=tuple(draft.cancels), waits=draft.waits)


def signed(order: Order) -> float:
    """What an order may still add to a position."""
    return float(order.shares - order.filled) * (1.0 if order.side == "buy" else -1.0)


def _one(want: Want, standing: Standing, tick: Tick, draft: _Draft) -> None:
    if not math.isfinite(want.shares):
        draft.orders.append(_new(want, want.shares, standing, tick))  # the gate halts on it
        return
    live = [order for order in standing.live if order.symbol == want.symbol]
    unknown = [order for order in live if order.state in UNKNOWN]
    if unknown:
        draft.waits[want.symbol] = f"order {unknown[0].id} is {unknown[0].state}: it is looked up first"
        return
    held = standing.held.get(want.symbol, 0.0)
    absent = [order for order in live if order.state is State.ABSENT]
    working = [order for order in live if order.state is not State.ABSENT]
    if working:
        left = sum(signed(order) for order in live)
        if _shares(want, held) != left and _shares(want, held + left):
            draft.cancels += [order.id for order in working]
            draft.waits[want.symbol] = f"order {working[0].id} works towards something else: it is cancelled first"
        return
    shares = _shares(want, held)
    guards = [order.id for order in standing.guards if order.symbol == want.symbol]
    if shares and guards:
        draft.cancels += guards
        draft.waits[want.symbol] = f"the bracket's exit {guards[0]} waits at the broker: it is cancelled first"
    elif absent:
        _resend(want, shares, absent, draft)
    elif shares:
        _first(want, shares, standing, tick, draft)


def _shares(want: Want, held: float) -> float:
    """Signed whole shares that are missing, up to 0 where the position turns around; 0 where nothing is to be done."""
    target, band = float(math.trunc(want.shares)), want.band if want.band >= 0.0 else 0.0
    around = target != 0.0 and (target > 0.0) != (held > 0.0)
    if held and (target == 0.0 or (around and not want.turns)):
        return float(math.trunc(-held))
    missing = target - held
    return 0.0 if abs(missing) <= band else float(math.trunc(missing))


def _resend(want: Want, shares: float, absent: list[Order], draft: _Draft) -> None:
    order = absent[0]
    if len(absent) == 1 and signed(order) == shares and float(order.shares) == abs(shares):
        draft.orders.append(_planned(want, shares, order.id, order.decision, again=True))
    else:
        draft.waits[want.symbol] = f"order {order.id} was not found and may still arrive: nothing else is sent before it is given up"


def _first(want: Want, shares: float, standing: Standing, tick: Tick, draft: _Draft) -> None:
    before = standing.of(decision_id(tick.run, tick.at, want.symbol, tick.strategy))
    ended = [order for order in before if order.state in DONE and order.state is not State.FILLED]
    if ended:
        draft.waits[want.symbol] = f"order {ended[0].id} was {ended[0].state}: the next decision may ask again"
        return
    draft.orders.append(_new(want, shares, standing, tick))


def _new(want: Want, shares: float, standing: Standing, tick: Tick) -> Planned:
    """The decision's next order, or the one that it meant to send before a crash."""
    decision = decision_id(tick.run, tick.at, want.symbol, tick.strategy)
    before = standing.of(decision)
    for order in before:
        if order.state is State.INTENDED and signed(order) == shares:
            return _planned(want, shares, order.id, decision, again=True)
    name = client_order_id(tick.run, tick.at, want.symbol, tick.strategy, len(before))
    return _planned(want, shares, name, decision, again=False)


def _planned(want: Want, shares: float, name: str, decision: str, *, again: bool) -> Planned:
    intent = Intent(
        order_id=name,
        symbol=want.symbol,
        side=Side.SELL if shares < 0.0 else Side.BUY,
        shares=abs(shares),
        limit=want.limit,
        item=want.item,
        multiplier=want.multiplier,
        underlying=want.underlying,
    )
    return Planned(decision=decision, intent=intent, again=again, lasts=want.lasts)

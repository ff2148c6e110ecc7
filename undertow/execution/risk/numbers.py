"""Numbers that cannot be: one of them anywhere halts, for a limit compared with NaN is no limit."""

from __future__ import annotations

import math
from collections.abc import Iterator

from undertow.core.time import Instant
from undertow.execution.risk.inputs import Intent, World
from undertow.execution.risk.state import State

HUGE = 1e15  #: no price, size or amount is larger; sums and products of such stay finite
SMALL = 1e-6  #: no multiplier is smaller: one of 0 would make any position worth nothing
ANY = -math.inf
Found = tuple[str, str, float, float]  #: what it is, of which thing, its value, and the least that it may be; no words before they matter


def instant(world: World, state: State) -> Instant:
    """The world's instant, or, where that is no number, the last that is known."""
    return int(world.now) if math.isfinite(world.now) else max(state.since, *state.sent, 0)


def wrong_in_world(world: World) -> str:
    """A sentence about the first number that cannot be, or nothing."""
    return _first(_of_world(world))


def wrong_in_intent(intent: Intent) -> str:
    """The same of an order; a size or a limit below 0 is a bad order, not a broken number."""
    found = [("shares", intent.shares), ("multiplier", intent.multiplier)]
    if intent.limit is not None:
        found.append(("limit", intent.limit))
    of = f" of order {intent.order_id or '(no id)'} in {intent.symbol}"
    return _first((what, of, value, ANY) for what, value in found)


def _first(found: Iterator[Found]) -> str:
    for what, of, value, least in found:
        if not (math.isfinite(value) and value >= least):
            return f"{what}{of} is {value}"
        if not abs(value) <= HUGE:
            return f"{what}{of} is {value:.6g}, beyond anything possible ({HUGE:.0e})"
    return ""


def _of_world(world: World) -> Iterator[Found]:
    times: list[tuple[str, str, float]] = [("now", "", world.now), ("day", "", world.day)]
    times.append(("clock skew", "", 0 if world.clock_skew is None else world.clock_skew))
    times += [("known_at of channel ", each.name, 0 if each.known_at is None else each.known_at) for each in world.channels]
    times += [("known_at of the quote of ", symbol, quote.known_at) for symbol, quote in world.quotes.items()]
    for what, of, at in times:
        yield what, of, 0.0 if math.isfinite(at) else at, ANY  # whole numbers, larger than any amount; a careless caller's may be none
    account = world.account
    for name in ("cash", "equity", "start", "peak", "buying_power"):
        yield "the account's ", name, getattr(account, name), ANY
    yield "the account's unsettled cash", "", account.unsettled, 0.0
    yield "the account's day trades", "", account.day_trades, 0.0
    yield from _of_book(world)
    for symbol, quote in world.quotes.items():
        yield "bid of ", symbol, quote.bid, ANY
        yield "ask of ", symbol, quote.ask, ANY
    for symbol, shares in world.locates.items():
        yield "shares to borrow of ", symbol, shares, 0.0


def _of_book(world: World) -> Iterator[Found]:
    for held in world.positions:
        yield "shares held of ", held.symbol, held.shares, ANY
        yield "mark of ", held.symbol, held.mark, 0.0
        yield "multiplier of ", held.symbol, held.multiplier, SMALL
    for order in world.working:
        of = f"{order.intent.order_id} in {order.intent.symbol}"
        yield "what is left of working order ", of, order.left, 0.0
        yield "price of working order ", of, order.price, 0.0
        yield "multiplier of working order ", of, order.intent.multiplier, SMALL

"""Checks of the order itself, of the state, of time and of how fresh the data are."""

from __future__ import annotations

from undertow.core.time import SECOND, iso
from undertow.execution.risk.case import Case, Denial
from undertow.execution.risk.codes import Code
from undertow.execution.risk.state import Mode


def order_makes_sense(case: Case) -> Denial | None:
    """Bad order."""
    intent = case.intent
    if not intent.order_id or not intent.symbol:
        return Denial(Code.BAD_ORDER, f"The order {intent.order_id!r} in {intent.symbol!r} needs an id and a symbol.")
    for what, value in (("size", intent.shares), ("multiplier", intent.multiplier), ("limit", intent.limit)):
        if value is not None and not value > 0.0:
            return Denial(Code.BAD_ORDER, f"The {what} of order {intent.order_id} is {value:g}; it must be above 0.")
    return None


def order_is_new(case: Case) -> Denial | None:
    """Duplicate order."""
    own = case.intent.order_id
    if own in case.state.ids or any(each.intent.order_id == own for each in case.world.working):
        return Denial(Code.DUPLICATE_ORDER, f"An order {own} was allowed before; it is not sent twice.")
    return None


def flatten_closes(case: Case) -> Denial | None:
    """Flatten opens."""
    intent = case.intent
    if intent.flatten and not case.closes:
        said = f"{intent.side.name} {intent.shares:g} {intent.symbol} is marked as flattening, and {case.held:g} are held"
        return Denial(Code.FLATTEN_OPENS, f"{said}: with what works on that side it would open something.")
    return None


def exits_are_slow_enough(case: Case) -> Denial | None:
    """Exits per minute; every order counts."""
    sent, most = case.state.sent_since(case.world.now), case.limits.exits_per_minute
    if not sent < most:
        return Denial(Code.EXITS_PER_MINUTE, f"{sent} orders were sent in the last minute, and one that closes waits from {most} on.")
    return None


def state_allows_entries(case: Case) -> Denial | None:
    """Reducing."""
    if case.state.mode is not Mode.ACTIVE:
        return Denial(Code.REDUCING, f"Only orders that close pass since {iso(case.state.since)}: {case.state.why}")
    return None


def clock_is_right(case: Case) -> Denial | None:
    """Clock skew: measured, or seen in facts from the future or in orders sent later than now."""
    world, most = case.world, case.limits.clock_skew
    if world.clock_skew is None:
        return Denial(Code.CLOCK_SKEW, "The clock was not compared with a trusted one.")
    if not abs(world.clock_skew) <= most:
        return Denial(Code.CLOCK_SKEW, f"The clock is off by {_seconds(world.clock_skew)}, more than {_seconds(most)}.")
    told = [each.known_at for each in world.channels if each.known_at is not None]
    newest = max([*told, *([case.quote.known_at] if case.quote else [])], default=world.now)
    if not newest <= world.now + most:
        return Denial(Code.CLOCK_SKEW, f"Something was known {_seconds(newest - world.now)} from now, more than {_seconds(most)}.")
    if case.state.sent and not case.state.sent[-1] <= world.now:
        return Denial(Code.CLOCK_SKEW, f"An order was sent at {iso(case.state.sent[-1])}, which is later than now, {iso(world.now)}.")
    return None


def channels_are_fresh(case: Case) -> Denial | None:
    """Stale channel: each that has a limit must have been heard, each that was given must have a limit."""
    heard, most_of = {each.name: each.known_at for each in case.world.channels}, dict(case.limits.channels)
    for name in sorted({*heard, *most_of}):
        at, most = heard.get(name), most_of.get(name)
        if most is None:
            return Denial(Code.STALE_CHANNEL, f"No limit says how old the channel {name} may be.")
        if at is None:
            return Denial(Code.STALE_CHANNEL, f"Nothing was ever heard on the channel {name}; {_seconds(most)} of silence are allowed.")
        if not case.world.now - at <= most:
            return Denial(
                Code.STALE_CHANNEL, f"The channel {name} has been silent for {_seconds(case.world.now - at)}, at most {_seconds(most)}."
            )
    return None


def minute_has_room(case: Case) -> Denial | None:
    """Orders per minute."""
    sent, most = case.state.sent_since(case.world.now), case.limits.orders_per_minute
    if not sent < most:
        return Denial(Code.ORDERS_PER_MINUTE, f"{sent} orders were sent in the last minute, at most {most}.")
    return None


def day_has_room(case: Case) -> Denial | None:
    """Orders per day."""
    sent, most = case.state.today, case.limits.orders_per_day
    if not sent < most:
        return Denial(Code.ORDERS_PER_DAY, f"{sent} orders were sent this exchange day, at most {most}.")
    return None


def _seconds(span: int) -> str:
    return f"{span / SECOND:g} s"

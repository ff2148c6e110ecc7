"""The gate itself: ``judge`` asks every check in its order and answers with the first no, or with yes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from undertow.core.time import iso
from undertow.execution.risk import form, market, money, size
from undertow.execution.risk.case import Case, Denial, case_of
from undertow.execution.risk.codes import Code
from undertow.execution.risk.exposure import TINY, held_of
from undertow.execution.risk.inputs import Intent, Working, World
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.numbers import instant, wrong_in_intent, wrong_in_world
from undertow.execution.risk.state import Mode, State, counted, moved

Check = Callable[[Case], Denial | None]

ALWAYS: tuple[Check, ...] = (form.order_makes_sense, form.order_is_new, form.flatten_closes)
EXITS: tuple[Check, ...] = (form.exits_are_slow_enough, market.exit_is_near)
ENTRIES: tuple[Check, ...] = (
    form.state_allows_entries,
    form.clock_is_right,
    form.channels_are_fresh,
    market.quote_is_there,
    market.quote_is_fresh,
    market.quote_makes_sense,
    market.spread_is_narrow,
    market.limit_is_near,
    form.minute_has_room,
    form.day_has_room,
    money.losses_leave_room,
    size.order_is_small,
    size.order_is_cheap,
    size.no_option_is_short,
    size.position_is_small,
    size.name_is_small,
    size.sector_is_small,
    size.everything_is_small,
    size.premium_of_name_is_small,
    size.premium_is_small,
    money.shares_can_be_borrowed,
    money.rule_of_the_day_allows,
    money.buying_power_is_there,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the gate says; the state is the one to persist, whatever the answer."""

    allowed: bool
    code: Code
    sentence: str
    state: State
    price: float = 0.0  #: USD a share that an allowed order was valued at, for its ``Working``


def judge(intent: Intent, world: World, limits: Limits, state: State) -> Verdict:
    """Whether an order may be sent; pure, and never raises for what its inputs hold.

    An order that takes away from a position passes while REDUCING and on stale data; while HALTED only if it is marked ``flatten``.
    """
    now = watch(world, limits, state)
    wrong = wrong_in_intent(intent)
    if wrong:
        now = moved(now, Mode.HALTED, Code.NOT_A_NUMBER, f"{_upper(wrong)}: trading is halted.", instant(world, now))
        return Verdict(allowed=False, code=Code.NOT_A_NUMBER, sentence=f"{_upper(wrong)}: the order is not sent.", state=now)
    case = case_of(intent, world, limits, now)
    denial = _of_mode(case, state) or _first(ALWAYS, case)
    if denial is None:
        denial = _first(EXITS, case) if case.closes else _just_reduced(case, state) or _first(ENTRIES, case)
    if denial is not None:
        return Verdict(allowed=False, code=denial.code, sentence=denial.sentence, state=now)
    said = f"{intent.side.name} {intent.shares:g} {intent.symbol} at about {case.price:,.4f} passed every check."
    return Verdict(
        allowed=True, code=Code.ALLOWED, sentence=said, state=counted(now, intent.order_id, instant(world, now)), price=case.price
    )


def watch(world: World, limits: Limits, state: State) -> State:
    """The state after looking at the world without an order: new day, numbers that cannot be, losses. Call it at every tick."""
    wrong = wrong_in_world(world)
    if wrong:
        return moved(state, Mode.HALTED, Code.NOT_A_NUMBER, f"{_upper(wrong)}: trading is halted.", instant(world, state))
    state = _on_its_day(state, world)
    for mode, denial in _losses(world, limits, state):
        state = moved(state, mode, denial.code, denial.sentence, instant(world, state))
    return state


def to_cancel(world: World, state: State) -> tuple[str, ...]:
    """Ids of working orders that the state no longer allows: all but those that flatten while HALTED, all but exits while REDUCING."""
    if state.mode is Mode.ACTIVE:
        return ()
    halted = state.mode is Mode.HALTED
    gone = (each for each in world.working if (not each.intent.flatten if halted else _may_open(each, world)))
    return tuple(each.intent.order_id for each in gone)


def _may_open(order: Working, world: World) -> bool:
    same = [each.left for each in world.working if each.intent.symbol == order.intent.symbol and each.intent.side is order.intent.side]
    held = held_of(world, order.intent.symbol) * order.intent.side
    return not (held < 0.0 and sum(same) <= -held + TINY)


def _on_its_day(state: State, world: World) -> State:
    account = world.account
    if world.day > state.day:
        return replace(
            state, day=int(world.day), base=None, peak=max(account.start, account.peak, account.equity), rebase=False, today=0, ids=()
        )
    if state.rebase:
        return replace(state, base=account.equity, peak=account.equity, rebase=False)
    seen = (account.equity,) if state.base is not None else (account.equity, account.peak)
    return replace(state, peak=max(state.peak, *seen))


def _losses(world: World, limits: Limits, state: State) -> list[tuple[Mode, Denial]]:
    """What losses ask for, the hardest first."""
    account = world.account
    start = account.start if state.base is None else state.base
    measures = (
        (Mode.HALTED, Code.LOSS_HALTS, "start", start, limits.loss_halt),
        (Mode.HALTED, Code.PEAK_HALTS, "peak", state.peak, limits.peak_halt),
        (Mode.REDUCING, Code.LOSS_REDUCES, "start", start, limits.loss_reduce),
        (Mode.REDUCING, Code.PEAK_REDUCES, "peak", state.peak, limits.peak_reduce),
    )
    found = []
    for mode, code, of, high, share in measures:
        if not high - account.equity < share * high:
            fall = f"Equity is {account.equity:,.2f} USD, {high - account.equity:,.2f} below the day's {of} of {high:,.2f}"
            found.append((mode, Denial(code, f"{fall}; from {share * high:,.2f} ({share:.1%}) on trading is {mode.value}.")))
    return found


def _of_mode(case: Case, before: State) -> Denial | None:
    """The answer of a HALTED state: its cause to the order that met it first, HALTED to those after it."""
    if case.state.mode is not Mode.HALTED or (case.intent.flatten and case.closes):
        return None
    if before.mode is not Mode.HALTED:
        return Denial(Code(case.state.code), case.state.why)
    return Denial(Code.HALTED, f"Trading is halted since {iso(case.state.since)}: {case.state.why}")


def _just_reduced(case: Case, before: State) -> Denial | None:
    """The cause, to the order that met it first."""
    if before.mode is Mode.ACTIVE and case.state.mode is Mode.REDUCING:
        return Denial(Code(case.state.code), case.state.why)
    return None


def _first(checks: tuple[Check, ...], case: Case) -> Denial | None:
    return next((denial for check in checks if (denial := check(case)) is not None), None)


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]

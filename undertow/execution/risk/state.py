"""What the gate remembers between orders: how far trading is allowed, why, and how many orders were sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from functools import cache
from typing import get_type_hints

from undertow.core.errors import BadInput
from undertow.core.time import MINUTE, Instant
from undertow.execution.risk.codes import Code

LOSSES = (Code.LOSS_HALTS, Code.PEAK_HALTS, Code.LOSS_REDUCES, Code.PEAK_REDUCES)


class Mode(StrEnum):
    """How far trading is allowed."""

    ACTIVE = "active"
    REDUCING = "reducing"  #: only orders that close
    HALTED = "halted"  #: only orders that flatten


SEVERITY = (Mode.ACTIVE, Mode.REDUCING, Mode.HALTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """Persist it (``to_dict``) before an allowed order is sent."""

    mode: Mode = Mode.ACTIVE
    code: str = ""  #: of what ended ACTIVE; empty while ACTIVE
    why: str = ""  #: the sentence that went with it
    since: Instant = 0  #: of the mode, ns UTC
    day: int = -1  #: the exchange's day, days since 1970
    base: float | None = None  #: USD from which the day's loss counts after a re-arming; None is the day's start
    peak: float = 0.0  #: USD, highest equity that was seen this day or since a re-arming
    rebase: bool = False  #: the next equity that is seen is the base and the peak
    sent: tuple[int, ...] = ()  #: ns UTC of the orders that were allowed within a minute of the last one
    today: int = 0  #: orders that were allowed this exchange day
    ids: tuple[str, ...] = ()  #: theirs
    rearmed_by: str = ""
    rearmed_at: Instant = 0

    def to_dict(self, without: int = 0) -> dict[str, object]:
        """As JSON can keep it, ``without`` so many of the first ids."""
        plain = {name: getattr(self, name) for name in self.__slots__}
        return plain | {"mode": self.mode.value, "sent": list(self.sent), "ids": list(self.ids[without:])}

    @classmethod
    def from_dict(cls, kept: Mapping[str, object]) -> State:
        """The state that ``to_dict`` gave; raises ``BadInput`` for anything else, for a state in doubt is no reason to trade."""
        names = {each.name for each in fields(cls)}
        if set(kept) != names:
            raise BadInput(
                f"the risk state lacks {sorted(names - set(kept))} and has {sorted(set(kept) - names)} beyond it: nothing is traded"
            )
        known = dict(kept) | {name: tuple(_list(kept[name], name)) for name in ("sent", "ids")}
        if known["mode"] not in [mode.value for mode in Mode]:
            raise BadInput(f"the risk state's mode is {known['mode']!r}, not one of {', '.join(Mode)}: nothing is traded")
        known["mode"] = Mode(str(known["mode"]))
        wrong = [name for name in names if not _fits(known[name], _kinds()[name])]
        if wrong or (known["mode"] is Mode.ACTIVE) != (known["code"] == ""):
            raise BadInput(f"the risk state contradicts itself in {', '.join(sorted(wrong)) or 'mode and code'}: nothing is traded")
        return cls(**known)  # type: ignore[arg-type]

    def sent_since(self, now: Instant) -> int:
        """How many orders were allowed in the minute before ``now``, or, by a clock that was set back, after it."""
        return sum(at > now - MINUTE for at in self.sent)


@cache
def _kinds() -> dict[str, object]:
    return get_type_hints(State)


def _list(value: object, name: str) -> list[object]:
    if not isinstance(value, list):
        raise BadInput(f"the risk state's {name} is no list: nothing is traded")
    return value


def _fits(value: object, kind: object) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if kind == tuple[int, ...]:
        return isinstance(value, tuple) and all(type(each) is int for each in value)
    if kind == tuple[str, ...]:
        return isinstance(value, tuple) and all(type(each) is str for each in value)
    if kind == float | None:
        return value is None or number
    return number if kind is float else type(value) is kind


def moved(state: State, mode: Mode, code: Code, why: str, at: Instant) -> State:
    """The state after a reason to be in ``mode``; never back to a milder one."""
    if SEVERITY.index(mode) <= SEVERITY.index(state.mode):
        return state
    return replace(state, mode=mode, code=code.value, why=why, since=at)


def stopped(state: State, why: str, at: Instant) -> State:
    """The state after a person or the kill switch stopped trading."""
    return moved(state, Mode.HALTED, Code.STOPPED, why, at)


def counted(state: State, order_id: str, at: Instant) -> State:
    """The state with one more order that was allowed."""
    recent = tuple(each for each in state.sent if each > at - MINUTE)
    return replace(state, sent=(*recent, at), today=state.today + 1, ids=(*state.ids, order_id))


def phrase_for(state: State) -> str:
    """What a person has to write to re-arm: it names why trading ended, so that it has been read."""
    return f"I have read why: {state.code}. Trade again."


def rearm(state: State, who: str, when: Instant, phrase: str) -> State:
    """ACTIVE again, by a person who writes ``phrase_for(state)``; the one way back. Raises ``BadInput``.

    After a limit on losses the day's loss counts anew, from the next equity that is seen: otherwise the first order would halt again.
    """
    if state.mode is Mode.ACTIVE:
        raise BadInput("trading is active: there is nothing to re-arm")
    if not who.strip() or when < state.since:
        raise BadInput("a re-arming needs the name of a person and an instant that is not before trading ended; nothing was changed")
    if phrase != phrase_for(state):
        raise BadInput(f"trading stays {state.mode.value} ({state.why}): to re-arm, write {phrase_for(state)!r}")
    rebase = state.rebase or state.code in LOSSES
    return replace(state, mode=Mode.ACTIVE, code="", why="", since=when, rebase=rebase, rearmed_by=who, rearmed_at=when)

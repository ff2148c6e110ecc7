"""What a Python strategy sees and says: the account, the last trades, and when it wants to be woken next."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from operator import length_hint
from typing import NamedTuple, Protocol, runtime_checkable

from undertow.execution.account import CASH, EQUITY, SHARES
from undertow.execution.events.fold import NEVER, TICK, Ticks
from undertow.execution.events.machine import Machine

INF = math.inf


class Wake(NamedTuple):
    """What a sleeping strategy orders now and when it is called next: at whichever comes first. None of them: never again."""

    shares: float = 0.0  #: signed, a market order; 0.0 for none
    after: int = NEVER  #: events from now, at least 1
    at: int = NEVER  #: ns UTC: at the first event at or after it
    below: float = -INF  #: USD: at the first price below it
    above: float = INF  #: USD: at the first price above it


class View:
    """The account after the present event was filled and marked; one object, always up to date."""

    __slots__ = ("_ahead", "_cash", "_machine", "_until", "shares")

    def __init__(self, machine: Machine) -> None:
        """Look at this machine's account."""
        self._machine = machine
        self.follow(iter(()), 0)
        self.refresh()

    shares: float  #: held, signed
    _cash: float

    def follow(self, ahead: Iterator[float], until: int) -> None:
        """The events that are still ahead, by a list's iterator that knows how many, up to number ``until`` of this push."""
        self._ahead, self._until = ahead, until

    def passed(self) -> int:
        """How many events of this push have been, with the present one: counted here only when asked for, not at every event."""
        return int(self._until) - length_hint(self._ahead)

    def refresh(self) -> None:
        """Read what only fills change."""
        slots = self._machine.slots
        self._cash, self.shares = slots[CASH], slots[SHARES]

    @property
    def pending(self) -> float:
        """Ordered and not filled yet, signed shares."""
        return self._machine.pending()

    @property
    def cash(self) -> float:
        """USD."""
        if self.shares < 0.0 and self._machine.rules.borrow > 0.0:  # the lender is paid at every event
            self._catch_up()
        return self._cash

    @property
    def equity(self) -> float:
        """USD at the last price."""
        self._catch_up()
        return self._machine.slots[EQUITY]

    def _catch_up(self) -> None:
        passed = self.passed()
        if self._machine.place_in[TICK] < passed:
            self._machine.advance(passed)
            self.refresh()


#: a strategy that is called on every event: (at in ns UTC, price in USD, size in shares, account) -> signed shares to order, or None
OnEvent = Callable[[int, float, float, View], float | None]


@runtime_checkable
class Sleeper(Protocol):
    """A strategy that is called only when it asked to be."""

    memory: int  #: how many of the last events it wants to look back at
    first: Wake  #: when it is called first; its shares are ordered by nobody

    def on_wake(self, seen: Ticks, account: View) -> Wake:
        """Called after the event it waited for: the last ``memory`` events, fewer at the start, of which the last is the present one."""
        ...

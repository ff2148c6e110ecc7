"""How much of the past a number rests on: what a warm-up has to load (law 5)."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from undertow.core.events import Bar, CorporateAction, DailyBar, Event
from undertow.core.time import DAY, Duration

FOREVER: Duration = 100 * 365 * DAY  #: of a kind whose every event counts, such as splits


@dataclass(frozen=True, slots=True)
class Memory:
    """A stretch of history: from a tick back over the span, then so many events of the symbol, so many sessions, and the span again.

    The span counts on both sides because an operator that looks back by time may stand before or behind one that counts events.
    """

    events: int = 0
    sessions: int = 0
    span: Duration = 0  #: ns

    def then(self, later: Memory) -> Memory:
        """The memory of one operator on top of another."""
        return Memory(self.events + later.events, self.sessions + later.sessions, self.span + later.span)

    def either(self, other: Memory) -> Memory:
        """The memory that covers both of two operators side by side."""
        return Memory(max(self.events, other.events), max(self.sessions, other.sessions), max(self.span, other.span))


#: kind -> how many of its events a session holds at least; half days have 42 bars of five minutes
_A_SESSION: dict[type[Event], int] = {DailyBar: 1, Bar: 42}


def elsewhere(own: Memory, base: type[Event], other: type[Event]) -> Memory:
    """The memory of an operator along ``base`` that reads what was joined from another kind.

    So many bars are so many sessions of the other kind, whose own events may be rarer or denser; an eighth more, for bars may be missing.
    """
    if other in (base, CorporateAction) or base not in _A_SESSION or not own.events:
        return own
    sessions = ceil(own.events / _A_SESSION[base])
    return Memory(sessions=own.sessions + sessions + sessions // 8 + 1, span=own.span)

"""How much of the past a number rests on: what a warm-up has to load (law 5)."""

from __future__ import annotations

from dataclasses import dataclass

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

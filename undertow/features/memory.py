"""How much of the past a number rests on: what a warm-up has to load (law 5)."""

from __future__ import annotations

from dataclasses import dataclass

from undertow.core.time import Duration


@dataclass(frozen=True, slots=True)
class Memory:
    """A stretch of history: so many events of the kind and symbol, so many sessions and so much time, one after the other."""

    events: int = 0
    sessions: int = 0
    span: Duration = 0  #: ns

    def then(self, later: Memory) -> Memory:
        """The memory of one operator on top of another."""
        return Memory(self.events + later.events, self.sessions + later.sessions, self.span + later.span)

    def either(self, other: Memory) -> Memory:
        """The memory that covers both of two operators side by side."""
        return Memory(max(self.events, other.events), max(self.sessions, other.sessions), max(self.span, other.span))

"""The tape as a source: history from disk, in the same chunks as any vendor's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from undertow.core.chunk import Chunk
from undertow.core.events import CorporateAction, Event
from undertow.core.time import Instant
from undertow.tape.store import Tape

BEFORE_ALL: Instant = -(2**63)


class TapeSource:
    """A ``core.protocols.Source`` over a tape; one chunk a kind. ``simulated`` where the tape is of a simulated market."""

    name = "tape"

    def __init__(self, tape: Tape, *, simulated: bool = False) -> None:
        self.simulated = simulated
        self._tape = tape
        self.kinds: tuple[type[Event], ...] = tape.kinds()

    def versions(self) -> dict[str, int]:
        """Event kind -> version of its table: with these a run can be repeated on the same rows."""
        return self._tape.versions()

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Rows with ``after < known_at <= until``; corporate actions from the beginning, for prices are adjusted over all splits."""
        for kind in self.kinds:
            chunk = self._tape.read(kind, symbols, BEFORE_ALL if kind is CorporateAction else after, until)
            if len(chunk):
                yield chunk

"""The tape as a source: history from disk, in the same chunks as any vendor's."""

from __future__ import annotations

import hashlib
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
        self._written: dict[str, list[tuple[Instant, str, int]]] | None = None

    def versions(self) -> dict[str, int]:
        """Event kind -> version of its table: with these a run can be repeated on the same rows."""
        return self._tape.versions()

    def state(self, at: Instant) -> dict[str, str]:
        """Event kind -> digest of the files with rows known by an instant, as of the first call; the same rows while it is the same."""
        if self._written is None:
            self._written = {kind.kind: self._tape.written(kind) for kind in self.kinds}
        return {kind: _digest([file for file in files if file[0] <= at]) for kind, files in self._written.items()}

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Rows with ``after < known_at <= until``; corporate actions from the beginning, for prices are adjusted over all splits."""
        for kind in self.kinds:
            chunk = self._tape.read(kind, symbols, BEFORE_ALL if kind is CorporateAction else after, until)
            if len(chunk):
                yield chunk


def _digest(files: list[tuple[Instant, str, int]]) -> str:
    return hashlib.sha256(repr(files).encode()).hexdigest()[:16] if files else ""

"""A session as it was received: every row that a decision rested on, on the disk before anything follows from it, then on a tape."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from undertow.app.trading.ahead import Ahead
from undertow.core.chunk import Chunk
from undertow.core.time import Instant
from undertow.tape.store import Tape, frame_of

AHEAD = "received.rows"  #: below the session's folder


class Recording:
    """The rows of one session. Raises ``StoreError`` where the disk refuses: what could not be recorded is not traded on."""

    def __init__(self, folder: Path) -> None:
        self._tape, self._ahead = Tape(folder), Ahead(folder / AHEAD)
        self._clean = False  # whether nothing that a killed session left, maybe torn, is ahead of the tape

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Put rows on the disk, all of them or none."""
        self.begin(chunks)
        self.end()

    def begin(self, chunks: Sequence[Chunk]) -> None:
        """Put rows down, all of them or none; they are sure to be on the disk when ``end`` has returned."""
        if not self._clean:
            self.settle()
        if rows := [chunk for chunk in chunks if len(chunk)]:
            self._clean = False
            self._ahead.begin(rows)

    def end(self) -> None:
        """Wait for the disk: nothing that follows from the rows is written down or asked of anybody before."""
        self._ahead.end()
        self._clean = True

    def settle(self) -> None:
        """Take what is on the disk over to the tape, which takes longer; what is there already is not written twice."""
        self._ahead.take_over(lambda chunk: self._tape.append(chunk.kind, frame_of(chunk, ", ".join(chunk.sources))))
        self._clean = True

    def read(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """The rows that became known in between, a chunk a kind."""
        self.settle()
        for kind in self._tape.kinds():
            chunk = self._tape.read(kind, symbols, after, until)
            if len(chunk):
                yield chunk

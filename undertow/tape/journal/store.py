"""Where entries are kept: what any storage must do for the journal. SQLite (see ``sqlite``) and PostgreSQL (``postgres``) do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from undertow.core.time import Instant
from undertow.tape.journal.entry import FIRST, Entry, Kind, Raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the chain ends."""

    sequence: int = 0  #: of the last entry; 0 where there is none
    hash: str = FIRST

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are asked for; everything said must hold, and what is not said does not matter."""

    id: str | None = None
    kinds: tuple[Kind, ...] = ()
    first: int = 1  #: sequence, of the range's own
    last: int | None = None  #: sequence, of the range's own
    after: Instant | None = None  #: ``after < at``, ns UTC
    until: Instant | None = None  #: ``at <= until``


class Store(Protocol):
    """A place for entries. What the place refuses is a ``StoreError``, what lies there torn is ``BadData``."""

    def head(self) -> Head:
        """Where the chain ends, by the note that every append renews; raises ``BadData`` where that note is gone."""

    def append(self, head: Head, entries: Sequence[Entry]) -> None:
        """Put entries after ``head``: all or none, on the disk when it returns.

        Raises ``StoreError`` where the chain does not end at ``head``.
        """

    def rows(self, wanted: Wanted) -> Iterator[Raw]:
        """Entries in order as they lie there, never keeping a writer waiting for longer than a batch of them takes."""

    def following(self, previous: str) -> list[Raw]:
        """Entries that say they follow a hash: one, unless somebody was at them."""

    def damage(self) -> str:
        """What is wrong with the storage itself; empty where nothing is."""

    def close(self) -> None:
        """Let go of it, for another to write."""

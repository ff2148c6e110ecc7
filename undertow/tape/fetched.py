"""What was asked of a vendor and came whole: spans of ``known_at`` by vendor, kind and symbol. With it nothing is asked twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass

from undertow.core.errors import StoreError
from undertow.core.time import Instant
from undertow.tape.store import Tape

_TABLE = """
CREATE TABLE IF NOT EXISTS fetched (
    vendor TEXT NOT NULL, kind TEXT NOT NULL, symbol TEXT NOT NULL,
    after INTEGER NOT NULL, until INTEGER NOT NULL, at INTEGER NOT NULL, rows INTEGER NOT NULL, lacks TEXT NOT NULL,
    PRIMARY KEY (vendor, kind, symbol, after, until)
)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Rows with ``after < known_at <= until`` of a kind and symbol are on the tape, as far as the vendor has them."""

    vendor: str
    kind: str  #: of bars with their span: ``bar 5m``
    symbol: str
    after: Instant  #: ns UTC
    until: Instant
    at: Instant  #: when it was asked
    rows: int
    lacks: str = ""  #: what the vendor did not give and why; empty where nothing is known to lack


class Fetched:
    """The ledger of a tape, in one SQLite file beside its tables: each entry whole or absent, even after ``kill -9``."""

    def __init__(self, tape: Tape) -> None:
        self._path = tape.folder / "fetched.sqlite"

    def note(self, spans: Sequence[Span]) -> None:
        """Keep spans; one that is asked again replaces what was kept. Raises ``StoreError``."""
        with self._open() as file:
            file.executemany(
                "INSERT OR REPLACE INTO fetched VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [(s.vendor, s.kind, s.symbol, s.after, s.until, s.at, s.rows, s.lacks) for s in spans],
            )

    def spans(self) -> list[Span]:
        """Every span, by vendor, kind, symbol and time. Raises ``StoreError``."""
        if not self._path.exists():
            return []
        with self._open() as file:
            rows = file.execute("SELECT vendor, kind, symbol, after, until, at, rows, lacks FROM fetched ORDER BY 1, 2, 3, 4, 5")
            names = [column[0] for column in rows.description]
            return [Span(**dict(zip(names, row, strict=True))) for row in rows]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=60)) as file, file:
                file.execute(_TABLE)
                yield file
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"The ledger of what was fetched, {self._path}, could not be used ({error}).") from error


def missing(held: Sequence[tuple[Instant, Instant]], after: Instant, until: Instant) -> list[tuple[Instant, Instant]]:
    """The parts of ``(after, until]`` that lie in none of the spans held, in order.

    >>> missing([(0, 5), (3, 7), (9, 12)], 2, 10)
    [(7, 9)]
    """
    parts = []
    for a, b in sorted(held):
        if a > after and after < until:
            parts.append((after, min(a, until)))
        after = max(after, b)
        if after >= until:
            break
    if after < until:
        parts.append((after, until))
    return [(a, b) for a, b in parts if a < b]

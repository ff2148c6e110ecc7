"""From rows to a chunk: what every kind of Unusual Whales' rows has in common. A row is taken, left out with a reason, or fatal."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from undertow.core.chunk import Chunk, Origin, chunk_of
from undertow.core.events import Event, Grade, columns_of
from undertow.core.time import Instant
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.stamps import day_of, instant, instant_of

NAME = "unusual_whales"
HEARTBEAT = "row without content"
ELSEWHERE = "of other symbols"
TWICE = "told twice"
_OPTION = re.compile(r"(?:O:)?([A-Z0-9.]+?)(\d{6})([CP])(\d{8})")
_NOTHING: tuple[object, ...] = (None, "", "[]", "{}", [], {}, 0, False)


class Clocks(NamedTuple):
    """When it happened, when it could be known (ns UTC), and how sure the second is."""

    event_at: Instant
    known_at: Instant
    grade: Grade


class Contract(NamedTuple):
    """An option's terms."""

    root: str
    expiry: int  #: days since 1970
    strike: int  #: 1/10,000 USD
    is_put: int


@dataclass(frozen=True, slots=True)
class Parsed:
    """Rows as a chunk, and how many were left out by reason."""

    chunk: Chunk
    left_out: Mapping[str, int]


@dataclass(slots=True)
class Draft:
    """Rows of one kind as they are read."""

    kind: type[Event]
    symbols: tuple[str, ...]
    rows: list[tuple[int, Clocks, int, dict[str, Any]]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def key(self, ticker: object) -> int | None:
        """Position of a ticker in the universe; None, and counted, where it is not in it. Raises ``BadAnswer`` where it is no text."""
        if not isinstance(ticker, str) or not ticker:
            raise BadAnswer(f"it names {ticker!r} as its ticker")
        if ticker in self.symbols:
            return self.symbols.index(ticker)
        self.left_out[ELSEWHERE] += 1
        return None

    def add(self, key: int, clocks: Clocks, seq: int, columns: dict[str, Any]) -> None:
        """Take a row. ``seq`` comes from the row itself (see ``stable``), so that it is the same in every reading."""
        self.rows.append((key, clocks, seq, columns))

    def parsed(self) -> Parsed:
        """The rows in ``(known_at, seq)`` order, each once."""
        kept: dict[tuple[int, Instant, int], tuple[int, Clocks, int, dict[str, Any]]] = {}
        for row in sorted(self.rows, key=lambda row: (row[1].known_at, row[2], row[0])):
            if kept.setdefault((row[0], row[1].event_at, row[2]), row) is not row:
                self.left_out[TWICE] += 1
        rows = list(kept.values())

        def numbers(values: Iterable[int]) -> Any:
            return np.fromiter(values, np.int64, len(rows))

        types = {int: np.int64, float: np.float64, str: object}
        columns = {
            name: np.array([row[3][name] for row in rows], types[unit.kept])
            for name, unit in columns_of(self.kind).items()
            if not rows or name in rows[0][3]
        }
        chunk = chunk_of(
            self.kind,
            self.symbols,
            key=numbers(row[0] for row in rows),
            event_at=numbers(row[1].event_at for row in rows),
            known_at=numbers(row[1].known_at for row in rows),
            columns=columns,
            origin=Origin(Grade.STAMPED, (NAME,)),
        )
        grade = np.array([int(row[1].grade) for row in rows], np.int8)
        return Parsed(replace(chunk, seq=numbers(row[2] for row in rows), grade=grade), dict(self.left_out))


def read(kind: type[Event], rows: Iterable[Row], symbols: Sequence[str], one: Callable[[Draft, Row], None]) -> Parsed:
    """Read rows by ``one``. Raises ``BadAnswer`` naming the first row that cannot be read: then nothing is taken."""
    draft = Draft(kind, tuple(symbols))
    for number, row in enumerate(rows, 1):
        if all(value in _NOTHING for value in row.values()):
            draft.left_out[HEARTBEAT] += 1
            continue
        try:
            one(draft, row)
        except BadAnswer as error:
            raise BadAnswer(f"Row {number} of Unusual Whales' {kind.kind} rows cannot be read: {error}") from None
    return draft.parsed()


def stable(*parts: object) -> int:
    """A number from 0 to 2^62 - 1 that belongs to these values, the same in every run."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 2


def first(row: Row, *names: str) -> Any:
    """The first of these fields that is there and not null or ""; None where there is none."""
    for name in names:
        value = row.get(name)
        if value is not None and value != "":
            return value
    return None


def moment(value: object) -> Instant:
    """A count of s, ms, us or ns, or an ISO text with its offset, as ns UTC. Raises ``BadAnswer``."""
    if isinstance(value, str) and not value.isdigit():
        return instant_of(value)
    return instant(value)


def contract(symbol: object) -> Contract:
    """An OCC option symbol, with or without ``O:``, as its terms. Raises ``BadAnswer``."""
    match = _OPTION.fullmatch(symbol.strip()) if isinstance(symbol, str) else None
    if match is None:
        raise BadAnswer(f"{symbol!r} is no option symbol such as AAPL250117C00200000")
    root, date, right, strike = match.groups()
    day = day_of(f"20{date[:2]}-{date[2:4]}-{date[4:]}")
    return Contract(root, int(day.astype(np.int64)), int(strike) * 10, int(right == "P"))


def flag(value: object) -> bool:
    """A boolean in any of the vendor's forms: true, 1, "t", "true"."""
    return value is True or value == 1 or (isinstance(value, str) and value.lower() in ("t", "true", "1"))

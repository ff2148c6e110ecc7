"""From a body to rows, and from rows to a chunk: what every kind of Massive answer has in common."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array, Chunk, Origin, chunk_of
from undertow.core.events import Event, Grade
from undertow.core.time import DAY, Duration
from undertow.sources.wire.errors import BadAnswer, NotEntitled, NotFound

NAME = "massive"
DELAYED: Duration = 15 * 60 * 10**9  #: how late a plan marked DELAYED sees the market
Row = Mapping[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What rows are about: one symbol of a universe, on a plan that sees the market ``delay`` ns late."""

    symbols: tuple[str, ...]
    symbol: str
    delay: Duration = 0

    @property
    def key(self) -> int:
        """Position of the symbol in the universe."""
        return self.symbols.index(self.symbol)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """The two clocks of rows, int64 (n,) ns UTC each, how sure the second one is, and the vendor's own numbering where it has one."""

    event_at: I64
    known_at: I64
    grade: Grade
    seq: I64 | None = None


def results(body: Any, what: str = "its answer") -> list[Row]:
    """The rows of a body. An absent ``results`` is empty only if the body counts zero; a ``DELAYED`` status is success.

    Raises ``BadAnswer``, or ``NotEntitled`` and ``NotFound`` where a 200 says so in its body.
    """
    if not isinstance(body, dict):
        raise BadAnswer(f"Massive sent a {type(body).__name__} as {what} where an object was expected; nothing was taken from it.")
    status, said = body.get("status", "OK"), str(body.get("error") or body.get("message") or "")[:200]
    if status == "NOT_AUTHORIZED":
        raise NotEntitled(f"Your Massive plan does not include {what}. Massive says: {said}", status=200)
    if status == "NOT_FOUND":
        raise NotFound(f"Massive knows nothing of {what}. It says: {said}", status=200)
    if status not in ("OK", "DELAYED"):
        raise BadAnswer(f"Massive answered {what} with status {status!r}: {said or 'no reason given'}. Nothing was taken from it.")
    rows = body.get("results")
    if rows is None:
        counts = [body[name] for name in ("resultsCount", "count") if name in body]
        if counts and all(count == 0 for count in counts):
            return []
        raise BadAnswer(f"Massive's answer for {what} has no 'results' and does not say that there are none; nothing was taken from it.")
    if isinstance(rows, dict):
        rows = [rows]
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise BadAnswer(f"'results' of Massive's {what} is no list of objects; nothing was taken from it.")
    return rows


def is_delayed(body: Any) -> bool:
    """Whether the body says that the plan sees the market late."""
    return isinstance(body, dict) and body.get("status") == "DELAYED"


def column(rows: Sequence[Row], name: str) -> list[Any]:
    """A field of every row; raises ``BadAnswer`` where a row lacks it."""
    try:
        return [row[name] for row in rows]
    except KeyError:
        at = next(i for i, row in enumerate(rows) if name not in row)
        raise BadAnswer(f"Row {at + 1} of Massive's answer has no {name!r}; nothing was taken from it.") from None


def optional(rows: Sequence[Row], name: str, default: Any = None) -> list[Any]:
    """A field of every row, ``default`` where a row lacks it or has null."""
    return [default if (value := row.get(name)) is None else value for row in rows]


def block(row: Row, name: str) -> Row:
    """A nested object, empty where it is absent or null."""
    inner = row.get(name)
    return inner if isinstance(inner, dict) else {}


def built(kind: type[Event], scope: Scope, stamps: Stamps, columns: Mapping[str, Array]) -> Chunk:
    """A chunk of one symbol in ``(known_at, seq)`` order, where the vendor numbers its rows by its numbers."""
    seq = np.arange(len(stamps.known_at)) if stamps.seq is None else stamps.seq
    order = np.lexsort((seq, stamps.known_at))
    chunk = chunk_of(
        kind,
        scope.symbols,
        key=np.full(len(order), scope.key, np.int64),
        event_at=stamps.event_at[order],
        known_at=stamps.known_at[order],
        columns={name: values[order] for name, values in columns.items()},
        origin=Origin(stamps.grade, (NAME,)),
    )
    return chunk if stamps.seq is None else replace(chunk, seq=np.asarray(seq, np.int64)[order])


def in_session(at: I64) -> Array:
    """Whether the New York day of each instant is a session, bool (n,)."""
    calendar = nyse()
    position = calendar.position(at)
    since = at - calendar.midnight[np.maximum(position, 0)]
    return np.asarray((position >= 0) & (since < DAY), bool)  # changes of hour fall on Sundays


def refuse(scope: Scope, what: str, wrong: Array, why: str) -> None:
    """Say in the log how many rows were left out and why."""
    if n := int(np.count_nonzero(wrong)):
        _log.warning("massive: left out %d %s of %s: %s", n, what, scope.symbol, why)

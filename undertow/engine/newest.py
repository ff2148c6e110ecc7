"""What was known last: the newest row of every kind and symbol, so that a signal can say what it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from undertow.core.chunk import I8, I64, Chunk
from undertow.core.events import Event, Grade
from undertow.core.orders import Fact

NEVER = -(2**63)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest rows of one kind, one a symbol; ``known_at`` is ``NEVER`` where there is none."""

    symbols: tuple[str, ...]
    event_at: I64  #: (symbols,)
    known_at: I64  #: (symbols,)
    grade: I8  #: (symbols,)
    sources: tuple[str, ...]

    def of(self, kind: str, symbol: str) -> Fact | None:
        """The newest fact of a symbol, or None."""
        if symbol not in self.symbols:
            return None
        k = self.symbols.index(symbol)
        if self.known_at[k] == NEVER:
            return None
        return Fact(
            kind=kind,
            source=", ".join(self.sources) or "not named",
            grade=Grade(int(self.grade[k])).name.lower(),
            event_at=int(self.event_at[k]),
            known_at=int(self.known_at[k]),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """The newest facts at one moment."""

    newest: Mapping[tuple[type[Event], tuple[str, ...]], Newest] = field(default_factory=dict)

    def fact(self, kind: type[Event], symbol: str) -> Fact | None:
        """The newest fact of one kind about a symbol, or None where nothing was known."""
        found = [one.of(kind.kind, symbol) for (which, _), one in self.newest.items() if which is kind]
        return max((fact for fact in found if fact is not None), key=lambda fact: fact.known_at, default=None)


class Latest:
    """A fold over chunks that keeps the newest row of each kind and symbol."""

    def __init__(self) -> None:
        self._newest: dict[tuple[type[Event], tuple[str, ...]], Newest] = {}

    def push(self, chunks: Iterable[Chunk]) -> None:
        """Take what became known, in order of ``known_at`` within each kind and not before what was taken earlier."""
        for chunk in chunks:
            if len(chunk):
                name = chunk.kind, chunk.symbols
                self._newest[name] = _after(self._newest.get(name), chunk)

    def now(self) -> Known:
        """What is the newest at this moment; later pushes do not change it."""
        return Known(dict(self._newest))


def _after(before: Newest | None, chunk: Chunk) -> Newest:
    width = len(chunk.symbols)
    last = np.full(width, -1, np.int64)
    np.maximum.at(last, chunk.key, np.arange(len(chunk)))
    seen, row = last >= 0, np.maximum(last, 0)
    known, event = np.full(width, NEVER), np.zeros(width, np.int64)
    grade, sources = np.zeros(width, np.int8), chunk.sources
    if before is not None:
        known, event, grade = before.known_at, before.event_at, before.grade
        sources = tuple(dict.fromkeys((*before.sources, *sources)))
    return Newest(
        symbols=chunk.symbols,
        event_at=np.where(seen, chunk.event_at[row], event),
        known_at=np.where(seen, chunk.known_at[row], known),
        grade=np.where(seen, chunk.grade[row], grade).astype(np.int8),
        sources=sources,
    )

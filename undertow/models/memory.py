"""What the framework remembers between retrainings: rows, what was foretold of them, and what became of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.time import Instant

FAR = 2**62  #: when a label that is not known yet becomes known


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """Rows (n,) whose outcome was known at some instant, in order of tick and symbol."""

    tick: I64
    key: I64
    until: I64  #: (n,) the instant at which the outcome was decided
    known_at: I64  #: (n,) when the outcome became known
    X: F64  #: (n, features)
    value: F64  #: (n,) return over the horizon
    odds: F64  #: (n, models) as foretold at the time; NaN where no model was ready
    score: F64  #: (n,) as foretold at the time
    p_up: F64  #: (n,) as foretold at the time

    def __len__(self) -> int:
        return len(self.tick)

    def __getitem__(self, rows: Array) -> Taught:
        return Taught(**{name: getattr(self, name)[rows] for name in Taught.__slots__})


class Lessons:
    """Teaching ticks (t) by symbol, with labels as they become known."""

    def __init__(self, symbols: int, features: int, models: int) -> None:
        shapes = {"X": (symbols, features), "value": (symbols,), "odds": (symbols, models), "score": (symbols,), "p_up": (symbols,)}
        self._count = 0
        self._room: dict[str, Array] = {name: np.empty((0, *shape)) for name, shape in shapes.items()}
        self._room["tick"] = np.empty(0, np.int64)
        self._room |= {name: np.empty((0, symbols), np.int64) for name in ("until", "known")}

    @property
    def tick(self) -> I64:
        """(t,) ns UTC, ascending."""
        return self._room["tick"][: self._count]

    @property
    def matrix(self) -> F64:
        """(t, symbols, features); a view that later ticks do not change."""
        return self._room["X"][: self._count]

    @property
    def known(self) -> I64:
        """(t, symbols) when the outcome became known, ``FAR`` until it is."""
        return self._room["known"][: self._count]

    @property
    def value(self) -> F64:
        """(t, symbols) the outcome, NaN until it is known."""
        return self._room["value"][: self._count]

    @property
    def until(self) -> I64:
        """(t, symbols) the instant that decides the outcome, ``FAR`` until it is known."""
        return self._room["until"][: self._count]

    def add(self, ticks: I64, X: F64) -> None:
        """Remember the matrix (t, symbols, features) at new ticks (t,)."""
        end = self._count + len(ticks)
        if end > len(self._room["tick"]):
            # with room to spare, so that a tick that comes alone does not cost a copy of the years before it
            self._rebuild(slice(0, self._count), max(self._count + self._count // 4, end))
        new = slice(self._count, end)
        for name, array in self._room.items():
            array[new] = FAR if name in ("until", "known") else np.nan if name not in ("tick", "X") else 0
        self._room["tick"][new], self._room["X"][new] = ticks, X
        self._count = end

    def learn(self, labels: Chunk) -> None:
        """Note what became of earlier ticks; labels of ticks that are not remembered are passed over."""
        rows, kept = self._find(labels.event_at)
        rows, key = rows[kept], labels.key[kept]
        self.value[rows, key] = labels.columns["value"][kept]
        self.until[rows, key] = labels.event_at[kept] + labels.columns["horizon"][kept]
        self.known[rows, key] = labels.known_at[kept]

    def predicted(self, ticks: I64, odds: F64, score: F64, p_up: F64) -> None:
        """Note what was foretold at ticks (t,): odds (t, symbols, models), score and p_up (t, symbols)."""
        rows, kept = self._find(ticks)
        for name, value in (("odds", odds), ("score", score), ("p_up", p_up)):
            self._room[name][rows[kept]] = value[kept]

    def forget(self, before: Instant) -> None:
        """Let go of ticks before an instant."""
        begin = int(np.searchsorted(self.tick, before))
        if begin:
            self._rebuild(slice(begin, self._count), 0)

    def taught(self, at: Instant) -> Taught:
        """Rows decided before and with labels known by ``at``: law 8 in one comparison. An outcome that is no number teaches nothing."""
        rows, key = np.nonzero((self.known <= at) & (self.tick < at)[:, None] & np.isfinite(self.value))
        room = self._room
        return Taught(
            tick=self.tick[rows],
            key=key.astype(np.int64),
            until=room["until"][rows, key],
            known_at=room["known"][rows, key],
            X=room["X"][rows, key],
            value=room["value"][rows, key],
            odds=room["odds"][rows, key],
            score=room["score"][rows, key],
            p_up=room["p_up"][rows, key],
        )

    def _find(self, ticks: I64) -> tuple[I64, Array]:
        """Rows of ticks (n,), and which of them are remembered."""
        if not self._count or not len(ticks):
            return np.zeros(len(ticks), np.int64), np.zeros(len(ticks), np.bool_)
        at = np.minimum(np.searchsorted(self.tick, ticks), self._count - 1)
        return at, self.tick[at] == ticks

    def _rebuild(self, kept: slice, room: int) -> None:
        count = kept.stop - kept.start
        for name, array in self._room.items():
            # a new array also when rows are let go: views of the old one stay as they were
            self._room[name] = np.empty((max(room, count), *array.shape[1:]), array.dtype)
            self._room[name][:count] = array[kept]
        self._count = count

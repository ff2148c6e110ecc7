"""Operators of single prints: the quote that stood at one, what became of the price after one, large ones, heavy price levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Duration
from undertow.features.language.memory import Memory
from undertow.features.language.steps import Compiled
from undertow.features.operators import kernels_prints, steps_prints

State = dict[str, Any]
#: stamps come in whole milliseconds at most: what falls on the very end of a span counts, whichever way stamps were rounded
ROUNDING: Duration = SECOND // 1000
STEPS = 10**9  #: to a unit of log price, which makes sums of moves exact (law 5)


@dataclass(frozen=True, slots=True)
class Standing:
    """Another kind's value by the base event's own clock: the newest that happened before it, among those known when it was.

    Two numbers an event: the value, NaN where it became known longer than ``span`` before the base event; and by how many
    seconds the other kind's newest event, known by then, had happened after the base event. An event further behind than
    ``patience`` is given no value.
    """

    meets: ClassVar[bool] = True
    span: Duration = HOUR
    patience: Duration = MINUTE

    @property
    def memory(self) -> Memory:
        """As long as a value counts."""
        return Memory(span=self.span + ROUNDING)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {
            "ends": np.full((2, keys), -1, np.int64),
            "nodes": np.empty((0, 4), np.int64),
            "held": np.empty(0),
            "free": np.empty(0, np.int64),
            "room": np.zeros(1, np.int64),
        }

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        names, spans = ("ends", "nodes", "held", "free", "room"), (self.span + ROUNDING, self.patience)
        return Compiled(steps_prints.standing, names, spans, outputs=2, room=_room_to_stand)

    def push(self, state: State, base: Chunk, other: Chunk, value: F64) -> F64:
        """value (m,) of the rows of ``other`` -> (2, n) of those of ``base``."""
        if state["room"][0] < len(other):
            _make_room(state, len(other))
        out = np.empty((2, len(base)))
        one, two = ((chunk.event_at, chunk.known_at, chunk.key) for chunk in (base, other))
        lists = state["ends"], state["nodes"], state["held"], state["free"], state["room"]
        kernels_prints.standing(one, two, value, (self.span + ROUNDING, self.patience), lists, out)
        out[1] /= SECOND
        return out


def _room_to_stand(state: State, rows: int) -> int:
    if state["room"][0] < rows:
        _make_room(state, rows)
    return int(state["room"][0])


def _make_room(state: State, needed: int) -> None:
    old = len(state["held"])
    size = 2 * (old + needed)
    nodes, held = np.empty((size, 4), np.int64), np.empty(size)
    nodes[:old], held[:old] = state["nodes"], state["held"]
    free, room = np.empty(size, np.int64), int(state["room"][0])
    free[:room] = state["free"][:room]
    free[room : room + size - old] = np.arange(old, size)
    state["room"][0] += size - old
    state.update(nodes=nodes, held=held, free=free)


@dataclass(frozen=True, slots=True)
class Drift:
    """Mean log move of another kind's price after signed events, in their direction: a number a horizon, knowable when it is over.

    An event counts for ``span`` from when it was known; a price has to be younger than ``oldest`` at both ends.
    """

    meets: ClassVar[bool] = True
    horizons: tuple[Duration, ...] = (MINUTE, 5 * MINUTE, 30 * MINUTE)
    span: Duration = 5 * DAY
    oldest: Duration = HOUR

    @property
    def memory(self) -> Memory:
        """The events that count, and the prices before them."""
        return Memory(span=self.span + self.oldest + 3 * ROUNDING)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        many = len(self.horizons)
        return {
            "middle": np.full(keys, np.nan),
            "since": np.full(keys, -(2**62), np.int64),
            "queue": np.zeros((0, 3 + 2 * many), np.int64),
            "start": np.empty(0),
            "place": np.zeros(2 + many, np.int64),
            "total": np.zeros((many, keys), np.int64),
            "counted": np.zeros((many, keys), np.int64),
            "horizons": np.array(self.horizons, np.int64) + ROUNDING,
            "rules": np.array([self.oldest + 2 * ROUNDING, STEPS, self.span + ROUNDING], np.int64),
        }

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        many = len(self.horizons)
        return Compiled(steps_prints.drift, steps_prints.DRIFT_STATE, (many,), outputs=many, room=_room_to_queue, of_own=True)

    def push(self, state: State, base: Chunk, other: Chunk, sign: F64, price: F64) -> F64:
        """sign (n,) of the rows of ``base``, where it is -1 or 1, price (m,) of those of ``other`` -> (horizons, n)."""
        _room_to_queue(state, len(base))
        out = np.empty((len(self.horizons), len(base)))
        one, two = (base.known_at, base.key, sign), (other.known_at, other.key, price)
        now, sums = (state["middle"], state["since"]), (state["total"], state["counted"])
        queue = state["queue"], state["start"], state["place"]
        kernels_prints.drift(one, two, state["horizons"], state["rules"], now, *queue, sums, out)
        return out


def _room_to_queue(state: State, rows: int) -> int:
    # makes the queue longer where so many more events do not fit; for how many it now has room
    place, queue, start = state["place"], state["queue"], state["start"]
    head, end = int(place[0]), int(place[1])
    if end + rows > len(queue):
        size = max(64, 2 * (end - head + rows))
        state["queue"], state["start"] = np.zeros((size, queue.shape[1]), np.int64), np.empty(size)
        state["queue"][: end - head], state["start"][: end - head] = queue[head:end], start[head:end]
        place -= head
    return len(state["queue"]) - int(place[1])


@dataclass(frozen=True, slots=True)
class Upper:
    """The value that all but a ``share`` of the symbol's ``n`` events before stay below: their ``ceil(share n)``-th largest."""

    n: int
    share: float

    def __post_init__(self) -> None:
        if self.n < 1 or not 0.0 < self.share <= 1.0:
            raise ValueError(f"an upper quantile has n >= 1 and a share in (0, 1], not {self.n} and {self.share}")

    @property
    def rank(self) -> int:
        """Which value from the top it is."""
        return int(np.ceil(self.share * self.n - 1e-9))

    @property
    def memory(self) -> Memory:
        """``n`` events before this one."""
        return Memory(events=self.n)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {
            "ring": np.full((keys, self.n), np.nan),
            "count": np.zeros(keys, np.int64),
            "top": np.empty((keys, 4 * self.rank + 32)),
            "held": np.zeros(keys, np.int64),
            "bound": np.full(keys, -np.inf),
        }

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.n, 4 * self.rank + 32, self.rank
        return Compiled(steps_prints.upper, ("ring", "count", "top", "held", "bound"), numbers)

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.empty(len(x))
        kernels_prints.upper(key, x, self.rank, state["ring"], state["count"], state["top"], state["held"], state["bound"], out)
        return out


@dataclass(frozen=True, slots=True)
class Heaviest:
    """How far the price lies above the level at which most was traded in the last ``sessions``, and that level's share.

    Levels are ``width`` wide in log price, on a fixed grid of ``bins`` that repeats: two prices further apart than ``bins * width``
    can share a level. Of levels of the same weight the first of the grid counts.
    """

    sessions: int = 5
    width: float = 0.0025
    bins: int = 512

    @property
    def memory(self) -> Memory:
        """The sessions."""
        return Memory(sessions=self.sessions + 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {
            "hist": np.zeros((keys, self.sessions, self.bins)),
            "whole": np.zeros((keys, self.bins)),
            "newest": np.full(keys, -self.sessions - 1, np.int64),
            "best": np.zeros(keys, np.int64),
            "more": np.stack([np.full(keys, np.nan), np.zeros(keys)]),
        }

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.sessions, self.bins, float(self.width)
        return Compiled(steps_prints.heaviest, ("hist", "whole", "newest", "best", "more"), numbers, outputs=2, takes=(2,))

    def push(self, state: State, key: I64, price: F64, weight: F64, session: I64) -> F64:
        """key (n,), price (n,), weight (n,) rounded to whole numbers, the session's number (n,) -> (2, n) log price and share."""
        out = np.empty((2, len(key)))
        hist, whole, newest, best, more = (state[name] for name in ("hist", "whole", "newest", "best", "more"))
        kernels_prints.heaviest(key, price, weight, session, self.width, hist, whole, newest, best, more, out)
        return out

"""Operators at ticks: what the events known so far amount to at each decision tick. Folds with explicit state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.time import DAY, Duration, duration
from undertow.features.language import kernels_sums, kernels_ticks, steps_samples
from undertow.features.language.memory import Memory
from undertow.features.language.steps import Compiled

State = dict[str, Any]
LONG_AGO = -(2**62)
STALE = duration("5d")  #: longer than any weekend with a holiday beside it
TRICKLE = duration("1d")  #: within which all rows of one publication become known
FEW_ROWS = 4096


@dataclass(frozen=True, slots=True)
class WindowSum:
    """Sum over the last ``span``. Values are rounded to whole multiples of ``quantum``, which makes the sum exact (law 5)."""

    span: Duration
    quantum: float = 1.0

    @property
    def memory(self) -> Memory:
        """The window."""
        return Memory(span=self.span)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return steps_samples.buffer(keys)

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.span, float(self.quantum)
        return Compiled(steps_samples.window_sum, steps_samples.BUFFER_STATE, numbers, room=steps_samples.room_in_buffer)

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        steps_samples.room_in_buffer(state, len(chunk))
        new, kept, total = (chunk.known_at, chunk.key, value), (state["rows"], state["place"]), state["total"]
        out = np.empty((len(ticks), len(total)))
        kernels_sums.window_sum(kept, new, ticks, kernels_sums.ALL, (self.span, float(self.quantum)), total, out.reshape(-1))
        return out


@dataclass(frozen=True, slots=True)
class Today:
    """Sum since the ``midnight`` or the ``open`` of the tick's session, in whole multiples of ``quantum``; the plan says where it lies."""

    begins: Literal["midnight", "open"]
    quantum: float = 1.0

    @property
    def memory(self) -> Memory:
        """The session so far, and the days without one that may follow it."""
        return Memory(span=STALE)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"total": np.zeros(keys, np.int64), "begun": np.full(1, LONG_AGO, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_samples.today, ("total", "begun"), (float(self.quantum), int(self.begins == "open")))

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64, starts: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) and where the session of each began (t,) -> (t, symbols)."""
        out = np.empty((len(ticks), len(state["total"])))
        kernels_sums.since_start(chunk.known_at, chunk.key, value, self.quantum, state["total"], state["begun"], ticks, starts, out)
        return out


@dataclass(frozen=True, slots=True)
class Age:
    """Days since the newest event whose value is known."""

    max_age: Duration

    @property
    def memory(self) -> Memory:
        """As far back as an age is told."""
        return Memory(span=self.max_age)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"since": np.full(keys, LONG_AGO, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_samples.age, ("since",), (self.max_age,))

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        out = np.empty((len(ticks), len(state["since"])))
        kernels_ticks.ages(chunk.known_at, chunk.key, value, state["since"], ticks, self.max_age, float(DAY), out)
        return out


@dataclass(frozen=True, slots=True)
class DecayedSum:
    """Sum in which an event weighs half after ``half_life``."""

    fades: ClassVar[bool] = True
    half_life: Duration

    @property
    def memory(self) -> Memory:
        """Until an event weighs less than 2**-48, so that all that are cut off together weigh less than 2**-40."""
        return Memory(span=48 * self.half_life)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"total": np.zeros(keys), "last": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_samples.decayed_sum, ("total", "last"), (float(self.half_life),))

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        out = np.empty((len(ticks), len(state["total"])))
        kernels_ticks.decayed_sum(chunk.known_at, chunk.key, value, state["total"], state["last"], ticks, float(self.half_life), out)
        return out


@dataclass(frozen=True, slots=True)
class Last:
    """The newest value; NaN once it is older than ``max_age``. Many columns of the same rows can go through one state together."""

    max_age: Duration = STALE

    @property
    def memory(self) -> Memory:
        """As long as a value counts."""
        return Memory(span=self.max_age)

    def fresh(self, keys: int, columns: int = 1) -> State:
        """State of ``keys`` symbols that have seen nothing, for a number of columns."""
        return {"held": np.full((columns, keys), np.nan), "since": np.full(keys, LONG_AGO, np.int64)}

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        newest: F64 = self.push_all(state, chunk, [value], ticks)[0]
        return newest

    def push_all(self, state: State, chunk: Chunk, values: Sequence[F64], ticks: I64) -> F64 | list[F64]:
        """values of the chunk's rows, m times (n,), ticks (t,) -> (m, t, symbols)."""
        held, since = state["held"], state["since"]
        newest, row = np.empty(len(since), np.int64), np.empty((len(ticks), len(since)), np.int64)
        kernels_ticks.newest_rows(chunk.known_at, chunk.key, since, ticks, self.max_age, newest, row)
        if row.shape == (len(chunk), 1) and np.array_equal(row[:, 0], np.arange(len(chunk))):
            held[:, 0] = [value[-1] for value in values]
            return [value[:, None] for value in values]  # one symbol, and each row has its tick
        out = np.empty((len(held), len(ticks), len(since)))
        # a live push stacks its few rows and makes one call; a history is not copied
        step = len(values) if len(chunk) <= FEW_ROWS else 1
        for first in range(0, len(values), step):
            block = slice(first, first + step)
            rows = np.concatenate(values[block]).reshape(step, len(chunk)) if step > 1 else values[first][None]
            kernels_ticks.values_at(rows, held[block], newest, row, out[block])
        return out


@dataclass(frozen=True, slots=True)
class LatestSum:
    """Sum over the rows of the symbol's newest ``event_at``, such as all contracts of the last chain; NaN after ``max_age``."""

    max_age: Duration = STALE

    @property
    def memory(self) -> Memory:
        """As long as a publication counts, and the day in which its rows may trickle in."""
        return Memory(span=self.max_age + TRICKLE)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        long_ago = np.full(keys, LONG_AGO, np.int64)
        return {"current": long_ago, "total": np.zeros(keys), "seen": np.zeros(keys, np.int64), "since": long_ago.copy()}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(steps_samples.latest_sum, ("current", "total", "seen", "since"), (self.max_age,))

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        total = state["total"]
        out = np.empty((len(ticks), len(total)))
        rows = chunk.event_at, chunk.known_at, chunk.key, value
        kernels_ticks.latest_sum(*rows, state["current"], total, state["seen"], state["since"], ticks, self.max_age, out)
        return out

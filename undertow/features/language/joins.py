"""Joins along time: what else was known when an event was. Folds with explicit state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import RANK, Event
from undertow.core.time import Duration
from undertow.features.language import kernels_sums, kernels_ticks, steps_joins, steps_samples
from undertow.features.language.memory import FOREVER, Memory
from undertow.features.language.steps import Compiled


@dataclass(frozen=True, slots=True)
class Factor:
    """Product of the symbol's splits in effect and known at an event: prices times it are continuous, shares divided by it."""

    #: of the corporate actions: none is ever forgotten
    memory: ClassVar[Memory] = Memory(span=FOREVER)

    def compiled(self) -> Compiled:
        """How it enters the machine; it reads the ratios of corporate actions."""
        state = "ends", "at", "known", "ratio", "later", "count"
        return Compiled(steps_joins.factor, state, fresh=steps_joins.no_splits, room=steps_joins.room_for_splits)


@dataclass(frozen=True, slots=True)
class AsOf:
    """How to look up another column: by which columns beside the symbol, not older than ``max_age``, perhaps at the ``same`` event_at.

    With a ``symbol`` it is that symbol's value for all; then what is known at the same instant counts too.
    """

    by: tuple[str, ...]
    same: bool
    max_age: Duration
    symbol: str = ""

    @property
    def memory(self) -> Memory:
        """As long as a value counts."""
        return Memory(span=self.max_age)

    def compiled(self, base: type[Event], other: type[Event], universe: Sequence[str]) -> Compiled | None:
        """How it enters the machine, where rows are told apart by symbol alone."""
        if self.by:
            return None
        numbers = int(self.comes_first(base, other)), universe.index(self.symbol) if self.symbol else -1, self.max_age
        if self.same:
            return Compiled(steps_joins.same_value, ("held", "since", "event"), numbers, fresh=steps_joins.nothing_held)
        return Compiled(steps_joins.newest_value, ("held", "since"), numbers, fresh=steps_joins.nothing_held)

    def comes_first(self, base: type[Event], other: type[Event]) -> bool:
        """Whether what is known of the other kind at one instant is told before; rows of one kind look before any of them is told."""
        return RANK[other] < RANK[base] or bool(self.symbol)


@dataclass(frozen=True, slots=True)
class Gather:
    """Sum of another kind's column known in the ``span`` up to an event; whole multiples of ``quantum`` make it exact (law 5)."""

    span: Duration
    quantum: float

    @property
    def memory(self) -> Memory:
        """The window."""
        return Memory(span=self.span)

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        own, numbers = (steps_samples.buffer, steps_samples.room_in_buffer), (self.span, float(self.quantum))
        return Compiled(steps_samples.gathered, steps_samples.BUFFER_STATE, numbers, fresh=own[0], room=own[1])


class Gathered:
    """The rows of another kind that a window of a later event may still hold, kept from push to push."""

    def __init__(self, keys: int) -> None:
        self._state = steps_samples.buffer(keys)

    def push(self, base: Chunk, other: Chunk, value: F64, how: Gather) -> F64:
        """Sum at each row of ``base`` (n,) over rows of ``other`` (m,) of its symbol with known_at - span < known <= known_at."""
        state = self._state
        steps_samples.room_in_buffer(state, len(other))
        new, kept, out = (other.known_at, other.key, value), (state["rows"], state["place"]), np.empty(len(base))
        kernels_sums.window_sum(kept, new, base.known_at, base.key, (how.span, float(how.quantum)), state["total"], out)
        return out


_MIX = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x27D4EB2F165667C5], np.uint64)


def identity(chunk: Chunk, by: tuple[str, ...]) -> I64:
    """One number for a row's symbol and ``by`` columns (n,)."""
    out = (chunk.key + 1).astype(np.uint64) * _MIX[0]
    for i, name in enumerate(by):
        out = (out ^ (out >> np.uint64(29))) * _MIX[1] + chunk.columns[name].astype(np.uint64) * _MIX[2 + i % 2]
    numbers: I64 = out.view(np.int64)
    return numbers


class Latest:
    """The newest value of another column by identity, kept from push to push."""

    def __init__(self) -> None:
        self._id = np.empty(0, np.int64)
        self._event = np.empty(0, np.int64)
        self._known = np.empty(0, np.int64)
        self._value = np.empty(0)

    def push(self, base: Chunk, other: Chunk, value: F64, how: AsOf) -> F64:
        """The value of ``other`` (m,) known when each row of ``base`` was (n,); a row never sees itself or its equals in time and rank."""
        if len(other) == 0 and len(base) == 0:
            return np.empty(0)
        asked = identity(base, how.by)
        if how.symbol:
            asked = np.full(len(base), base.symbols.index(how.symbol)).astype(np.int64)
            asked = identity(replace(base, key=asked), how.by)
        ids = np.concatenate([self._id, identity(other, how.by), asked])
        events = np.concatenate([self._event, other.event_at, base.event_at])
        values = np.concatenate([self._value, value, np.full(len(base), np.nan)])
        held = len(self._id)
        known = np.concatenate([self._known, other.known_at, base.known_at])
        # at one instant the lower rank comes first; rows of the same kind look before any of them is told
        first = RANK[other.kind] < RANK[base.kind] or bool(how.symbol)
        tie = np.concatenate([np.full(held, -1), np.full(len(other), 0 if first else 1), np.full(len(base), 1 if first else 0)])
        order = np.lexsort((tie, known, ids))
        told = np.arange(len(ids)) < held + len(other)
        at = np.where(told[order], np.arange(len(ids)), -1)
        newest = np.maximum.accumulate(at)
        source = order[np.maximum(newest, 0)]
        found = (newest >= 0) & (ids[source] == ids[order])
        found &= known[order] - known[source] < how.max_age
        if how.same:
            found &= events[source] == events[order]
        out = np.empty(len(ids))
        out[order] = np.where(found, values[source], np.nan)
        if len(other):
            self._keep(ids, events, known, values, order[told[order]], how.max_age)
        return out[held + len(other) :]

    def _keep(self, ids: I64, events: I64, known: I64, values: F64, rows: I64, max_age: Duration) -> None:
        last = np.append(ids[rows][1:] != ids[rows][:-1], True)
        kept = rows[last]
        # later rows are known no earlier than the newest here: what has aged by then can never be found again
        kept = kept[known.max() - known[kept] < max_age]
        self._id, self._event, self._known, self._value = ids[kept], events[kept], known[kept], values[kept]


class SplitHistory:
    """All splits known so far; a share of today is ``factor`` shares of the beginning."""

    def __init__(self) -> None:
        self._key = np.empty(0, np.int64)
        self._at = np.empty(0, np.int64)
        self._known = np.empty(0, np.int64)
        self._ratio = np.empty(0)

    def push(self, base: Chunk, actions: Chunk) -> F64:
        """Factor at each row of ``base`` (n,): splits in effect at the row's ``event_at`` and known by its ``known_at``."""
        if len(actions):
            splits = actions[actions.columns["ratio"] != 1.0]  # dividends are many, and change no share
            self._key = np.concatenate([self._key, splits.key])
            self._at = np.concatenate([self._at, splits.event_at])
            self._known = np.concatenate([self._known, splits.known_at])
            self._ratio = np.concatenate([self._ratio, splits.numbers("ratio")])
        if not len(self._key):
            return np.ones(len(base))
        out = np.empty(len(base))
        splits_so_far = self._key, self._at, self._known, self._ratio
        kernels_ticks.split_factors(base.key, base.event_at, base.known_at, *splits_so_far, out)
        return out

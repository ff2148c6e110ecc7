"""Operators over publications: rows of one symbol with one ``event_at``, such as all contracts of a chain at one close."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.time import duration
from undertow.features.language import kernels_publications, steps_publications
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import CODES, Statistic
from undertow.features.language.steps import Compiled, Step

State = dict[str, Any]
LONG_AGO = -(2**62)
TRICKLE = duration("1d")  #: within which all rows of one publication become known
STALE = duration("5d")
#: rows (m, r) of one publication -> a number
Reduction = Callable[[F64], float]


def reduced_as(reduction: Any, step: Step) -> None:
    """Let a reduction enter the machine as a step, which goes through what ``steps_publications.told`` gives."""
    reduction.reduces = step


@dataclass(frozen=True, slots=True)
class Reduce:
    """A compiled function of all rows, known so far, of the symbol's newest publication."""

    any_inputs: ClassVar[bool] = True
    reduction: Reduction

    @property
    def memory(self) -> Memory:
        """As long as a publication counts, and the day in which its rows may trickle in."""
        return Memory(span=STALE + TRICKLE)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"current": np.full(keys, LONG_AGO, np.int64), "rows": [np.empty((0, 0))] * keys}

    def compiled(self, inputs: int) -> Compiled | None:
        """How it enters the machine, where ``reduced_as`` has told of a step that reduces."""
        reduces: Step | None = getattr(self.reduction, "reduces", None)
        if reduces is None:
            return None
        fresh, room = partial(steps_publications.nothing_held, inputs), steps_publications.room_to_hold
        return Compiled(reduces, steps_publications.HELD, fresh=fresh, room=room, of_own=True)

    def push(self, state: State, chunk: Chunk, *columns: F64) -> F64:
        """columns (n,) of the chunk's rows -> (n,), NaN but at the last row of each symbol and instant."""
        out = np.full(len(chunk), np.nan)
        if not len(chunk):
            return out
        order = np.argsort(chunk.key, kind="stable")
        key, known, event = chunk.key[order], chunk.known_at[order], chunk.event_at[order]
        values = np.stack([np.broadcast_to(c, len(chunk))[order] for c in columns])
        ends = np.flatnonzero(np.append((np.diff(known) != 0) | (np.diff(key) != 0), True)) + 1
        begins = np.append(0, ends[:-1])
        spans = np.minimum.reduceat(event, begins), np.maximum.reduceat(event, begins)
        places = zip(key[begins].tolist(), begins.tolist(), ends.tolist(), *(span.tolist() for span in spans), strict=True)
        current, rows = state["current"], state["rows"]
        for k, first, end, oldest, newest in places:
            fresh = np.ascontiguousarray(values[:, first:end])
            if oldest == newest and newest > current[k]:
                current[k], rows[k] = newest, fresh  # as good as always: a whole publication at one instant
            elif oldest == newest == current[k]:
                rows[k] = np.concatenate((rows[k], fresh), axis=1)
            else:
                self._mixed(state, k, event[first:end], fresh)
            out[order[end - 1]] = self.reduction(rows[k])
        return out

    def _mixed(self, state: State, k: int, event: I64, values: F64) -> None:
        newest = int(event.max())
        if newest > state["current"][k]:
            state["current"][k], state["rows"][k] = newest, np.empty((len(values), 0))
        state["rows"][k] = np.concatenate([state["rows"][k], values[:, event == state["current"][k]]], axis=1)


@dataclass(frozen=True, slots=True)
class Publications:
    """A statistic of the newest value of each of the last ``n`` publications; they must lie within about a quarter more sessions."""

    n: int
    statistic: Statistic

    @property
    def within(self) -> int:
        """Sessions in which the ``n`` publications must lie."""
        return self.n + self.n // 4 + 2

    @property
    def memory(self) -> Memory:
        """So many sessions, and the time in which a publication's rows may trickle in."""
        return Memory(sessions=self.within + 1, span=STALE + TRICKLE)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        shape = keys, self.n
        return {"ring": np.full(shape, np.nan), "at": np.full(shape, LONG_AGO, np.int64), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.n, self.within, CODES[self.statistic]
        return Compiled(steps_publications.publications, steps_publications.RING, numbers, takes=(1,))

    def push(self, state: State, chunk: Chunk, x: F64, session: I64) -> F64:
        """x (n,) of the chunk's rows, session's number (n,) -> (n,), NaN but at the last row of each symbol and instant."""
        out = np.full(len(chunk), np.nan)
        rows = chunk.key, session, chunk.known_at, x
        kernels_publications.statistics(*rows, state["ring"], state["at"], state["count"], self.within, CODES[self.statistic], out)
        return out

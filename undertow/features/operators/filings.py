"""Operators over filings: who is an insider of habit, how late a disclosure comes, and how many people stand behind some rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.compiled import njit
from undertow.core.time import DAY, Duration, duration
from undertow.features.language.memory import Memory

State = dict[str, Any]
FOUR_YEARS = duration("1500d")  #: this calendar year, the three before it, and some weeks between a trade and its filing
TRADES = ("P", "S")


@dataclass(frozen=True, slots=True)
class Routine:
    """1 where an insider trades by habit, 0 where not, NaN with less than three years of trades (Cohen, Malloy and Pomorski 2012).

    By habit is who traded in one and the same calendar month of each of the three years before the trade's. Only purchases and sales
    count, by the day of the trade, as filed before this row and within ``FOUR_YEARS`` of its filing; the answer holds for all of a year.
    """

    of_rows: ClassVar[bool] = True

    @property
    def memory(self) -> Memory:
        """Filings that may count."""
        return Memory(span=FOUR_YEARS)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"months": {}}

    def push(self, state: State, chunk: Chunk) -> F64:
        """Rows of insiders' trades (n,) -> (n,)."""
        out = np.full(len(chunk), np.nan)
        month = chunk.event_at.astype("datetime64[ns]").astype("datetime64[M]").astype(np.int64)
        columns = chunk.key.tolist(), chunk.columns["insider"].tolist(), chunk.columns["code"].tolist()
        for i, (key, insider, code) in enumerate(zip(*columns, strict=True)):
            if code in TRADES:
                filed: dict[int, int] = state["months"].setdefault((key, insider), {})
                known = int(chunk.known_at[i])
                out[i] = _habit(filed, int(month[i]), known - FOUR_YEARS)
                filed[int(month[i])] = known
        return out


def _habit(filed: dict[int, int], month: int, after: int) -> float:
    # filed: month of a trade -> when the last such filing was known
    january = month // 12 * 12
    years = [
        {m - january + 12 * ago for m, known in filed.items() if 0 <= m - january + 12 * ago < 12 and known > after} for ago in (1, 2, 3)
    ]
    if not all(years):
        return np.nan
    return 1.0 if set.intersection(*years) else 0.0


@dataclass(frozen=True, slots=True)
class Lateness:
    """Whole days from what happened to when it was known."""

    of_rows: ClassVar[bool] = True

    @property
    def memory(self) -> Memory:
        """The row alone."""
        return Memory()

    def fresh(self, keys: int) -> State:
        """There is no state."""
        return {}

    def push(self, state: State, chunk: Chunk) -> F64:
        """Rows (n,) -> (n,)."""
        late: F64 = np.rint((chunk.known_at - chunk.event_at) / DAY)
        return late


@dataclass(frozen=True, slots=True)
class Distinct:
    """How many different texts of a column stand in the rows of the last ``span`` whose value is 1."""

    name: str
    span: Duration

    @property
    def memory(self) -> Memory:
        """The window."""
        return Memory(span=self.span)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        none = np.empty(0, np.int64)
        return {"keys": keys, "known": none, "key": none, "ends": none, "newest": {}, "gone": 0}

    def push(self, state: State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols)."""
        if len(value):
            self._tell(state, chunk, np.flatnonzero(value == 1.0))
        out = np.zeros((len(ticks), state["keys"]))
        if len(state["known"]) and len(ticks):
            counted(state["known"], state["key"], state["ends"], ticks, out)
            if state["known"][0] + self.span > ticks[-1]:
                return out
            gone = int(np.searchsorted(state["known"], ticks[-1] - self.span, side="right"))
            if 4 * gone > len(state["known"]):  # now and then, for all of them are copied; what has left its window counts no more
                state |= {name: state[name][gone:].copy() for name in ("known", "key", "ends")}
                state["gone"] += gone
        return out

    def _tell(self, state: State, chunk: Chunk, told: I64) -> None:
        if not len(told):
            return
        known, key = chunk.known_at[told], chunk.key[told]
        ends = np.concatenate([state["ends"], known + self.span])
        newest: dict[tuple[int, str], int] = state["newest"]  # symbol and text -> number of the newest row that tells it
        row = state["gone"] + len(state["ends"])
        for k, text, at in zip(key.tolist(), chunk.columns[self.name][told].tolist(), known.tolist(), strict=True):
            # a row counts from when it is known until it leaves the window or the same text is told again
            before = newest.get((k, text), -1) - state["gone"]
            if before >= 0:
                ends[before] = min(ends[before], at)
            newest[k, text] = row
            row += 1
        state |= {"known": np.concatenate([state["known"], known]), "key": np.concatenate([state["key"], key]), "ends": ends}


@njit(cache=True)
def counted(known: I64, key: I64, ends: I64, ticks: I64, out: F64) -> None:
    """How many rows of each symbol have begun and not ended at each tick, out (t, keys) of zeros."""
    if ticks.shape[0] == 1:
        for r in range(known.shape[0]):
            out[0, key[r]] += 1.0 if known[r] <= ticks[0] < ends[r] else 0.0
        return
    for r in range(known.shape[0]):
        first, last = np.searchsorted(ticks, known[r]), np.searchsorted(ticks, ends[r])
        if first < last:
            out[first, key[r]] += 1.0
            if last < ticks.shape[0]:
                out[last, key[r]] -= 1.0
    for i in range(1, ticks.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] += out[i - 1, k]

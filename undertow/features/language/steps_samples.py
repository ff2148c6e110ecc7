"""Steps of the operators in ``samples`` and of ``joins.Gather``: sums, ages and newest values at ticks or at events of another kind."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.core.time import DAY
from undertow.features.language import kernels_sums, kernels_ticks
from undertow.features.language.addresses import WORD, address_of, floats, int_table, ints, number
from undertow.features.language.kernels_sums import CAPACITY, END, HEAD
from undertow.features.language.steps import (
    COUNT,
    KEY,
    KEYS,
    KNOWN,
    MIDNIGHT,
    MORE,
    OPEN,
    OTHER,
    OUT,
    ROWS,
    WIDTH,
    Compiled,
    State,
    event_of,
    input_of,
    key_of,
    known_of,
    output_of,
    step,
    ticks_of,
)

A_DAY = float(DAY)
BUFFER_STATE = ("rows", "place", "total")


def buffer(keys: int) -> State:
    """State of a sum over a window: rows (3, capacity) known_at, key and value of what is not evicted yet, place (4,), total (keys,)."""
    return {"rows": np.empty((3, 64), np.int64), "place": np.array([0, 0, 0, 64]), "total": np.zeros(keys, np.int64)}


def room_in_buffer(state: State, rows: int) -> int:
    """Make a buffer longer where so many rows more do not fit."""
    head, end, _, capacity = state["place"].tolist()
    kept = int(end - head)
    if kept + rows > capacity:
        longer = np.empty((3, 2 * (kept + rows)), np.int64)
        longer[:, :kept] = state["rows"][:, head:end]
        state["rows"] = longer
        state["place"][[HEAD, END, CAPACITY]] = 0, kept, longer.shape[1]
    room: int = state["place"][CAPACITY] - kept
    return room


@njit(cache=True)
def _buffer(f: Any, first: int) -> tuple[I64, I64]:
    # rows and place of the buffer that stands at ``first`` in the frame
    place = ints(f[first + 1], 4)
    return int_table(f[first], 3, place[CAPACITY]), place


@step
def window_sum(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``BUFFER_STATE``; numbers: span, quantum."""
    keys, ticks = f[KEYS], ticks_of(kinds)
    new, out = (known_of(f, kinds), key_of(f, kinds), input_of(f, at, kinds, 0)), floats(at[f[OUT]], ticks.shape[0] * keys)
    rules = f[MORE + 4], number(f[MORE + 5])
    kernels_sums.window_sum(_buffer(f, MORE + 1), new, ticks, kernels_sums.ALL, rules, ints(f[MORE + 3], keys), out)


@step
def gathered(f: Any, at: Any, kinds: Any) -> None:
    """One input along the other kind; state as told by ``BUFFER_STATE``; numbers: span, quantum."""
    n, other, total = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH, ints(f[MORE + 3], f[KEYS])
    new = ints(kinds[other + KNOWN], n), ints(kinds[other + KEY], n), floats(at[f[MORE]], n)
    rules, out = (f[MORE + 4], number(f[MORE + 5])), output_of(f, at, kinds)
    kernels_sums.window_sum(_buffer(f, MORE + 1), new, known_of(f, kinds), key_of(f, kinds), rules, total, out)


@njit(cache=True)
def at_ticks(f: Any, at: Any, kinds: Any) -> F64:
    """Where a step writes one number a tick and symbol, (t, keys)."""
    t = kinds[COUNT]
    return floats(at[f[OUT]], t * f[KEYS]).reshape(t, f[KEYS])


@step
def today(f: Any, at: Any, kinds: Any) -> None:
    """State total and begun; numbers: quantum, and 1 for the open or 0 for midnight."""
    ticks, total = ticks_of(kinds), ints(f[MORE + 1], f[KEYS])
    starts = ints(kinds[OPEN if f[MORE + 4] == 1 else MIDNIGHT], ticks.shape[0])
    rows = known_of(f, kinds), key_of(f, kinds), input_of(f, at, kinds, 0)
    kernels_sums.since_start(
        rows[0], rows[1], rows[2], number(f[MORE + 3]), total, ints(f[MORE + 2], 1), ticks, starts, at_ticks(f, at, kinds)
    )


@step
def age(f: Any, at: Any, kinds: Any) -> None:
    """State since; number: oldest."""
    value, since, ticks = input_of(f, at, kinds, 0), ints(f[MORE + 1], f[KEYS]), ticks_of(kinds)
    kernels_ticks.ages(known_of(f, kinds), key_of(f, kinds), value, since, ticks, f[MORE + 2], A_DAY, at_ticks(f, at, kinds))


@step
def decayed_sum(f: Any, at: Any, kinds: Any) -> None:
    """State total and last; number: half-life as a float."""
    total, last, half_life = floats(f[MORE + 1], f[KEYS]), ints(f[MORE + 2], f[KEYS]), number(f[MORE + 3])
    rows = known_of(f, kinds), key_of(f, kinds), input_of(f, at, kinds, 0)
    kernels_ticks.decayed_sum(rows[0], rows[1], rows[2], total, last, ticks_of(kinds), half_life, at_ticks(f, at, kinds))


@step
def latest_sum(f: Any, at: Any, kinds: Any) -> None:
    """State current, total, seen and since; number: oldest."""
    keys = f[KEYS]
    current, total, seen, since = ints(f[MORE + 1], keys), floats(f[MORE + 2], keys), ints(f[MORE + 3], keys), ints(f[MORE + 4], keys)
    event, known, key, value = event_of(f, kinds), known_of(f, kinds), key_of(f, kinds), input_of(f, at, kinds, 0)
    ticks, out = ticks_of(kinds), at_ticks(f, at, kinds)
    kernels_ticks.latest_sum(event, known, key, value, current, total, seen, since, ticks, f[MORE + 5], out)


@njit(cache=True)
def _in_step(row: Any, n: int) -> bool:
    # one symbol, and each row has its tick
    if row.shape[0] != n or row.shape[1] != 1:
        return False
    out_of_step = 0
    for i in range(n):
        out_of_step += row[i, 0] != i
    return bool(out_of_step == 0)


@step
def newest(f: Any, at: Any, kinds: Any) -> None:
    """Newest values of ``m`` columns of one kind together.

    f[OUT] is a register to note rows in, (t, keys); then m, the oldest, addresses of held (m, keys), since and newest (keys,), the m
    registers that are read and the m that are written.
    """
    m, oldest, keys = f[MORE], f[MORE + 1], f[KEYS]
    known, ticks = known_of(f, kinds), ticks_of(kinds)
    since, last, row = ints(f[MORE + 3], keys), ints(f[MORE + 4], keys), int_table(at[f[OUT]], ticks.shape[0], keys)
    kernels_ticks.newest_rows(known, key_of(f, kinds), since, ticks, oldest, last, row)
    in_step = _in_step(row, known.shape[0])
    for j in range(m):
        read, written = f[MORE + 5 + j], f[MORE + 5 + m + j]
        value, held = floats(at[read], known.shape[0]), floats(f[MORE + 2] + WORD * j * keys, keys)
        if in_step:  # the column is the answer, and stays where it is until the push is over
            at[written] = at[read]
            held[0] = value[known.shape[0] - 1]
        else:
            kernels_ticks.value_at(value, held, last, row, floats(at[written], row.shape[0] * keys))


def newest_of(state: State, oldest: int, read: tuple[int, ...], written: tuple[int, ...]) -> tuple[Compiled, tuple[int, ...]]:
    """The step ``newest`` and what its frame tells."""
    where = (address_of(state[name]) for name in ("held", "since", "newest"))
    return Compiled(newest), (len(read), oldest, *where, *read, *written)

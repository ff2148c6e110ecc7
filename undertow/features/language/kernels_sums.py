"""Compiled sums in whole multiples of a quantum: exact, so that what has left a sum leaves no trace (law 5)."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit

HEAD, END, ADMITTED, CAPACITY = range(4)  #: places of a buffer's ``place``; its rows from HEAD on are counted, ADMITTED of them
ALL = np.empty(0, np.int64)  #: of ``window_sum``: every symbol is asked about


@njit(cache=True)
def whole(x: float, quantum: float) -> int:
    """x in whole multiples of the quantum; 0 of what is not known."""
    if np.isnan(x):
        return 0
    return int(np.rint(x if quantum == 1.0 else x / quantum))


@njit(cache=True)
def added(key: I64, value: F64, first: int, last: int, sign: int, quantum: float, total: I64) -> None:
    """Add rows from ``first`` to ``last``, or take them away; without a look at the clock the processor need not guess at each row."""
    if quantum == 1.0:
        for r in range(first, last):
            total[key[r]] += sign * int(np.rint(value[r])) if value[r] == value[r] else 0
    else:
        for r in range(first, last):
            total[key[r]] += sign * int(np.rint(value[r] / quantum)) if value[r] == value[r] else 0


@njit(cache=True)
def window_sum(
    kept: tuple[I64, I64], new: tuple[I64, I64, F64], ends: I64, of: I64, rules: tuple[int, float], total: I64, out: F64
) -> None:
    """Sum over (end - span, end] at each of the ``ends``: of every symbol, out (ends * keys,), or of one symbol ``of[i]``, out (ends,).

    kept  : rows (3, m) known_at, key and whole multiples of earlier pushes that a window may still hold, and their ``place`` (4,)
    new   : known_at, key and value (n,) of this push, which are looked at where they lie; what is left of them at its end is kept
    rules : span, ns, and quantum
    """
    rows, place = kept
    known, key, value = new
    span, quantum = rules
    head, tail, end, gone, at = place[HEAD], place[HEAD] + place[ADMITTED], place[END], 0, 0
    for i in range(ends.shape[0]):
        until, edge = ends[i], ends[i] - span
        while tail < end and rows[0, tail] <= until:
            total[rows[1, tail]] += rows[2, tail]
            tail += 1
        while head < tail and rows[0, head] <= edge:
            total[rows[1, head]] -= rows[2, head]
            head += 1
        first = gone
        while gone < at and known[gone] <= edge:
            gone += 1
        added(key, value, first, gone, -1, quantum, total)
        if gone == at:  # what would come and go between two ends need not come
            while at < known.shape[0] and known[at] <= edge:
                at += 1
            gone = at
        first = at
        while at < known.shape[0] and known[at] <= until:
            at += 1
        added(key, value, first, at, 1, quantum, total)
        if of.shape[0]:
            out[i] = total[of[i]] * quantum
            continue
        for k in range(total.shape[0]):
            out[i * total.shape[0] + k] = total[k] * quantum
    place[HEAD], place[ADMITTED] = head, tail - head
    _keep(rows, place, new, gone, at, quantum)


@njit(cache=True)
def _keep(rows: I64, place: I64, new: tuple[I64, I64, F64], first: int, told: int, quantum: float) -> None:
    # the new rows from ``first`` on that are not nothing, those before ``told`` being counted
    known, key, value = new
    head, end = place[HEAD], place[END]
    if end + known.shape[0] - first > place[CAPACITY]:
        for r in range(3):
            for j in range(end - head):
                rows[r, j] = rows[r, head + j]
        head, end = 0, end - head
    for i in range(first, known.shape[0]):
        multiple = whole(value[i], quantum)
        if multiple:
            rows[0, end], rows[1, end], rows[2, end] = known[i], key[i], multiple
            place[ADMITTED] += 1 if i < told else 0
            end += 1
    place[HEAD], place[END] = head, end


@njit(cache=True)
def since_start(known: I64, key: I64, value: F64, quantum: float, total: I64, begun: I64, ticks: I64, starts: I64, out: F64) -> None:
    """Sum at each tick of what became known from its ``starts`` on; starts never fall, and what came before the newest is forgotten."""
    n, at = known.shape[0], 0
    for i in range(ticks.shape[0]):
        if starts[i] != begun[0]:
            total[:] = 0
            begun[0] = starts[i]
        while at < n and known[at] <= ticks[i] and known[at] < starts[i]:
            at += 1
        first = at
        while at < n and known[at] <= ticks[i]:
            at += 1
        added(key, value, first, at, 1, quantum, total)
        for k in range(total.shape[0]):
            out[i, k] = total[k] * quantum

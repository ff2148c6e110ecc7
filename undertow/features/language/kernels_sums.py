"""Compiled sums in whole multiples of a quantum: exact, so that what has left a sum leaves no trace (law 5)."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit


@njit(cache=True)
def admit(known: I64, key: I64, value: F64, quantum: float, rows: I64, end: int) -> int:
    """Write known_at, key and value in whole multiples of the quantum to ``rows`` (3, m) from ``end`` on; nothings are left out."""
    for i in range(known.shape[0]):
        if not np.isnan(value[i]):
            multiple = int(np.rint(value[i] / quantum))
            if multiple:
                rows[0, end], rows[1, end], rows[2, end] = known[i], key[i], multiple
                end += 1
    return end


@njit(cache=True)
def since_start(known: I64, key: I64, value: F64, quantum: float, total: I64, begun: I64, ticks: I64, starts: I64, out: F64) -> None:
    """Sum at each tick of what became known from its ``starts`` on; starts never fall, and what came before the newest is forgotten."""
    n, at = known.shape[0], 0
    for i in range(ticks.shape[0]):
        if starts[i] != begun[0]:
            total[:] = 0
            begun[0] = starts[i]
        while at < n and known[at] <= ticks[i]:
            if known[at] >= starts[i] and not np.isnan(value[at]):
                total[key[at]] += int(np.rint(value[at] / quantum))
            at += 1
        for k in range(total.shape[0]):
            out[i, k] = total[k] * quantum

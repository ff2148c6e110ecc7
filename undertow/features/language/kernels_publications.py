"""Compiled folds over publications. Rows held from earlier pushes and the new ones are joined symbol by symbol, each in its order."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.features.language.statistics import statistic_of


@njit(cache=True)
def joined(key: I64, begins: I64) -> tuple[I64, I64]:
    """Where each row of the joined ones comes from (m,), the number of a held one or behind them of a new one; each symbol's first."""
    keys, before = begins.shape[0] - 1, begins[-1]
    starts = begins.copy()
    for i in range(key.shape[0]):
        starts[key[i] + 1] += 1
    for k in range(keys):
        starts[k + 1] += starts[k] - begins[k]
    source, end = np.empty(before + key.shape[0], np.int64), starts[:-1].copy()
    for k in range(keys):
        for p in range(begins[k], begins[k + 1]):
            source[end[k]] = p
            end[k] += 1
    for i in range(key.shape[0]):
        source[end[key[i]]] = before + i
        end[key[i]] += 1
    return source, starts


@njit(cache=True)
def gathered(held: F64, new: F64, source: I64, out: F64) -> None:
    """A column of the joined rows (m,)."""
    before = held.shape[0]
    for p in range(source.shape[0]):
        out[p] = held[source[p]] if source[p] < before else new[source[p] - before]


@njit(cache=True)
def cases(event: I64, known: I64, source: I64, starts: I64, begins: I64, current: I64) -> tuple[I64, I64]:
    """Publications of the joined rows (m,), and for every symbol and instant (c, 4) its last new row, publication, first and end.

    A row of an older publication than the symbol's newest, ``current`` (keys,), is passed over.
    """
    m, before, found = source.shape[0], begins[-1], 0
    events, out = np.empty(m, np.int64), np.empty((event.shape[0], 4), np.int64)
    for k in range(current.shape[0]):
        first, group = starts[k], starts[k]
        for p in range(starts[k], starts[k + 1]):
            i = source[p] - before
            events[p] = event[i] if i >= 0 else current[k]
            if i < 0:
                group = p + 1
            elif p + 1 == starts[k + 1] or known[source[p + 1] - before] != known[i]:
                newest = events[group : p + 1].max()
                if newest > current[k]:
                    current[k], first = newest, group
                out[found, 0], out[found, 1], out[found, 2], out[found, 3] = i, current[k], first, p + 1
                found, group = found + 1, p + 1
    return events, out[:found]


@njit(cache=True)
def published(rows: F64, events: I64, case: I64) -> F64:
    """Rows (inputs, r) of a case."""
    n = 0
    for p in range(case[2], case[3]):
        n += events[p] == case[1]
    out, j = np.empty((rows.shape[0], n)), 0
    for p in range(case[2], case[3]):
        if events[p] == case[1]:
            for r in range(rows.shape[0]):
                out[r, j] = rows[r, p]
            j += 1
    return out


@njit(cache=True)
def newest(events: I64, starts: I64, current: I64, begins: I64) -> None:
    """Write where each symbol's rows of its newest publication will begin (keys + 1,)."""
    for k in range(current.shape[0]):
        begins[k + 1] = begins[k]
        for p in range(starts[k], starts[k + 1]):
            begins[k + 1] += events[p] == current[k]


@njit(cache=True)
def held(column: F64, events: I64, starts: I64, current: I64, out: F64) -> None:
    """A column's rows of the newest publications."""
    j = 0
    for k in range(current.shape[0]):
        for p in range(starts[k], starts[k + 1]):
            if events[p] == current[k]:
                out[j] = column[p]
                j += 1


@njit(cache=True)
def _final(key: I64, known: I64, keys: int) -> Array:
    # a row is the last of its symbol and instant when the next one of the symbol is known later
    final, last = np.ones(key.shape[0], np.bool_), np.full(keys, -1)
    for i in range(key.shape[0]):
        before = last[key[i]]
        if before >= 0 and known[before] == known[i]:
            final[before] = False
        last[key[i]] = i
    return final


@njit(cache=True)
def statistics(key: I64, session: I64, known: I64, x: F64, ring: F64, at: I64, count: I64, within: int, what: int, out: F64) -> None:
    """Statistic number ``what`` of the last ``ring.shape[1]`` publications' newest values, told at the last row of each instant."""
    n = ring.shape[1]
    final, window = _final(key, known, ring.shape[0]), np.empty(n)
    for i in range(key.shape[0]):
        k = key[i]
        if not np.isnan(x[i]):
            newest = (count[k] - 1) % n
            if count[k] > 0 and at[k, newest] == session[i]:
                ring[k, newest] = x[i]
            elif count[k] == 0 or session[i] > at[k, newest]:
                ring[k, count[k] % n] = x[i]
                at[k, count[k] % n] = session[i]
                count[k] += 1
        if final[i] and count[k] >= n and session[i] - at[k, count[k] % n] < within:
            for j in range(n):
                window[j] = ring[k, (count[k] + j) % n]
            out[i] = statistic_of(window, what)

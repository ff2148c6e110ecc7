"""Compiled folds sampled at ticks or at events of another kind. Events and ticks come in order of time."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit


@njit(cache=True)
def decayed_sum(known: I64, key: I64, value: F64, total: F64, last: I64, ticks: I64, half_life: float, out: F64) -> None:
    """Exponentially decayed sum; an event weighs one half ``half_life`` ns after it was known."""
    n, at = known.shape[0], 0
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while at < n and known[at] <= tick:
            k = key[at]
            if not np.isnan(value[at]):
                total[k] = total[k] * 0.5 ** ((known[at] - last[k]) / half_life) + value[at]
                last[k] = known[at]
            at += 1
        for k in range(total.shape[0]):
            out[i, k] = total[k] * 0.5 ** ((tick - last[k]) / half_life)


@njit(cache=True)
def newest_rows(known: I64, key: I64, since: I64, ticks: I64, max_age: int, newest: I64, row: I64) -> None:
    """Which row of each symbol is the newest at each tick: -1 one of an earlier push, -2 none or one older than ``max_age`` ns.

    since and newest (keys,), row (ticks, keys)
    """
    n, at = known.shape[0], 0
    newest[:] = -1
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while at < n and known[at] <= tick:
            newest[key[at]] = at
            since[key[at]] = known[at]
            at += 1
        for k in range(since.shape[0]):
            row[i, k] = newest[k] if tick - since[k] < max_age else -2


@njit(cache=True)
def value_at(value: F64, held: F64, newest: I64, row: I64, out: F64) -> None:
    """Values of one column (n,) at the rows that ``newest_rows`` found; held (keys,) are those of earlier pushes, out (ticks * keys,)."""
    keys = held.shape[0]
    for i in range(row.shape[0]):
        for k in range(keys):
            at = row[i, k]
            out[i * keys + k] = value[at] if at >= 0 else held[k] if at == -1 else np.nan
    for k in range(keys):
        if newest[k] >= 0:
            held[k] = value[newest[k]]


@njit(cache=True)
def values_at(value: F64, held: F64, newest: I64, row: I64, out: F64) -> None:
    """``value_at`` of ``m`` columns: value (m, n), held (m, keys), out (m, ticks, keys)."""
    for j in range(held.shape[0]):
        value_at(value[j], held[j], newest, row, out[j].reshape(-1))


@njit(cache=True)
def latest_sum(
    event: I64,
    known: I64,
    key: I64,
    value: F64,
    current: I64,
    total: F64,
    seen: I64,
    since: I64,
    ticks: I64,
    max_age: int,
    out: F64,
) -> None:
    """Sum over the rows that share the symbol's newest ``event_at``; NaN before the first, where all are, and after ``max_age``."""
    n, at = known.shape[0], 0
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while at < n and known[at] <= tick:
            k = key[at]
            if event[at] > current[k]:
                current[k] = event[at]
                total[k] = 0.0
                seen[k] = 0
            if event[at] == current[k] and not np.isnan(value[at]):
                total[k] += value[at]
                seen[k] = 1
                since[k] = known[at]
            at += 1
        for k in range(total.shape[0]):
            out[i, k] = total[k] if seen[k] and tick - since[k] < max_age else np.nan


@njit(cache=True)
def split_factors(key: I64, at: I64, known: I64, action_key: I64, action_at: I64, action_known: I64, ratio: F64, out: F64) -> None:
    """Product of the ratios of the symbol's splits that were in effect at each row's ``event_at``, and known by its ``known_at``."""
    for i in range(key.shape[0]):
        factor = 1.0
        for j in range(action_key.shape[0]):
            if action_key[j] == key[i] and action_at[j] <= at[i] and action_known[j] <= known[i]:
                factor *= ratio[j]
        out[i] = factor


@njit(cache=True)
def ages(known: I64, key: I64, value: F64, since: I64, ticks: I64, max_age: int, unit: float, out: F64) -> None:
    """Time since the newest known value became known, in ``unit`` ns; NaN before the first and from ``max_age`` on."""
    at = 0
    for i in range(ticks.shape[0]):
        while at < known.shape[0] and known[at] <= ticks[i]:
            if not np.isnan(value[at]):
                since[key[at]] = known[at]
            at += 1
        for k in range(since.shape[0]):
            age = ticks[i] - since[k]
            out[i, k] = age / unit if age < max_age else np.nan


@njit(cache=True)
def newest_value(
    known: I64,
    key: I64,
    value: F64,
    at: I64,
    of: I64,
    first: bool,
    symbol: int,
    max_age: int,
    held: F64,
    since: I64,
    out: F64,
) -> None:
    """held and since (keys,): each symbol's newest value and when it was known; a ``symbol`` of -1 asks each row of its own."""
    told = 0
    for i in range(at.shape[0]):
        while told < known.shape[0] and (known[told] < at[i] or (first and known[told] == at[i])):
            held[key[told]], since[key[told]] = value[told], known[told]
            told += 1
        k = symbol if symbol >= 0 else of[i]
        out[i] = held[k] if at[i] - since[k] < max_age else np.nan
    for j in range(told, known.shape[0]):
        held[key[j]], since[key[j]] = value[j], known[j]

"""Compiled folds sampled at ticks or at events of another kind. Events and ticks come in order of time."""

from __future__ import annotations

import numpy as np
from numba import njit

from undertow.core.chunk import F64, I64


@njit(cache=True)
def window_sum(known: I64, key: I64, value: I64, head: int, tail: int, total: I64, ticks: I64, starts: I64, out: F64) -> tuple[int, int]:
    """Two pointers over one array: ``tail`` admits, ``head`` evicts. A window is half open: (start, tick]; starts never fall."""
    n = known.shape[0]
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while tail < n and known[tail] <= tick:
            total[key[tail]] += value[tail]
            tail += 1
        while head < tail and known[head] <= starts[i]:
            total[key[head]] -= value[head]
            head += 1
        for k in range(total.shape[0]):
            out[i, k] = total[k]
    return head, tail


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
def last_values(known: I64, key: I64, value: F64, held: F64, since: I64, ticks: I64, max_age: int, out: F64) -> None:
    """The newest value known at each tick, of ``m`` columns of the same rows; NaN before the first and once older than ``max_age`` ns.

    value (m, n), held (m, keys), since (keys,), out (m, ticks, keys)
    """
    n, newest = known.shape[0], since.copy()
    for j in range(held.shape[0]):
        at = 0
        newest[:] = since
        for i in range(ticks.shape[0]):
            tick = ticks[i]
            while at < n and known[at] <= tick:
                held[j, key[at]] = value[j, at]
                newest[key[at]] = known[at]
                at += 1
            for k in range(held.shape[1]):
                out[j, i, k] = held[j, k] if tick - newest[k] < max_age else np.nan
    since[:] = newest


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
def gathered(
    known: I64, key: I64, value: I64, head: int, tail: int, total: I64, of: I64, ends: I64, span: int, out: F64
) -> tuple[int, int]:
    """``window_sum`` of one symbol ``of[i]`` at each of the ``ends``: a window is half open, (end - span, end]."""
    n = known.shape[0]
    for i in range(ends.shape[0]):
        while tail < n and known[tail] <= ends[i]:
            total[key[tail]] += value[tail]
            tail += 1
        while head < tail and known[head] <= ends[i] - span:
            total[key[head]] -= value[head]
            head += 1
        out[i] = total[of[i]]
    return head, tail


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

"""Compiled folds over events, one symbol's state a row. Windows are summed anew from oldest to newest, so that a number depends
on the window alone and never on where the run began (laws 3 and 5); running float sums would drift."""

from __future__ import annotations

import numpy as np
from numba import njit

from undertow.core.chunk import F64, I64


@njit(cache=True)
def lag(key: I64, x: F64, ring: F64, count: I64, out: F64) -> None:
    """The value ``ring.shape[1]`` events earlier."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        at = count[k] % n
        out[i] = ring[k, at] if count[k] >= n else np.nan
        ring[k, at] = x[i]
        count[k] += 1


@njit(cache=True)
def oldest_first(window: F64, first: int) -> float:
    """Sum of a ring (n,) from its oldest value, at ``first``, to its newest."""
    total = 0.0
    for j in range(first, window.shape[0]):
        total += window[j]
    for j in range(first):
        total += window[j]
    return total


@njit(cache=True)
def mean(key: I64, x: F64, ring: F64, count: I64, out: F64) -> None:
    """Mean of the last ``ring.shape[1]`` values, this one included."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = x[i]
        count[k] += 1
        if count[k] < n:
            out[i] = np.nan
            continue
        out[i] = oldest_first(ring[k], count[k] % n) / n


@njit(cache=True)
def deviation(key: I64, x: F64, ring: F64, count: I64, out: F64) -> None:
    """Population standard deviation of the last ``ring.shape[1]`` values, in two passes."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = x[i]
        count[k] += 1
        if count[k] < n:
            out[i] = np.nan
            continue
        first = count[k] % n
        centre = oldest_first(ring[k], first) / n
        squares = 0.0
        for j in range(first, n):
            squares += (ring[k, j] - centre) ** 2
        for j in range(first):
            squares += (ring[k, j] - centre) ** 2
        out[i] = np.sqrt(squares / n)


@njit(cache=True)
def extreme(key: I64, x: F64, ring: F64, count: I64, sign: float, out: F64) -> None:
    """Largest (``sign`` 1) or smallest (-1) of the last ``ring.shape[1]`` values."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = x[i]
        count[k] += 1
        if count[k] < n:
            out[i] = np.nan
            continue
        best = ring[k, 0]
        for j in range(1, n):
            if sign * ring[k, j] > sign * best or np.isnan(ring[k, j]):
                best = ring[k, j]
        out[i] = best


@njit(cache=True)
def smooth(key: I64, x: F64, n: int, alpha: float, count: I64, value: F64, out: F64) -> None:
    """Exponential smoothing seeded by the mean of the first ``n`` values, as TA-Lib does; NaN is passed over."""
    for i in range(key.shape[0]):
        k = key[i]
        if np.isnan(x[i]):
            out[i] = np.nan
            continue
        if count[k] < n:
            value[k] += x[i]
            count[k] += 1
            if count[k] == n:
                value[k] /= n
        else:
            value[k] += alpha * (x[i] - value[k])
        out[i] = value[k] if count[k] >= n else np.nan


@njit(cache=True)
def session_sum(key: I64, x: F64, session: I64, current: I64, total: F64, out: F64) -> None:
    """Sum since the session began."""
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] != current[k]:
            current[k] = session[i]
            total[k] = 0.0
        total[k] += x[i]
        out[i] = total[k]


@njit(cache=True)
def slot_score(key: I64, x: F64, slot: I64, session: I64, ring: F64, day: I64, count: I64, out: F64) -> None:
    """Standard score against the same slot of the day in the ``ring.shape[2]`` sessions before; half of them must be there."""
    n = ring.shape[2]
    for i in range(key.shape[0]):
        k, s = key[i], slot[i]
        seen = count[k, s]
        have, total = 0, 0.0
        for j in range(seen - min(seen, n), seen):
            if day[k, s, j % n] >= session[i] - n:
                have += 1
                total += ring[k, s, j % n]
        out[i] = np.nan
        if have > 1 and 2 * have >= n:
            centre, squares = total / have, 0.0
            for j in range(seen - have, seen):
                squares += (ring[k, s, j % n] - centre) ** 2
            if squares > 0.0:
                out[i] = (x[i] - centre) / np.sqrt(squares / have)
        ring[k, s, seen % n] = x[i]
        day[k, s, seen % n] = session[i]
        count[k, s] += 1


@njit(cache=True)
def window_sum(known: I64, key: I64, value: I64, head: int, tail: int, total: I64, ticks: I64, span: int, out: F64) -> tuple[int, int]:
    """Two pointers over one array: ``tail`` admits, ``head`` evicts. A window is half open: (tick - span, tick]."""
    n = known.shape[0]
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while tail < n and known[tail] <= tick:
            total[key[tail]] += value[tail]
            tail += 1
        while head < tail and known[head] <= tick - span:
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
def strips(key: I64, bars: F64, tail: F64, whole: I64, out: F64, place: I64) -> int:
    """Lay each symbol's new bars behind its last ``tail.shape[2]``, symbol after symbol; returns the length of the whole strip.

    bars (4, n), tail (keys, 4, w), whole (keys,) bars without a gap so far, out (4, >= n + keys * w), place (n,) of each new bar in
    ``out``, -1 where any of the ``w`` bars before it is missing.
    """
    keys, w, n = tail.shape[0], tail.shape[2], key.shape[0]
    rows = np.zeros(keys, np.int64)
    for i in range(n):
        rows[key[i]] += 1
    end, length = np.zeros(keys, np.int64), 0
    for k in range(keys):
        if rows[k] > 0:
            out[:, length : length + w] = tail[k]
            end[k] = length + w
            length += w + rows[k]
    for i in range(n):
        k = key[i]
        gap = False
        for j in range(4):
            gap = gap or np.isnan(bars[j, i])
        for j in range(4):
            out[j, end[k]] = 0.0 if gap else bars[j, i]
        place[i] = end[k] if whole[k] >= w and not gap else -1
        whole[k] = 0 if gap else whole[k] + 1
        end[k] += 1
    for k in range(keys):
        if rows[k] > 0:
            tail[k] = out[:, end[k] - w : end[k]]
    return length

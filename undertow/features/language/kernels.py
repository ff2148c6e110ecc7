"""Compiled folds along events, one symbol's state a row. Windows are summed anew from oldest to newest, so that a number depends
on the window alone and never on where the run began (laws 3 and 5); running float sums would drift."""

from __future__ import annotations

import numpy as np
from numba import njit

from undertow.core.chunk import F64, I64
from undertow.features.language.statistics import of_two, statistic_of


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
def unrolled(ring: F64, count: int, step: int, window: F64) -> None:
    """Every ``step``-th value of a ring, the newest last, into ``window`` (n,)."""
    m, n = ring.shape[0], window.shape[0]
    at = (count - 1 - (n - 1) * step) % m
    for j in range(n):
        window[j] = ring[at]
        at += step
        if at >= m:
            at -= m


@njit(cache=True)
def statistic(key: I64, x: F64, n: int, step: int, ring: F64, count: I64, what: int, out: F64) -> None:
    """Statistic number ``what`` of the last ``n`` values, ``step`` apart."""
    window = np.empty(n)
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % ring.shape[1]] = x[i]
        count[k] += 1
        if count[k] < ring.shape[1]:
            out[i] = np.nan
            continue
        unrolled(ring[k], count[k], step, window)
        out[i] = statistic_of(window, what)


@njit(cache=True)
def regression(key: I64, y: F64, x: F64, n: int, step: int, ring: F64, count: I64, what: int, out: F64) -> None:
    """Least squares of the last ``n`` values of y on those of x, ``step`` apart; ring (2, keys, m). NaN where one is not known."""
    left, right = np.empty(n), np.empty(n)
    m = ring.shape[2]
    for i in range(key.shape[0]):
        k = key[i]
        ring[0, k, count[k] % m] = y[i]
        ring[1, k, count[k] % m] = x[i]
        count[k] += 1
        out[i] = np.nan
        if count[k] < m:
            continue
        unrolled(ring[0, k], count[k], step, left)
        unrolled(ring[1, k], count[k], step, right)
        if not (np.isnan(left).any() or np.isnan(right).any()):
            out[i] = of_two(left, right, what)


@njit(cache=True)
def smooth(key: I64, x: F64, n: int, step: int, alpha: float, count: I64, value: F64, phase: I64, out: F64) -> None:
    """Exponential smoothing of every ``step``-th value, seeded by the mean of the first ``n``, as TA-Lib does; NaN is passed over.

    count and value (keys * step,), a row a phase; phase (keys,).
    """
    for i in range(key.shape[0]):
        k = key[i]
        if step > 1:
            k = key[i] * step + phase[key[i]]
            phase[key[i]] = (phase[key[i]] + 1) % step
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
def session_first(key: I64, x: F64, session: I64, current: I64, held: F64, out: F64) -> None:
    """The session's first value; NaN until one is known."""
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] != current[k] or np.isnan(held[k]):
            current[k] = session[i]
            held[k] = x[i]
        out[i] = held[k]


@njit(cache=True)
def slot_score(key: I64, x: F64, slot: I64, session: I64, ring: F64, day: I64, count: I64, ranked: bool, out: F64) -> None:
    """Standard score or mid-rank against the same slot of the day in the ``ring.shape[2]`` sessions before; half must be there."""
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
        if ranked and have > 1 and 2 * have >= n and not np.isnan(x[i]):
            below = 0.5
            for j in range(seen - have, seen):
                below += 1.0 if ring[k, s, j % n] < x[i] else 0.5 * (ring[k, s, j % n] == x[i])
            out[i] = below / (have + 1.0)
        elif not ranked and have > 1 and 2 * have >= n:
            centre, squares = total / have, 0.0
            for j in range(seen - have, seen):
                squares += (ring[k, s, j % n] - centre) ** 2
            if squares > 0.0:
                out[i] = (x[i] - centre) / np.sqrt(squares / have)
        ring[k, s, seen % n] = x[i]
        day[k, s, seen % n] = session[i]
        count[k, s] += 1


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

"""Compiled folds over events, one symbol's state a row. Windows are summed anew from oldest to newest, so that a number depends
on the window alone and never on where the run began (laws 3 and 5); running float sums would drift."""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def lag(key, x, ring, count, out):
    """The value ``ring.shape[1]`` events earlier."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        at = count[k] % n
        out[i] = ring[k, at] if count[k] >= n else np.nan
        ring[k, at] = x[i]
        count[k] += 1


@njit(cache=True)
def mean(key, x, ring, count, out):
    """Mean of the last ``ring.shape[1]`` values, this one included."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = x[i]
        count[k] += 1
        if count[k] < n:
            out[i] = np.nan
            continue
        first = count[k] % n
        total = 0.0
        for j in range(first, n):
            total += ring[k, j]
        for j in range(first):
            total += ring[k, j]
        out[i] = total / n


@njit(cache=True)
def deviation(key, x, ring, count, out):
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
        total = 0.0
        for j in range(first, n):
            total += ring[k, j]
        for j in range(first):
            total += ring[k, j]
        centre = total / n
        squares = 0.0
        for j in range(first, n):
            squares += (ring[k, j] - centre) ** 2
        for j in range(first):
            squares += (ring[k, j] - centre) ** 2
        out[i] = np.sqrt(squares / n)


@njit(cache=True)
def extreme(key, x, ring, count, sign, out):
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
def smooth(key, x, n, alpha, count, value, out):
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
def session_sum(key, x, session, current, total, out):
    """Sum since the session began."""
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] != current[k]:
            current[k] = session[i]
            total[k] = 0.0
        total[k] += x[i]
        out[i] = total[k]


@njit(cache=True)
def slot_score(key, x, slot, session, ring, day, count, out):
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
def window_sum(known, key, value, head, tail, total, ticks, span, out):
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
def decayed_sum(known, key, value, total, last, ticks, half_life, out):
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
def last_value(known, key, value, held, since, ticks, max_age, out):
    """The newest value known at each tick; NaN before the first and once it is older than ``max_age`` ns."""
    n, at = known.shape[0], 0
    for i in range(ticks.shape[0]):
        tick = ticks[i]
        while at < n and known[at] <= tick:
            held[key[at]] = value[at]
            since[key[at]] = known[at]
            at += 1
        for k in range(held.shape[0]):
            out[i, k] = held[k] if tick - since[k] < max_age else np.nan


@njit(cache=True)
def latest_sum(event, known, key, value, current, total, seen, since, ticks, max_age, out):
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
def split_factors(key, at, action_key, action_at, ratio, out):
    """Product of the ratios of the symbol's splits that took effect, and were known, by each instant."""
    for i in range(key.shape[0]):
        factor = 1.0
        for j in range(action_key.shape[0]):
            if action_key[j] == key[i] and action_at[j] <= at[i]:
                factor *= ratio[j]
        out[i] = factor

"""Compiled folds along events, one symbol's state a row. Windows are summed anew from oldest to newest, so that a number depends
on the window alone and never on where the run began (laws 3 and 5); running float sums would drift."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit

SLOT_MINUTES = 5
FEW = 6  #: so few values are summed faster than they are counted


@njit(cache=True)
def lag(key: I64, x: F64, ring: F64, slot: I64, out: F64) -> None:
    """The value ``ring.shape[1]`` events earlier; a ring begins with nothing but NaN."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k, at = key[i], slot[key[i]]
        out[i] = ring[k, at]
        ring[k, at] = x[i]
        slot[k] = at + 1 if at + 1 < n else 0


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
def short_mean(key: I64, x: F64, ring: F64, count: I64, slot: I64, out: F64) -> None:
    """Mean of the last ``ring.shape[1]`` values, this one included: few enough to be summed anew from oldest to newest."""
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k, at = key[i], slot[key[i]]
        ring[k, at] = x[i]
        count[k] += 1
        total = 0.0
        for _ in range(n):
            at = at + 1 if at + 1 < n else 0
            total += ring[k, at]
        slot[k] = at + 1 if at + 1 < n else 0
        out[i] = total / n if count[k] >= n else np.nan


@njit(cache=True)
def mean(key: I64, x: F64, ring: F64, count: I64, slot: I64, total: I64, rough: I64, out: F64) -> None:
    """Mean of the last ``ring.shape[1]`` values, this one included.

    Where all of them lie on a grid (1/1024) a running sum is exact, and so the same as one from oldest to newest. ``total`` (keys,) is
    that sum in grid steps, ``rough`` (keys,) how many values of the window lie off the grid.
    """
    n, most = ring.shape[1], 2.0**52 / ring.shape[1]
    held = np.int64(0)  # the symbol whose state is in hand, which is faster than in memory
    seen, at, steps, off = count[0], slot[0], total[0], rough[0]
    for i in range(key.shape[0]):
        k = key[i]
        if k != held:
            count[held], slot[held], total[held], rough[held] = seen, at, steps, off
            held, seen, at, steps, off = k, count[k], slot[k], total[k], rough[k]
        if seen >= n:
            old = ring[k, at] * 1024.0
            if abs(old) < most and np.floor(old) == old:
                steps -= np.int64(old)
            else:
                off -= 1
        new = x[i] * 1024.0
        if abs(new) < most and np.floor(new) == new:
            steps += np.int64(new)
        else:
            off += 1
        ring[k, at] = x[i]
        seen += 1
        at = at + 1 if at + 1 < n else 0
        if seen < n:
            out[i] = np.nan
        elif off == 0:
            out[i] = (steps / 1024.0) / n
        else:
            out[i] = oldest_first(ring[k], at) / n
    count[held], slot[held], total[held], rough[held] = seen, at, steps, off


@njit(cache=True)
def deviation(key: I64, x: F64, ring: F64, count: I64, slot: I64, total: I64, rough: I64, out: F64) -> None:
    """Population standard deviation of the last ``ring.shape[1]`` values.

    Where all of them are whole numbers that are not too large it comes from exact sums: ``total`` (2, keys) of them and of their
    squares, ``rough`` (keys,) how many are not. Else in two passes from oldest to newest.
    """
    n = ring.shape[1]
    most = 2.0**31 / n  # so that n times a sum of n squares still is a whole number of 64 bits
    for i in range(key.shape[0]):
        k = key[i]
        at = slot[k]
        if count[k] >= n:
            old = ring[k, at]
            if abs(old) < most and np.floor(old) == old:
                total[0, k] -= np.int64(old)
                total[1, k] -= np.int64(old) * np.int64(old)
            else:
                rough[k] -= 1
        new = x[i]
        if abs(new) < most and np.floor(new) == new:
            total[0, k] += np.int64(new)
            total[1, k] += np.int64(new) * np.int64(new)
        else:
            rough[k] += 1
        ring[k, at] = new
        count[k] += 1
        slot[k] = at + 1 if at + 1 < n else 0
        if count[k] < n:
            out[i] = np.nan
        elif rough[k] == 0:
            out[i] = np.sqrt(float(n * total[1, k] - total[0, k] * total[0, k])) / n
        else:
            out[i] = in_two_passes(ring[k], slot[k])


@njit(cache=True)
def in_two_passes(window: F64, first: int) -> float:
    """Population standard deviation of a ring (n,) whose oldest value is at ``first``."""
    n = window.shape[0]
    centre, squares = oldest_first(window, first) / n, 0.0
    for j in range(first, n):
        squares += (window[j] - centre) ** 2
    for j in range(first):
        squares += (window[j] - centre) ** 2
    return float(np.sqrt(squares / n))


@njit(cache=True)
def extreme(key: I64, x: F64, ring: F64, count: I64, slot: I64, at: I64, missing: I64, sign: float, out: F64) -> None:
    """Largest (``sign`` 1) or smallest (-1) of the last ``ring.shape[1]`` values; looks at all of them only when the best one leaves.

    at (keys,) number of the event that holds the best known value, missing (keys,) number of the newest one that is not known; the
    ring (keys, n + 1) holds values times the sign, and the best of them behind the others.
    """
    n = ring.shape[1] - 1
    held = np.int64(0)  # the symbol whose state is in hand
    now, here, best, top, gone = count[0], slot[0], at[0], ring[0, n], missing[0]
    for i in range(key.shape[0]):
        k = key[i]
        if k != held:
            count[held], slot[held], at[held], ring[held, n], missing[held] = now, here, best, top, gone
            held, now, here, best, top, gone = k, count[k], slot[k], at[k], ring[k, n], missing[k]
        new = sign * x[i]
        ring[k, here] = new
        if np.isnan(new):
            gone = now
        elif best <= now - n:
            best, top = now, new
            for back in range(1, now - max(now - n, gone, -1)):
                past = ring[k, here - back if here >= back else here - back + n]
                if past > top:
                    best, top = now - back, past
        elif new >= top:
            best, top = now, new
        now += 1
        here = here + 1 if here + 1 < n else 0
        out[i] = sign * top if now >= n and gone < now - n else np.nan
    count[held], slot[held], at[held], ring[held, n], missing[held] = now, here, best, top, gone


@njit(cache=True)
def unrolled(ring: F64, count: int, step: int, window: F64) -> None:
    """Every ``step``-th value of a ring, the newest last, into ``window`` (n,)."""
    m, n = ring.shape[0], window.shape[0]
    at = (count - 1 - (n - 1) * step) % m
    if step == 1 and m == n:
        for j in range(at, m):
            window[j - at] = ring[j]
        for j in range(at):
            window[m - at + j] = ring[j]
        return
    for j in range(n):
        window[j] = ring[at]
        at += step
        if at >= m:
            at -= m


@njit(cache=True)
def smooth(key: I64, x: F64, n: int, step: int, alpha: float, count: I64, value: F64, phase: I64, out: F64) -> None:
    """Exponential smoothing of every ``step``-th value, seeded by the mean of the first ``n``, as TA-Lib does; NaN is passed over.

    count and value (keys * step,), a row a phase; phase (keys,).
    """
    keep, held, level = 1.0 - alpha, np.int64(0), value[0]  # a level in hand is faster than one in memory
    for i in range(key.shape[0]):
        k = key[i]
        if step > 1:
            k = key[i] * step + phase[key[i]]
            phase[key[i]] = phase[key[i]] + 1 if phase[key[i]] + 1 < step else 0
        if k != held:
            value[held] = level
            held, level = k, value[k]
        if np.isnan(x[i]):
            out[i] = np.nan
            continue
        if count[k] >= n:
            level = keep * level + alpha * x[i]
        else:
            level += x[i]
            count[k] += 1
            if count[k] == n:
                level /= n
        out[i] = level if count[k] >= n else np.nan
    value[held] = level


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
def slot_score(key: I64, x: F64, minute: I64, session: I64, ring: F64, day: I64, count: I64, ranked: bool, out: F64) -> None:
    """Standard score or mid-rank against the same slot of the day in the sessions before, of which half must be there.

    ring and day (slots, keys, n), count (slots, keys): what is asked for at one time lies together.
    """
    n = ring.shape[2]
    for i in range(key.shape[0]):
        k, s = key[i], minute[i] // SLOT_MINUTES % ring.shape[0]
        values, days, newest = ring[s, k], day[s, k], count[s, k] % n  # where the newest goes the oldest lies, once the ring is full
        filled = count[s, k] if count[s, k] < n else n
        oldest = newest if filled == n else 0
        have, total, at = 0, 0.0, oldest
        for _ in range(filled):
            if days[at] >= session[i] - n:
                have += 1
                total += values[at]
            at = at + 1 if at + 1 < n else 0
        out[i] = np.nan
        at = oldest + filled - have
        if at >= n:
            at -= n
        if have > 1 and 2 * have >= n:
            out[i] = _mid_rank(values, at, have, x[i]) if ranked else _standard_score(values, at, have, total / have, x[i])
        values[newest], days[newest] = x[i], session[i]
        count[s, k] += 1


@njit(cache=True)
def _mid_rank(ring: F64, at: int, have: int, x: float) -> float:
    # of x among itself and ``have`` values of a ring from a place on
    if np.isnan(x):
        return np.nan
    below = 0.5
    for _ in range(have):
        below += 1.0 if ring[at] < x else 0.5 * (ring[at] == x)
        at = at + 1 if at + 1 < ring.shape[0] else 0
    return below / (have + 1.0)


@njit(cache=True)
def _standard_score(ring: F64, at: int, have: int, centre: float, x: float) -> float:
    squares = 0.0
    for _ in range(have):
        squares += (ring[at] - centre) ** 2
        at = at + 1 if at + 1 < ring.shape[0] else 0
    return float((x - centre) / np.sqrt(squares / have)) if squares > 0.0 else np.nan


@njit(cache=True)
def strips(key: I64, bars: F64, tail: F64, whole: I64, out: F64, place: I64, parts: I64) -> tuple[int, int]:
    """Lay each symbol's new bars behind its last ``tail.shape[2]``; returns the length of the strip, and how many symbols have a part.

    bars (4, n), tail (keys, 4, w), whole (keys,) bars without a gap so far, out (4, >= n + keys * w), place (n,) of each new bar in
    ``out``, -1 where any of the ``w`` bars before it is missing; parts (keys, 2) where each part's first and last new bar lie.
    """
    keys, w, n = tail.shape[0], tail.shape[2], key.shape[0]
    rows = np.zeros(keys, np.int64)
    for i in range(n):
        rows[key[i]] += 1
    end, length, symbols = np.zeros(keys, np.int64), 0, 0
    for k in range(keys):
        if rows[k] > 0:
            out[:, length : length + w] = tail[k]
            end[k] = length + w
            length += w + rows[k]
            parts[symbols, 0], parts[symbols, 1] = end[k], length - 1
            symbols += 1
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
    return length, symbols

"""Compiled folds of single prints: the quote that stood, what became of the price, order statistics, price levels."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit

PREVIOUS, NEXT, EVENT, KNOWN = 0, 1, 2, 3  # columns of a node
NEWEST, OLDEST = 0, 1  # ends of a symbol's list
NONE = -1
NEVER = 2**62


@njit(cache=True)
def _forget(ends: I64, nodes: I64, free: I64, room: I64, k: int, spans: tuple[int, int]) -> None:
    # drops the symbol's oldest nodes for as long as no event to come can ask for them: what became known longer than a span ago, and
    # what lies further behind the newest than patience goes, when the next node lies there too and both stay as long as it would
    newest, span = ends[NEWEST, k], spans[0]
    until, now = nodes[newest, EVENT] - spans[1], nodes[newest, KNOWN]
    node = ends[OLDEST, k]
    later = nodes[node, NEXT]
    while later != NONE:
        known = nodes[node, KNOWN]
        behind = nodes[later, EVENT] < until and known <= nodes[later, KNOWN] and known <= now
        if not behind and known > now - span:
            return
        free[room[0]] = node
        room[0] += 1
        ends[OLDEST, k] = later
        nodes[later, PREVIOUS] = NONE
        node = later
        later = nodes[node, NEXT]


@njit(cache=True)
def _tell(ends: I64, nodes: I64, free: I64, room: I64, k: int, event: int, known: int) -> int:
    # a new node in order of event_at, behind those of the same; its number
    before, after = ends[NEWEST, k], NONE
    while before != NONE and nodes[before, EVENT] > event:
        after = before
        before = nodes[before, PREVIOUS]
    room[0] -= 1
    node = free[room[0]]
    nodes[node, PREVIOUS], nodes[node, NEXT], nodes[node, EVENT], nodes[node, KNOWN] = before, after, event, known
    if before == NONE:
        ends[OLDEST, k] = node
    else:
        nodes[before, NEXT] = node
    if after == NONE:
        ends[NEWEST, k] = node
    else:
        nodes[after, PREVIOUS] = node
    return int(node)


@njit(cache=True)
def _younger(nodes: I64, node: int, since: int) -> int:
    # this node, or the next before it that became known after ``since``
    while node != NONE and nodes[node, KNOWN] <= since:
        node = nodes[node, PREVIOUS]
    return node


@njit(cache=True)
def standing(
    base: tuple[I64, I64, I64],
    other: tuple[I64, I64, I64],
    value: F64,
    spans: tuple[int, int],
    lists: tuple[I64, I64, F64, I64, I64],
    out: F64,
) -> None:
    """The value whose event_at is the newest before the base event's, among those known by then; ``out`` (2, n): it, and ns behind.

    base, other : event_at, known_at, key of the rows in order of known_at
    spans       : how long ago a value may have become known, and how far a base event may lie behind the newest, ns
    lists       : ends (2, keys), nodes (m, 4), held (m,), free (m,), room (1,): each symbol's values by event_at
    """
    ends, nodes, held, free, room = lists
    span, patience = spans
    at, told = 0, other[0].shape[0]
    n = base[0].shape[0]
    for i in range(n + 1):
        until = base[1][i] if i < n else other[1][told - 1] if told else 0
        while at < told and other[1][at] <= until:
            k = other[2][at]
            held[_tell(ends, nodes, free, room, k, other[0][at], other[1][at])] = value[at]
            _forget(ends, nodes, free, room, k, spans)
            at += 1
        if i == n:
            break
        out[0, i] = out[1, i] = np.nan
        since = base[1][i] - span
        node = _younger(nodes, ends[NEWEST, base[2][i]], since)
        if node == NONE:
            continue
        behind = nodes[node, EVENT] - base[0][i]
        out[1, i] = behind
        if behind > patience:
            continue
        while node != NONE and nodes[node, EVENT] >= base[0][i]:
            node = _younger(nodes, nodes[node, PREVIOUS], since)
        if node != NONE:
            out[0, i] = held[node]


@njit(cache=True)
def _resolve(upto: int, horizons: I64, queue: I64, start: F64, place: I64, now: tuple[F64, I64], sums: tuple[I64, I64], rules: I64) -> None:
    # outcomes of the blocks whose horizon is over by ``upto``; rules: oldest quote in ns, steps to a unit of log price
    middle, since = now
    total, count = sums
    for h in range(horizons.shape[0]):
        while place[2 + h] < place[1] and queue[place[2 + h], 0] + horizons[h] <= upto:
            j = place[2 + h]
            due, k = queue[j, 0] + horizons[h], queue[j, 1]
            gone = due - since[k] < rules[0] and not np.isnan(middle[k]) and not np.isnan(start[j])
            queue[j, 3 + 2 * h] = gone
            if gone:
                moved = int(np.rint(queue[j, 2] * (np.log(middle[k]) - start[j]) * rules[1]))
                queue[j, 4 + 2 * h] = moved
                total[h, k] += moved
                count[h, k] += 1
            place[2 + h] += 1


@njit(cache=True)
def _next_due(horizons: I64, queue: I64, place: I64) -> int:
    # when the first horizon that is not over will be
    due = NEVER
    for h in range(horizons.shape[0]):
        if place[2 + h] < place[1]:
            due = min(due, queue[place[2 + h], 0] + horizons[h])
    return due


@njit(cache=True)
def _left(until: int, horizons: I64, queue: I64, place: I64, sums: tuple[I64, I64]) -> None:
    # takes the events that count no more out of the sums
    total, count = sums
    while place[0] < place[1] and queue[place[0], 0] <= until:
        gone = place[0]
        for h in range(horizons.shape[0]):
            if queue[gone, 3 + 2 * h]:
                total[h, queue[gone, 1]] -= queue[gone, 4 + 2 * h]
                count[h, queue[gone, 1]] -= 1
        place[0] += 1


@njit(cache=True)
def drift(
    base: tuple[I64, I64, F64],
    other: tuple[I64, I64, F64],
    horizons: I64,
    rules: I64,
    now: tuple[F64, I64],
    queue: I64,
    start: F64,
    place: I64,
    sums: tuple[I64, I64],
    out: F64,
) -> None:
    """Mean log move of a price, in the direction of each signed event, over the horizons that ended; ``out`` (horizons, n).

    base, other : known_at, key, and the sign or the price
    rules       : oldest price that counts (ns), steps to a unit of log price, how long an event counts (ns)
    now         : each symbol's newest price and when it was known
    queue       : a row an event: known_at, key, sign, and for each horizon whether its outcome is known, and the outcome
    start       : log price when each event of the queue was known
    place       : first row of the queue that counts, its end, and for each horizon the first row that it is not over for
    """
    middle, since = now
    total, count = sums
    at, told, n, due = 0, other[0].shape[0], base[0].shape[0], _next_due(horizons, queue, place)
    for i in range(n + 1):
        while at < told and (i == n or other[0][at] <= base[0][i]):
            if other[0][at] > due:
                _resolve(other[0][at] - 1, horizons, queue, start, place, now, sums, rules)
                due = _next_due(horizons, queue, place)
            middle[other[1][at]], since[other[1][at]] = other[2][at], other[0][at]
            at += 1
        if i == n:
            break
        t, k = base[0][i], base[1][i]
        if t >= due:
            _resolve(t, horizons, queue, start, place, now, sums, rules)
        _left(t - rules[2], horizons, queue, place, sums)
        if base[2][i] == 1.0 or base[2][i] == -1.0:
            fresh = t - since[k] < rules[0] and middle[k] > 0.0
            last = place[1]
            queue[last, 0], queue[last, 1], queue[last, 2] = t, k, int(base[2][i])
            start[last] = np.log(middle[k]) if fresh else np.nan
            place[1] += 1
        due = _next_due(horizons, queue, place)
        for h in range(horizons.shape[0]):
            out[h, i] = total[h, k] / rules[1] / count[h, k] if count[h, k] else np.nan


@njit(cache=True)
def _placed(top: F64, size: int, x: float) -> int:
    # where x goes in an ascending list: the first place whose value is not below it
    low, high = 0, size
    while low < high:
        half = (low + high) // 2
        if top[half] < x:
            low = half + 1
        else:
            high = half
    return low


@njit(cache=True)
def _add(top: F64, held: I64, bound: F64, k: int, x: float) -> None:
    size, most = held[k], top.shape[1]
    if size == most and x <= top[k, 0]:
        bound[k] = max(bound[k], x)
        return
    if x < bound[k]:
        return
    if size == most:  # the smallest gives way, and bounds what lies outside
        bound[k] = top[k, 0]
        for j in range(size - 1):
            top[k, j] = top[k, j + 1]
        size -= 1
    where = _placed(top[k], size, x)
    for j in range(size, where, -1):
        top[k, j] = top[k, j - 1]
    top[k, where] = x
    held[k] = size + 1


@njit(cache=True)
def upper(key: I64, x: F64, rank: int, ring: F64, count: I64, top: F64, held: I64, bound: F64, out: F64) -> None:
    """The ``rank``-th largest of the symbol's last values before each; NaN until the ring is full. An unknown value counts as smallest.

    top (keys, m) holds the largest values in ascending order, ``held`` of them; none outside is above ``bound``.
    """
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        at = count[k] % n
        value = -np.inf if np.isnan(x[i]) else x[i]
        out[i] = np.nan
        if count[k] >= n:
            if held[k] < rank:
                ordered = np.sort(ring[k])
                size = min(n, top.shape[1])
                top[k, :size] = ordered[n - size :]
                held[k], bound[k] = size, ordered[n - size]
            out[i] = top[k, held[k] - rank]
            gone = ring[k, at]
            where = _placed(top[k], held[k], gone)
            if where < held[k] and top[k, where] == gone:
                for j in range(where, held[k] - 1):
                    top[k, j] = top[k, j + 1]
                held[k] -= 1
            _add(top, held, bound, k, value)
        ring[k, at] = value
        count[k] += 1


@njit(cache=True)
def heaviest(
    key: I64, price: F64, weight: F64, session: I64, width: float, hist: F64, whole: F64, newest: I64, best: I64, more: F64, out: F64
) -> None:
    """How far the newest known log price lies above the level with the largest weight of the last sessions, and that level's share.

    hist (keys, sessions, bins), whole (keys, bins) over all of them, newest (keys,) session, best (keys,) bin, out (2, n)
    more (2, keys) : newest log price in level widths, sum of all weights
    """
    last, total = more
    sessions, bins = hist.shape[1], hist.shape[2]
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] > newest[k]:
            for s in range(max(newest[k] + 1, session[i] - sessions + 1), session[i] + 1):
                for b in range(bins):
                    whole[k, b] -= hist[k, s % sessions, b]
                    total[k] -= hist[k, s % sessions, b]
                    hist[k, s % sessions, b] = 0.0
            newest[k] = session[i]
            best[k] = np.argmax(whole[k])
        if price[i] > 0.0 and weight[i] > 0.0:
            level = np.log(price[i]) / width
            if session[i] > newest[k] - sessions:
                b = int(np.floor(level)) % bins
                added = np.rint(weight[i])
                hist[k, session[i] % sessions, b] += added
                whole[k, b] += added
                total[k] += added
                if whole[k, b] > whole[k, best[k]] or (whole[k, b] == whole[k, best[k]] and b < best[k]):
                    best[k] = b
            last[k] = level
        out[0, i] = out[1, i] = np.nan
        if total[k] > 0.0 and not np.isnan(last[k]):
            away = (last[k] - best[k] - 0.5) % bins
            out[0, i] = (away - bins if away >= 0.5 * bins else away) * width
            out[1, i] = whole[k, best[k]] / total[k]

"""The operators again, as slowly and plainly as their definitions can be written: no state, no arrays, one loop inside another.

``events`` are tuples (known_at, key, value) in order; each function looks at the whole past anew for every number it gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

NAN = math.nan
Event = tuple[int, int, float]


def before(keys: Sequence[int], values: Sequence[float], i: int) -> list[float]:
    """Values of the same symbol up to and including row ``i``, oldest first."""
    return [values[j] for j in range(i + 1) if keys[j] == keys[i]]


def along(keys: Sequence[int], values: Sequence[float], of: Callable[[list[float]], float]) -> list[float]:
    """A number an event, from the symbol's past alone."""
    return [of(before(keys, values, i)) for i in range(len(keys))]


def lag(n: int) -> Callable[[list[float]], float]:
    return lambda past: past[-1 - n] if len(past) > n else NAN


def window(n: int, of: Callable[[list[float]], float]) -> Callable[[list[float]], float]:
    return lambda past: NAN if len(past) < n or any(map(math.isnan, past[-n:])) else of(past[-n:])


def mean(values: list[float]) -> float:
    total = 0.0
    for value in values:
        total += value
    return total / len(values)


def deviation(values: list[float]) -> float:
    centre, squares = mean(values), 0.0
    for value in values:
        squares += (value - centre) ** 2
    return math.sqrt(squares / len(values))


def smooth(n: int, alpha: float) -> Callable[[list[float]], float]:
    def of(past: list[float]) -> float:
        known = [value for value in past if not math.isnan(value)]
        if math.isnan(past[-1]) or len(known) < n:
            return NAN
        level = mean(known[:n])
        for value in known[n:]:
            level += alpha * (value - level)
        return level

    return of


def session_sum(keys: Sequence[int], values: Sequence[float], sessions: Sequence[int]) -> list[float]:
    out = []
    for i in range(len(keys)):
        total = 0.0
        for j in range(i + 1):
            if keys[j] == keys[i] and sessions[j] == sessions[i]:
                total += values[j]
        out.append(total)
    return out


def slot_score(n: int, keys: Sequence[int], values: Sequence[float], minutes: Sequence[int], sessions: Sequence[int]) -> list[float]:
    out = []
    for i in range(len(keys)):
        same = [j for j in range(i) if keys[j] == keys[i] and minutes[j] // 5 == minutes[i] // 5][-n:]
        known = [values[j] for j in same if sessions[j] >= sessions[i] - n]
        spread = deviation(known) if len(known) > 1 and 2 * len(known) >= n else 0.0
        out.append((values[i] - mean(known)) / spread if spread > 0.0 else NAN)
    return out


def at_ticks(ticks: Sequence[int], keys: int, of: Callable[[int, int], float]) -> list[list[float]]:
    """A number a tick and symbol."""
    return [[of(tick, key) for key in range(keys)] for tick in ticks]


def window_sum(events: Sequence[Event], span: int) -> Callable[[int, int], float]:
    return lambda tick, key: sum(v for known, k, v in events if k == key and tick - span < known <= tick and not math.isnan(v))


def decayed_sum(events: Sequence[Event], half_life: int) -> Callable[[int, int], float]:
    return lambda tick, key: sum(
        v * 0.5 ** ((tick - known) / half_life) for known, k, v in events if k == key and known <= tick and not math.isnan(v)
    )


def last(events: Sequence[Event], max_age: int) -> Callable[[int, int], float]:
    def of(tick: int, key: int) -> float:
        mine = [(known, v) for known, k, v in events if k == key and known <= tick]
        return mine[-1][1] if mine and tick - mine[-1][0] < max_age else NAN

    return of


def latest_sum(events: Sequence[Event], happened: Sequence[int], max_age: int) -> Callable[[int, int], float]:
    def of(tick: int, key: int) -> float:
        mine = [(at, known, v) for (known, k, v), at in zip(events, happened, strict=True) if k == key and known <= tick]
        if not mine:
            return NAN
        newest = max(at for at, _, _ in mine)
        known_rows = [(known, v) for at, known, v in mine if at == newest and not math.isnan(v)]
        if not known_rows or tick - max(known for known, _ in known_rows) >= max_age:
            return NAN
        return sum(v for _, v in known_rows)

    return of

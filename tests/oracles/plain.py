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


# --- statistics of a window, oldest first ---------------------------------------------------------------------------------


def stepped(n: int, step: int, of: Callable[[list[float]], float]) -> Callable[[list[float]], float]:
    """The last ``n`` values that are ``step`` events apart, the newest among them."""

    def apply(past: list[float]) -> float:
        taken = past[::-1][::step][:n][::-1]
        return NAN if len(taken) < n or any(map(math.isnan, taken)) else of(taken)

    return apply


def rank(values: list[float]) -> float:
    return (sum(v < values[-1] for v in values) + 0.5 * sum(v == values[-1] for v in values)) / len(values)


def median(values: list[float]) -> float:
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(values) % 2 else 0.5 * (ordered[half - 1] + ordered[half])


def robust_score(values: list[float]) -> float:
    centre = median(values)
    spread = 1.4826 * median([abs(v - centre) for v in values])
    return (values[-1] - centre) / spread if spread > 0.0 else NAN


def central(values: list[float], power: int) -> float:
    centre = mean(values)
    return mean([(v - centre) ** power for v in values])


def skewness(values: list[float]) -> float:
    return central(values, 3) / central(values, 2) ** 1.5 if central(values, 2) > 0.0 else NAN


def least_squares(y: list[float], x: list[float], what: str) -> float:
    at_x, at_y = mean(x), mean(y)
    sxx = sum((a - at_x) ** 2 for a in x)
    syy = sum((b - at_y) ** 2 for b in y)
    sxy = sum((a - at_x) * (b - at_y) for a, b in zip(x, y, strict=True))
    if not sxx > 0.0:
        return NAN
    slope = sxy / sxx
    if what == "slope":
        return slope
    if what == "residual":
        return y[-1] - at_y - slope * (x[-1] - at_x)
    if not syy > 0.0:
        return NAN
    if what == "correlation":
        return sxy / math.sqrt(sxx * syy)
    left = syy - slope * sxy
    return slope / math.sqrt(left / (len(y) - 2) / sxx) if len(y) > 2 and left > 1e-14 * syy else NAN


def autocorrelation(values: list[float]) -> float:
    return least_squares(values[1:], values[:-1], "correlation") if len(values) > 2 else NAN


def trend(what: str) -> Callable[[list[float]], float]:
    return lambda values: least_squares(values, [float(i) for i in range(len(values))], what)


STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "mean": mean,
    "deviation": deviation,
    "highest": max,
    "lowest": min,
    "rank": rank,
    "median": median,
    "robust_score": robust_score,
    "slope": trend("slope"),
    "slope_t": trend("t"),
    "skewness": skewness,
    "autocorrelation": autocorrelation,
    "first": lambda values: values[0],
    "mean_distance": lambda values: mean([abs(v - mean(values)) for v in values]),
    "since_highest": lambda values: float(values[::-1].index(max(values))),
    "since_lowest": lambda values: float(values[::-1].index(min(values))),
}


def session_first(keys: Sequence[int], values: Sequence[float], sessions: Sequence[int]) -> list[float]:
    out = []
    for i in range(len(keys)):
        known = [values[j] for j in range(i + 1) if keys[j] == keys[i] and sessions[j] == sessions[i] and not math.isnan(values[j])]
        out.append(known[0] if known else NAN)
    return out


def slot_rank(n: int, keys: Sequence[int], values: Sequence[float], minutes: Sequence[int], sessions: Sequence[int]) -> list[float]:
    out = []
    for i in range(len(keys)):
        same = [j for j in range(i) if keys[j] == keys[i] and minutes[j] // 5 == minutes[i] // 5][-n:]
        known = [values[j] for j in same if sessions[j] >= sessions[i] - n]
        below = sum(v < values[i] for v in known) + 0.5 * sum(v == values[i] for v in known)
        out.append((0.5 + below) / (len(known) + 1.0) if len(known) > 1 and 2 * len(known) >= n else NAN)
    return out


# --- at ticks, and joins ---------------------------------------------------------------------------------------------------


def since(events: Sequence[Event], begins: dict[int, int]) -> Callable[[int, int], float]:
    return lambda tick, key: sum(v for known, k, v in events if k == key and begins[tick] <= known <= tick and not math.isnan(v))


def age(events: Sequence[Event], max_age: int, unit: float) -> Callable[[int, int], float]:
    def of(tick: int, key: int) -> float:
        mine = [known for known, k, v in events if k == key and known <= tick and not math.isnan(v)]
        return (tick - mine[-1]) / unit if mine and tick - mine[-1] < max_age else NAN

    return of


def gathered(base: Sequence[Event], other: Sequence[Event], span: int) -> list[float]:
    return [sum(v for at, k, v in other if k == key and known - span < at <= known and not math.isnan(v)) for known, key, _ in base]


def of_symbol(base: Sequence[Event], other: Sequence[Event], symbol: int, max_age: int) -> list[float]:
    out = []
    for known, _, _ in base:
        mine = [(at, v) for at, k, v in other if k == symbol and at <= known]
        out.append(mine[-1][1] if mine and known - mine[-1][0] < max_age else NAN)
    return out


def final(events: Sequence[Event], i: int) -> bool:
    """Whether no later row of the same symbol became known at the same instant."""
    return not any(events[j][:2] == events[i][:2] for j in range(i + 1, len(events)))


def publications(events: Sequence[Event], sessions: Sequence[int], n: int, within: int, of: Callable[[list[float]], float]) -> list[float]:
    out = []
    for i in range(len(events)):
        told: list[tuple[int, float]] = []  # session and newest value of each publication
        for j in range(i + 1):
            if events[j][1] != events[i][1] or math.isnan(events[j][2]):
                continue
            if told and told[-1][0] == sessions[j]:
                told[-1] = sessions[j], events[j][2]
            elif not told or sessions[j] > told[-1][0]:
                told.append((sessions[j], events[j][2]))
        enough = final(events, i) and len(told) >= n and sessions[i] - told[-n][0] < within
        out.append(of([value for _, value in told[-n:]]) if enough else NAN)
    return out


def reduced(events: Sequence[Event], happened: Sequence[int], of: Callable[[list[float]], float]) -> list[float]:
    out = []
    for i in range(len(events)):
        mine = [j for j in range(i + 1) if events[j][1] == events[i][1]]
        newest = max(happened[j] for j in mine)
        out.append(of([events[j][2] for j in mine if happened[j] == newest]) if final(events, i) else NAN)
    return out

"""Steps of ``joins``: the newest value of another kind by symbol, and splits."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.compiled import njit
from undertow.features.language import kernels_ticks
from undertow.features.language.addresses import floats, int_table, ints
from undertow.features.language.steps import (
    EVENT,
    KEY,
    KEYS,
    KNOWN,
    MORE,
    OTHER,
    ROWS,
    WIDTH,
    State,
    event_of,
    key_of,
    known_of,
    output_of,
    step,
)

LONG_AGO = -(2**62)
NONE = -1


def nothing_held(keys: int) -> State:
    """State of ``newest_value``."""
    long_ago = np.full(keys, LONG_AGO, np.int64)
    return {"held": np.full(keys, np.nan), "since": long_ago, "event": long_ago.copy()}


@step
def newest_value(f: Any, at: Any, kinds: Any) -> None:
    """One input along the other kind; state held and since; numbers: whether the other comes first, one symbol or -1, oldest."""
    n, other = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    told = ints(kinds[other + KNOWN], n), ints(kinds[other + KEY], n), floats(at[f[MORE]], n)
    asked, held, since = (known_of(f, kinds), key_of(f, kinds)), floats(f[MORE + 1], f[KEYS]), ints(f[MORE + 2], f[KEYS])
    first, symbol, oldest = f[MORE + 3] == 1, f[MORE + 4], f[MORE + 5]
    kernels_ticks.newest_value(told[0], told[1], told[2], asked[0], asked[1], first, symbol, oldest, held, since, output_of(f, at, kinds))


def no_splits(keys: int) -> State:
    """State of ``factor``: splits as they were told, each with the symbol's next; ends (2, keys) are the first and the last of each."""
    whole = {name: np.empty(16, np.int64) for name in ("at", "known", "later")}
    return {**whole, "ratio": np.empty(16), "count": np.zeros(1, np.int64), "ends": np.full((2, keys), NONE, np.int64)}


def room_for_splits(state: State, rows: int) -> int:
    """Make the lists of splits longer where so many more do not fit."""
    count, room = int(state["count"][0]), len(state["ratio"])
    if count + rows > room:
        for name in ("at", "known", "later", "ratio"):
            state[name] = np.concatenate([state[name][:count], np.empty(count + 2 * rows, state[name].dtype)])
    return len(state["ratio"]) - count


@step
def same_value(f: Any, at: Any, kinds: Any) -> None:
    """``newest_value`` where it has the event_at of the event that asks; state held, since and event; numbers as there."""
    n, other = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    event, known, key = ints(kinds[other + EVENT], n), ints(kinds[other + KNOWN], n), ints(kinds[other + KEY], n)
    value, told = floats(at[f[MORE]], n), (floats(f[MORE + 1], f[KEYS]), ints(f[MORE + 2], f[KEYS]), ints(f[MORE + 3], f[KEYS]))
    asked, of, base, out = known_of(f, kinds), key_of(f, kinds), event_of(f, kinds), output_of(f, at, kinds)
    first, symbol, oldest, j = f[MORE + 4] == 1, f[MORE + 5], f[MORE + 6], 0
    for i in range(out.shape[0] + 1):
        while j < n and (i == out.shape[0] or known[j] < asked[i] or (first and known[j] == asked[i])):
            told[0][key[j]], told[1][key[j]], told[2][key[j]] = value[j], known[j], event[j]
            j += 1
        if i < out.shape[0]:
            k = symbol if symbol >= 0 else of[i]
            out[i] = told[0][k] if asked[i] - told[1][k] < oldest and told[2][k] == base[i] else np.nan


@njit(cache=True)
def _told(f: Any, ratio: Any, kinds: Any, ends: Any, splits: Any) -> None:
    # dividends are many, and change no share
    n, other = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    key, event, known = ints(kinds[other + KEY], n), ints(kinds[other + EVENT], n), ints(kinds[other + KNOWN], n)
    at, known_at, told, later, count = splits
    for i in range(n):
        if ratio[i] == 1.0:
            continue
        j, k = count[0], key[i]
        at[j], known_at[j], told[j], later[j] = event[i], known[i], ratio[i], NONE
        if ends[0, k] == NONE:
            ends[0, k] = j
        else:
            later[ends[1, k]] = j
        ends[1, k] = j
        count[0] += 1


@step
def factor(f: Any, at: Any, kinds: Any) -> None:
    """One input, the ratios of corporate actions; state ends, at, known, ratio, later and count."""
    count, ends = ints(f[MORE + 6], 1), int_table(f[MORE + 1], 2, f[KEYS])
    room = count[0] + kinds[f[OTHER] * WIDTH + ROWS]
    told, later = (ints(f[MORE + 2], room), ints(f[MORE + 3], room), floats(f[MORE + 4], room)), ints(f[MORE + 5], room)
    _told(f, floats(at[f[MORE]], kinds[f[OTHER] * WIDTH + ROWS]), kinds, ends, (told[0], told[1], told[2], later, count))
    key, event, known, out = key_of(f, kinds), event_of(f, kinds), known_of(f, kinds), output_of(f, at, kinds)
    for i in range(out.shape[0]):
        product, j = 1.0, ends[0, key[i]]
        while j != NONE:
            if told[0][j] <= event[i] and told[1][j] <= known[i]:
                product *= told[2][j]
            j = later[j]
        out[i] = product

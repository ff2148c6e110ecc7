"""Steps of ``joins``: the newest value of another kind by symbol, and splits."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.compiled import njit
from undertow.features.language import kernels_ticks
from undertow.features.language.addresses import floats, ints
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


def nothing_held(keys: int) -> State:
    """State of ``newest_value``."""
    return {"held": np.full(keys, np.nan), "since": np.full(keys, LONG_AGO, np.int64)}


@step
def newest_value(f: Any, at: Any, kinds: Any) -> None:
    """One input along the other kind; state held and since; numbers: whether the other comes first, one symbol or -1, oldest."""
    n, other = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    told = ints(kinds[other + KNOWN], n), ints(kinds[other + KEY], n), floats(at[f[MORE]], n)
    asked, held, since = (known_of(f, kinds), key_of(f, kinds)), floats(f[MORE + 1], f[KEYS]), ints(f[MORE + 2], f[KEYS])
    first, symbol, oldest = f[MORE + 3] == 1, f[MORE + 4], f[MORE + 5]
    kernels_ticks.newest_value(told[0], told[1], told[2], asked[0], asked[1], first, symbol, oldest, held, since, output_of(f, at, kinds))


def no_splits(_: int) -> State:
    """State of ``factor``."""
    whole = {name: np.empty(16, np.int64) for name in ("key", "at", "known")}
    return {**whole, "ratio": np.empty(16), "count": np.zeros(1, np.int64)}


def room_for_splits(state: State, rows: int) -> int:
    """Make the lists of splits longer where so many more do not fit."""
    count, room = int(state["count"][0]), len(state["ratio"])
    if count + rows > room:
        for name in ("key", "at", "known", "ratio"):
            state[name] = np.concatenate([state[name][:count], np.empty(count + 2 * rows, state[name].dtype)])
    return len(state["ratio"]) - count


@njit(cache=True)
def _told(f: Any, ratio: Any, kinds: Any, count: Any) -> None:
    # dividends are many, and change no share
    n, other = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    key, event, known = ints(kinds[other + KEY], n), ints(kinds[other + EVENT], n), ints(kinds[other + KNOWN], n)
    for i in range(n):
        if ratio[i] != 1.0:
            j = count[0]
            ints(f[MORE + 1], j + 1)[j], ints(f[MORE + 2], j + 1)[j], ints(f[MORE + 3], j + 1)[j] = key[i], event[i], known[i]
            floats(f[MORE + 4], j + 1)[j] = ratio[i]
            count[0] += 1


@step
def factor(f: Any, at: Any, kinds: Any) -> None:
    """One input, the ratios of corporate actions; state key, at, known, ratio and count."""
    count = ints(f[MORE + 5], 1)
    _told(f, floats(at[f[MORE]], kinds[f[OTHER] * WIDTH + ROWS]), kinds, count)
    m, rows = count[0], (key_of(f, kinds), event_of(f, kinds), known_of(f, kinds))
    splits = ints(f[MORE + 1], m), ints(f[MORE + 2], m), ints(f[MORE + 3], m), floats(f[MORE + 4], m)
    out = output_of(f, at, kinds)
    kernels_ticks.split_factors(rows[0], rows[1], rows[2], splits[0], splits[1], splits[2], splits[3], out)

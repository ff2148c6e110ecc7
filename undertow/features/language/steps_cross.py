"""Statistics across symbols at one tick, compiled, and the steps that call them."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.features.language.addresses import floats
from undertow.features.language.steps import COUNT, KEYS, MORE, OUT, step

NAMES = ("mean", "deviation", "share_above", "rank", "score", "discoveries")


@njit(cache=True, error_model="numpy")
def _summary(x: F64) -> tuple[float, float, float, float]:
    # how many are known and how many of them above zero, their mean and their deviation
    known, above, total = 0.0, 0.0, 0.0
    for value in x:
        if not np.isnan(value):
            known += 1.0
            above += 1.0 if value > 0.0 else 0.0
            total += value
    mean, squares = total / known, 0.0
    for value in x:
        if not np.isnan(value):
            squares += (value - mean) ** 2
    return known, above, mean, np.sqrt(squares / known)


@njit(cache=True)
def _sorted(x: F64, order: Any) -> int:
    # the places of the known values in ``order``, the smallest first, equal ones as they come; how many they are
    m = 0
    for i in range(x.shape[0]):
        if not np.isnan(x[i]):
            order[m] = i
            m += 1
    known = np.empty(m)
    for j in range(m):
        known[j] = x[order[j]]
    order[:m] = order[:m][np.argsort(known, kind="mergesort")]
    return m


@njit(cache=True, error_model="numpy")
def _ranks(x: F64, out: F64) -> None:
    order = np.empty(x.shape[0], np.int64)
    m = _sorted(x, order)
    out[:] = np.nan
    first = 0
    while first < m:
        last = first + 1
        while last < m and x[order[last]] == x[order[first]]:
            last += 1
        for j in range(first, last):
            out[order[j]] = (first + 0.5 * (last - first)) / m
        first = last


@njit(cache=True, error_model="numpy")
def _q_values(p: F64, out: F64) -> None:
    order = np.empty(p.shape[0], np.int64)
    m = _sorted(p, order)
    out[:] = np.nan
    falling = np.inf
    for j in range(m - 1, -1, -1):
        falling = min(falling, p[order[j]] * m / (j + 1))
        out[order[j]] = min(falling, 1.0)


@njit(cache=True, error_model="numpy")
def across(values: F64, width: int, what: int, out: F64) -> None:
    """values and out (t, keys): statistic number ``what`` in ``NAMES`` of each row's first ``width``; see ``cross.Across``."""
    for i in range(values.shape[0]):
        x, to = values[i, :width], out[i]
        to[width:] = np.nan
        if what == 3:
            _ranks(x, to[:width])
            continue
        if what == 5:
            _q_values(x, to[:width])
            continue
        known, above, mean, deviation = _summary(x)
        if what == 4:
            for k in range(width):
                to[k] = (x[k] - mean) / deviation if deviation > 0.0 else np.nan
        elif what == 0:
            to[:] = mean if known > 0.0 else np.nan
        elif what == 1:
            to[:] = deviation if known > 1.0 else np.nan
        else:
            to[:] = above / known if known > 0.0 else np.nan


@step
def across_symbols(f: Any, at: Any, kinds: Any) -> None:
    """Numbers: how many symbols are asked about, place in ``NAMES``."""
    t, keys = kinds[COUNT], f[KEYS]
    values, out = floats(at[f[MORE]], t * keys).reshape(t, keys), floats(at[f[OUT]], t * keys).reshape(t, keys)
    across(values, f[MORE + 1], f[MORE + 2], out)


@step
def of_symbol(f: Any, at: Any, kinds: Any) -> None:
    """Number: the symbol's place."""
    t, keys, place = kinds[COUNT], f[KEYS], f[MORE + 1]
    values, out = floats(at[f[MORE]], t * keys), floats(at[f[OUT]], t * keys)
    for i in range(t):
        for k in range(keys):
            out[i * keys + k] = values[i * keys + place]

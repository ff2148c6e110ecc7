"""Steps of ``publications``: a function of all rows of a symbol's newest publication, and statistics of its last publications."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language import kernels_publications
from undertow.features.language.addresses import floats, int_table, ints, table
from undertow.features.language.steps import (
    INPUTS,
    KEYS,
    MORE,
    State,
    event_of,
    input_of,
    key_of,
    known_of,
    output_of,
    step,
    whole_input_of,
)

HELD = ("rows", "begins", "current")  #: names of the state of ``reduced``
RING = ("ring", "at", "count")
LONG_AGO = -(2**62)


def nothing_held(inputs: int, keys: int) -> State:
    """State of a step that reduces: current (keys,) is each symbol's newest publication.

    rows (inputs, held) of these lie one symbol after the other at the beginning of an array, each symbol's from begins (keys + 1,) on.
    """
    current = np.full(keys, LONG_AGO, np.int64)
    return {"rows": np.empty(64 * inputs), "begins": np.zeros(keys + 1, np.int64), "current": current, "inputs": inputs}


def room_to_hold(state: State, rows: int) -> int:
    """Make the list of rows longer where so many more do not fit."""
    held, inputs = int(state["begins"][-1]), state["inputs"]
    if inputs * (held + rows) > len(state["rows"]):
        longer = np.empty(2 * inputs * (held + rows))
        longer[: inputs * held] = state["rows"][: inputs * held]
        state["rows"] = longer
    room: int = len(state["rows"]) // inputs - held
    return room


@njit(cache=True)
def told(f: Any, at: Any, kinds: Any) -> tuple[F64, I64, I64]:
    """Rows held and new (inputs, m) by symbol, their publications (m,), and what is to be reduced, as ``kernels_publications.cases``.

    A step that reduces goes through these, its state as told by ``HELD``; the newest publications are held, and its output is NaN.
    """
    output_of(f, at, kinds)[:] = np.nan
    inputs, keys, state = f[INPUTS], f[KEYS], MORE + f[INPUTS]
    key, known, begins, current = key_of(f, kinds), known_of(f, kinds), ints(f[state + 1], keys + 1), ints(f[state + 2], keys)
    source, starts = kernels_publications.joined(key, begins)
    held, rows = table(f[state], inputs, begins[keys]), np.empty((inputs, source.shape[0]))
    for j in range(inputs):
        kernels_publications.gathered(held[j], floats(at[f[MORE + j]], key.shape[0]), source, rows[j])
    events, cases = kernels_publications.cases(event_of(f, kinds), known, source, starts, begins, current)
    kernels_publications.newest(events, starts, current, begins)
    held = table(f[state], inputs, begins[keys])
    for j in range(inputs):
        kernels_publications.held(rows[j], events, starts, current, held[j])
    return rows, events, cases


@step
def publications(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state as told by ``RING``; numbers: n, sessions, the statistic's number."""
    x, session, out, keys = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), output_of(f, at, kinds), f[KEYS]
    n, within, what = f[MORE + 5], f[MORE + 6], f[MORE + 7]
    ring, since, count = table(f[MORE + 2], keys, n), int_table(f[MORE + 3], keys, n), ints(f[MORE + 4], keys)
    out[:] = np.nan
    kernels_publications.statistics(key_of(f, kinds), session, known_of(f, kinds), x, ring, since, count, within, what, out)

"""Steps of the operators in ``prints``."""

from __future__ import annotations

from typing import Any

from undertow.core.compiled import njit
from undertow.core.time import SECOND
from undertow.features.language.addresses import cube, floats, int_table, ints, number, table
from undertow.features.language.steps import (
    EVENT,
    KEY,
    KEYS,
    KNOWN,
    MORE,
    OTHER,
    OUT,
    ROWS,
    WIDTH,
    event_of,
    input_of,
    key_of,
    known_of,
    output_of,
    rows_of,
    step,
    whole_input_of,
)
from undertow.features.operators import kernels_prints

A_SECOND = float(SECOND)
ANY = 2**40  #: more nodes than there will ever be: how many there is room for is seen to before


@njit(cache=True)
def _other(f: Any, kinds: Any) -> Any:
    n, first = kinds[f[OTHER] * WIDTH + ROWS], f[OTHER] * WIDTH
    return ints(kinds[first + EVENT], n), ints(kinds[first + KNOWN], n), ints(kinds[first + KEY], n)


@step
def standing(f: Any, at: Any, kinds: Any) -> None:
    """One input along the other kind; state ends, nodes, held, free and room; numbers: span, patience."""
    told, base = _other(f, kinds), (event_of(f, kinds), known_of(f, kinds), key_of(f, kinds))
    ends, nodes, held = int_table(f[MORE + 1], 2, f[KEYS]), int_table(f[MORE + 2], ANY, 4), floats(f[MORE + 3], ANY)
    lists = ends, nodes, held, ints(f[MORE + 4], ANY), ints(f[MORE + 5], 1)
    out, value = table(at[f[OUT]], 2, rows_of(f, kinds)), floats(at[f[MORE]], told[0].shape[0])
    kernels_prints.standing(base, told, value, (f[MORE + 6], f[MORE + 7]), lists, out)
    for i in range(out.shape[1]):
        out[1, i] /= A_SECOND


DRIFT_STATE = ("middle", "since", "queue", "start", "place", "total", "counted", "horizons", "rules")


@step
def drift(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, a sign and, along the other kind, a price; state as told by ``DRIFT_STATE``; number: how many horizons."""
    keys, many, first = f[KEYS], f[MORE + 11], MORE + 2
    told = _other(f, kinds)
    price = floats(at[f[MORE + 1]], told[0].shape[0])
    queue, start, place = int_table(f[first + 2], ANY, 3 + 2 * many), floats(f[first + 3], ANY), ints(f[first + 4], 2 + many)
    now = floats(f[first], keys), ints(f[first + 1], keys)
    sums = int_table(f[first + 5], many, keys), int_table(f[first + 6], many, keys)
    base, other = (known_of(f, kinds), key_of(f, kinds), input_of(f, at, kinds, 0)), (told[1], told[2], price)
    out = table(at[f[OUT]], many, rows_of(f, kinds))
    kernels_prints.drift(base, other, ints(f[first + 7], many), ints(f[first + 8], 3), now, queue, start, place, sums, out)


@step
def upper(f: Any, at: Any, kinds: Any) -> None:
    """State ring, count, top, held and bound; numbers: n, how many of the top are kept, rank."""
    keys, n, kept, rank = f[KEYS], f[MORE + 6], f[MORE + 7], f[MORE + 8]
    ring, count, top = table(f[MORE + 1], keys, n), ints(f[MORE + 2], keys), table(f[MORE + 3], keys, kept)
    held, bound, x = ints(f[MORE + 4], keys), floats(f[MORE + 5], keys), input_of(f, at, kinds, 0)
    kernels_prints.upper(key_of(f, kinds), x, rank, ring, count, top, held, bound, output_of(f, at, kinds))


@step
def heaviest(f: Any, at: Any, kinds: Any) -> None:
    """Three inputs, the last the session's number; state hist, whole, newest, best and more; numbers: sessions, bins, width."""
    keys, sessions, bins, width = f[KEYS], f[MORE + 8], f[MORE + 9], number(f[MORE + 10])
    hist, whole = cube(f[MORE + 3], keys, sessions, bins), table(f[MORE + 4], keys, bins)
    newest, best, more = ints(f[MORE + 5], keys), ints(f[MORE + 6], keys), table(f[MORE + 7], 2, keys)
    price, weight, session = input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), whole_input_of(f, at, kinds, 2)
    out = table(at[f[OUT]], 2, rows_of(f, kinds))
    kernels_prints.heaviest(key_of(f, kinds), price, weight, session, width, hist, whole, newest, best, more, out)

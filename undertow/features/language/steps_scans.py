"""Steps of the operators in ``scans``: where a fold's columns and state lie, and the kernel that is called with them."""

from __future__ import annotations

from typing import Any

from undertow.core.compiled import njit
from undertow.features.language import kernels, statistics
from undertow.features.language.addresses import cube, floats, int_cube, int_table, ints, number, table
from undertow.features.language.steps import KEYS, MORE, input_of, key_of, output_of, step, whole_input_of


@step
def lag(f: Any, at: Any, kinds: Any) -> None:
    """State ring and slot; number: n."""
    ring = table(f[MORE + 1], f[KEYS], f[MORE + 3])
    kernels.lag(key_of(f, kinds), input_of(f, at, kinds, 0), ring, ints(f[MORE + 2], f[KEYS]), output_of(f, at, kinds))


@njit(cache=True)
def _window(f: Any, at: Any, kinds: Any) -> Any:
    # key, x, ring, count and slot of a window: state ring, count, slot, …; the first number is the ring's room
    keys = f[KEYS]
    ring = table(f[MORE + 1], keys, f[MORE + 8])
    return key_of(f, kinds), input_of(f, at, kinds, 0), ring, ints(f[MORE + 2], keys), ints(f[MORE + 3], keys)


WINDOW_STATE = ("ring", "count", "slot", "total", "rough", "at", "missing")


@step
def short_mean(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``WINDOW_STATE``; numbers: room of the ring."""
    key, x, ring, count, slot = _window(f, at, kinds)
    kernels.short_mean(key, x, ring, count, slot, output_of(f, at, kinds))


@step
def mean(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``WINDOW_STATE``; numbers: room of the ring."""
    key, x, ring, count, slot = _window(f, at, kinds)
    keys = f[KEYS]
    kernels.mean(key, x, ring, count, slot, ints(f[MORE + 4], keys), ints(f[MORE + 5], keys), output_of(f, at, kinds))


@step
def deviation(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``WINDOW_STATE``; numbers: room of the ring."""
    key, x, ring, count, slot = _window(f, at, kinds)
    keys = f[KEYS]
    kernels.deviation(key, x, ring, count, slot, int_table(f[MORE + 4], 2, keys), ints(f[MORE + 5], keys), output_of(f, at, kinds))


@step
def extreme(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``WINDOW_STATE``; numbers: room of the ring, and the sign."""
    key, x, ring, count, slot = _window(f, at, kinds)
    keys = f[KEYS]
    best, missing, sign = ints(f[MORE + 6], keys), ints(f[MORE + 7], keys), number(f[MORE + 9])
    kernels.extreme(key, x, ring, count, slot, best, missing, sign, output_of(f, at, kinds))


@step
def statistic(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``WINDOW_STATE``; numbers: room of the ring, n, step and the statistic's number."""
    key, x, ring, count, _ = _window(f, at, kinds)
    n, gap, what = f[MORE + 9], f[MORE + 10], f[MORE + 11]
    statistics.statistic(key, x, n, gap, ring, count, what, output_of(f, at, kinds))


@step
def regression(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs; state ring and count; numbers: n, step, room of the ring and the statistic's number."""
    y, x, keys = input_of(f, at, kinds, 0), input_of(f, at, kinds, 1), f[KEYS]
    ring, count = cube(f[MORE + 2], 2, keys, f[MORE + 6]), ints(f[MORE + 3], keys)
    n, gap, what = f[MORE + 4], f[MORE + 5], f[MORE + 7]
    statistics.regression(key_of(f, kinds), y, x, n, gap, ring, count, what, output_of(f, at, kinds))


@step
def smooth(f: Any, at: Any, kinds: Any) -> None:
    """State count, value and phase; numbers: n, step, alpha."""
    n, gap, alpha, keys = f[MORE + 4], f[MORE + 5], number(f[MORE + 6]), f[KEYS]
    count, value, phase = ints(f[MORE + 1], keys * gap), floats(f[MORE + 2], keys * gap), ints(f[MORE + 3], keys)
    kernels.smooth(key_of(f, kinds), input_of(f, at, kinds, 0), n, gap, alpha, count, value, phase, output_of(f, at, kinds))


@step
def session_sum(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state current and total."""
    x, session = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1)
    kernels.session_sum(key_of(f, kinds), x, session, ints(f[MORE + 2], f[KEYS]), floats(f[MORE + 3], f[KEYS]), output_of(f, at, kinds))


@step
def session_first(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state current and held."""
    x, session = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1)
    kernels.session_first(key_of(f, kinds), x, session, ints(f[MORE + 2], f[KEYS]), floats(f[MORE + 3], f[KEYS]), output_of(f, at, kinds))


@step
def slot_score(f: Any, at: Any, kinds: Any) -> None:
    """Three inputs: value, minute, session; state ring, day and count; numbers: slots, n, whether it is ranked."""
    x, minute, session = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), whole_input_of(f, at, kinds, 2)
    keys, slots, n, ranked = f[KEYS], f[MORE + 6], f[MORE + 7], f[MORE + 8] == 1
    ring, day, count = cube(f[MORE + 3], slots, keys, n), int_cube(f[MORE + 4], slots, keys, n), int_table(f[MORE + 5], slots, keys)
    kernels.slot_score(key_of(f, kinds), x, minute, session, ring, day, count, ranked, output_of(f, at, kinds))

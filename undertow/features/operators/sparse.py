"""An operator for what happens now and then, such as the return on the day after a report: statistics of its last known values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import int_table, ints, table
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import CODES, Statistic, statistic_of
from undertow.features.language.steps import KEYS, MORE, Compiled, input_of, key_of, output_of, step

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LastKnown:
    """A statistic of the last ``n`` known values among the last ``within`` events; NaN with fewer than ``least`` of them."""

    n: int
    statistic: Statistic
    within: int
    least: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.least <= self.n <= self.within or self.statistic not in CODES:
            raise ValueError(f"last known values need 1 <= least <= n <= within, not {self.least}, {self.n} and {self.within}")

    @property
    def memory(self) -> Memory:
        """The events among which the values may lie."""
        return Memory(events=self.within - 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        counts = {name: np.zeros(keys, np.int64) for name in ("seen", "count")}
        return {"ring": np.full((keys, self.n), np.nan), "at": np.zeros((keys, self.n), np.int64), **counts}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        numbers = self.n, self.within, self.least, CODES[self.statistic]
        return Compiled(last_known, ("ring", "at", "seen", "count"), numbers)

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), x (n,) -> (n,)."""
        out = np.full(len(x), np.nan)
        held = state["ring"], state["at"], state["seen"], state["count"]
        _last_known(key, x, *held, self.within, self.least, CODES[self.statistic], out)
        return out


@njit(cache=True)
def _last_known(key: I64, x: F64, ring: F64, at: I64, seen: I64, count: I64, within: int, least: int, what: int, out: F64) -> None:
    n, window = ring.shape[1], np.empty(ring.shape[1])
    for i in range(x.shape[0]):
        k = key[i]
        seen[k] += 1
        if not np.isnan(x[i]):
            ring[k, count[k] % n] = x[i]
            at[k, count[k] % n] = seen[k]
            count[k] += 1
        found = 0
        for j in range(max(count[k] - n, 0), count[k]):
            if seen[k] - at[k, j % n] < within:
                window[found] = ring[k, j % n]
                found += 1
        if found >= least:
            out[i] = statistic_of(window[:found].copy(), what)


@step
def last_known(f: Any, at: Any, kinds: Any) -> None:
    """State ring, at, seen and count; numbers: n, within, least and the statistic's number."""
    n, keys, within, least, what = f[MORE + 5], f[KEYS], f[MORE + 6], f[MORE + 7], f[MORE + 8]
    ring, place = table(f[MORE + 1], keys, n), int_table(f[MORE + 2], keys, n)
    seen, count, out = ints(f[MORE + 3], keys), ints(f[MORE + 4], keys), output_of(f, at, kinds)
    out[:] = np.nan
    _last_known(key_of(f, kinds), input_of(f, at, kinds, 0), ring, place, seen, count, within, least, what, out)

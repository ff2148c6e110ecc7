"""An operator for what happens now and then, such as the return on the day after a report: statistics of its last known values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import CODES, Statistic, statistic_of

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

"""Calm or turbulent: the state of a market, from its returns alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import ints, number, table
from undertow.features.language.memory import Memory
from undertow.features.language.steps import KEYS, MORE, Compiled, input_of, key_of, output_of, step

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TwoStates:
    """Probability that returns are in the turbulent one of two states: the forward filter of a hidden Markov chain (Hamilton 1989).

    Returns are normal around zero with deviation ``calm`` or ``turbulent``; each state persists with its own probability. The numbers
    are fixed, not fitted, so that no future is in them. The filter begins anew for every event, ``n`` returns back, in the chain's own
    long-run shares: with these numbers a beginning counts at most 0.965 as much after each further return, less than 2e-4 of itself
    after 250, whatever the returns were.
    A return that is not known tells nothing; the answer is NaN before ``n`` events.
    """

    n: int = 250
    calm: float = 0.007
    turbulent: float = 0.018
    stays_calm: float = 0.99
    stays_turbulent: float = 0.97

    @property
    def memory(self) -> Memory:
        """``n - 1`` events before this one."""
        return Memory(events=self.n - 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"ring": np.full((keys, self.n), np.nan), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        chain = float(self.calm), float(self.turbulent), float(self.stays_calm), float(self.stays_turbulent)
        return Compiled(two_states, ("ring", "count"), (self.n, *chain))

    def push(self, state: State, key: I64, x: F64) -> F64:
        """key (n,), log returns (n,) -> (n,)."""
        out = np.full(len(x), np.nan)
        chain = self.calm, self.turbulent, self.stays_calm, self.stays_turbulent
        _turbulence(key, x, state["ring"], state["count"], *chain, out)
        return out


@njit(cache=True)
def _turbulence(
    key: I64, x: F64, ring: F64, count: I64, calm: float, turbulent: float, stays_calm: float, stays_turbulent: float, out: F64
) -> None:
    n = ring.shape[1]
    in_the_long_run = (1.0 - stays_calm) / (2.0 - stays_calm - stays_turbulent)
    for i in range(x.shape[0]):
        k = key[i]
        ring[k, count[k] % n] = x[i]
        count[k] += 1
        if count[k] < n:
            continue
        p = in_the_long_run
        for j in range(n):
            r = ring[k, (count[k] + j) % n]
            p = p * stays_turbulent + (1.0 - p) * (1.0 - stays_calm)
            if not np.isnan(r):
                # odds of turbulent over calm, whose logarithm is bounded so that no crash makes it infinite
                log_odds = np.log(calm / turbulent) + 0.5 * r * r * (1.0 / calm**2 - 1.0 / turbulent**2)
                odds = p / (1.0 - p) * np.exp(min(log_odds, 300.0))
                p = min(odds / (1.0 + odds), 1.0 - 1e-12)
        out[i] = p


@step
def two_states(f: Any, at: Any, kinds: Any) -> None:
    """State ring and count; numbers: n, and four of the chain."""
    keys, out = f[KEYS], output_of(f, at, kinds)
    ring, count = table(f[MORE + 1], keys, f[MORE + 3]), ints(f[MORE + 2], keys)
    calm, turbulent, first, second = number(f[MORE + 4]), number(f[MORE + 5]), number(f[MORE + 6]), number(f[MORE + 7])
    out[:] = np.nan
    _turbulence(key_of(f, kinds), input_of(f, at, kinds, 0), ring, count, calm, turbulent, first, second, out)

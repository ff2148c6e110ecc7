"""Order flow from quotes, and volume cut into buckets of equal size."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, pi, sqrt
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import int_table, ints, table
from undertow.features.language.memory import Memory
from undertow.features.language.steps import KEYS, MORE, Compiled, compiled_as, input_of, key_of, output_of, rows_of, step, whole_input_of

State = dict[str, Any]


def expected_imbalance(n: F64) -> F64:
    """Mean of |buys - sells| / n over ``n`` equal trades at random; NaN without trades."""
    known: F64 = np.sqrt(2.0 / (pi * np.where(n > 0.0, n, np.nan)))
    return known


@dataclass(frozen=True, slots=True)
class OrderFlow:
    """Order flow of a change of the best quote, in shares: what was added to the bid or taken off the ask, less the contrary.

    Cont, Kukanov and Stoikov 2014; takes bid, ask and both sizes. NaN at a symbol's first quote and where a price is missing.
    """

    @property
    def memory(self) -> Memory:
        """One quote before this one."""
        return Memory(events=1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"quote": np.full((keys, 4), np.nan)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(flow_of_quotes, ("quote",))

    def push(self, state: State, key: I64, bid: F64, ask: F64, bid_size: F64, ask_size: F64) -> F64:
        """key (n,), bid (n,), ask (n,), bid_size (n,), ask_size (n,) -> (n,)."""
        out = np.empty(len(bid))
        order_flow(key, bid, ask, bid_size, ask_size, state["quote"], out)
        return out


@njit(cache=True)
def order_flow(key: I64, bid: F64, ask: F64, bid_size: F64, ask_size: F64, before: F64, out: F64) -> None:
    """before (keys, 4) bid, ask and their sizes."""
    for i in range(key.shape[0]):
        last = before[key[i]]
        flow = np.nan if np.isnan(bid[i] + ask[i] + last[0] + last[1]) else 0.0
        if bid[i] >= last[0]:
            flow += bid_size[i]
        if bid[i] <= last[0]:
            flow -= last[2]
        if ask[i] <= last[1]:
            flow -= ask_size[i]
        if ask[i] >= last[1]:
            flow += last[3]
        out[i] = flow
        last[0], last[1], last[2], last[3] = bid[i], ask[i], bid_size[i], ask_size[i]


@dataclass(frozen=True, slots=True)
class Buckets:
    """Mean |buys - sells| over volume of the last ``n`` buckets of equal volume; takes volume, its bought share, bucket size and session.

    A bar's volume fills one bucket after another, each with the bar's share. Buckets begin anew with each session, and count for
    ``sessions`` of them, so that no bucket rests on where a run began.
    """

    n: int = 50
    sessions: int = 3

    @property
    def memory(self) -> Memory:
        """So many sessions."""
        return Memory(sessions=self.sessions)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {
            "ring": np.zeros((keys, self.n)),
            "day": np.full((keys, self.n), -(2**62), np.int64),
            "count": np.zeros(keys, np.int64),
            "filled": np.zeros((keys, 2)),
            "session": np.full(keys, -1, np.int64),
        }

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(volume_buckets, ("ring", "day", "count", "filled", "session"), (self.n, self.sessions), takes=(3,))

    def push(self, state: State, key: I64, volume: F64, bought: F64, size: F64, session: I64) -> F64:
        """key (n,), volume (n,), bought in [0, 1] (n,), size (n,), session's number (n,) -> (n,)."""
        out = np.empty(len(volume))
        rings = state["ring"], state["day"], state["count"]
        buckets(key, np.stack([volume, bought, size]), session, rings, state["filled"], state["session"], self.sessions, out)
        return out


@njit(cache=True)
def buckets(key: I64, rows: F64, session: I64, rings: tuple[F64, I64, I64], filled: F64, current: I64, within: int, out: F64) -> None:
    """rows (3, n) volume, bought, size; filled (keys, 2) the open bucket's volume and signed volume, in shares of a bucket."""
    ring, day, count = rings
    n = ring.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] > current[k]:
            current[k] = session[i]
            filled[k] = 0.0
        volume, bought, size = rows[0, i], rows[1, i], rows[2, i]
        out[i] = np.nan
        if session[i] < current[k] or not size > 0.0 or np.isnan(volume + bought):
            continue
        left, sign = min(volume / size, 2.0 * n), 2.0 * bought - 1.0
        while filled[k, 0] + left >= 1.0:
            room = 1.0 - filled[k, 0]
            at = count[k] % n
            ring[k, at], day[k, at] = abs(filled[k, 1] + room * sign), session[i]
            count[k] += 1
            left -= room
            filled[k] = 0.0
        filled[k, 0] += left
        filled[k, 1] += left * sign
        if count[k] >= n and session[i] - day[k, count[k] % n] < within:
            total = 0.0
            for j in range(n):
                total += ring[k, (count[k] + j) % n]
            out[i] = total / n


@njit(cache=True)
def _normal(z: F64) -> F64:
    out = np.empty(z.shape[0])
    for i in range(z.shape[0]):
        out[i] = 0.5 * (1.0 + erf(z[i] / sqrt(2.0)))
    return out


def bought_share(z: F64) -> F64:
    """Share of a bar's volume taken for bought, given its price change in deviations: bulk classification by the normal law."""
    share: F64 = _normal(np.ascontiguousarray(z, np.float64))
    return share


@step
def flow_of_quotes(f: Any, at: Any, kinds: Any) -> None:
    """Four inputs: bid, ask and their sizes; state quote."""
    bid, ask, bid_size, ask_size = (
        input_of(f, at, kinds, 0),
        input_of(f, at, kinds, 1),
        input_of(f, at, kinds, 2),
        input_of(f, at, kinds, 3),
    )
    order_flow(key_of(f, kinds), bid, ask, bid_size, ask_size, table(f[MORE + 4], f[KEYS], 4), output_of(f, at, kinds))


@step
def volume_buckets(f: Any, at: Any, kinds: Any) -> None:
    """Four inputs, the last the session's number; state ring, day, count, filled and session; numbers: n, sessions."""
    keys, n, rows = f[KEYS], f[MORE + 9], np.empty((3, rows_of(f, kinds)))
    for p in range(3):
        rows[p] = input_of(f, at, kinds, p)
    rings = table(f[MORE + 4], keys, n), int_table(f[MORE + 5], keys, n), ints(f[MORE + 6], keys)
    filled, current, session = table(f[MORE + 7], keys, 2), ints(f[MORE + 8], keys), whole_input_of(f, at, kinds, 3)
    buckets(key_of(f, kinds), rows, session, rings, filled, current, f[MORE + 10], output_of(f, at, kinds))


@step
def _expected_imbalance(f: Any, at: Any, kinds: Any) -> None:
    n, out = input_of(f, at, kinds, 0), output_of(f, at, kinds)
    for i in range(n.shape[0]):
        out[i] = np.sqrt(2.0 / (pi * n[i])) if n[i] > 0.0 else np.nan


@step
def _bought_share(f: Any, at: Any, kinds: Any) -> None:
    output_of(f, at, kinds)[:] = _normal(input_of(f, at, kinds, 0))


compiled_as(bought_share, _bought_share)
compiled_as(expected_imbalance, _expected_imbalance)

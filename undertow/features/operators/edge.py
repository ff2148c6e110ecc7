"""The effective spread from open, high, low and close: Ardia, Guidotti and Kroencke, Journal of Financial Economics 161 (2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import cube, ints
from undertow.features.language.kernels import unrolled
from undertow.features.language.memory import Memory
from undertow.features.language.steps import KEYS, MORE, Compiled, input_of, key_of, output_of, rows_of, step

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """Efficient discrete generalised estimator over ``n`` bars and the one before them; takes log open, high, low and close.

    A spread of 0.01 is one percent. The estimate of its square can come out negative; then so does the number, as the square root of
    the size with that sign, so that an average over many windows stays honest.
    """

    n: int
    step: int = 1

    @property
    def memory(self) -> Memory:
        """``n`` steps before this event."""
        return Memory(events=self.n * self.step)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"ring": np.full((4, keys, self.n * self.step + 1), np.nan), "count": np.zeros(keys, np.int64)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(effective_spread, ("ring", "count"), (self.n, self.step, self.n * self.step + 1))

    def push(self, state: State, key: I64, *logs: F64) -> F64:
        """key (n,), logarithms of four prices (n,) -> (n,)."""
        out = np.empty(len(key))
        _edge(key, np.stack(logs), self.n, self.step, state["ring"], state["count"], out)
        return out


@njit(cache=True)
def edge_of(o: F64, h: F64, low: F64, c: F64) -> float:
    """The signed spread of one window of logarithms (n + 1,), oldest first; NaN where a price is not known or nothing moved."""
    n = o.shape[0] - 1
    tau, middle = np.empty(n), 0.5 * (h + low)
    opens, closes, moved = 0.0, 0.0, 0.0
    r1, r3, r5 = 0.0, 0.0, 0.0
    for j in range(n):
        i = j + 1
        if np.isnan(o[i]) or np.isnan(h[i]) or np.isnan(low[i]) or np.isnan(c[j]):
            return np.nan
        tau[j] = 1.0 if h[i] != low[i] or low[i] != c[j] else 0.0
        moved += tau[j]
        opens += tau[j] * ((o[i] != h[i]) + (o[i] != low[i]))
        closes += tau[j] * ((c[j] != h[j]) + (c[j] != low[j]))
        r1 += middle[i] - o[i]
        r3 += middle[i] - c[j]
        r5 += o[i] - c[j]
    if moved < 2.0 or opens == 0.0 or closes == 0.0:
        return np.nan
    e1, e2, q1, q2 = 0.0, 0.0, 0.0, 0.0
    for j in range(n):
        i = j + 1
        d1 = middle[i] - o[i] - tau[j] * r1 / moved
        d3 = middle[i] - c[j] - tau[j] * r3 / moved
        d5 = o[i] - c[j] - tau[j] * r5 / moved
        r2, r4 = o[i] - middle[j], c[j] - middle[j]
        x1 = -4.0 * n * (d1 * r2 / opens + d3 * r4 / closes)
        x2 = -4.0 * n * (d1 * (o[i] - c[j]) / opens + d5 * r4 / closes)
        e1 += x1 / n
        e2 += x2 / n
        q1 += x1 * x1 / n
        q2 += x2 * x2 / n
    v1, v2 = q1 - e1 * e1, q2 - e2 * e2
    square = (v2 * e1 + v1 * e2) / (v1 + v2) if v1 + v2 > 0.0 else 0.5 * (e1 + e2)
    return float(np.sign(square) * np.sqrt(abs(square)))


@njit(cache=True)
def _edge(key: I64, logs: F64, n: int, step: int, ring: F64, count: I64, out: F64) -> None:
    window, m = np.empty((4, n + 1)), ring.shape[2]
    for i in range(key.shape[0]):
        k = key[i]
        for p in range(4):
            ring[p, k, count[k] % m] = logs[p, i]
        count[k] += 1
        out[i] = np.nan
        if count[k] < m:
            continue
        for p in range(4):
            unrolled(ring[p, k], count[k], step, window[p])
        out[i] = edge_of(window[0], window[1], window[2], window[3])


@step
def effective_spread(f: Any, at: Any, kinds: Any) -> None:
    """Four inputs; state ring and count; numbers: n, step, room of the ring."""
    logs, keys = np.empty((4, rows_of(f, kinds))), f[KEYS]
    for p in range(4):
        logs[p] = input_of(f, at, kinds, p)
    ring, count = cube(f[MORE + 4], 4, keys, f[MORE + 8]), ints(f[MORE + 5], keys)
    _edge(key_of(f, kinds), logs, f[MORE + 6], f[MORE + 7], ring, count, output_of(f, at, kinds))

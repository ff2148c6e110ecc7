"""Isolation forest (Liu, Ting and Zhou 2008) grown anew each session from the sessions before: fitted on the past only.

A forest's chances come from the session's number and nothing else, so that any run, in any pieces, grows the same one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import log
from typing import Any, ClassVar

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit
from undertow.features.language.addresses import block, int_table, ints, short_cube, tiny_cube
from undertow.features.language.memory import Memory
from undertow.features.language.steps import INPUTS, KEYS, MORE, Compiled, input_of, key_of, output_of, step, whole_input_of
from undertow.features.operators.tails import kept, make_room, opened, past_of, room_left

State = dict[str, Any]
DEPTH = 7
NODES = 2 ** (DEPTH + 1) - 1
LEAF = -1


@njit(cache=True)
def usual_depth(n: float) -> float:
    """Mean depth at which a random search tree of ``n`` values ends: what a leaf that still holds ``n`` rows stands for."""
    if n <= 1.0:
        return 0.0
    return 2.0 * (log(n - 1.0) + 0.5772156649015329) - 2.0 * (n - 1.0) / n if n > 2.0 else 1.0


@dataclass(frozen=True, slots=True)
class Forest:
    """How easily a row of some columns is told from those of the ``n`` sessions before: about .5 is usual, towards 1 is alone.

    Half of the sessions have to be there. NaN where a column is not known.
    """

    any_inputs: ClassVar[bool] = True
    n: int
    trees: int = 64
    sample: int = 128

    @property
    def memory(self) -> Memory:
        """``n`` sessions before this one."""
        return Memory(sessions=self.n + 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing; room for rows is made when it is known how many columns there are."""
        shape = keys, self.trees, NODES
        grown = {"feature": np.full(shape, LEAF, np.int8), "value": np.zeros(shape, np.float32), "grown": np.zeros(keys, np.int8)}
        return {"keys": keys} | grown

    def compiled(self, inputs: int) -> Compiled:
        """How it enters the machine, with so many inputs, the session's number being the last."""
        numbers = self.n, self.trees, self.sample
        fresh = partial(self._fresh, inputs - 1)
        return Compiled(forest_step, STATE, numbers, fresh=fresh, room=_room, by_key=True, takes=(inputs - 1,))

    def _fresh(self, columns: int, keys: int) -> State:
        past = past_of(keys, self.n, columns)
        return self.fresh(keys) | past | {"room": np.array([past["rows"].shape[2]])}

    def push(self, state: State, key: I64, *columns: F64) -> F64:
        """key (n,), columns (n,) and last the session's number (n,) -> (n,)."""
        *x, session = columns
        if "rows" not in state:
            state |= past_of(state["keys"], self.n, len(x))
        whole = session.astype(np.int64)
        make_room(state, key, whole)
        past = state["rows"], state["used"], state["day"], state["current"]
        trees = state["feature"], state["value"], state["grown"]
        out = np.empty(len(session))
        rows = np.stack([np.broadcast_to(c, len(session)) for c in x], axis=1)
        forest(key, rows, whole, past, trees, self.sample, out)
        return out


def _room(state: State, key: I64, session: I64) -> int:
    make_room(state, key, session)
    state["room"][0] = state["rows"].shape[2]
    return room_left(state, key)


@njit(cache=True)
def forest(
    key: I64, x: F64, session: I64, past: tuple[F64, I64, I64, I64], trees: tuple[Array, Array, Array], sample: int, out: F64
) -> None:
    """x (n, d); trees: feature and value (keys, trees, nodes), a leaf's value being its depth, and whether they are grown (keys,)."""
    rows, used, _, current = past
    feature, value, grown = trees
    n, d = used.shape[1] - 1, x.shape[1]
    for i in range(key.shape[0]):
        k = key[i]
        if opened(k, session[i], past):
            m, whole, gathered = 0, 0, np.empty((n * rows.shape[2], d))
            for j in range(n, 0, -1):
                at = kept(k, past, j)
                whole += at >= 0
                for r in range(used[k, at] if at >= 0 else 0):
                    gathered[m] = rows[k, at, r]
                    m += 1
            grown[k] = 2 * whole >= n and m >= sample
            if grown[k]:
                grow(gathered[:m], session[i], sample, feature[k], value[k])
        out[i] = np.nan
        known = True
        for c in range(d):
            known = known and not np.isnan(x[i, c])
        if not known:
            continue
        if grown[k]:
            out[i] = 2.0 ** (-depth(x[i], feature[k], value[k]) / usual_depth(float(sample)))
        if session[i] == current[k]:
            at = session[i] % (n + 1)
            rows[k, at, used[k, at]] = x[i]
            used[k, at] += 1


@njit(cache=True)
def depth(x: F64, feature: Array, value: Array) -> float:
    """Mean over the trees of how deep a row (d,) falls."""
    trees, total = feature.shape[0], 0.0
    node = np.zeros(trees, np.int64)
    # level by level, so that no tree has to wait until another's numbers have come out of memory
    for _ in range(DEPTH):
        for t in range(trees):
            at = node[t]
            split = feature[t, at]
            below = 2 * at + (1 if x[max(split, 0)] < value[t, at] else 2)
            node[t] = at if split == LEAF else below
    for t in range(trees):
        total += value[t, node[t]]
    return float(total / trees)


@njit(cache=True)
def _next(seed: Array) -> float:
    # xorshift*: the next of a sequence of numbers in [0, 1)
    s = seed[0]
    s ^= s >> np.uint64(12)
    s ^= s << np.uint64(25)
    s ^= s >> np.uint64(27)
    seed[0] = s
    return float((s * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def grow(rows: F64, seed: int, sample: int, feature: Array, value: Array) -> None:
    """Grow all trees of one symbol from rows (m, d), each from ``sample`` of them drawn without putting back."""
    state = np.empty(1, np.uint64)
    state[0] = (np.uint64(seed) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    m = rows.shape[0]
    order, first, last = np.arange(m), np.empty(NODES, np.int64), np.empty(NODES, np.int64)
    for t in range(feature.shape[0]):
        for j in range(sample):
            other = j + int(_next(state) * (m - j))
            order[j], order[other] = order[other], order[j]
        first[:], last[:] = 0, 0
        last[0] = sample
        for node in range(NODES):
            split, at = LEAF, 0.0
            if last[node] - first[node] > 1 and 2 * node + 2 < NODES:
                split, at = _choose(rows, order, first[node], last[node], state)
            feature[t, node] = split
            if split == LEAF:
                level = np.floor(np.log2(node + 1.0))
                value[t, node] = level + usual_depth(float(last[node] - first[node]))
                continue
            value[t, node] = at
            middle = _part(rows, order, first[node], last[node], split, value[t, node])
            first[2 * node + 1], last[2 * node + 1] = first[node], middle
            first[2 * node + 2], last[2 * node + 2] = middle, last[node]


@njit(cache=True)
def _choose(rows: F64, order: I64, first: int, last: int, state: Array) -> tuple[int, float]:
    # a column at random, or the next one of which not all values are the same
    d = rows.shape[1]
    start = int(_next(state) * d)
    for c in range(d):
        column = (start + c) % d
        low, high = np.inf, -np.inf
        for j in range(first, last):
            v = rows[order[j], column]
            low, high = min(low, v), max(high, v)
        if high > low:
            return column, low + _next(state) * (high - low)
    return LEAF, 0.0


@njit(cache=True)
def _part(rows: F64, order: I64, first: int, last: int, column: int, at: float) -> int:
    middle = first
    for j in range(first, last):
        if rows[order[j], column] < at:
            order[j], order[middle] = order[middle], order[j]
            middle += 1
    return middle


STATE = ("rows", "used", "day", "current", "feature", "value", "grown", "room")


@step
def forest_step(f: Any, at: Any, kinds: Any) -> None:
    """d columns and the session's number; state as told by ``STATE``; numbers: n, trees, sample."""
    d, keys, out = f[INPUTS] - 1, f[KEYS], output_of(f, at, kinds)
    told = MORE + d + 1
    n, trees, room = f[told + 8], f[told + 9], ints(f[told + 7], 1)[0]
    x = np.empty((out.shape[0], d))
    for c in range(d):
        x[:, c] = input_of(f, at, kinds, c)
    used, day, current = int_table(f[told + 1], keys, n + 1), int_table(f[told + 2], keys, n + 1), ints(f[told + 3], keys)
    past = block(f[told], keys, n + 1, room, d), used, day, current
    grown = tiny_cube(f[told + 4], keys, trees, NODES), short_cube(f[told + 5], keys, trees, NODES), tiny_cube(f[told + 6], keys, 1, 1)
    forest(key_of(f, kinds), x, whole_input_of(f, at, kinds, d), past, (grown[0], grown[1], grown[2].reshape(keys)), f[told + 10], out)

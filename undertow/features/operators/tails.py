"""How rare a value is among those of earlier sessions: fitted on the past only, once a session, so that no value judges itself (laws 3, 4).

A library's tail scores (ECOD) rank a row within its batch, the future included; here each session is judged by those before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import block, int_table, ints, table
from undertow.features.language.memory import Memory
from undertow.features.language.statistics import NORMAL_MAD
from undertow.features.language.steps import KEYS, MORE, Compiled, input_of, key_of, output_of, step, whole_input_of

State = dict[str, Any]
Judgement = Literal["tail", "fine_tail", "robust_score"]
ROWS = 80  #: room for a session's rows to begin with: a day of five minutes; it doubles when there are more
FEW = 20  #: values without which nothing is said
EXTREME = 0.05  #: of the past values: above as many of them a fine tail goes on as an exponential


@dataclass(frozen=True, slots=True)
class PastSessions:
    """A value against all values of the symbol in the ``n`` sessions before its own, of which half have to be there.

    ``tail``: the p-value (1 + number of past values as large) / (1 + number of past values), uniform or larger when nothing is new.
    ``fine_tail``: the same, and beyond the largest twentieth an exponential with their mean excess, so that it does not stop at 1 / n.
    ``robust_score``: distance from the median in standard deviations estimated by the median absolute deviation.
    """

    n: int
    judgement: Judgement

    def __post_init__(self) -> None:
        if self.n < 2 or self.judgement not in get_args(Judgement):
            raise ValueError(f"past sessions have n >= 2 and one of {', '.join(get_args(Judgement))}, not {self.n} and {self.judgement!r}")

    @property
    def memory(self) -> Memory:
        """``n`` sessions before this one."""
        return Memory(sessions=self.n + 1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        more = {"sorted": np.zeros((keys, self.n * ROWS)), "about": np.full((keys, 3), np.nan), "room": np.array([ROWS])}
        return past_of(keys, self.n, 1) | more

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        names = "rows", "used", "day", "current", "sorted", "about", "room"
        numbers = self.n, get_args(Judgement).index(self.judgement)
        return Compiled(past_sessions, names, numbers, room=_room, by_key=True, takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session's number (n,) -> (n,)."""
        out = np.empty(len(x))
        _room(state, key, session)
        past = state["rows"], state["used"], state["day"], state["current"]
        judge(key, x, session, past, state["sorted"], state["about"], get_args(Judgement).index(self.judgement), out)
        return out


def _room(state: State, key: I64, session: I64) -> int:
    make_room(state, key, session)
    rows, used = state["rows"], state["used"]
    room, keys, n = int(rows.shape[2]), len(used), int(used.shape[1])
    if state["room"][0] < room:
        longer = np.zeros((keys, (n - 1) * room))
        longer[:, : state["sorted"].shape[1]] = state["sorted"]
        state["sorted"], state["room"][0] = longer, room
    return room_left(state, key)


def room_left(state: State, key: I64) -> int:
    """For how many rows of one symbol there is room for sure once the new ones, of symbols ``key``, are told."""
    if not len(key):
        return 0
    used: I64 = state["used"]
    held = used[np.arange(len(used)), state["current"] % used.shape[1]]
    return int(state["rows"].shape[2] - held.max() - np.bincount(key).max())


def past_of(keys: int, n: int, columns: int) -> State:
    """Room for the rows of ``n`` sessions and the present one: rows (keys, n + 1, room, columns)."""
    return {
        "rows": np.zeros((keys, n + 1, ROWS, columns)),
        "used": np.zeros((keys, n + 1), np.int64),
        "day": np.full((keys, n + 1), -(2**62), np.int64),
        "current": np.full(keys, -(2**62), np.int64),
    }


def make_room(state: State, key: I64, session: I64) -> None:
    """Double the room for a session's rows until the new ones fit."""
    if not len(key):
        return
    used: I64 = state["used"]
    most = int(used.max(initial=0))
    if len(key) + most > state["rows"].shape[2]:  # else they fit whatever they are
        base = int(session.min())
        count = np.unique(key * (int(session.max()) - base + 1) + session - base, return_counts=True)[1]
        need, rows = int(count.max()) + most, state["rows"]
        room = rows.shape[2]
        while room < min(need, int(count.max()) + int(_open(state, session))):
            room *= 2
        if room > rows.shape[2]:
            state["rows"] = np.zeros((*rows.shape[:2], room, rows.shape[3]))
            state["rows"][:, :, : rows.shape[2]] = rows


def _open(state: State, session: I64) -> int:
    # rows so far of sessions that the new rows belong to
    mine = np.isin(state["day"], session)
    return int(state["used"][mine].max(initial=0))


@njit(cache=True)
def opened(k: int, session: int, past: tuple[F64, I64, I64, I64]) -> bool:
    """Make room for a session of symbol ``k`` that has just begun; False for one that is open already or over."""
    _, used, day, current = past
    if session <= current[k]:
        return False
    current[k] = session
    at = session % used.shape[1]
    used[k, at], day[k, at] = 0, session
    return True


@njit(cache=True)
def kept(k: int, past: tuple[F64, I64, I64, I64], j: int) -> int:
    """Where the session ``j`` before the open one lies, -1 where it is not there."""
    _, used, day, current = past
    at = (current[k] - j) % used.shape[1]
    return int(at) if day[k, at] == current[k] - j and used[k, at] > 0 else -1


@njit(cache=True)
def judge(key: I64, x: F64, session: I64, past: tuple[F64, I64, I64, I64], ordered: F64, about: F64, what: int, out: F64) -> None:
    """ordered (keys, room) the past in order; about (keys, 3) how many, and median with deviation or edge of the tail with mean excess."""
    rows, used, _, current = past
    n = used.shape[1] - 1
    for i in range(key.shape[0]):
        k = key[i]
        if opened(k, session[i], past):
            about[k] = np.nan
            m, whole = 0, 0
            for j in range(n, 0, -1):
                at = kept(k, past, j)
                whole += at >= 0
                for r in range(used[k, at] if at >= 0 else 0):
                    ordered[k, m] = rows[k, at, r, 0]
                    m += 1
            if 2 * whole >= n and m >= FEW:
                ordered[k, :m].sort()
                _describe(ordered[k, :m], what, about[k])
        out[i] = np.nan
        if np.isnan(x[i]):
            continue
        if not np.isnan(about[k, 0]):
            out[i] = _judged(x[i], ordered[k, : int(about[k, 0])], about[k], what)
        if session[i] == current[k]:
            at = session[i] % (n + 1)
            rows[k, at, used[k, at], 0] = x[i]
            used[k, at] += 1


@njit(cache=True)
def _middle(x: F64) -> float:
    n = x.shape[0]
    return float(x[n // 2] if n % 2 else 0.5 * (x[n // 2 - 1] + x[n // 2]))


@njit(cache=True)
def _describe(x: F64, what: int, about: F64) -> None:
    m = x.shape[0]
    about[0] = m
    if what == 2:
        about[1] = _middle(x)
        about[2] = NORMAL_MAD * _middle(np.sort(np.abs(x - about[1])))
    elif what == 1:
        top = max(int(EXTREME * m), 10)
        about[1] = x[m - top]
        about[2] = np.mean(x[m - top + 1 :] - about[1])


@njit(cache=True)
def _judged(x: float, past: F64, about: F64, what: int) -> float:
    if what == 2:
        return (x - about[1]) / about[2] if about[2] > 0.0 else np.nan
    m = past.shape[0]
    if what == 1 and x > about[1] and about[2] > 0.0:
        edge = (1.0 + m - np.searchsorted(past, about[1])) / (m + 1.0)
        return float(max(edge * np.exp(-(x - about[1]) / about[2]), 1e-12))
    return float((1.0 + m - np.searchsorted(past, x)) / (m + 1.0))


@step
def past_sessions(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state rows, used, day, current, sorted, about and room; numbers: n, judgement."""
    x, session, keys = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), f[KEYS]
    n, what, room = f[MORE + 9], f[MORE + 10], ints(f[MORE + 8], 1)[0]
    used, day, current = int_table(f[MORE + 3], keys, n + 1), int_table(f[MORE + 4], keys, n + 1), ints(f[MORE + 5], keys)
    past = block(f[MORE + 2], keys, n + 1, room, 1), used, day, current
    ordered, about = table(f[MORE + 6], keys, n * room), table(f[MORE + 7], keys, 3)
    judge(key_of(f, kinds), x, session, past, ordered, about, what, output_of(f, at, kinds))

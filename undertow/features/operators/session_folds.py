"""Operators that know where one session ends and the next begins: the session's extremes so far, and what the one before ended with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import floats, ints
from undertow.features.language.memory import Memory
from undertow.features.language.steps import KEYS, MORE, Compiled, input_of, key_of, output_of, step, whole_input_of

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class SessionExtreme:
    """The highest or lowest known value of the session so far; takes the value and the session's number."""

    which: Literal["highest", "lowest"]

    def __post_init__(self) -> None:
        if self.which not in ("highest", "lowest"):
            raise ValueError(f"an extreme is highest or lowest, not {self.which!r}")

    @property
    def memory(self) -> Memory:
        """The session so far."""
        return Memory(sessions=1)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"current": np.full(keys, -1, np.int64), "held": np.full(keys, np.nan)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(session_extreme, ("current", "held"), (int(self.which == "highest"),), takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session (n,) -> (n,)."""
        out = np.empty(len(x))
        _extreme(key, x, session, 1.0 if self.which == "highest" else -1.0, state["current"], state["held"], out)
        return out


@dataclass(frozen=True, slots=True)
class SessionBefore:
    """The last known value of the session right before this one, NaN where it had none; takes the value and the session's number."""

    @property
    def memory(self) -> Memory:
        """This session and the one before."""
        return Memory(sessions=2)

    def fresh(self, keys: int) -> State:
        """State of ``keys`` symbols that have seen nothing."""
        return {"current": np.full(keys, -1, np.int64), "newest": np.full(keys, np.nan), "before": np.full(keys, np.nan)}

    def compiled(self) -> Compiled:
        """How it enters the machine."""
        return Compiled(session_before, ("current", "newest", "before"), takes=(1,))

    def push(self, state: State, key: I64, x: F64, session: I64) -> F64:
        """key (n,), x (n,), session (n,) -> (n,)."""
        out = np.empty(len(x))
        _before(key, x, session, state["current"], state["newest"], state["before"], out)
        return out


@njit(cache=True)
def _extreme(key: I64, x: F64, session: I64, sign: float, current: I64, held: F64, out: F64) -> None:
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] != current[k]:
            current[k] = session[i]
            held[k] = np.nan
        if np.isnan(held[k]) or sign * x[i] > sign * held[k]:
            held[k] = x[i]
        out[i] = held[k]


@njit(cache=True)
def _before(key: I64, x: F64, session: I64, current: I64, newest: F64, before: F64, out: F64) -> None:
    for i in range(key.shape[0]):
        k = key[i]
        if session[i] != current[k]:
            before[k] = newest[k] if session[i] == current[k] + 1 else np.nan
            newest[k] = np.nan
            current[k] = session[i]
        if not np.isnan(x[i]):
            newest[k] = x[i]
        out[i] = before[k]


@step
def session_extreme(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state current and held; number: the sign."""
    x, session, keys = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), f[KEYS]
    sign = 1.0 if f[MORE + 4] == 1 else -1.0
    _extreme(key_of(f, kinds), x, session, sign, ints(f[MORE + 2], keys), floats(f[MORE + 3], keys), output_of(f, at, kinds))


@step
def session_before(f: Any, at: Any, kinds: Any) -> None:
    """Two inputs, the second the session's number; state current, newest and before."""
    x, session, keys = input_of(f, at, kinds, 0), whole_input_of(f, at, kinds, 1), f[KEYS]
    current, newest, before = ints(f[MORE + 2], keys), floats(f[MORE + 3], keys), floats(f[MORE + 4], keys)
    _before(key_of(f, kinds), x, session, current, newest, before, output_of(f, at, kinds))

"""What a compiled step is: one function of one signature, so that a loop can call any of them, a user's own included.

A step is called with three tables of whole numbers. Its frame ``f`` says what it works on: ``f[KIND]`` and ``f[OTHER]`` the kinds it
reads, ``f[OUT]`` the register it writes, ``f[KEYS]`` how many symbols there are, ``f[ALWAYS]`` whether it runs when no row is new,
``f[INPUTS]`` how many inputs it has, and from ``f[MORE]`` on its inputs' registers, the addresses of its state's arrays, and its numbers,
in the order in which ``Compiled`` tells them. ``at`` is where each register lies.
``kinds`` tells, ``WIDTH`` numbers a kind, how many rows there are and where their key, known_at and event_at lie; its first row is
that of the ticks: number of values, and where the ticks and the beginnings of their sessions lie.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numba

from undertow.core.chunk import F64, I64
from undertow.core.compiled import njit
from undertow.features.language.addresses import floats, ints

FUNCTION, KIND, OTHER, OUT, KEYS, ALWAYS, INPUTS, MORE = range(8)  #: places of a frame
ROWS, KEY, KNOWN, EVENT, MOST = range(5)  #: places of a row of ``kinds``; MOST rows of one symbol
MIDNIGHT, OPEN, COUNT = KNOWN, EVENT, MOST  #: of the ticks: when their sessions' days and the exchange began, how many there are
WIDTH = 8
State = dict[str, Any]


class Step:
    """A function of (f, at, kinds), compiled when its address is first asked for."""

    def __init__(self, body: Callable[..., None]) -> None:
        self._body = body
        self._compiled: Any = None
        self.__doc__ = body.__doc__

    @property
    def address(self) -> int:
        """Where the compiled function lies; it stays there as long as this object lives."""
        if self._compiled is None:
            types: Any = numba.types
            pointer = types.CPointer(numba.int64)
            compiled: Any = numba.cfunc(numba.void(pointer, pointer, pointer), cache=True, error_model="numpy")
            self._compiled = compiled(self._body)
        where: int = self._compiled.address
        return where


def step(body: Callable[..., None]) -> Step:
    """Mark a function as a step; it is told where everything lies, and returns nothing."""
    return Step(body)


@dataclass(frozen=True, slots=True)
class Compiled:
    """How an operator enters the machine: what its method ``compiled()`` returns.

    state   : names of the arrays of its state, which the step finds after its inputs, in this order
    numbers : parameters, which come next; a float is read with ``addresses.number``
    outputs : how many numbers an event it gives
    fresh   : state of so many symbols for the machine, where it is not the operator's own ``fresh``
    room    : makes room for so many rows more; returns for how many more, from now on, there is room for sure. It may replace arrays
    by_key  : ``room`` takes the new rows' key and session's number, and counts rows of one symbol that come after them
    of_own  : ``room`` is for rows of its own kind, not of the other
    whole   : its numbers are int64
    takes   : which of its inputs are int64; all others are float64
    shown   : what an operator that is not compiled is given for it, made from its state; its register then is the array ``register``
    """

    step: Step
    state: tuple[str, ...] = ()
    numbers: tuple[int | float, ...] = ()
    outputs: int = 1
    fresh: Callable[[int], State] | None = None
    room: Callable[..., int] | None = None
    by_key: bool = False
    of_own: bool = False
    whole: bool = False
    takes: tuple[int, ...] = ()
    register: str = ""
    shown: Callable[[State, int], Any] | None = None


def compiled_as(function: Any, step: Step) -> None:
    """Let a plain function of columns enter the machine as a step that gives the same numbers."""
    function.compiled = lambda: Compiled(step)


def compiled_of(op: Any, inputs: int = 0) -> Compiled | None:
    """How an operator enters the machine; None for one that does not say, or whose class does something else than the one that says.

    One whose class has ``any_inputs`` is told how many it takes here.
    """
    if not isinstance(op, type) and type(op).__name__ in ("function", "CPUDispatcher"):
        found = getattr(op, "compiled", None)
        return found() if found is not None else None
    for one in type(op).__mro__:
        if "compiled" in vars(one):
            told: Compiled | None = op.compiled(inputs) if getattr(op, "any_inputs", False) else op.compiled()
            return told
        if {"push", "fresh", "__call__"} & set(vars(one)):
            return None
    return None


@njit(cache=True)
def rows_of(f: Any, kinds: Any) -> int:
    """How many rows the step's own kind has."""
    return int(kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def key_of(f: Any, kinds: Any) -> I64:
    """key (n,) of the rows of the step's own kind."""
    return ints(kinds[f[KIND] * WIDTH + KEY], kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def known_of(f: Any, kinds: Any) -> I64:
    """known_at (n,) of the rows of the step's own kind."""
    return ints(kinds[f[KIND] * WIDTH + KNOWN], kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def event_of(f: Any, kinds: Any) -> I64:
    """event_at (n,) of the rows of the step's own kind."""
    return ints(kinds[f[KIND] * WIDTH + EVENT], kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def ticks_of(kinds: Any) -> I64:
    """The ticks (t,)."""
    return ints(kinds[KEY], kinds[COUNT])


@njit(cache=True)
def input_of(f: Any, at: Any, kinds: Any, j: int) -> F64:
    """The step's input ``j`` (n,), along its own kind or at ticks."""
    return floats(at[f[MORE + j]], kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def whole_input_of(f: Any, at: Any, kinds: Any, j: int) -> I64:
    """The step's input ``j`` (n,) where it is one of whole numbers."""
    return ints(at[f[MORE + j]], kinds[f[KIND] * WIDTH + ROWS])


@njit(cache=True)
def output_of(f: Any, at: Any, kinds: Any) -> F64:
    """Where the step writes, (n,) along its own kind."""
    return floats(at[f[OUT]], kinds[f[KIND] * WIDTH + ROWS])

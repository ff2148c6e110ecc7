"""A user's compiled strategy: its function put into the fold, compiled once, and found again on disk by what it says."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.execution import kernel
from undertow.execution.events import fold

#: (memory, at, price, size, account) -> signed shares to order
OnTrade = Callable[[F64, int, float, float, fold.Seen], float]


class EventStrategy:
    """A compiled strategy and what it remembers at its start."""

    def __init__(self, function: OnTrade, memory: Sequence[float]) -> None:
        """``memory`` is the start of the float64 array that the function is handed at every call, its own to write."""
        self.function = function
        self._memory = np.array(memory, np.float64)
        self.fold = _specialised(function)

    def __call__(self, memory: F64, at: int, price: float, size: float, account: fold.Seen) -> float:
        """The function itself in plain Python: for tests of a strategy, and for stepping through it."""
        return self.function(memory, at, price, size, account)

    def fresh(self) -> F64:
        """A memory (m,) that has seen nothing."""
        return self._memory.copy()


def event_strategy(*, memory: int | Sequence[float] = 8) -> Callable[[OnTrade], EventStrategy]:
    """Compile a function that is called on every trade: (memory, at, price, size, account) -> signed shares to order now, 0 for none.

    ``at`` is ns UTC, ``price`` USD (NaN where the trade had none), ``size`` shares, ``account`` a ``Seen``; ``memory`` a float64 array of
    so many zeros, or with these values at the start. What is not finite orders nothing. The compiled code is kept on disk under a name
    made of the function's code and of every constant and compiled function that it uses: no second process compiles it again.

    >>> @event_strategy(memory=1)
    ... def every_other(memory, at, price, size, account):
    ...     memory[0] += 1.0
    ...     return 1.0 if memory[0] % 2.0 == 0.0 else 0.0
    >>> seen, own = fold.Seen(cash=100.0, shares=0.0, pending=0.0, equity=100.0), every_other.fresh()
    >>> [every_other(own, 0, 10.0, 5.0, seen) for _ in range(4)]
    [0.0, 1.0, 0.0, 1.0]
    """
    start = [0.0] * memory if isinstance(memory, int) else list(memory)
    return lambda function: EventStrategy(function, start)


def _specialised(function: OnTrade) -> Any:
    """``fold_strategy`` with the function in the place of ``called``, under a name of its own, by which numba finds it on disk."""
    template: Any = fold.fold_strategy
    words, known = hashlib.sha256(), True
    for word in _words(function, set()):
        known = known and word is not None
        words.update(len(word or b"").to_bytes(8, "big") + (word or b""))
    inner = njit(error_model="numpy", forceinline=True)(function)
    name = f"{template.__name__}_{words.hexdigest()[:24]}"
    special = FunctionType(template.__code__.replace(co_name=name, co_qualname=name), {**template.__globals__, "called": inner}, name)
    special.__module__, special.__qualname__ = template.__module__, name
    return kernel.compiled(special) if known else njit(error_model="numpy", nogil=True)(special)


def _words(value: Any, met: set[int]) -> Iterator[bytes | None]:
    """Everything that decides what a value compiles to; None for a value that cannot be told apart from another by its text."""
    if hasattr(value, "py_func"):
        yield repr(sorted(value.targetoptions.items())).encode()
        value = value.py_func
    if isinstance(value, FunctionType):
        if id(value) not in met:
            met.add(id(value))
            yield from _function(value, met)
    elif isinstance(value, CodeType):
        yield value.co_code
        yield repr((value.co_names, value.co_varnames, value.co_freevars)).encode()
        for constant in value.co_consts:
            yield from _words(constant, met)
    elif isinstance(value, tuple):
        yield type(value).__qualname__.encode() + b"("
        for item in value:
            yield from _words(item, met)
    elif isinstance(value, np.ndarray) and value.dtype != object:
        yield f"{value.dtype}{value.shape}".encode() + value.tobytes()
    elif isinstance(value, ModuleType):
        yield value.__name__.encode() if value.__name__ in ("math", "numpy") else None
    elif isinstance(value, BuiltinFunctionType | np.ufunc | type):
        yield f"{getattr(value, '__module__', '')}.{value.__name__} {getattr(value, '_fields', '')}".encode()
    elif value is None or isinstance(value, bool | int | float | complex | str | bytes | np.generic):
        yield f"{type(value).__name__} {value!r}".encode()
    else:
        yield None


def _function(function: FunctionType, met: set[int]) -> Iterator[bytes | None]:
    code = function.__code__
    yield from _words(code, met)
    yield from _words(function.__defaults__, met)
    for cell in function.__closure__ or ():
        yield from _words(cell.cell_contents, met)
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield name.encode()
            yield from _words(function.__globals__[name], met)


def _names(code: CodeType) -> set[str]:
    inner = (_names(constant) for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*inner)

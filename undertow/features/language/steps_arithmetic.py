"""Arithmetic as steps: every function of ``arithmetic`` on columns or on numbers at ticks, value by value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.core.events import MISSING
from undertow.features.language import arithmetic, instants
from undertow.features.language.addresses import floats, ints
from undertow.features.language.instants import CLOSES, OPENS
from undertow.features.language.steps import MORE, OUT, Compiled, input_of, output_of, rows_of, step, whole_input_of

#: functions of two columns, or of a column and a number; what they mean is told where they are defined
OF_TWO: tuple[Callable[..., Any], ...] = (
    np.add,
    np.subtract,
    np.multiply,
    arithmetic.divide,
    arithmetic.remainder,
    arithmetic.at_least,
    arithmetic.above,
    arithmetic.equal,
    arithmetic.where_true,
    arithmetic.only_where,
    arithmetic.known_where,
    arithmetic.filled,
    np.minimum,
    np.maximum,
)
OF_ONE: tuple[Callable[..., Any], ...] = (
    np.negative,
    np.abs,
    np.sign,
    arithmetic.safe_log,
    arithmetic.safe_sqrt,
    np.exp,
    instants.to_the_second,
    instants.side_of_session,
)
#: (function) -> (its number, how many columns it takes)
CODES = {function: (i, 2) for i, function in enumerate(OF_TWO)} | {function: (i, 1) for i, function in enumerate(OF_ONE)}


def _value(b: Any, i: int) -> float:
    """A column's number at a place, or the number itself."""
    return float(b[i] if isinstance(b, np.ndarray) else b)


@overload(_value, strict=False)
def _of_value(b: Any, i: Any) -> Any:  # noqa: ARG001
    if isinstance(b, types.Array):
        return lambda b, i: b[i]
    return lambda b, i: b  # noqa: ARG005


@njit(cache=True, error_model="numpy")
def plain(code: int, a: F64, b: Any, out: F64) -> None:
    """Sum, difference, product, quotient and remainder; b (n,) or a number."""
    n = a.shape[0]
    if code == 0:
        for i in range(n):
            out[i] = a[i] + _value(b, i)
    elif code == 1:
        for i in range(n):
            out[i] = a[i] - _value(b, i)
    elif code == 2:
        for i in range(n):
            out[i] = a[i] * _value(b, i)
    elif code == 3:
        for i in range(n):
            y = _value(b, i)
            out[i] = a[i] / (np.nan if y == 0.0 else y)
    else:
        for i in range(n):
            y = _value(b, i)
            out[i] = np.nan if y == 0.0 else a[i] % y


@njit(cache=True, error_model="numpy")
def chosen(code: int, a: F64, b: Any, out: F64) -> None:
    """Comparisons, and one or the other of two; b (n,) or a number."""
    n = a.shape[0]
    if code == 5:
        for i in range(n):
            x, y = a[i], _value(b, i)
            out[i] = np.nan if x != x or y != y else 1.0 if x >= y else 0.0
    elif code == 6:
        for i in range(n):
            x, y = a[i], _value(b, i)
            out[i] = np.nan if x != x or y != y else 1.0 if x > y else 0.0
    elif code == 7:
        for i in range(n):
            out[i] = 1.0 if a[i] == _value(b, i) else 0.0
    elif code == 8:
        for i in range(n):
            out[i] = a[i] if _value(b, i) != 0.0 else 0.0
    elif code == 9:
        for i in range(n):
            out[i] = a[i] if _value(b, i) == 1.0 else np.nan
    elif code == 10:
        for i in range(n):
            y = _value(b, i)
            out[i] = a[i] if y == y else np.nan
    elif code == 11:
        for i in range(n):
            x = a[i]
            out[i] = x if x == x else _value(b, i)
    elif code == 12:
        for i in range(n):
            x, y = a[i], _value(b, i)
            out[i] = x if x < y or x != x else y
    else:
        for i in range(n):
            x, y = a[i], _value(b, i)
            out[i] = x if x > y or x != x else y


@njit(cache=True, error_model="numpy")
def of_one(code: int, a: F64, out: F64) -> None:
    """Functions of one column."""
    n = a.shape[0]
    if code == 0:
        for i in range(n):
            out[i] = -a[i]
    elif code == 1:
        for i in range(n):
            out[i] = abs(a[i])
    elif code == 2:
        for i in range(n):
            x = a[i]
            out[i] = 1.0 if x > 0.0 else -1.0 if x < 0.0 else x * 0.0
    elif code == 3:
        for i in range(n):
            out[i] = np.log(a[i]) if a[i] > 0.0 else np.nan
    elif code == 4:
        for i in range(n):
            out[i] = np.sqrt(a[i]) if a[i] >= 0.0 else np.nan
    elif code == 5:
        for i in range(n):
            out[i] = np.exp(a[i])
    elif code == 6:
        for i in range(n):
            out[i] = np.rint(a[i] * 86_400.0) / 86_400.0
    else:
        for i in range(n):
            x = a[i]
            out[i] = np.nan if x != x else (1.0 if x >= CLOSES else 0.0) - (1.0 if x < OPENS else 0.0)


@step
def two(f: Any, at: Any, kinds: Any) -> None:
    """A function of two columns, or of a column and a number; numbers: which, and whether the second is a number."""
    a, out, code = input_of(f, at, kinds, 0), output_of(f, at, kinds), f[MORE + 2]
    if f[MORE + 3] == 1:
        scalar = floats(at[f[MORE + 1]], 1)[0]
        if code < 5:
            plain(code, a, scalar, out)
        else:
            chosen(code, a, scalar, out)
    elif code < 5:
        plain(code, a, input_of(f, at, kinds, 1), out)
    else:
        chosen(code, a, input_of(f, at, kinds, 1), out)


@step
def one(f: Any, at: Any, kinds: Any) -> None:
    """A function of one column; numbers: which."""
    of_one(f[MORE + 1], input_of(f, at, kinds, 0), output_of(f, at, kinds))


@step
def as_floats(f: Any, at: Any, kinds: Any) -> None:
    """Whole numbers as floats."""
    whole, out = whole_input_of(f, at, kinds, 0), output_of(f, at, kinds)
    for i in range(whole.shape[0]):
        out[i] = whole[i]


@step
def as_whole(f: Any, at: Any, kinds: Any) -> None:
    """Floats as whole numbers."""
    a, n = input_of(f, at, kinds, 0), rows_of(f, kinds)
    out = ints(at[f[OUT]], n)
    for i in range(n):
        out[i] = np.int64(a[i])


@step
def published(f: Any, at: Any, kinds: Any) -> None:
    """Whole numbers as published: a missing one is NaN."""
    whole, out = whole_input_of(f, at, kinds, 0), output_of(f, at, kinds)
    for i in range(whole.shape[0]):
        out[i] = np.nan if whole[i] == MISSING else float(whole[i])


@step
def constant(f: Any, at: Any, kinds: Any) -> None:
    """One number for every row."""
    value, out = floats(at[f[MORE]], 1)[0], output_of(f, at, kinds)
    for i in range(rows_of(f, kinds)):
        out[i] = value


def compiled(function: Callable[..., Any], literal: bool) -> Compiled | None:
    """How a function of columns enters the machine, its second input being a number or not; None for one that does not."""
    try:
        found = CODES.get(function)
    except TypeError:  # a user's function may have no hash
        return None
    if found is None:
        return None
    code, inputs = found
    return Compiled(two, numbers=(code, int(literal))) if inputs == 2 else Compiled(one, numbers=(code,))

"""Arrays by their address, for compiled code that is told where its numbers lie: what ``steps`` are written with."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic as _intrinsic

from undertow.core.chunk import F64, I64, Array
from undertow.core.compiled import njit

# whose own types mypy would not follow
intrinsic: Any = _intrinsic
carray: Any = getattr(numba, "carray")  # noqa: B009
_pointer_to: Any = types.CPointer
WORD = 8  #: bytes of a number


def address_of(array: Array) -> int:
    """Where the first number of an array lies; the array has to outlive every use of it."""
    where: int = array.__array_interface__["data"][0]
    return where


@njit(cache=True)
def lies_at(row: Array) -> int:
    """``address_of`` an array of one dimension, in a seventh of the time; compiled anew for each type of array."""
    where: int = row.ctypes.data
    return where


def bits_of(number: float) -> int:
    """A float's 64 bits as a whole number; ``number`` reads it back."""
    return int(np.float64(number).view(np.int64))


def _pointer(kind: Any) -> Any:
    def typed(_: Any, _address: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(signature.return_type))

        return _pointer_to(kind)(types.int64), generate

    return typed


_float_pointer = intrinsic(_pointer(types.float64))
_int_pointer = intrinsic(_pointer(types.int64))
_small_pointer = intrinsic(_pointer(types.int32))
_tiny_pointer = intrinsic(_pointer(types.int8))
_short_pointer = intrinsic(_pointer(types.float32))


def _number(_: Any, _bits: Any) -> Any:
    """The float that ``bits_of`` told."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.DoubleType())

    return types.float64(types.int64), generate


number: Any = intrinsic(_number)


def _call(_: Any, _function: Any, _frame: Any, _at: Any, _kinds: Any) -> Any:
    """Call the step at an address with the addresses of its frame and of the two tables."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        word = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [word] * 3)
        builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64, types.int64), generate


call: Any = intrinsic(_call)


@njit(cache=True)
def floats(address: int, n: int) -> F64:
    """float64 (n,) at an address."""
    found: F64 = carray(_float_pointer(address), n)
    return found


@njit(cache=True)
def ints(address: int, n: int) -> I64:
    """int64 (n,) at an address."""
    found: I64 = carray(_int_pointer(address), n)
    return found


@njit(cache=True)
def small_ints(address: int, n: int) -> Array:
    """int32 (n,) at an address."""
    found: Array = carray(_small_pointer(address), n)
    return found


@njit(cache=True)
def table(address: int, rows: int, columns: int) -> F64:
    """float64 (rows, columns) at an address."""
    found: F64 = carray(_float_pointer(address), (rows, columns))
    return found


@njit(cache=True)
def int_table(address: int, rows: int, columns: int) -> I64:
    """int64 (rows, columns) at an address."""
    found: I64 = carray(_int_pointer(address), (rows, columns))
    return found


@njit(cache=True)
def cube(address: int, a: int, b: int, c: int) -> F64:
    """float64 (a, b, c) at an address."""
    found: F64 = carray(_float_pointer(address), (a, b, c))
    return found


@njit(cache=True)
def int_cube(address: int, a: int, b: int, c: int) -> I64:
    """int64 (a, b, c) at an address."""
    found: I64 = carray(_int_pointer(address), (a, b, c))
    return found


@njit(cache=True)
def block(address: int, a: int, b: int, c: int, d: int) -> F64:
    """float64 (a, b, c, d) at an address."""
    found: F64 = carray(_float_pointer(address), (a, b, c, d))
    return found


@njit(cache=True)
def tiny_cube(address: int, a: int, b: int, c: int) -> Array:
    """int8 (a, b, c) at an address."""
    found: Array = carray(_tiny_pointer(address), (a, b, c))
    return found


@njit(cache=True)
def short_cube(address: int, a: int, b: int, c: int) -> Array:
    """float32 (a, b, c) at an address."""
    found: Array = carray(_short_pointer(address), (a, b, c))
    return found

"""Candlesticks as steps: strips of bars, and TA-Lib's own functions called where they lie."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from undertow.features.language import kernels
from undertow.features.language.addresses import WORD, address_of, cube, intrinsic, ints, number, table
from undertow.features.language.steps import KEYS, MORE, State, input_of, key_of, output_of, rows_of, step

LENGTH, ROOM, BARS, PLACE = range(4)  #: of ``about``: bars in the strip, for how many there is room, and where bars and places lie
#: patterns that ask how deep a body reaches into another, and TA-Lib's own answer
PENETRATION = {"CDLDARKCLOUDCOVER": 0.5, "CDLMATHOLD": 0.5} | dict.fromkeys(
    ("CDLABANDONEDBABY", "CDLEVENINGDOJISTAR", "CDLEVENINGSTAR", "CDLMORNINGDOJISTAR", "CDLMORNINGSTAR"), 0.3
)


def _typed(_: Any, _function: Any, _last: Any, _bars: Any, _step: Any, _depth: Any, _found: Any) -> Any:
    # TA_CDL…(first, last, open, high, low, close, [depth], where it begins, how many, what is found); depth NaN for those without
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole, real, word = ir.IntType(32), ir.DoubleType(), ir.IntType(64)
        function, last, bars, step, depth, found = arguments
        end = builder.trunc(last, whole)
        prices = [bars]
        for _ in range(3):
            prices.append(builder.add(prices[-1], step))
        pointers = [builder.inttoptr(price, real.as_pointer()) for price in prices]
        notes = [builder.alloca(whole), builder.alloca(whole), builder.inttoptr(found, whole.as_pointer())]
        before = [whole, whole, *[real.as_pointer()] * 4]
        after = [whole.as_pointer()] * 3
        with builder.if_else(builder.fcmp_unordered("uno", depth, depth)) as (plain, deep):
            with plain:
                one = builder.inttoptr(function, ir.FunctionType(whole, [*before, *after]).as_pointer())
                builder.call(one, [whole(0), end, *pointers, *notes])
            with deep:
                two = builder.inttoptr(function, ir.FunctionType(whole, [*before, real, *after]).as_pointer())
                builder.call(two, [whole(0), end, *pointers, depth, *notes])
        return builder.zext(builder.load(notes[0]), word)

    parts = [types.int64, types.int64, types.int64, types.int64, types.float64, types.int64]
    return types.int64(*parts), generate


_recognise = intrinsic(_typed)


def strip_state(keys: int, n: int) -> State:
    """State of ``strip`` of ``n`` bars before each new one."""
    state = {"tail": np.zeros((keys, 4, n)), "whole": np.zeros(keys, np.int64), "about": np.zeros(4, np.int64)}
    room_in_strip(state, 64)
    return state


def room_in_strip(state: State, rows: int) -> int:
    """Make the strip longer where so many new bars do not fit."""
    keys, _, n = state["tail"].shape
    if "place" not in state or len(state["place"]) < rows:
        state["place"], state["bars"] = np.zeros(2 * rows, np.int64), np.zeros((4, 2 * rows + keys * n))
        state["about"][[ROOM, BARS, PLACE]] = state["bars"].shape[1], address_of(state["bars"]), address_of(state["place"])
    return len(state["place"])


@step
def strip(f: Any, at: Any, kinds: Any) -> None:
    """Four prices; state tail, whole and about, which is its register; numbers: bars a symbol looks back, and the grid."""
    n, keys, grid, about = rows_of(f, kinds), f[KEYS], number(f[MORE + 8]), ints(f[MORE + 6], 4)
    rounded = np.empty((4, n))
    for p in range(4):
        price = input_of(f, at, kinds, p)
        for i in range(n):
            rounded[p, i] = np.rint(price[i] * grid) / grid
    tail, bars = cube(f[MORE + 4], keys, 4, f[MORE + 7]), table(about[BARS], 4, about[ROOM])
    about[LENGTH] = kernels.strips(key_of(f, kinds), rounded, tail, ints(f[MORE + 5], keys), bars, ints(about[PLACE], n))


@step
def candlestick(f: Any, at: Any, kinds: Any) -> None:
    """One input, a strip; numbers: where TA-Lib's function lies, how deep a body has to reach or NaN."""
    about, out = ints(at[f[MORE]], 4), output_of(f, at, kinds)
    place, length = ints(about[PLACE], out.shape[0]), about[LENGTH]
    found = np.zeros(length, np.int32)
    first = _recognise(f[MORE + 1], length - 1, about[BARS], about[ROOM] * WORD, number(f[MORE + 2]), found.ctypes.data)
    for i in range(out.shape[0]):
        j = place[i] - first
        out[i] = np.nan if place[i] < 0 else found[j] / 100.0 if j >= 0 else 0.0


@cache
def _library() -> Any:
    import talib  # a second to load

    module: Any = talib._ta_lib
    return ctypes.CDLL(module.__file__)


def function_of(pattern: str) -> int:
    """Where TA-Lib's function of a pattern lies; 0 where the system does not tell."""
    try:
        pointer = getattr(_library(), f"TA_{pattern}")
    except (AttributeError, OSError):
        return 0
    return int(ctypes.cast(pointer, ctypes.c_void_p).value or 0)

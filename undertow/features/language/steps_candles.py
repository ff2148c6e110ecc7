"""Candlesticks as steps: strips of bars, and TA-Lib's own functions called where they lie."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from undertow.features.language import kernels
from undertow.features.language.addresses import WORD, address_of, cube, int_table, intrinsic, ints, number, table
from undertow.features.language.steps import KEYS, MORE, State, input_of, key_of, output_of, rows_of, step

#: of ``about``: bars in the strip, for how many there is room, where bars, places and parts lie, and how many symbols have a part
LENGTH, ROOM, BARS, PLACE, PARTS, SYMBOLS = range(6)
#: patterns that ask how deep a body reaches into another, and TA-Lib's own answer
PENETRATION = {"CDLDARKCLOUDCOVER": 0.5, "CDLMATHOLD": 0.5} | dict.fromkeys(
    ("CDLABANDONEDBABY", "CDLEVENINGDOJISTAR", "CDLEVENINGSTAR", "CDLMORNINGDOJISTAR", "CDLMORNINGSTAR"), 0.3
)


_two: Any = getattr(types, "UniTuple")(types.int64, 2)  # noqa: B009  # whose own types mypy would not follow


def _typed(_: Any, _function: Any, _ends: Any, _bars: Any, _step: Any, _depth: Any, _found: Any) -> Any:
    # TA_CDL…(first, last, open, high, low, close, [depth], where it begins, how many, what is found); depth NaN for those without
    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        whole, real, word = ir.IntType(32), ir.DoubleType(), ir.IntType(64)
        function, ends, bars, step, depth, found = arguments
        begin, end = (builder.trunc(builder.extract_value(ends, j), whole) for j in range(2))
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
                builder.call(one, [begin, end, *pointers, *notes])
            with deep:
                two = builder.inttoptr(function, ir.FunctionType(whole, [*before, real, *after]).as_pointer())
                builder.call(two, [begin, end, *pointers, depth, *notes])
        return builder.zext(builder.load(notes[0]), word)

    parts = [types.int64, _two, types.int64, types.int64, types.float64, types.int64]
    return types.int64(*parts), generate


_recognise = intrinsic(_typed)


def strip_state(keys: int, n: int) -> State:
    """State of ``strip`` of ``n`` bars before each new one."""
    state = {"tail": np.zeros((keys, 4, n)), "whole": np.zeros(keys, np.int64), "about": np.zeros(6, np.int64)}
    state["parts"] = np.zeros((keys, 2), np.int64)
    state["about"][PARTS] = address_of(state["parts"])
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
    n, keys, grid, about = rows_of(f, kinds), f[KEYS], number(f[MORE + 8]), ints(f[MORE + 6], 6)
    rounded = np.empty((4, n))
    for p in range(4):
        price = input_of(f, at, kinds, p)
        for i in range(n):
            rounded[p, i] = np.rint(price[i] * grid) / grid
    tail, bars = cube(f[MORE + 4], keys, 4, f[MORE + 7]), table(about[BARS], 4, about[ROOM])
    parts, places = int_table(about[PARTS], keys, 2), ints(about[PLACE], n)
    about[LENGTH], about[SYMBOLS] = kernels.strips(key_of(f, kinds), rounded, tail, ints(f[MORE + 5], keys), bars, places, parts)


@step
def candlestick(f: Any, at: Any, kinds: Any) -> None:
    """One input, a strip; numbers: where TA-Lib's function lies, how deep a body has to reach or NaN."""
    about, out = ints(at[f[MORE]], 6), output_of(f, at, kinds)
    place, depth = ints(about[PLACE], out.shape[0]), number(f[MORE + 2])
    found, parts = np.zeros(about[LENGTH], np.int32), int_table(about[PARTS], about[SYMBOLS], 2)
    for s in range(about[SYMBOLS]):
        # only a symbol's new bars are asked about: what comes before them is looked back at
        first, last = parts[s, 0], parts[s, 1]
        begun = _recognise(f[MORE + 1], (first, last), about[BARS], about[ROOM] * WORD, depth, found[first:].ctypes.data)
        if begun > first:  # a strip that is shorter than what the pattern looks back
            found[begun : last + 1] = found[first : first + last + 1 - begun].copy()
            found[first:begun] = 0
    for i in range(out.shape[0]):
        out[i] = np.nan if place[i] < 0 else found[place[i]] / 100.0


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

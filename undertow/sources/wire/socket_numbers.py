"""Columns of JSON numbers, quick where they are plain: the same whole numbers as ``wire.number`` gives one by one, to the last unit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.events import PRICE_SCALE
from undertow.core.time import SECOND, Instant
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.stamps import instant

_SURE = 2.0**40  # below it a product of floats is off by less than ``_NEAR``
_NEAR = 1e-3  # of a tie between two whole numbers: there the decimal text decides
_PLAIN = frozenset((int, float))
_MILLISECONDS = (10**11, 9 * 10**12)  # counts of this size, see ``stamps.instant``; beyond, in 2255, int64 is soon too small for ns


def prices(values: Sequence[object]) -> I64:
    """``units`` of every value, int64 (n,): 1/10,000 USD, ``MISSING`` for null. Raises ``BadAnswer``."""
    return _scaled(values, PRICE_SCALE, units)


def sizes(values: Sequence[object]) -> I64:
    """``whole`` of every value, int64 (n,), ``MISSING`` for null; decimal texts such as ``"300.0"`` are quick too. Raises ``BadAnswer``."""
    return _scaled(values, 1, whole)


def instants(values: Sequence[object]) -> I64:
    """``instant`` of every value, int64 (n,) ns UTC. Raises ``BadAnswer``."""
    if set(map(type, values)) == {int}:
        try:
            counts = np.array(values, np.int64)
        except OverflowError:
            counts = np.empty(0, np.int64)
        if len(counts) and counts.min() >= _MILLISECONDS[0] and counts.max() < _MILLISECONDS[1]:
            return counts * (SECOND // 1000)
    stamps = [instant(value) for value in values]
    try:
        return np.array(stamps, np.int64)
    except OverflowError:
        raise BadAnswer("The vendor sent a time after the year 2262; nothing was taken.") from None


def counts(values: Sequence[object]) -> I64:
    """A vendor's own numbering, int64 (n,), 0 where it gives none. Raises ``BadAnswer``."""
    if set(map(type, values)) == {int}:
        try:
            return np.array(values, np.int64)
        except OverflowError:
            pass
    return np.array([whole(value or 0) for value in values], np.int64)


def later(at: I64, received_at: I64) -> I64:
    """The later of two instants, row by row: nothing is known before it happened, though the vendor's clock may run ahead of ours."""
    out: I64 = np.maximum(at, received_at)
    return out


def _scaled(values: Sequence[object], scale: int, exact: Callable[[object], Instant]) -> I64:
    numbers = _floats(values)
    if numbers is None:
        return np.array([exact(value) for value in values], np.int64)
    scaled = numbers * scale
    nearest = np.rint(scaled)
    with np.errstate(invalid="ignore"):  # NaN stands for null and goes the exact way
        unsure = ~((np.abs(scaled) < _SURE) & (np.abs(scaled - nearest) < 0.5 - _NEAR))
    if not unsure.any():
        return nearest.astype(np.int64)
    nearest[unsure] = 0.0
    out = nearest.astype(np.int64)
    for at in np.flatnonzero(unsure).tolist():
        out[at] = exact(values[at])
    return out


def _floats(values: Sequence[object]) -> F64 | None:
    kinds = set(map(type, values))
    plain: Any = values
    try:
        if kinds <= _PLAIN or kinds <= _PLAIN | {type(None)}:
            return np.array(plain, np.float64)
        if kinds == {str}:
            return np.fromiter(map(float, plain), np.float64, len(values))
    except (ValueError, OverflowError):
        pass
    return None

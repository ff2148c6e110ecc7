"""Vendors' numbers, as JSON numbers or decimal texts: prices to exact whole 1/10,000 USD, sizes to whole numbers, the rest to floats."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from math import isfinite
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.events import MISSING, PRICE_SCALE
from undertow.sources.wire.errors import BadAnswer

_ABSENT = (None, "")
_LARGEST = 2**62


def units(value: object) -> int:
    """Dollars as whole 1/10,000 USD, the nearest where there are more decimals; ``MISSING`` for null and "". Raises ``BadAnswer``.

    >>> units("171.5501"), units(171.55)
    (1715501, 1715500)
    """
    return _scaled(value, PRICE_SCALE)


def whole(value: object) -> int:
    """A size or count as the nearest whole number (vendors send ``100``, ``100.0``, ``"100.0"``); ``MISSING`` for null and ""."""
    if type(value) is int and abs(value) < _LARGEST:
        return value
    return _scaled(value, 1)


def real(value: object) -> float:
    """A float; NaN for null and "". Raises ``BadAnswer`` for what is no finite number."""
    if value in _ABSENT:
        return float("nan")
    if type(value) is float and isfinite(value):
        return value
    return float(_decimal(value))


def units_column(values: Sequence[object]) -> I64:
    """``units`` of every value, int64 (n,); quick where all are JSON numbers."""
    return _column(values, PRICE_SCALE)


def whole_column(values: Sequence[object]) -> I64:
    """``whole`` of every value, int64 (n,); quick where all are JSON numbers."""
    return _column(values, 1)


def real_column(values: Sequence[object]) -> F64:
    """``real`` of every value, float64 (n,)."""
    return np.asarray([real(v) for v in values], np.float64)


def _column(values: Sequence[object], scale: int) -> I64:
    kinds = {type(v) for v in values}
    if kinds and kinds <= {int, float}:
        plain: Any = values
        try:
            numbers = np.asarray(plain, np.float64) * scale
        except OverflowError:
            raise BadAnswer("The vendor sent a number that is too large; nothing was taken.") from None
        if bool((np.abs(numbers) < 2.0**50).all()):  # where float64 still tells neighbours apart; false for NaN
            return np.rint(numbers).astype(np.int64)
    return np.asarray([_scaled(v, scale) for v in values], np.int64)


def _scaled(value: object, scale: int) -> int:
    if value in _ABSENT:
        return MISSING
    number = (_decimal(value) * scale).to_integral_value(ROUND_HALF_EVEN)
    if abs(number) >= _LARGEST:
        raise BadAnswer(f"The vendor sent {value!r}, too large for a number of its kind; nothing was taken.")
    return int(number)


def _decimal(value: object) -> Decimal:
    if isinstance(value, str | int | float) and not isinstance(value, bool):
        try:
            number = Decimal(str(value).strip())
            if number.is_finite() and number.adjusted() < 30:
                return number
        except InvalidOperation:
            pass
    raise BadAnswer(f"The vendor sent {value!r} where a number was expected; nothing was taken.")

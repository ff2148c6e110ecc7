"""What numbers along events and numbers at ticks have in common: arithmetic in which not known stays not known."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np

from undertow.core.chunk import F64

Function = Callable[..., F64]


def divide(a: F64, b: F64) -> F64:
    """a / b, NaN where b is zero: not known is not infinite."""
    quotient: F64 = a / (b if b.all() else np.where(b == 0.0, np.nan, b))
    return quotient


def safe_log(a: F64) -> F64:
    """Natural logarithm, NaN where there is none."""
    positive = a > 0.0
    logs: F64 = np.log(a if positive.all() else np.where(positive, a, np.nan))
    return logs


def safe_sqrt(a: F64) -> F64:
    """Square root, NaN where there is none."""
    root: F64 = np.sqrt(np.where(a >= 0.0, a, np.nan))
    return root


def at_least(a: F64, b: F64) -> F64:
    """1 where a >= b, 0 where not, NaN where either is."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, a >= b)


def above(a: F64, b: F64) -> F64:
    """1 where a > b, 0 where not, NaN where either is."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, a > b)


def equal(a: F64, b: F64) -> F64:
    """1 where a == b, 0 where not."""
    same: F64 = np.equal(a, b).astype(np.float64)
    return same


def where_true(a: F64, mask: F64) -> F64:
    """a where the mask is true, else 0."""
    return np.where(mask != 0, a, 0.0)


def known_where(a: F64, mask: F64) -> F64:
    """a where the mask is not NaN, else NaN."""
    return np.where(np.isnan(mask), np.nan, a)


def only_where(a: F64, mask: F64) -> F64:
    """a where the mask is true, else NaN."""
    return np.where(mask == 1.0, a, np.nan)


def filled(a: F64, b: F64) -> F64:
    """a where it is known, else b."""
    return np.where(np.isnan(a), b, a)


def remainder(a: F64, b: F64) -> F64:
    """a modulo b, NaN where b is zero."""
    left: F64 = np.mod(a, np.where(np.equal(b, 0.0), np.nan, b))
    return left


@dataclass(frozen=True, slots=True)
class Pick:
    """One of the numbers of an operator that gives several an event."""

    j: int

    def __call__(self, many: F64) -> F64:
        """many (m, n) -> (n,)."""
        one: F64 = many[self.j]
        return one


class Arithmetic:
    """Operators of a sentence; a number may stand on the right hand of each."""

    __slots__ = ()

    @abstractmethod
    def _with(self, function: Function, *others: Self | float) -> Self:
        """The sentence in which a function is applied to this one and others."""

    def __add__(self, other: Self | float) -> Self:
        return self._with(np.add, other)

    def __sub__(self, other: Self | float) -> Self:
        return self._with(np.subtract, other)

    def __mul__(self, other: Self | float) -> Self:
        return self._with(np.multiply, other)

    def __truediv__(self, other: Self | float) -> Self:
        return self._with(divide, other)

    def __mod__(self, other: Self | float) -> Self:
        return self._with(remainder, other)

    def __neg__(self) -> Self:
        return self._with(np.negative)

    def __ge__(self, other: Self | float) -> Self:
        return self._with(at_least, other)

    def __gt__(self, other: Self | float) -> Self:
        return self._with(above, other)

    def equals(self, other: Self | float) -> Self:
        """1.0 where equal, else 0.0."""
        return self._with(equal, other)

    def where(self, mask: Self) -> Self:
        """This where the mask is true, else 0."""
        return self._with(where_true, mask)

    def only(self, mask: Self) -> Self:
        """This where the mask is true, else NaN."""
        return self._with(only_where, mask)

    def known(self, mask: Self) -> Self:
        """This where the mask is known, else NaN."""
        return self._with(known_where, mask)

    def fill(self, other: Self | float) -> Self:
        """This where it is known, else the other."""
        return self._with(filled, other)

    def log(self) -> Self:
        """Natural logarithm."""
        return self._with(safe_log)

    def exp(self) -> Self:
        """Exponential."""
        return self._with(np.exp)

    def sqrt(self) -> Self:
        """Square root, NaN of a negative number."""
        return self._with(safe_sqrt)

    def abs(self) -> Self:
        """Absolute value."""
        return self._with(np.abs)

    def sign(self) -> Self:
        """-1, 0 or 1."""
        return self._with(np.sign)

    def at_most(self, other: Self | float) -> Self:
        """The smaller of the two."""
        return self._with(np.minimum, other)

    def at_least(self, other: Self | float) -> Self:
        """The larger of the two."""
        return self._with(np.maximum, other)

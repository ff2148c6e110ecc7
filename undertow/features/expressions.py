"""The sentences: what a feature method returns. Building one reads no data; equal sentences are computed once.

``Column`` is one number an event of a kind, ``Expr`` one number a tick and symbol. Both are frozen trees compared by structure, so
that two features which mention the same window share it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import CorporateAction, Event
from undertow.core.time import duration
from undertow.features import samples, scans
from undertow.features.joins import AsOf, Factor
from undertow.features.memory import Memory


class Scan(Protocol):
    """A fold along events; see ``scans``."""

    @property
    def memory(self) -> Memory:
        """How much history a number rests on."""
        ...

    def fresh(self, keys: int) -> scans.State:
        """State of ``keys`` symbols that have seen nothing."""
        ...

    @property
    def push(self) -> Callable[..., Any]:
        """(state, key (n,), inputs (n,) …) -> (n,); changes the state."""
        ...


class Sample(Protocol):
    """A fold sampled at ticks; see ``samples``."""

    @property
    def memory(self) -> Memory:
        """How much history a number rests on."""
        ...

    def fresh(self, keys: int) -> samples.State:
        """State of ``keys`` symbols that have seen nothing."""
        ...

    def push(self, state: samples.State, chunk: Chunk, value: F64, ticks: I64) -> F64:
        """value (n,) of the chunk's rows, ticks (t,) -> (t, symbols); changes the state."""
        ...


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


def at_least(a: F64, b: F64) -> F64:
    """1 where a >= b, 0 where not, NaN where either is."""
    return np.where(np.isnan(a) | np.isnan(b), np.nan, a >= b)


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


@dataclass(frozen=True, slots=True)
class Field:
    """A column as published."""

    name: str


@dataclass(frozen=True, slots=True)
class Clock:
    """``minute`` of the New York day, or number of the ``session``, at which an event happened."""

    what: str


@dataclass(frozen=True, slots=True)
class Column:
    """One number an event of a kind. NaN is not known."""

    kind: type[Event]
    op: Field | Clock | Factor | AsOf | Scan | Function
    inputs: tuple[Column | float, ...] = ()

    def _with(self, function: Function, *others: Column | float) -> Column:
        return Column(self.kind, function, (self, *others))

    def _scan(self, operator: Scan, *others: Column) -> Column:
        return Column(self.kind, operator, (self, *others))

    def __add__(self, other: Column | float) -> Column:
        return self._with(np.add, other)

    def __sub__(self, other: Column | float) -> Column:
        return self._with(np.subtract, other)

    def __mul__(self, other: Column | float) -> Column:
        return self._with(np.multiply, other)

    def __truediv__(self, other: Column | float) -> Column:
        return self._with(divide, other)

    def __ge__(self, other: Column | float) -> Column:
        return self._with(at_least, other)

    def equals(self, other: Column | float) -> Column:
        """1.0 where equal, else 0.0."""
        return self._with(equal, other)

    def where(self, mask: Column) -> Column:
        """This where the mask is true, else 0."""
        return self._with(where_true, mask)

    def known(self, mask: Column) -> Column:
        """This where the mask is known, else NaN."""
        return self._with(known_where, mask)

    def log(self) -> Column:
        """Natural logarithm."""
        return self._with(safe_log)

    def abs(self) -> Column:
        """Absolute value."""
        return self._with(np.abs)

    def at_most(self, other: Column | float) -> Column:
        """The smaller of the two."""
        return self._with(np.minimum, other)

    def at_least(self, other: Column | float) -> Column:
        """The larger of the two."""
        return self._with(np.maximum, other)

    def lag(self, n: int = 1) -> Column:
        """The value ``n`` events earlier; the future is not reachable."""
        if n < 1:
            raise ValueError(f"lag needs n >= 1, was {n}: features look back only")
        return self._scan(scans.Lag(n))

    def mean(self, n: int) -> Column:
        """Mean of the last ``n`` events."""
        return self._scan(scans.Window(n, "mean"))

    def deviation(self, n: int) -> Column:
        """Population standard deviation of the last ``n`` events."""
        return self._scan(scans.Window(n, "deviation"))

    def highest(self, n: int) -> Column:
        """Largest of the last ``n`` events."""
        return self._scan(scans.Window(n, "highest"))

    def lowest(self, n: int) -> Column:
        """Smallest of the last ``n`` events."""
        return self._scan(scans.Window(n, "lowest"))

    def ema(self, n: int) -> Column:
        """Exponential moving average of period ``n``."""
        return self._scan(scans.Smooth(n, 2.0 / (n + 1.0)))

    def wilder(self, n: int) -> Column:
        """Wilder's average of period ``n``."""
        return self._scan(scans.Smooth(n, 1.0 / n))

    def session_sum(self) -> Column:
        """Sum since the session began."""
        return self._scan(scans.SessionSum(), Column(self.kind, Clock("session")))

    def slot_score(self, n: int) -> Column:
        """Standard score against the same five minutes of the ``n`` sessions before."""
        return self._scan(scans.SlotScore(n), Column(self.kind, Clock("minute")), Column(self.kind, Clock("session")))

    def previous(self, *by: str, max_age: str = "5d") -> Column:
        """The value of the event before of the same symbol and the same ``by`` columns."""
        return Column(self.kind, AsOf(by, False, duration(max_age)), (self,))

    def as_of(self, other: Column, *by: str, same: bool = False, max_age: str = "5d") -> Column:
        """The newest value of a column of another kind when this event was known; ``same`` asks for the same event_at."""
        return Column(self.kind, AsOf(by, same, duration(max_age)), (other,))

    def last(self, max_age: str = "5d") -> Expr:
        """The newest value at each tick; NaN once older than ``max_age``."""
        return Expr(samples.Last(duration(max_age)), (self,))

    def sum(self, span: str, quantum: float = 1.0) -> Expr:
        """Sum over the last ``span``, in whole multiples of ``quantum``."""
        return Expr(samples.WindowSum(duration(span), quantum), (self,))

    def decayed(self, half_life: str) -> Expr:
        """Sum in which an event weighs half after ``half_life``."""
        return Expr(samples.DecayedSum(duration(half_life)), (self,))

    def latest_sum(self, max_age: str = "5d") -> Expr:
        """Sum over the rows of the newest publication."""
        return Expr(samples.LatestSum(duration(max_age)), (self,))

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind the number rests on."""
        own = getattr(self.op, "memory", Memory())
        if isinstance(self.op, Factor):
            return {self.kind: Memory(), CorporateAction: own}
        total: dict[type[Event], Memory] = {self.kind: own}
        for one in self.inputs:
            if isinstance(one, Column):
                for kind, memory in one.memories().items():
                    chained = memory.then(own)
                    total[kind] = total.get(kind, Memory()).either(chained)
        return total

    def fades(self) -> bool:
        """Whether it rests on a decay, whose beginning fades but never quite ends (law 5)."""
        return bool(getattr(self.op, "fades", False)) or any(i.fades() for i in self.inputs if isinstance(i, Column))


@dataclass(frozen=True, slots=True)
class Expr:
    """One number a tick and symbol. NaN is not known."""

    op: Sample | Function
    inputs: tuple[Column | Expr | float, ...]

    def _with(self, function: Function, *others: Expr | float) -> Expr:
        return Expr(function, (self, *others))

    def __add__(self, other: Expr | float) -> Expr:
        return self._with(np.add, other)

    def __sub__(self, other: Expr | float) -> Expr:
        return self._with(np.subtract, other)

    def __mul__(self, other: Expr | float) -> Expr:
        return self._with(np.multiply, other)

    def __truediv__(self, other: Expr | float) -> Expr:
        return self._with(divide, other)

    def log(self) -> Expr:
        """Natural logarithm."""
        return self._with(safe_log)

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind the number rests on; the warm-up of a live start is the largest of these."""
        own = getattr(self.op, "memory", Memory())
        total: dict[type[Event], Memory] = {}
        for one in self.inputs:
            if isinstance(one, Column | Expr):
                for kind, memory in one.memories().items():
                    total[kind] = total.get(kind, Memory()).either(memory.then(own))
        return total

    def fades(self) -> bool:
        """Whether it rests on a decay, whose beginning fades but never quite ends (law 5)."""
        return bool(getattr(self.op, "fades", False)) or any(i.fades() for i in self.inputs if isinstance(i, Column | Expr))

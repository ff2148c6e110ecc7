"""The sentences: what a feature method returns. Building one reads no data; equal sentences are computed once.

``Column`` is one number an event of a kind, ``Expr`` one number a tick and symbol. Both are frozen trees compared by structure, so
that two features which mention the same window share it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from undertow.core.events import CorporateAction, Event
from undertow.core.time import Duration, duration
from undertow.features.language import cross, samples, scans
from undertow.features.language.arithmetic import Arithmetic, Function, Pick
from undertow.features.language.joins import AsOf, Factor, Gather
from undertow.features.language.memory import Memory, elsewhere
from undertow.features.language.publications import Publications, Reduce, Reduction
from undertow.features.language.statistics import Statistic

MICROSECOND = duration("1us")


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

    @property
    def push(self) -> Callable[..., Any]:
        """(state, chunk, value (n,) of its rows, ticks (t,)) -> (t, symbols); changes the state."""
        ...


@dataclass(frozen=True, slots=True)
class Field:
    """A column as published."""

    name: str


@dataclass(frozen=True, slots=True)
class Mentions:
    """1.0 where one of the words stands in a text column, else 0.0; words are parted by anything but letters and digits."""

    name: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Classes:
    """Sum of 2**j over the groups j, such as ``227|228``, of which a word stands in a text: several ``Mentions`` in one pass."""

    name: str
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Clock:
    """``minute`` of the New York day, number of the ``session``, or whole UTC ``days`` since 1970, at which an event happened."""

    what: str


@dataclass(frozen=True, slots=True)
class Column(Arithmetic):
    """One number an event of a kind. NaN is not known. Operators that look back take every ``step``-th event."""

    kind: type[Event]
    op: Field | Mentions | Classes | Clock | Factor | AsOf | Gather | Reduce | Publications | Scan | Function
    inputs: tuple[Column | float, ...] = ()
    step: int = field(default=1, compare=False)
    _hash: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _memories: list[dict[type[Event], Memory]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        # sentences are trees: without this, each look-up would walk all of one
        if not self._hash:
            self._hash.append(hash((self.kind, self.op, self.inputs)))
        return self._hash[0]

    def _with(self, function: Function, *others: Column | float) -> Self:
        return type(self)(self.kind, function, (self, *others), self.step)

    def _scan(self, operator: Scan | Publications, *others: Column) -> Column:
        return Column(self.kind, operator, (self, *others), self.step)

    def lag(self, n: int = 1) -> Column:
        """The value ``n`` events earlier; the future is not reachable."""
        if n < 1:
            raise ValueError(f"lag needs n >= 1, was {n}: features look back only")
        return self._scan(scans.Lag(n * self.step))

    def window(self, n: int, statistic: Statistic) -> Column:
        """A statistic of the last ``n`` events; see ``statistics``."""
        return self._scan(scans.Window(n, statistic, self.step))

    def mean(self, n: int) -> Column:
        """Mean of the last ``n`` events."""
        return self.window(n, "mean")

    def deviation(self, n: int) -> Column:
        """Population standard deviation of the last ``n`` events."""
        return self.window(n, "deviation")

    def highest(self, n: int) -> Column:
        """Largest of the last ``n`` events."""
        return self.window(n, "highest")

    def lowest(self, n: int) -> Column:
        """Smallest of the last ``n`` events."""
        return self.window(n, "lowest")

    def score(self, n: int) -> Column:
        """Distance from the mean of the last ``n`` events in their standard deviations."""
        return (self - self.mean(n)) / self.deviation(n)

    def against(self, x: Column, n: int, statistic: str) -> Column:
        """Least squares of this on ``x`` over the last ``n`` events: ``slope``, ``t``, ``correlation`` or ``residual``."""
        return self._scan(scans.Regression(n, statistic, self.step), x)

    def ema(self, n: int) -> Column:
        """Exponential moving average of period ``n``."""
        return self._scan(scans.Smooth(n, 2.0 / (n + 1.0), self.step))

    def wilder(self, n: int) -> Column:
        """Wilder's average of period ``n``."""
        return self._scan(scans.Smooth(n, 1.0 / n, self.step))

    def session_sum(self) -> Column:
        """Sum since the session began."""
        return self._scan(scans.SessionSum(), Column(self.kind, Clock("session")))

    def session_first(self) -> Column:
        """The first value of the session."""
        return self._scan(scans.SessionFirst(), Column(self.kind, Clock("session")))

    def slot_score(self, n: int) -> Column:
        """Standard score against the same five minutes of the ``n`` sessions before."""
        return self._slot(n, "score")

    def slot_rank(self, n: int) -> Column:
        """Mid-rank in (0, 1) among the same five minutes of the ``n`` sessions before: a probability transform free of the season."""
        return self._slot(n, "rank")

    def _slot(self, n: int, statistic: scans.OfSlot) -> Column:
        return self._scan(scans.SlotScore(n, statistic), Column(self.kind, Clock("minute")), Column(self.kind, Clock("session")))

    def previous(self, *by: str, max_age: str = "5d") -> Column:
        """The value of the event before of the same symbol and the same ``by`` columns."""
        return Column(self.kind, AsOf(by, False, _within(max_age)), (self,), self.step)

    def as_of(self, other: Column, *by: str, same: bool = False, max_age: str = "5d") -> Column:
        """The newest value of a column of another kind when this event was known; ``same`` asks for the same event_at."""
        return Column(self.kind, AsOf(by, same, _within(max_age)), (other,), self.step)

    def of(self, symbol: str, max_age: str = "5d") -> Column:
        """The newest value of this column for another symbol when this event was known, at the same instant included."""
        return Column(self.kind, AsOf((), False, _within(max_age), symbol), (self,), self.step)

    def gather(self, other: Column, span: str, quantum: float = 1.0) -> Column:
        """Sum of a column of another kind known in the ``span`` up to when this event was, in whole multiples of ``quantum``."""
        return Column(self.kind, Gather(_within(span), quantum), (other,), self.step)

    def reduced(self, reduction: Reduction, *others: Column) -> Column:
        """A compiled function of all rows of the symbol's newest publication; NaN but at the last row of each instant."""
        return Column(self.kind, Reduce(reduction), (self, *others))

    def publications(self, n: int, statistic: Statistic) -> Column:
        """A statistic of the last ``n`` publications, of each the newest known value; ``n`` of them have to be there."""
        return self._scan(Publications(n, statistic), Column(self.kind, Clock("session")))

    def publication_score(self, n: int) -> Column:
        """Distance from the mean of the last ``n`` publications in their standard deviations."""
        return (self - self.publications(n, "mean")) / self.publications(n, "deviation")

    def last(self, max_age: str = "5d") -> Expr:
        """The newest value at each tick; NaN once older than ``max_age``."""
        return Expr(samples.Last(duration(max_age)), (self,))

    def age(self, max_age: str = "400d") -> Expr:
        """Days since the newest event whose value is known became known; NaN beyond ``max_age``."""
        return Expr(samples.Age(duration(max_age)), (self,))

    def sum(self, span: str, quantum: float = 1.0) -> Expr:
        """Sum over the last ``span``, in whole multiples of ``quantum``."""
        return Expr(samples.WindowSum(duration(span), quantum), (self,))

    def today(self, quantum: float = 1.0) -> Expr:
        """Sum since the New York midnight before the tick's session, in whole multiples of ``quantum``."""
        return Expr(samples.Today("midnight", quantum), (self,))

    def since_open(self, quantum: float = 1.0) -> Expr:
        """Sum since the open of the tick's session, in whole multiples of ``quantum``; 0 before it."""
        return Expr(samples.Today("open", quantum), (self,))

    def decayed(self, half_life: str) -> Expr:
        """Sum in which an event weighs half after ``half_life``."""
        return Expr(samples.DecayedSum(duration(half_life)), (self,))

    def latest_sum(self, max_age: str = "5d") -> Expr:
        """Sum over the rows of the newest publication."""
        return Expr(samples.LatestSum(duration(max_age)), (self,))

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind the number rests on."""
        if not self._memories:  # a node is part of many features
            self._memories.append(self._chained())
        return dict(self._memories[0])

    def _chained(self) -> dict[type[Event], Memory]:
        own = getattr(self.op, "memory", Memory())
        if isinstance(self.op, Factor):
            return {self.kind: Memory(), CorporateAction: own}
        total: dict[type[Event], Memory] = {self.kind: own}
        for one in self.inputs:
            if isinstance(one, Column):
                for kind, memory in one.memories().items():
                    chained = memory.then(elsewhere(own, self.kind, kind))
                    total[kind] = total.get(kind, Memory()).either(chained)
        return total

    def fades(self) -> bool:
        """Whether it rests on a decay, whose beginning fades but never quite ends (law 5)."""
        return bool(getattr(self.op, "fades", False)) or any(i.fades() for i in self.inputs if isinstance(i, Column))

    def symbols(self) -> set[str]:
        """The symbols it names, beside those that are asked about."""
        return _symbols(self)


@dataclass(frozen=True, slots=True)
class Expr(Arithmetic):
    """One number a tick and symbol. NaN is not known."""

    op: Sample | cross.Of | cross.Across | cross.Now | Function
    inputs: tuple[Column | Expr | float, ...] = ()
    _hash: list[int] = field(default_factory=list, init=False, repr=False, compare=False)
    _memories: list[dict[type[Event], Memory]] = field(default_factory=list, init=False, repr=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            self._hash.append(hash((self.op, self.inputs)))
        return self._hash[0]

    def _with(self, function: Function, *others: Expr | float) -> Self:
        return type(self)(function, (self, *others))

    def of(self, symbol: str) -> Expr:
        """The number of another symbol at the same tick."""
        return Expr(cross.Of(symbol), (self,))

    def across(self, statistic: cross.Statistic) -> Expr:
        """A statistic over the symbols that are asked about; see ``cross.Across``."""
        return Expr(cross.Across(statistic), (self,))

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind the number rests on; the warm-up of a live start is the largest of these."""
        if not self._memories:
            self._memories.append(self._chained())
        return dict(self._memories[0])

    def _chained(self) -> dict[type[Event], Memory]:
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

    def symbols(self) -> set[str]:
        """The symbols it names, beside those that are asked about."""
        return _symbols(self)


def _within(span: str) -> Duration:
    """A span before an event, less a microsecond, so that what lies a whole span back is out however stamps were rounded (law 1).

    Bars and prints are both known on whole seconds: what is known at both ends of a span belongs to the bar that it ends with.
    """
    return duration(span) - MICROSECOND


def now(what: cross.Moment) -> Expr:
    """The tick's own clock; see ``cross.Now``."""
    return Expr(cross.Now(what))


def picked(many: Column, j: int) -> Column:
    """One of the numbers of an operator that gives several an event."""
    return Column(many.kind, Pick(j), (many,), many.step)


def _symbols(node: Column | Expr) -> set[str]:
    return {symbol for symbol in _named(node, set()) if symbol}


def _named(node: Column | Expr, seen: set[int]) -> Iterator[str]:
    if id(node) in seen:
        return
    seen.add(id(node))
    yield getattr(node.op, "symbol", "")
    for one in node.inputs:
        if isinstance(one, Column | Expr):
            yield from _named(one, seen)

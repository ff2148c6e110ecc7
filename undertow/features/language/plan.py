"""From sentences to steps: every distinct column and expression of a set of features once, in an order that can be computed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.events import CorporateAction, Event
from undertow.features.language import samples
from undertow.features.language.clocks import of_events, of_ticks
from undertow.features.language.cross import Across, Now, Of, broadcast
from undertow.features.language.expressions import Classes, Clock, Column, Expr, Field, Mentions
from undertow.features.language.joins import AsOf, Factor, Gather, Gathered, Latest, SplitHistory
from undertow.features.language.newest import Newest
from undertow.features.language.publications import Publications, Reduce

Node = Column | Expr
Chunks = Mapping[type[Event], Chunk]
Values = list[Any]  # one a node: along events (n,), at ticks (ticks, symbols), a number for a literal
Run = Callable[[Chunks, Values], Any]
NOTHING = np.empty(0)


@dataclass(frozen=True, slots=True)
class Group:
    """Columns of one kind whose newest values are sampled together: where they lie, and where the samples go."""

    op: samples.Last
    kind: type[Event]
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sampled:
    """One operator at ticks: its state, the column it reads, and where the samples go."""

    op: Any
    state: Any
    kind: type[Event]
    input: int
    output: int


class Plan:
    """The steps of some expressions, and the state they carry from one push to the next.

    A push runs three stages: numbers along events, samples of them at the ticks, arithmetic on the samples.
    """

    def __init__(self, wanted: Iterable[Expr], universe: Sequence[str], width: int, calendar: Calendar) -> None:
        self._universe = tuple(universe)
        self._width = width  #: the first symbols of the universe, which are asked about
        self._calendar = calendar
        self._index: dict[Node, int] = {}
        self._met: dict[int, tuple[int, Node]] = {}  # the same object again needs no comparison; kept alive, so that no id is reused
        self._blank: Values = []
        self._along: list[tuple[int, type[Event], type[Event], Run]] = []
        self._sampled: list[Sampled] = []
        self._groups: dict[tuple[samples.Last, type[Event]], Group] = {}
        self._clocks: list[tuple[int, Now]] = []
        self._arithmetic: list[tuple[int, Any, tuple[int, ...]]] = []
        self.outputs = [self._add(expr) for expr in wanted]
        self._met.clear()
        self._last = [(group, group.op.fresh(len(self._universe), len(group.inputs))) for group in self._groups.values()]
        self.kinds = {kind for _, *both, _ in self._along for kind in both}

    def _add(self, node: Node | float) -> int:
        if not isinstance(node, Column | Expr):
            self._blank.append(np.float64(node))
            return len(self._blank) - 1
        if id(node) in self._met:
            return self._met[id(node)][0]
        if node not in self._index:
            self._index[node] = self._new(node)
        self._met[id(node)] = self._index[node], node
        return self._index[node]

    def _new(self, node: Node) -> int:
        inputs = tuple(self._add(i) for i in node.inputs)
        at = len(self._blank)
        self._blank.append(NOTHING)
        if isinstance(node, Column):
            other, run = self._column(node, inputs)
            self._along.append((at, node.kind, other, run))
        elif hasattr(node.op, "fresh"):
            self._sample(node, at, inputs[0])
        elif isinstance(node.op, Now):
            self._clocks.append((at, node.op))
        elif isinstance(node.op, Of | Across):
            self._arithmetic.append((at, node.op.bind(self._universe, self._width), inputs))
        else:
            self._arithmetic.append((at, node.op, inputs))
        return at

    def _sample(self, node: Expr, at: int, source: int) -> None:
        kind, op = cast(Column, node.inputs[0]).kind, cast(Any, node.op)
        if isinstance(op, samples.Last):
            group = self._groups.setdefault((op, kind), Group(op, kind))
            group.inputs.append(source)
            group.outputs.append(at)
        else:
            self._sampled.append(Sampled(op, op.fresh(len(self._universe)), kind, source, at))

    def _column(self, node: Column, inputs: tuple[int, ...]) -> tuple[type[Event], Run]:
        # the other kind that the column reads (its own where there is none), and how to compute it
        kind, op = node.kind, cast(Any, node.op)
        if isinstance(op, Factor):
            splits = SplitHistory()
            return CorporateAction, lambda chunks, _: splits.push(chunks[kind], chunks[CorporateAction])
        if isinstance(op, AsOf | Gather):
            other, source = cast(Column, node.inputs[0]).kind, inputs[0]
            looked: Any = _joined(op, len(self._universe))
            return other, lambda chunks, values: looked.push(chunks[kind], chunks[other], values[source], op)
        if getattr(op, "meets", False):
            met = next(one.kind for one in node.inputs if isinstance(one, Column) and one.kind is not kind)
            state = op.fresh(len(self._universe))
            return met, lambda chunks, values: op.push(state, chunks[kind], chunks[met], *[values[i] for i in inputs])
        return kind, self._of_one_kind(kind, op, inputs)

    def _of_one_kind(self, kind: type[Event], op: Any, inputs: tuple[int, ...]) -> Run:
        if isinstance(op, Field):
            return lambda chunks, _: chunks[kind].numbers(op.name)
        if isinstance(op, Mentions | Classes):
            groups = (op.words,) if isinstance(op, Mentions) else tuple(frozenset(group.split("|")) for group in op.groups)
            words = _Words(groups)
            return lambda chunks, _: words.of(chunks[kind].columns[op.name])
        if isinstance(op, Clock):
            return lambda chunks, _: of_events(op.what, chunks[kind].event_at, self._calendar)
        if isinstance(op, Reduce | Publications) or getattr(op, "of_rows", False):
            rows = op.fresh(len(self._universe))
            return lambda chunks, values: op.push(rows, chunks[kind], *[values[i] for i in inputs])
        if hasattr(op, "fresh"):
            state = op.fresh(len(self._universe))
            return lambda chunks, values: op.push(state, chunks[kind].key, *[values[i] for i in inputs])
        return lambda chunks, values: _alone(op, [values[i] for i in inputs], len(chunks[kind]))

    def push(self, chunks: Chunks, ticks: I64) -> list[F64]:
        """Values of the wanted expressions, each (ticks, width)."""
        values = self._blank.copy()
        fresh = {kind for kind in self.kinds if len(chunks[kind])}
        for at, kind, other, run in self._along:
            if kind in fresh or other in fresh:
                values[at] = run(chunks, values)
        for group, state in self._last:
            newest = group.op.push_all(state, chunks[group.kind], [values[i] for i in group.inputs], ticks)
            for at, value in zip(group.outputs, newest, strict=True):
                values[at] = value
        begins = {what: self._begins(what, ticks) for what in ("midnight", "open")}
        for one in self._sampled:
            more = (begins[one.op.begins],) if isinstance(one.op, samples.Today) else ()
            values[one.output] = one.op.push(one.state, chunks[one.kind], values[one.input], ticks, *more)
        for at, clock in self._clocks:
            values[at] = broadcast(of_ticks(clock.what, ticks, self._calendar), len(self._universe))
        for at, op, inputs in self._arithmetic:
            values[at] = op(*[values[i] for i in inputs])
        return [values[i][:, : self._width] for i in self.outputs]

    def _begins(self, what: str, ticks: I64) -> I64:
        table: I64 = getattr(self._calendar, what)
        starts: I64 = table[np.maximum(self._calendar.position(ticks), 0)]
        return starts


def _joined(op: AsOf | Gather, keys: int) -> Gathered | Newest | Latest:
    if isinstance(op, Gather):
        return Gathered(keys)
    return Latest() if op.by or op.same else Newest(keys)


class _Words(dict[str, float]):
    """Text -> sum of 2**j over the groups j of words of which one stands in it; every distinct text is looked at once."""

    def __init__(self, groups: tuple[frozenset[str], ...]) -> None:
        super().__init__()
        self._groups = groups

    def __missing__(self, text: str) -> float:
        words = set(re.split(r"[^0-9A-Za-z]+", text))
        found = float(sum(2**j for j, group in enumerate(self._groups) if group & words))
        if len(self) < 100_000:  # free text could be endless
            self[text] = found
        return found

    def of(self, texts: Array) -> F64:
        """texts (n,) -> (n,)."""
        return np.fromiter(map(self.__getitem__, texts), np.float64, len(texts))


def _alone(op: Callable[..., Any], inputs: Values, n: int) -> F64:
    out: F64 = op(*inputs)
    if getattr(out, "shape", None) != (n,):
        name = getattr(op, "__name__", repr(op))
        raise BadInput(f"{name} gave an array of shape {np.shape(out)} for {n} events: a function of columns gives one number an event")
    return out

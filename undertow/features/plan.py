"""From sentences to steps: every distinct column and expression of a set of features once, in an order that can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import CorporateAction, Event
from undertow.core.time import MINUTE
from undertow.features.expressions import Clock, Column, Expr, Factor, Field
from undertow.features.joins import AsOf, Latest, SplitHistory

Node = Column | Expr


@dataclass(frozen=True, slots=True)
class Step:
    """One computation: a node and where its inputs lie (a number stands for itself)."""

    node: Node
    inputs: tuple[int | float, ...]


class Plan:
    """The steps of some expressions, and the state they carry from one push to the next."""

    def __init__(self, wanted: Iterable[Expr], symbols: int, calendar: Calendar) -> None:
        self.steps: list[Step] = []
        self._index: dict[Node, int] = {}
        self._symbols = symbols
        self._calendar = calendar
        self.outputs = [self._add(expr) for expr in wanted]
        self._state: list[Any] = [self._fresh(step) for step in self.steps]
        self.kinds = {s.node.kind for s in self.steps if isinstance(s.node, Column)}
        if any(isinstance(s.node.op, Factor) for s in self.steps):
            self.kinds.add(CorporateAction)

    def _add(self, node: Node) -> int:
        if node in self._index:
            return self._index[node]
        inputs = tuple(("at", self._add(i)) if isinstance(i, Column | Expr) else ("is", i) for i in node.inputs)
        # a step's own input is an index; a literal is kept as a float, so the two cannot be mixed up
        self.steps.append(Step(node, tuple(int(v) if tag == "at" else float(v) for tag, v in inputs)))
        self._index[node] = len(self.steps) - 1
        return self._index[node]

    def _fresh(self, step: Step) -> Any:
        op = step.node.op
        if isinstance(op, AsOf):
            return Latest()
        if isinstance(op, Factor):
            return SplitHistory()
        fresh = getattr(op, "fresh", None)
        return fresh(self._symbols) if fresh else None

    def push(self, chunks: Mapping[type[Event], Chunk], ticks: I64) -> list[F64]:
        """Values of the wanted expressions, each (ticks, symbols)."""
        values: list[F64] = []
        for step, state in zip(self.steps, self._state, strict=True):
            inputs = [values[i] if isinstance(i, int) else np.float64(i) for i in step.inputs]
            if isinstance(step.node, Column):
                values.append(self._column(step, state, chunks, cast(list[F64], inputs)))
            elif state is None:
                values.append(cast(Any, step.node.op)(*inputs))
            else:
                chunk = chunks[self._kind_of(step)]
                values.append(cast(Any, step.node.op).push(state, chunk, inputs[0], ticks))
        return [values[i] for i in self.outputs]

    def _kind_of(self, step: Step) -> type[Event]:
        node = self.steps[cast(int, step.inputs[0])].node
        return cast(Column, node).kind

    def _column(self, step: Step, state: Any, chunks: Mapping[type[Event], Chunk], inputs: list[F64]) -> F64:
        node = cast(Column, step.node)
        chunk, op = chunks[node.kind], node.op
        if isinstance(op, AsOf):
            other = chunks[self._kind_of(step)]
            joined: F64 = state.push(chunk, other, inputs[0], op)
            return joined
        if isinstance(op, Factor):
            factors: F64 = state.push(chunk, chunks[CorporateAction])
            return factors
        if len(chunk) == 0:
            return np.empty(0)
        if isinstance(op, Field):
            return chunk.numbers(op.name)
        if isinstance(op, Clock):
            return self._clock(op.what, chunk.event_at)
        if state is None:
            return np.asarray(cast(Any, op)(*inputs), np.float64)
        pushed: F64 = cast(Any, op).push(state, chunk.key, *inputs)
        return pushed

    def _clock(self, what: str, event_at: I64) -> F64:
        session = self._calendar.position(event_at)
        if what == "session":
            return session.astype(np.float64)
        return ((event_at - self._calendar.midnight[session]) // MINUTE).astype(np.float64)

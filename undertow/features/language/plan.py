"""From sentences to tasks of the machine: every distinct column and expression once, in an order that can be computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64
from undertow.core.events import CorporateAction, Event, columns_of
from undertow.features.language import samples, steps_arithmetic, steps_clocks, steps_samples
from undertow.features.language.arithmetic import Pick
from undertow.features.language.cross import Across, Now, Of
from undertow.features.language.expressions import Classes, Clock, Column, Expr, Field, Mentions
from undertow.features.language.joins import AsOf, Factor, Gather, Latest
from undertow.features.language.machine import Chunks, Machine, NotCompiled, Task
from undertow.features.language.mentions import Words
from undertow.features.language.publications import Publications, Reduce
from undertow.features.language.registers import KEPT, TICKS
from undertow.features.language.steps import Compiled, compiled_of

Node = Column | Expr


class Plan:
    """The tasks of some expressions.

    A push runs three stages: numbers along events, samples of them at the ticks, arithmetic on the samples.
    """

    def __init__(self, wanted: Iterable[Expr], universe: Sequence[str], width: int, calendar: Calendar) -> None:
        self._universe = tuple(universe)
        self._width = width  #: the first symbols of the universe, which are asked about
        self._calendar = calendar
        self._index: dict[Node | tuple[object, ...], int] = {}
        self._met: dict[int, tuple[int, Node]] = {}  # the same object again needs no comparison; kept alive, so that no id is reused
        self._machine = Machine(len(self._universe), calendar.position)
        self._registers = self._machine.registers
        self._along: list[Task] = []
        self._sampled: list[Task] = []
        self._groups: dict[tuple[samples.Last, int], list[tuple[int, int]]] = {}
        self._at_ticks: list[Task] = []
        self._outputs = np.array([self._add(expr, TICKS) for expr in wanted], np.int64)
        self._met.clear()
        groups = [self._group(op, kind, pairs) for (op, kind), pairs in self._groups.items()]
        for task in (*self._along, *groups, *self._sampled, *self._at_ticks):
            self._machine.add(task)
        self._machine.finish(self._outputs.tolist())
        self.kinds = set(self._registers.kinds_by_type)

    def __len__(self) -> int:
        return len(self._index)

    def push(self, chunks: Chunks, ticks: I64, out: F64) -> None:
        """Write the values of the wanted expressions to out (ticks, width, expressions)."""
        session = np.maximum(self._calendar.position(ticks), 0)
        self._machine.push(chunks, ticks, (self._calendar.midnight[session], self._calendar.open[session]))
        self._machine.outputs(self._outputs, out)

    # --- registers ------------------------------------------------------------------------------------------------------

    def _add(self, node: Node | float, kind: int) -> int:
        if not isinstance(node, Column | Expr):
            return self._known(("literal", float(node).hex()), lambda: self._registers.literal(node))
        if id(node) in self._met:
            return self._met[id(node)][0]
        if node not in self._index:
            self._index[node] = self._new(node)
        self._met[id(node)] = self._index[node], node
        return self._index[node]

    def _known(self, key: tuple[object, ...], make: Any) -> int:
        if key not in self._index:
            self._index[key] = make()
        return self._index[key]

    def _new(self, node: Node) -> int:
        if isinstance(node, Column):
            kind = self._registers.kind(node.kind)
            return self._column(node, kind, tuple(self._add(i, kind) for i in node.inputs))
        inputs = tuple(self._add(i, TICKS) for i in node.inputs)
        if hasattr(node.op, "fresh"):
            return self._sample(node, inputs[0])
        if isinstance(node.op, Now):
            return self._compiled(self._at_ticks, TICKS, TICKS, steps_clocks.compiled(node.op.what, self._calendar, False), ())
        if isinstance(node.op, Of | Across):
            return self._compiled(self._at_ticks, TICKS, TICKS, node.op.compiled(self._universe, self._width), inputs)
        return self._function(self._at_ticks, TICKS, node.op, inputs)

    def _published(self, kind: type[Event], name: str) -> int:
        number = self._registers.kind(kind)
        if columns_of(kind)[name].kept is not int:
            return self._known((kind, name), lambda: self._registers.column(number, name, False))
        raw = self._known((kind, name), lambda: self._registers.column(number, name, True))
        return self._compiled(self._along, number, number, Compiled(steps_arithmetic.published, takes=(0,)), (raw,))

    def _converted(self, tasks: list[Task], kind: int, register: int, whole: bool) -> int:
        # a column of whole numbers for a step that takes floats, or the other way; a number for every row
        if self._registers.is_whole(register) == whole and not self._registers.is_literal(register):
            return register
        step = steps_arithmetic.as_whole if whole else steps_arithmetic.as_floats
        if self._registers.is_literal(register):
            constant = Compiled(steps_arithmetic.constant)
            made = self._known(("constant", kind, register), lambda: self._task(tasks, kind, kind, constant, (register,)))
            return self._converted(tasks, kind, made, whole)
        how = Compiled(step, whole=whole)
        return self._known(("converted", register), lambda: self._task(tasks, kind, kind, how, (register,)))

    # --- tasks ----------------------------------------------------------------------------------------------------------

    def _compiled(self, tasks: list[Task], kind: int, other: int, how: Compiled, inputs: tuple[int, ...], always: bool = False) -> int:
        along = other if other != kind else kind
        taken = tuple(self._converted(tasks, along, one, j in how.takes) for j, one in enumerate(inputs))
        return self._task(tasks, kind, other, how, taken, always)

    def _task(self, tasks: list[Task], kind: int, other: int, how: Compiled, inputs: tuple[int, ...], always: bool = False) -> int:
        out = self._registers.new(TICKS if always else kind, how.outputs, how.whole)
        state = how.fresh(len(self._universe)) if how.fresh else {}
        tasks.append(Task(kind, other, inputs, (out,), how=how, state=state, always=always))
        if how.shown is not None:
            self._registers.fixed(out, state[how.register], partial(how.shown, state))
        return out

    def _plain(self, tasks: list[Task], kind: int, other: int, run: NotCompiled, inputs: tuple[int, ...], op: Any) -> int:
        out = self._registers.new(TICKS if tasks is not self._along else kind, what=KEPT)
        name = getattr(op, "__name__", None) or repr(op)
        tasks.append(Task(kind, other, inputs, (out,), run=run, always=tasks is self._sampled, name=name))
        return out

    def _function(self, tasks: list[Task], kind: int, op: Any, inputs: tuple[int, ...]) -> int:
        literal = len(inputs) == 2 and self._registers.is_literal(inputs[1])
        how = steps_arithmetic.compiled(op, literal)
        if how is not None and len(inputs) == steps_arithmetic.CODES[op][1]:
            first = self._converted(tasks, kind, inputs[0], False)
            rest = inputs[1:] if literal else tuple(self._converted(tasks, kind, one, False) for one in inputs[1:])
            return self._task(tasks, kind, kind, how, (first, *rest))
        how = compiled_of(op)
        if how is not None:
            return self._compiled(tasks, kind, kind, how, inputs)
        if kind == TICKS:
            shape = self._shape
            return self._plain(tasks, kind, kind, lambda _, values: np.broadcast_to(op(*values), shape()), inputs, op)
        return self._plain(tasks, kind, kind, lambda _, values: np.asarray(op(*values)), inputs, op)

    def _shape(self) -> tuple[int, int]:
        return self._registers.shape

    def _column(self, node: Column, kind: int, inputs: tuple[int, ...]) -> int:
        op, own, keys = cast(Any, node.op), node.kind, len(self._universe)
        if isinstance(op, Field):
            return self._published(own, op.name)
        if isinstance(op, Clock):
            return self._compiled(self._along, kind, kind, steps_clocks.compiled(op.what, self._calendar, True), ())
        if isinstance(op, Factor):
            ratio = self._published(CorporateAction, "ratio")
            return self._compiled(self._along, kind, self._registers.kind(CorporateAction), op.compiled(), (ratio,))
        if isinstance(op, Mentions | Classes):
            words = Words((op.words,) if isinstance(op, Mentions) else tuple(frozenset(group.split("|")) for group in op.groups))
            return self._plain(self._along, kind, kind, lambda chunks, _: words.of(chunks[own].columns[op.name]), inputs, op)
        if isinstance(op, AsOf | Gather):
            other = cast(Column, node.inputs[0]).kind
            how = op.compiled() if isinstance(op, Gather) else op.compiled(own, other, self._universe)
            if how is not None:
                return self._compiled(self._along, kind, self._registers.kind(other), how, inputs)
            held: Any = Latest()
            look: NotCompiled = lambda chunks, values: held.push(chunks[own], chunks[other], values[0], op)  # noqa: E731
            return self._plain(self._along, kind, self._registers.kind(other), look, inputs, op)
        if getattr(op, "meets", False):
            met = next(one.kind for one in node.inputs if isinstance(one, Column) and one.kind is not own)
            how = compiled_of(op)
            if how is not None:
                return self._stateful(self._along, kind, self._registers.kind(met), how, op, inputs)
            state = op.fresh(keys)
            run: NotCompiled = lambda chunks, values: op.push(state, chunks[own], chunks[met], *values)  # noqa: E731
            return self._plain(self._along, kind, self._registers.kind(met), run, inputs, op)
        return self._of_one_kind(own, kind, op, inputs)

    def _of_one_kind(self, own: type[Event], kind: int, op: Any, inputs: tuple[int, ...]) -> int:
        if type(op) is Pick:
            return self._registers.part(inputs[0], op.j)
        if not hasattr(op, "fresh"):
            return self._function(self._along, kind, op, inputs)
        how = compiled_of(op, len(inputs))
        if how is not None:
            return self._stateful(self._along, kind, kind, how, op, inputs)
        state = op.fresh(len(self._universe))
        if isinstance(op, Reduce | Publications) or getattr(op, "of_rows", False):
            return self._plain(self._along, kind, kind, lambda chunks, values: op.push(state, chunks[own], *values), inputs, op)
        return self._plain(self._along, kind, kind, lambda chunks, values: op.push(state, chunks[own].key, *values), inputs, op)

    def _stateful(self, tasks: list[Task], kind: int, other: int, how: Compiled, op: Any, inputs: tuple[int, ...]) -> int:
        out = self._compiled(tasks, kind, other, how, inputs, always=tasks is self._sampled)
        if how.fresh is None:
            tasks[-1].state.update(op.fresh(len(self._universe)))
        return out

    def _sample(self, node: Expr, source: int) -> int:
        column, op = cast(Column, node.inputs[0]), cast(Any, node.op)
        kind, own = self._registers.kind(column.kind), column.kind
        if type(op) is samples.Last:
            read, out = self._converted(self._along, kind, source, False), self._registers.new(TICKS)
            self._groups.setdefault((op, kind), []).append((read, out))
            return out
        how = compiled_of(op)
        if how is not None:
            source = self._converted(self._along, kind, source, False)
            return self._stateful(self._sampled, kind, kind, how, op, (source,))
        state, registers = op.fresh(len(self._universe)), self._registers

        def run(chunks: Chunks, values: Sequence[Any]) -> Any:
            more = (registers.starts(op.begins),) if isinstance(op, samples.Today) else ()
            return op.push(state, chunks[own], values[0], registers.ticks, *more)

        return self._plain(self._sampled, kind, kind, run, (source,), op)

    def _group(self, op: samples.Last, kind: int, pairs: list[tuple[int, int]]) -> Task:
        state = op.fresh(len(self._universe), len(pairs)) | {"newest": np.zeros(len(self._universe), np.int64)}
        note, read, written = self._registers.new(TICKS), tuple(a for a, _ in pairs), tuple(b for _, b in pairs)
        how, more = steps_samples.newest_of(state, op.max_age, read, written)
        return Task(kind, kind, read, (note, *written), how=how, state=state, frame=more, always=True, shows=True)

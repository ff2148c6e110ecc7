"""The machine that runs a plan: compiled steps in one loop, and what is not compiled between them, for a history and a tick alike.

Numbers lie in registers: an array an event of a kind, or one a tick and symbol. A register is used again once its last reader has run,
so that those of a history stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.compiled import njit
from undertow.core.events import Event
from undertow.features.language.addresses import WORD, address_of, bits_of, call, floats
from undertow.features.language.registers import Registers
from undertow.features.language.steps import ALWAYS, KIND, MORE, MOST, OTHER, ROWS, Compiled, State

Chunks = Mapping[type[Event], Chunk]
NotCompiled = Callable[[Chunks, Sequence[Any]], Any]


@dataclass(slots=True)
class Task:
    """One operator: what it reads and writes, and how it is run; ``kind`` and ``other`` are numbers of kinds."""

    kind: int
    other: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    run: NotCompiled | None = None  #: of an operator that is not compiled
    how: Compiled | None = None
    state: State = field(default_factory=dict)
    frame: tuple[int, ...] | None = None  #: what follows the head of the frame, where that is not inputs, state and numbers
    always: bool = False
    shows: bool = False  #: its outputs may come to lie where its inputs do
    stage: int = 0
    name: str = ""  #: for messages

    @property
    def compiled(self) -> Compiled:
        """How it is compiled; ValueError of one that is not."""
        if self.how is None:
            raise ValueError(f"{self.name} is not compiled")
        return self.how


class Machine:
    """Tasks, added in an order that can be computed, and the state they carry from push to push."""

    def __init__(self, keys: int, sessions: Callable[[I64], I64]) -> None:
        self._sessions = sessions  #: their numbers, by instant
        self.registers = Registers(keys)
        self._keys = keys
        self._tasks: list[Task] = []
        self._rooms: list[Task] = []

    def add(self, task: Task) -> None:
        """Put one more task behind all that it reads."""
        self._tasks.append(task)

    def finish(self, wanted: Sequence[int]) -> None:
        """Put the tasks into stages, give out registers, and write the frames: no task can be added any more."""
        stages = self._staged()
        ordered = sorted(range(len(self._tasks)), key=lambda i: (self._tasks[i].stage, self._tasks[i].run is not None, i))
        self._tasks = [self._tasks[i] for i in ordered]
        self.registers.read = set(wanted).union(*(task.inputs for task in self._tasks if task.run is None))
        shown = {register for task in self._tasks if task.shows for register in task.inputs}
        self.registers.give_out([(task.inputs, task.outputs) for task in self._tasks], wanted, shown)
        compiled = [task for task in self._tasks if task.run is None]
        self._plain = [[task for task in self._tasks if task.run is not None and task.stage == s] for s in range(stages)]
        self._ends = np.cumsum([sum(task.stage == s for task in compiled) for s in range(stages)]).tolist()
        frames = [self._frame(task) for task in compiled]
        self._starts = np.cumsum([0, *map(len, frames)])[:-1].astype(np.int64)
        self._program = np.array([word for frame in frames for word in frame], np.int64)
        self._place = {id(task): int(start) for task, start in zip(compiled, self._starts, strict=True)}
        self._rooms = [task for task in compiled if task.compiled.room is not None]
        self._room_of = np.array([task.kind if task.compiled.of_own else task.other for task in self._rooms], np.int64)
        self._room_by = np.array([MOST if task.compiled.by_key else ROWS for task in self._rooms], np.int64)
        self._left = np.zeros(len(self._rooms), np.int64)
        self._lay = [[task.state[name] for name in task.compiled.state] for task in self._rooms]
        self.registers.most = {task.other for task in self._rooms if task.compiled.by_key}

    def _staged(self) -> int:
        # what the machine can do before an operator that is not compiled comes before it, so that runs are long
        made: dict[int, Task] = {}
        for task in self._tasks:
            for register in task.inputs:
                before = made.get(self.registers.source(register))
                if before is not None:
                    task.stage = max(task.stage, before.stage + (task.run is None and before.run is not None))
            made.update(dict.fromkeys(task.outputs, task))
        return max((task.stage for task in self._tasks), default=0) + 1

    def _frame(self, task: Task) -> list[int]:
        how = task.compiled
        out = task.outputs[0] if task.outputs else 0
        head = [how.step.address, task.kind, task.other, out, self._keys, int(task.always), len(task.inputs)]
        if task.frame is not None:
            return [*head, *task.frame]
        numbers = [bits_of(one) if isinstance(one, float) else int(one) for one in how.numbers]
        return [*head, *task.inputs, *(address_of(task.state[name]) for name in how.state), *numbers]

    def push(self, chunks: Chunks, ticks: I64, starts: tuple[I64, I64]) -> None:
        """Run every task for the rows of the chunks and at the ticks; ``starts`` are when the ticks' midnights and opens were."""
        self.registers.begin(chunks, ticks, starts)
        kinds, at = self.registers.kinds, self.registers.at
        self._make_room(kinds)
        self._run_stages(chunks, kinds, at)

    def outputs(self, wanted: I64, out: F64) -> None:
        """Write some registers at ticks to out (t, width, m)."""
        laid_out(self.registers.at, wanted, self._keys, out)

    def _run_stages(self, chunks: Chunks, kinds: I64, at: I64) -> None:
        begin = 0
        for end, plain in zip(self._ends, self._plain, strict=True):
            run_all(self._program, self._starts, begin, end, at, kinds)
            begin = end
            for task in plain:
                if task.always or kinds[task.kind, ROWS] or kinds[task.other, ROWS]:
                    self._run(task, chunks)

    def _make_room(self, kinds: I64) -> None:
        if not self._rooms:
            return
        used = kinds[self._room_of, self._room_by]
        self._left -= used
        for i in np.flatnonzero(self._left < 0).tolist():
            task = self._rooms[i]
            how, room = task.compiled, cast(Callable[..., int], task.compiled.room)
            if how.by_key:
                chunk = self.registers.chunk(task.other)
                self._left[i] = room(task.state, chunk.key, self._sessions(chunk.event_at))
            else:
                self._left[i] = room(task.state, int(used[i])) - used[i]
            lies = [task.state[name] for name in how.state]
            if any(now is not before for now, before in zip(lies, self._lay[i], strict=True)):
                first = self._place[id(task)] + HEAD + len(task.inputs)
                self._program[first : first + len(lies)], self._lay[i] = [address_of(one) for one in lies], lies

    def _run(self, task: Task, chunks: Chunks) -> None:
        found = cast(NotCompiled, task.run)(chunks, [self.registers.value(i) for i in task.inputs])
        self.registers.keep(task.outputs[0], found, task.name)


HEAD = MORE


@njit(cache=True)
def run_all(program: I64, starts: I64, begin: int, end: int, at: I64, kinds: I64) -> None:
    """Call the steps from ``begin`` to ``end``, but for those whose kinds have no new row."""
    where, registers, table = program.ctypes.data, at.ctypes.data, kinds.ctypes.data
    for i in range(begin, end):
        first = starts[i]
        if program[first + ALWAYS] or kinds[program[first + KIND], ROWS] > 0 or kinds[program[first + OTHER], ROWS] > 0:
            call(program[first], where + WORD * first, registers, table)


@njit(cache=True)
def laid_out(at: I64, wanted: I64, keys: int, out: F64) -> None:
    """Numbers at ticks in the registers ``wanted`` side by side in out (t, width, m), the first symbols of all ``keys`` only.

    A few rows at a time, so that both stay in the processor's cache.
    """
    ticks, width, m = out.shape
    rows, n = out.reshape(ticks * width, m), ticks * width
    for first in range(0, n, 64):
        last = min(first + 64, n)
        for j in range(m):
            column = floats(at[wanted[j]], ticks * keys)
            if width == keys:
                for r in range(first, last):
                    rows[r, j] = column[r]
            else:
                for r in range(first, last):
                    rows[r, j] = column[r // width * keys + r % width]

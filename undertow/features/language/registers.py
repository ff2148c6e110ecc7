"""Where the numbers of a plan lie: one strip of memory, of which every column has a part for as long as something reads it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any

import numpy as np

from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.compiled import njit
from undertow.core.errors import BadInput
from undertow.core.events import Event
from undertow.features.language.addresses import WORD, address_of, floats, lies_at
from undertow.features.language.steps import COUNT, EVENT, KEY, KNOWN, MOST, ROWS, WIDTH

TICKS = 0  #: the number of the ticks among kinds
SLOT, FIXED, LITERAL, FIELD, KEPT, PART = range(6)  #: a part of the strip, an array, a number, a column, what was returned, another's row
ENOUGH = 2**22  #: numbers that the strip may hold although few are needed
APART = 24  #: columns of a power of two would fall on one another in the processor's cache
NOTHING = np.empty(0)


class Registers:
    """Registers of some kinds of event and of the ticks, for so many symbols."""

    def __init__(self, keys: int) -> None:
        self._keys = keys
        self.kinds_by_type: dict[type[Event], int] = {}
        self.kinds = np.zeros((1, WIDTH), np.int64)
        self.most: set[int] = set()  #: kinds of which it is to be counted how many rows one symbol has
        self.read: set[int] = set()  #: registers that compiled steps read
        self._what: list[int] = []
        self._kind: list[int] = []
        self._many: list[int] = []
        self._whole: list[bool] = []
        self._own: dict[int, Any] = {}  # what a register is made of: an array, a column's name, a register and a row, what is shown
        self._fields: dict[int, list[tuple[int, str]]] = {}
        self._chunks: dict[int, type[Event]] = {}
        self._values: dict[int, Any] = {}
        self._shown: dict[int, Callable[[int], Any]] = {}
        self._strip = np.empty(0)

    def __len__(self) -> int:
        return len(self._what)

    def kind(self, kind: type[Event]) -> int:
        """The number of a kind of event."""
        if kind not in self.kinds_by_type:
            self.kinds_by_type[kind] = len(self.kinds_by_type) + 1
            self._chunks[self.kinds_by_type[kind]] = kind
        return self.kinds_by_type[kind]

    def new(self, kind: int, many: int = 1, whole: bool = False, what: int = SLOT) -> int:
        """A register of ``many`` numbers a row, whole ones or floats; KEPT for what an operator that is not compiled returns."""
        self._what.append(what)
        self._kind.append(kind)
        self._many.append(many)
        self._whole.append(whole)
        return len(self._what) - 1

    def literal(self, number: float) -> int:
        """A register that holds one number."""
        register = self.new(TICKS, what=LITERAL)
        self._own[register] = np.array([float(number)])
        return register

    def column(self, kind: int, name: str, whole: bool) -> int:
        """A register that is a column as published, of whole numbers or floats."""
        register = self.new(kind, whole=whole, what=FIELD)
        self._own[register] = name
        self._fields.setdefault(kind, []).append((register, name))
        return register

    def part(self, register: int, row: int) -> int:
        """A register that is one of the numbers a row that another one has."""
        if self._what[register] == SLOT and not row < self._many[register]:
            raise BadInput(f"an operator that gives {self._many[register]} numbers an event has none at {row}")
        part = self.new(self._kind[register], what=PART)
        self._own[part] = register, row
        return part

    def chunk(self, kind: int) -> Chunk:
        """The rows of a kind in this push."""
        return self._told[self._chunks[kind]]

    def source(self, register: int) -> int:
        """The register that this one is a part of, or itself."""
        return int(self._own[register][0]) if self._what[register] == PART else register

    def fixed(self, register: int, array: Array, shown: Callable[[int], Any]) -> None:
        """Let a register be an array that stays where it is; ``shown`` makes of the number of rows what others than steps see of it."""
        self._what[register] = FIXED
        self._own[register], self._shown[register] = array, shown

    def is_whole(self, register: int) -> bool:
        """Whether it holds whole numbers."""
        return self._whole[register]

    def is_literal(self, register: int) -> bool:
        """Whether it holds one number for all rows."""
        return self._what[register] == LITERAL

    @property
    def ticks(self) -> I64:
        """The ticks of the push (t,)."""
        return self._ticks[0]

    def starts(self, what: str) -> I64:
        """When the ``midnight`` or the ``open`` of each tick's session was (t,)."""
        return self._ticks[1 if what == "midnight" else 2]

    @property
    def shape(self) -> tuple[int, int]:
        """Ticks and symbols."""
        return len(self._ticks[0]), self._keys

    def give_out(self, tasks: Sequence[tuple[Sequence[int], Sequence[int]]], wanted: Sequence[int], shown: Set[int]) -> None:
        """Give every register a part of the strip, used again when its last reader, of tasks in this order, has run.

        Those ``shown`` are not used again: another register may be told to lie where they do.
        """
        last = dict.fromkeys((*wanted, *map(self.source, shown)), len(tasks))
        for i, (inputs, outputs) in enumerate(tasks):
            for register in (*inputs, *outputs):
                source = self.source(register)
                # several numbers a row are never given back: there are few of them
                last[source] = len(tasks) if self._many[source] > 1 else max(last.get(source, 0), i)
        free: dict[int, list[int]] = {}
        self._slots = [0] * (len(self.kinds_by_type) + 1)
        slot = np.full(len(self), -1, np.int64)
        for i, (inputs, outputs) in enumerate(tasks):
            for register in outputs:
                if self._what[register] == SLOT:
                    slot[register] = self._given(self._kind[register], self._many[register], free)
            for register in {*inputs, *outputs}:
                if self._what[register] == SLOT and last[register] == i:
                    free.setdefault(self._kind[register], []).append(int(slot[register]))
        self._slot = slot
        self._kind_of = np.array(self._kind, np.int64)
        self.at = np.zeros(len(self), np.int64)
        self.kinds = np.zeros((len(self._slots), WIDTH), np.int64)
        for register, what in enumerate(self._what):
            if what in (FIXED, LITERAL):
                self.at[register] = address_of(self._own[register])
        parts = [r for r, what in enumerate(self._what) if what == PART]
        self._parts = np.array([(r, *self._own[r]) for r in parts], np.int64).reshape(-1, 3)
        self._parts_of = {source: self._parts[self._parts[:, 1] == source] for source in self._parts[:, 1].tolist()}

    def _given(self, kind: int, many: int, free: dict[int, list[int]]) -> int:
        if many == 1 and free.get(kind):
            return free[kind].pop()
        self._slots[kind] += many
        return self._slots[kind] - many

    def begin(self, chunks: Mapping[type[Event], Chunk], ticks: I64, starts: tuple[I64, I64]) -> None:
        """Lay the registers out for some rows and ticks; what they held before is lost."""
        self._told = chunks
        self._values.clear()
        self._ticks = np.ascontiguousarray(ticks), *map(np.ascontiguousarray, starts)
        kinds = self.kinds
        kinds[TICKS, : COUNT + 1] = len(ticks) * self._keys, *map(lies_at, self._ticks), len(ticks)
        kinds[1:, ROWS] = 0
        for number, kind in self._chunks.items():
            if len(chunks[kind]):
                self._lay(number, chunks[kind])
        rows = kinds[:, ROWS]
        stride = rows + np.where(rows > 512, APART, 0)
        ends = np.cumsum(stride * self._slots)
        total = int(ends[-1])
        if total > len(self._strip) or (len(self._strip) > ENOUGH and 8 * total < len(self._strip)):
            self._strip = np.empty(total + total // 4)
        _placed(self.at, self._slot, self._kind_of, lies_at(self._strip), ends - stride * self._slots, stride)
        _parted(self.at, self._parts, self._kind_of, rows)

    def _lay(self, number: int, chunk: Chunk) -> None:
        row, n = self.kinds[number], len(chunk)
        row[ROWS] = n
        for place, column in ((KEY, chunk.key), (KNOWN, chunk.known_at), (EVENT, chunk.event_at)):
            row[place] = lies_at(column if column.flags.c_contiguous else self._held(np.ascontiguousarray(column)))
        if number in self.most:
            row[MOST] = int(np.bincount(chunk.key, minlength=1).max())
        for register, name in self._fields.get(number, ()):
            column, kept = chunk.columns[name], np.int64 if self._whole[register] else np.float64
            if column.dtype != kept or not column.flags.c_contiguous:
                if not np.can_cast(column.dtype, kept, "same_kind"):
                    raise BadInput(f"{chunk.kind.kind} has a column {name} of {column.dtype}, which is to be {kept.__name__}")
                column = self._held(np.ascontiguousarray(column if kept is np.int64 else chunk.numbers(name), kept))
            self.at[register] = lies_at(column)

    def _held(self, column: Array) -> Array:
        self._values[-1 - len(self._values)] = column  # so that it stays where it is during the push
        return column

    def value(self, register: int) -> Any:
        """What an operator that is not compiled is given for a register: an array of its own."""
        what, kind = self._what[register], self._kind[register]
        if what == PART:
            source, row = self._own[register]
            return self.value(source)[row]
        n = int(self.kinds[kind, ROWS])
        if what == KEPT:
            return self._values.get(register, NOTHING)
        if what == FIELD:
            return self._told[self._chunks[kind]].numbers(self._own[register])
        if what == FIXED:
            return self._shown[register](n)
        if what == LITERAL:
            return np.float64(self._own[register][0])
        many = self._many[register]
        found: F64 = _copied(self.at[register], many * n)
        if kind == TICKS:
            return found.reshape(len(self._ticks[0]), self._keys)
        if self._whole[register]:
            return found.view(np.int64)
        return found.reshape(many, n) if many > 1 else found

    def keep(self, register: int, found: Any, name: str) -> None:
        """Let a register be what an operator that is not compiled returned: numbers (n,), several (m, n), or what another understands."""
        kind = self._kind[register]
        self._values[register] = found
        if not isinstance(found, np.ndarray):
            if register in self.read or register in self._parts_of:
                raise BadInput(f"{name} gave a {type(found).__name__}: an operator gives an array of one number a row")
            return
        shape = (len(self._ticks[0]), self._keys) if kind == TICKS else (int(self.kinds[kind, ROWS]),)
        if found.shape[-len(shape) :] != shape:
            what = f"{shape[0]} events: a function of columns gives one number an event" if kind else "a number a tick and symbol"
            raise BadInput(f"{name} gave an array of shape {found.shape} for {what}")
        numbers, parts = np.ascontiguousarray(found, np.float64), self._parts_of.get(register)
        if parts is not None and not (numbers.ndim == 2 and parts[:, 2].max() < len(numbers)):
            raise BadInput(f"{name} gave an array of shape {found.shape}, of which row {parts[:, 2].max()} is asked for")
        self.at[register] = address_of(self._held(numbers))
        if parts is not None:
            _parted(self.at, parts, self._kind_of, self.kinds[:, ROWS])


@njit(cache=True)
def _placed(at: I64, slot: I64, kind: I64, strip: int, base: I64, stride: I64) -> None:
    for r in range(at.shape[0]):
        if slot[r] >= 0:
            at[r] = strip + WORD * (base[kind[r]] + slot[r] * stride[kind[r]])


@njit(cache=True)
def _copied(address: int, n: int) -> F64:
    return floats(address, n).copy()


@njit(cache=True)
def _parted(at: I64, parts: I64, kind: I64, rows: I64) -> None:
    for p in range(parts.shape[0]):
        at[parts[p, 0]] = at[parts[p, 1]] + WORD * parts[p, 2] * rows[kind[parts[p, 1]]]

"""Columns: the form in which events travel. One live event is a chunk of one row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from undertow.core.events import MISSING, Event, Grade, columns_of
from undertow.core.time import Instant

I64 = NDArray[np.int64]
I8 = NDArray[np.int8]
F64 = NDArray[np.float64]
Array = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Rows of one event kind, in ``(known_at, seq)`` order.

    symbols  : the universe; ``key`` indexes it
    key      : int64 (n,)
    event_at : int64 (n,)  ns UTC
    known_at : int64 (n,)  ns UTC
    seq      : int64 (n,)
    grade    : int8 (n,)   see ``Grade``
    columns  : name -> int64, float64 or object (n,), as declared by the kind
    sources  : who said so, for example ``("simulated",)``
    """

    kind: type[Event]
    symbols: tuple[str, ...]
    key: I64
    event_at: I64
    known_at: I64
    seq: I64
    grade: I8
    columns: Mapping[str, Array]
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.known_at)

    def __getitem__(self, rows: slice | Array) -> Chunk:
        return Chunk(
            self.kind,
            self.symbols,
            self.key[rows],
            self.event_at[rows],
            self.known_at[rows],
            self.seq[rows],
            self.grade[rows],
            {n: c[rows] for n, c in self.columns.items()},
            self.sources,
        )

    def between(self, after: Instant, until: Instant) -> Chunk:
        """Rows with ``after < known_at <= until``."""
        a, b = np.searchsorted(self.known_at, [after, until], side="right")
        return self[int(a) : int(b)]

    def numbers(self, name: str) -> F64:
        """A column as float64 (n,); a missing whole number becomes NaN."""
        values = self.columns[name]
        if values.dtype == np.float64:
            return values
        out = values.astype(np.float64)
        out[values == MISSING] = np.nan
        return out


class Origin(NamedTuple):
    """Who said so, and how sure its ``known_at`` is."""

    grade: Grade
    sources: tuple[str, ...] = ()


BY_RULE = Origin(Grade.MODELLED)


def chunk_of(
    kind: type[Event],
    symbols: Sequence[str],
    *,
    key: Array,
    event_at: Array,
    known_at: Array,
    columns: Mapping[str, Array],
    origin: Origin = BY_RULE,
) -> Chunk:
    """Build a chunk from columns in any row order: sorted by known_at (stable), seq numbered, missing columns filled."""
    known = np.asarray(known_at, np.int64)
    order = np.argsort(known, kind="stable")
    filled = {name: _filled(columns.get(name), unit.kept, order) for name, unit in columns_of(kind).items()}
    return Chunk(
        kind,
        tuple(symbols),
        np.asarray(key, np.int64)[order],
        np.asarray(event_at, np.int64)[order],
        known[order],
        np.arange(len(known), dtype=np.int64),
        np.full(len(known), int(origin.grade), np.int8),
        filled,
        origin.sources,
    )


def _filled(values: Array | None, kept: type, order: I64) -> Array:
    if kept is int:
        return np.full(len(order), MISSING, np.int64) if values is None else np.asarray(values, np.int64)[order]
    if kept is float:
        return np.full(len(order), np.nan) if values is None else np.asarray(values, np.float64)[order]
    return np.full(len(order), "", object) if values is None else np.asarray(values, object)[order]


def empty_chunk(kind: type[Event], symbols: Sequence[str]) -> Chunk:
    """A chunk of no rows: nothing happened, which is not the same as no data."""
    none = np.empty(0, np.int64)
    return chunk_of(kind, symbols, key=none, event_at=none, known_at=none, columns={})


def concat(chunks: Sequence[Chunk]) -> Chunk:
    """Chunks of one kind and universe as one, in ``(known_at, seq)`` order; rows that tie keep the order given."""
    if len(chunks) == 1:
        return chunks[0]
    first = chunks[0]
    if any(c.kind is not first.kind or c.symbols != first.symbols for c in chunks):
        raise ValueError("concat takes chunks of one kind and one universe")
    whole = Chunk(
        first.kind,
        first.symbols,
        np.concatenate([c.key for c in chunks]),
        np.concatenate([c.event_at for c in chunks]),
        np.concatenate([c.known_at for c in chunks]),
        np.concatenate([c.seq for c in chunks]),
        np.concatenate([c.grade for c in chunks]),
        {n: np.concatenate([c.columns[n] for c in chunks]) for n in first.columns},
        tuple(dict.fromkeys(s for c in chunks for s in c.sources)),
    )
    if bool((np.diff(whole.known_at) >= 0).all()):
        return whole
    return whole[np.argsort(whole.known_at, kind="stable")]

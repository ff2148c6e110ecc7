"""A row's identity: 64 bits of its symbol, event_at and the kind's identity columns, the same on every machine and version."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from undertow.core.chunk import I64
from undertow.core.events import MISSING, Event, columns_of

if TYPE_CHECKING:
    import polars as pl

U64 = NDArray[np.uint64]


def row_ids(kind: type[Event], frame: pl.DataFrame) -> I64:
    """Identity of each row, int64 (n,). Two events of a kind differ in one of the columns that enter, or are the same event.

    Polars' own hash may change between versions and would make yesterday's rows look new.
    """
    mixed = np.full(len(frame), _text(kind.kind), np.uint64)
    for name in ("symbol", "event_at", *kind.identity):
        unit = columns_of(kind).get(name)
        is_text = name == "symbol" or (unit is not None and unit.kept is str)
        mixed = _mix(mixed ^ (_texts(frame[name]) if is_text else _numbers(frame[name])))
    return mixed.view(np.int64)


def _mix(x: U64) -> U64:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014); arithmetic wraps."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _numbers(values: pl.Series) -> U64:
    if values.dtype.is_float():
        return np.asarray(values.fill_null(float("nan")).to_numpy(), np.float64).view(np.uint64)
    return np.asarray(values.fill_null(MISSING).to_numpy(), np.int64).view(np.uint64)


def _texts(values: pl.Series) -> U64:
    import polars as pl

    known = values.fill_null("").unique()
    hashes = pl.Series([_text(t) for t in known.to_list()], dtype=pl.UInt64)
    return np.asarray(values.fill_null("").replace_strict(known, hashes, return_dtype=pl.UInt64).to_numpy(), np.uint64)


def _text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

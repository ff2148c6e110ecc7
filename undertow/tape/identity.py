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
_BLOCK = 16_384  # rows


def row_ids(kind: type[Event], frame: pl.DataFrame) -> I64:
    """Identity of each row, int64 (n,). Two events of a kind differ in one of the columns that enter, or are the same event.

    Polars' own hash may change between versions and would make yesterday's rows look new.
    """
    mixed = np.full(len(frame), _text(kind.kind), np.uint64)
    for name in ("symbol", "event_at", *kind.identity):
        unit = columns_of(kind).get(name)
        is_text = name == "symbol" or (unit is not None and unit.kept is str)
        _mix(mixed, _texts(frame[name]) if is_text else _numbers(frame[name]))
    return mixed.view(np.int64)


def coded(values: pl.Series) -> pl.Series:
    """Text as an ``Enum`` of its values in alphabetical order, null where it was; compared, moved and written several times faster."""
    import polars as pl

    first = _changes(values)
    if 8 * len(first) >= len(values):
        return values.cast(pl.Enum(values.drop_nulls().unique().sort()))
    runs = values.gather(first)  # a file sorted by symbol has it in runs
    places = np.repeat(np.arange(len(first), dtype=np.uint32), np.diff(first, append=len(values)))
    return runs.cast(pl.Enum(runs.drop_nulls().unique().sort())).gather(places).alias(values.name)


def _changes(values: pl.Series) -> NDArray[np.int64]:
    """Where a value differs from the one before."""
    changed = values.ne_missing(values.shift(1)).to_numpy()
    return np.flatnonzero(np.concatenate([[True], changed[1:]]))


def _mix(mixed: U64, values: U64) -> None:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014) of the two together, in place; arithmetic wraps.

    Block by block: what fits into the processor's cache is mixed several times faster.
    """
    for start in range(0, len(mixed), _BLOCK):
        x, spare = mixed[start : start + _BLOCK], np.empty(min(_BLOCK, len(mixed) - start), np.uint64)
        x ^= values[start : start + _BLOCK]
        x += np.uint64(0x9E3779B97F4A7C15)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x ^= np.right_shift(x, np.uint64(shift), out=spare)
            x *= np.uint64(factor)
        x ^= np.right_shift(x, np.uint64(31), out=spare)


def _numbers(values: pl.Series) -> U64:
    if values.dtype.is_float():
        return np.asarray(values.fill_null(float("nan")).to_numpy(), np.float64).view(np.uint64)
    return np.asarray(values.fill_null(MISSING).to_numpy(), np.int64).view(np.uint64)


def _texts(values: pl.Series) -> U64:
    import polars as pl

    if isinstance(values.dtype, pl.Enum) and not values.null_count():
        table = np.asarray([_text(t) for t in values.dtype.categories.to_list()], np.uint64)
        return np.take(table, values.to_physical().to_numpy())
    values = values.cast(pl.String).fill_null("")
    known = values.unique()
    hashes = pl.Series([_text(t) for t in known.to_list()], dtype=pl.UInt64)
    return np.asarray(values.replace_strict(known, hashes, return_dtype=pl.UInt64).to_numpy(), np.uint64)


def _text(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")

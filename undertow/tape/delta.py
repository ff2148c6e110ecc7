"""Delta tables on a disk that may be full, read-only or torn: every refusal becomes one sentence, every write is one commit."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from undertow.core.errors import StoreError

if TYPE_CHECKING:
    import polars as pl
    from deltalake.transaction import AddAction

_ARROW = "ARROW:schema"
_MS = 1_000_000  # ns
_BOUNDED = ("session", "event_at", "known_at")
_GROUP = 262_144  # rows that are skipped together where a read does not ask for them


@contextmanager
def refusals(folder: Path) -> Iterator[None]:
    """Turn whatever the disk, Delta or Parquet raises inside into a ``StoreError`` that names the folder."""
    from deltalake.exceptions import DeltaError
    from polars.exceptions import PolarsError

    try:
        yield
    except (OSError, DeltaError, PolarsError) as error:
        why = " ".join(str(error).split())[:200].rstrip(".")
        raise StoreError(
            f"The tape at {folder} could not be used ({why}); nothing half-written counts, so free or repair the disk and run it again."
        ) from error


def exists(folder: Path) -> bool:
    """Whether a table with at least one commit lies in the folder; a folder left by a killed first write does not count."""
    from deltalake import DeltaTable

    with refusals(folder):
        return folder.is_dir() and bool(DeltaTable.is_deltatable(str(folder)))


def version(folder: Path) -> int:
    """The number of the table's last commit."""
    from deltalake import DeltaTable

    with refusals(folder):
        return int(DeltaTable(str(folder)).version())


def files(folder: Path) -> pl.DataFrame:
    """The files that count, with their partition and statistics as flat columns (``path`` is absolute, ``min.known_at`` and so on)."""
    import polars as pl
    from deltalake import DeltaTable

    with refusals(folder):
        table = pl.DataFrame(DeltaTable(str(folder)).get_add_actions(flatten=True))
        return table.with_columns(path=pl.Series([str(folder / unquote(p)) for p in table["path"].to_list()], dtype=pl.String))


@contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Hold the folder's write lock, waiting for another process; the system frees it even after ``kill -9``."""
    with refusals(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / ".lock").open("w")
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def commit(folder: Path, rows: pl.DataFrame) -> None:
    """Append rows to a table without partitions as one commit: all of them or none. Holding ``one_writer`` is the caller's part."""
    with refusals(folder):
        _commit(folder, None, [("", rows)])


def commit_parts(folder: Path, column: str, parts: Iterable[tuple[str, pl.DataFrame]]) -> None:
    """Append rows as one commit: all of them or none. Holding ``one_writer`` is the caller's part.

    column : what the table is partitioned by; in none of the frames
    parts : value of it and the rows of one file, frames of the same columns; ``Enum`` columns are kept as text
    """
    with refusals(folder):
        _commit(folder, column, parts)


def _commit(folder: Path, column: str | None, parts: Iterable[tuple[str, pl.DataFrame]]) -> None:
    import polars as pl
    from deltalake import DeltaTable, Schema
    from deltalake.transaction import create_table_with_add_actions

    table = DeltaTable(str(folder)) if exists(folder) else None
    number = table.version() + 1 if table else 0
    added: list[AddAction] = []
    for i, (of, rows) in enumerate(parts):
        # named by the commit's number: what a killed writer left under it is in no commit, and is written over
        added.append(_write(folder, f"{number:010d}-{i:04d}.parquet", rows, (column, of) if column else None))
        kept = _kept(rows) | ({column: pl.String()} if column else {})
    fields = Schema.from_arrow(pl.Schema(kept))
    if table is None:
        create_table_with_add_actions(str(folder), fields, added, mode="error", partition_by=column)
        return
    held = {field.name for field in table.schema().fields}
    if new := [field for field in fields.fields if field.name not in held]:
        table.alter.add_columns(new)  # a kind gained a column
    table.create_write_transaction([*added], "append", fields, partition_by=column)


def _write(folder: Path, name: str, rows: pl.DataFrame, part: tuple[str, str] | None = None) -> AddAction:
    """Write a file, on the disk before a commit names it."""
    from deltalake.transaction import AddAction

    inside = f"{part[0]}={part[1]}/{name}" if part else name
    path = folder / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        # polars would note an Enum in the file, which other readers do not take for text
        rows.write_parquet(file, compression="zstd", compression_level=1, row_group_size=_GROUP, metadata={_ARROW: _as_text(rows)})
        file.flush()
        os.fsync(file.fileno())
        state = os.fstat(file.fileno())
    values: dict[str, str | None] = dict([part]) if part else {}
    return AddAction(inside, state.st_size, values, state.st_mtime_ns // _MS, data_change=True, stats=_statistics(rows))


def _kept(rows: pl.DataFrame) -> dict[str, Any]:
    """Columns as they are kept: an ``Enum`` is text."""
    import polars as pl

    return {name: pl.String() if isinstance(kept, pl.Enum) else kept for name, kept in rows.schema.items()}


def _as_text(rows: pl.DataFrame) -> str:
    import polars as pl

    empty = BytesIO()
    pl.DataFrame(schema=_kept(rows)).write_parquet(empty)
    empty.seek(0)
    return pl.read_parquet_metadata(empty)[_ARROW]


def _statistics(rows: pl.DataFrame) -> str:
    """What a commit says of a file: rows, and of stamps and days the least, the most and how many are missing."""
    import polars as pl

    names = [name for name in _BOUNDED if name in rows.columns]
    least, most, nulls = (
        rows.select(found).row(0, named=True) if names else {}
        for found in (pl.col(names).min(), pl.col(names).max(), pl.col(names).null_count())
    )
    bounds = {"numRecords": len(rows), "minValues": least, "maxValues": most, "nullCount": nulls}
    return json.dumps(bounds, default=str)

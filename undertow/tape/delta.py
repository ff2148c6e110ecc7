"""Delta tables on a disk that may be full, read-only or torn: every refusal becomes one sentence, every write is one commit."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from undertow.core.errors import StoreError

if TYPE_CHECKING:
    import polars as pl


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


def commit(folder: Path, rows: pl.DataFrame, partition_by: list[str] | None = None) -> None:
    """Append rows as one commit: all of them or none."""
    import polars as pl
    from deltalake import ColumnProperties, WriterProperties, write_deltalake

    # stamps and prices have no dictionary worth building; as differences they take half the time to write, and less room
    packed = ColumnProperties(dictionary_enabled=False, encoding="DELTA_BINARY_PACKED", statistics_enabled="CHUNK")
    properties = WriterProperties(column_properties={name: packed for name, kept in rows.schema.items() if kept == pl.Int64})
    with refusals(folder):
        write_deltalake(str(folder), rows, mode="append", partition_by=partition_by, writer_properties=properties)

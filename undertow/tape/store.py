"""The tape: one Delta table a kind, by month. Rows go in once and are never rewritten; they come out in total order as chunks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.core.chunk import I64, Array, Chunk, empty_chunk
from undertow.core.errors import BadInput
from undertow.core.events import BY_NAME, MISSING, Event, columns_of
from undertow.core.time import HOUR, Instant
from undertow.tape import delta
from undertow.tape.identity import coded, row_ids

if TYPE_CHECKING:
    import polars as pl

ORDER = ("known_at", "seq", "symbol", "id")
_FILE = 1_000_000  # rows; columns of 8 MB are moved in memory that is used again, larger ones in fresh memory each time
_MOST_HOURS = 1_000_000  # 114 years


@dataclass(frozen=True, slots=True, kw_only=True)
class Appended:
    """What one append did with its rows."""

    rows: int = 0  #: written
    duplicates: int = 0  #: already on the tape with the same values: left out
    conflicts: int = 0  #: already on the tape with other values: left out, the first stays

    def __add__(self, other: Appended) -> Appended:
        return Appended(
            rows=self.rows + other.rows, duplicates=self.duplicates + other.duplicates, conflicts=self.conflicts + other.conflicts
        )


class Tape:
    """The events under ``home/tape``; safe with several processes, and after any of them is killed."""

    def __init__(self, home: Path) -> None:
        if "%" in str(home):  # delta-rs decodes it twice and loses the folder
            raise BadInput(f"The home {home} has a % in its name, which the tape's tables cannot be kept under: choose another.")
        self.folder = home / "tape"

    def kinds(self) -> tuple[type[Event], ...]:
        """Kinds with a table, in source rank."""
        return tuple(kind for kind in BY_NAME.values() if delta.exists(self.folder / kind.kind))

    def versions(self) -> dict[str, int]:
        """Kind -> number of its table's last commit: what a run records to name the data it saw."""
        return {kind.kind: delta.version(self.folder / kind.kind) for kind in self.kinds()}

    def append(self, kind: type[Event], frame: pl.DataFrame) -> Appended:
        """Add the rows that are not on the tape yet, as one commit: all or none.

        frame : symbol, event_at, known_at (int64 ns UTC), seq, grade, source and the kind's columns; null is a missing whole number.
                Columns of the kind that are absent count as missing.
        Raises ``StoreError`` where the disk refuses; then nothing was written.
        """
        if len(frame) == 0:
            return Appended()
        rows = _shaped(kind, frame)
        folder = self.folder / kind.kind
        with delta.one_writer(self.folder):
            fresh, counts = _new_rows(kind, rows, self._twins(kind, rows))
            if len(fresh):
                delta.commit_parts(folder, "month", _parts(fresh))
        return counts

    def frame(self, kind: type[Event]) -> pl.LazyFrame:
        """Every row of a kind, in no order, with the tape's own columns (symbol, session, …, id) and the kind's."""
        folder = self.folder / kind.kind
        return _scan(kind, delta.files(folder)["path"].to_list() if delta.exists(folder) else [])

    def written(self, kind: type[Event]) -> list[tuple[Instant, str, int]]:
        """The files of a kind: its earliest known_at, its name and its bytes, in that order; files are never rewritten."""
        folder = self.folder / kind.kind
        if not delta.exists(folder):
            return []
        rows = delta.files(folder).select("min.known_at", "path", "size_bytes").rows()
        return sorted((known_at, Path(path).relative_to(folder).as_posix(), size) for known_at, path, size in rows)

    def read(self, kind: type[Event], symbols: Sequence[str], after: Instant, until: Instant) -> Chunk:
        """Rows with ``after < known_at <= until`` of the symbols, in ``(known_at, seq, symbol, id)`` order."""
        import polars as pl

        if len(set(symbols)) != len(symbols):
            raise BadInput(f"A symbol is given twice in {', '.join(symbols)}: name each once.")
        folder = self.folder / kind.kind
        if not delta.exists(folder):
            return empty_chunk(kind, symbols)
        table = delta.files(folder)
        touched = table.filter((pl.col("max.known_at") > after) & (pl.col("min.known_at") <= until)).sort("min.known_at")
        wanted = (pl.col("known_at") > after) & (pl.col("known_at") <= until) & pl.col("symbol").is_in(list(symbols))
        with delta.refusals(folder):
            rows = _scan(kind, touched["path"].to_list()).filter(wanted).collect()
        return _chunk(kind, tuple(symbols), _ordered(rows))

    def _twins(self, kind: type[Event], rows: pl.DataFrame) -> pl.DataFrame:
        """What the tape holds under the rows' ids; twins happened in the same instant, so the files' bounds tell where they can be."""
        import polars as pl

        folder = self.folder / kind.kind
        if not delta.exists(folder):
            return rows.clear()
        first, last = rows["event_at"].min(), rows["event_at"].max()
        outside = (pl.col("max.event_at") < first) | (pl.col("min.event_at") > last)
        paths = delta.files(folder).filter(~outside.fill_null(value=False))["path"].to_list()
        if not paths:
            return rows.clear()
        with delta.refusals(folder):
            near = _scan(kind, paths).filter(pl.col("event_at").is_between(first, last))
            twins = near.join(rows.lazy().select("id"), on="id", how="semi").collect()
        return _shaped(kind, twins) if len(twins) else rows.clear()


def frame_of(chunk: Chunk, source: str) -> pl.DataFrame:
    """A chunk as rows for ``Tape.append``: the road of recorded live events."""
    import polars as pl

    columns: dict[str, Any] = {
        "symbol": pl.Series(np.asarray(chunk.symbols, object)[chunk.key], dtype=pl.String),
        "event_at": chunk.event_at,
        "known_at": chunk.known_at,
        "seq": chunk.seq,
        "grade": chunk.grade,
    }
    for name, unit in columns_of(chunk.kind).items():
        values = pl.Series(name, chunk.columns[name], dtype=_dtype(unit.kept))
        columns[name] = values.replace(MISSING, None) if unit.kept is int else values
    return pl.DataFrame(columns).with_columns(source=pl.lit(source))


def _dtype(kept: type) -> Any:
    import polars as pl

    return {int: pl.Int64, float: pl.Float64, str: pl.String}[kept]


def schema(kind: type[Event]) -> dict[str, Any]:
    """Columns of a kind's table, without ``month``, which its folders name: name -> polars type."""
    import polars as pl

    head = {"symbol": pl.String, "session": pl.Date, "event_at": pl.Int64, "known_at": pl.Int64, "seq": pl.Int64}
    tail = {"grade": pl.Int8, "source": pl.String, "id": pl.Int64}
    return head | tail | {name: _dtype(unit.kept) for name, unit in columns_of(kind).items()}


def _scan(kind: type[Event], paths: list[str]) -> pl.LazyFrame:
    import polars as pl

    if not paths:
        return pl.DataFrame(schema=schema(kind)).lazy()
    # a table written before a kind gained a column lacks it: missing, not broken
    scan = pl.scan_parquet(
        paths, schema=schema(kind), missing_columns="insert", extra_columns="ignore", hive_partitioning=False, glob=False
    )
    return scan.select(*schema(kind))


def _shaped(kind: type[Event], frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with every column of the table, in its types (text that repeats as ``Enum``), with session and id worked out."""
    import polars as pl

    columns = columns_of(kind)
    absent = [pl.lit(None, _dtype(unit.kept)).alias(name) for name, unit in columns.items() if name not in frame.columns]
    texts = [pl.col(name).fill_null("") for name, unit in columns.items() if unit.kept is str]
    ratios = [pl.col(name).fill_null(float("nan")) for name, unit in columns.items() if unit.kept is float]
    rows = frame.with_columns(*absent).with_columns(*texts, *ratios, coded(frame["symbol"]), _source(frame), _session(frame["event_at"]))
    rows = rows.with_columns(id=pl.Series(row_ids(kind, rows)))
    return rows.select(pl.col(n) if isinstance(rows.schema[n], pl.Enum) else pl.col(n).cast(t) for n, t in schema(kind).items())


def _source(frame: pl.DataFrame) -> pl.Series | pl.Expr:
    import polars as pl

    first, alone = frame.select(first=pl.col("source").first(), alone=(pl.col("source") == pl.col("source").first()).all()).row(0)
    if alone and not frame.select(pl.col("source").null_count()).item():
        return pl.lit(first, pl.Enum([first])).alias("source")
    return coded(frame["source"])


def _session(event_at: pl.Series) -> pl.Series | pl.Expr:
    """The New York day of each instant. Clocks change on whole hours, so an hour is converted once."""
    import polars as pl

    hours = pl.Series([event_at.min(), event_at.max()], dtype=pl.Int64).to_numpy() // HOUR
    bounds = _new_york_days(hours)
    if bounds[0] == bounds[1]:  # a vendor's file is of one day
        return pl.lit(bounds[0], pl.Date).alias("session")
    hour = np.asarray(event_at.cast(pl.Int64).to_numpy(), np.int64) // HOUR
    if hours[1] - hours[0] < _MOST_HOURS:
        return _new_york_days(np.arange(hours[0], hours[1] + 1)).gather(hour - hours[0]).alias("session")
    hours, place = np.unique(hour, return_inverse=True)
    return _new_york_days(hours).gather(place).alias("session")


def _new_york_days(hours: I64) -> pl.Series:
    import polars as pl

    return pl.Series(hours * HOUR).cast(pl.Datetime("ns", "UTC")).dt.convert_time_zone("America/New_York").dt.date()


def _parts(rows: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Month (``2026-03``) of the session and rows of it, a file's worth at a time.

    In total order, so that reading a session skips the others; a single session that came symbol by symbol, as a vendor's file of the
    whole market does, stays so: reading a symbol skips the others.
    """
    import polars as pl

    bounds = pl.Series([rows["session"].min(), rows["session"].max()], dtype=pl.Date)
    ends = bounds.dt.strftime("%Y-%m")
    if ends[0] != ends[1]:
        months = _ordered(rows).with_columns(month=pl.col("session").dt.strftime("%Y-%m"))
        for (month,), part in sorted(months.partition_by("month", as_dict=True, include_key=False).items()):
            yield str(month), part
        return
    order = None if bounds[0] == bounds[1] and rows["symbol"].is_sorted() else _order(rows)
    for start in range(0, len(rows), _FILE):
        yield ends[0], rows.slice(start, _FILE) if order is None else rows[order.slice(start, _FILE)]


def _new_rows(kind: type[Event], rows: pl.DataFrame, held: pl.DataFrame) -> tuple[pl.DataFrame, Appended]:
    """Split off the rows that are on the tape already or come twice: the first of an id stays."""
    import polars as pl

    if len(held) == 0 and _distinct(rows["id"].to_numpy()):
        return rows, Appended(rows=len(rows))
    held, rows = (side.cast(pl.Schema(schema(kind))) for side in (held, rows))
    both = pl.concat([held.with_columns(old=pl.lit(True)), rows.with_columns(old=pl.lit(False))]).with_row_index("at")
    first = both.unique("id", keep="first", maintain_order=True)
    later = both.join(first.select("at"), on="at", how="anti")
    values = ["known_at", *columns_of(kind)]
    same = pl.all_horizontal([pl.col(n).eq_missing(pl.col(f"{n}_first")) for n in values])
    pairs = later.join(first.select("id", *values), on="id", how="left", suffix="_first").select(same=same)
    duplicates = int(pairs["same"].sum())
    fresh = first.filter(~pl.col("old")).select(rows.columns)
    return fresh, Appended(rows=len(fresh), duplicates=duplicates, conflicts=len(later) - duplicates)


def _ordered(rows: pl.DataFrame) -> pl.DataFrame:
    order = _order(rows)
    return rows if order is None else rows[order]


def _order(rows: pl.DataFrame) -> pl.Series | None:
    """Places of the rows in total order; none where they are in it. Files are written in order, so there is often nothing to do."""
    import polars as pl

    known, seq = rows["known_at"].to_numpy(), rows["seq"].to_numpy()
    if _rises(known, seq):
        return None
    order = np.argsort(known, kind="stable")  # of a vendor's file, which is in order symbol by symbol, a merge of its runs
    if (seq[1:] > seq[:-1]).all() or _rises(known[order], seq[order]):
        return pl.Series(order.astype(np.uint32))
    return rows.select(pl.arg_sort_by(*ORDER)).to_series()


def _distinct(ids: I64) -> bool:
    ordered = np.sort(ids)
    return bool((ordered[1:] != ordered[:-1]).all())


def _rises(known: Array, seq: Array) -> bool:
    if not (known[1:] >= known[:-1]).all():
        return False
    later = known[1:] > known[:-1]
    return bool((later | ((known[1:] == known[:-1]) & (seq[1:] > seq[:-1]))).all())


def _chunk(kind: type[Event], symbols: tuple[str, ...], rows: pl.DataFrame) -> Chunk:
    import polars as pl

    def column(name: str, kept: type) -> Array:
        if kept is int:
            return rows[name].fill_null(MISSING).to_numpy()
        if kept is float:
            return rows[name].fill_null(float("nan")).to_numpy()
        return np.asarray(rows[name].fill_null("").to_list(), object)

    key = rows["symbol"].cast(pl.Enum(symbols)).to_physical().cast(pl.Int64).to_numpy()
    return Chunk(
        kind,
        symbols,
        key,
        rows["event_at"].to_numpy(),
        rows["known_at"].to_numpy(),
        rows["seq"].to_numpy(),
        rows["grade"].to_numpy(),
        {name: column(name, unit.kept) for name, unit in columns_of(kind).items()},
        tuple(sorted(rows["source"].unique().to_list())),
    )

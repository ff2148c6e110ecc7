"""Files to tables: CSV (also .gz), Parquet and zips of them, by path, folder or glob; a file that is broken is named, with its line."""

from __future__ import annotations

import csv
import glob
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.errors import BadInput
from undertow.sources.mapping import ReadRule

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".csv.gz", ".parquet", ".zip")
LARGEST = 8 * 2**30  #: bytes of one file once unpacked: more is a bomb, or wants splitting


@dataclass(frozen=True, slots=True)
class Table:
    """One file's rows: every CSV column as text.

    line : int64 (n,)  number of the row in its file, from 1: lines for CSV (the header counts), rows for Parquet
    """

    file: str
    frame: pl.DataFrame
    line: I64
    word: str  #: what ``line`` counts: line or row
    derived: tuple[str, ...]  #: columns made from the file's name

    def rows(self, wanted: Array) -> Table:
        """Some of the rows, given as bool (n,)."""
        import polars as pl

        return replace(self, frame=self.frame.filter(pl.Series(wanted)), line=self.line[wanted])

    def fail(self, row: int, why: str) -> NoReturn:
        """Raise ``BadInput`` for a row of the frame."""
        raise BadInput(f"{self.file}, {self.word} {self.line[row]}: {why}; nothing was written.")


def find_files(paths: Sequence[str | Path]) -> list[Path]:
    """The files meant by paths, folders and globs, each once, in order of name within a folder or glob."""
    found: dict[Path, None] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            here = sorted(p for p in path.rglob("*") if p.is_file() and p.name.lower().endswith(SUFFIXES))
        elif path.exists():
            here = [path]
        else:
            here = [Path(p) for p in sorted(glob.glob(str(given), recursive=True))]  # noqa: PTH207  an absolute pattern
        if not here:
            raise BadInput(f"No file at {given}: give files, folders or globs of {', '.join(SUFFIXES)}.")
        found.update(dict.fromkeys(here))
    if not found:
        raise BadInput("No file was given: name at least one file, folder or glob.")
    return list(found)


def tables(path: Path, rule: ReadRule) -> Iterator[Table]:
    """The tables in one file: one, or as many as a zip holds. Raises ``BadInput`` where it cannot be read whole."""
    name = path.name.lower()
    try:
        if name.endswith(".zip"):
            yield from _zipped(path, rule)
        elif name.endswith(".parquet"):
            yield _parquet(str(path), path.read_bytes(), rule)
        elif name.endswith(".csv.gz"):
            with gzip.open(path) as stream:
                yield _csv(str(path), _limited(stream.read(LARGEST + 1), str(path)), rule)
        elif name.endswith(".csv"):
            yield _csv(str(path), path.read_bytes(), rule)
        else:
            raise BadInput(f"{path} is of no known form: give {', '.join(SUFFIXES)}.")
    except (EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        raise BadInput(f"{path} is cut short, damaged or locked ({error}): fetch it again; nothing was written.") from error
    except OSError as error:
        why = error.strerror or error
        raise BadInput(f"{path} cannot be read ({why}): it may be cut short or damaged; nothing was written.") from error


def _zipped(path: Path, rule: ReadRule) -> Iterator[Table]:
    with zipfile.ZipFile(path) as archive:
        members = [m for m in archive.infolist() if m.filename.lower().endswith((".csv", ".parquet"))]
        if not members:
            raise BadInput(f"{path} holds no .csv or .parquet file.")
        for member in sorted(members, key=lambda m: m.filename):
            label = f"{path}/{member.filename}"
            with archive.open(member) as stream:
                body = _limited(stream.read(LARGEST + 1), label)
            yield (_parquet if label.lower().endswith(".parquet") else _csv)(label, body, rule)


def _limited(body: bytes, label: str) -> bytes:
    if len(body) > LARGEST:
        raise BadInput(f"{label} unpacks to more than {LARGEST >> 30} GiB: split it.")
    return body


def _parquet(label: str, body: bytes, rule: ReadRule) -> Table:
    import polars as pl
    from polars.exceptions import PanicException, PolarsError

    try:
        frame = pl.read_parquet(io.BytesIO(body))
    except (PolarsError, OSError, PanicException) as error:  # a damaged file can make the Rust side panic
        raise BadInput(f"{label} is not a whole Parquet file: it is cut short or damaged; nothing was written.") from error
    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Categorical | pl.Enum):
            frame = frame.with_columns(pl.col(name).cast(pl.String))
    return _named(label, frame, np.arange(1, len(frame) + 1), "row", rule)


def _csv(label: str, body: bytes, rule: ReadRule) -> Table:
    import polars as pl

    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{label}, line {line}: is not UTF-8 text; nothing was written.") from error
    kept, lines = _records(label, text, rule)
    names = rule.columns or []
    if rule.header:
        if not kept:
            raise BadInput(f"{label} is empty: not even a header.")
        header, kept, lines = kept[0], kept[1:], lines[1:]
        names = [n.strip() for n in header] if not rule.columns else rule.columns
    if twice := [n for n in names if names.count(n) > 1]:
        raise BadInput(f"{label} names the column {twice[0]!r} twice.")
    for fields, line in zip(kept, lines, strict=True):
        if len(fields) != len(names):
            raise BadInput(f"{label}, line {line}: has {len(fields)} fields where {len(names)} are due; nothing was written.")
    columns = zip(*kept, strict=True) if kept else [()] * len(names)
    frame = pl.DataFrame({n: pl.Series(c, dtype=pl.String) for n, c in zip(names, columns, strict=True)})
    frame = frame.with_columns(pl.all().str.strip_chars()).with_columns(
        pl.when(pl.all().is_in(["", *rule.null_values])).then(None).otherwise(pl.all()).name.keep()
    )
    return _named(label, frame, np.asarray(lines, np.int64), "line", rule)


def _records(label: str, text: str, rule: ReadRule) -> tuple[list[list[str]], list[int]]:
    """Fields and line number of every record that is neither blank nor a comment."""
    if '"' not in text:
        numbered = [(line.rstrip("\r"), i) for i, line in enumerate(text.split("\n"), 1)]
        mine = [(line, i) for line, i in numbered if line.strip() and not (rule.comment and line.startswith(rule.comment))]
        return [line.split(rule.separator) for line, _ in mine], [i for _, i in mine]
    kept, lines = [], []
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=rule.separator, strict=True)
    try:
        last = 0
        for fields in reader:
            first, last = last + 1, reader.line_num
            if fields and not (rule.comment and fields[0].startswith(rule.comment)):
                kept.append(fields)
                lines.append(first)
    except csv.Error as error:
        raise BadInput(f"{label}, line {reader.line_num}: {error}; nothing was written.") from error
    return kept, lines


def _named(label: str, frame: pl.DataFrame, line: I64, word: str, rule: ReadRule) -> Table:
    """Add what the file's name says as columns."""
    import polars as pl

    if rule.name is None:
        return Table(label, frame, line, word, ())
    match = re.search(rule.name, Path(label).name)
    if match is None:
        raise BadInput(f"{label}: its name does not match read.name = {rule.name!r}; leave it out or change the mapping.")
    parts = {name: value for name, value in match.groupdict().items() if value is not None}
    if clash := [name for name in parts if name in frame.columns]:
        raise BadInput(f"{label} has a column {clash[0]!r} and so does read.name: rename the group.")
    return Table(label, frame.with_columns(**{n: pl.lit(v) for n, v in parts.items()}), line, word, tuple(parts))

"""Import: files through a mapping onto the tape. Everything is checked before the first row is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.core.events import BY_NAME
from undertow.core.time import Instant
from undertow.sources.imported import Refused, load_mapping, read_files
from undertow.tape.notes import Note, write_notes
from undertow.tape.store import Appended, Tape

if TYPE_CHECKING:
    import polars as pl

ROWS_PER_COMMIT = 200_000  #: months are gathered into one commit up to this; a larger month is a commit of its own

Progress = Callable[[str, int, int], None]  #: what is done, how many steps are behind, how many there are


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSummary:
    """What an import did."""

    files: int
    rows: int  #: read
    not_meant: int  #: rows that no event of the mapping asks for
    kinds: Mapping[str, Appended]
    refused: tuple[Refused, ...]


def import_files(
    tape: Tape, mapping_path: Path, paths: Sequence[str | Path], now: Instant, progress: Progress | None = None
) -> ImportSummary:
    """Read files by a mapping and put their events on the tape; a second time changes nothing.

    Raises ``BadInput`` before anything is written, ``StoreError`` where the disk refuses; after that, or after ``kill -9``, the same
    import run again ends with the same tape as one that was never interrupted.
    """
    mapping = load_mapping(mapping_path)
    parsed = read_files(mapping, paths, now, progress)
    parts = [(name, part) for name, frame in parsed.frames.items() for part in _commits(frame)]
    kinds = dict.fromkeys(parsed.frames, Appended())
    for done, (name, part) in enumerate(parts):
        if progress is not None:
            progress(f"writing {name}", done, len(parts))
        kinds[name] += tape.append(BY_NAME[name], part)
    write_notes(tape, [_note(refused, mapping.source) for refused in parsed.refused])
    return ImportSummary(files=parsed.files, rows=parsed.rows, not_meant=parsed.not_meant, kinds=kinds, refused=tuple(parsed.refused))


def _note(refused: Refused, source: str) -> Note:
    return Note(
        kind=refused.kind,
        symbol=refused.symbol,
        day=refused.day,
        says="refused",
        reason=refused.reason,
        rows=refused.rows,
        source=source,
    )


def _commits(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Whole months of rows, gathered up to ``ROWS_PER_COMMIT``; an identity never falls into two of them."""
    import polars as pl

    day = pl.from_epoch(pl.col("event_at"), "ns").dt.replace_time_zone("UTC").dt.convert_time_zone("America/New_York")
    dated = frame.with_columns(month=day.dt.strftime("%Y-%m"))
    gathered: list[pl.DataFrame] = []
    for (_,), month in sorted(dated.partition_by("month", as_dict=True, include_key=False).items()):
        if gathered and sum(map(len, gathered)) + len(month) > ROWS_PER_COMMIT:
            yield pl.concat(gathered)
            gathered = []
        gathered.append(month)
    if gathered:
        yield pl.concat(gathered)

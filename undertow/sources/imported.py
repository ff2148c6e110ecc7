"""Files of any vendor as events, by a mapping: everything is read and checked before anything is handed on.

A row is taken, refused with a reason (it cannot be believed: a holiday, prices out of order) or fatal (malformed: nothing is imported).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Array
from undertow.core.errors import BadInput
from undertow.core.events import BY_NAME, Bar, CorporateAction, DailyBar, Event, columns_of
from undertow.core.time import Instant, iso
from undertow.sources.clocks import Moments, moments, new_york_day
from undertow.sources.expressions import Reader
from undertow.sources.mapping import EventRule, Mapping, load_mapping
from undertow.sources.readers import Table, find_files, tables
from undertow.sources.values import as_kept, needed_columns, out_of_order

if TYPE_CHECKING:
    import polars as pl

__all__ = ["Mapping", "Parsed", "Refused", "load_mapping", "read_files"]

SYMBOL = r"^[A-Z^][A-Z0-9.^/_-]{0,19}$"
OUT_OF_ORDER = "high or low contradicts the other prices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Rows of a symbol and day that were left out, and why."""

    kind: str
    symbol: str
    day: str  #: YYYY-MM-DD
    reason: str
    rows: int


@dataclass(slots=True)
class Parsed:
    """What the files say: rows ready for the tape by kind, and what was left out."""

    files: int = 0
    rows: int = 0  #: rows read
    not_meant: int = 0  #: rows that no event's ``where`` took
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)  #: kind -> rows as ``Tape.append`` takes them
    refused: list[Refused] = field(default_factory=list)


def read_files(
    mapping: Mapping, paths: Sequence[str | Path], now: Instant, progress: Callable[[str, int, int], None] | None = None
) -> Parsed:
    """Read and check every file. Raises ``BadInput`` at the first thing that is wrong, naming file and row; ``now`` bounds the clocks."""
    import polars as pl
    from polars.exceptions import PolarsError

    files = find_files(paths)
    parsed = Parsed(files=len(files))
    frames: dict[str, list[pl.DataFrame]] = {}
    refused: list[pl.DataFrame] = []
    for done, path in enumerate(files):
        if progress is not None:
            progress(f"reading {path.name}", done, len(files))
        for table in tables(path, mapping.read):
            parsed.rows += len(table.frame)
            reader = Reader(table, mapping.read.text)
            taken = np.zeros(len(table.frame), bool)
            for number, rule in enumerate(mapping.event, 1):
                try:
                    rows, meant, bad = _events(rule, reader, f"event.{number}", now)
                except PolarsError as error:  # a type that no rule expects, such as lists in a column of prices
                    why = str(error).split("\n")[0].rstrip(".")
                    raise BadInput(f"{table.file} does not fit event.{number} of the mapping ({why}); nothing was written.") from error
                taken |= meant
                frames.setdefault(rule.kind, []).append(rows.with_columns(source=pl.lit(mapping.source)))
                refused.append(bad.with_columns(kind=pl.lit(rule.kind)))
            parsed.not_meant += int((~taken).sum())
    parsed.frames = {kind: pl.concat(frames[kind]) for kind in BY_NAME if kind in frames}
    every = pl.concat(refused).group_by("kind", "symbol", "day", "reason", maintain_order=True).agg(rows=pl.len())
    parsed.refused = [Refused(**row) for row in every.sort("kind", "day", "symbol", "reason").iter_rows(named=True)]
    return parsed


def _events(rule: EventRule, reader: Reader, key: str, now: Instant) -> tuple[pl.DataFrame, Array, pl.DataFrame]:
    """One event section over one table: rows for the tape, which rows were meant (n,), and the refused rows."""
    import polars as pl

    needed_columns(rule.event, rule.columns, key)
    meant = reader.mask(rule.where, f"{key}.where") if rule.where else np.ones(len(reader.table.frame), bool)
    mine = reader.only(meant)
    refusal = np.full(len(mine.table.frame), "", object)
    for why, sql in rule.refuse.items():
        refusal[mine.mask(sql, f"{key}.refuse")] = why
    symbols = mine.value(rule.symbol, f"{key}.symbol").cast(pl.String)
    _symbols(symbols, mine.table)
    event = moments(rule.event_at, mine, f"{key}.event_at")
    known = moments(rule.known_at, mine, f"{key}.known_at", event.at)
    _not_future(rule.event, event, known, now, mine.table, refusal == "")
    _closed_days(rule.event, event, known, mine.table, refusal)
    keep = refusal == ""
    kept = mine.only(keep)
    rest = kept.table
    columns = {name: as_kept(rule.event, name, kept.value(sql, f"{key}.columns.{name}"), rest) for name, sql in rule.columns.items()}
    frame = pl.DataFrame(
        {
            "symbol": symbols.filter(pl.Series(keep)),
            "event_at": event.at[keep],
            "known_at": known.at[keep],
            "seq": rest.line,
            "grade": pl.Series(np.full(len(rest.line), int(rule.known_at.grading)), dtype=pl.Int8),
            **columns,
        },
    ).select("symbol", "event_at", "known_at", "seq", "grade", *_all_columns(rule.event, columns))
    _known_in_time(rule.event, frame, rest)
    if rule.event in (Bar, DailyBar):
        wrong = out_of_order(frame)
        refusal[np.flatnonzero(keep)[wrong]] = OUT_OF_ORDER
        frame = frame.filter(pl.Series(~wrong))
    gone = refusal != ""
    bad = pl.DataFrame(
        {
            "symbol": symbols.filter(pl.Series(gone)),
            "day": pl.Series(np.datetime_as_string(event.day[gone]), dtype=pl.String),
            "reason": pl.Series(refusal[gone].tolist(), dtype=pl.String),
        }
    )
    return frame, meant, bad


def _all_columns(kind: type[Event], given: dict[str, Any]) -> list[Any]:
    """The kind's columns in order, null where the mapping says nothing, so that frames of several sections stack."""
    import polars as pl

    dtypes = {int: pl.Int64, float: pl.Float64, str: pl.String}
    return [
        pl.col(name).cast(dtypes[unit.kept]) if name in given else pl.lit(None, dtypes[unit.kept]).alias(name)
        for name, unit in columns_of(kind).items()
    ]


def _symbols(symbols: pl.Series, table: Table) -> None:
    known = symbols.fill_null("").unique()
    wrong = known.filter(~known.str.contains(SYMBOL))
    if len(wrong):
        row = int(symbols.fill_null("").is_in(wrong.to_list()).arg_max() or 0)
        table.fail(row, f"symbol is {symbols[row]!r}, which is no ticker in capital letters")


def _not_future(kind: type[Event], event: Moments, known: Moments, now: Instant, table: Table, live: Array) -> None:
    """A row from the future is a mistake of the file or of its mapping; an action may be announced before it takes effect."""
    for clock, at, shut in (("event_at", event.at, event.shut), ("known_at", known.at, known.shut)):
        if clock == "event_at" and kind is CorporateAction:
            continue
        ahead = live & ~shut & (at > now)
        if ahead.any():
            row = int(ahead.argmax())
            table.fail(row, f"{clock} would be {iso(int(at[row]))}, which lies in the future")


def _closed_days(kind: type[Event], event: Moments, known: Moments, table: Table, refusal: Array) -> None:
    """Refuse rows of days on which the exchange was closed, by the holiday's name."""
    calendar = nyse()
    days = event.day
    if kind.in_session:
        before = (days < calendar.day[0]) & (refusal == "")
        if before.any():
            row = int(before.argmax())
            table.fail(row, f"{days[row]} lies before the exchange's calendar, which begins on {calendar.day[0]}")
        shut = ~np.isin(days, calendar.day) | ~np.isin(new_york_day(event.at), calendar.day)
    else:
        shut = event.shut | known.shut
    for day in np.unique(days[shut & (refusal == "")]):
        why = calendar.why_closed(day) or "no session"
        refusal[shut & (days == day) & (refusal == "")] = why if why == "exchange closed" else f"{why}, exchange closed"


def _known_in_time(kind: type[Event], frame: pl.DataFrame, table: Table) -> None:
    """Check the kind's own rule for the second clock: too early would be looking ahead."""
    if kind is CorporateAction or not len(frame):
        return
    event_at, known_at = frame["event_at"].to_numpy(), frame["known_at"].to_numpy()
    earliest = event_at + kind.least_lag
    if kind.next_session:
        earliest = np.maximum(earliest, nyse().next_midnight(event_at))
    early = known_at < earliest
    if early.any():
        row = int(early.argmax())
        table.fail(
            row,
            f"known_at would be {iso(int(known_at[row]))}, but a {kind.kind} of {iso(int(event_at[row]))} "
            f"cannot be known before {iso(int(earliest[row]))}",
        )

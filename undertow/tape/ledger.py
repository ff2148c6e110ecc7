"""The coverage ledger: for each kind, symbol and session what the tape holds and, where it holds nothing, why.

Sessions that say the same are told as one run. Days that are no session (weekends, holidays by name) are told once for the whole tape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import I64, Array
from undertow.core.events import Bar, Event, Fill, LabelKnown, ModelReady
from undertow.core.time import MINUTE, SECOND, Instant
from undertow.tape.notes import read_notes
from undertow.tape.store import Tape

if TYPE_CHECKING:
    import polars as pl

HERE, PARTIAL, REFUSED, EMPTY, HOLE, AHEAD = "here", "partial", "refused", "no trades", "hole", "not yet published"
LATER = "not imported"
#: how each word is explained to a person
MEANING = {
    HERE: "rows are here",
    PARTIAL: "fewer bars than the session has room for: the rest is a hole, or nothing traded",
    REFUSED: "only rows that cannot be believed",
    EMPTY: "the vendor attests that nothing happened",
    HOLE: "nothing is here and no reason is known",
    LATER: "after the last row that was imported",
    AHEAD: "the session's rows are not due yet",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Neighbouring sessions of which the same can be said."""

    first: str  #: YYYY-MM-DD
    last: str
    sessions: int
    status: str
    detail: str = ""  #: for example ``40 of 78 bars``, or why rows were refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The coverage of one kind (bars: of one span) and symbol."""

    kind: str
    span: str  #: of bars, for example ``5m``; empty for other kinds
    symbol: str
    rows: int
    first: str
    last: str
    runs: tuple[Run, ...]  #: empty for kinds that may be silent for days, such as filings


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A day inside the tape's range that was special."""

    day: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """What the tape holds; ``dataclasses.asdict`` is its JSON form."""

    lines: tuple[Line, ...]
    holidays: tuple[Closed, ...]
    half_days: tuple[str, ...]  #: short sessions; they are not missing anything
    refused: tuple[Closed, ...]  #: one entry a kind, day and reason, with the number of rows


def coverage(tape: Tape, now: Instant) -> Coverage:
    """Account for every session from each symbol's first row to the last session before ``now``."""
    calendar = nyse()
    notes = read_notes(tape)
    lines = [line for kind in tape.kinds() for line in _lines(tape, kind, calendar, notes, now)]
    days = [np.datetime64(d) for line in lines for d in (line.first, line.last)]
    sessions = calendar.sessions(min(days), max(days)) if days else slice(0, 0)
    weekdays = (
        np.arange(min(days), max(days) + 1)[np.is_busday(np.arange(min(days), max(days) + 1))] if days else np.empty(0, "datetime64[D]")
    )
    shut = weekdays[~np.isin(weekdays, calendar.day)]
    return Coverage(
        lines=tuple(lines),
        holidays=tuple(Closed(day=str(d), why=calendar.why_closed(d)) for d in shut if d >= calendar.day[0]),
        half_days=tuple(str(d) for d in calendar.day[sessions][calendar.half_days()[sessions]]),
        refused=_refusals(notes),
    )


def _refusals(notes: pl.DataFrame) -> tuple[Closed, ...]:
    rows: Counter[tuple[str, str, str]] = Counter()
    for note in notes.iter_rows(named=True):
        if note["says"] == "refused":
            rows[(note["day"], note["kind"], note["reason"])] += note["rows"]
    return tuple(Closed(day=d, why=f"{kind}: {reason}: {n:,} rows refused") for (d, kind, reason), n in sorted(rows.items()))


def _lines(tape: Tape, kind: type[Event], calendar: Calendar, notes: pl.DataFrame, now: Instant) -> Iterator[Line]:
    import polars as pl

    table = _by_session(tape, kind, calendar)
    due = _due(kind, table, calendar)
    mine = notes.filter(pl.col("kind") == kind.kind)
    for (symbol, span), part in table.sort("symbol", "span", "session").group_by("symbol", "span", maintain_order=True):
        days = part["session"].to_numpy().astype("datetime64[D]")
        remarks = {
            np.datetime64(day): (EMPTY, "") if says == EMPTY else (REFUSED, reason)
            for day, says, reason in mine.filter(pl.col("symbol") == symbol).select("day", "says", "reason").iter_rows()
        }
        runs: tuple[Run, ...] = ()
        if kind.in_session and kind not in (LabelKnown, ModelReady, Fill):
            held = dict(zip(days, part["bars" if kind is Bar else "rows"].to_list(), strict=True))
            runs = tuple(_runs(_Account(held, remarks, max(held), int(str(span)), due, now), calendar))
        yield Line(
            kind=kind.kind,
            span=_span_name(int(str(span))),
            symbol=str(symbol),
            rows=int(part["rows"].sum()),
            first=str(days[0]),
            last=str(days[-1]),
            runs=runs,
        )


def _by_session(tape: Tape, kind: type[Event], calendar: Calendar) -> pl.DataFrame:
    """Rows, bars inside regular hours and the last known_at of each symbol, span and session."""
    import polars as pl

    hours = pl.LazyFrame({"session": pl.Series(calendar.day).cast(pl.Date), "begins": calendar.open, "ends": calendar.close})
    span = pl.col("span") if kind is Bar else pl.lit(0, pl.Int64)
    rows = tape.frame(kind).with_columns(span=span).join(hours, on="session", how="left")
    regular = (pl.col("event_at") - pl.col("span") >= pl.col("begins")) & (pl.col("event_at") <= pl.col("ends"))
    return rows.group_by("symbol", "span", "session").agg(rows=pl.len(), bars=regular.sum(), known_at=pl.col("known_at").max()).collect()


def _due(kind: type[Event], table: pl.DataFrame, calendar: Calendar) -> I64:
    """When each session's rows are usually known, ns UTC (sessions,): learnt from the rows that are here."""
    base = np.append(calendar.midnight[1:], calendar.midnight[-1]) if kind.next_session else calendar.midnight
    days = table["session"].to_numpy().astype("datetime64[D]")
    where = np.minimum(np.searchsorted(calendar.day, days), len(calendar) - 1)
    usual = np.median(table["known_at"].to_numpy() - base[where]) if len(table) else 0.0
    return base + int(usual)


@dataclass(frozen=True, slots=True)
class _Account:
    held: Mapping[np.datetime64, int]  #: session -> rows (bars: those in regular hours)
    remarks: Mapping[np.datetime64, tuple[str, str]]
    newest: np.datetime64  #: last session that is here
    span: int
    due: I64
    now: Instant

    def say(self, i: int, day: np.datetime64, length: int) -> tuple[str, str]:
        """Status and detail of session ``i``."""
        count = self.held.get(day)
        if count is not None:
            room = -(-length // self.span) if self.span else 0
            if count >= room:
                return HERE, ""
            return (AHEAD if self.due[i] > self.now else PARTIAL), f"{count} of {room} bars"
        if day in self.remarks:
            return self.remarks[day]
        if self.due[i] > self.now:
            return AHEAD, ""
        return (LATER if day > self.newest else HOLE), ""


def _runs(account: _Account, calendar: Calendar) -> Iterator[Run]:
    """Runs from the first session that is here to the last that has begun (or is here)."""
    first = min(account.held)
    last = max(max(account.held), calendar.day[max(int(calendar.position(account.now)), 0)])
    here = calendar.sessions(first, last)
    days: Array = calendar.day[here]
    lengths = (calendar.close - calendar.open)[here]
    said = [account.say(here.start + i, day, int(lengths[i])) for i, day in enumerate(days)]
    start = 0
    for i in range(1, len(said) + 1):
        if i == len(said) or said[i] != said[start]:
            status, detail = said[start]
            yield Run(first=str(days[start]), last=str(days[i - 1]), sessions=i - start, status=status, detail=detail)
            start = i


def _span_name(span: int) -> str:
    if span == 0:
        return ""
    return f"{span // MINUTE}m" if span % MINUTE == 0 else f"{span // SECOND}s" if span % SECOND == 0 else f"{span}ns"

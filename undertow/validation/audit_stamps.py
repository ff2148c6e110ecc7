"""The stamps of events: could a live system have known each row when the tape says it did?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import Array, Chunk
from undertow.core.events import Bar, ChainRow, CorporateAction, DailyBar, EarningsDate, Event, Grade, OffExchangeVolume, OpenInterest
from undertow.core.time import SECOND, iso
from undertow.validation.laws import Finding

#: kinds about the future: they may be known before they take effect
AHEAD: tuple[type[Event], ...] = (CorporateAction, EarningsDate)
#: kinds that sum up a session: their own clock cannot stand before its close
OF_A_SESSION: tuple[type[Event], ...] = (DailyBar, ChainRow, OpenInterest, OffExchangeVolume)
LAW = "stamps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamps:
    """What the rows of one kind say about when they were known."""

    kind: str
    rows: int
    grades: dict[str, int]  #: rows by grade of known_at
    least_lag_seconds: float  #: smallest known_at - event_at


def stamps_of(chunks: Iterable[Chunk]) -> list[Stamps]:
    """Rows, grades and smallest lag of each chunk that has rows."""
    return [
        Stamps(
            kind=chunk.kind.kind,
            rows=len(chunk),
            grades={grade.name.lower(): int((chunk.grade == grade).sum()) for grade in Grade},
            least_lag_seconds=float((chunk.known_at - chunk.event_at).min()) / SECOND,
        )
        for chunk in chunks
        if len(chunk)
    ]


def audit_stamps(chunks: Iterable[Chunk], calendar: Calendar) -> list[Finding]:
    """Rows whose two clocks contradict what is possible for their kind, with an example of each."""
    return [finding for chunk in chunks if len(chunk) for finding in _audit(chunk, calendar)]


def _audit(chunk: Chunk, calendar: Calendar) -> list[Finding]:
    kind, event, known = chunk.kind, chunk.event_at, chunk.known_at
    session = calendar.position(event)
    wrong: list[tuple[Array, str]] = [
        (event <= 0, "have no event_at"),
        (np.append(False, np.diff(known) < 0), "are not in the order of known_at"),
    ]
    if kind not in AHEAD:
        wrong.append((known < event, "are known before they happened"))
        least = f"are known less than {kind.least_lag // SECOND} s after they happened, sooner than this kind is published"
        wrong.append(((known >= event) & (known - event < kind.least_lag), least))
    if kind.next_session:
        wrong.append((known < calendar.next_midnight(event), "are known before the next session's day, on which this kind is published"))
    if kind.in_session:
        midnight = calendar.midnight[np.maximum(session, 0)]
        away = event - midnight >= 25 * 3600 * SECOND  # a day of 25 hours falls on a Sunday
        wrong.append(((session < 0) | away, "happened on a day on which the exchange was closed"))
    if kind in OF_A_SESSION:
        wrong.append((event < calendar.close[session], "sum up a session but are stamped before its close"))
    if kind is Bar:
        wrong.append((_starts(chunk, calendar), "end at the open where none ends at the close: stamped with their start"))
    return [_finding(chunk, rows, what) for rows, what in wrong if rows.any()]


def _starts(bars: Chunk, calendar: Calendar) -> Array:
    session = calendar.position(bars.event_at)
    at_open, at_close = bars.event_at == calendar.open[session], bars.event_at == calendar.close[session]
    return np.zeros(len(bars), bool) if at_close.any() else np.asarray(at_open)


def _finding(chunk: Chunk, rows: Array, what: str) -> Finding:
    i = int(np.argmax(rows))
    example = f"{chunk.symbols[int(chunk.key[i])]} happened {iso(int(chunk.event_at[i]))}, known {iso(int(chunk.known_at[i]))}"
    return Finding(LAW, chunk.kind.kind, f"{int(rows.sum())} of {len(chunk)} rows {what}; for example {example}")

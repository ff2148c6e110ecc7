"""Holes in the bars that a job trades on: refused, or said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pytest

from tests.end_to_end.harness import NOW
from undertow.app.gaps import holes
from undertow.app.job import Flags, Job, check
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.errors import BadInput
from undertow.core.events import MISSING, DailyBar, columns_of


@pytest.fixture
def job() -> Job:
    return check(Flags(symbols="AAA,BBB", start_date="2025-01-06", end_date="2025-03-31"), nyse(), NOW)


def bars(job: Job, *sessions: Iterable[int]) -> Chunk:
    """Day bars of each symbol in these sessions, counted from the job's first."""
    each = [np.array(list(own), np.int64) for own in sessions]
    key = np.repeat(np.arange(len(each)), [len(own) for own in each])
    at = nyse().close[job.first + np.concatenate(each)]
    columns = {name: np.full(len(at), MISSING) for name in columns_of(DailyBar)}
    return chunk_of(DailyBar, job.symbols, key=key, event_at=at, known_at=at, columns=columns)


def test_nothing_is_said_of_bars_without_holes_and_of_a_lost_day(job: Job) -> None:
    whole = range(job.last - job.first + 1)
    assert holes(bars(job, whole, whole), job, nyse()) == ()
    assert holes(bars(job, whole, [i for i in whole if i not in (10, 11, 12)]), job, nyse()) == ()


def test_a_missing_month_is_refused_or_allowed(job: Job) -> None:
    whole = range(job.last - job.first + 1)
    torn = bars(job, whole, [i for i in whole if not 10 <= i < 30])
    day = [str(nyse().day[job.first + i]) for i in (10, 29)]
    with pytest.raises(BadInput, match=f"BBB has no bars from {day[0]} to {day[1]}, 20 sessions: .*--allow-gaps"):
        holes(torn, job, nyse())
    (said,) = holes(torn, replace(job, allow_gaps=True), nyse())
    assert said.startswith(f"BBB has no bars from {day[0]} to {day[1]}: ")


def test_a_symbol_that_begins_late_is_refused_and_one_that_ends_is_said(job: Job) -> None:
    whole = range(job.last - job.first + 1)
    with pytest.raises(BadInput, match="AAA has no bars from 2025-01-06 to"):
        holes(bars(job, whole[20:], whole), job, nyse())
    (said,) = holes(bars(job, whole[:-15], whole), job, nyse())
    assert said == f"AAA has no bars after {nyse().day[job.last - 15]}: what was held then is valued at its last price."

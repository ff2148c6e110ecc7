"""What a live session says before the open: the signals that the premarket mode gives at this moment."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from undertow.app.choose import Tell
from undertow.app.job import Job
from undertow.app.modes import premarket
from undertow.core.calendar import Calendar
from undertow.core.time import iso
from undertow.report.summary import signal_lines


def morning(job: Job, home: Path, calendar: Calendar, tell: Tell) -> None:
    """Print the signals on stderr; after the open there is nothing to say."""
    if job.now >= calendar.open[calendar.last_closed(job.now) + 1]:
        return
    early = premarket(replace(job, mode="premarket"), home, calendar, tell)
    told = [f"Before the open, at {iso(int(early.ticks[-1]))}:", *signal_lines(early)]
    print("\n".join(told), file=sys.stderr, flush=True)

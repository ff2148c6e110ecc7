"""Holes in what a job trades on: a month that is missing is refused, a symbol that ends is said."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from undertow.app.job import Job
from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput

MOST = 3  #: sessions in a row without a bar that pass without a word: a halt, a day that a vendor lost


def holes(bars: Chunk, job: Job, calendar: Calendar) -> tuple[str, ...]:
    """A sentence for each symbol whose bars end before the job does, or have a hole that ``--allow-gaps`` lets pass.

    Raises ``BadInput`` for a hole of more than ``MOST`` sessions within a symbol's bars, or before its first, unless gaps are allowed.
    """
    said = []
    for k, symbol in enumerate(job.symbols):
        there = np.unique(np.asarray(calendar.position(bars.event_at[bars.key == k])))
        there = there[(there >= job.first) & (there <= job.last)]
        if not len(there):
            continue
        edges = np.concatenate([[job.first - 1], there])
        for before, after in pairwise(edges):
            missing = int(after - before) - 1
            if missing > MOST:
                days = f"{calendar.day[before + 1]} to {calendar.day[after - 1]}"
                if not job.allow_gaps:
                    raise BadInput(f"{symbol} has no bars from {days}, {missing} sessions: import them, or use --allow-gaps")
                said.append(f"{symbol} has no bars from {days}: nothing was traded, and what was held kept its last price.")
        left = job.last - int(there[-1])
        if left > MOST:
            said.append(f"{symbol} has no bars after {calendar.day[there[-1]]}: what was held then is valued at its last price.")
    return tuple(said)

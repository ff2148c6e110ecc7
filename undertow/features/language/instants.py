"""What time it is at instants that a column tells of, such as when a company will report."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.time import MINUTE

OPENS, CLOSES = 9 * 60 + 29, 15 * 60 + 59  #: minutes of the New York day; one early, for clocks differ by seconds


def new_york_minute(at: F64) -> F64:
    """Instants in ns since 1970 (n,) -> minute of the New York day (n,); NaN stays NaN."""
    calendar, known = nyse(), ~np.isnan(at)
    whole = np.where(known, at, 0.0).astype(np.int64)
    midnight = calendar.midnight[np.maximum(calendar.position(whole), 0)]
    return np.where(known, (whole - midnight) // MINUTE % (24 * 60), np.nan)


def side_of_session(minute: F64) -> F64:
    """-1 before the open, 0 while the exchange trades on a whole day, +1 from its close on; NaN stays NaN."""
    return np.where(np.isnan(minute), np.nan, (minute >= CLOSES) - 1.0 * (minute < OPENS))


def to_the_second(days: F64) -> F64:
    """Days rounded to whole seconds, so that what is known at a tick and what was known 1 ns before it are of one age."""
    whole: F64 = np.rint(days * 86_400.0) / 86_400.0
    return whole

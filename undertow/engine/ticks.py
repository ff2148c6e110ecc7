"""The calendar as events: when the system decides."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import I64
from undertow.core.time import HOUR, Duration

PREMARKET_TICK: Duration = 9 * HOUR  #: 09:00 New York: open interest is out, the auction is not


def session_ticks(calendar: Calendar, position: int, every: Duration) -> I64:
    """One premarket tick and one at the end of every bar of a session, ns UTC ascending."""
    opens, closes = int(calendar.open[position]), int(calendar.close[position])
    regular = np.arange(opens + every, closes + 1, every, dtype=np.int64)
    return np.concatenate([[calendar.at_time(position, PREMARKET_TICK)], regular]).astype(np.int64)


def decision_ticks(calendar: Calendar, sessions: range, every: Duration | None) -> I64:
    """Ticks of several sessions; without ``every`` (daily bars) the premarket tick alone, which fills at that day's open."""
    if every is None:
        return np.array([calendar.at_time(i, PREMARKET_TICK) for i in sessions], np.int64)
    if not len(sessions):
        return np.empty(0, np.int64)
    return np.concatenate([session_ticks(calendar, i, every) for i in sessions])

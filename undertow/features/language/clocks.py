"""What time it is at events and at ticks, as the exchange's calendar tells it."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Array
from undertow.core.time import DAY, MINUTE


def of_events(what: str, event_at: I64, calendar: Calendar) -> Array:
    """``session``: its number, ``minute`` of the New York day, ``days`` since 1970 in UTC, ``session_share`` gone, at each event (n,)."""
    if what == "days":
        return (event_at // DAY).astype(np.float64)
    session = calendar.position(event_at)
    if what == "session":
        return session
    if what == "minute":
        return (event_at - calendar.midnight[session]) // MINUTE
    return _share(event_at, calendar)


def of_ticks(what: str, ticks: I64, calendar: Calendar) -> F64:
    """``days`` since 1970, ``minute`` of the New York day, ``weekday`` (Monday 0) or ``session_share`` at each tick (t,)."""
    if what == "days":
        return ticks / DAY
    if what == "session_share":
        return _share(ticks, calendar)
    midnight = calendar.midnight[np.maximum(calendar.position(ticks), 0)]
    since = ticks - midnight
    if what == "minute":
        return ((since // MINUTE) % (24 * 60)).astype(np.float64)
    # 1970-01-01 was a Thursday; New York's midnight lies within the UTC day of the same date
    return ((midnight // DAY + since // DAY + 3) % 7).astype(np.float64)


def _share(at: I64, calendar: Calendar) -> F64:
    session = np.maximum(calendar.position(at), 0)
    opens, closes = calendar.open[session], calendar.close[session]
    share: F64 = np.clip((at - opens) / (closes - opens), 0.0, 1.0)
    return share

"""Steps that tell the time, at events and at ticks; the calendar's tables are their state."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import I64
from undertow.core.compiled import njit
from undertow.core.time import DAY, MINUTE
from undertow.features.language.addresses import floats, ints
from undertow.features.language.steps import KEYS, MORE, OUT, Compiled, State, event_of, output_of, step, ticks_of

A_DAY = float(DAY)
WHAT = ("days", "session", "minute", "session_share")  #: of an event; of a tick also the weekday
OF_TICK = ("days", "weekday", "minute", "session_share")
TABLES = ("midnight", "open", "close")


@njit(cache=True)
def session_of(midnight: I64, at: int, hint: int) -> int:
    """Number of the session whose New York day contains an instant, or of the last before; the hint is where the one before was."""
    n = midnight.shape[0]
    if 0 <= hint < n - 1 and midnight[hint] <= at < midnight[hint + 1]:
        return hint
    return int(np.searchsorted(midnight, at, side="right")) - 1


@njit(cache=True)
def _share(at: int, session: int, opens: I64, closes: I64) -> float:
    s = max(session, 0)
    share = (at - opens[s]) / (closes[s] - opens[s])
    return float(min(max(share, 0.0), 1.0))


@step
def of_events(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``TABLES``; numbers: how long they are, place in ``WHAT``. Sessions and minutes are whole numbers."""
    event, m, what = event_of(f, kinds), f[MORE + 3], f[MORE + 4]
    midnight, opens, closes = ints(f[MORE], m), ints(f[MORE + 1], m), ints(f[MORE + 2], m)
    n, session = event.shape[0], -1
    whole, out = ints(at[f[OUT]], n), output_of(f, at, kinds)
    for i in range(n):
        if what == 0:
            out[i] = event[i] // DAY
            continue
        session = session_of(midnight, event[i], session)
        if what == 1:
            whole[i] = session
        elif what == 2:
            whole[i] = (event[i] - midnight[session]) // MINUTE
        else:
            out[i] = _share(event[i], session, opens, closes)


@step
def of_ticks(f: Any, at: Any, kinds: Any) -> None:
    """State as told by ``TABLES``; numbers: how long they are, place in ``OF_TICK``."""
    ticks, m, what, keys = ticks_of(kinds), f[MORE + 3], f[MORE + 4], f[KEYS]
    midnight, opens, closes = ints(f[MORE], m), ints(f[MORE + 1], m), ints(f[MORE + 2], m)
    out, session = floats(at[f[OUT]], ticks.shape[0] * keys), -1
    for i in range(ticks.shape[0]):
        session = session_of(midnight, ticks[i], session)
        begins = midnight[max(session, 0)]
        since = ticks[i] - begins
        if what == 0:
            value = ticks[i] / A_DAY
        elif what == 1:
            # 1970-01-01 was a Thursday; New York's midnight lies within the UTC day of the same date
            value = float((begins // DAY + since // DAY + 3) % 7)
        elif what == 2:
            value = float(since // MINUTE % (24 * 60))
        else:
            value = _share(ticks[i], session, opens, closes)
        for k in range(keys):
            out[i * keys + k] = value


def compiled(what: str, calendar: Calendar, events: bool) -> Compiled:
    """How a clock of events or of ticks enters the machine."""

    def fresh(_: int) -> State:
        return {name: np.ascontiguousarray(getattr(calendar, name)) for name in TABLES}

    place = (WHAT if events else OF_TICK).index(what)
    whole = events and what in ("session", "minute")
    return Compiled(of_events if events else of_ticks, TABLES, (len(calendar), place), fresh=fresh, whole=whole)

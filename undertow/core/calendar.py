"""The exchange's calendar: sessions, half days, holidays by name, and the phases of a day, as arrays of ns UTC."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.time import HOUR, MINUTE, Duration, Instant

FIRST_DAY = "1990-01-02"
Day = np.datetime64


class Phase(StrEnum):
    """Part of the trading day, in New York time."""

    CLOSED = "closed"
    PREMARKET = "premarket"  #: 04:00 to 09:30
    OPEN = "open"  #: 09:30 to 10:00
    REGULAR = "regular"  #: 10:00 to the close
    POST = "post"  #: the close to 20:00


@dataclass(frozen=True, slots=True)
class Calendar:
    """Sessions of one exchange, oldest first.

    day      : datetime64[D] (n,)
    midnight : int64 (n,)  00:00 New York of that day, ns UTC
    open     : int64 (n,)  ns UTC
    close    : int64 (n,)  ns UTC
    """

    day: Array
    midnight: I64
    open: I64
    close: I64

    def __len__(self) -> int:
        return len(self.day)

    def half_days(self) -> Array:
        """bool (n,): sessions that close before 16:00 New York."""
        return self.close - self.midnight < 16 * HOUR

    def position(self, at: Array | Instant) -> Array:
        """Index of the session whose New York day contains each instant, or of the last one before; -1 before the first."""
        return np.searchsorted(self.midnight, at, side="right") - 1

    def is_session(self, day: Day) -> bool:
        """Whether the exchange is open on that day."""
        i = int(np.searchsorted(self.day, day))
        return i < len(self.day) and bool(self.day[i] == day)

    def sessions(self, first: Day, last: Day) -> slice:
        """Positions of the sessions from ``first`` to ``last``, both included."""
        a, b = np.searchsorted(self.day, first, side="left"), np.searchsorted(self.day, last, side="right")
        return slice(int(a), int(b))

    def session_on_or_before(self, day: Day) -> int:
        """Position of the last session not after ``day``."""
        return int(np.searchsorted(self.day, day, side="right")) - 1

    def last_closed(self, now: Instant) -> int:
        """Position of the last session that had closed at ``now``."""
        return int(np.searchsorted(self.close, now, side="right")) - 1

    def next_midnight(self, at: Array) -> I64:
        """New York midnight that begins the first session's day after each instant's own session, ns UTC (n,)."""
        midnights: I64 = self.midnight[np.minimum(self.position(at) + 1, len(self.midnight) - 1)]
        return midnights

    def at_time(self, position: int, clock: Duration) -> Instant:
        """The instant of a New York wall-clock time (since midnight) on a session's day; changes of hour fall on Sundays."""
        return int(self.midnight[position]) + clock

    def phase(self, at: Instant) -> Phase:
        """The phase of the day at an instant."""
        i = int(self.position(at))
        if i < 0:
            return Phase.CLOSED
        since = at - int(self.midnight[i])
        if since < 4 * HOUR or since >= 20 * HOUR:
            return Phase.CLOSED
        if at < self.open[i]:
            return Phase.PREMARKET
        if at >= self.close[i]:
            return Phase.POST
        return Phase.OPEN if at < self.open[i] + 30 * MINUTE else Phase.REGULAR

    def phase_began(self, at: Instant) -> Instant:
        """When the phase of an instant began; before the first session, the beginning of time."""
        i = int(self.position(at))
        if i < 0:
            return -(2**63)
        midnight, opens, closes = int(self.midnight[i]), int(self.open[i]), int(self.close[i])
        before = int(self.midnight[i - 1]) + 20 * HOUR if i else midnight
        edges = (before, midnight + 4 * HOUR, opens, opens + 30 * MINUTE, closes, midnight + 20 * HOUR)
        return max(edge for edge in edges if edge <= at)

    def why_closed(self, day: Day) -> str:
        """Why a day is no session: the holiday's name, or the weekend; empty for a session."""
        if self.is_session(day):
            return ""
        if int(np.is_busday(day)) == 0:
            return "weekend"
        return holiday_name(str(day)) or "exchange closed"


@cache
def nyse() -> Calendar:
    """The calendar of the New York Stock Exchange from 1990 to a year from now."""
    from undertow.core.kept import kept

    # it takes a second to make, and is the same all day
    found = kept("calendar", ("exchange-calendars", "tzdata", "pandas"), _sessions)
    return Calendar(found["day"].astype("datetime64[D]"), found["midnight"], found["open"], found["close"])


def _sessions() -> dict[str, I64]:
    exchange = _exchange()
    table = exchange.schedule
    import pandas as pd

    local = pd.DatetimeIndex(exchange.sessions).tz_localize("America/New_York").tz_convert("UTC")

    def ns(index: Any) -> I64:
        return np.asarray(pd.DatetimeIndex(index).as_unit("ns").asi8, np.int64)

    day = np.asarray(exchange.sessions.values, "datetime64[D]").astype(np.int64)
    return {"day": day, "midnight": ns(local), "open": ns(table["open"]), "close": ns(table["close"])}


@cache
def _exchange() -> Any:
    import exchange_calendars

    return exchange_calendars.get_calendar("XNYS", start=FIRST_DAY)


def holiday_name(day: str) -> str:
    """The name of the exchange's holiday on a day, or an empty string."""
    return _holidays().get(day, "")


@cache
def _holidays() -> dict[str, str]:
    """Day -> name, all at once: a name at a time costs 50 ms."""
    exchange = _exchange()
    named = exchange.regular_holidays.holidays(exchange.first_session, exchange.last_session, return_name=True)
    special = {str(day)[:10]: "special closing" for day in exchange.adhoc_holidays}
    return special | {str(day)[:10]: str(name) for day, name in named.items()}

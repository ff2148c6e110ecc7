"""When orders can be filled and when they end: the exchange's sessions, and the broker's own hours around them."""

from __future__ import annotations

from collections.abc import Iterator

from undertow.core.calendar import nyse
from undertow.core.time import DAY, HOUR, MINUTE, Duration, Instant
from undertow.sandbox.broker.words import Lasts

EARLY, LATE = 4 * HOUR, 20 * HOUR  #: New York: extended hours
OPENING_ENDS: Duration = 2 * MINUTE  #: after the open an order for the opening waits no longer
GTC_DAYS = 90
_NO_OPENING, _NO_CLOSING = 2 * MINUTE, 10 * MINUTE  # before the auction it is too late
_AGAIN = 19 * HOUR  # New York: from then on orders for the next auctions are taken


def session(now: Instant) -> int:
    """Position in the calendar of the session whose close is still to come, or is now: the one that an order of now belongs to."""
    return int(nyse().close.searchsorted(now, side="right"))


def is_open(now: Instant) -> bool:
    """Whether the exchange trades."""
    return now >= int(nyse().open[session(now)])


def in_extended(now: Instant) -> bool:
    """Whether the broker fills orders for extended hours: 04:00 to 20:00 New York on days of sessions."""
    calendar = nyse()
    since = now - int(calendar.midnight[int(calendar.position(now))])
    return EARLY <= since < LATE


def works(now: Instant, *, extended: bool) -> bool:
    """Whether an order is at the exchange now: in regular hours, or in extended ones if it asks for that."""
    return is_open(now) or (extended and in_extended(now))


def opens_at(now: Instant) -> Instant:
    """The open of the session that ``session`` names."""
    return int(nyse().open[session(now)])


def begun_at(now: Instant) -> Instant:
    """When the day of the session that an instant belongs to began, New York: older prices are of a day before."""
    calendar = nyse()
    return int(calendar.midnight[int(calendar.position(now))])


def next_open(now: Instant) -> Instant:
    """The next open after now."""
    calendar = nyse()
    return int(calendar.open[int(calendar.open.searchsorted(now, side="right"))])


def next_close(now: Instant) -> Instant:
    """The next close after now."""
    return int(nyse().close[session(now)])


def edges(after: Instant, until: Instant) -> Iterator[tuple[Instant, bool]]:
    """Every open, close, and end of extended hours in ``(after, until]``, in order; with it whether it is a close."""
    calendar = nyse()
    for i in range(int(calendar.midnight.searchsorted(after, side="right")) - 1, len(calendar)):
        if int(calendar.midnight[i]) > until:
            return
        for at, closes in ((int(calendar.open[i]), False), (int(calendar.close[i]), True), (int(calendar.midnight[i]) + LATE, False)):
            if after < at <= until:
                yield at, closes


def expiry(lasts: Lasts, extended: bool, now: Instant) -> Instant:
    """When an order of now ends if nothing else ends it."""
    i, calendar = session(now), nyse()
    if lasts is Lasts.GTC:
        return int(calendar.close[min(int(calendar.position(now + GTC_DAYS * DAY)), len(calendar) - 1)])
    if lasts is Lasts.OPG:
        # of this session, unless it is open already
        return int(calendar.open[i if now < int(calendar.open[i]) else i + 1]) + OPENING_ENDS
    if extended:
        today = int(calendar.midnight[int(calendar.position(now))]) + LATE
        return today if now < today else int(calendar.midnight[i]) + LATE
    return int(calendar.close[i])


def too_late(lasts: Lasts, now: Instant) -> bool:
    """Whether an order for an auction comes between the last moment for it and 19:00 New York."""
    calendar = nyse()
    i = int(calendar.position(now))
    ends = int(calendar.open[i]) - _NO_OPENING if lasts is Lasts.OPG else int(calendar.close[i]) - _NO_CLOSING
    return ends <= now < int(calendar.midnight[i]) + _AGAIN

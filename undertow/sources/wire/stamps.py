"""Vendors' times as ns UTC: counts told apart by their size, ISO texts with their offsets, New York dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import cache
from zoneinfo import ZoneInfo

import numpy as np

from undertow.core.time import SECOND, Duration, Instant
from undertow.sources.wire.errors import BadAnswer

Day = np.datetime64
#: exclusive upper bound of a count -> ns in its unit: seconds to the year 5138, ns from 1973 on
_SCALES = ((10**11, SECOND), (10**14, 10**6), (10**17, 10**3), (2**63, 1))
_EARLIEST = 10**8  # seconds: March 1973; no vendor has older data
_ISO = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9})\d*)?)?\s*(Z|UTC|[+-]\d\d(?::?\d\d)?)", re.IGNORECASE)
_NEW_YORK = "America/New_York"


def instant(value: object) -> Instant:
    """A whole number of s, ms, us or ns since 1970, told apart by its size, as ns UTC. Raises ``BadAnswer``.

    >>> instant(1517562000015) == instant(1517562000015000000)
    True
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or value < _EARLIEST:
        raise BadAnswer(f"The vendor sent {value!r} where a time was expected; nothing was taken.")
    for bound, scale in _SCALES:
        if value < bound:
            return value * scale
    raise BadAnswer(f"The vendor sent {value!r}, too large for a time; nothing was taken.")


def instant_of(text: object) -> Instant:
    """An ISO 8601 text with its offset, to the ns, as ns UTC. Raises ``BadAnswer`` where it has no offset.

    >>> instant_of("2023-09-07T09:30:00-04:00") == instant_of("2023-09-07T13:30:00Z")
    True
    """
    match = _ISO.fullmatch(text.strip()) if isinstance(text, str) else None
    if match is None:
        raise BadAnswer(f"The vendor sent {text!r} where a date and time with its offset was expected; nothing was taken.")
    day, hour, minute, second, fraction, zone = match.groups()
    try:
        wall = datetime.fromisoformat(f"{day}T{hour}:{minute}:{second or '00'}+00:00")
    except ValueError:
        raise BadAnswer(f"The vendor sent {text!r}, which is no date and time; nothing was taken.") from None
    offset = 0
    if zone[0] in "+-":
        digits = zone[1:].replace(":", "").ljust(4, "0")
        offset = (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (-1 if zone[0] == "-" else 1)
    return (int(wall.timestamp()) - offset) * SECOND + int((fraction or "").ljust(9, "0"))


def day_of(text: object) -> Day:
    """``YYYY-MM-DD`` as datetime64[D]. Raises ``BadAnswer``."""
    if isinstance(text, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        try:
            return np.datetime64(text, "D")
        except ValueError:
            pass
    raise BadAnswer(f"The vendor sent {text!r} where a date was expected; nothing was taken.")


def new_york_day(at: Instant) -> Day:
    """The date in New York at an instant, datetime64[D]."""
    return np.datetime64(datetime.fromtimestamp(at // SECOND, _zone()).date(), "D")


@cache
def new_york_midnight(day: Day) -> Instant:
    """00:00 in New York of a date, ns UTC; exact through changes of hour."""
    date = datetime.fromisoformat(str(day))
    return int(date.replace(tzinfo=_zone()).timestamp()) * SECOND


def new_york_time(day: Day, clock: Duration) -> Instant:
    """A wall-clock time in New York (ns since midnight as the clock on the wall shows it) of a date, ns UTC."""
    wall = datetime.fromisoformat(str(day)) + timedelta(seconds=clock // SECOND)
    return int(wall.replace(tzinfo=_zone()).timestamp()) * SECOND + clock % SECOND


def retry_after(text: str, now: Instant) -> Duration | None:
    """A ``Retry-After`` header, seconds or an HTTP date, as ns from ``now``; None where it says nothing."""
    text = text.strip()
    if re.fullmatch(r"\d{1,7}(\.\d+)?", text):
        return int(float(text) * SECOND)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    return max(0, int(date.timestamp()) * SECOND - now)


@cache
def _zone() -> ZoneInfo:
    return ZoneInfo(_NEW_YORK)

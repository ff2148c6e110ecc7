"""Time is an ``int``: nanoseconds since 1970, UTC. Nothing below ``app`` may ask the machine what time it is."""

from __future__ import annotations

import re

import numpy as np

from undertow.core.errors import BadInput

Instant = int
Duration = int

SECOND: Duration = 10**9
MINUTE: Duration = 60 * SECOND
HOUR: Duration = 60 * MINUTE
DAY: Duration = 24 * HOUR

_UNITS: dict[str, Duration] = {"ns": 1, "us": 10**3, "ms": 10**6, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d+)(ns|us|ms|s|m|h|d)")


def duration(text: str) -> Duration:
    """Parse ``"15m"`` into nanoseconds.

    >>> duration("15m")
    900000000000
    """
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise BadInput(f"{text!r} is not a duration: write a whole number and one of {', '.join(_UNITS)}, for example 15m")
    return int(match[1]) * _UNITS[match[2]]


def date_of(text: str) -> np.datetime64:
    """Parse ``"2026-04-01"`` into a day.

    >>> date_of("2026-04-01")
    np.datetime64('2026-04-01')
    """
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        try:
            return np.datetime64(text, "D")
        except ValueError:
            pass
    raise BadInput(f"{text!r} is not a date: write YYYY-MM-DD")


def iso(at: Instant) -> str:
    """An instant as ISO 8601 in UTC, to the second where it is whole.

    >>> iso(0)
    '1970-01-01T00:00:00Z'
    """
    stamp = np.datetime64(at, "ns")
    return (str(stamp.astype("datetime64[s]")) if at % SECOND == 0 else str(stamp)) + "Z"

"""Instants as Alpaca writes them, and as clients write them."""

from __future__ import annotations

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np

from undertow.core.time import SECOND, Instant, iso
from undertow.sandbox.broker.words import Refused

NEW_YORK = ZoneInfo("America/New_York")
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:?\d\d)?)?")


def utc(at: Instant | None) -> str | None:
    """An instant in UTC, to the nanosecond; None stays."""
    return None if at is None else iso(at)


def new_york(at: Instant) -> str:
    """An instant in New York, to the nanosecond."""
    seconds, part = divmod(at, SECOND)
    said = datetime.fromtimestamp(seconds, NEW_YORK).isoformat()
    return f"{said[:19]}.{part:09d}{said[19:]}" if part else said


def instant(name: str, given: str) -> Instant:
    """What a client wrote, an instant or a day in UTC; raises ``Refused`` (422)."""
    match = _STAMP.fullmatch(given.replace(" 0", "+0"))  # a plus that came through a query unquoted
    if match is None:
        raise Refused(422, 40010001, f"invalid {name}: {given}")
    day, clock, part, zone = match.groups()
    seconds = np.datetime64(f"{day}T{clock or '00:00:00'}").astype("datetime64[s]").astype(int)
    offset = 0
    if zone and zone != "Z":
        offset = int(zone[0] + "1") * (int(zone[1:3]) * 3600 + int(zone[-2:]) * 60)
    return (int(seconds) - offset) * SECOND + int((part or "0").ljust(9, "0"))

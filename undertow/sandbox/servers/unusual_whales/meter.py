"""Counting requests as the vendor does: a minute from its first request on, a day from 20:00 New York, each key for itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.time import DAY, HOUR, MINUTE, Instant
from undertow.sandbox.servers.unusual_whales.plan import Plan

_DAY_BEGINS = 20 * HOUR  # New York time


@dataclass(slots=True)
class _Count:
    minute_ends: Instant = 0
    minute: int = 0
    day_ends: Instant = 0
    day: int = 0


@dataclass(slots=True)
class Meter:
    """Requests by key. Safe with threads."""

    plan: Plan
    _counts: dict[str, _Count] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def count(self, key: str, now: Instant) -> tuple[str, dict[str, str]]:
        """Count a request: the allowance that it exceeds (``minute`` or ``day``, else empty), and the headers that say how things stand.

        A refused request is not counted.
        """
        with self._lock:
            count = self._counts.setdefault(key, _Count())
            if now >= count.minute_ends:
                count.minute, count.minute_ends = 0, now + MINUTE
            if now >= count.day_ends:
                count.day, count.day_ends = 0, day_ends(now)
            over = "day" if count.day >= self.plan.per_day else "minute" if count.minute >= self.plan.per_minute else ""
            if not over:
                count.minute, count.day = count.minute + 1, count.day + 1
            return over, {
                "x-uw-daily-req-count": str(count.day),
                "x-uw-token-req-limit": str(self.plan.per_day),
                "x-uw-minute-req-counter": str(count.minute),
                "x-uw-req-per-minute-remaining": str(self.plan.per_minute - count.minute),
                "x-uw-req-per-minute-reset": str(max(0, count.minute_ends - now) // 10**6),
            }


def day_ends(now: Instant) -> Instant:
    """The next 20:00 New York after an instant; through a weekend with a change of hour it is an hour off."""
    calendar = nyse()
    begins = int(calendar.midnight[max(0, int(calendar.position(now)))]) + _DAY_BEGINS
    return begins + int(np.floor((now - begins) / DAY) + 1) * DAY if now >= begins else begins

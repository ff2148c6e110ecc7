"""How fast and how much the key may ask, as the vendor's own headers say: a minute's allowance and a day's budget."""

from __future__ import annotations

from collections.abc import Mapping

from undertow.core.time import MINUTE, Duration, Instant
from undertow.sources.unusual_whales.verdict import (
    DAILY_COUNT,
    DAILY_LIMIT,
    MINUTE_COUNT,
    MINUTE_LEFT,
    MINUTE_RESET,
    budget_spent,
    day_resets_at,
    number_in,
)
from undertow.sources.wire.stamps import retry_after

_MS = 10**6


class HeaderLimiter:
    """A ``wire.bucket.Limiter`` that believes ``x-uw-*`` headers; ``per_minute`` holds only until the first of them is heard.

    ``spare`` requests of the day are left unused, for whoever else has the key. Instants are ns UTC and come from outside.
    """

    def __init__(self, per_minute: int = 60, *, spare: int = 0) -> None:
        self.per_minute = per_minute
        self.spare = spare
        self.daily_limit: int | None = None
        self.daily_count = 0  #: requests of this vendor day, sent ones that were not answered yet included
        self._left = per_minute
        self._minute_ends: Instant = 0
        self._day_ends: Instant = 0
        self._closed_until: Instant = 0

    def reserve(self, now: Instant) -> Duration:
        """Ns to wait before the request may be sent. Raises ``DailyBudgetSpent`` where that is after 20:00 New York."""
        self._turn_of_day(now)
        if self.daily_limit is not None and self.daily_count >= self.daily_limit - self.spare:
            raise budget_spent("", now)
        if now >= self._minute_ends:
            self._left, self._minute_ends = self.per_minute, now + MINUTE
        self.daily_count += 1
        self._left -= 1
        ready = 0
        if self._left < 0:  # those who wait share the minutes that follow
            minutes = (-self._left - 1) // self.per_minute
            ready = self._minute_ends + minutes * MINUTE - now
        return max(ready, self._closed_until - now, 0)

    def refund(self) -> None:
        """The request was not sent: give its place back."""
        self._left = min(self._left + 1, self.per_minute)
        self.daily_count = max(0, self.daily_count - 1)

    def heard(self, status: int, headers: Mapping[str, str], now: Instant) -> None:
        """Take over what the vendor counts; a 429 closes the gate until the minute ends, or for as long as it says."""
        self._turn_of_day(now)
        count, limit = number_in(headers, DAILY_COUNT), number_in(headers, DAILY_LIMIT)
        if count is not None:
            self.daily_count = count
        if limit is not None:
            self.daily_limit = limit
        used, left, reset = (number_in(headers, name) for name in (MINUTE_COUNT, MINUTE_LEFT, MINUTE_RESET))
        if left is not None:
            if used is not None and used + left > 0:
                self.per_minute = used + left
            self._left = left
            self._minute_ends = now + (MINUTE if reset is None else reset * _MS)
        if status == 429:
            told = retry_after(headers.get("retry-after", ""), now)
            if told is None:
                told = MINUTE if reset is None else reset * _MS
            self._closed_until = max(self._closed_until, now + told)

    def _turn_of_day(self, now: Instant) -> None:
        if now >= self._day_ends:
            self.daily_count, self._day_ends = 0, day_resets_at(now)

"""What Unusual Whales' statuses and error bodies mean, as typed errors: its own rules first, then those of every vendor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from undertow.core.time import HOUR, SECOND, Duration, Instant, iso
from undertow.sources.wire.answer import Answer, decoded, verdict
from undertow.sources.wire.errors import BadAnswer, BadRequest, NotEntitled, RateLimited, VendorDown, WireError
from undertow.sources.wire.stamps import new_york_day, new_york_time

DAILY_COUNT, DAILY_LIMIT = "x-uw-daily-req-count", "x-uw-token-req-limit"
MINUTE_COUNT, MINUTE_LEFT, MINUTE_RESET = "x-uw-minute-req-counter", "x-uw-req-per-minute-remaining", "x-uw-req-per-minute-reset"
DAY_BEGINS: Duration = 20 * HOUR  #: New York time at which the day's count starts anew
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")


class DailyBudgetSpent(RateLimited):
    """The plan's requests of the day are used up; ``resets_at`` (ns UTC) is 20:00 New York."""

    retryable = False

    def __init__(self, message: str, *, path: str = "", resets_at: Instant, now: Instant) -> None:
        super().__init__(message, path=path, retry_after=max(0, resets_at - now))
        self.resets_at = resets_at


def judge(answer: Answer) -> WireError | None:
    """The error that an answer means, or None: ``wire.client.Policy.judge`` for Unusual Whales."""
    if answer.status == 429:
        return _too_many(answer)
    if answer.status >= 400:
        try:
            body = decoded(answer.raw)
        except BadAnswer:
            body = None
        said = error_in(body, answer.path, answer.status) if isinstance(body, dict) else None
        if isinstance(said, NotEntitled) or (answer.status in (400, 422, 502) and isinstance(said, BadRequest)):
            return said
    return verdict(answer)


def error_in(body: Mapping[str, Any], path: str = "", status: int = 200) -> WireError | None:
    """The error that a body states, whatever the status; None for a body that holds data."""
    if "data" in body or "chains" in body or "alert" in body:
        return None
    error = body.get("error")
    inner = error if isinstance(error, dict) else body
    code, said = str(inner.get("code") or ""), _words(inner, error)
    if not said and not code:
        return None
    told = f" It says: {said}" if said else ""
    if code == "historic_data_access_missing":
        earliest = min(_DATE.findall(said), default="")
        return NotEntitled(f"Your plan does not reach that far back ({path}).{told}", path=path, status=status, earliest=earliest)
    if code == "historical_data_not_supported":
        return BadRequest(f"Unusual Whales serves only the latest trading day at {path}.{told}", path=path, status=status)
    if "missing access" in said.lower():
        return NotEntitled(f"Your Unusual Whales plan does not include {path}.{told}", path=path, status=status)
    if "msg" in inner or status in (400, 422):
        return BadRequest(f"Unusual Whales refused the request to {path}.{told}", path=path, status=status)
    if error is not None or (code and "message" in inner):
        return VendorDown(f"Unusual Whales answered {path} with an error instead of data ({code}).{told}", path=path, status=status)
    return None


def day_resets_at(now: Instant) -> Instant:
    """The next 20:00 in New York after an instant, ns UTC."""
    today = new_york_day(now)
    at = new_york_time(today, DAY_BEGINS)
    return at if at > now else new_york_time(today + 1, DAY_BEGINS)


def number_in(headers: Mapping[str, str], name: str) -> int | None:
    """A header that is a whole number, else None."""
    text = headers.get(name, "").strip()
    return int(text) if re.fullmatch(r"\d{1,15}", text) else None


def budget_spent(path: str, now: Instant) -> DailyBudgetSpent:
    """The error for a spent day, worded once."""
    at = day_resets_at(now)
    return DailyBudgetSpent(
        f"Your Unusual Whales requests of today are used up; the count starts anew at 20:00 New York ({iso(at)}). Run again after that.",
        path=path,
        resets_at=at,
        now=now,
    )


def _too_many(answer: Answer) -> WireError:
    count, limit = number_in(answer.headers, DAILY_COUNT), number_in(answer.headers, DAILY_LIMIT)
    if (count is not None and limit is not None and count >= limit) or b"daily" in answer.raw.lower():
        return budget_spent(answer.path, answer.received_at)
    plain = verdict(answer)
    wait = number_in(answer.headers, MINUTE_RESET)
    if not isinstance(plain, RateLimited) or plain.retry_after or wait is None:
        return plain or RateLimited(f"Too many requests for this key ({answer.path}).", path=answer.path)
    message = f"Too many requests a minute for this key ({answer.path}); the minute ends in {wait / 1000:g} s."
    return RateLimited(message, path=answer.path, retry_after=wait * SECOND // 1000)


def _words(inner: Mapping[str, Any], error: Any) -> str:
    said = inner.get("message") or inner.get("msg") or (error if isinstance(error, str) else "")
    return " ".join(str(said).split())[:200]

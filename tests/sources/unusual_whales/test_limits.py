"""The limiter believes the vendor's headers, waits for the minute and refuses for the day."""

from __future__ import annotations

import pytest

from tests.sources.unusual_whales.vendor import MINUTE, NOW
from undertow.core.time import DAY, SECOND
from undertow.sources.unusual_whales.limits import HeaderLimiter
from undertow.sources.unusual_whales.verdict import DailyBudgetSpent, day_resets_at
from undertow.sources.wire.stamps import instant_of


def headers(used: int, left: int, reset_ms: int, day: int = 10, limit: int = 15_000) -> dict[str, str]:
    return {
        "x-uw-daily-req-count": str(day),
        "x-uw-token-req-limit": str(limit),
        "x-uw-minute-req-counter": str(used),
        "x-uw-req-per-minute-remaining": str(left),
        "x-uw-req-per-minute-reset": str(reset_ms),
    }


def test_before_any_header_its_own_pace() -> None:
    limiter = HeaderLimiter(per_minute=3)
    assert [limiter.reserve(NOW) for _ in range(7)] == [0, 0, 0, MINUTE, MINUTE, MINUTE, 2 * MINUTE]


def test_headers_count() -> None:
    limiter = HeaderLimiter(per_minute=3)
    limiter.heard(200, headers(118, 2, 41_250), NOW)
    assert limiter.per_minute == 120
    assert limiter.daily_limit == 15_000
    assert [limiter.reserve(NOW) for _ in range(3)] == [0, 0, 41_250 * 10**6]
    limiter.refund()
    assert limiter.reserve(NOW) == 41_250 * 10**6
    assert limiter.reserve(NOW + 42 * SECOND) == 0


def test_a_429_closes_the_gate_as_long_as_it_says() -> None:
    for more, wait in (({}, MINUTE), (headers(120, 0, 7_000), 7 * SECOND), ({"retry-after": "3"}, 3 * SECOND)):
        limiter = HeaderLimiter()
        limiter.heard(429, more, NOW)
        assert limiter.reserve(NOW) == wait
        assert limiter.reserve(NOW + wait) == 0


def test_the_days_budget() -> None:
    limiter = HeaderLimiter(spare=1)
    limiter.heard(200, headers(1, 119, 1_000, day=98, limit=100), NOW)
    assert limiter.reserve(NOW) == 0
    with pytest.raises(DailyBudgetSpent, match="20:00 New York") as caught:
        limiter.reserve(NOW)
    assert caught.value.resets_at == instant_of("2026-05-29T00:00:00Z")
    assert caught.value.retry_after == caught.value.resets_at - NOW
    assert limiter.reserve(caught.value.resets_at) == 0  # a new day
    assert limiter.daily_count == 1


def test_nonsense_in_headers_is_passed_over() -> None:
    limiter = HeaderLimiter(per_minute=5)
    limiter.heard(200, {"x-uw-req-per-minute-remaining": "many", "x-uw-daily-req-count": "-3", "x-uw-token-req-limit": ""}, NOW)
    assert (limiter.per_minute, limiter.daily_limit, limiter.reserve(NOW)) == (5, None, 0)


@pytest.mark.parametrize(
    ("now", "resets"),
    [
        ("2026-05-28T23:59:59Z", "2026-05-29T00:00:00Z"),
        ("2026-05-29T00:00:00Z", "2026-05-30T00:00:00Z"),
        ("2026-03-07T23:00:00Z", "2026-03-08T01:00:00Z"),  # the night in which the hour changes
        ("2026-03-08T01:00:00Z", "2026-03-09T00:00:00Z"),
    ],
)
def test_the_day_begins_at_eight_in_the_evening(now: str, resets: str) -> None:
    assert day_resets_at(instant_of(now)) == instant_of(resets)
    assert day_resets_at(instant_of(now)) - instant_of(now) <= DAY

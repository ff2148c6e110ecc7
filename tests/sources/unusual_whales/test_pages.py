"""Cursors of one second, pages that overlap, days that the vendor forgets, and what is said about the rest."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.sources.unusual_whales.vendor import DarkPool, Script, dark, ok, session, wire
from undertow.core.time import DAY, SECOND
from undertow.sources.unusual_whales.pages import Walk, by_cursor, by_number, one_page
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.stamps import instant_of

DAY_BEGINS = instant_of("2026-05-28T04:00:00Z")
AT = session("2026-05-28")
WALK = Walk(path="/api/darkpool/AAPL", params={"date": "2026-05-28"}, limit=50)


def cursor(handler: Any, walk: Walk = WALK) -> Any:
    async def ask() -> Any:
        async with wire(handler) as asking:
            return await by_cursor(asking, walk, DAY_BEGINS, DAY_BEGINS + DAY)

    return asyncio.run(ask())


def numbered(handler: Any, walk: Walk = WALK, oldest: int | None = None) -> Any:
    async def ask() -> Any:
        async with wire(handler) as asking:
            return await by_number(asking, walk, oldest)

    return asyncio.run(ask())


@pytest.mark.parametrize("a_second", [1, 7, 20, 33])
def test_all_prints_of_a_day_and_each_once(a_second: int) -> None:
    """Several prints a second across pages, and days before it into which the cursor walks."""
    today = [dark(AT + (i // a_second) * SECOND, i) for i in range(340)]
    before = [dark(AT - DAY + i * SECOND, 1000 + i) for i in range(120)]
    pool = DarkPool(today + before)
    rows, account = cursor(pool)
    assert sorted(row["tracking_id"] for row in rows) == sorted(row["tracking_id"] for row in today)
    assert account.complete
    assert (account.rows, account.pages) == (340, len(pool.asked))
    assert account.outside > 0
    assert "older_than" not in pool.asked[0].url.params
    assert all(int(request.url.params["older_than"]) * SECOND <= AT + DAY for request in pool.asked[1:])


def test_prints_without_tracking_ids_are_told_apart() -> None:
    today = [dark(AT + (i // 3) * SECOND, i % 2, tracking_id=0, volume=i) for i in range(120)]
    rows, account = cursor(DarkPool(today))
    assert (len(rows), account.complete) == (120, True)


def test_a_second_with_more_rows_than_a_page_is_said_to_be_incomplete() -> None:
    today = [dark(AT, i) for i in range(80)] + [dark(AT - 5 * SECOND, 100 + i) for i in range(10)]
    rows, account = cursor(DarkPool(today))
    assert len(rows) == 60  # the page of 50 of the full second, and all before it
    assert not account.complete
    assert "may hold more" in account.why


def test_the_cap_is_said() -> None:
    rows, account = cursor(
        DarkPool([dark(AT + i * SECOND, i) for i in range(500)]), Walk(path=WALK.path, params=WALK.params, limit=50, most_pages=3)
    )
    assert (len(rows), account.pages) == (148, 3)
    assert "stopped after 3 pages" in account.why


def test_a_day_without_rows() -> None:
    assert cursor(Script(ok({"data": []})))[0] == []


def test_a_row_without_its_clock_is_broken() -> None:
    with pytest.raises(BadAnswer):
        cursor(Script(ok({"data": [{"price": "1"}]})))


@pytest.mark.parametrize("base", [0, 1])
def test_numbered_pages_from_zero_or_one(base: int) -> None:
    everything = [{"id": i} for i in range(130)]

    def handler(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", base)) - base
        return ok({"data": everything[page * 50 : page * 50 + 50]})

    rows, account = numbered(handler)
    assert [row["id"] for row in rows] == list(range(130))
    assert account.complete
    assert account.repeated == (50 if base else 0)


def test_numbered_pages_end() -> None:
    short = Script(ok({"data": [{"id": i} for i in range(7)]}))
    assert len(numbered(short)[0]) == 7
    assert len(short.asked) == 1
    deaf = Script(ok({"data": [{"id": i} for i in range(50)]}))  # the vendor pays no heed to the number
    assert len(numbered(deaf)[0]) == 50
    assert len(deaf.asked) == 3
    count = iter(range(10_000))

    def endless(request: httpx.Request) -> httpx.Response:
        return ok({"data": [{"id": next(count)} for _ in range(50)]})

    assert numbered(endless, Walk(path="/x", limit=50, most_pages=4))[1].why == "stopped after 4 pages"
    times = iter(range(10_000))

    def newest_first(request: httpx.Request) -> httpx.Response:
        return ok({"data": [dark(AT - next(times) * SECOND, 1) for _ in range(50)]})

    rows, account = numbered(newest_first, oldest=AT - 120 * SECOND)
    assert (len(rows), account.complete) == (150, True)


def test_one_page_and_floods() -> None:
    async def ask(handler: Any, walk: Walk) -> Any:
        async with wire(handler) as asking:
            return await one_page(asking, walk)

    full = ok({"data": [{"id": i} for i in range(50)]})
    assert "newest 50 rows only" in asyncio.run(ask(Script(full), WALK))[1].why
    endless = Script(full)
    assert asyncio.run(ask(endless, Walk(path="/x", limit=0)))[1].complete
    assert "limit" not in endless.asked[0].url.params
    with pytest.raises(BadAnswer, match="at most 4"):
        asyncio.run(ask(Script(full), Walk(path="/x", limit=4)))


def test_a_silent_cap_below_what_was_asked_for_is_seen_through() -> None:
    """The vendor gives 100 at most, whatever the limit says: a round page is never taken for the last one."""
    today = [dark(AT + i * SECOND, i) for i in range(250)]
    pool = DarkPool(today)

    def capped(request: httpx.Request) -> httpx.Response:
        return ok({"data": pool(request).json()["data"][:100]})

    rows, account = cursor(capped, Walk(path=WALK.path, params=WALK.params, limit=500))
    assert (len(rows), account.complete) == (250, True)
    everything = [{"id": i} for i in range(130)]

    def numbers(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params.get("page", 1)) - 1
        return ok({"data": everything[page * 100 : page * 100 + 100]})

    assert len(numbered(numbers, Walk(path="/x", limit=500))[0]) == 130

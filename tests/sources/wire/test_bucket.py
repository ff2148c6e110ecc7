"""The bucket: never more than the plan allows in any window, in order, and remembered by the key's hash."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from tests.sources.wire.vendor import CANARY, NOW, FakeClock, Script, ok, wire
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.errors import DeadlinePassed
from undertow.sources.wire.key import Key


def test_five_a_minute_for_requests_that_come_together() -> None:
    clock = FakeClock()
    script = Script(ok({}))
    sent: list[int] = []

    def handler(request):
        sent.append(clock.at)
        return script(request)

    async def run() -> None:
        async with wire(handler, clock, limiter=Bucket(5, MINUTE)) as client:
            for _ in range(20):
                await client.get("/x")

    asyncio.run(run())
    at = np.asarray(sent)
    assert len(at) == 20
    assert at[4] == NOW
    assert np.all(np.diff(at[4:]) >= 12 * SECOND)
    assert at[-1] - NOW <= 15 * 12 * SECOND + 100


def test_places_are_served_in_order_and_given_back() -> None:
    bucket = Bucket(2, MINUTE)
    assert [bucket.reserve(NOW) for _ in range(2)] == [0, 0]
    waits = [bucket.reserve(NOW) for _ in range(3)]
    assert [round(w / SECOND) for w in waits] == [30, 60, 90]
    bucket.refund()
    assert round(bucket.reserve(NOW) / SECOND) == 90


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(1, MINUTE)
    bucket.reserve(NOW)
    bucket.reserve(NOW - 100 * MINUTE)
    assert bucket.reserve(NOW - 100 * MINUTE) > MINUTE


def test_the_state_outlives_the_run_under_a_hash(tmp_path: Path) -> None:
    path, key = tmp_path / "state" / "buckets.json", Key(CANARY)
    first = Bucket(5, MINUTE)
    for _ in range(5):
        first.reserve(NOW)
    first.save(path, key)
    Bucket(5, MINUTE).save(path, Key("another-key-entirely"))
    assert "SECRET" not in path.read_text()
    assert len(json.loads(path.read_text())) == 2
    assert [p.name for p in path.parent.iterdir()] == ["buckets.json"]
    second = Bucket(5, MINUTE)
    second.load(path, key, NOW + SECOND)
    assert second.reserve(NOW + SECOND) > 10 * SECOND
    for other in (NOW - SECOND,):  # a clock before the state's own: passed over
        third = Bucket(5, MINUTE)
        third.load(path, key, other)
        assert third.reserve(other) == 0


def test_a_broken_state_is_passed_over_and_a_429_kept(tmp_path: Path) -> None:
    path, key = tmp_path / "buckets.json", Key(CANARY)
    for text in ("", "[]", "{", json.dumps({key.name: "x"}), json.dumps({key.name: [1, None, 2]})):
        path.write_text(text)
        bucket = Bucket(5, MINUTE)
        bucket.load(path, key, NOW)
        assert bucket.reserve(NOW) == 0
    closed = Bucket(5, MINUTE)
    closed.reserve(NOW)
    closed.heard(429, {"retry-after": "90"}, NOW)
    closed.save(path, key)
    again = Bucket(5, MINUTE)
    again.load(path, key, NOW + SECOND)
    assert again.reserve(NOW + SECOND) == 89 * SECOND


def test_a_request_that_gives_up_waiting_gives_its_place_back() -> None:
    bucket, clock = Bucket(1, HOUR), FakeClock()

    async def run() -> None:
        async with wire(Script(ok({})), clock, limiter=bucket) as client:
            await client.get("/x")
            for _ in range(3):
                with pytest.raises(DeadlinePassed):
                    await client.get("/x")

    asyncio.run(run())
    assert clock.at == NOW
    assert round(bucket.reserve(NOW) / HOUR, 6) == 1


def test_a_429_teaches_the_pace_of_an_unknown_plan(tmp_path: Path) -> None:
    bucket, key = Bucket(6000, learn=5), Key("a-secret-of-a-plan")
    waits = [bucket.reserve(NOW + i) for i in range(8)]
    assert waits == [0] * 8
    bucket.heard(429, {}, NOW + 8)
    assert bucket.size == 7  # seven went through before the one that did not
    for _ in range(7):
        bucket.reserve(NOW + 2 * MINUTE)
    bucket.heard(429, {}, NOW + 2 * MINUTE)
    assert bucket.size == 6
    bucket.save(tmp_path / "pace.json", key)
    later = Bucket(6000, learn=5)
    later.load(tmp_path / "pace.json", key, NOW + 3 * MINUTE)
    assert later.size == 6


def test_a_pace_is_never_learnt_to_be_less_than_the_slowest_plan() -> None:
    bucket = Bucket(6000, learn=5)
    bucket.reserve(NOW)
    bucket.heard(429, {}, NOW)
    assert bucket.size == 5

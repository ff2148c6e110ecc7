"""Every fault of the vendor ends as the right error or is overcome whole; nothing waits in real time, and the key is never seen."""

from __future__ import annotations

import asyncio
import json
import logging
import pickle
import traceback
from typing import Any

import httpx
import numpy as np
import pytest

from tests.sources.unusual_whales.vendor import CANARY, HOUR, MINUTE, FakeClock, Script, get, ok, reply, wire
from undertow.core.time import SECOND
from undertow.sources.unusual_whales.connect import connect
from undertow.sources.unusual_whales.limits import HeaderLimiter
from undertow.sources.unusual_whales.verdict import DailyBudgetSpent
from undertow.sources.wire.errors import (
    BadAnswer,
    BadRequest,
    NotEntitled,
    NotFound,
    RateLimited,
    Unauthorised,
    VendorDown,
    WireError,
)
from undertow.sources.wire.key import Key

GOOD = ok({"data": [{"id": 9_007_199_254_740_993}]})
HISTORIC = {"code": "historic_data_access_missing", "message": "The earliest date for you is 2025-11-03 (120 trading days)."}
INVALID = {"msg": "Invalid path input: NO+PE (valid example: ABC)", "path": "/x", "query": "", "url": "y"}
LATEST = {"error": {"code": "historical_data_not_supported", "message": "Use the full tape."}}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (reply(401, {"message": "no token"}), Unauthorised),
        (reply(403, HISTORIC), NotEntitled),
        (reply(403, {"msg": "not for you"}), NotEntitled),
        (reply(404, {}), NotFound),
        (reply(404, ""), NotFound),
        (reply(422, INVALID), BadRequest),
        (reply(400, INVALID), BadRequest),
        (reply(422, {"msg": "Missing access to this endpoint"}), NotEntitled),
        (reply(400, LATEST), BadRequest),
        (reply(502, LATEST), BadRequest),
        (reply(200, "<html>checking your browser</html>"), BadAnswer),
        (reply(200, b'{"data":[{"id":1},{"id":'), BadAnswer),
        (reply(200, b'{"data":[{"id":NaN}]}'), BadAnswer),
        (reply(301, ""), BadAnswer),
    ],
)
def test_faults_that_asking_again_would_not_mend(fault: httpx.Response, error: type[WireError]) -> None:
    script = Script(fault, GOOD)
    with pytest.raises(error):
        get(script)
    assert len(script.asked) == 1


def test_the_plans_first_day_is_told() -> None:
    with pytest.raises(NotEntitled) as caught:
        get(Script(reply(403, HISTORIC)))
    assert caught.value.earliest == "2025-11-03"
    assert caught.value.status == 403


@pytest.mark.parametrize(
    "fault",
    [
        reply(500, "Something went wrong"),
        reply(502, "<html></html>"),
        reply(503, ""),
        reply(403, "<html>blocked</html>"),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("no route"),
        httpx.RemoteProtocolError("cut"),
    ],
)
def test_faults_that_pass_are_overcome_whole(fault: httpx.Response | Exception) -> None:
    clock, script = FakeClock(), Script(fault, fault, GOOD)
    assert get(script, clock=clock) == {"data": [{"id": 9_007_199_254_740_993}]}
    assert len(script.asked) == 3
    assert sum(clock.slept) < MINUTE
    with pytest.raises(VendorDown):
        get(Script(fault))


def test_a_minutes_limit_is_waited_for() -> None:
    clock = FakeClock()
    script = Script(reply(429, {}, x_uw_req_per_minute_reset="41250", x_uw_req_per_minute_remaining="0"), GOOD)
    assert get(script, clock=clock) == {"data": [{"id": 9_007_199_254_740_993}]}
    assert 41_250 * 10**6 <= sum(clock.slept) < 45 * SECOND
    with pytest.raises(RateLimited):
        get(Script(reply(429, "slow down")))


def test_a_days_limit_is_not_waited_for() -> None:
    clock = FakeClock()
    script = Script(reply(429, {"message": "You have hit your limit"}, x_uw_daily_req_count="15000", x_uw_token_req_limit="15000"), GOOD)
    with pytest.raises(DailyBudgetSpent, match="20:00 New York") as caught:
        get(script, clock=clock)
    assert (len(script.asked), clock.slept) == (1, [])
    assert 3 * HOUR < caught.value.retry_after < 4 * HOUR
    with pytest.raises(DailyBudgetSpent):
        get(Script(reply(429, "Daily request limit exceeded")))


def test_the_day_is_over_before_the_vendor_has_to_say_so() -> None:
    clock, limiter = FakeClock(), HeaderLimiter()
    script = Script(ok({"data": []}, x_uw_daily_req_count="99", x_uw_token_req_limit="100"))

    async def ask() -> int:
        key, transport = Key(CANARY), httpx.MockTransport(script)
        asking = connect(key, clock=clock, chance=np.random.default_rng(1), limiter=limiter, transport=transport)
        async with asking:
            await asking.get("/a")
            await asking.get("/a")
            limiter.daily_count = 100
            with pytest.raises(DailyBudgetSpent):
                await asking.get("/a")
            clock.at += 4 * HOUR
            await asking.get("/a")
        return len(script.asked)

    assert asyncio.run(ask()) == 3


def test_whole_numbers_stay_exact() -> None:
    body = get(Script(reply(200, b'{"data":[{"tracking_id":9223372036854775807,"b":36028797018963969}]}')))
    assert body == {"data": [{"tracking_id": 2**63 - 1, "b": 36028797018963969}]}


@pytest.mark.parametrize(
    "fault",
    [
        reply(401, {"message": f"bad token {CANARY}"}),
        reply(403, {"message": f"token {CANARY} has no access"}),
        reply(422, {"msg": f"what is {CANARY}?", "url": f"/x?token={CANARY}"}),
        reply(429, f"daily limit of {CANARY}"),
        reply(500, f"oops {CANARY}"),
        reply(200, f"<html>{CANARY}</html>"),
        httpx.ConnectError(f"failed for Bearer {CANARY}"),
    ],
)
def test_the_key_is_never_seen(fault: httpx.Response | Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asking = wire(Script(fault))
    with pytest.raises(WireError) as caught:
        get(Script(fault))
    chain: BaseException | None = caught.value
    seen = ["".join(traceback.format_exception(caught.value)), caplog.text, repr(asking), repr(asking.limiter)]
    seen += [str(record.__dict__) for record in caplog.records]
    while chain is not None:
        seen += [str(chain), repr(chain), str(chain.__dict__), str(chain.args)]
        chain = chain.__cause__ or chain.__context__
    for text in seen:
        assert CANARY not in text
        assert CANARY.replace("+", "%2B") not in text
    with pytest.raises(TypeError):
        pickle.dumps(asking.key)
    asyncio.run(asking.close())


def test_the_key_goes_in_the_header_only() -> None:
    script = Script(GOOD)
    get(script)
    assert script.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert CANARY not in str(script.asked[0].url)
    assert "Mozilla" in script.asked[0].headers["user-agent"]
    assert json.dumps(dict(script.asked[0].headers)).count(CANARY) == 1


def test_a_slow_answer_is_a_typed_error() -> None:
    async def slow(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(30)
        raise AssertionError("it waited")

    async def ask() -> Any:
        clock = FakeClock()
        asking = connect(Key(CANARY), clock=clock, chance=np.random.default_rng(1), transport=httpx.MockTransport(slow))
        from dataclasses import replace

        asking.policy = replace(asking.policy, attempt=SECOND // 50, attempts=2)
        async with asking:
            return await asking.get("/a")

    with pytest.raises(VendorDown, match="did not answer"):
        asyncio.run(ask())

"""Every fault of a vendor becomes one typed error or is overcome whole; nobody ever sees the key; no test waits."""

from __future__ import annotations

import asyncio
import logging
import pickle
import traceback

import httpx
import pytest

from tests.sources.wire.vendor import CANARY, NOW, FakeClock, Script, fault, ok, wire
from undertow.core.errors import BadInput
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.sources.wire import errors
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Policy, quoted
from undertow.sources.wire.key import Key

GOOD = ok({"results": [1], "big": 2**63 + 1})
RESET = httpx.ReadError("connection reset by peer")


def get(script: Script, clock: FakeClock | None = None, **settings):
    async def run():
        async with wire(script, clock, **settings) as client:
            return await client.get("/v1/thing", {"ticker": "AAPL"})

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fault(401, {"error": "Unknown API Key"}), errors.Unauthorised),
        (fault(403, {"message": "You are not entitled to this data."}), errors.NotEntitled),
        (fault(404, "page not found"), errors.NotFound),
        (fault(400, {"error": "bad range"}), errors.BadRequest),
        (fault(422, {"msg": "Invalid"}), errors.BadRequest),
        (fault(302, "", location="https://elsewhere.test/"), errors.BadAnswer),
        (httpx.Response(200, content=b"<html>maintenance</html>"), errors.BadAnswer),
        (httpx.Response(200, content=b'{"results": [1, 2'), errors.BadAnswer),
        (httpx.Response(200, content=b""), errors.BadAnswer),
        (httpx.Response(200, content=b'{"x": NaN}'), errors.BadAnswer),
        (httpx.Response(200, content=b"[" * 100_000), errors.BadAnswer),
        (httpx.Response(200, content=b"\xff\xfe"), errors.BadAnswer),
    ],
)
def test_what_asking_again_cannot_change_is_said_at_once(reply, error) -> None:
    script = Script(reply)
    with pytest.raises(error) as caught:
        get(script)
    assert type(caught.value) is error
    assert len(script.asked) == 1
    assert caught.value.path in ("/v1/thing", "")


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (fault(429, {"error": "slow down"}), errors.RateLimited),
        (fault(500, "<html>oops</html>"), errors.VendorDown),
        (fault(504, ""), errors.VendorDown),
        (fault(403, "<html>blocked</html>"), errors.VendorDown),
        (RESET, errors.VendorDown),
        (httpx.ReadTimeout("slow"), errors.VendorDown),
        (httpx.RemoteProtocolError("peer closed connection without sending complete message body"), errors.VendorDown),
    ],
)
def test_what_may_pass_is_asked_again_and_then_named(reply, error) -> None:
    clock = FakeClock()
    assert get(Script(reply, reply, GOOD), clock).json["results"] == [1]
    script = Script(reply)
    with pytest.raises(error):
        get(script, FakeClock(), policy=Policy(deadline=DAY))
    assert len(script.asked) == 6


def test_whole_numbers_are_exact_and_the_raw_body_is_there() -> None:
    answer = get(Script(GOOD))
    assert answer.json["big"] == 2**63 + 1
    assert b'"big": 9223372036854775809' in answer.raw
    assert answer.received_at == NOW


def test_the_earliest_day_is_read_from_a_refusal() -> None:
    body = {
        "code": "historic_data_access_missing",
        "message": "The earliest date currently available to you is 2025-09-01 (30 trading days)",
    }
    with pytest.raises(errors.NotEntitled, match="2025-09-01") as caught:
        get(Script(fault(403, body)))
    assert caught.value.earliest == "2025-09-01"


def test_retry_after_is_honoured_in_seconds_and_as_a_date() -> None:
    for told in ("7", "Thu, 28 May 2026 20:26:47 GMT"):
        clock = FakeClock()
        get(Script(fault(503, "", retry_after=told), GOOD), clock)
        assert 7 * SECOND <= clock.at - NOW <= 8 * SECOND


def test_a_429_without_retry_after_closes_the_bucket_for_its_pause() -> None:
    clock, bucket = FakeClock(), Bucket(100, MINUTE)
    assert get(Script(fault(429), GOOD), clock, limiter=bucket).status == 200
    assert MINUTE <= clock.at - NOW <= MINUTE + SECOND
    clock = FakeClock()
    assert get(Script(fault(429, retry_after="3"), GOOD), clock, limiter=Bucket(100, MINUTE)).status == 200
    assert 3 * SECOND <= clock.at - NOW <= 5 * SECOND


def test_a_wait_beyond_the_deadline_is_not_begun() -> None:
    clock = FakeClock()
    with pytest.raises(errors.RateLimited) as caught:
        get(Script(fault(429, retry_after="3600")), clock)
    assert caught.value.retry_after == 3600 * SECOND
    assert clock.at == NOW


def test_a_slow_vendor_meets_the_deadline() -> None:
    clock = FakeClock()

    def slow(request: httpx.Request) -> httpx.Response:
        clock.at += 50 * SECOND
        raise httpx.ReadTimeout("slow", request=request)

    with pytest.raises(errors.DeadlinePassed):
        get(Script(slow), clock, policy=Policy(deadline=2 * MINUTE))
    assert clock.at <= NOW + 2 * MINUTE + 50 * SECOND

    def late(_: httpx.Request) -> httpx.Response:
        clock.at += 5 * MINUTE
        return GOOD

    with pytest.raises(errors.DeadlinePassed):
        get(Script(late), clock, policy=Policy(deadline=2 * MINUTE))


def test_a_vendor_that_never_answers_is_left() -> None:
    async def never(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    policy = Policy(attempt=SECOND // 50, attempts=2)
    with pytest.raises(errors.VendorDown, match=r"within 0\.02 s"):
        get(never, policy=policy)


def test_jitter_is_full_and_bounded() -> None:
    clock = FakeClock()
    with pytest.raises(errors.VendorDown):
        get(Script(RESET), clock, policy=Policy(attempts=8, longest=4 * SECOND))
    bounds = [0.5, 1, 2, 4, 4, 4, 4]
    assert len(clock.slept) == 7
    assert all(0 <= s <= b * SECOND for s, b in zip(clock.slept, bounds, strict=True))
    assert len(set(clock.slept)) == 7


@pytest.mark.parametrize("path", ["https://evil.test/x", "//evil.test/x", "v1", "/v1?apiKey=x", "/v1?a=b&token=x"])
def test_no_foreign_host_and_no_key_in_a_path(path: str) -> None:
    async def run() -> None:
        async with wire(Script(GOOD)) as client:
            await client.get(path)

    with pytest.raises(BadInput):
        asyncio.run(run())


def test_the_key_is_sent_in_the_header_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echo = {"error": f"Unknown API Key {CANARY}", "next_url": "https://vendor.test/?k=canary%2BSECRET%2F0123456789"}
    script = Script(ok(echo))
    answer = get(script)
    assert script.asked[0].headers["Authorization"] == f"Bearer {CANARY}"
    seen = [repr(answer), str(answer.json), str(answer.raw), repr(wire(script)), repr(Key(CANARY))]
    for reply in (
        fault(401, echo),
        fault(500, echo),
        fault(429, echo),
        httpx.ConnectError(f"no route with {CANARY}"),
        httpx.Response(200, content=CANARY.encode()),
    ):
        with pytest.raises(errors.WireError) as caught:
            get(Script(reply), policy=Policy(attempts=2))
        seen += [repr(caught.value), str(vars(caught.value)), "".join(traceback.format_exception(caught.value))]
    with pytest.raises(TypeError):
        pickle.dumps(Key(CANARY))
    seen += [record.getMessage() for record in caplog.records]
    for text in seen:
        assert "SECRET" not in text


@pytest.mark.parametrize("secret", ["", "  ", "two words", "line\nbreak", "naïve"])
def test_a_key_that_cannot_be_one_is_refused(secret: str) -> None:
    with pytest.raises(BadInput):
        Key(secret)


def test_option_tickers_keep_their_colon() -> None:
    assert quoted("O:AAPL211119C00085000") == "O:AAPL211119C00085000"
    assert quoted("BRK/B ?") == "BRK%2FB%20%3F"

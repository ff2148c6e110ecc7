"""Keys, faults on demand, and the account: every way an answer can be missing is itself, and nothing that was cut counts as served."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from tests.servers.conftest import DAY, at
from tests.servers.running import KEY, Running, running
from tests.sources.wire.vendor import FakeClock
from undertow.core.errors import BadInput, NotSupported
from undertow.core.time import DAY as DAY_LONG
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import REST, Fault, Faults
from undertow.sandbox.servers.serve import serve
from undertow.sources.massive.pages import collect
from undertow.sources.wire import errors
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Policy, Wire
from undertow.sources.wire.key import Key

BARS = f"/v2/aggs/ticker/KO/range/1/day/2025-06-02/{DAY}"
FLOW = "/api/darkpool/KO"


@pytest.fixture(scope="module")
def one() -> Iterator[Running]:
    with running(at(DAY, 21), key=KEY) as server:
        yield server


@pytest.fixture
def server(one: Running) -> Running:
    one.faults.clear()
    return one


def wired(server: Running, path: str = BARS, attempts: int = 1, key: str = KEY):
    async def run():
        policy = Policy(attempts=attempts, attempt=20 * SECOND, deadline=10 * MINUTE)
        clock, chance = FakeClock(server.world.now()), np.random.default_rng(1)
        async with Wire(server.base, Key(key), limiter=Bucket(10**6, DAY_LONG), clock=clock, chance=chance, policy=policy) as wire:
            return await collect(wire, path, {"limit": 4})

    return asyncio.run(run())


@pytest.mark.parametrize(("key", "said"), [("", "API Key was not provided"), ("other", "Unknown API Key"), (KEY, None)])
def test_keys(server: Running, key: str, said: str | None) -> None:
    reply = server.get(BARS, key=key)
    assert (reply.status_code, reply.headers["x-market"]) == (401 if said else 200, "simulated seed 7 ic 0.05")
    assert said is None or reply.json()["error"] == said
    assert server.http.get(BARS + "?apiKey=" + (key or "x")).status_code == reply.status_code
    account = server.get("/sandbox/account").json()
    assert not any(KEY in path or "apiKey" in path for path in account["asked"])
    assert account["keys"] == 1
    assert server.get(FLOW, key="other").status_code == 401
    assert "error" in server.get(FLOW, key="other").json()


@pytest.mark.parametrize(
    ("name", "path", "error"),
    [
        ("401", BARS, errors.Unauthorised),
        ("403", BARS, errors.NotEntitled),
        ("403", FLOW, errors.NotEntitled),
        ("429", BARS, errors.RateLimited),
        ("429-retry-after", BARS, errors.RateLimited),
        ("500-html", BARS, errors.VendorDown),
        ("504", BARS, errors.VendorDown),
        ("truncated", BARS, errors.VendorDown),
        ("half-json", BARS, errors.BadAnswer),
        ("no-results", BARS, errors.BadAnswer),
    ],
)
def test_a_fault_is_an_error_and_never_an_empty_answer(server: Running, name: str, path: str, error: type[Exception]) -> None:
    server.plan(name, match=path, earliest="2024-02-05", seconds=2)
    with pytest.raises(error) as raised:
        wired(server, path)
    if name == "403":
        assert raised.value.earliest == "2024-02-05"
    if name == "429-retry-after":
        assert raised.value.retry_after == 2 * SECOND
    account = server.get("/sandbox/account").json()
    assert account["served"] == {}
    assert sum(account["asked"].values()) == 1


@pytest.mark.parametrize("name", ["429", "429-retry-after", "500-html", "504", "truncated", "slow"])
def test_a_hiccup_on_the_second_page_is_overcome(server: Running, name: str) -> None:
    whole = server.rows(BARS, limit=4)
    assert len(whole) == 9
    server.get("/sandbox/account")
    server.http.delete("/sandbox/faults")
    server.plan(name, match=BARS, after=1, times=2, seconds=0.2)
    got = wired(server, attempts=4)
    assert (got.rows, got.pages, got.duplicates) == (whole, 3, 0)
    account = server.get("/sandbox/account").json()
    assert sum(account["asked"].values()) == (3 if name == "slow" else 5)
    assert sorted(account["served"].values()) == [1, 1, 1]


def test_an_answer_without_rows_is_whole_but_for_them(server: Running) -> None:
    for path, name in ((BARS, "results"), (FLOW, "data"), ("/v2/snapshot/locale/us/markets/stocks/tickers/KO", "ticker")):
        before = server.get(path).json()
        server.plan("no-results", match=path)
        reply = server.get(path)
        assert reply.status_code == 200
        assert reply.json() == {key: value for key, value in before.items() if key != name}
        assert before[name]


def test_the_truncated_answer_promises_more_than_it_sends(server: Running) -> None:
    server.plan("truncated", match=BARS)
    parts = urlsplit(server.base)
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as raw:
        raw.sendall(f"GET {BARS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        got = b""
        while piece := raw.recv(65536):
            got += piece
    head, _, body = got.partition(b"\r\n\r\n")
    stated = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    assert head.startswith(b"HTTP/1.1 200")
    assert stated == len(server.get(BARS).content)
    assert 0 < len(body) == stated // 2


def test_an_answer_that_nobody_waited_for_is_not_served(server: Running) -> None:
    parts = urlsplit(server.base)
    big = "/v3/quotes/SPY?timestamp.gte=2025-06-05&limit=50000"
    with socket.create_connection((parts.hostname, parts.port), timeout=20) as raw:
        raw.sendall(f"GET {big} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n".encode())
        assert raw.recv(1000)
    own = f"{BARS}?limit=7"  # what a test before this one was served may be counted when that test is over
    assert server.get(own).status_code == 200
    account = server.get("/sandbox/account").json()
    assert account["asked"][big] == 1
    assert {path: count for path, count in account["served"].items() if path != BARS} == {own: 1}


def test_administration(server: Running) -> None:
    def post(**fault: object) -> httpx.Response:
        return server.http.post("/sandbox/faults", content=json.dumps(fault))

    assert post(name="504", match="/v3", times=-1).json() == {"planned": 1}
    assert [server.get("/v3/trades/KO", limit=1).status_code for _ in range(3)] == [504] * 3
    assert server.get(BARS).status_code == 200
    assert post(name="flood").status_code == 400
    assert "flood" in post(name="flood").json()["error"]
    assert post(nme="504").status_code == 400
    assert server.http.delete("/sandbox/faults").status_code == 200
    assert server.get("/sandbox/account").json() == {"asked": {}, "served": {}, "keys": 0}
    assert server.get("/v3/trades/KO", limit=1).status_code == 200
    assert server.get("/sandbox/now").json() == {"now": at(DAY, 21)}


def test_a_fault_waits_for_its_turn_and_its_place() -> None:
    faults = Faults()
    faults.plan(Fault(name="429", match="/v3", after=2, times=1))
    assert [faults.take(place, REST) is not None for place in ("/v2", "/v3/a", "/v3/b", "/v2", "/v3/c", "/v3/d")] == [
        False, False, False, False, True, False,
    ]  # fmt: skip
    with pytest.raises(BadInput, match="sideways"):
        faults.plan(Fault(name="sideways"))


def test_other_vendors_words_for_a_refusal(server: Running) -> None:
    server.plan("403", match="/api", earliest="2025-03-03")
    assert server.get(FLOW).json()["code"] == "historic_data_access_missing"
    server.plan("403", match="/flatfiles")
    assert b"<Code>AccessDenied</Code>" in server.get("/flatfiles/x").content
    server.plan("500-html", match="/api")
    assert server.get(FLOW).headers["content-type"] == "text/html"


def test_a_port_that_is_taken_is_said_so(server: Running) -> None:
    port = urlsplit(server.base).port or 0
    with pytest.raises(NotSupported, match=str(port)):
        serve(build(server.world, server.faults), port, lambda _: None)


def test_serving_until_interrupted_leaves_in_peace() -> None:
    code = (
        "from undertow.sandbox.market import Market\n"
        "from undertow.sandbox.servers.build import build\n"
        "from undertow.sandbox.servers.faults import Faults\n"
        "from undertow.sandbox.servers.serve import serve\n"
        "from undertow.sandbox.servers.world import World\n"
        f"world = World(Market(7), lambda: {at(DAY, 21)})\n"
        "serve(build(world, Faults()), 0, lambda url: print(url, flush=True))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            base = child.stdout.readline().strip()
            reply = httpx.get(base + BARS, headers={"Authorization": "Bearer canary"}, timeout=60)
            assert len(reply.json()["results"]) == 9
        finally:
            child.send_signal(signal.SIGINT)
            out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err) == (0, "", "")

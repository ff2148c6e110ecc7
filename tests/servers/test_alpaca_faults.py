"""What can go wrong between an order and its answer, and between a fill and its news: each fault leaves the book in a known state."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from tests.servers.alpaca_broker import KEY, ORDERS, SECRET, Trading, trading
from tests.servers.conftest import DAY, at
from undertow.sandbox.broker.words import Terms
from undertow.sandbox.servers.alpaca import Brokerage

ORDER = {"symbol": "KO", "qty": "10", "side": "buy", "type": "market", "time_in_force": "day", "client_order_id": "mine"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Trading]:
    with trading(at(DAY, 10)) as running:
        yield running


@pytest.fixture
def server(shared: Trading) -> Trading:
    """With nothing planned and no account opened yet."""
    shared.faults.clear()
    shared.broker._accounts.clear()
    shared.broker.quote("KO", 70.0, 70.02)
    return shared


def known(server: Trading) -> bool:
    answer = server.http.get("/v2/orders:by_client_order_id", params={"client_order_id": "mine"})
    assert answer.status_code in (200, 404), answer.text
    return answer.status_code == 200


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        ("disconnect", None, False),
        ("disconnect-after", None, True),
        ("504", 504, False),
        ("504-after", 504, True),
        ("429", 429, False),
        ("500", 500, False),
        ("500-html", 500, False),
        ("403", 403, False),
        ("truncated", None, True),
    ],
)
def test_an_answer_that_does_not_come(server: Trading, fault: str, status: int | None, accepted: bool) -> None:
    server.plan(fault, match=ORDERS)
    if status is None:
        with pytest.raises(httpx.TransportError):
            server.http.post("/v2/orders", json=ORDER)
    else:
        answer = server.http.post("/v2/orders", json=ORDER)
        assert answer.status_code == status
        if fault in ("429", "500", "403"):
            assert answer.json()["code"] == {"429": 42910000, "500": 50010000, "403": 40310000}[fault]
    assert known(server) == accepted
    again = server.http.post("/v2/orders", json=ORDER)
    assert again.status_code == (422 if accepted else 200)
    assert len(server.book.state.orders) == 1
    assert server.book.state.positions["KO"].shares == 10 * 10**9


@pytest.mark.parametrize("fault", ["slow", "slow-after"])
def test_a_client_that_does_not_wait_has_an_order_all_the_same(server: Trading, fault: str) -> None:
    server.plan(fault, match=ORDERS, seconds=0.4)
    with pytest.raises(httpx.ReadTimeout):
        server.http.post("/v2/orders", json=ORDER, timeout=0.15)
    assert known(server) == (fault == "slow-after")  # the one is carried out late, the other is answered late
    time.sleep(0.5)
    assert known(server)


def test_a_fault_hits_the_method_it_is_planned_for(server: Trading) -> None:
    server.plan("504", match="DELETE /v2/orders", times=2)
    order = server.http.post("/v2/orders", json=ORDER | {"type": "limit", "limit_price": "60"}).json()
    assert server.http.delete(f"/v2/orders/{order['id']}").status_code == 504
    server.faults.clear()
    server.plan("disconnect-after", match="DELETE /v2/orders")
    with pytest.raises(httpx.TransportError):
        server.http.delete(f"/v2/orders/{order['id']}")
    assert server.http.get(f"/v2/orders/{order['id']}").json()["status"] == "canceled"
    assert server.faults.account()["keys"] == 1


def test_requests_that_are_no_orders(server: Trading) -> None:
    for body, said in (
        ({**ORDER, "symbol": None}, "symbol is required"),
        ({**ORDER, "side": "up"}, "invalid side: up"),
        ({**ORDER, "time_in_force": None}, "time_in_force is required"),
        ({**ORDER, "qty": "many"}, "invalid qty: many"),
        ({**ORDER, "qty": None}, "qty or notional is required"),
        ({**ORDER, "type": "trailing_stop"}, "no trailing stops"),
        ({**ORDER, "take_profit": 3}, "take_profit must be an object"),
        ({**ORDER, "client_order_id": 3}, "client_order_id must be a string"),
    ):
        answer = server.http.post("/v2/orders", json=body)
        assert (answer.status_code, answer.json()["code"]) == (422, 40010001)
        assert said in answer.json()["message"]
    assert server.http.post("/v2/orders", content=b"[").json()["message"] == "request body format is invalid"
    for path in (
        "/v2/orders?status=odd",
        "/v2/orders?limit=0",
        "/v2/orders?after=noon",
        "/v2/calendar?start=1",
        "/v2/account/activities?page_token=x",
    ):
        assert server.http.get(path).status_code == 422, path
    assert httpx.get(server.base + "/v2/account").json() == {"code": 40110000, "message": "request is not authorized"}
    assert server.http.post("/sandbox/broker/quotes", json={"symbol": "KO"}).status_code == 400
    assert server.http.post("/sandbox/broker/quotes", json={"symbol": "KO", "bid": 80, "ask": 80.1}).json() == {"quoted": "KO"}
    assert not server.book.state.orders


# --- the socket -------------------------------------------------------------------------------------------------------


async def heard(server: Trading, path: str = "", seconds: float = 0.6, key: str = KEY) -> tuple[list[Any], int | None]:
    """What a listener gets of one order filled in two parts, and the code with which it ended, if it did."""
    got: list[Any] = []
    async with websockets.connect(server.socket(path), close_timeout=0.2) as socket:
        await socket.send(json.dumps({"action": "auth", "key": key, "secret": SECRET}))
        assert json.loads(await socket.recv())["data"]["status"] == "authorized"
        await socket.send(json.dumps({"action": "listen", "data": {"streams": ["trade_updates", "other"]}}))
        assert json.loads(await socket.recv()) == {"stream": "listening", "data": {"streams": ["trade_updates"]}}
        await asyncio.to_thread(_order_in_parts, server, path, key)
        try:
            while True:
                got.append(await asyncio.wait_for(socket.recv(), seconds))
        except TimeoutError:
            return got, None
        except websockets.ConnectionClosed as closed:
            return got, closed.rcvd.code if closed.rcvd is not None else 1006


def _order_in_parts(server: Trading, path: str, key: str) -> None:
    server.broker.quote("KO", 70.0, 70.02, (10, 6))
    headers = {"APCA-API-KEY-ID": key}
    assert server.http.post(path + "/v2/orders", json=ORDER, headers=headers).status_code == 200
    server.broker.quote("KO", 70.0, 70.03, (10, 6))


def names(frames: list[Any]) -> list[str]:
    return [json.loads(frame)["data"]["event"] for frame in frames]


WELL = ["pending_new", "new", "partial_fill", "fill"]


def test_paper_speaks_in_binary_and_live_in_text(server: Trading) -> None:
    paper, _ = asyncio.run(heard(server))
    live, _ = asyncio.run(heard(server, "/live", key="AKLIVE"))
    assert names(paper) == names(live) == WELL
    assert {type(frame) for frame in paper} == {bytes}
    assert {type(frame) for frame in live} == {str}


@pytest.mark.parametrize(
    ("fault", "expected", "code"),
    [
        ({"name": "mute"}, [], None),
        ({"name": "close-1011", "after": 3}, WELL[:3], 1011),
        ({"name": "gap", "after": 1, "lost": 2}, ["pending_new", "fill"], None),
        ({"name": "truncated", "after": 2}, WELL[:2], 1006),
        ({"name": "half-open", "after": 2}, WELL[:2], None),
    ],
)  # fmt: skip
def test_news_that_do_not_come(server: Trading, fault: dict[str, Any], expected: list[str], code: int | None) -> None:
    server.plan(**fault, match="/stream")
    got, ended = asyncio.run(heard(server))
    assert names(got) == expected
    assert ended == code
    assert server.book.by_client("mine").status.value == "filled"


def test_news_twice_and_in_another_order(server: Trading) -> None:
    server.plan("duplicates", match="/stream")
    got, _ = asyncio.run(heard(server))
    assert names(got) == [name for name in WELL for _ in range(2)]
    ids = [json.loads(frame)["data"]["execution_id"] for frame in got]
    assert len(set(ids)) == 4
    server.broker._accounts.clear()
    server.plan("out-of-order", match="/stream")
    got, _ = asyncio.run(heard(server))
    assert sorted(names(got)) == sorted(WELL)
    assert names(got) != WELL
    server.broker._accounts.clear()
    server.plan("half-json", match="/stream", after=1)
    got, _ = asyncio.run(heard(server))
    with pytest.raises(json.JSONDecodeError):
        json.loads(got[1])


def test_strangers_at_the_socket(server: Trading) -> None:
    async def answer(*messages: object) -> list[Any]:
        async with websockets.connect(server.socket()) as socket:
            for message in messages:
                await socket.send(json.dumps(message))
            return [json.loads(frame) async for frame in socket]

    wrong = {"action": "authenticate", "data": {"key_id": KEY, "secret_key": "wrong"}}
    refused = {"stream": "authorization", "data": {"status": "unauthorized", "action": "authenticate"}}
    assert asyncio.run(answer(wrong)) == [refused]
    listen = {"action": "listen", "data": {"streams": ["trade_updates"]}}
    assert asyncio.run(answer("noise", listen))[0]["data"] == {"status": "unauthorized", "action": "listen"}
    server.plan("auth-failed", match="/stream")
    assert asyncio.run(answer({"action": "auth", "key": KEY, "secret": SECRET}))[0]["data"]["status"] == "unauthorized"


# --- going on ---------------------------------------------------------------------------------------------------------


def test_a_broker_that_was_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with trading(at(DAY, 10), folder=tmp_path) as first:
        first.broker.quote("KO", 70.0, 70.02, (100, 4))
        first.plan("disconnect-after", match=ORDERS)
        with pytest.raises(httpx.TransportError):
            first.http.post("/v2/orders", json=ORDER)
    (file,) = tmp_path.glob("PA*.json")
    assert SECRET not in file.read_text()
    with trading(at(DAY, 10.1), folder=tmp_path) as second:
        second.broker.quote("KO", 69.0, 0)  # nobody offers
        order = second.http.get("/v2/orders:by_client_order_id", params={"client_order_id": "mine"}).json()
        assert (order["status"], order["filled_qty"]) == ("partially_filled", "4")
        second.broker.quote("KO", 69.0, 69.02)
        assert second.http.get(f"/v2/orders/{order['id']}").json()["filled_avg_price"] == "69.42"
        assert [row["qty"] for row in second.http.get("/v2/account/activities/FILL").json()] == ["6", "4"]
    with trading(at(DAY, 9), folder=tmp_path) as earlier:
        answer = earlier.http.get("/v2/account")
        assert answer.status_code == 500
        assert file.name in answer.json()["message"]


def test_many_at_once_do_not_lose_an_order(tmp_path: Path) -> None:
    with trading(at(DAY, 10), terms=Terms(cash=10_000_000), folder=tmp_path) as server:
        server.broker.quote("KO", 70.0, 70.02)

        def give(worker: int) -> None:
            with httpx.Client(base_url=server.base, headers=server.http.headers, timeout=30) as http:
                for i in range(10):
                    answer = http.post("/v2/orders", json=ORDER | {"client_order_id": f"{worker}-{i % 8}"})
                    assert answer.status_code == (422 if i >= 8 else 200)

        workers = [threading.Thread(target=give, args=(n,)) for n in range(4)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert len(server.book.state.orders) == 32
        assert server.book.state.positions["KO"].shares == 320 * 10**9
        again = Brokerage(server.broker.world, secret=SECRET, folder=tmp_path).account(KEY)
        assert again.book.state == server.book.state

"""The thin client of Alpaca: what each answer to an order means, how questions are asked, what is refused. No address but loopback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest

from undertow.core.errors import BadInput, BrokerError
from undertow.core.time import MINUTE, SECOND
from undertow.execution.alpaca.gateway import AlpacaGateway, Place
from undertow.execution.alpaca.keys import Keys
from undertow.execution.gateway.words import Answer, Lasts, Order, Says, Stands, Type
from undertow.execution.risk.inputs import Item, Side

NOW = 1_790_000_000 * SECOND
BASE = "http://127.0.0.1:1"
KEY, SECRET = "PKTESTTESTTEST000001", "a-very-secret-word-of-alpaca"
ORDER = Order(id="ut-AAPL-abc-0", symbol="AAPL", side=Side.BUY, shares=10.0)
BODY: dict[str, Any] = {
    "id": "904837e3", "client_order_id": ORDER.id, "symbol": "AAPL", "side": "buy", "qty": "10", "filled_qty": "0",
    "filled_avg_price": None, "status": "accepted", "created_at": "2026-09-21T14:00:00Z", "updated_at": "2026-09-21T14:00:01.123456789Z",
    "order_class": "", "legs": None,
}  # fmt: skip
Answers = Callable[[httpx.Request], httpx.Response]


class Still:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.at, self.waits = NOW, list[int]()

    def now(self) -> int:
        return self.at

    async def sleep(self, span: int) -> None:
        self.waits.append(span)
        self.at += span


class Server:
    """Answers in a row, and what was asked."""

    def __init__(self, *answers: httpx.Response | Exception | Answers) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx.Response) else answer(request)


def gateway(server: Server, clock: Still | None = None, **place: Any) -> AlpacaGateway:
    return AlpacaGateway(
        Place(rest=BASE, stream="ws://127.0.0.1:1/stream", real=False, **place),
        Keys(KEY, SECRET, real=False),
        clock=clock or Still(),
        chance=np.random.default_rng(1),
        transport=httpx.MockTransport(server),
    )


def ask(server: Server, what: Callable[[AlpacaGateway], Awaitable[Any]], clock: Still | None = None) -> Any:
    async def run() -> Any:
        alpaca = gateway(server, clock)
        try:
            return await what(alpaca)
        finally:
            await alpaca.close()

    return asyncio.run(run())


def says(status: int, code: int = 40010001, message: str = "") -> httpx.Response:
    return httpx.Response(status, json={"code": code, "message": message})


ANSWERS = {
    "accepted": (httpx.Response(200, json=BODY), Says.ACCEPTED, ""),
    "rejected at once": (httpx.Response(200, json=BODY | {"status": "rejected"}), Says.REJECTED, "rejected"),
    "another order's body": (httpx.Response(200, json=BODY | {"client_order_id": "other"}), Says.UNKNOWN, "not this order"),
    "no body": (httpx.Response(200), Says.UNKNOWN, "not this order"),
    "cut body": (httpx.Response(200, content=b'{"id": "90'), Says.UNKNOWN, "not this order"),
    "a list": (httpx.Response(200, json=[BODY]), Says.UNKNOWN, "not this order"),
    "elsewhere": (httpx.Response(302, headers={"Location": "/v2/orders"}), Says.UNKNOWN, "302"),
    "buying power": (says(403, 40310000, "insufficient buying power"), Says.REJECTED, "insufficient buying power"),
    "wrong key": (says(401, 40110000, "access key verification failed"), Says.REJECTED, "no account for this key"),
    "not tradable": (says(422, 42210000, 'asset "XYZ" is not tradable'), Says.REJECTED, "not tradable"),
    "fractional": (says(422, 40310000, 'asset "XYZ" is not fractionable'), Says.REJECTED, "not fractionable"),
    "too many": (says(429, 42910000, "too many requests."), Says.REJECTED, "too many requests"),
    "in use": (says(422, 40010001, "client_order_id must be unique"), Says.UNKNOWN, "must be unique"),
    "an edge's 403": (httpx.Response(403, text="<html>"), Says.UNKNOWN, "without a reason"),
    "request timeout": (says(408, 1, "timeout"), Says.UNKNOWN, "408"),
    "500": (says(500, 50010000, "internal server error"), Says.UNKNOWN, "500"),
    "504": (httpx.Response(504, text="<html>gateway timeout</html>"), Says.UNKNOWN, "504"),
    "no time": (httpx.ReadTimeout("slow"), Says.UNKNOWN, "no answer within 10 s"),
    "reset": (httpx.ReadError("reset by peer"), Says.UNKNOWN, "reset by peer"),
    "no road": (httpx.ConnectError("refused"), Says.UNKNOWN, "refused"),
    "half an answer": (httpx.RemoteProtocolError("peer closed"), Says.UNKNOWN, "peer closed"),
}


@pytest.mark.parametrize(("answer", "expected", "why"), ANSWERS.values(), ids=ANSWERS)
def test_an_order_is_asked_for_once_whatever_comes_back(answer: httpx.Response | Exception, expected: Says, why: str) -> None:
    server = Server(answer)
    got: Answer = ask(server, lambda alpaca: alpaca.submit(ORDER))
    assert (got.says, len(server.asked)) == (expected, 1)
    assert why in got.why
    assert got.broker_id == (BODY["id"] if got.says is Says.ACCEPTED or why == "rejected" else "")


def test_what_an_order_looks_like_on_the_wire() -> None:
    bracket = Order(
        id="i", symbol="AAPL", side=Side.SELL, shares=3.0, type=Type.STOP_LIMIT, lasts=Lasts.GTC, limit=101.30000000000001, stop=101.5,
        take_profit=99.0, stop_loss=103.25,
    )  # fmt: skip
    server = Server(httpx.Response(504))
    ask(server, lambda alpaca: alpaca.submit(bracket))
    ask(server, lambda alpaca: alpaca.submit(Order(id="o", symbol="AAPL261218C00100000", side=Side.BUY, shares=1.0, item=Item.OPTION)))
    first, second = (json.loads(request.content) for request in server.asked)
    assert first == {
        "symbol": "AAPL", "qty": "3", "side": "sell", "type": "stop_limit", "time_in_force": "gtc", "client_order_id": "i",
        "limit_price": "101.3", "stop_price": "101.5", "order_class": "bracket", "take_profit": {"limit_price": "99"},
        "stop_loss": {"stop_price": "103.25"},
    }  # fmt: skip
    assert second["qty"] == "1"
    assert "order_class" not in second
    request = server.asked[0]
    assert (request.method, request.url.path) == ("POST", "/v2/orders")
    assert (request.headers["APCA-API-KEY-ID"], request.headers["APCA-API-SECRET-KEY"]) == (KEY, SECRET)


CANCELS = {
    "taken": (httpx.Response(204), Says.ACCEPTED),
    "too late": (says(422, 42210000, "order is already in filled state"), Says.REJECTED),
    "not there": (says(404, 40410000, "order not found"), Says.REJECTED),
    "an edge's 404": (httpx.Response(404, text="<html>"), Says.UNKNOWN),
    "500": (says(500, 1, "oops"), Says.UNKNOWN),
    "no time": (httpx.ReadTimeout("slow"), Says.UNKNOWN),
}


@pytest.mark.parametrize(("answer", "expected"), CANCELS.values(), ids=CANCELS)
def test_a_cancellation_is_asked_for_once(answer: httpx.Response | Exception, expected: Says) -> None:
    server = Server(answer)
    assert ask(server, lambda alpaca: alpaca.cancel("904837e3")).says is expected
    assert [(request.method, request.url.path) for request in server.asked] == [("DELETE", "/v2/orders/904837e3")]


def test_a_look_up_tells_an_order_from_none_and_none_from_no_answer() -> None:
    found = ask(Server(httpx.Response(200, json=BODY | {"filled_qty": "4", "filled_avg_price": "101.5"})), lambda a: a.find(ORDER.id))
    assert (found.id, found.filled, found.price, found.stands) == (ORDER.id, 4.0, 101.5, Stands.PARTLY_FILLED)
    assert found.at % SECOND == 123456789
    assert ask(Server(says(404, 40410000, "order not found for ut")), lambda a: a.find(ORDER.id)) is None
    for answer in (httpx.Response(404, text="<html>"), httpx.Response(503), httpx.ReadTimeout("slow"), httpx.Response(200, json=[])):
        with pytest.raises(BrokerError):
            ask(Server(answer), lambda a: a.find(ORDER.id))
    with pytest.raises(BrokerError, match="told of other"):
        ask(Server(httpx.Response(200, json=BODY | {"client_order_id": "other"})), lambda a: a.find(ORDER.id))


def test_questions_wait_as_they_are_told_and_give_up() -> None:
    clock, server = Still(), Server(httpx.Response(429, headers={"Retry-After": "3"}), httpx.Response(500), httpx.Response(200, json=[]))
    assert ask(server, lambda a: a.held(), clock) == []
    assert len(server.asked) == 3
    assert 3 * SECOND <= clock.at - NOW < 10 * SECOND
    clock, server = Still(), Server(httpx.Response(500))
    with pytest.raises(BrokerError, match="could not be asked"):
        ask(server, lambda a: a.held(), clock)
    assert len(server.asked) <= 6
    assert clock.at - NOW <= MINUTE


@pytest.mark.parametrize("status", [401, 403])
def test_an_unknown_account_is_one_sentence(status: int) -> None:
    server = Server(says(status, 40110000, "forbidden."))
    with pytest.raises(BrokerError, match="knows no account for this key") as raised:
        ask(server, lambda a: a.money())
    assert len(server.asked) == 1
    assert SECRET not in str(raised.value)


ACCOUNT = {
    "account_number": "PA3XYZ", "status": "ACTIVE", "cash": "100.5", "equity": "250.25", "last_equity": "240", "buying_power": "401",
    "options_buying_power": "100.5", "daytrade_count": 2, "shorting_enabled": True, "trading_blocked": False, "account_blocked": False,
    "trade_suspended_by_user": False,
}  # fmt: skip


def test_the_account_is_read_and_a_broken_number_is_refused() -> None:
    money = ask(Server(httpx.Response(200, json=ACCOUNT)), lambda a: a.money())
    assert (money.number, money.equity, money.day_trades, money.blocked, money.may_short) == ("PA3XYZ", 250.25, 2, "", True)
    assert "trading blocked" in ask(Server(httpx.Response(200, json=ACCOUNT | {"trading_blocked": True})), lambda a: a.money()).blocked
    assert "ACCOUNT_CLOSED" in ask(Server(httpx.Response(200, json=ACCOUNT | {"status": "ACCOUNT_CLOSED"})), lambda a: a.money()).blocked
    for bad in ("NaN", "Infinity", "", None, True, [], "1e400"):
        with pytest.raises(BrokerError, match=r"equity|could not"):
            ask(Server(httpx.Response(200, json=ACCOUNT | {"equity": bad})), lambda a: a.money())


def test_positions_assets_and_hours() -> None:
    position = {"symbol": "AAPL", "qty": "-5", "side": "short", "avg_entry_price": "100.1", "asset_class": "us_equity"}
    call = {"symbol": "AAPL261218C00100000", "qty": "2", "side": "long", "avg_entry_price": "1.5", "asset_class": "us_option"}
    held = ask(Server(httpx.Response(200, json=[position, call])), lambda a: a.held())
    assert [(each.shares, each.item) for each in held] == [(-5.0, Item.SHARE), (2.0, Item.OPTION)]
    asset = {"symbol": "AAPL", "status": "active", "tradable": True, "fractionable": False, "shortable": True, "easy_to_borrow": False}
    assert ask(Server(httpx.Response(200, json=asset)), lambda a: a.asset("AAPL")).tradable
    assert not ask(Server(httpx.Response(200, json=asset | {"status": "inactive"})), lambda a: a.asset("AAPL")).tradable
    assert ask(Server(says(404, 40410000, "asset not found for XX")), lambda a: a.asset("XX")) is None
    clock = {"timestamp": "2026-09-21T10:00:00.123456789-04:00", "is_open": True}
    clock |= {"next_open": "2026-09-22T09:30:00-04:00", "next_close": "2026-09-21T16:00:00-04:00"}
    hours = ask(Server(httpx.Response(200, json=clock)), lambda a: a.hours())
    assert (hours.open, hours.next_close - hours.now) == (True, 6 * 60 * MINUTE - 123456789)
    with pytest.raises(BrokerError, match="market is open"):
        ask(Server(httpx.Response(200, json=clock | {"is_open": None})), lambda a: a.hours())


def activity(number: int, filled: str) -> dict[str, str]:
    return {
        "id": f"2026092114{number:07d}::x", "activity_type": "FILL", "order_id": "904837e3", "cum_qty": filled, "qty": "1",
        "price": "10.5", "side": "sell_short", "symbol": "AAPL", "transaction_time": f"2026-09-21T14:{number // 60:02d}:{number % 60:02d}Z",
    }  # fmt: skip


def test_fills_are_read_page_by_page_under_ids_that_the_stream_shares() -> None:
    def page(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("page_token", "")
        every = [activity(number, f"{number + 1}.0") for number in range(230)]
        return httpx.Response(200, json=[each for each in every if each["id"] > after][:100])

    server = Server(page)
    fills = ask(server, lambda a: a.executions(NOW))
    assert (len(fills), len({each.id for each in fills}), len(server.asked)) == (230, 230, 3)
    assert (fills[9].id, fills[9].side, fills[9].broker_id) == ("904837e3:10", Side.SELL, "904837e3")
    assert server.asked[0].url.params["after"].startswith("2026-09-21T")
    with pytest.raises(BrokerError, match="price"):
        ask(Server(httpx.Response(200, json=[activity(1, "1") | {"price": "NaN"}])), lambda a: a.executions(0))


def test_working_orders_bring_their_legs() -> None:
    leg = BODY | {"id": "leg1", "client_order_id": "their-own", "side": "sell", "status": "held"}
    amount = BODY | {"id": "n", "client_order_id": "theirs", "qty": None, "notional": "50", "filled_qty": "0.25"}
    legs = BODY | {"id": "m", "client_order_id": "several", "order_class": "mleg", "symbol": "", "side": ""}
    server = Server(httpx.Response(200, json=[BODY | {"status": "new", "order_class": "bracket", "legs": [leg]}, amount, legs]))
    seen = ask(server, lambda a: a.working())
    assert [(each.id, each.parent, each.shares) for each in seen] == [
        (ORDER.id, "", 10.0), ("their-own", "904837e3", 10.0), ("theirs", "", 0.25), ("several", "", 10.0),
    ]  # fmt: skip
    with pytest.raises(BrokerError, match="not known here"):
        ask(Server(httpx.Response(200, json=[BODY | {"status": "strange"}])), lambda a: a.working())
    with pytest.raises(BrokerError, match="500 working orders"):
        ask(Server(httpx.Response(200, json=[BODY] * 500)), lambda a: a.working())


def test_a_key_of_the_other_kind_is_one_sentence() -> None:
    with pytest.raises(BadInput, match=r"paper account.* live trading"):
        Keys("PKAAAAAAAAAAAAAAAAAA", SECRET, real=True)
    with pytest.raises(BadInput, match=r"live Alpaca account.* paper trading"):
        Keys("AKAAAAAAAAAAAAAAAAAA", SECRET, real=False)
    with pytest.raises(BadInput):
        Keys("", SECRET, real=False)


def test_neither_half_of_the_key_is_ever_shown() -> None:
    alpaca = gateway(Server(httpx.ReadError(f"with {SECRET} and {KEY}")))
    keys = Keys(KEY, SECRET, real=False)
    shown = [repr(alpaca), repr(keys), keys.scrub(f"{KEY} {SECRET}"), keys.scrub_bytes(f"{KEY} {SECRET}".encode()).decode()]
    answer = ask(Server(httpx.ReadError(f"with {SECRET} and {KEY}")), lambda a: a.submit(ORDER))
    echoed = ask(Server(says(422, 1, f"bad {SECRET} {KEY}")), lambda a: a.submit(ORDER))
    for text in (*shown, answer.why, echoed.why):
        assert SECRET not in text
        assert KEY not in text

"""Which of the broker's paths is answered by what."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from undertow.core.errors import BadInput
from undertow.sandbox.broker.words import Refused
from undertow.sandbox.servers.alpaca import holdings, orders, reference
from undertow.sandbox.servers.alpaca.accounts import Brokerage
from undertow.sandbox.servers.alpaca.asking import Answer, Question, Reply
from undertow.sandbox.servers.faults import Faults

if TYPE_CHECKING:
    from fastapi import APIRouter
    from starlette.requests import Request
    from starlette.responses import Response

_ORDERS, _POSITIONS, _ACTIVITIES = "/v2/orders", "/v2/positions", "/v2/account/activities"
#: an earlier path wins
ANSWERS: tuple[tuple[str, str, Answer], ...] = (
    ("POST", _ORDERS, orders.submit),
    ("GET", _ORDERS, orders.every),
    ("DELETE", _ORDERS, orders.cancel_all),
    ("GET", _ORDERS + ":by_client_order_id", orders.by_client),
    ("GET", _ORDERS + "/{order_id}", orders.one),
    ("PATCH", _ORDERS + "/{order_id}", orders.replace),
    ("DELETE", _ORDERS + "/{order_id}", orders.cancel),
    ("GET", _POSITIONS, holdings.positions),
    ("DELETE", _POSITIONS, holdings.close_all),
    ("GET", _POSITIONS + "/{symbol}", holdings.position),
    ("DELETE", _POSITIONS + "/{symbol}", holdings.close),
    ("GET", "/v2/account", holdings.account),
    ("GET", "/v2/account/configurations", holdings.configurations),
    ("GET", _ACTIVITIES, holdings.activities),
    ("GET", _ACTIVITIES + "/{kind}", holdings.activities),
    ("GET", "/v2/assets", reference.assets),
    ("GET", "/v2/assets/{symbol}", reference.asset),
    ("GET", "/v2/clock", reference.clock),
    ("GET", "/v2/calendar", reference.calendar),
)
KEY, SECRET = "apca-api-key-id", "apca-api-secret-key"  #: headers
_NO_KEY = Refused(401, 40110000, "request is not authorized")
_WRONG_KEY = Refused(403, 40310000, "forbidden.")


def routes(broker: Brokerage, faults: Faults) -> APIRouter:
    """The broker's REST paths and its socket, at the root for paper accounts and under ``/live`` for the others."""
    from fastapi import APIRouter

    from undertow.sandbox.servers.alpaca.stream import Streams

    router = APIRouter()
    for prefix, live in (("", False), ("/live", True)):
        for method, path, answer in ANSWERS:
            router.add_route(prefix + path, _endpoint(broker, answer, live=live), methods=[method])
        router.add_websocket_route(f"{prefix}/stream", Streams(broker, faults, live=live).serve)
    router.add_route("/sandbox/broker/quotes", _pushing(broker), methods=["POST"])
    return router


def _endpoint(broker: Brokerage, answer: Answer, *, live: bool) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def respond(request: Request) -> Response:
        from msgspec import json
        from starlette.responses import Response

        body = await request.body()
        status, said = await asyncio.to_thread(_answered, broker, answer, live, request, body)
        return Response(b"" if said is None else json.encode(said), status, media_type=None if said is None else "application/json")

    return respond


def _answered(broker: Brokerage, answer: Answer, live: bool, request: Request, raw: bytes) -> tuple[int, Any]:
    try:
        key, secret = request.headers.get(KEY, ""), request.headers.get(SECRET, "")
        account = broker.enter(key, secret, live=live)
        if account is None:
            raise _WRONG_KEY if key and secret else _NO_KEY
        body, parts, query = _decoded(raw), dict(request.path_params), dict(request.query_params)
        symbol = body.get("symbol") if request.method == "POST" else parts.get("symbol")
        now = broker.world.now()
        with account.present(now, [symbol] if isinstance(symbol, str) else ()) as book:
            found = answer(Question(book=book, now=now, parts=parts, query=query, body=body))
    except Refused as refused:
        return refused.status, refused.body()
    except BadInput as error:
        return 500, {"code": 50010000, "message": str(error)}
    return (found.status, found.body) if isinstance(found, Reply) else (200, found)


def _decoded(raw: bytes) -> Mapping[str, Any]:
    from msgspec import DecodeError, json

    if not raw:
        return {}
    try:
        found = json.decode(raw)
    except DecodeError:
        found = None
    if not isinstance(found, dict):
        raise Refused(400, 40010000, "request body format is invalid")
    return found


def _pushing(broker: Brokerage) -> Callable[[Request], Coroutine[Any, Any, Response]]:
    async def push(request: Request) -> Response:
        from fastapi.responses import JSONResponse

        try:
            given = _decoded(await request.body())
            sizes = int(given.get("bid_size", 0)), int(given.get("ask_size", 0))
            symbol, bid, ask = str(given["symbol"]), float(given["bid"]), float(given["ask"])
        except (KeyError, TypeError, ValueError, Refused):
            return JSONResponse({"error": "a quote has symbol, bid and ask, and may have bid_size and ask_size"}, 400)
        await asyncio.to_thread(broker.quote, symbol, bid, ask, sizes)
        return JSONResponse({"quoted": symbol})

    return push

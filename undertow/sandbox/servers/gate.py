"""The gate before every answer: keys, faults on demand, and an account of what was asked and what went out whole."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from undertow.sandbox.servers.bodies import Refusal, refusal, unauthorised, vendor
from undertow.sandbox.servers.faults import DOOR, REST, Fault, Faults
from undertow.sandbox.servers.serve import HANG_UP

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
MARK = b"x-market"  #: the header that names the market of an answer; absent, the market is the real one
_PIECE = 1 << 18  # bytes handed to the connection at once
_TURNS = 0.001  # seconds
_DATA = ("slow", "slow-after", "truncated", "half-json", "no-results")  # faults of an answer that has data
_ROWS = ("results", "data", "tickers", "ticker", "chains")  # whatever holds an answer's rows


class Gate:
    """A pure ASGI layer. Whole answers pass through it in memory, so that one can be cut short and one that went out whole be counted.

    key    : the one that is accepted; empty for any
    market : the market's name, which every answer carries
    """

    def __init__(self, app: App, faults: Faults, key: str = "", market: str = "simulated") -> None:
        self.app = app
        self.mark = (MARK, market.encode("ascii"))
        self.faults = faults
        self.key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection's request; administration passes, and so do sockets unless a fault keeps them out."""
        if scope["type"] == "websocket" and (fault := self.faults.take(scope["path"], DOOR)) is not None:
            await receive()  # the wish to connect
            await self._refuse(send, refusal(fault, scope["path"]), _wait(fault), "websocket.http.response")
            return
        if scope["type"] != "http" or scope["path"].startswith("/sandbox"):
            await self.app(scope, receive, self._marked(send))
            return
        question, given = _question(scope)
        self.faults.count(self.faults.asked, question)
        if given:
            self.faults.saw(given)
        fault = self.faults.take(f"{scope['method']} {scope['path']}", REST)
        if self._stranger(scope["path"], given):
            await self._refuse(send, unauthorised(scope["path"], given=bool(given)))
        elif fault is not None and fault.name not in _DATA:
            await self._fail(scope, receive, send, fault)
        else:
            if fault is not None and fault.name == "slow":
                receive = await _read(receive)  # what was sent arrives, whether or not the client waits
                await asyncio.sleep(fault.seconds)
            if await self._answer(scope, receive, send, fault):
                self.faults.count(self.faults.served, question)

    def _stranger(self, path: str, given: str) -> bool:
        # flat files and the broker have keys of their own, and their own way to check them
        return vendor(path) not in ("flatfiles", "alpaca") and (not given or (bool(self.key) and given != self.key))

    def _marked(self, send: Send) -> Send:
        async def marked(message: Message) -> None:
            if message["type"] in ("http.response.start", "websocket.accept"):
                message = {**message, "headers": [*message.get("headers", []), self.mark]}
            await send(message)

        return marked

    async def _answer(self, scope: Scope, receive: Receive, send: Send, fault: Fault | None) -> bool:
        """Whether data went out whole."""
        start, body = await _whole(self.app, scope, receive)
        headers = [pair for pair in start["headers"] if pair[0].lower() not in (b"content-length", MARK)]
        length = len(body)
        whole = fault is None or fault.name.startswith("slow")
        if fault is not None and fault.name == "slow-after":
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.name == "no-results":
            body = _without_rows(body)
            length = len(body)
        elif fault is not None and fault.name in ("truncated", "half-json"):
            body = body[: len(body) // 2]
            length = len(body) if fault.name == "half-json" else length
        if scope["method"] == "HEAD":
            stated = dict(start["headers"]).get(b"content-length")
            length, body = int(stated) if stated else length, b""
        stated_length = [] if start["status"] == 204 else [(b"content-length", b"%d" % length)]
        await send({**start, "headers": [*headers, self.mark, *stated_length]})
        there = await _sent(body, receive, send)
        if fault is not None and fault.name == "truncated":
            return False  # to end without the last message closes the connection
        await send({"type": "http.response.body", "body": b"", "more_body": False})
        return whole and there and 200 <= start["status"] < 300

    async def _fail(self, scope: Scope, receive: Receive, send: Send, fault: Fault) -> None:
        receive = await _read(receive)  # a connection with something unread would end with an error of another kind
        if fault.name in ("504-after", "disconnect-after"):
            await _whole(self.app, scope, receive)
        if fault.name.startswith("disconnect"):
            scope.get("extensions", {}).get(HANG_UP, _nothing)()
            await asyncio.sleep(0)  # the end is noticed
        else:
            await self._refuse(send, refusal(fault, scope["path"]), _wait(fault))

    async def _refuse(self, send: Send, said: Refusal, wait: float | None = None, what: str = "http.response") -> None:
        status, kind, body = said
        headers = [(b"content-type", kind.encode()), (b"content-length", b"%d" % len(body)), self.mark]
        if wait is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(wait))))
        await send({"type": f"{what}.start", "status": status, "headers": headers})
        await send({"type": f"{what}.body", "body": body})


def _wait(fault: Fault) -> float | None:
    return fault.seconds if fault.name == "429-retry-after" else None


def _question(scope: Scope) -> tuple[str, str]:
    """Path and query without a key, and the key."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
    given = next((value for name, value in pairs if name == "apiKey"), "")
    query = urlencode([pair for pair in pairs if pair[0] != "apiKey"], safe=":,[]")
    for name, value in scope["headers"]:
        if name == b"apca-api-key-id":
            given = value.decode("latin-1")
        elif name == b"authorization":
            given = value.decode("latin-1").removeprefix("Bearer ").strip()
    return scope["path"] + ("?" + query if query else ""), given


def _nothing() -> None:
    pass


async def _read(receive: Receive) -> Receive:
    """All that was sent, to be received again."""
    kept: deque[Message] = deque()
    while not kept or kept[-1].get("more_body"):
        kept.append(await receive())

    async def again() -> Message:
        return kept.popleft() if kept else await receive()

    return again


def _without_rows(body: bytes) -> bytes:
    from msgspec import DecodeError, json

    try:
        said = json.decode(body)
    except DecodeError:
        return b""
    kept = said if isinstance(said, dict) else {}
    return json.encode({name: value for name, value in kept.items() if name not in _ROWS or isinstance(value, str)})


async def _whole(app: App, scope: Scope, receive: Receive) -> tuple[Message, bytes]:
    start: Message = {"type": "http.response.start", "status": 500, "headers": []}
    pieces: list[bytes] = []

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        elif message["type"] == "http.response.body":
            pieces.append(bytes(message.get("body", b"")))

    await app(scope, receive, take)
    return start, b"".join(pieces)


async def _sent(body: bytes, receive: Receive, send: Send) -> bool:
    """Hand a body to the connection; whether the other side was there to the end."""
    gone = asyncio.ensure_future(_gone(receive))
    for at in range(0, len(body), _PIECE):
        await send({"type": "http.response.body", "body": body[at : at + _PIECE], "more_body": True})
        # a connection that broke says so a few turns of the loop later
        await asyncio.sleep(0 if len(body) < _PIECE else _TURNS)
        if gone.done():
            break
    left = gone.done()
    gone.cancel()
    return not left


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass

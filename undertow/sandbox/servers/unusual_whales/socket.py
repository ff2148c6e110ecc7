"""``/socket``: the door, and the connections behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from undertow.sandbox.servers.bodies import NO_STREAM
from undertow.sandbox.servers.faults import SOCKET, Faults
from undertow.sandbox.servers.unusual_whales.desk import Desk
from undertow.sandbox.servers.unusual_whales.line import REFUSED, Line

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

PATH = "/socket"
_OWN = tuple(name for name in SOCKET if name not in ("evict", "auth-failed", "not-entitled"))  # of a connection, once it is in


def endpoint(desk: Callable[[], Desk], faults: Faults, key: str) -> Callable[[WebSocket], Awaitable[None]]:
    """The socket's function. A token that is not ``key`` (any, where that is empty) is refused before the connection stands: 403."""
    from starlette.responses import Response

    open_lines: dict[str, list[Line]] = {}

    async def enter(websocket: WebSocket) -> None:
        token = websocket.query_params.get("token", "")
        if not token or (key and token != key) or faults.take(PATH, ("auth-failed",)) is not None:
            await websocket.close(REFUSED)
            return
        if faults.take(PATH, ("not-entitled",)) is not None:
            code, kind, body = NO_STREAM
            await websocket.send_denial_response(Response(body, code, media_type=kind))
            return
        mine = open_lines.setdefault(token, [])
        if mine and faults.take(PATH, ("evict",)) is not None:
            await mine[0].close(REFUSED, "another connection was opened with this token")
        await websocket.accept()
        line = Line(websocket, desk, faults.take(PATH, _OWN))
        mine.append(line)
        try:
            await _served(line)
        finally:
            mine.remove(line)

    return enter


async def _served(line: Line) -> None:
    from starlette.websockets import WebSocketDisconnect

    pump = asyncio.create_task(line.pump())
    try:
        while (message := await line.websocket.receive())["type"] != "websocket.disconnect":
            await line.told(message.get("text") or "")
    except WebSocketDisconnect:
        pass
    finally:
        line.closed = True
        pump.cancel()
        await asyncio.gather(pump, return_exceptions=True)

"""One WebSocket connection: connected, authenticated, subscribed; then what becomes known, until it ends, is evicted or goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from undertow.sandbox.servers.faults import SOCKET, Fault, Faults
from undertow.sandbox.servers.massive.topics import Topics, status
from undertow.sandbox.servers.mishaps import Closing, Mishap, Torn
from undertow.sandbox.servers.serve import CUT, DEAF
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

LOOK = 0.05  #: seconds between two looks at the market's clock
_MOST = 400  # events in a frame
_EVICTED = status("max_connections", "Maximum number of websocket connections exceeded.")
_NO_PLAN = status("auth_failed", "Your plan doesn't include websocket access. Visit https://massive.com/pricing to upgrade.")
_REFUSED = 1008


class Sockets:
    """The connections of one asset class: one a key, of which a newer one evicts the older."""

    def __init__(self, world: World, faults: Faults, key: str) -> None:
        self.world = world
        self.faults = faults
        self.key = key
        self.held: dict[tuple[str, str], Connection] = {}

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        path = socket.url.path
        fault = self.faults.take(path, SOCKET)
        self.faults.count(self.faults.asked, path)
        await socket.accept()
        connection = Connection(self, socket, path, fault)
        try:
            await connection.run()
        finally:
            for name in [name for name, held in self.held.items() if held is connection]:
                del self.held[name]

    async def enter(self, key: str, connection: Connection) -> None:
        """Take the key's place, closing who had it."""
        self.faults.saw(key)
        older = self.held.get((connection.path, key))
        self.held[connection.path, key] = connection
        if older is not None:
            await older.evict()


class Connection:
    """One client."""

    def __init__(self, sockets: Sockets, socket: WebSocket, path: str, fault: Fault | None) -> None:
        self.path = path
        self._sockets = sockets
        self._socket = socket
        self._topics = Topics(path)
        self._mishap = Mishap(fault)
        self._fault = fault
        self._entered = False
        self._sending: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Read until the client leaves or is sent away."""
        from starlette.websockets import WebSocketDisconnect

        try:
            await self._say([status("connected", "Connected Successfully")])
            while (message := await self._socket.receive())["type"] == "websocket.receive":
                await self._heard(message.get("text") or "")
        except WebSocketDisconnect:
            pass
        finally:
            if self._sending is not None:
                self._sending.cancel()
                await asyncio.gather(self._sending, return_exceptions=True)

    async def evict(self) -> None:
        """Say that there are too many connections, and close."""
        await self._leave([_EVICTED], _REFUSED)

    async def _heard(self, text: str) -> None:
        from msgspec import DecodeError, json

        try:
            said = json.decode(text)
        except DecodeError:
            said = None
        action, params = (said.get("action"), said.get("params")) if isinstance(said, dict) else (None, None)
        if action == "auth" and isinstance(params, str):
            await self._auth(params)
        elif not self._entered:
            await self._say([status("error", "auth is required before any other action")])
        elif action in ("subscribe", "unsubscribe") and isinstance(params, str):
            for one in getattr(self._topics, action)(params):
                await self._say([one])
        else:
            await self._say([status("error", "unknown action")])

    async def _auth(self, key: str) -> None:
        wrong = not key or (self._sockets.key and key != self._sockets.key)
        if wrong or (self._fault is not None and self._fault.name == "auth-failed"):
            await self._leave([status("auth_failed", "authentication failed")], _REFUSED)
            return
        if self._fault is not None and self._fault.name == "not-entitled":
            await self._leave([_NO_PLAN], _REFUSED)
            return
        await self._sockets.enter(key, self)
        self._entered = True
        await self._say([status("auth_success", "authenticated")])
        if self._sending is None:
            self._sending = asyncio.create_task(self._stream())

    async def _stream(self) -> None:
        world, seen = self._sockets.world, self._sockets.world.now()
        code = 1011  # what a fault of our own looks like
        try:
            while True:
                await asyncio.sleep(LOOK)
                now = world.now()
                if self._topics.chosen:
                    found = await asyncio.to_thread(self._topics.events, world, seen, now) if now > seen else []
                    if not await guarded(self._deliver([event for _, event in found])):
                        return
                seen = max(seen, now)
        except asyncio.CancelledError:
            code = 1001
            raise
        finally:
            await guarded(self._socket.close(code))

    async def _deliver(self, events: list[dict[str, Any]]) -> None:
        for batch in self._mishap.spoiled(events):
            if isinstance(batch, Closing):
                await self._leave([_EVICTED] if batch.evicted else [], batch.code)
                continue
            if isinstance(batch, Torn):
                await self._torn(batch)
                continue
            for at in range(0, len(batch), _MOST):
                await asyncio.sleep(self._mishap.delay())
                await self._say(batch[at : at + _MOST])
        if self._mishap.deaf:
            go_deaf: Callable[[], None] | None = self._socket.scope.get("extensions", {}).get(DEAF)
            if go_deaf is not None:
                go_deaf()

    async def _torn(self, torn: Torn) -> None:
        from msgspec import json

        text = json.encode(torn.batch).decode()
        if not torn.ends:
            await self._socket.send_text(text[: len(text) // 2])
        elif (cut := self._socket.scope.get("extensions", {}).get(CUT)) is not None:
            cut(text)

    async def _leave(self, last: list[dict[str, str]], code: int) -> None:
        async def leave() -> None:
            if last:
                await self._say(last)
            await self._socket.close(code)

        await guarded(leave())

    async def _say(self, events: list[dict[str, Any]]) -> None:
        from msgspec import json

        await self._socket.send_text(json.encode(events).decode())


async def guarded(sending: Awaitable[None]) -> bool:
    """Whether what is sent could be sent: a client may be gone at any moment."""
    from starlette.websockets import WebSocketDisconnect

    try:
        await sending
    except (WebSocketDisconnect, RuntimeError):  # the second: it was closed by us meanwhile
        return False
    return True

"""``/stream``: authenticated, listening; then what becomes of the account's orders, until it ends or goes wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from undertow.sandbox.servers.alpaca.accounts import Account, Brokerage
from undertow.sandbox.servers.faults import SOCKET, Faults
from undertow.sandbox.servers.mishaps import Closing, Mishap, Torn
from undertow.sandbox.servers.serve import CUT, DEAF

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

_LOOK = 0.01  # seconds of real time between two looks at the news
_MARKET = 5  # looks of which one lets the market's prices in
_OWN = tuple(name for name in SOCKET if name not in ("evict", "not-entitled"))
_AUTHORIZATION = "authorization"


class Streams:
    """The sockets of one kind of account. Paper ones send binary frames, as at Alpaca."""

    def __init__(self, broker: Brokerage, faults: Faults, *, live: bool) -> None:
        self.broker = broker
        self.faults = faults
        self.live = live

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        from starlette.websockets import WebSocketDisconnect

        path = socket.url.path
        fault = self.faults.take(path, _OWN)
        self.faults.count(self.faults.asked, path)
        await socket.accept()
        line = _Line(self, socket, Mishap(fault))
        try:
            while (message := await socket.receive())["type"] == "websocket.receive":
                await line.heard(message.get("text") or (message.get("bytes") or b"").decode("utf-8", "replace"))
        except (WebSocketDisconnect, RuntimeError):
            pass  # gone, or closed by us meanwhile
        finally:
            await line.end()


class _Line:
    def __init__(self, streams: Streams, socket: WebSocket, mishap: Mishap) -> None:
        self._streams = streams
        self._socket = socket
        self._mishap = mishap
        self._account: Account | None = None
        self._telling: asyncio.Task[None] | None = None

    async def heard(self, text: str) -> None:
        """Take one message of the client."""
        from msgspec import DecodeError, json

        try:
            said = json.decode(text)
        except DecodeError:
            said = None
        if not isinstance(said, dict):
            return
        action, data = said.get("action"), said.get("data")
        data = data if isinstance(data, dict) else {}
        if action in ("auth", "authenticate"):
            await self._authenticate(said.get("key") or data.get("key_id"), said.get("secret") or data.get("secret_key"), action)
        elif action == "listen" and self._account is None:
            await self._say({"stream": _AUTHORIZATION, "data": {"status": "unauthorized", "action": "listen"}})
            await self._socket.close(1000)
        elif action == "listen":
            await self._listen("trade_updates" in (data.get("streams") or ()))

    async def end(self) -> None:
        """Tell no more."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
            self._telling = None

    async def _authenticate(self, key: object, secret: object, action: str) -> None:
        if isinstance(key, str) and isinstance(secret, str) and self._mishap.name != "auth-failed":
            self._account = await asyncio.to_thread(self._streams.broker.enter, key, secret, live=self._streams.live)
            self._streams.faults.saw(key)
        status = "unauthorized" if self._account is None else "authorized"
        await self._say({"stream": _AUTHORIZATION, "data": {"status": status, "action": action}})
        if self._account is None:
            await self._socket.close(1000)

    async def _listen(self, wanted: bool) -> None:
        await self.end()
        assert self._account is not None  # noqa: S101 - nobody listens unauthorised
        seen = self._account.latest()  # what happens while the acknowledgement is on its way is told
        await self._say({"stream": "listening", "data": {"streams": ["trade_updates"] if wanted else []}})
        if wanted:
            self._telling = asyncio.create_task(self._tell(self._account, seen))

    async def _tell(self, account: Account, seen: int) -> None:
        from starlette.websockets import WebSocketDisconnect

        looks = 0
        try:
            while True:
                await asyncio.sleep(_LOOK)
                looks += 1
                if looks % _MARKET == 0:
                    await asyncio.to_thread(account.look, self._streams.broker.world.now())
                if found := account.after(seen):
                    seen = found[-1].number
                    await self._deliver(await asyncio.to_thread(account.told, found))
        except (WebSocketDisconnect, RuntimeError):
            pass

    async def _deliver(self, updates: list[dict[str, Any]]) -> None:
        for batch in self._mishap.spoiled(updates):
            if isinstance(batch, Closing):
                await self._socket.close(batch.code)
            elif isinstance(batch, Torn):
                await self._torn(batch)
            else:
                await asyncio.sleep(self._mishap.delay())
                for update in batch:
                    await self._say(update)
        if self._mishap.deaf:
            self._socket.scope.get("extensions", {}).get(DEAF, lambda: None)()

    async def _torn(self, torn: Torn) -> None:
        from msgspec import json

        first = json.encode(torn.batch[0])
        if torn.ends:
            self._socket.scope.get("extensions", {}).get(CUT, lambda _: None)(first.decode())
            return
        await self._send(first[: len(first) // 2])
        for update in torn.batch[1:]:
            await self._say(update)

    async def _say(self, message: Any) -> None:
        from msgspec import json

        await self._send(json.encode(message))

    async def _send(self, frame: bytes) -> None:
        if self._streams.live:
            await self._socket.send_text(frame.decode())
        else:
            await self._socket.send_bytes(frame)

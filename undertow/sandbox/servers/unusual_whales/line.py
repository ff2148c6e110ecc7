"""One connection of the socket: who may enter, what was joined, what goes out, and what goes wrong with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from undertow.core.time import SECOND, Instant
from undertow.sandbox.servers.faults import Fault
from undertow.sandbox.servers.mishaps import TORN
from undertow.sandbox.servers.serve import CUT, DEAF
from undertow.sandbox.servers.unusual_whales.channels import Told, is_channel, messages
from undertow.sandbox.servers.unusual_whales.desk import Desk

if TYPE_CHECKING:
    from starlette.websockets import WebSocket

LOOK = 0.05  #: seconds of real time between two looks at the market
REFUSED = 1008


@dataclass(slots=True, eq=False)
class Line:
    """A connection that was let in."""

    websocket: WebSocket
    desk: Callable[[], Desk]  #: the market as it is now
    fault: Fault | None = None
    joined: dict[str, Instant] = field(default_factory=dict)  #: channel -> known from when on
    closed: bool = False
    _sent: int = 0
    _lost_until: Instant = 0

    async def told(self, text: str) -> None:
        """Take one message of the client. What is no request is passed over, as at the vendor."""
        from msgspec import DecodeError, json

        try:
            asked = json.decode(text)
        except DecodeError:
            return
        if not isinstance(asked, dict) or not isinstance(asked.get("channel"), str):
            return
        channel, kind = asked["channel"], asked.get("msg_type")
        if kind == "join" and not is_channel(channel):
            await self._send([channel, {"response": {"reason": "unmatched topic"}, "status": "error"}])
        elif kind in ("join", "leave"):
            now = self.desk().now  # what becomes known while the acknowledgement is on its way is told
            await self._send([channel, {"response": {}, "status": "ok"}])
            if kind == "leave":
                self.joined.pop(channel, None)
            else:
                self.joined.setdefault(channel, now)

    async def pump(self) -> None:
        """Look at the market again and again, and send what is new, until the connection is closed."""
        while not self.closed:
            await asyncio.sleep(LOOK)
            desk, channels = self.desk(), dict(self.joined)
            found = await asyncio.to_thread(_collect, desk, channels)
            for channel in channels:
                if channel in self.joined:
                    self.joined[channel] = max(self.joined[channel], desk.now)
            await self._batch(found)

    async def close(self, code: int, reason: str = "") -> None:
        """Close it from this side, once."""
        if not self.closed:
            self.closed = True
            await self.websocket.close(code, reason)

    async def _batch(self, batch: list[tuple[Instant, str, Any]]) -> None:
        name = self.fault.name if self.fault is not None else ""
        if name == "out-of-order" and self.fault is not None:
            good = max(0, self.fault.after - self._sent)
            batch = batch[:good] + batch[good:][::-1]
        for at, channel, payload in batch:
            if self.closed or not await self._goes(at):
                continue
            self._sent += 1
            if name in TORN and self._due():
                await self._tear([channel, payload], ends=name == "truncated")
                self.fault, name = None, ""
                continue
            for _ in range(2 if name == "duplicates" and self._due() else 1):
                await self._send([channel, payload])

    async def _goes(self, at: Instant) -> bool:
        """Let the fault happen once its time has come; whether the message is to go out."""
        if self.fault is None or self._sent < self.fault.after:
            return True
        name = self.fault.name
        if name in ("close-1000", "close-1011"):
            await self.close(int(name[-4:]))
        elif name == "half-open":
            self.websocket.scope.get("extensions", {}).get(DEAF, _nothing)()
            self.closed = True
        elif name == "slow":
            await asyncio.sleep(self.fault.seconds)
            self.fault = None
        elif name == "gap":
            self._lost_until = self._lost_until or at + int(self.fault.seconds * SECOND)
            return at >= self._lost_until
        return not self.closed and name != "mute"

    async def _tear(self, message: Any, *, ends: bool) -> None:
        from msgspec import json

        text = json.encode(message).decode()
        if not ends:
            await self.websocket.send_text(text[: len(text) // 2])
        elif (cut := self.websocket.scope.get("extensions", {}).get(CUT)) is not None:
            cut(text)
            self.closed = True

    def _due(self) -> bool:
        return self.fault is not None and self._sent > self.fault.after

    async def _send(self, message: Any) -> None:
        from msgspec import json

        if not self.closed:
            await self.websocket.send_text(json.encode(message).decode())


def _collect(desk: Desk, channels: dict[str, Instant]) -> list[tuple[Instant, str, Any]]:
    found: list[tuple[Instant, str, Any]] = []
    for channel, after in channels.items():
        told: Iterable[Told] = messages(desk, channel, after) if after < desk.now else ()
        found += [(at, channel, payload) for at, payload in told]
    return sorted(found, key=lambda each: each[0])


def _nothing() -> None:
    pass

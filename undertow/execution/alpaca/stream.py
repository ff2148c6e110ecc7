"""Alpaca's stream of trade updates: log in, listen, read; one connection, which ends with ``BrokerError``."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from undertow.core.errors import BrokerError
from undertow.execution.alpaca.keys import Keys
from undertow.execution.alpaca.read import Json, table

_STREAM = "trade_updates"
_SILENT = logging.getLogger("undertow.execution.alpaca.silent")  # the library logs headers and frames, and the key is in one
_SILENT.propagate = False
_SILENT.addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """How long the stream may take or be silent, seconds of the machine."""

    opening: float = 10.0  #: to connect, to log in, to begin to listen: each
    ping: float = 10.0  #: between two pings, for trade updates come when they come
    pong: float = 10.0  #: for the answer to one; without it the stream is mute
    closing: float = 2.0


async def messages(address: str, keys: Keys, listening: asyncio.Event, pulse: Pulse) -> AsyncGenerator[Json, None]:
    """Every trade update from the moment ``listening`` is set. Raises ``BrokerError`` where the stream is refused, lost or mute."""
    from websockets.exceptions import WebSocketException

    socket = await _opened(address, pulse)
    try:
        await _asked(socket, {"action": "authenticate", "data": keys.login()}, "authorization", pulse)
        await _asked(socket, {"action": "listen", "data": {"streams": [_STREAM]}}, "listening", pulse)
        listening.set()
        while True:
            message = _decoded(await socket.recv())
            if message.get("stream") == _STREAM:
                yield table(message.get("data"), "trade update")
    except (WebSocketException, OSError, TimeoutError) as error:
        raise BrokerError(f"Alpaca's stream was lost or went mute ({type(error).__name__}): connect anew and compare.") from error
    finally:
        listening.clear()
        await _closed(socket, pulse)


async def _opened(address: str, pulse: Pulse) -> Any:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    try:
        return await connect(
            address,
            user_agent_header="undertow",
            logger=_SILENT,
            open_timeout=pulse.opening,
            close_timeout=pulse.closing,
            ping_interval=pulse.ping,
            ping_timeout=pulse.pong,
            compression=None,
        )
    except (WebSocketException, OSError, TimeoutError, ValueError) as error:
        raise BrokerError(f"Alpaca's stream cannot be opened ({type(error).__name__}).") from error


async def _asked(socket: Any, message: dict[str, Any], stream: str, pulse: Pulse) -> None:
    """Send, and read on to the answer; raises ``BrokerError`` for a no."""
    async with asyncio.timeout(pulse.opening):
        await socket.send(json.dumps(message))
        while True:
            answer = _decoded(await socket.recv())
            data = table(answer.get("data", {}), "answer of the stream")
            if data.get("status") == "unauthorized":
                raise BrokerError("Alpaca's stream knows no account for this key: check key id and secret, and the address.")
            if answer.get("stream") != stream:
                continue
            if stream == "listening" and _STREAM not in (data.get("streams") or []):
                raise BrokerError("Alpaca does not stream trade updates to this key.")
            return


def _decoded(raw: str | bytes) -> Json:
    """A message, which Alpaca's paper account sends in binary frames."""
    try:
        return table(json.loads(raw), "message")
    except (ValueError, RecursionError) as error:
        raise BrokerError("Alpaca's stream sent what is no JSON: connect anew and compare.") from error


async def _closed(socket: Any, pulse: Pulse) -> None:
    try:
        async with asyncio.timeout(pulse.closing):
            await socket.close()
    except (OSError, TimeoutError):
        socket.transport.abort()

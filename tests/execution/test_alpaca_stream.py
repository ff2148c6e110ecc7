"""Alpaca's stream of trade updates against a small server on loopback: login, listening, fills, silence, loss."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection, serve

from tests.execution.test_alpaca import BODY, KEY, ORDER, SECRET, Server, Still, activity
from undertow.core.errors import BrokerError
from undertow.execution.alpaca.gateway import AlpacaGateway, Place
from undertow.execution.alpaca.keys import Keys
from undertow.execution.alpaca.stream import Pulse
from undertow.execution.gateway.words import Stands, Update

FAST = Pulse(opening=2.0, ping=0.1, pong=0.2, closing=0.2)
Script = Callable[[ServerConnection], Awaitable[None]]


async def told(connection: ServerConnection, stream: str, data: dict[str, Any]) -> None:
    """As the paper account tells it: in a binary frame."""
    await connection.send(json.dumps({"stream": stream, "data": data}).encode())


async def welcome(connection: ServerConnection) -> None:
    login = json.loads(await connection.recv())
    assert login == {"action": "authenticate", "data": {"key_id": KEY, "secret_key": SECRET}}
    await told(connection, "authorization", {"status": "authorized", "action": "authenticate"})
    assert json.loads(await connection.recv()) == {"action": "listen", "data": {"streams": ["trade_updates"]}}
    await told(connection, "listening", {"streams": ["trade_updates"]})


def fill(filled: str, quantity: str, event: str = "partial_fill") -> dict[str, Any]:
    status = "filled" if event == "fill" else "partially_filled"
    order = BODY | {"status": status, "filled_qty": filled, "filled_avg_price": "100.5"}
    return {
        "event": event, "execution_id": f"random-{filled}", "price": "100.5", "qty": quantity, "timestamp": "2026-09-21T14:00:02.5Z",
        "position_qty": filled, "order": order,
    }  # fmt: skip


def heard(script: Script, most: int = 99, pulse: Pulse = FAST) -> tuple[list[Update], str, bool]:
    """What the gateway told, what it ended with, whether it said that it listens."""

    async def run() -> tuple[list[Update], str, bool]:
        found: list[Update] = []
        listening = False
        async with serve(script, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            place = Place(rest="http://127.0.0.1:1", stream=f"ws://127.0.0.1:{port}/stream", real=False, pulse=pulse)
            transport = httpx.MockTransport(Server(httpx.Response(500)))
            alpaca = AlpacaGateway(
                place, Keys(KEY, SECRET, real=False), clock=Still(), chance=np.random.default_rng(1), transport=transport
            )
            updates = alpaca.updates()
            try:
                async for update in updates:
                    found.append(update)
                    listening = listening or alpaca.listening.is_set()
                    if len(found) >= most:
                        break
                return found, "", listening
            except BrokerError as error:
                assert not alpaca.listening.is_set()
                return found, str(error), listening
            finally:
                await updates.aclose()  # type: ignore[attr-defined]
                await alpaca.close()

    async def bounded() -> tuple[list[Update], str, bool]:
        async with asyncio.timeout(20):
            return await run()

    return asyncio.run(bounded())


def test_fills_are_told_under_the_ids_that_the_history_has() -> None:
    async def script(connection: ServerConnection) -> None:
        await welcome(connection)
        await told(connection, "trade_updates", {"event": "new", "order": BODY | {"status": "new"}})
        await connection.send(json.dumps({"stream": "somewhere else", "data": {}}))
        await told(connection, "trade_updates", fill("4", "4"))
        await told(connection, "trade_updates", fill("4", "4"))  # told twice
        await connection.send(json.dumps({"stream": "trade_updates", "data": fill("10", "6", "fill")}))  # a text frame
        await connection.wait_closed()

    updates, said, listening = heard(script, most=4)
    assert (said, listening) == ("", True)
    assert [each.order.stands for each in updates] == [Stands.ACCEPTED, Stands.PARTLY_FILLED, Stands.PARTLY_FILLED, Stands.FILLED]
    fills = [each.execution for each in updates if each.execution is not None]
    assert [(each.id, each.shares, each.order) for each in fills] == [
        ("904837e3:4", 4.0, ORDER.id), ("904837e3:4", 4.0, ORDER.id), ("904837e3:10", 6.0, ORDER.id),
    ]  # fmt: skip
    from undertow.execution.alpaca.read import activity as read_activity

    assert read_activity(activity(1, "10.000")).id == fills[-1].id


async def refuses(connection: ServerConnection) -> None:
    await connection.recv()
    await told(connection, "authorization", {"status": "unauthorized", "action": "authenticate"})
    await connection.wait_closed()


async def gives_nothing(connection: ServerConnection) -> None:
    await connection.recv()
    await told(connection, "authorization", {"status": "authorized"})
    await connection.recv()
    await told(connection, "listening", {"streams": []})
    await connection.wait_closed()


async def hangs_up(connection: ServerConnection) -> None:
    await welcome(connection)
    await told(connection, "trade_updates", fill("4", "4"))
    await connection.close()


async def cuts(connection: ServerConnection) -> None:
    await welcome(connection)
    await connection.send(b'{"stream": "trade_up')
    await connection.wait_closed()


async def lies(connection: ServerConnection) -> None:
    await welcome(connection)
    await told(connection, "trade_updates", fill("4", "NaN"))
    await connection.wait_closed()


async def never_answers(connection: ServerConnection) -> None:
    await connection.wait_closed()


async def goes_mute(connection: ServerConnection) -> None:
    await welcome(connection)
    connection.transport.pause_reading()  # no ping is seen, none is answered
    await asyncio.sleep(3)


ENDS: dict[str, tuple[Script, str]] = {
    "wrong key": (refuses, "knows no account for this key"),
    "not allowed": (gives_nothing, "does not stream trade updates"),
    "hangs up": (hangs_up, "lost or went mute"),
    "half a message": (cuts, "no JSON"),
    "a broken number": (lies, "qty is 'NaN'"),
    "no answer to the login": (never_answers, "lost or went mute"),
    "mute": (goes_mute, "lost or went mute"),
}


@pytest.mark.parametrize(("script", "said"), ENDS.values(), ids=ENDS)
def test_a_stream_that_ends_says_why(script: Script, said: str) -> None:
    quick = Pulse(opening=0.5, ping=0.1, pong=0.2, closing=0.2)
    _, why, _ = heard(script, pulse=quick)
    assert said in why
    assert SECRET not in why


def test_nobody_there() -> None:
    async def run() -> None:
        place = Place(rest="http://127.0.0.1:1", stream="ws://127.0.0.1:1/stream", real=False, pulse=FAST)
        alpaca = AlpacaGateway(place, Keys(KEY, SECRET, real=False), clock=Still(), chance=np.random.default_rng(1))
        try:
            with pytest.raises(BrokerError, match="cannot be opened"):
                async for _ in alpaca.updates():
                    pass
        finally:
            await alpaca.close()

    asyncio.run(run())

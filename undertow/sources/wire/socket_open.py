"""Opening and closing a WebSocket: every fault typed, no key in any message, and no peer that can make us wait."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Coroutine
from typing import Any

from undertow.sources.wire.answer import Answer, verdict
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import Unauthorised, VendorDown, WireError
from undertow.sources.wire.socket_state import Dialect, Policy

# the library logs requests with their addresses, and an address may hold the key
# so it gets one that is in no tree, which no setting of levels can wake
_SILENT = logging.Logger("undertow.silent", logging.CRITICAL + 1)  # noqa: LOG001


async def opened(dialect: Dialect, policy: Policy, clock: Clock) -> Any:
    """A connected socket, or the ``WireError`` that says why there is none, returned so that no cause hangs on it."""
    from websockets.asyncio.client import connect
    from websockets.exceptions import InvalidStatus, WebSocketException

    headers = dict(dialect.headers())
    agent = headers.pop("User-Agent", "undertow")
    try:
        return await connect(
            dialect.address(),
            additional_headers=headers,
            user_agent_header=agent,
            logger=_SILENT,
            open_timeout=policy.handshake,
            close_timeout=policy.closing,
            ping_interval=policy.ping,
            ping_timeout=policy.ping,
            max_size=None,
            max_queue=None,  # the reader only queues, and to stop reading is to be thrown off
            compression=None,
        )
    except InvalidStatus as error:
        reply = error.response
        told = {name.lower(): dialect.scrub(value) for name, value in reply.headers.raw_items()}
        raw = dialect.scrub((reply.body or b"").decode("utf-8", "replace")).encode()
        if reply.status_code == 403 and not raw.strip():  # an edge that keeps us out says so in HTML
            message = f"The vendor does not open its stream ({dialect.shown}) to this key or its plan (403, no reason given)."
            return Unauthorised(f"{message} Nothing will be streamed.", path=dialect.shown, status=403)
        answer = Answer(path=dialect.shown, status=reply.status_code, headers=told, raw=raw, received_at=clock.now())
        return verdict(answer) or _down(dialect, f"answered {reply.status_code} instead of opening a WebSocket")
    except TimeoutError:
        return _down(dialect, f"did not answer within {policy.handshake:g} s")
    except OSError as error:
        return _down(dialect, f"cannot be reached ({type(error).__name__}: {error.strerror or 'no reason given'})")
    except (WebSocketException, ValueError) as error:
        return _down(dialect, f"does not speak as expected ({type(error).__name__})")


async def hang_up(socket: Any, closing: float) -> None:
    """Close within ``closing`` seconds of the machine; a peer that does not answer, or 0 seconds, gets no farewell."""
    if closing > 0:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(closing):
                await socket.close()
    socket.transport.abort()
    with contextlib.suppress(Exception):
        async with asyncio.timeout(closing or 1.0):
            await socket.wait_closed()


async def first_of(*jobs: Coroutine[Any, Any, Any]) -> Any:
    """Run all; the result of the first to end, or its error. The others are cancelled and have ended when this returns."""
    tasks = [asyncio.ensure_future(job) for job in jobs]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return next(task for task in tasks if task in done).result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _down(dialect: Dialect, what: str) -> WireError:
    return VendorDown(f"The vendor's stream at {dialect.shown} {what}.", path=dialect.shown)

"""A vendor's socket that keeps to a script, a clock that runs fast, and a REST that knows the whole truth."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.events import Event
from undertow.core.time import SECOND, Duration, Instant
from undertow.sources.wire.socket_open import first_of
from undertow.sources.wire.socket_state import Policy
from undertow.sources.wire.socket_stream import Filling

START: Instant = 1_779_978_600 * SECOND  # 2026-05-28 10:30 in New York, a Thursday
POLICY = Policy(mute=25 * SECOND, healthy=60 * SECOND, evicted=60 * SECOND, handshake=5.0, closing=0.2, ping=None)
FILLING = Filling(settle=3 * SECOND, again=2 * SECOND, reconcile=120 * SECOND)
QUIET = logging.Logger("quiet", logging.CRITICAL)  # noqa: LOG001 - in no tree: what clients send is no matter of logs

nyse()  # made before any clock runs: it takes a second, which is minutes of a fast market
LATE = {"slow": 10 * SECOND, "slow-1011": 20 * SECOND}  #: how late a slow server is


class FastClock:
    """A market's clock that runs ``rate`` times as fast as the machine's."""

    def __init__(self, rate: float = 200.0, start: Instant = START) -> None:
        self.rate, self.start = rate, start
        self._begin = time.monotonic()

    def now(self) -> Instant:
        return self.start + int((time.monotonic() - self._begin) * self.rate * SECOND)

    async def sleep(self, span: Duration) -> None:
        await asyncio.sleep(span / SECOND / self.rate)


class Truth:
    """A source over chunks that are the truth; rows come once they are known. Fails as often as ``failures`` says."""

    name, simulated = "truth", False

    def __init__(self, chunks: Sequence[Chunk], now: Callable[[], Instant]) -> None:
        self.chunks, self.now = tuple(chunks), now
        self.kinds: tuple[type[Event], ...] = tuple(dict.fromkeys(chunk.kind for chunk in chunks))
        self.asked: list[tuple[tuple[str, ...], Instant, Instant]] = []
        self.failures: list[Exception] = []

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        self.asked.append((tuple(symbols), after, until))
        if self.failures:
            raise self.failures.pop(0)
        for chunk in self.chunks:
            rows = chunk.between(after, min(until, self.now()))
            yield rows[np.isin(rows.key, [rows.symbols.index(symbol) for symbol in symbols])] if len(rows) else rows


Welcome = Callable[["Vendor", ServerConnection], Awaitable[list[str] | None]]


@dataclass(slots=True)
class Script:
    """What the server says and when, and what goes wrong with the first connection after ``after`` messages."""

    messages: list[tuple[Instant, str]]
    fault: str = ""
    after: int = 0
    missing: tuple[int, int] = (0, 0)  #: of ``gap``: messages that are left out, where they speak of AAPL
    spent: bool = False
    connections: int = 0
    received: list[Any] = field(default_factory=list)


class Vendor:
    """Serves a script; ``welcome`` lets a client in and returns how its subscriptions are confirmed, or None."""

    def __init__(self, script: Script, clock: FastClock, welcome: Welcome) -> None:
        self.script, self.clock, self.welcome = script, clock, welcome
        self.open: list[ServerConnection] = []
        self.over = asyncio.Event()

    async def __call__(self, socket: ServerConnection) -> None:
        self.script.connections += 1
        with contextlib.suppress(ConnectionClosed):
            joined = await self.welcome(self, socket)
            if joined is None:
                return
            begun = self.clock.now()
            jobs = [asyncio.ensure_future(self.evict(older)) for older in self.open]
            jobs.append(asyncio.ensure_future(self._listen(socket)))
            self.open.append(socket)
            try:
                for text in joined:
                    await socket.send(text)
                await self._speak(socket, begun)
                await first_of(self.over.wait(), socket.wait_closed())
            finally:
                for job in jobs:
                    job.cancel()
                self.open.remove(socket)

    async def evict(self, socket: ServerConnection) -> None:
        words = {"ev": "status", "status": "max_connections", "message": "Maximum number of websocket connections exceeded."}
        with contextlib.suppress(ConnectionClosed):
            await socket.send(json.dumps([words]))
            await socket.close(1008, "max connections")

    async def _listen(self, socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for raw in socket:
                self.script.received.append(json.loads(raw))

    async def _speak(self, socket: ServerConnection, begun: Instant) -> None:
        script, sent, held = self.script, 0, None
        for number, (at, text) in enumerate(script.messages):
            if at <= begun:
                continue  # no replay: who comes late has missed it
            fault = "" if script.spent else script.fault
            await self.clock.sleep(at - self.clock.now() + LATE.get(fault, 0))
            sent += 1
            if fault == "gap" and script.missing[0] <= number < script.missing[1] and '"AAPL"' in text:
                continue
            if fault == "out-of-order":
                held, text = (text, held) if held is not None or sent % 2 else (None, text)
                if text is None:
                    continue
            if sent > script.after and fault in ("mute", "half-open", "close-1000", "close-1011", "slow-1011"):
                script.spent = True
                if fault.endswith(("1000", "1011")):
                    await socket.close(int(fault[-4:]))
                elif fault == "half-open":
                    socket.transport.pause_reading()
                await self.over.wait()
            for _ in range(2 if fault == "duplicates" else 1):
                await socket.send(text)
        if held is not None:
            await socket.send(held)


@contextlib.asynccontextmanager
async def serving(vendor: Vendor, process_request: Any = None) -> AsyncIterator[str]:
    """The address of a server on a free port, which ends with the block and leaves no task behind."""
    server: Server = await serve(
        vendor, "127.0.0.1", 0, process_request=process_request, close_timeout=0.2, ping_interval=None, logger=QUIET
    )
    try:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        vendor.over.set()
        for connection in list(server.connections):
            connection.transport.abort()
        server.close()
        await server.wait_closed()


async def gathered(chunks: Any, enough: Callable[[list[Chunk]], bool], seconds: float = 8.0) -> dict[type[Event], Chunk]:
    """Chunks by kind until there are enough, or so many seconds of the machine have passed."""
    got: list[Chunk] = []
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds), contextlib.aclosing(chunks):
            async for chunk in chunks:
                got.append(chunk)
                if enough(got):
                    break
    return {kind: concat([chunk for chunk in got if chunk.kind is kind]) for kind in {chunk.kind for chunk in got}}

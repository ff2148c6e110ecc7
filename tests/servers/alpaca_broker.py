"""A served broker for tests, with quotes that the test hands in or the market's own, and the official client on it."""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.servers.running import Clock
from undertow.core.time import Instant
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.words import Terms
from undertow.sandbox.market import Market
from undertow.sandbox.servers.alpaca import Brokerage
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # the client rests on a deprecated part of websockets
    from alpaca.trading.client import TradingClient
    from alpaca.trading.stream import TradingStream

KEY, SECRET = "PKTEST", "test-secret"
LIVE_KEY = "AKTEST"
ORDERS = "POST /v2/orders"  #: where a fault of an order is planned


@dataclass
class Trading:
    base: str
    broker: Brokerage
    faults: Faults
    clock: Clock
    http: httpx.Client  #: with the paper key

    @property
    def book(self) -> Book:
        return self.broker.account(KEY).book

    def client(self, key: str = KEY, secret: str = SECRET) -> TradingClient:
        made = TradingClient(key, secret, paper=True, url_override=self.base)
        made._retry = 0
        return made

    def plan(self, name: str, **more: Any) -> None:
        self.faults.plan(Fault(name=name, **more))

    def wait(self, seconds: float) -> None:
        """The market's clock goes on; it stands still otherwise."""
        self.clock.at += int(seconds * 10**9)

    def socket(self, prefix: str = "") -> str:
        return self.base.replace("http://", "ws://") + prefix + "/stream"

    @asynccontextmanager
    async def updates(self, heard: list[Any], count: int, seconds: float = 20) -> AsyncIterator[None]:
        """The official stream listens while the block runs, and until it heard so many updates."""
        stream, enough = TradingStream(KEY, SECRET, paper=True, url_override=self.socket()), asyncio.Event()

        async def hear(update: Any) -> None:
            heard.append(update)
            if len(heard) >= count:
                enough.set()

        stream.subscribe_trade_updates(hear)
        running = asyncio.create_task(stream._run_forever())
        try:
            while not stream._running:  # noqa: ASYNC110 - the client tells nobody
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.1)  # the wish to listen has arrived
            yield
            await asyncio.wait_for(enough.wait(), seconds)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            await stream.close()


@contextmanager
def trading(
    at: Instant, *, terms: Terms | None = None, listing: Listing | None = None, folder: Path | None = None, seed: int = 7
) -> Iterator[Trading]:
    """A broker of its own whose clock stands still at ``at``; accounts are kept in ``folder`` if there is one."""
    clock, faults = Clock(at), Faults()
    world = World(Market(seed), clock)
    broker = Brokerage(world, secret=SECRET, terms=terms, listing=listing, folder=folder)
    headers = {"APCA-API-KEY-ID": KEY, "APCA-API-SECRET-KEY": SECRET}
    app = build(world, faults, key=SECRET, broker=broker)
    with Serving(app) as base, httpx.Client(base_url=base, headers=headers, timeout=30) as http:
        yield Trading(base, broker, faults, clock, http)

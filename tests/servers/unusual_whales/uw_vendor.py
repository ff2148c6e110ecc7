"""A simulated Unusual Whales in this process: an app without a port, asked as by a client or through our own source."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import numpy as np
from fastapi import FastAPI

from tests.sources.unusual_whales.vendor import FakeClock
from undertow.core.calendar import nyse
from undertow.core.time import HOUR, Instant
from undertow.sandbox.market import Market
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.unusual_whales import Plan, routes
from undertow.sandbox.servers.world import World
from undertow.sources.unusual_whales.connect import connect
from undertow.sources.unusual_whales.source import Settings, UnusualWhalesSource
from undertow.sources.wire.key import Key

KEY = "canary+TOKEN/9876543210"
DAY = "2026-05-28"  # a Thursday, the day after AAPL's report in this market
MARKET = Market(seed=3)


def at(day: str, hours: float) -> Instant:
    """That many hours after midnight in New York."""
    calendar = nyse()
    return int(calendar.midnight[calendar.session_on_or_before(np.datetime64(day))]) + int(hours * HOUR)


def position(day: str) -> int:
    return nyse().session_on_or_before(np.datetime64(day))


class Vendor:
    """The vendor at an instant, which tests may move."""

    def __init__(self, now: Instant, plan: Plan | None = None, market: Market = MARKET) -> None:
        self.clock = FakeClock(now)
        self.world = World(market, self.clock.now)
        self.app = FastAPI()
        self.app.include_router(routes(self.world, Faults(), "", plan or Plan(per_minute=100_000)))

    def response(self, path: str, **params: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://vendor", headers={"Authorization": f"Bearer {KEY}"}
            ) as client:
                url = httpx.URL(path)
                return await client.get(url, params=url.params.merge(params))

        return asyncio.run(ask())

    def body(self, path: str, **params: Any) -> Any:
        answer = self.response(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def rows(self, path: str, **params: Any) -> list[Any]:
        body = self.body(path, **params)
        return body if isinstance(body, list) else body.get("data", body.get("chains"))

    def source(self, *kinds: Any) -> UnusualWhalesSource:
        wire = connect(Key(KEY), clock=self.clock, chance=np.random.default_rng(1), transport=httpx.ASGITransport(self.app))
        return UnusualWhalesSource(wire, Settings(kinds=kinds) if kinds else None)

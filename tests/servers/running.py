"""A served market for tests: a clock that stands still, is moved by the test, or runs fast."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from undertow.core.time import SECOND, Instant
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World

KEY = "test-key"


@dataclass
class Clock:
    """``at`` plus real time since the start times ``speed``."""

    at: Instant
    speed: float = 0.0
    began: float = field(default_factory=time.monotonic)

    def __call__(self) -> Instant:
        return self.at + int((time.monotonic() - self.began) * self.speed * SECOND)

    def run(self, speed: float) -> None:
        self.at, self.began, self.speed = self(), time.monotonic(), speed


@dataclass
class Running:
    base: str
    world: World
    faults: Faults
    clock: Clock
    http: httpx.Client

    def get(self, path: str, key: str = KEY, **params: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        return self.http.get(path, params=params or None, headers=headers)

    def rows(self, path: str, **params: object) -> list[dict]:
        """The rows of all pages."""
        found, reply = [], self.get(path, **params)
        while True:
            assert reply.status_code == 200, reply.text
            body = reply.json()
            found += body.get("results", [])
            if "next_url" not in body:
                return found
            assert body["next_url"].startswith("https://api.massive.com/")
            reply = self.get(body["next_url"].removeprefix("https://api.massive.com"))

    def socket(self, path: str = "/stocks") -> str:
        return self.base.replace("http://", "ws://") + path

    def plan(self, name: str, **more: object) -> None:
        self.faults.plan(Fault(name=name, **more))


@contextmanager
def running(at: Instant, *, key: str = "", market: Market | None = None, listed: tuple[str, ...] = ()) -> Iterator[Running]:
    """A server of its own; what it serves is made when asked for."""
    clock, faults = Clock(at), Faults()
    world = World(market or Market(7), clock, *([listed] if listed else []))
    with Serving(build(world, faults, key=key)) as base, httpx.Client(base_url=base, timeout=30) as http:
        yield Running(base, world, faults, clock, http)

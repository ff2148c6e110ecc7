"""The simulated market served on loopback, and commands whose vendors' addresses lead to it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.end_to_end.harness import environment
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.unusual_whales.plan import Plan
from undertow.sandbox.servers.world import World

MASSIVE_CANARY = "canary-massive-5f3a9c77e1"
WHALES_CANARY = "canary-whales-08b2d41f6a"


@dataclass(frozen=True, slots=True)
class Vendors:
    """Both vendors on one port."""

    url: str
    world: World
    faults: Faults = field(repr=False)

    def asked_for_data(self, before: Mapping[str, int] = MappingProxyType({})) -> set[str]:
        """Questions served since ``before`` that ask for more than ten rows; those that ask what a plan includes ask for one or ten."""
        fresh = {question for question, n in self.faults.served.items() if n > before.get(question, 0)}
        limits = {question: parse_qs(urlsplit(question).query).get("limit", ["0"]) for question in fresh}
        return {question for question, limit in limits.items() if int(limit[0]) > 10}

    def env(self, home: Path, *, massive: bool = True, whales: bool = True, files: bool = False) -> dict[str, str]:
        """What a command sees: addresses that lead here, and the keys asked for."""
        more = {"POLYGON_BASE_URL": self.url, "UW_BASE_URL": self.url, "FLATFILES_ENDPOINT": self.url, "COLUMNS": "200"}
        socket = self.url.replace("http://", "ws://")
        more |= {"POLYGON_WS_URL": socket, "UW_WS_URL": f"{socket}/socket"}
        if massive:
            more["POLYGON_API_KEY"] = MASSIVE_CANARY
        if whales:
            more["UNUSUAL_WHALES_API_KEY"] = WHALES_CANARY
        if files:
            more |= {"MASSIVE_S3_ACCESS_KEY_ID": "canary-files-id-77", "MASSIVE_S3_SECRET_ACCESS_KEY": "canary-files-secret-99"}
        return environment(home, **more)


@pytest.fixture(scope="session")
def served() -> Iterator[Vendors]:
    """The vendors of the whole session; what one test plans with them is cleared before the next."""
    world, faults = World(Market(seed=3), time.time_ns), Faults()
    with Serving(build(world, faults, plan=Plan(per_minute=100_000, per_day=10_000_000))) as url:
        yield Vendors(url, world, faults)


@pytest.fixture
def vendors(served: Vendors) -> Vendors:
    """The vendors, in good order."""
    served.faults.clear()
    return served

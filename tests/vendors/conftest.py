"""The simulated market served on loopback, and commands whose vendors' addresses lead to it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.harness import environment
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World

MASSIVE_CANARY = "canary-massive-5f3a9c77e1"
WHALES_CANARY = "canary-whales-08b2d41f6a"


@dataclass(frozen=True, slots=True)
class Vendors:
    """Both vendors on one port."""

    url: str
    world: World
    faults: Faults = field(repr=False)

    def env(self, home: Path, *, massive: bool = True, whales: bool = True, files: bool = False) -> dict[str, str]:
        """What a command sees: addresses that lead here, and the keys asked for."""
        more = {"POLYGON_BASE_URL": self.url, "UW_BASE_URL": self.url, "FLATFILES_ENDPOINT": self.url, "COLUMNS": "200"}
        if massive:
            more["POLYGON_API_KEY"] = MASSIVE_CANARY
        if whales:
            more["UNUSUAL_WHALES_API_KEY"] = WHALES_CANARY
        if files:
            more |= {"MASSIVE_S3_ACCESS_KEY_ID": "canary-files-id-77", "MASSIVE_S3_SECRET_ACCESS_KEY": "canary-files-secret-99"}
        return environment(home, **more)


@pytest.fixture(scope="session")
def world() -> World:
    return World(Market(seed=3), time.time_ns)


@pytest.fixture
def vendors(world: World) -> Iterator[Vendors]:
    faults = Faults()
    with Serving(build(world, faults)) as url:
        yield Vendors(url, world, faults)

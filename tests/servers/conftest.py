"""One market that stands still in the evening of a session, for all tests that only read it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from tests.servers.running import Running, running
from undertow.core.calendar import nyse
from undertow.core.time import HOUR, Instant
from undertow.sandbox.market import Market

DAY = "2025-06-12"
SPLIT_DAY = "2025-06-10"


def at(day: str, hours: float) -> Instant:
    """That many hours after midnight in New York."""
    calendar = nyse()
    return int(calendar.midnight[calendar.session_on_or_before(np.datetime64(day))]) + int(hours * HOUR)


@pytest.fixture(scope="session")
def evening() -> Iterator[Running]:
    with running(at(DAY, 21), market=Market(7, splits={"JPM": (SPLIT_DAY, 4.0)})) as server:
        yield server

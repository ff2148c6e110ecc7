"""The markets that several tests measure, made once."""

from __future__ import annotations

import pytest

from tests.sandbox.panel import FACTS, SEEDS, TEN, Panel
from undertow.core.events import ChainRow, NewsItem, OffExchangeVolume, OpenInterest
from undertow.sandbox.market import Market

_KINDS = (ChainRow, OpenInterest, OffExchangeVolume, NewsItem)


@pytest.fixture(scope="session")
def planted() -> list[Panel]:
    return [Panel(Market(seed, 0.05), TEN, FACTS, _KINDS) for seed in SEEDS]


@pytest.fixture(scope="session")
def null() -> list[Panel]:
    return [Panel(Market(seed, 0.0), TEN, FACTS, _KINDS) for seed in SEEDS]

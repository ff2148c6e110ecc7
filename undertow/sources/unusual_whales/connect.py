"""The wire to Unusual Whales: its host, its manners, and how its answers are judged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from undertow.sources.unusual_whales.limits import HeaderLimiter
from undertow.sources.unusual_whales.verdict import judge
from undertow.sources.wire.bucket import Limiter
from undertow.sources.wire.client import Policy, Wire
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.key import Key

if TYPE_CHECKING:
    import httpx
    import numpy as np

BASE_URL = "https://api.unusualwhales.com"
#: the edge answers unusual agents with HTML
POLICY = Policy(headers={"User-Agent": "Mozilla/5.0 (compatible; undertow)", "Accept": "application/json"}, judge=judge)


def connect(
    key: Key,
    *,
    clock: Clock,
    chance: np.random.Generator,
    limiter: Limiter | None = None,
    base_url: str = BASE_URL,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Wire:
    """A ``Wire`` for ``UnusualWhalesSource``; by default at the pace of the vendor's headers. The key goes in a header only."""
    return Wire(base_url, key, limiter=limiter or HeaderLimiter(), clock=clock, chance=chance, policy=POLICY, transport=transport)

"""What the key may do: requests a minute and a day, the first day it sees, and whom the market-wide answers are about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from undertow.core.time import Instant

#: whom market-wide answers are about
UNIVERSE = ("AAPL", "MSFT", "GOOGL", "AMZN", "TSLA", "NVDA", "META", "SPY")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A subscription."""

    per_minute: int = 120
    per_day: int = 20_000
    earliest: str = ""  #: first day that may be asked for, YYYY-MM-DD; empty: all there is
    universe: tuple[str, ...] = UNIVERSE
    known: frozenset[str] = frozenset()  #: the only symbols that exist; empty: any
    clock: Callable[[], Instant] | None = None  #: by which requests are counted, ns UTC; None: the market's own

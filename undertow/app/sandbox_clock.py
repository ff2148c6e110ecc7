"""The simulated market's present: the real one, or another that runs faster."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from undertow.app.clock import now
from undertow.core.errors import BadInput
from undertow.core.time import Instant
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.stamps import instant_of


def market_clock(at: str | None, speed: float) -> Callable[[], Instant]:
    """A clock that begins at ``at`` (now if None) and runs ``speed`` times as fast as ours. Raises ``BadInput``."""
    if not isfinite(speed) or speed <= 0:
        raise BadInput(f"--speed {speed:g} must be a positive number: how many seconds of market time pass in one")
    if at is None and speed == 1.0:
        return now
    begun = now()
    try:
        first = begun if at is None else instant_of(at)
    except BadAnswer:
        raise BadInput(f"--at {at!r} is no instant such as 2026-03-02T14:30:00Z") from None
    return lambda: first + int((now() - begun) * speed)

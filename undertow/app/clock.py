"""The wall clock: the one place that asks the machine what time it is."""

from __future__ import annotations

import asyncio
import time

from undertow.core.time import SECOND, Duration, Instant


def now() -> Instant:
    """The present, ns UTC."""
    return time.time_ns()


class WallClock:
    """``sources.wire.clock.Clock`` of this machine; remembers how long it was asked to wait, so that a screen can say so."""

    def __init__(self) -> None:
        self.waits_until: Instant = 0  #: the end of the longest wait that was asked for, ns UTC

    def now(self) -> Instant:
        """Ns UTC."""
        return now()

    async def sleep(self, span: Duration) -> None:
        """Wait ``span`` ns."""
        self.waits_until = max(self.waits_until, now() + span)
        await asyncio.sleep(span / SECOND)

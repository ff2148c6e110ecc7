"""A session's own present: the market's, as far as it was met."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from undertow.core.time import Duration, Instant


class SessionClock:
    """``sources.wire.clock.Clock`` of a market that is played: the present moves by what is met, never by waiting."""

    def __init__(self, met: Callable[[], Instant]) -> None:
        """``met`` says up to when, ns UTC."""
        self._met = met

    def now(self) -> Instant:
        """See ``met``."""
        return self._met()

    async def sleep(self, span: Duration) -> None:
        """Let others run."""
        await asyncio.sleep(0)

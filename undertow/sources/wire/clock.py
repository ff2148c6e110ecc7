"""The seam to the machine's clock: the app hands in a real one, tests one that they move."""

from __future__ import annotations

from typing import Protocol

from undertow.core.time import Duration, Instant


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> Instant:
        """Ns UTC."""
        ...

    async def sleep(self, span: Duration) -> None:
        """Wait ``span`` ns."""
        ...

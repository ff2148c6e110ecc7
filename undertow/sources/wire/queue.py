"""Frames between the socket and their reader: bounded, so that a slow reader costs frames that are counted, never the connection."""

from __future__ import annotations

import asyncio
from collections import deque

from undertow.core.time import Duration, Instant

Received = tuple[Instant, bytes]  #: when a frame came, ns UTC, and what it was


class FrameQueue:
    """First in, first out; where there is no room the oldest frames go, are counted, and leave a span to be filled from elsewhere.

    ``put`` never waits: to stop reading a vendor's socket is to be thrown off it.

    depth, waiting   : frames and bytes in it now
    deepest, dropped : the most frames that were ever in it; frames that went unread
    longest_lag      : the longest that a frame waited, ns
    """

    def __init__(self, most: int = 200_000, most_bytes: int = 512 * 2**20, bell: asyncio.Event | None = None) -> None:
        self.most = most
        self.most_bytes = most_bytes
        self.bell = bell or asyncio.Event()
        self.waiting = self.deepest = self.dropped = 0
        self.longest_lag: Duration = 0
        self._frames: deque[Received] = deque()
        self._last_out: Instant | None = None
        self._lost: tuple[Instant, Instant] | None = None

    @property
    def depth(self) -> int:
        """Frames in it now."""
        return len(self._frames)

    def put(self, received_at: Instant, raw: bytes) -> None:
        """Add a frame and ring the bell."""
        self._frames.append((received_at, raw))
        self.waiting += len(raw)
        while len(self._frames) > self.most or (self.waiting > self.most_bytes and len(self._frames) > 1):
            self._drop()
        self.deepest = max(self.deepest, len(self._frames))
        self.bell.set()

    def take(self, most: int, now: Instant) -> list[Received]:
        """At most so many of the oldest frames, which may be none."""
        out = [self._frames.popleft() for _ in range(min(most, len(self._frames)))]
        if out:
            self.waiting -= sum(len(raw) for _, raw in out)
            self.longest_lag = max(self.longest_lag, now - out[0][0])
            self._last_out = out[-1][0]
        return out

    def lag(self, now: Instant) -> Duration:
        """How long the oldest frame has waited, ns; 0 where none waits."""
        return now - self._frames[0][0] if self._frames else 0

    def lost(self) -> tuple[Instant, Instant] | None:
        """The span in which frames went unread since the last call, from the last frame before it to the last one that went."""
        lost, self._lost = self._lost, None
        return lost

    def _drop(self) -> None:
        at, raw = self._frames.popleft()
        self.waiting -= len(raw)
        self.dropped += 1
        before = at if self._last_out is None else self._last_out
        self._lost = (before if self._lost is None else self._lost[0], at)
        self._last_out = at

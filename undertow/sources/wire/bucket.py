"""How fast a key may ask: a token bucket that can be kept on disk, so that a second run knows what the first one spent."""

from __future__ import annotations

import json
import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

from undertow.core.errors import StoreError
from undertow.core.time import DAY, MINUTE, Duration, Instant
from undertow.sources.wire.key import Key
from undertow.sources.wire.stamps import retry_after

LESSON: Duration = 60 * MINUTE  #: how long what a 429 taught is believed: a plan may have grown, or somebody else used the key


class Limiter(Protocol):
    """Says when the next request may go out, and listens to what the vendor says about it."""

    def reserve(self, now: Instant) -> Duration:
        """Take a place in the queue: ns to wait from ``now`` before the request may be sent."""
        ...

    def refund(self) -> None:
        """Give the last place back: the request was not sent."""
        ...

    def heard(self, status: int, headers: Mapping[str, str], now: Instant) -> None:
        """Every answer's status and headers (lower-case names), as they come."""
        ...


class Bucket:
    """``size`` requests at once, refilled evenly over ``per`` ns; after a 429 nothing goes out before the vendor's time.

    ``pause`` is what a 429 without ``Retry-After`` costs, in ns. With ``learn`` the size is a guess: a 429
    that does not say how long to wait makes it what was let through in the ``per`` before it, but no less than ``learn``; the
    lesson is kept on disk and lasts for ``LESSON``. Safe with threads.
    """

    def __init__(self, size: int, per: Duration = MINUTE, *, pause: Duration = MINUTE, learn: int = 0) -> None:
        self.size = size
        self.per = per
        self.pause = pause
        self.learn = learn
        self._lock = Lock()
        self._sent: deque[Instant] = deque()
        self._tokens = float(size)  # below zero: places promised to requests that wait
        self._at: Instant | None = None
        self._closed_until: Instant = 0

    def reserve(self, now: Instant) -> Duration:
        """Ns to wait before the request may be sent; requests are served in the order in which they ask."""
        with self._lock:
            self._refill(now)
            self._tokens -= 1
            ready = 0 if self._tokens >= 0 else int(-self._tokens * self.per / self.size) + 1
            wait = max(ready, self._closed_until - now, 0)
            if self.learn:
                self._sent.append(now + wait)
            return wait

    def refund(self) -> None:
        """Give the last place back."""
        with self._lock:
            self._tokens = min(self._tokens + 1, float(self.size))

    def heard(self, status: int, headers: Mapping[str, str], now: Instant) -> None:
        """A 429 closes the bucket for as long as it says, or for ``pause``."""
        if status == 429:
            told = retry_after(headers.get("retry-after", ""), now)
            with self._lock:
                self._closed_until = max(self._closed_until, now + (self.pause if told is None else told))
                if self.learn and told is None:
                    self._take_lesson(now)

    def save(self, path: Path, key: Key) -> None:
        """Write the state under the key's hash, whole or not at all. Raises ``StoreError``."""
        states = _read(path)
        states[key.name] = [self._tokens, self._at or 0, self._closed_until, self.size]
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(json.dumps(states), "utf-8")
            part.replace(path)
        except OSError as error:
            raise StoreError(f"Cannot write {path} ({error.strerror}); the next run will not know how fast this one asked.") from error

    def load(self, path: Path, key: Key, now: Instant) -> None:
        """Take up what an earlier run left; a state that cannot be (another clock, a broken file) is passed over."""
        try:
            state = _read(path)[key.name]
            tokens, at, closed, size = float(state[0]), int(state[1]), int(state[2]), int(state[3])
        except (KeyError, IndexError, TypeError, ValueError):
            return
        if 0 < at <= now and closed <= now + DAY and -1e6 < tokens <= size and 0 < size <= self.size:
            self._tokens, self._at, self._closed_until = tokens, at, closed
            self.size = size if self.learn and now - at < LESSON else self.size

    def _take_lesson(self, now: Instant) -> None:
        while self._sent and self._sent[0] < now - self.per:
            self._sent.popleft()
        through = sum(at <= now for at in self._sent) - 1  # the refused one itself was not let through
        self.size = min(self.size, max(self.learn, through))
        self._tokens = min(self._tokens, 0.0)

    def _refill(self, now: Instant) -> None:
        if self._at is not None:
            self._tokens = min(float(self.size), self._tokens + max(0, now - self._at) * self.size / self.per)
        self._at = now


def _read(path: Path) -> dict[str, list[float | int]]:
    try:
        states = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return states if isinstance(states, dict) else {}

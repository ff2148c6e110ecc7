"""How fast a key may ask: a token bucket that can be kept on disk, so that a second run knows what the first one spent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from undertow.core.errors import StoreError
from undertow.core.time import DAY, MINUTE, Duration, Instant
from undertow.sources.wire.key import Key
from undertow.sources.wire.stamps import retry_after


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

    ``pause`` is what a 429 without ``Retry-After`` costs, in ns.
    """

    def __init__(self, size: int, per: Duration = MINUTE, *, pause: Duration = MINUTE) -> None:
        self.size = size
        self.per = per
        self.pause = pause
        self._tokens = float(size)  # below zero: places promised to requests that wait
        self._at: Instant | None = None
        self._closed_until: Instant = 0

    def reserve(self, now: Instant) -> Duration:
        """Ns to wait before the request may be sent; requests are served in the order in which they ask."""
        self._refill(now)
        self._tokens -= 1
        ready = 0 if self._tokens >= 0 else int(-self._tokens * self.per / self.size) + 1
        return max(ready, self._closed_until - now, 0)

    def refund(self) -> None:
        """Give the last place back."""
        self._tokens = min(self._tokens + 1, float(self.size))

    def heard(self, status: int, headers: Mapping[str, str], now: Instant) -> None:
        """A 429 closes the bucket for as long as it says, or for ``pause``."""
        if status == 429:
            told = retry_after(headers.get("retry-after", ""), now)
            self._closed_until = max(self._closed_until, now + (self.pause if told is None else told))

    def save(self, path: Path, key: Key) -> None:
        """Write the state under the key's hash, whole or not at all. Raises ``StoreError``."""
        states = _read(path)
        states[key.name] = [self._tokens, self._at or 0, self._closed_until]
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
            tokens, at, closed = float(state[0]), int(state[1]), int(state[2])
        except (KeyError, IndexError, TypeError, ValueError):
            return
        if 0 < at <= now and closed <= now + DAY and -1e6 < tokens <= self.size:
            self._tokens, self._at, self._closed_until = tokens, at, closed

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

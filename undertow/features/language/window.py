"""A growing strip of events: appended at one end, dropped at the other, without copying what stays."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.features.language import kernels_sums


class EventBuffer:
    """Rows (known_at, key, value) not yet evicted from a window; ``admitted`` of them are already counted."""

    def __init__(self, capacity: int = 1024) -> None:
        self._rows = np.empty((3, capacity), np.int64)
        self._head = 0
        self._end = 0
        self.admitted = 0

    def append(self, known: I64, key: I64, value: I64) -> None:
        """Add rows (n,) at the end; amortised O(n)."""
        n = len(known)
        if self._end + n > self._rows.shape[1]:
            self._make_room(n)
        at = slice(self._end, self._end + n)
        self._rows[0, at], self._rows[1, at], self._rows[2, at] = known, key, value
        self._end += n

    def admit(self, known: I64, key: I64, value: F64, quantum: float) -> None:
        """Add those of some rows (n,) whose value is not none, in whole multiples of the quantum."""
        if self._end + len(known) > self._rows.shape[1]:
            self._make_room(len(known))
        self._end = kernels_sums.admit(known, key, value, quantum, self._rows, self._end)

    def view(self) -> tuple[I64, I64, I64]:
        """known_at, key and value of the rows kept, oldest first."""
        known, key, value = self._rows[:, self._head : self._end]
        return known, key, value

    def drop(self, head: int, tail: int) -> None:
        """Forget the first ``head`` rows; the first ``tail`` had been counted."""
        self._head += head
        self.admitted = tail - head

    def _make_room(self, n: int) -> None:
        kept = self._end - self._head
        capacity = max(2 * (kept + n), 1024)
        rows = np.empty((3, capacity), np.int64)
        rows[:, :kept] = self._rows[:, self._head : self._end]
        self._rows, self._head, self._end = rows, 0, kept

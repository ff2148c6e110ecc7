"""What a decision rests on, as the journal keeps it: a hash of every row that was met, and the signal with its numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.core.chunk import Chunk
from undertow.engine.explain import CALLED
from undertow.engine.run import Desk, Step


class Inputs:
    """A chain of hashes over everything that was pushed: equal ends mean equal inputs, in the same order."""

    def __init__(self, begin: str) -> None:
        """``begin`` names what the session begins with, such as the run and its models."""
        self._last = hashlib.sha256(begin.encode()).hexdigest()

    def push(self, chunks: Sequence[Chunk], tick: int) -> str:
        """The hash up to and with a tick."""
        digest = hashlib.sha256(f"{self._last} {tick}".encode())
        for chunk in sorted((one for one in chunks if len(one)), key=lambda one: one.kind.kind):
            digest.update(f"{chunk.kind.kind} {','.join(chunk.symbols)} {len(chunk)}".encode())
            for column in (chunk.key, chunk.event_at, chunk.known_at, *(chunk.columns[name] for name in sorted(chunk.columns))):
                digest.update(repr(column.tolist()).encode() if column.dtype == object else np.ascontiguousarray(column).tobytes())
        self._last = digest.hexdigest()
        return self._last


def signal_of(desk: Desk, step: Step, key: int) -> dict[str, Any]:
    """The last tick's decision about one symbol, as a table that JSON can keep; what is not known is left out."""
    numbers = {
        "p_up": float(step.predictions.p_up[-1, key]),
        "target": float(step.targets[-1, key]),
        "volatility": float(step.volatility[-1, key]),
        "cost": float(step.cost[-1, key]),
    }
    parts = {one.name: float(step.parts[i, -1, key]) for i, one in enumerate(desk.strategy.strategies)}
    return {
        "symbol": desk.features.symbols[key],
        "tick": int(step.ticks[-1]),
        "direction": str(CALLED[int(step.direction[-1, key])]),
        **{name: value for name, value in numbers.items() if np.isfinite(value)},
        "parts": {name: value for name, value in parts.items() if np.isfinite(value)},
    }

"""How late rows come, kind by kind, in a memory that does not grow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import I64, Chunk
from undertow.core.events import Event
from undertow.core.time import Duration

_SHORTEST, _LONGEST, _BINS = 1e3, 1e14, 880  # 1 us to 28 hours in steps of 2.9 %
_STEP = np.log(_LONGEST / _SHORTEST) / _BINS


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """From when something happened to when we received it, ns; median and p99 to 3 %."""

    rows: int
    median: Duration
    p99: Duration
    longest: Duration
    ahead: int  #: rows stamped later than we received them: the clocks disagree by at least ``furthest_ahead``
    furthest_ahead: Duration


class Latencies:
    """Counts latencies by kind in bins of equal ratio."""

    def __init__(self) -> None:
        self._bins: dict[type[Event], I64] = {}
        self._worst: dict[type[Event], tuple[int, int]] = {}  # longest, furthest ahead
        self._ahead: dict[type[Event], int] = {}

    def add(self, chunk: Chunk, received_at: I64) -> None:
        """Count a chunk's rows; ``received_at`` is int64 (n,) ns UTC."""
        late = received_at - chunk.event_at
        if not len(late):
            return
        bins = self._bins.setdefault(chunk.kind, np.zeros(_BINS + 1, np.int64))
        place = np.log(np.maximum(late, _SHORTEST) / _SHORTEST) / _STEP
        bins += np.bincount(np.minimum(place.astype(np.int64), _BINS), minlength=_BINS + 1)
        longest, ahead = self._worst.get(chunk.kind, (0, 0))
        self._worst[chunk.kind] = (max(longest, int(late.max())), max(ahead, -int(late.min())))
        self._ahead[chunk.kind] = self._ahead.get(chunk.kind, 0) + int(np.count_nonzero(late < 0))

    def report(self) -> Mapping[str, Latency]:
        """By the kind's name."""
        out = {}
        for kind, bins in self._bins.items():
            rows, longest, ahead = int(bins.sum()), *self._worst[kind]
            out[kind.kind] = Latency(
                rows=rows,
                median=min(_quantile(bins, 0.5), longest),
                p99=min(_quantile(bins, 0.99), longest),
                longest=longest,
                ahead=self._ahead[kind],
                furthest_ahead=ahead,
            )
        return out


def _quantile(bins: I64, share: float) -> Duration:
    """The upper edge of the bin that holds it."""
    place = int(np.searchsorted(np.cumsum(bins), share * bins.sum()))
    return int(_SHORTEST * np.exp((place + 1) * _STEP))

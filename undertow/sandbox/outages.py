"""A feed that breaks: what would have become known while it was silent comes all at once when it is back, or never."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.time import Instant, iso


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """The feed tells nothing after ``begin`` and up to ``end``, ns UTC, on one New York day."""

    begin: Instant
    end: Instant
    lost: bool = False  #: what was missed is never told; else all of it is told at ``end``


def checked(outages: Sequence[Outage]) -> tuple[Outage, ...]:
    """The outages in order of time; raises BadInput where one ends before it begins, spans two sessions or overlaps the next."""
    ordered = tuple(sorted(outages, key=lambda o: o.begin))
    for i, outage in enumerate(ordered):
        a, b = (int(p) for p in nyse().position(np.array([outage.begin, outage.end])))
        if outage.begin >= outage.end or a != b or (i and ordered[i - 1].end > outage.begin):
            raise BadInput(
                f"outage from {iso(outage.begin)} to {iso(outage.end)}: it must end after it begins, on the same day, apart from others"
            )
    return ordered


def interrupted(chunk: Chunk, outages: Sequence[Outage]) -> Chunk:
    """The chunk as a listener got it through these outages; what happened when stays as it was."""
    for outage in outages:
        missed = (chunk.known_at > outage.begin) & (chunk.known_at <= outage.end)
        if not missed.any():
            continue
        if outage.lost:
            chunk = chunk[~missed]
        else:
            known = np.where(missed, outage.end, chunk.known_at)
            chunk = replace(chunk, known_at=known)[np.lexsort((chunk.seq, known))]
    return chunk

"""Halts of trading in one symbol: no prints, no quotes, no bars; the first price after one lies where the path has gone meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.time import MINUTE, Instant, iso

SPAN = 5 * MINUTE


@dataclass(frozen=True, slots=True, kw_only=True)
class Halt:
    """Nothing of ``symbol`` trades from ``begin`` to ``end``, ns UTC: whole five-minute bars of a session, not its first nor its last."""

    symbol: str
    begin: Instant
    end: Instant


def bars_of(halts: Sequence[Halt]) -> tuple[tuple[str, int, int, int], ...]:
    """Symbol, days since 1970 and the first bar and the one after the last of each halt; raises BadInput for one that is no such span."""
    calendar, out = nyse(), []
    for halt in halts:
        position = int(calendar.position(halt.begin))
        start, close = int(calendar.open[position]), int(calendar.close[position])
        whole = (halt.begin - start) % SPAN == 0 and (halt.end - start) % SPAN == 0
        if not whole or not start < halt.begin < halt.end < close:
            raise BadInput(
                f"halt of {halt.symbol} from {iso(halt.begin)} to {iso(halt.end)}: it must cover whole five-minute bars of one session, "
                "neither its first nor its last"
            )
        day = int(calendar.day[position].astype(np.int64))
        out.append((halt.symbol, day, (halt.begin - start) // SPAN, (halt.end - start) // SPAN))
    return tuple(sorted(out))

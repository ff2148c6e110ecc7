"""Longer bars out of shorter ones: a stream tells minutes, and what is decided on are bars of five."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from undertow.core.chunk import I64, Chunk, Origin, chunk_of, concat, empty_chunk
from undertow.core.events import MISSING, Bar, Grade
from undertow.core.time import MINUTE, Duration, Instant


class Longer:
    """Bars of ``span`` ns out of bars of a minute; asked when the minutes have come, any cut gives the same bars.

    late : minutes that came after their longer bar had been told; they are left out
    """

    def __init__(self, symbols: Sequence[str], span: Duration, settle: Duration = 0, begun: Instant = -(2**62)) -> None:
        """``settle`` ns after its end a longer bar is told, for its last minute has come by then.

        begun : when minutes began to be listened to. Bars that had ended are never told, and one that had begun only with a minute
                from before, for then those were asked for and came: a part of a bar is no bar
        """
        self.symbols, self.span, self.settle, self.late = tuple(symbols), span, settle, 0
        self._waiting: Chunk = empty_chunk(Bar, self.symbols)
        self._begun: Instant = begun
        self._told: Instant = begun // span * span  # longer bars that ended until then were told

    def push(self, minutes: Chunk) -> None:
        """Take bars; those of another length are not looked at."""
        mine = minutes[minutes.columns["span"] == MINUTE]
        fresh = self._end(mine.event_at) > self._told
        self.late += int((~fresh).sum())
        self._waiting = concat([self._waiting, mine[fresh]]) if len(self._waiting) else mine[fresh]

    def due(self, now: Instant) -> Chunk:
        """The longer bars that have ended and settled by ``now`` and were not told yet, known when the last of their minutes was."""
        w = self._waiting
        end = self._end(w.event_at)
        ripe = (end + self.settle <= now) & (w.known_at <= now)
        self._told = max(self._told, (now - self.settle) // self.span * self.span)
        self._waiting = w[~ripe & (end > self._told)]
        self.late += int((~ripe & (end <= self._told)).sum())
        return self._joined(w[ripe], end[ripe])

    def _end(self, minute_end: I64) -> I64:
        return -(-minute_end // self.span) * self.span

    def _joined(self, minutes: Chunk, end: I64) -> Chunk:
        if not len(minutes):
            return empty_chunk(Bar, self.symbols)
        order = np.lexsort((minutes.event_at, end, minutes.key))
        rows, of = minutes[order], end[order]
        first = np.flatnonzero(np.concatenate([[True], (np.diff(rows.key) != 0) | (np.diff(of) != 0)]))
        last = np.append(first[1:], len(of)) - 1
        starts, heard = of[first] - self.span, rows.event_at[first]
        whole = (starts + MINUTE > self._begun) | (heard <= self._begun)
        columns = rows.columns
        made = chunk_of(
            Bar,
            self.symbols,
            key=rows.key[first],
            event_at=of[first],
            known_at=np.maximum(np.maximum.reduceat(rows.known_at, first), of[first]),
            columns={
                "open": columns["open"][first],
                "high": np.maximum.reduceat(columns["high"], first),
                "low": np.minimum.reduceat(columns["low"], first),
                "close": columns["close"][last],
                "volume": np.add.reduceat(columns["volume"], first),
                "vwap": _vwap(columns["vwap"], columns["volume"], first),
                "trades": _sum(columns["trades"], first),
                "span": np.full(len(first), self.span, np.int64),
            },
            origin=Origin(Grade.RECORDED, rows.sources),
        )
        return made if whole.all() else made[whole]


def _sum(values: I64, first: I64) -> I64:
    """Sums of the groups; not known where one of a group is not."""
    missing = np.logical_or.reduceat(values == MISSING, first)
    return np.where(missing, MISSING, np.add.reduceat(np.where(values == MISSING, 0, values), first))


def _vwap(price: I64, volume: I64, first: I64) -> I64:
    """Average prices of the groups by volume, in 1/10,000 dollar; not known where one of a group is not, or nothing was traded."""
    whole, known = np.add.reduceat(volume, first), ~np.logical_or.reduceat(price == MISSING, first)
    value = np.add.reduceat(np.where(price == MISSING, 0, price).astype(np.float64) * volume, first)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.rint(value / whole)
    return np.where(known & (whole > 0), np.nan_to_num(mean), MISSING).astype(np.int64)

"""Flow alerts derived from option prints, as a vendor derives them, and a little late as a vendor's are.

An alert is a run of single-leg prints of one contract, each at most ``gap`` after the one before, with enough prints, contracts and
premium. Its premiums at the ask and at the bid are expected values: the sum of ``p(buy) * premium``, and the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from undertow.core.chunk import F64, I64, Array, Chunk, Origin, chunk_of, concat, empty_chunk
from undertow.core.errors import BadInput
from undertow.core.events import FlowAlert, Grade, OptionTrade
from undertow.core.time import SECOND, Duration, Instant
from undertow.sources.tape_derived.sides import CONTRACT, Confidence, Sides, flags

NAME = "tape_derived"
RULES = np.array(["derived:RepeatedHits", "derived:RepeatedHitsAscendingFill", "derived:RepeatedHitsDescendingFill"], object)
MULTIPLIER = 100  #: shares of a contract
_PARTS = 10_000  # a probability in whole numbers
BURST: Duration = 20_000_000  #: prints each within so many ns of the one before are one order sent to several exchanges


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What makes an alert. Durations in ns, premium in 1/10,000 USD."""

    gap: Duration = SECOND // 2
    least_prints: int = 3
    least_size: int = 10
    least_premium: int = 25_000 * 10_000
    lag: Duration = 5 * SECOND  #: from the last print's ``known_at`` to the alert's: what a vendor needs
    confidence: Confidence = field(default_factory=Confidence)

    def __post_init__(self) -> None:
        """Raises ``BadInput`` for an alert that would be known before it is complete, or sooner than any vendor's."""
        if self.lag < FlowAlert.least_lag or self.lag <= self.gap:
            raise BadInput(f"An alert's lag must be at least {FlowAlert.least_lag} ns and longer than its gap of {self.gap} ns.")


class DerivedFlow:
    """Alerts from option prints, push by push. However the prints are cut into pushes, the alerts are the same.

    symbols : the universe of the chunks that will come
    """

    def __init__(self, symbols: Sequence[str], settings: Settings | None = None) -> None:
        self.symbols = tuple(symbols)
        self.settings = settings or Settings()
        self._sides = Sides(self.settings.confidence)
        self._open = empty_chunk(OptionTrade, self.symbols)
        self._p: F64 = np.empty(0)

    def push(self, prints: Chunk, until: Instant) -> Chunk:
        """Alerts that became known since the push before and up to ``until``; ``prints`` are all that became known meanwhile."""
        p = self._sides.push(prints)
        keep = flags(prints.columns["conditions"])["signed"]
        prints, p = concat([self._open, prints[keep]]), np.concatenate([self._p, p[keep]])
        c = prints.columns
        order = np.lexsort((prints.seq, prints.known_at, *(c[name] for name in reversed(CONTRACT)), prints.key))
        rows, p = prints[order], p[order]
        begin = np.flatnonzero(_begins(rows, self.settings.gap))
        end = np.append(begin[1:], len(rows))[: len(begin)] - 1
        over = rows.known_at[end] + self.settings.lag <= until
        waits = np.repeat(~over, end - begin + 1)
        # in the order in which they became known, as the pushes bring them
        left = np.flatnonzero(waits)
        left = left[np.lexsort((rows.seq[left], rows.known_at[left]))]
        self._open, self._p = rows[left], p[left]
        return self._alerts(rows, p, begin[over], end[over])

    def _alerts(self, rows: Chunk, p: F64, begin: I64, end: I64) -> Chunk:
        if len(begin) == 0:
            return empty_chunk(FlowAlert, self.symbols)
        s, c = self.settings, rows.columns
        worth = c["price"] * c["size"] * MULTIPLIER
        premium, size = _sums(worth, begin, end), _sums(c["size"], begin, end)
        wanted = (end - begin + 1 >= s.least_prints) & (premium >= s.least_premium) & (size >= s.least_size)
        begin, end, premium, size = begin[wanted], end[wanted], premium[wanted], size[wanted]
        # in whole parts, so that no order of adding can change the last bit
        bought = (_sums(np.rint(p * _PARTS).astype(np.int64) * worth, begin, end) + _PARTS // 2) // _PARTS
        columns: dict[str, Array] = {name: c[name][begin] for name in CONTRACT}
        columns |= {"premium": premium, "size": size, "ask_premium": bought, "bid_premium": premium - bought}
        columns |= {"is_sweep": _sweeps(rows, begin, end), "rule": RULES[_shape(c["price"], begin, end)]}
        known, seq = rows.known_at[end] + s.lag, rows.seq[end]
        order = np.lexsort((seq, known))
        chunk = chunk_of(
            FlowAlert,
            self.symbols,
            key=rows.key[end][order],
            event_at=rows.event_at[end][order],
            known_at=known[order],
            columns={name: values[order] for name, values in columns.items()},
            origin=Origin(Grade.MODELLED, (NAME,)),
        )
        return replace(chunk, seq=seq[order])


def _begins(rows: Chunk, gap: Duration) -> Array:
    """bool (n,): whether a run begins at each row; rows are ordered by contract, then as they became known."""
    out = np.ones(len(rows), bool)
    same = rows.key[1:] == rows.key[:-1]
    for name in CONTRACT:
        same &= rows.columns[name][1:] == rows.columns[name][:-1]
    out[1:] = ~same | (np.diff(rows.known_at) > gap)
    return out


def _sums(values: I64, begin: I64, end: I64) -> I64:
    through = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    return np.asarray(through[end + 1] - through[begin], np.int64)


def _sweeps(rows: Chunk, begin: I64, end: I64) -> I64:
    """1 where half of the size or more was marked as a sweep, or three prints in a row came within ``BURST`` of each other."""
    size = rows.columns["size"]
    marked = _sums(np.where(flags(rows.columns["conditions"])["sweep"], size, 0), begin, end)
    close = np.zeros(len(rows), np.int64)  # of the first of three
    close[:-2] = (np.diff(rows.known_at)[:-1] <= BURST) & (np.diff(rows.known_at)[1:] <= BURST)
    burst = (end - begin >= 2) & (_sums(close, begin, np.maximum(end - 2, begin)) > 0)
    return ((2 * marked >= _sums(size, begin, end)) | burst).astype(np.int64)


def _shape(price: I64, begin: I64, end: I64) -> I64:
    """0, 1 where no price of the run is below the one before and the last is above the first, 2 for the mirror."""
    step = np.diff(price, append=price[-1:])
    falls, rises = (_sums(moved.astype(np.int64), begin, end - 1) for moved in (step < 0, step > 0))
    gain = price[end] - price[begin]
    return np.asarray(np.where((falls == 0) & (gain > 0), 1, np.where((rises == 0) & (gain < 0), 2, 0)), np.int64)

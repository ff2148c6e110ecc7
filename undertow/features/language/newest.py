"""The newest value of another column by symbol alone: one walk along both kinds, where a lookup by contract has to sort."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, Chunk
from undertow.features.language import kernels_ticks
from undertow.features.language.joins import AsOf

LONG_AGO = -(2**62)


class Newest:
    """What ``joins.Latest`` finds where no column but the symbol tells rows apart and any ``event_at`` will do."""

    def __init__(self, keys: int) -> None:
        self._held = np.full(keys, np.nan)
        self._since = np.full(keys, LONG_AGO, np.int64)

    def push(self, base: Chunk, other: Chunk, value: F64, how: AsOf) -> F64:
        """The value of ``other`` (m,) known when each row of ``base`` was (n,); a row never sees itself or its equals in time and rank."""
        out = np.empty(len(base))
        symbol = base.symbols.index(how.symbol) if how.symbol else -1
        # at one instant the lower rank comes first; rows of the same kind look before any of them is told
        first = how.comes_first(base.kind, other.kind)
        told, asked = (other.known_at, other.key, value), (base.known_at, base.key)
        kernels_ticks.newest_value(*told, *asked, first, symbol, how.max_age, self._held, self._since, out)
        return out

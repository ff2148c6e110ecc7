"""The newest value of another column by symbol alone: one walk along both kinds, where a lookup by contract has to sort."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.core.compiled import njit
from undertow.core.events import RANK
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
        first = RANK[other.kind] < RANK[base.kind] or symbol >= 0
        told, asked = (other.known_at, other.key, value), (base.known_at, base.key)
        _newest(*told, *asked, first, symbol, how.max_age, self._held, self._since, out)
        return out


@njit(cache=True)
def _newest(
    known: I64,
    key: I64,
    value: F64,
    at: I64,
    of: I64,
    first: bool,
    symbol: int,
    max_age: int,
    held: F64,
    since: I64,
    out: F64,
) -> None:
    told = 0
    for i in range(at.shape[0]):
        while told < known.shape[0] and (known[told] < at[i] or (first and known[told] == at[i])):
            held[key[told]], since[key[told]] = value[told], known[told]
            told += 1
        k = symbol if symbol >= 0 else of[i]
        out[i] = held[k] if at[i] - since[k] < max_age else np.nan
    for j in range(told, known.shape[0]):
        held[key[j]], since[key[j]] = value[j], known[j]

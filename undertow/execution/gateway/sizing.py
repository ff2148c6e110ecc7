"""Between the engine and an account at a broker: how many shares a target is, and fills as events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undertow.core.chunk import F64, Chunk, Origin, chunk_of, empty_chunk
from undertow.core.events import Fill, Grade
from undertow.core.time import Instant
from undertow.execution.gateway.words import Execution


def wanted(weight: F64, part: float, mark: F64, shares: F64, band: F64) -> F64:
    """Whole shares to hold (symbols,), as a backtest sizes them; NaN where nothing is said or no price is known.

    weight : fraction of a symbol's part of the account (symbols,); a change of at most ``band`` (symbols,) of it is not traded
    part   : USD
    mark, shares : USD a share, and what is held (symbols,)
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        size = np.trunc(weight * part / mark)
        size = np.where(np.abs(size - shares) > band * part / mark, size, shares)
    return np.where((mark > 0.0) & ~np.isnan(weight), size, np.nan)


def fill_events(symbols: Sequence[str], executions: Sequence[tuple[Execution, Instant]], source: str, first: int) -> Chunk:
    """Fills as a chunk: each with the instant at which it became known; numbered from ``first``."""
    if not executions:
        return empty_chunk(Fill, symbols)
    place = {symbol: i for i, symbol in enumerate(symbols)}
    told = sorted(executions, key=lambda each: (each[1], place[each[0].symbol], each[0].at))
    names = ("price", "commission", "spread_cost", "impact_cost")
    columns = {name: np.array([getattr(one, name) for one, _ in told]) for name in names}
    chunk = chunk_of(
        Fill,
        symbols,
        key=np.array([place[one.symbol] for one, _ in told], np.int64),
        event_at=np.array([one.at for one, _ in told], np.int64),
        known_at=np.array([at for _, at in told], np.int64),
        columns={**columns, "shares": np.array([one.side * one.shares for one, _ in told])},
        origin=Origin(Grade.MODELLED, (source,)),
    )
    return replace(chunk, seq=chunk.seq + first)

"""Random bars, targets and corporate actions, as arrays for the folds, rows for the oracle and chunks for the broker."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from tests.execution.oracle import Row
from undertow.core.chunk import Chunk, chunk_of
from undertow.core.events import MISSING, PRICE_SCALE, Bar, CorporateAction
from undertow.core.orders import Costs
from undertow.core.time import MINUTE, SECOND
from undertow.execution.tables import Actions, Bars

SPAN = 5 * MINUTE
FREE = Costs(
    half_spread_bp=0.0, impact=0.0, commission_bp=0.0, borrow_rate=0.0, participation=math.inf, commission_per_share=0.0, whole_shares=False
)


def some_costs(rng: Generator, *, whole: bool | None = None) -> Costs:
    """Each cost is on or off by chance."""

    def maybe(value: float, off: float = 0.0) -> float:
        return value if rng.random() < 0.6 else off

    return Costs(
        half_spread_bp=maybe(2.0),
        impact=maybe(1.0),
        commission_per_share=maybe(0.005),
        commission_bp=maybe(1.0),
        borrow_rate=maybe(0.3),
        participation=maybe(0.05, math.inf),
        whole_shares=bool(rng.random() < 0.5) if whole is None else whole,
    )


def some_bars(rng: Generator, n: int, *, gaps: bool = True) -> Bars:
    """Bars of five minutes with holes in time, prices and volumes; known a little after they end."""
    start = (np.cumsum(rng.integers(1, 4, n)) * SPAN).astype(np.int64)
    close = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, n))), 2)
    open_ = np.round(close * np.exp(rng.normal(0, 0.005, n)), 2)
    volume = rng.integers(0, 4000, n).astype(np.float64)
    if gaps:
        for column in (open_, close, volume):
            column[rng.random(n) < 0.1] = np.nan
    known = np.maximum.accumulate(start + SPAN + rng.integers(0, 3, n) * rng.integers(0, 400) * SECOND)
    return Bars(start, known, open_, close, volume)


def some_actions(rng: Generator, n: int) -> Actions:
    """Up to three splits or dividends."""
    k = int(rng.integers(0, 4)) if n else 0
    bar = np.sort(rng.integers(0, max(n, 1), k))
    split = rng.random(k) < 0.5
    return Actions(bar, np.where(split, rng.choice([2.0, 0.1, 1.5], k), 1.0), np.where(split, 0.0, 0.37))


def rows_of(bars: Bars, actions: Actions) -> list[Row]:
    """The same for the oracle."""
    rows = [Row(*(column[i].item() for column in bars)) for i in range(len(bars.close))]
    for bar, ratio, dividend in zip(*actions, strict=True):
        rows[bar].actions.append((float(ratio), float(dividend)))
    return rows


def cut_bars(bars: Bars, a: int, b: int) -> Bars:
    """Bars a to b."""
    return Bars(*(column[a:b].copy() for column in bars))


def cut_actions(actions: Actions, a: int, b: int) -> Actions:
    """The actions on bars a to b, counted from a."""
    rows = (actions.bar >= a) & (actions.bar < b)
    return Actions(actions.bar[rows] - a, actions.ratio[rows], actions.dividend[rows])


def whole_prices(values: np.ndarray) -> np.ndarray:
    """USD to 1/10,000 USD, NaN to MISSING."""
    return np.where(np.isnan(values), MISSING, np.round(np.nan_to_num(values) * PRICE_SCALE).astype(np.int64))


def bar_chunk(symbols: Sequence[str], tables: dict[str, Bars]) -> Chunk:
    """Bars of several symbols as one chunk of the tape."""
    keys = {s: i for i, s in enumerate(symbols)}
    names = list(tables)
    return chunk_of(
        Bar,
        symbols,
        key=np.concatenate([np.full(len(tables[s].close), keys[s]) for s in names]),
        event_at=np.concatenate([tables[s].start + SPAN for s in names]),
        known_at=np.concatenate([tables[s].known for s in names]),
        columns={
            "span": np.concatenate([np.full(len(tables[s].close), SPAN) for s in names]),
            "open": whole_prices(np.concatenate([tables[s].open for s in names])),
            "close": whole_prices(np.concatenate([tables[s].close for s in names])),
            "volume": np.concatenate(
                [np.where(np.isnan(tables[s].volume), MISSING, np.nan_to_num(tables[s].volume).astype(np.int64)) for s in names]
            ),
        },
    )


def action_chunk(symbols: Sequence[str], tables: dict[str, tuple[Bars, Actions]], lead: int = SPAN) -> Chunk:
    """Actions that take effect one ns before their bar starts and were known ``lead`` before that."""
    keys = {s: i for i, s in enumerate(symbols)}
    at = np.concatenate([bars.start[actions.bar] - 1 for bars, actions in tables.values()])
    return chunk_of(
        CorporateAction,
        symbols,
        key=np.concatenate([np.full(len(actions.bar), keys[s]) for s, (_, actions) in tables.items()]),
        event_at=at,
        known_at=at - lead,
        columns={
            "ratio": np.concatenate([actions.ratio for _, actions in tables.values()]),
            "dividend": np.concatenate([actions.dividend for _, actions in tables.values()]),
        },
    )

"""Views made by hand: a column of ticks a feature, one symbol unless more are asked for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array
from undertow.core.protocols import View
from undertow.engine.ticks import decision_ticks

FIRST = nyse().sessions(np.datetime64("2024-03-01"), np.datetime64("2024-03-01")).start
NAN = np.nan


def made(*, p_up: object = 0.5, direction: object = 0, volatility: object = 0.02, symbols: int = 1, **features: object) -> View:
    """Ticks at 09:00 of sessions from 2024-03-01 on; values are numbers, a list by tick, or arrays (ticks, symbols)."""
    given = [np.asarray(value, float) for value in (*features.values(), p_up, direction, volatility)]
    ticks = max(len(value) if value.ndim else 1 for value in given)
    filled = [np.broadcast_to(value[:, None] if value.ndim == 1 else value, (ticks, symbols)) for value in given]
    *columns, up, way, deviation = filled
    return View(
        symbols=tuple(f"S{i}" for i in range(symbols)),
        ticks=decision_ticks(nyse(), range(FIRST, FIRST + ticks), None),
        p_up=up,
        direction=way.astype(np.int8),
        volatility=deviation,
        cost=np.full((ticks, symbols), 5e-4),
        features=tuple(features),
        X=np.stack(columns, axis=2) if columns else None,
    )


def drawn(seed: int, names: tuple[str, ...], ticks: int = 40, symbols: int = 3) -> View:
    """Features of every size and sign, some not known, some far out, and some exactly 0."""
    rng = np.random.default_rng(seed)
    shape = (ticks, symbols)
    columns: dict[str, object] = {}
    for name in names:
        value = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 3)
        value[rng.random(shape) < 0.2] = NAN
        value[rng.random(shape) < 0.1] = 0.0
        value[rng.random(shape) < 0.02] = 1e12
        columns[name] = value
    if "days_to_report" in columns:
        columns["days_to_report"] = np.where(rng.random(shape) < 0.3, NAN, rng.uniform(0.0, 20.0, shape))
    volatility = np.where(rng.random(shape) < 0.1, NAN, rng.uniform(0.003, 0.08, shape))
    up = np.where(rng.random(shape) < 0.1, NAN, rng.uniform(0.4, 0.6, shape))
    return made(p_up=up, direction=rng.integers(-1, 2, shape), volatility=volatility, symbols=symbols, **columns)


def rows(view: View, which: Array | slice) -> View:
    """Some of a view's ticks."""
    return replace(
        view,
        ticks=view.ticks[which],
        p_up=view.p_up[which],
        direction=view.direction[which],
        volatility=view.volatility[which],
        cost=view.cost[which],
        X=None if view.X is None else view.X[which],
    )


def one(targets: F64) -> float:
    """The only number there is."""
    return float(targets.reshape(-1)[0])

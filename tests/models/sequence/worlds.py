"""Small panels for the sequence models: with an effect that only the order of rows shows, and without any."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.models.sequence.definitions import Architecture
from undertow.models.sequence.network import Network, shapes
from undertow.models.sequence.windows import Panel, Scaler

HORIZON = 3
SIZES: dict[str, Any] = {"lookback": 8, "hidden": 8, "dilations": (1, 2)}


def small(kind: str, **changes: object) -> Architecture:
    options: Any = SIZES | ({"kernel": 2} if kind == "tcn" else {}) | changes
    return Architecture(kind=kind, **options)  # type: ignore[arg-type]


def panel(rows: int = 400, symbols: int = 3, features: int = 3, seed: int = 0) -> Panel:
    """Rows of all symbols, tick after tick, one a session; labels are known three ticks later."""
    rng = np.random.default_rng(seed)
    tick = np.repeat(np.arange(rows), symbols)
    key = np.tile(np.arange(symbols), rows)
    return Panel(X=rng.standard_normal((rows * symbols, features)), key=key, tick=tick, session=tick.copy(), label_known_at=tick + HORIZON)


def planted(of: Panel, strength: float, seed: int = 0) -> F64:
    """Labels that follow the first feature of the two rows before, one against the other; the row itself says nothing."""
    symbols = len(np.unique(of.key))
    x = of.X[:, 0].reshape(-1, symbols)
    lean = np.zeros_like(x)
    lean[2:] = x[1:-1] - x[:-2]
    noise = np.random.default_rng(seed + 1000).logistic(size=x.shape)
    return np.asarray((strength * lean + noise > 0.0).ravel(), np.float64)


def network(kind: str, features: int = 3, members: int = 2, seed: int = 0, **changes: object) -> Network:
    """Untaught, with biases that are not zero, a mask for the second feature, and scores that differ from row to row."""
    shape, rng = small(kind, **changes), np.random.default_rng(seed)
    scale = 0.3 if kind == "tcn" else 0.6
    scaler = Scaler(centre=rng.standard_normal(features), spread=rng.uniform(0.5, 2.0, features), masked=np.array([1]))
    weights = [
        {name: (scale * rng.standard_normal(size)).astype(np.float32) for name, size in shapes(shape, scaler.width).items()}
        for _ in range(members)
    ]
    return Network(shape=shape, scaler=scaler, members=tuple(weights))


def auc(score: F64, y: F64) -> float:
    """Share of pairs in the right order, ties counted half."""
    _, place, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2.0)[place]
    up = float(y.sum())
    return float((rank[y > 0.5].sum() - up * (up + 1.0) / 2.0) / (up * (len(y) - up)))

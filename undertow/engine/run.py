"""The one loop. Backtest, premarket, trading and replay differ in what is handed in, never in what happens here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I8, I64, Chunk
from undertow.core.orders import Costs
from undertow.core.protocols import Broker, Progress, Strategy, View
from undertow.core.time import Instant
from undertow.engine.newest import Known, Latest
from undertow.features.engineering import FeatureEngineering
from undertow.features.labels import Labels
from undertow.models.abstention import directions
from undertow.models.framework import ModelIntegrationFramework, Predictions


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that became known up to ``ticks[-1]`` since the last batch, and the ticks to decide at."""

    chunks: Sequence[Chunk]
    ticks: I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The five folds of a run, what trading is assumed to cost, and what was known last."""

    features: FeatureEngineering
    labels: Labels
    framework: ModelIntegrationFramework
    strategy: Strategy
    broker: Broker
    costs: Costs
    calendar: Calendar
    latest: Latest = field(default_factory=Latest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one batch led to, at the ticks from ``live_from`` on."""

    ticks: I64
    X: F64  #: (ticks, symbols, features)
    predictions: Predictions
    direction: I8
    targets: F64
    volatility: F64
    cost: F64
    labels: Chunk  #: every label that became known, also of earlier ticks
    progress: Progress
    known: Known  #: the newest facts at the last tick


def run(batches: Iterable[Batch], desk: Desk, *, live_from: Instant) -> Iterator[Step]:
    """Yield what each batch led to. Before ``live_from`` the same work is done and nothing is sent: that is the warm-up."""
    for batch in batches:
        desk.latest.push(batch.chunks)
        X = desk.features.push(batch.chunks, batch.ticks)
        teaching = desk.framework.schedule.teaching(batch.ticks, desk.calendar)
        labels = desk.labels.push(batch.chunks, batch.ticks[teaching])
        predictions = desk.framework.push(batch.ticks, X, labels)
        live = batch.ticks >= live_from
        view = look(desk, batch.ticks[live], X[live], predictions.p_up[live])
        targets = desk.strategy.targets(view)
        yield Step(
            ticks=view.ticks,
            X=X[live],
            predictions=Predictions(p_up=predictions.p_up[live], score=predictions.score[live], odds=predictions.odds[live]),
            direction=view.direction,
            targets=targets,
            volatility=view.volatility,
            cost=view.cost,
            labels=labels,
            progress=desk.broker.push(batch.chunks, view.ticks, targets),
            known=desk.latest.now(),
        )


def look(desk: Desk, ticks: I64, X: F64, p_up: F64) -> View:
    """What the strategy may see at ticks (t,): X (t, symbols, features), p_up (t, symbols)."""
    volatility = horizon_volatility(desk.features, X)
    cost = np.full(p_up.shape, round_trip(desk.costs))
    return View(
        symbols=desk.features.symbols,
        ticks=ticks,
        p_up=p_up,
        direction=directions(p_up, cost, volatility),
        volatility=volatility,
        cost=cost,
    )


def round_trip(costs: Costs) -> float:
    """What buying and selling again costs before impact, as a fraction of price."""
    return 2.0 * (costs.half_spread_bp + costs.commission_bp) * 1e-4


def horizon_volatility(features: FeatureEngineering, X: F64) -> F64:
    """Standard deviation of a session's return (t, symbols): from daily bars where known, else from intraday ones."""
    names = list(features.features)
    out = np.full(X.shape[:2], np.nan)
    for name in ("realised_volatility_20_1d", "session_volatility"):
        if name in names:
            column = X[:, :, names.index(name)]
            out = np.where(np.isnan(out), column, out)
    return np.where(out > 0.0, out, np.nan)

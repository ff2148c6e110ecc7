"""The one loop. Backtest, premarket, trading and replay differ in what is handed in, never in what happens here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I8, I64, Chunk
from undertow.core.events import CorporateAction
from undertow.core.orders import Costs
from undertow.core.protocols import Broker, Progress, View
from undertow.core.time import Instant
from undertow.engine.newest import Known, Latest
from undertow.features.engineering import FeatureEngineering
from undertow.features.labels import Labels
from undertow.models.abstention import directions
from undertow.models.framework import ModelIntegrationFramework, Predictions
from undertow.strategies.book import Book, whole


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
    strategy: Book
    broker: Broker
    costs: Costs
    calendar: Calendar
    latest: Latest = field(default_factory=Latest)
    certified: bool = True  #: a call needs its stage's certificate besides paying its costs

    def taught(self, X: F64) -> F64:
        """Of the matrix (ticks, symbols, features) those features that models are taught on; strategies may read others besides."""
        own, every = self.framework.features, tuple(self.features.features)
        return X if own == every else X[:, :, [every.index(name) for name in own]]

    def needed(self, at_least: F64) -> F64:
        """Probability that a call needs besides paying its costs, from what certificates ask (any shape)."""
        return at_least if self.certified else np.full_like(at_least, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one batch led to, at the ticks from ``live_from`` on."""

    ticks: I64
    X: F64  #: (ticks, symbols, features that models are taught on)
    predictions: Predictions
    direction: I8
    targets: F64
    parts: F64  #: (strategies, ticks, symbols) what each strategy adds to the targets
    volatility: F64
    cost: F64
    labels: Chunk  #: every label that became known, also of earlier ticks
    progress: Progress
    known: Known  #: the newest facts at the last tick
    actions: tuple[Chunk, ...] = ()  #: splits and dividends that became known, also before the first decision


def run(batches: Iterable[Batch], desk: Desk, *, live_from: Instant) -> Iterator[Step]:
    """Yield what each batch led to. Before ``live_from`` the same work is done and nothing is sent: that is the warm-up."""
    for batch in batches:
        desk.latest.push(batch.chunks)
        X = desk.features.push(batch.chunks, batch.ticks)
        own = desk.taught(X)
        teaching = desk.framework.schedule.teaching(batch.ticks, desk.calendar)
        labels = desk.labels.push(batch.chunks, batch.ticks[teaching])
        predictions = desk.framework.push(batch.ticks, own, labels)
        live = batch.ticks >= live_from
        view = look(desk, batch.ticks[live], X[live], predictions[live])
        parts = desk.strategy.parts(view)
        targets = whole(parts)
        yield Step(
            ticks=view.ticks,
            X=own[live],
            predictions=predictions[live],
            direction=view.direction,
            targets=targets,
            parts=parts,
            volatility=view.volatility,
            cost=view.cost,
            labels=labels,
            progress=desk.broker.push(batch.chunks, view.ticks, targets),
            known=desk.latest.now(),
            actions=tuple(chunk for chunk in batch.chunks if chunk.kind is CorporateAction and len(chunk)),
        )


def look(desk: Desk, ticks: I64, X: F64, predictions: Predictions) -> View:
    """What the strategy may see at ticks (t,) with the desk's features X (t, symbols, features)."""
    names = tuple(desk.features.features)
    volatility = horizon_volatility(names, X)
    cost = np.full(predictions.p_up.shape, round_trip(desk.costs))
    return View(
        symbols=desk.features.symbols,
        ticks=ticks,
        p_up=predictions.p_up,
        direction=directions(predictions.p_up, cost, volatility, desk.needed(predictions.at_least)[:, None]),
        volatility=volatility,
        cost=cost,
        features=names,
        X=X,
    )


def round_trip(costs: Costs) -> float:
    """What buying and selling again costs before impact, as a fraction of price."""
    return 2.0 * (costs.half_spread_bp + costs.commission_bp) * 1e-4


def horizon_volatility(names: Sequence[str], X: F64) -> F64:
    """Standard deviation of a session's return (t, symbols): from daily bars where known, else from intraday ones."""
    out = np.full(X.shape[:2], np.nan)
    for name in ("realised_volatility_20_1d", "session_volatility"):
        if name in names:
            column = X[:, :, names.index(name)]
            out = np.where(np.isnan(out), column, out)
    return np.where(out > 0.0, out, np.nan)

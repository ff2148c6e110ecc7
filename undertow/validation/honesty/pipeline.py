"""The shipped folds run over a made market, and the oracle beside them: the same strategy and broker, told the true probabilities."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk
from undertow.core.events import DailyBar
from undertow.core.orders import Costs
from undertow.core.protocols import View
from undertow.core.time import Instant
from undertow.engine.run import Batch, Desk, Step, look, run
from undertow.execution.simulated import SimulatedBroker
from undertow.features.engineering import FeatureEngineering
from undertow.features.labels import Labels
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.reliability import line
from undertow.strategies.book import Book, Member
from undertow.strategies.meta import Meta
from undertow.validation.honesty.clues import WANTED, Clues
from undertow.validation.honesty.market import Made
from undertow.validation.significance import moments, psr, superior

#: costs off: an edge that is not there must not hide behind what it would cost
FREE = Costs(half_spread_bp=0.0, impact=0.0, borrow_rate=0.0, participation=math.inf)
CAPITAL = 1e6  #: USD a symbol, so that whole shares are fine enough
NARROW = 0.03  #: how far from a half a probability of a null market may be


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What is put to the test: classes of the folds and their settings; the defaults are what ships."""

    models: tuple[str, ...] = ("ridge_logistic", "xgboost", "gradient_boosting")
    schedule: Schedule = field(default_factory=lambda: Schedule(every=126, at_least=252, at_most=504))
    strategy: Member = field(default_factory=Meta)
    features: type[FeatureEngineering] = Clues
    wanted: tuple[str, ...] = WANTED
    framework: type[ModelIntegrationFramework] = ModelIntegrationFramework


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one market led to; numbers are of the sessions for which there was a model."""

    seed: int
    ic: float
    sessions: int
    sharpe: float  #: annual, costs off
    oracle: float  #: annual Sharpe of the oracle over the same sessions, costs off
    psr: float  #: probability that the true Sharpe is above zero
    spa: float  #: p-value of Hansen's test of one model against staying out
    priced: float  #: share of decisions that are NEUTRAL because they do not pay the default costs
    neutral: float  #: share of decisions that are NEUTRAL because they do not pay those costs or are not certified
    narrow: float  #: share of probabilities within 0.03 of a half
    slope: float  #: of outcomes on the log-odds said
    slope_error: float

    @property
    def recovery(self) -> float:
        """Share of the oracle's Sharpe; NaN in a null market, where the oracle has none."""
        return self.sharpe / self.oracle if self.ic else math.nan


def judge(made: Made, pipeline: Pipeline, calendar: Calendar) -> Outcome:
    """Run the pipeline and the oracle over a market."""
    desk = _desk(made, pipeline, calendar)
    (step,) = run([Batch(made.chunks, made.ticks)], desk, live_from=int(made.ticks[0]))
    p_up = step.predictions.p_up
    ready = np.isfinite(p_up).any(axis=1)
    since = int(made.ticks[ready][0])
    returns, best = _returns(step, since), _oracle(made, pipeline, step, calendar, since)
    costly = replace(desk, costs=Costs())
    priced, called = (
        look(one, made.ticks[ready], step.X[ready], step.predictions[ready]).direction for one in (costly, replace(costly, certified=True))
    )
    said = p_up[ready]
    up = (made.drawn.returns[ready] > 0.0).astype(np.float64)
    fitted = line(said.ravel(), up.ravel(), np.repeat(np.arange(len(said)), said.shape[1]))
    known = moments(returns)
    return Outcome(
        seed=made.settings.seed,
        ic=made.settings.ic,
        sessions=len(returns),
        sharpe=_annual(returns),
        oracle=_annual(best),
        psr=_or(psr(known), 0.5),
        spa=superior(returns[:, None], draws=500).p if known.sharpe == known.sharpe else 1.0,
        priced=float((priced == 0).mean()),
        neutral=float((called == 0).mean()),
        narrow=float((np.abs(said - 0.5) <= NARROW).mean()),
        slope=fitted.slope,
        slope_error=fitted.slope_error,
    )


def _desk(made: Made, pipeline: Pipeline, calendar: Calendar) -> Desk:
    features = pipeline.features(made.symbols, only=pipeline.wanted, calendar=calendar)
    return Desk(
        features=features,
        labels=Labels(made.symbols, calendar, kind=DailyBar),
        framework=pipeline.framework(
            made.symbols, list(features.features), schedule=pipeline.schedule, only=pipeline.models, calendar=calendar
        ),
        strategy=Book((pipeline.strategy,)),
        broker=_broker(made, calendar),
        costs=FREE,
        calendar=calendar,
        certified=False,  # abstaining would hide what the models make of nothing
    )


def _broker(made: Made, calendar: Calendar) -> SimulatedBroker:
    return SimulatedBroker(made.symbols, CAPITAL * len(made.symbols), FREE, calendar, kind=DailyBar)


def _oracle(made: Made, pipeline: Pipeline, step: Step, calendar: Calendar, since: Instant) -> F64:
    """Session returns of the strategy if it were told the truth, from ``since`` on."""
    from scipy.special import ndtr

    ic = made.settings.ic
    view = View(
        symbols=made.symbols,
        ticks=step.ticks,
        p_up=ndtr(ic * made.drawn.latent / math.sqrt(1.0 - ic**2)),
        direction=np.sign(made.drawn.latent).astype(np.int8),
        volatility=step.volatility,
        cost=step.cost,
    )
    late = view.ticks >= since
    targets = np.where(late[:, None], pipeline.strategy.targets(view), 0.0)
    done = _broker(made, calendar).push(_bars(made.chunks), view.ticks, targets)
    return _session_returns(done.at, done.equity, since, len(made.symbols))


def _bars(chunks: tuple[Chunk, ...]) -> list[Chunk]:
    return [chunk for chunk in chunks if chunk.kind is DailyBar]


def _returns(step: Step, since: Instant) -> F64:
    return _session_returns(step.progress.at, step.progress.equity, since, step.targets.shape[1])


def _session_returns(at: I64, equity: F64, since: Instant, symbols: int) -> F64:
    """Returns of all sleeves together from one close to the next, from the first close after ``since`` on."""
    closes, place = np.unique(at, return_inverse=True)
    total = np.bincount(place, equity)
    before = np.append(CAPITAL * symbols, total[:-1])
    return np.asarray((total / before - 1.0)[closes > since], np.float64)


def _annual(returns: F64) -> float:
    return _or(moments(returns).sharpe, 0.0) * math.sqrt(252.0)


def _or(value: float, instead: float) -> float:
    return instead if math.isnan(value) else value

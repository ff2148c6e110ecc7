"""Search for a model's settings on purged walk-forward folds: every fit is counted, and the best is judged as the best of all.

A fold is taught only on outcomes that were known when its first tick came (law 8), and looks back no further than the main job does.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput, TooLittleHistory
from undertow.core.protocols import Model
from undertow.core.time import Instant
from undertow.models.classification import ClassificationModels
from undertow.models.memory import Taught
from undertow.models.reliability import log_loss
from undertow.models.training import label_weights

#: a setting: parameter -> value
Setting = Mapping[str, float | int]


@dataclass(frozen=True, slots=True)
class Span:
    """Where a parameter may lie; whole numbers where both ends are, on a logarithmic scale if ``log``."""

    low: float | int
    high: float | int
    log: bool = False


#: model -> parameter -> where it may lie
SPACES: Mapping[str, Mapping[str, Span]] = {
    "gradient_boosting": {"trees": Span(20, 200, True), "leaves": Span(4, 24), "rate": Span(0.01, 0.2, True)},
    "random_forest": {"trees": Span(50, 200), "depth": Span(3, 9)},
    "ridge_logistic": {"penalty": Span(20.0, 20_000.0, True)},
    "xgboost": {"trees": Span(40, 400, True), "depth": Span(2, 6), "rate": Span(0.01, 0.2, True)},
}


@dataclass(frozen=True, slots=True)
class Fold:
    """Rows to teach and rows to ask, and the instant between them."""

    at: Instant
    taught: I64
    asked: I64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What one setting was worth on the rows that were asked, all folds together."""

    setting: Setting
    log_loss: float  #: nats; one half everywhere has 0.6931
    correlation: float  #: information coefficient of probability and outcome
    loss: F64  #: (sessions,) mean log-loss of each
    returns: F64  #: (sessions,) of holding twice the probability's distance from the share of rises that was taught, before costs


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All settings in the order in which they were tried; the first is the one in use."""

    model: str
    folds: tuple[Fold, ...]
    session: I64  #: (sessions,) that were asked about, positions in the calendar
    tried: tuple[Tried, ...]

    @property
    def best(self) -> int:
        """The setting of the lowest log-loss."""
        return min(range(len(self.tried)), key=lambda i: (self.tried[i].log_loss, i))

    @property
    def returns(self) -> F64:
        """(sessions, settings)."""
        return np.column_stack([one.returns for one in self.tried])

    @property
    def gains(self) -> F64:
        """By how many nats each setting but the first beat the one in use (sessions, settings - 1)."""
        return np.column_stack([self.tried[0].loss - one.loss for one in self.tried[1:]])


def folds(taught: Taught, session: I64, count: int, every: int, look_back: int) -> tuple[Fold, ...]:
    """The last ``count`` blocks of ``every`` sessions, each with the rows of at most ``look_back`` sessions known before it.

    Raises ``TooLittleHistory`` where there are not so many blocks with as long a history before the first.
    """
    days = np.unique(session)
    if len(days) < (count + 1) * every:
        raise TooLittleHistory(
            f"{len(days)} sessions with known outcomes are too few for {count} folds of {every} and as many before them:"
            f" {(count + 1) * every - len(days)} more are needed, or fewer --folds"
        )
    out = []
    for block in np.split(days[len(days) - count * every :], count):
        asked = np.flatnonzero((session >= block[0]) & (session <= block[-1]))
        at = int(taught.tick[asked].min())
        known = (taught.known_at <= at) & (taught.tick < at) & (session >= block[0] - look_back)
        out.append(Fold(at, np.flatnonzero(known), asked))
    return tuple(out)


def in_use(model: str) -> Setting:
    """The setting that the main job uses; raises ``BadInput`` for a model that cannot be searched."""
    made = _fresh(model)
    return {name: getattr(made, name) for name in SPACES[model]}


def configured(model: str, setting: Setting) -> Model:
    """An unfitted model with other settings."""
    made = copy.copy(_fresh(model))
    for name, value in setting.items():
        setattr(made, name, value)
    return made


def _fresh(model: str) -> Model:
    if model not in SPACES:
        raise BadInput(f"{model!r} has no settings to search; there are {', '.join(sorted(SPACES))}")
    made: Model = getattr(ClassificationModels(), model)()
    return made


def attempt(model: str, setting: Setting, taught: Taught, session: I64, split: Sequence[Fold]) -> Tried:
    """Fit a setting on every fold and judge what it said of the rows that were asked."""
    y = (taught.value > 0.0).astype(np.float64)
    p, tilt = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for fold in split:
        rows = fold.taught
        columns = np.flatnonzero(np.isfinite(taught.X[rows]).mean(axis=0) > 0.02)
        weight = label_weights(taught.tick[rows], taught.until[rows], taught.key[rows])
        fitted = configured(model, setting).fit(taught.X[np.ix_(rows, columns)], y[rows], weight)
        p[fold.asked] = fitted.predict(taught.X[np.ix_(fold.asked, columns)])
        tilt[fold.asked] = 2.0 * (p[fold.asked] - y[rows].mean())
    asked = np.concatenate([fold.asked for fold in split])
    said, came, value = p[asked], y[asked], taught.value[asked]
    safe = np.clip(said, 1e-12, 1 - 1e-12)
    nats = -(came * np.log(safe) + (1 - came) * np.log1p(-safe))
    moves = said.std() > 0.0 and value.std() > 0.0
    return Tried(
        setting=setting,
        log_loss=log_loss(said, came),
        correlation=float(np.corrcoef(said, value)[0, 1]) if moves else math.nan,
        loss=_by_session(session[asked], nats),
        returns=_by_session(session[asked], tilt[asked] * value),
    )


def _by_session(session: I64, value: F64) -> F64:
    _, place = np.unique(session, return_inverse=True)
    return np.asarray(np.bincount(place, value) / np.bincount(place), np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """How much is searched: settings, the one in use included, and the seed of the sampler that proposes the others."""

    settings: int
    seed: int = 0


def search(
    model: str, taught: Taught, session: I64, split: Sequence[Fold], budget: Budget, each: Callable[[Tried], None] | None = None
) -> Found:
    """Try the setting in use and then others, as Optuna's sampler proposes them; the same seed tries the same.

    ``each`` is told every setting as soon as it was tried, so that it is counted even if the search is cut short.
    """
    tried: list[Tried] = []
    for setting in _proposed(model, budget, lambda: tried[-1].log_loss):
        tried.append(attempt(model, setting, taught, session, split))
        if each is not None:
            each(tried[-1])
    asked = np.unique(np.concatenate([session[fold.asked] for fold in split]))
    return Found(model=model, folds=tuple(split), session=asked, tried=tuple(tried))


def _proposed(model: str, budget: Budget, judged: Callable[[], float]) -> Iterator[Setting]:
    """Settings one after the other; ``judged`` tells what the last one was worth, lower being better."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=budget.seed))
    study.enqueue_trial(dict(in_use(model)))
    for _ in range(budget.settings):
        trial = study.ask()
        yield {name: _value(trial, name, span) for name, span in SPACES[model].items()}
        study.tell(trial, judged())


def _value(trial: object, name: str, span: Span) -> float | int:
    suggest = trial.suggest_int if isinstance(span.low, int) else trial.suggest_float  # type: ignore[attr-defined]
    value: float | int = suggest(name, span.low, span.high, log=span.log)
    return value

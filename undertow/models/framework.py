"""ModelIntegrationFramework: add a model by adding a method. A fold that retrains as labels become known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.protocols import Model
from undertow.core.time import HOUR, Instant
from undertow.models.calibration import Calibrator, calibrate, effective_count
from undertow.models.classification import ClassificationModels
from undertow.models.logistic import logit
from undertow.models.memory import Lessons, Taught
from undertow.models.register import is_model
from undertow.models.stacking import Stack, equal, stack
from undertow.models.training import fit_all

#: rows kept of each stage's lessons
SAMPLE = 50


def uniqueness(session: I64, key: I64) -> F64:
    """Weight of each row (n,): outcomes of one symbol's session overlap almost wholly, so that together they count as one."""
    outcomes = len(np.unique(session * (int(key.max()) + 1) + key))
    return np.full(len(session), outcomes / len(session))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When models are retrained and on what; in sessions, counted from the calendar's beginning so that no run's start matters."""

    every: int = 42
    at_least: int = 120  #: sessions with known labels before a first model
    at_most: int = 504  #: sessions a model looks back
    teach_every: int = HOUR  #: ticks at whole multiples of this since New York midnight teach; those between only decide

    def teaching(self, ticks: I64, calendar: Calendar) -> Array:
        """Which ticks (n,) teach, bool."""
        return np.asarray((ticks - calendar.midnight[calendar.position(ticks)]) % self.teach_every == 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """One stage: base models, the meta-model over them and the calibrator over that, all taught on what was known at ``at``."""

    at: Instant
    rows: int
    names: tuple[str, ...]
    columns: I64  #: features that had values to learn from
    models: tuple[Model, ...]
    stack: Stack
    calibrator: Calibrator
    sample: F64  #: (some rows, features) of what it was taught, to measure what it looks at

    def odds(self, X: F64) -> F64:
        """X (n, features) -> log-odds of the base models (n, models)."""
        used = X[:, self.columns]
        return np.column_stack([logit(m.predict(used)) for m in self.models])

    def contributions(self, X: F64) -> F64:
        """X (n, features) -> (n, features + 1) parts of the score, the last column the base; a row sums to the score."""
        out = np.zeros((len(X), X.shape[1] + 1))
        for weight, one in zip(self.stack.weights, self.models, strict=True):
            parts = one.contributions(X[:, self.columns]) * weight
            out[:, self.columns] += parts[:, :-1]
            out[:, -1] += parts[:, -1]
        return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the framework thought at some ticks; NaN before a first model."""

    p_up: F64  #: (ticks, symbols) calibrated
    score: F64  #: (ticks, symbols) log-odds before calibration
    odds: F64  #: (ticks, symbols, models)


class ModelIntegrationFramework(ClassificationModels):
    """Every method marked ``@model`` is a base model; the meta-model decides whom to believe, the calibrator how much.

    Stage after stage, base models are taught on labels known by then; the meta-model sees only their predictions on rows they
    had not been taught, and the calibrator only the meta-model's scores on rows *it* had not been taught.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        features: Sequence[str],
        *,
        schedule: Schedule | None = None,
        only: Iterable[str] | None = None,
        calendar: Calendar | None = None,
    ) -> None:
        self.symbols, self.features = tuple(symbols), tuple(features)
        self.schedule = schedule or Schedule()
        wanted = None if only is None else set(only)
        marked = [n for n in sorted(dir(type(self))) if is_model(getattr(type(self), n))]
        self.names = tuple(n for n in marked if wanted is None or n in wanted)
        self.stages: list[Trained] = []
        self._calendar = calendar or nyse()
        self._lessons = Lessons(len(self.symbols), len(self.features), len(self.names))
        self._seen: Instant | None = None

    def fresh(self) -> list[Model]:
        """Unfitted base models, in the order of ``names``."""
        return [getattr(self, name)() for name in self.names]

    def push(self, ticks: I64, X: F64, labels: Chunk) -> Predictions:
        """Take the matrix (t, symbols, features) at the next ticks and the labels that became known; predict, retraining on the way."""
        shape = X.shape[:2]
        out = Predictions(p_up=np.full(shape, np.nan), score=np.full(shape, np.nan), odds=np.full((*shape, len(self.names)), np.nan))
        if not len(ticks):
            self._lessons.learn(labels)
            return out
        teaching = self.schedule.teaching(ticks, self._calendar)
        self._lessons.add(ticks[teaching], X[teaching])
        self._lessons.learn(labels)
        begin = 0
        for at in self._retrainings(int(ticks[0]), int(ticks[-1])):
            end = int(np.searchsorted(ticks, at, side="right"))
            self._predict(slice(begin, end), ticks, X, out)
            begin = end
            self._retrain(at)
        self._predict(slice(begin, len(ticks)), ticks, X, out)
        self._seen = int(ticks[-1])
        return out

    def _retrainings(self, first: Instant, last: Instant) -> list[Instant]:
        """Instants of retraining after what was seen and not after ``last``: 02:00 New York of every so many sessions."""
        seen = first if self._seen is None else self._seen
        a, b = int(self._calendar.position(seen)), int(self._calendar.position(last))
        due = [self._calendar.at_time(i, 2 * HOUR) for i in range(max(a, 0), b + 1) if i % self.schedule.every == 0]
        return [at for at in due if seen < at <= last]

    def _predict(self, rows: slice, ticks: I64, X: F64, out: Predictions) -> None:
        count = rows.stop - rows.start
        if not self.stages or count <= 0:
            return
        stage, width = self.stages[-1], len(self.symbols)
        odds = stage.odds(X[rows].reshape(count * width, -1))
        score = stage.stack.predict(odds)
        out.odds[rows] = odds.reshape(count, width, -1)
        out.score[rows] = score.reshape(count, width)
        out.p_up[rows] = stage.calibrator.predict(score).reshape(count, width)
        self._lessons.predicted(ticks[rows], out.odds[rows], out.score[rows])

    def _retrain(self, at: Instant) -> None:
        self._lessons.forget(self._back(at, self.schedule.at_most))
        taught = self._lessons.known(at)
        sessions = self._calendar.position(taught.tick)
        if len(np.unique(sessions)) < self.schedule.at_least:
            return
        columns = np.flatnonzero(np.isfinite(taught.X).mean(axis=0) > 0.02)
        y = (taught.value > 0.0).astype(np.float64)
        models = fit_all(self.fresh(), taught.X[:, columns], y, uniqueness(sessions, taught.key))
        stage_stack, calibrator = self._judge(taught, sessions, y)
        self.stages.append(
            Trained(
                at=at,
                rows=len(y),
                names=self.names,
                columns=columns,
                models=tuple(models),
                stack=stage_stack,
                calibrator=calibrator,
                sample=taught.X[:: max(len(y) // SAMPLE, 1)],
            )
        )

    def _judge(self, taught: Taught, sessions: I64, y: F64) -> tuple[Stack, Calibrator]:
        """The meta-model from predictions of earlier stages, the calibrator from scores of earlier meta-models."""
        foretold = np.isfinite(taught.odds).all(axis=1)
        effective = effective_count(sessions[foretold], taught.key[foretold], taught.value[foretold])
        if not foretold.any():
            return equal(len(self.names), "first stage"), calibrate(np.empty(0), np.empty(0), 0.0)
        meta = stack(taught.odds[foretold], y[foretold], effective)
        return meta, calibrate(taught.score[foretold], y[foretold], effective)

    def _back(self, at: Instant, sessions: int) -> Instant:
        return int(self._calendar.midnight[max(int(self._calendar.position(at)) - sessions, 0)])

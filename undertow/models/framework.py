"""ModelIntegrationFramework: add a model by adding a method. A fold that retrains as labels become known."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.time import HOUR, MINUTE, Duration, Instant
from undertow.models.calibration import effective_count
from undertow.models.calibrators import Calibrates
from undertow.models.calibrators import fit as calibrate
from undertow.models.certify import Certificate, certify
from undertow.models.classification import ClassificationModels
from undertow.models.hft import HFTModels
from undertow.models.memory import Lessons, Taught
from undertow.models.phases import PHASES, PhaseModels, phase_of
from undertow.models.register import Mark, is_model, mark_of
from undertow.models.rows import Past, Rows, known_only
from undertow.models.sequence.definitions import HOW_TO_INSTALL, has_extra
from undertow.models.sequence.models import TimeSeriesModels
from undertow.models.sequence.windows import Panel
from undertow.models.stacking import Stack, equal, stack
from undertow.models.stage import BaseModel, Shelf, Trained
from undertow.models.training import Lesson, Voice, fit_all, label_weights

__all__ = ["ModelIntegrationFramework", "Predictions", "Schedule", "Shelf", "Trained"]

#: rows kept of each stage's lessons
SAMPLE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When models are retrained and on what; in sessions, counted from the calendar's beginning so that no run's start matters."""

    every: int = 42
    at_least: int = 120  #: sessions with known labels before a first model
    at_most: int = 504  #: sessions a model looks back
    teach_every: Duration = HOUR  #: ticks at whole multiples of this since New York midnight teach; those between only decide
    teach_open: Duration = 15 * MINUTE  #: one tick teaches so long after the open, or that phase would never be learnt
    networks_every: int = 3  #: stages from one training of the networks to the next: they are slow, and change little

    def teaching(self, ticks: I64, calendar: Calendar) -> Array:
        """Which ticks (n,) teach, bool."""
        at = calendar.position(ticks)
        return np.asarray(((ticks - calendar.midnight[at]) % self.teach_every == 0) | (ticks - calendar.open[at] == self.teach_open))

    def teaches_networks(self, position: int) -> bool:
        """Whether networks are taught anew at the retraining of that session."""
        return position // self.every % self.networks_every == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """What the framework thought at some ticks; NaN before a first model."""

    p_up: F64  #: (ticks, symbols) calibrated
    score: F64  #: (ticks, symbols) log-odds before calibration
    odds: F64  #: (ticks, symbols, models); NaN also where a model does not speak
    at_least: F64  #: (ticks,) probability that calls are certified from; infinite where none is

    def __getitem__(self, ticks: Any) -> Predictions:
        return Predictions(p_up=self.p_up[ticks], score=self.score[ticks], odds=self.odds[ticks], at_least=self.at_least[ticks])


class ModelIntegrationFramework(ClassificationModels, TimeSeriesModels, HFTModels, PhaseModels):
    """Every method marked ``@model`` is a base model; the meta-model decides whom to believe, the calibrator how much.

    Stage after stage, base models are taught on labels known by then; the meta-model sees only their predictions on rows they
    had not been taught, and the calibrator only the meta-model's scores on rows *it* had not been taught.

    ``families`` maps a feature to its family, for models that read some families only; ``left_out`` has a sentence on every model
    that cannot take part. Raises ``BadInput`` where ``only`` names a model that does not exist.
    """

    def __init__(
        self,
        symbols: Sequence[str],
        features: Sequence[str],
        *,
        schedule: Schedule | None = None,
        only: Iterable[str] | None = None,
        calendar: Calendar | None = None,
        families: Mapping[str, str] | None = None,
        shelf: Shelf | None = None,
    ) -> None:
        self.symbols, self.features = tuple(symbols), tuple(features)
        self.schedule, self.shelf = schedule or Schedule(), shelf
        self._calendar = calendar or nyse()
        self._reads: dict[str, I64] = {}
        self._marks, self.left_out = self._choose(only, families or {})
        self.names = tuple(self._marks)
        self.stages: list[Trained] = []
        self.notes = self.left_out  #: what could not be done, a sentence each
        self._lessons = Lessons(len(self.symbols), len(self.features), len(self.names))
        self._seen: Instant | None = None

    def _choose(self, only: Iterable[str] | None, families: Mapping[str, str]) -> tuple[dict[str, Mark], tuple[str, ...]]:
        """The models that can take part, with their marks, and a sentence on each that cannot."""
        marks = {n: mark_of(getattr(type(self), n)) for n in model_names(type(self))}
        wanted = set(marks) if only is None else set(only)
        if unknown := sorted(wanted - set(marks)):
            raise BadInput(f"There is no model {', '.join(unknown)}; there are {', '.join(marks)}.")
        chosen, left_out = {}, []
        for name in (n for n in marks if n in wanted):
            reads = marks[name].reads
            columns = [j for j, f in enumerate(self.features) if not reads or f in reads or families.get(f) in reads]
            if not columns:
                left_out.append(f"{name} is left out: there is none of the features it reads ({', '.join(reads)}).")
            elif name in NETWORKS and not has_extra():
                left_out.append(f"{name} is left out: {HOW_TO_INSTALL}")
            else:
                chosen[name], self._reads[name] = marks[name], np.array(columns, np.int64)
        return chosen, tuple(left_out)

    def fresh(self) -> list[BaseModel]:
        """Unfitted base models, in the order of ``names``."""
        return [getattr(self, name)() for name in self.names]

    def rows(self, ticks: I64, X: F64) -> Rows:
        """The matrix (t, symbols, features) at ticks that were pushed, as rows (t * symbols) a stage can be asked about."""
        count, width = X.shape[:2]
        flat = np.repeat(ticks, width)
        past = Past(tick=self._lessons.tick, session=self._calendar.position(self._lessons.tick), X=self._lessons.matrix)
        return Rows(
            X=X.reshape(count * width, -1),
            tick=flat,
            key=np.tile(np.arange(width), count),
            session=self._calendar.position(flat),
            phase=phase_of(flat, self._calendar),
            past=past,
        )

    def push(self, ticks: I64, X: F64, labels: Chunk) -> Predictions:
        """Take the matrix (t, symbols, features) at the next ticks and the labels that became known; predict, retraining on the way."""
        shape = X.shape[:2]
        if X.shape[1:] != (len(self.symbols), len(self.features)):
            raise BadInput(
                f"The framework was made for {len(self.symbols)} symbols and {len(self.features)} features; it got {X.shape[1:]}."
            )
        out = Predictions(
            p_up=np.full(shape, np.nan),
            score=np.full(shape, np.nan),
            odds=np.full((*shape, len(self.names)), np.nan),
            at_least=np.full(shape[0], np.inf),
        )
        if not len(ticks):
            self._lessons.learn(labels)
            return out
        X = known_only(X)
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
        asked = self.rows(ticks[rows], X[rows])
        odds = stage.odds(asked)
        score = stage.score(asked, odds)
        out.odds[rows, :, [self.names.index(name) for name in stage.names]] = odds.reshape(count, width, -1)
        out.score[rows] = score.reshape(count, width)
        out.p_up[rows] = stage.calibrator.predict(score).reshape(count, width)
        out.at_least[rows] = stage.certified_from
        self._lessons.predicted(ticks[rows], out.odds[rows], out.score[rows], out.p_up[rows])

    def _retrain(self, at: Instant) -> None:
        self._lessons.forget(self._back(at, self.schedule.at_most))
        stage = self.shelf.find(at) if self.shelf is not None else None
        if stage is not None:
            self._check(stage)
        else:
            stage = self._teach(at)
            if stage is not None and self.shelf is not None:
                self.shelf.keep(stage)
        if stage is not None:
            self.stages.append(stage)

    def _check(self, stage: Trained) -> None:
        if stage.features != self.features or not set(stage.names) <= set(self.names):
            raise BadInput("A stage that was kept was taught on other features or models than this run has; train it again.")

    def _teach(self, at: Instant) -> Trained | None:
        taught = self._lessons.taught(at)
        session = np.asarray(self._calendar.position(taught.tick), np.int64)
        if len(np.unique(session)) < self.schedule.at_least:
            return None
        columns = np.flatnonzero(np.isfinite(taught.X).mean(axis=0) > 0.02)
        y = (taught.value > 0.0).astype(np.float64)
        if y.min() == y.max():
            self.notes += (
                f"No model was taught on {self._calendar.day[int(self._calendar.position(at))]}: all {len(y)} known outcomes ended alike.",
            )
            return None
        weight = label_weights(taught.tick, taught.until, taught.key)
        phase = phase_of(taught.tick, self._calendar)
        lesson = Lesson(X=taught.X, y=y, weight=weight, tick=taught.tick, session=session, phase=phase, panel=lambda c: self._panel(at, c))
        voices, notes = self._voices(at, columns, lesson)
        speaks = np.array([[phase in voice.phases for voice in voices] for phase in PHASES]).reshape(len(PHASES), len(voices))
        meta, calibrator, certificate = self._judge(taught, lesson, [self.names.index(v.name) for v in voices], speaks)
        return Trained(
            at=at,
            rows=len(y),
            names=tuple(v.name for v in voices),
            columns=columns,
            models=tuple(v.model for v in voices),
            reads=tuple(v.reads for v in voices),
            speaks=tuple(v.phases for v in voices),
            stack=meta,
            calibrator=calibrator,
            sample=taught.X[:: max(len(y) // SAMPLE, 1)],
            features=self.features,
            certificate=certificate,
            notes=(*self.left_out, *notes),
        )

    def _voices(self, at: Instant, columns: I64, lesson: Lesson) -> tuple[list[Voice], list[str]]:
        """Base models taught on the lesson, in the order of names; networks between their trainings are those of the stage before."""
        last = self.stages[-1] if self.stages else None
        kept, fresh, notes = [], [], []
        waiting: set[str] = set()
        if last is not None and not self.schedule.teaches_networks(int(self._calendar.position(at))):
            waiting = {name for name in self.names if name in NETWORKS}
            parts = zip(last.names, last.models, last.reads, last.speaks, strict=True)
            kept = [Voice(name=n, model=m, reads=r, phases=p) for n, m, r, p in parts if n in waiting]
            notes = [note for note in last.notes if note.split(" ")[0] in waiting]
        for name in (n for n in self.names if n not in waiting):
            reads = np.intersect1d(self._reads[name], columns)
            if len(reads):
                fresh.append(Voice(name=name, model=getattr(self, name)(), reads=reads, phases=self._marks[name].phases or PHASES))
            else:
                notes.append(f"{name} is left out: none of the features it reads had values.")
        taught, failed = fit_all(fresh, lesson)
        return sorted([*taught, *kept], key=lambda v: self.names.index(v.name)), [*notes, *failed]

    def _judge(self, taught: Taught, lesson: Lesson, places: list[int], speaks: Array) -> tuple[Stack, Calibrates, Certificate | None]:
        """The meta-model from predictions of earlier stages, the calibrator from scores of earlier meta-models."""
        foretold = np.isfinite(taught.score)
        if not foretold.any():
            return equal(speaks, "first stage"), calibrate(np.empty(0), np.empty(0), 0.0), None
        effective, y = self._effective(taught, lesson, foretold), lesson.y[foretold]
        # a model that is new has said nothing on record, and its weight stays at the prior's
        meta = stack(taught.odds[foretold][:, places], y, effective, lesson.phase[foretold], speaks)
        promised = certify(taught.p_up[foretold], y, independent=min(effective / len(y), 1.0))
        return meta, calibrate(taught.score[foretold], y, effective), promised

    def _effective(self, taught: Taught, lesson: Lesson, rows: Array) -> float:
        """Independent outcomes among some rows: correlated symbols and outcomes of several sessions count for less."""
        if not rows.any():
            return 0.0
        session, key = lesson.session[rows], taught.key[rows]
        outcomes = len(np.unique(session * len(self.symbols) + key))
        return effective_count(session, key, taught.value[rows]) * min(float(lesson.weight[rows].sum()) / outcomes, 1.0)

    def _panel(self, at: Instant, columns: I64) -> tuple[Panel, F64]:
        """Every remembered row before ``at`` of some columns, and its outcome, NaN where it was not known by then."""
        own = self._lessons
        before, width = slice(0, int(np.searchsorted(own.tick, at))), len(self.symbols)
        tick, known = np.repeat(own.tick[before], width), own.known[before].ravel()
        value = own.value[before].ravel()
        y = np.where((known <= at) & np.isfinite(value), (value > 0.0).astype(np.float64), np.nan)
        panel = Panel(
            X=own.matrix[before][:, :, columns].reshape(len(tick), -1),
            key=np.tile(np.arange(width), len(tick) // width),
            tick=tick,
            session=np.asarray(self._calendar.position(tick), np.int64),
            label_known_at=known,
        )
        return panel, y

    def _back(self, at: Instant, sessions: int) -> Instant:
        return int(self._calendar.midnight[max(int(self._calendar.position(at)) - sessions, 0)])


def model_names(framework: type[ModelIntegrationFramework] = ModelIntegrationFramework) -> list[str]:
    """Every base model of a framework, in alphabetical order."""
    return [name for name in sorted(dir(framework)) if is_model(getattr(framework, name))]


#: base models that are networks over windows
NETWORKS = frozenset(name for name in dir(TimeSeriesModels) if is_model(getattr(TimeSeriesModels, name)))

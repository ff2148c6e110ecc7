"""The laws of models, checked on any ModelIntegrationFramework: base model by base model, then the whole as a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import LabelKnown
from undertow.core.protocols import Model
from undertow.core.time import HOUR, MINUTE
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.logistic import logit, sigmoid
from undertow.models.register import is_model, mark_of
from undertow.models.rows import Past, Rows
from undertow.models.sequence.models import SequenceNetwork
from undertow.models.sequence.training import Recipe
from undertow.models.sequence.windows import Panel
from undertow.models.stage import BaseModel
from undertow.validation.laws import Finding

SYMBOLS = ("AAA", "BBB", "CCC")
#: features of every market; those that a model reads by name or family come on top
FEATURES = tuple(f"feature_{j}" for j in range(8))
#: networks are taught once: what a second training might see is the same as what the first does
SCHEDULE = Schedule(every=15, at_least=30, at_most=90, networks_every=1_000)
#: a short lesson for networks: what they may see does not depend on how long they look
RECIPE = Recipe(seeds=(0,), epochs=6, patience=6, rate=2e-2, batch=128)
#: a tick of each phase
CLOCK = (9 * HOUR, 9 * HOUR + 45 * MINUTE, 12 * HOUR, 15 * HOUR)
FIRST, SESSIONS = 8000, 80
#: contributions come from single-precision trees
SLACK = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """A planted market for models: ticks (t,), X (t, symbols, features) and the labels of every tick and symbol."""

    ticks: I64
    X: F64
    labels: Chunk
    features: tuple[str, ...] = FEATURES

    def framework(self, kind: type[ModelIntegrationFramework]) -> ModelIntegrationFramework:
        """A fresh one; a feature beyond ``FEATURES`` is the only one of its family, by the same name."""
        return kind(SYMBOLS, self.features, schedule=SCHEDULE, families={name: name for name in self.features})

    def push(self, kind: type[ModelIntegrationFramework], cuts: Sequence[int] = ()) -> F64:
        """Probabilities of a fresh framework (t, symbols), pushed in pieces."""
        framework = self.framework(kind)
        parts, before = [], -(2**63)
        for rows in np.split(np.arange(len(self.ticks)), list(cuts)):
            until = int(self.ticks[rows[-1]])
            parts.append(framework.push(self.ticks[rows], self.X[rows], self.labels.between(before, until)).p_up)
            before = until
        return np.concatenate(parts)


def features_for(kind: type[ModelIntegrationFramework]) -> tuple[str, ...]:
    """``FEATURES`` and one for each family or feature that a model of the framework asks for."""
    marks = [mark_of(getattr(kind, name)) for name in sorted(dir(kind)) if is_model(getattr(kind, name))]
    return tuple(dict.fromkeys((*FEATURES, *(name for mark in marks for name in mark.reads))))


def planted_lessons(calendar: Calendar, seed: int, features: tuple[str, ...] = FEATURES) -> Lessons:
    """Noise with one feature that foretells; one value in twenty is not known."""
    rng = np.random.default_rng(seed)
    ticks = (calendar.midnight[FIRST : FIRST + SESSIONS, None] + np.array(CLOCK)).ravel()
    X = rng.standard_normal((len(ticks), len(SYMBOLS), len(features)))
    X[rng.random(X.shape) < 0.05] = np.nan
    value = np.nan_to_num(X[:, :, 0]) + rng.standard_normal(X.shape[:2])
    key, at = np.tile(np.arange(len(SYMBOLS)), len(ticks)), np.repeat(ticks, len(SYMBOLS))
    columns = {"horizon": np.full(len(at), 26 * HOUR), "value": value.ravel()}
    labels = chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=at + 26 * HOUR, columns=columns)
    return Lessons(ticks=ticks, X=X, labels=labels, features=features)


def audit_models(kind: type[ModelIntegrationFramework], calendar: Calendar | None = None, seed: int = 0) -> list[Finding]:
    """Everything that breaks a law: of each base model, and of the framework that integrates them."""
    kind = type(kind.__name__, (kind,), {"recipe": RECIPE})
    lessons = planted_lessons(calendar or nyse(), seed, features_for(kind))
    framework = lessons.framework(kind)
    found = []
    for name, model, twin in zip(framework.names, framework.fresh(), framework.fresh(), strict=True):
        if isinstance(model, SequenceNetwork):
            found += _network(name, model, twin, lessons)
        else:
            found += _model(name, model, twin, lessons)
    return found + _framework(kind, lessons, seed)


def _model(name: str, model: Model, twin: Model, lessons: Lessons) -> list[Finding]:
    X, y = lessons.X.reshape(-1, len(lessons.features)), _outcomes(lessons)
    weight, asked = np.ones(len(X)), X[:40]
    p = model.fit(X.copy(), y, weight).predict(asked.copy())
    found = []
    if p.shape != (len(asked),) or not ((p >= 0.0) & (p <= 1.0)).all():
        return [
            Finding("says what it is", name, f"predict gave {p.shape} values from {np.min(p)} to {np.max(p)}: not one probability a row")
        ]
    if not np.array_equal(p, twin.fit(X.copy(), y, weight).predict(asked.copy())):
        found.append(Finding("law 2: one order", name, "two fits on the same rows predict differently: set its seed"))
    alone = np.concatenate([model.predict(asked[i : i + 1]) for i in range(len(asked))])
    if not np.array_equal(alone, p):
        worst = int(np.argmax(np.abs(alone - p)))
        found.append(Finding("law 7: a row stands alone", name, f"row {worst} is {p[worst]!r} in company and {alone[worst]!r} alone"))
    parts = model.contributions(asked)
    off = float(np.abs(parts.sum(axis=1) - logit(p)).max()) if parts.shape == (len(asked), X.shape[1] + 1) else float("nan")
    if not off < SLACK:
        found.append(Finding("explains itself", name, f"contributions {parts.shape} miss the log-odds by {off!r}"))
    return found


def _outcomes(lessons: Lessons) -> F64:
    return (lessons.labels.numbers("value")[np.argsort(lessons.labels.event_at, kind="stable")] > 0.0).astype(np.float64)


def _network(name: str, model: SequenceNetwork, twin: BaseModel, lessons: Lessons) -> list[Finding]:
    """The same laws for a model that looks at rows before each: alone means without other rows asked about, and without later ones."""
    columns, y = np.arange(len(FEATURES)), _outcomes(lessons)
    width, session = len(SYMBOLS), np.asarray(nyse().position(lessons.ticks), np.int64)
    tick, flat = np.repeat(lessons.ticks, width), lessons.X.reshape(len(y), -1)
    key = np.tile(np.arange(width), len(lessons.ticks))
    panel = Panel(X=flat[:, columns], key=key, tick=tick, session=np.repeat(session, width), label_known_at=tick + 26 * HOUR)
    model.fit(panel, y, np.ones(len(y)))
    asked = slice(len(y) - 20 * width, None)
    past = Past(tick=lessons.ticks, session=session, X=lessons.X)
    rows = Rows(X=flat, tick=tick, key=key, session=panel.session, phase=np.zeros(len(y), np.int64), past=past)[asked]
    score, found = model.log_odds(rows, columns), []
    if not np.isfinite(score).all() or not np.array_equal(sigmoid(score), model.predict(panel)[asked]):
        found.append(Finding("law 3: one fold", name, "a row answered by itself differs from the same row of a history"))
    if not np.array_equal(score, twin.fit(panel, y, np.ones(len(y))).log_odds(rows, columns)):  # type: ignore[arg-type, union-attr]
        found.append(Finding("law 2: one order", name, "two fits on the same rows predict differently: set its seed"))
    alone = np.concatenate([model.log_odds(rows[i : i + 1], columns) for i in range(len(rows))])
    if not np.array_equal(alone, score):
        found.append(Finding("law 7: a row stands alone", name, "a row asked about alone gives other bits than in company"))
    later = replace(rows, past=replace(past, X=np.where((lessons.ticks < rows.tick[0])[:, None, None], past.X, 9.0)))
    if not np.array_equal(model.log_odds(later[:width], columns), score[:width]):
        found.append(Finding("law 4: causality", name, "rewriting rows from the one asked about on changes its answer"))
    off = float(np.abs(model.explain(rows, columns).sum(axis=1) - score).max())
    if not off < SLACK:
        found.append(Finding("explains itself", name, f"contributions miss the log-odds by {off!r}"))
    return found


def _framework(kind: type[ModelIntegrationFramework], lessons: Lessons, seed: int) -> list[Finding]:
    rng = np.random.default_rng(seed)
    whole, found = lessons.push(kind), []
    cuts = sorted(rng.choice(np.arange(1, len(lessons.ticks)), 5, replace=False).tolist())
    found += _differ("law 3: one fold", f"cut before ticks {cuts}", lessons.push(kind, cuts), whole)
    other = planted_lessons(nyse(), seed + 1, lessons.features)
    for cut in (2 * len(whole) // 3, len(whole) - 5):
        rewritten = _rewritten(lessons, other, cut).push(kind)[:cut]
        found += _differ("law 4: causality", f"everything known after tick {cut} rewritten", rewritten, whole[:cut])
    return found


def _rewritten(lessons: Lessons, other: Lessons, cut: int) -> Lessons:
    """The same lessons with all that was known after tick ``cut - 1`` taken from others: laws 4 and 8 at once."""
    later = lessons.labels.known_at > lessons.ticks[cut - 1]
    value = np.where(later, other.labels.columns["value"], lessons.labels.columns["value"])
    labels = replace(lessons.labels, columns={**lessons.labels.columns, "value": value})
    return replace(lessons, X=np.concatenate([lessons.X[:cut], other.X[cut:]]), labels=labels)


def _differ(law: str, what: str, got: F64, expected: F64) -> list[Finding]:
    unlike = ~((got == expected) | (np.isnan(got) & np.isnan(expected)))
    if not unlike.any():
        return []
    i, k = (int(v) for v in np.argwhere(unlike)[0])
    return [Finding(law, "framework", f"{what}: {expected[i, k]!r} became {got[i, k]!r} at tick {i} of {SYMBOLS[k]}")]

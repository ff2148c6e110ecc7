"""The laws of models, checked on any ModelIntegrationFramework: base model by base model, then the whole as a fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import LabelKnown
from undertow.core.protocols import Model
from undertow.core.time import HOUR
from undertow.models.framework import ModelIntegrationFramework, Schedule
from undertow.models.logistic import logit
from undertow.validation.laws import Finding

SYMBOLS = ("AAA", "BBB", "CCC")
FEATURES = tuple(f"feature_{j}" for j in range(8))
SCHEDULE = Schedule(every=15, at_least=30, at_most=90)
FIRST, SESSIONS = 8000, 80
#: contributions come from single-precision trees
SLACK = 1e-5


@dataclass(frozen=True, slots=True, kw_only=True)
class Lessons:
    """A planted market for models: ticks (t,), X (t, symbols, features) and the labels of every tick and symbol."""

    ticks: I64
    X: F64
    labels: Chunk

    def push(self, kind: type[ModelIntegrationFramework], cuts: Sequence[int] = ()) -> F64:
        """Probabilities of a fresh framework (t, symbols), pushed in pieces."""
        framework = kind(SYMBOLS, FEATURES, schedule=SCHEDULE)
        parts, before = [], -(2**63)
        for rows in np.split(np.arange(len(self.ticks)), list(cuts)):
            until = int(self.ticks[rows[-1]])
            parts.append(framework.push(self.ticks[rows], self.X[rows], self.labels.between(before, until)).p_up)
            before = until
        return np.concatenate(parts)


def planted_lessons(calendar: Calendar, seed: int) -> Lessons:
    """Noise with one feature that foretells; one value in twenty is not known."""
    rng = np.random.default_rng(seed)
    ticks = (calendar.midnight[FIRST : FIRST + SESSIONS, None] + np.array([9 * HOUR, 12 * HOUR, 15 * HOUR])).ravel()
    X = rng.standard_normal((len(ticks), len(SYMBOLS), len(FEATURES)))
    X[rng.random(X.shape) < 0.05] = np.nan
    value = 0.3 * np.nan_to_num(X[:, :, 0]) + rng.standard_normal(X.shape[:2])
    key, at = np.tile(np.arange(len(SYMBOLS)), len(ticks)), np.repeat(ticks, len(SYMBOLS))
    columns = {"horizon": np.full(len(at), 26 * HOUR), "value": value.ravel()}
    labels = chunk_of(LabelKnown, SYMBOLS, key=key, event_at=at, known_at=at + 26 * HOUR, columns=columns)
    return Lessons(ticks=ticks, X=X, labels=labels)


def audit_models(kind: type[ModelIntegrationFramework], calendar: Calendar | None = None, seed: int = 0) -> list[Finding]:
    """Everything that breaks a law: of each base model, and of the framework that integrates them."""
    lessons = planted_lessons(calendar or nyse(), seed)
    framework = kind(SYMBOLS, FEATURES, schedule=SCHEDULE)
    found = [
        f
        for name, model, twin in zip(framework.names, framework.fresh(), framework.fresh(), strict=True)
        for f in _model(name, model, twin, lessons)
    ]
    return found + _framework(kind, lessons, seed)


def _model(name: str, model: Model, twin: Model, lessons: Lessons) -> list[Finding]:
    X = lessons.X.reshape(-1, len(FEATURES))
    y = (lessons.labels.numbers("value")[np.argsort(lessons.labels.event_at, kind="stable")] > 0.0).astype(np.float64)
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


def _framework(kind: type[ModelIntegrationFramework], lessons: Lessons, seed: int) -> list[Finding]:
    rng = np.random.default_rng(seed)
    whole, found = lessons.push(kind), []
    cuts = sorted(rng.choice(np.arange(1, len(lessons.ticks)), 5, replace=False).tolist())
    found += _differ("law 3: one fold", f"cut before ticks {cuts}", lessons.push(kind, cuts), whole)
    other = planted_lessons(nyse(), seed + 1)
    for cut in (2 * len(whole) // 3, len(whole) - 5):
        rewritten = _rewritten(lessons, other, cut).push(kind)[:cut]
        found += _differ("law 4: causality", f"everything known after tick {cut} rewritten", rewritten, whole[:cut])
    return found


def _rewritten(lessons: Lessons, other: Lessons, cut: int) -> Lessons:
    """The same lessons with all that was known after tick ``cut - 1`` taken from others: laws 4 and 8 at once."""
    later = lessons.labels.known_at > lessons.ticks[cut - 1]
    value = np.where(later, other.labels.columns["value"], lessons.labels.columns["value"])
    labels = replace(lessons.labels, columns={**lessons.labels.columns, "value": value})
    return Lessons(ticks=lessons.ticks, X=np.concatenate([lessons.X[:cut], other.X[cut:]]), labels=labels)


def _differ(law: str, what: str, got: F64, expected: F64) -> list[Finding]:
    unlike = ~((got == expected) | (np.isnan(got) & np.isnan(expected)))
    if not unlike.any():
        return []
    i, k = (int(v) for v in np.argwhere(unlike)[0])
    return [Finding(law, "framework", f"{what}: {expected[i, k]!r} became {got[i, k]!r} at tick {i} of {SYMBOLS[k]}")]

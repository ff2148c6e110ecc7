"""Each classic leak, planted in a market in which there is nothing to find: the audit has to name it, and without an audit it has to show.

A test that no leak can make fail would say nothing when it passes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64, I64, Chunk
from undertow.features.engineering import FeatureEngineering
from undertow.models.framework import ModelIntegrationFramework, Predictions
from undertow.validation.audit import audit
from undertow.validation.audit_stamps import audit_stamps
from undertow.validation.honesty import traps
from undertow.validation.honesty.clues import WANTED
from undertow.validation.honesty.market import Made, Settings, make
from undertow.validation.honesty.pipeline import Pipeline
from undertow.validation.honesty.traps import Feed, Traps
from undertow.validation.laws import Finding
from undertow.validation.model_laws import audit_models

BEST = 10  #: candidates that the leak of selection keeps
MONTH = 21  #: sessions that leaks of smoothing and encoding look over


class NextMorning(Traps):
    """Answers each tick with what is known at the one after it: a join that is off by one row."""

    def push(self, chunks: Iterable[Chunk], ticks: I64) -> F64:
        """As ``FeatureEngineering.push``, a tick late."""
        return super().push(chunks, np.append(ticks[1:], ticks[-1:] + 1))


class BothSides(Traps):
    """Centres every column on its mean over the ticks around each, those to come included: a smoother that looks both ways."""

    def push(self, chunks: Iterable[Chunk], ticks: I64) -> F64:
        """As ``FeatureEngineering.push``, centred."""
        X = super().push(chunks, ticks)
        known = np.isfinite(X)
        sums = np.concatenate([np.zeros((1, *X.shape[1:])), np.cumsum(np.where(known, X, 0.0), axis=0)])
        counts = np.concatenate([np.zeros((1, *X.shape[1:])), np.cumsum(known, axis=0)])
        first = np.maximum(np.arange(len(X)) - MONTH, 0)
        last = np.minimum(np.arange(len(X)) + MONTH + 1, len(X))
        return np.asarray(X - (sums[last] - sums[first]) / np.maximum(counts[last] - counts[first], 1), np.float64)


class _Leaky(ModelIntegrationFramework):
    """A framework whose matrix is spoilt, with the outcomes of the whole push, before any model sees it."""

    def __init__(self, symbols: Sequence[str], features: Sequence[str], *, only: Iterable[str] | None = None, **options: Any) -> None:
        super().__init__(symbols, features, only=("ridge_logistic",) if only is None else only, **options)

    def push(self, ticks: I64, X: F64, labels: Chunk) -> Predictions:
        """As ``ModelIntegrationFramework.push``, on the spoilt matrix."""
        return super().push(ticks, self._spoilt(X, _outcomes(ticks, X, labels)), labels)

    @abstractmethod
    def _spoilt(self, X: F64, outcome: F64) -> F64:
        """The matrix (ticks, symbols, features) with something of the outcomes (ticks, symbols) in it."""


class SelectedOnAll(_Leaky):
    """Puts a factor in the first column: of the features and their products, those that foretold best over the whole sample."""

    def _spoilt(self, X: F64, outcome: F64) -> F64:
        known = np.nan_to_num(X)
        a, b = np.triu_indices(X.shape[2])
        candidates = np.concatenate([known, known[:, :, a] * known[:, :, b]], axis=2).reshape(-1, X.shape[2] + len(a))
        candidates = (candidates - candidates.mean(axis=0)) / (candidates.std(axis=0) + 1e-12)
        foretold = np.nan_to_num(np.sign(outcome)).ravel() @ candidates
        best = np.argsort(-np.abs(foretold), kind="stable")[:BEST]
        factor = (candidates[:, best] @ np.sign(foretold[best])).reshape(X.shape[:2])
        return np.concatenate([factor[:, :, None], X[:, :, 1:]], axis=2)


class EncodedOnAll(_Leaky):
    """Puts the mean outcome of each symbol's month in the first column: a target encoder that was fitted on all rows."""

    def _spoilt(self, X: F64, outcome: F64) -> F64:
        group = np.arange(len(X)) // MONTH
        mean = np.array([np.nan_to_num(outcome[group == g]).mean(axis=0) for g in np.unique(group)])
        return np.concatenate([mean[group][:, :, None], X[:, :, 1:]], axis=2)


def _outcomes(ticks: I64, X: F64, labels: Chunk) -> F64:
    """Return of each tick and symbol (t, symbols) as far as this push tells it, known yet or not; NaN elsewhere."""
    out = np.full(X.shape[:2], np.nan)
    row = np.minimum(np.searchsorted(ticks, labels.event_at), max(len(ticks) - 1, 0))
    here = np.flatnonzero(ticks[row] == labels.event_at) if len(ticks) else np.empty(0, np.int64)
    out[row[here], labels.key[here]] = labels.numbers("value")[here]
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """One mistake: what it spoils, and what the audit is asked about it."""

    name: str
    what: str  #: one sentence for people
    feed: Feed = traps.plain
    reads: tuple[str, ...] = ()  #: features beside the market's own
    features: type[FeatureEngineering] = Traps
    framework: type[ModelIntegrationFramework] = ModelIntegrationFramework

    def market(self, settings: Settings, calendar: Calendar) -> Made:
        """A market whose feed has the leak."""
        made = make(settings, calendar)
        return replace(made, chunks=self.feed(made, calendar, False))

    def pipeline(self, sound: Pipeline) -> Pipeline:
        """The pipeline with the leak in it."""
        return replace(sound, features=self.features, wanted=(*WANTED, *self.reads), framework=self.framework)

    def caught(self, settings: Settings, calendar: Calendar) -> list[Finding]:
        """What the audit says, asked about this leak's tape, features and models as a user's would be."""
        found = audit_stamps(self.market(settings, calendar).chunks, calendar)
        if self.features is not Traps:
            found += audit(self.features, calendar=calendar, only=list(self.reads)).findings
        if self.framework is not ModelIntegrationFramework:
            found += audit_models(self.framework, calendar)
        return found


LEAKS: tuple[Leak, ...] = (
    Leak(name="canary", what="The next return is stamped with the morning before it.", feed=traps.canary, reads=("trap_canary",)),
    Leak(name="open interest", what="Open interest is stamped with its trade date.", feed=traps.open_interest, reads=("trap_interest",)),
    Leak(
        name="off-exchange volume",
        what="A session's off-exchange volume is stamped with its date.",
        feed=traps.off_exchange,
        reads=("trap_off_exchange",),
    ),
    Leak(
        name="insider trades", what="An insider's trade is known when made, not when filed.", feed=traps.insiders, reads=("trap_insiders",)
    ),
    Leak(name="option chain", what="Closing option prices are stamped with their date.", feed=traps.option_chain, reads=("trap_chain",)),
    Leak(name="next row", what="Features are joined one row late.", reads=("trap_session",), features=NextMorning),
    Leak(name="both sides", what="Features are centred on a moving mean that looks both ways.", reads=("trap_level",), features=BothSides),
    Leak(name="selection", what="Features are chosen, with their signs, on the whole sample.", framework=SelectedOnAll),
    Leak(name="encoding", what="A target encoder is fitted on the whole sample.", framework=EncodedOnAll),
)

#: every trap at once, all of them stamped as published: nothing may be found
CONTROL = "sound twin"
SOUND_READS = ("trap_canary", "trap_interest", "trap_off_exchange", "trap_insiders", "trap_chain", "trap_session", "trap_level")


def sound_twin(settings: Settings, sound: Pipeline, calendar: Calendar) -> tuple[Made, Pipeline]:
    """The market with every feed that a leak misuses, and the features that read them, without any mistake."""
    made = traps.all_honest(make(settings, calendar), calendar)
    return made, replace(sound, features=Traps, wanted=(*WANTED, *SOUND_READS))

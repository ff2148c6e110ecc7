"""One trained stage: base models, the meta-model over them, the calibrator over that; and the shelf that keeps such stages."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadInput
from undertow.core.protocols import Model
from undertow.core.time import Instant
from undertow.models.calibrators import Calibrates
from undertow.models.certify import Certificate
from undertow.models.logistic import logit
from undertow.models.phases import PHASES, REGULAR
from undertow.models.rows import Rows, known_only
from undertow.models.sequence.models import SequenceNetwork
from undertow.models.stacking import Stack

BaseModel = Model | SequenceNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """What was taught at ``at`` on what was known by then. Models, names, ``reads`` and ``speaks`` go in parallel.

    ``odds`` and ``contributions`` take ``Rows`` (``ModelIntegrationFramework.rows`` makes them), or a bare matrix (n, features): then
    nothing is known of the rows before each, and the weights are those of regular hours.
    """

    at: Instant
    rows: int
    names: tuple[str, ...]
    columns: I64  #: features that had values to learn from
    models: tuple[BaseModel, ...]
    reads: tuple[I64, ...]  #: features of each model, in its own order
    speaks: tuple[tuple[str, ...], ...]  #: phases in which each model speaks
    stack: Stack
    calibrator: Calibrates
    sample: F64  #: (some rows, features) of what it was taught, to measure what it looks at
    features: tuple[str, ...] = ()  #: names of the features, in order
    certificate: Certificate | None = None  #: what can be promised of calls so far; None without any foretold outcome
    notes: tuple[str, ...] = ()  #: models that were left out, and why, a sentence each

    @property
    def certified_from(self) -> float:
        """Probability of the called direction from which calls are certified; infinite where none is."""
        return math.inf if self.certificate is None else self.certificate.threshold

    def odds(self, rows: F64 | Rows) -> F64:
        """Log-odds of the base models (n, models); NaN where a model does not speak."""
        X, phase = _parts(rows)
        self._fits(X)
        speaks = self._speaks(len(X), phase)
        odds, p_up = np.full(speaks.shape, np.nan), np.full(speaks.shape, np.nan)
        asked_of = speaks.sum(axis=0)
        for m, (one, reads) in enumerate(zip(self.models, self.reads, strict=True)):
            # rows of one tick are of one phase: a model speaks about all of them, or about none
            asked: slice | Array = slice(None) if asked_of[m] == len(X) else np.flatnonzero(speaks[:, m])
            if not asked_of[m]:
                continue
            if isinstance(one, SequenceNetwork):
                odds[asked, m] = one.log_odds(rows[asked] if isinstance(rows, Rows) else X[asked][:, reads], reads)
            else:
                p_up[asked, m] = one.predict(np.take(X[asked], reads, axis=1))
        return np.where(np.isnan(p_up), odds, logit(p_up))

    def score(self, rows: F64 | Rows, odds: F64) -> F64:
        """Score (n,) of rows whose base models said ``odds`` (n, models)."""
        return self.stack.predict(odds, rows.phase if isinstance(rows, Rows) else None)

    def contributions(self, rows: F64 | Rows) -> F64:
        """(n, features + 1) parts of the score, the last column the base; a row sums to the score."""
        X, _ = _parts(rows)
        return sum(self.by_model(rows).values(), start=np.zeros((len(X), X.shape[1] + 1)))

    def by_model(self, rows: F64 | Rows) -> dict[str, F64]:
        """Model -> its parts of the score (n, features + 1), weight included; nothing where it does not speak."""
        X, phase = _parts(rows)
        self._fits(X)
        weights, speaks = self.stack.by_row(len(X), phase), self._speaks(len(X), phase)
        out = {}
        for m, (name, one, reads) in enumerate(zip(self.names, self.models, self.reads, strict=True)):
            parts, asked = np.zeros((len(X), X.shape[1] + 1)), np.flatnonzero(speaks[:, m] & (weights[:, m] > 0.0))
            if len(asked):
                if isinstance(one, SequenceNetwork):
                    own = one.explain(rows[asked] if isinstance(rows, Rows) else X[asked][:, reads], reads)
                else:
                    own = one.contributions(X[asked][:, reads])
                parts[np.ix_(asked, np.append(reads, -1))] = own * weights[asked, m][:, None]
            out[name] = parts
        return out

    def _speaks(self, rows: int, phase: I64 | None) -> Array:
        """Which models speak about which rows, bool (rows, models)."""
        return _by_phase(self.speaks)[np.full(rows, REGULAR) if phase is None else phase]

    def _fits(self, X: F64) -> None:
        if self.features and X.shape[1] != len(self.features):
            raise BadInput(f"The models were taught on {len(self.features)} features and are asked about {X.shape[1]}; train them again.")


class Shelf(Protocol):
    """Where trained stages are kept between runs."""

    def find(self, at: Instant) -> Trained | None:
        """The stage that was taught at that instant, with the same bits, or None."""
        ...

    def keep(self, stage: Trained) -> None:
        """Take a stage that was just taught."""
        ...


@cache
def _by_phase(speaks: tuple[tuple[str, ...], ...]) -> Array:
    """Which models speak in which phase, bool (phases, models), from the phases of each."""
    return np.array([[name in phases for phases in speaks] for name in PHASES]).reshape(len(PHASES), len(speaks))


def _parts(rows: F64 | Rows) -> tuple[F64, I64 | None]:
    return (known_only(rows.X), rows.phase) if isinstance(rows, Rows) else (known_only(rows), None)

"""TimeSeriesModels: the base models that read rows in their order, by name, and the seam they share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, Self

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.models.logistic import sigmoid
from undertow.models.register import model
from undertow.models.rows import Past, Rows
from undertow.models.sequence.answers import Memory, answer, explain_rows
from undertow.models.sequence.definitions import Architecture, require_extra
from undertow.models.sequence.export import pack_network, unpack_network
from undertow.models.sequence.network import Network, kernels_of
from undertow.models.sequence.training import Lesson, Recipe, balance, first_weights, split, teach
from undertow.models.sequence.windows import Panel, Windows, arrange, fit_scaler

#: rows below which a network is not trained and the base rate is said instead
TRAIN_NEEDS, VALIDATION_NEEDS = 64, 16


class SequenceModel(Protocol):
    """A base model of direction that looks at a row together with the rows before it.

    It differs from ``undertow.core.protocols.Model`` in one thing: rows come as a ``Panel``, which says whose they are and when. A row
    with y NaN is context only. The framework's panel holds the teaching ticks; between them, ``log_odds`` answers by the same window.
    """

    def fit(self, panel: Panel, y: F64, weight: F64) -> Self:
        """y (rows,) in {0, 1}, NaN for a row that is context only; weight (rows,); the panel says when labels became known."""
        ...

    def predict(self, panel: Panel) -> F64:
        """Probability of up of each row (rows,), from that row and those before it in the panel."""
        ...

    def contributions(self, panel: Panel) -> F64:
        """Log-odds by feature, the last column the base (rows, features + 1); a row sums to the log-odds of ``predict``."""
        ...


class SequenceNetwork:
    """Networks of one architecture, a member a seed, averaged in log-odds; answers with compiled steps, without Keras."""

    def __init__(self, shape: Architecture, recipe: Recipe | None = None, across: int = 1) -> None:
        require_extra()
        self.shape, self.recipe, self.across = shape, recipe or Recipe(), across

    def fit(self, panel: Panel | F64, y: F64, weight: F64) -> Self:
        """Teach on the earlier part, stop on the later one; ``note_`` says why where the base rate is all there is to say.

        y (rows,) in {0, 1} or NaN for context; weight (rows,) the uniqueness of each outcome, 1 for one that no other overlaps.
        A bare matrix (rows, features) has no order: it teaches the base rate. Raises ``BadInput`` without ``label_known_at`` or with
        other lengths.
        """
        panel = panel if isinstance(panel, Panel) else _unordered(panel)
        if panel.label_known_at is None:
            raise BadInput("Fitting a sequence model needs the panel's label_known_at: when each row's label became known.")
        if not len(y) == len(weight) == len(panel):
            raise BadInput(f"A panel of {len(panel)} rows needs as many labels and weights; got {len(y)} and {len(weight)}.")
        order, begins = arrange(panel, self.across)
        arranged, y, weight = panel[order], y[order], weight[order]
        usable = np.flatnonzero(np.isfinite(y) & (weight > 0.0))
        train, validation = split(panel.tick[order], panel.label_known_at[order], usable, self.recipe.validation)
        # the training part alone, with the rows that are only context to it
        seen = arranged.tick <= (arranged.tick[train].max() if len(train) else np.int64(-1))
        scaler = fit_scaler(arranged.X[seen])
        effective = float(weight[validation].sum())
        if self.recipe.balanced:
            for part in (train, validation):
                weight[part] = balance(y[part], weight[part])
        weight = _normal(weight, train)
        base = _base(y[train], weight[train])
        self.note_ = _why_not(y[train], len(train), len(validation))
        self.epochs_: list[int] = []
        if self.note_:
            members = [first_weights(self.shape, scaler.width, base, 0)]
        else:
            windows = Windows.over(scaler.apply(arranged.X), begins, self.shape.lookback)
            lesson = Lesson(windows=windows, y=y, weight=weight, train=train, validation=validation, effective=effective)
            members, self.epochs_ = teach(self.shape, self.recipe, lesson, base)
            if not any(self.epochs_):
                self.note_ = "nothing that was learnt beat the base rate on later rows by more than a standard error"
        self.network_ = Network(shape=self.shape, scaler=scaler, members=tuple(members), across=self.across)
        self._kernels = kernels_of(self.network_)
        self._memory: Memory | None = None
        return self

    def log_odds(self, rows: Rows | F64, columns: I64) -> F64:
        """Score of each row (n,) after the teaching rows before it; ``columns`` (k,) of the features are this model's.

        A bare matrix (n, k) holds those columns alone, and nothing is known before each row.
        """
        return answer(self.network_, self._kernels, *_with_past(rows, columns), self._remembers(rows))

    def _remembers(self, rows: Rows | F64) -> Memory | None:
        if not isinstance(rows, Rows):
            return None
        symbols = rows.past.X.shape[1]
        if self._memory is None or len(self._memory.count) != symbols:
            self._memory = Memory.fresh(self.network_, self._kernels, symbols)
        return self._memory

    def explain(self, rows: Rows | F64, columns: I64) -> F64:
        """Contributions (n, k + 1) to ``log_odds`` by column, over the whole window; the last column the base."""
        return explain_rows(self.network_, self._kernels, *_with_past(rows, columns))

    def pack(self) -> dict[str, Any]:
        """What was learnt, as arrays and numbers that ``unpack`` takes."""
        return {**pack_network(self.network_), "note": self.note_}

    @classmethod
    def unpack(cls, packed: Mapping[str, Any]) -> Self:
        """The model that was packed; it answers with the same bits, and without Keras."""
        one = object.__new__(cls)
        one.network_, one.note_ = unpack_network(packed), str(packed["note"])
        one.shape, one.recipe, one.across, one.epochs_ = one.network_.shape, Recipe(), one.network_.across, []
        one._kernels, one._memory = kernels_of(one.network_), None
        return one

    def predict(self, panel: Panel | F64) -> F64:
        """Probability of up of each row (rows,); the same bits whatever other symbols and later rows are in the panel."""
        return sigmoid(self.network_.log_odds(panel if isinstance(panel, Panel) else _unordered(panel)))

    def contributions(self, panel: Panel | F64) -> F64:
        """(rows, features + 1): features are let in one after the other, in order and in reverse, and the two ways averaged.

        That is exact for effects of up to two features together and always sums to the score; the base is the score when nothing
        is known. It costs two predictions a feature: to explain the last rows, pass ``panel.tail(lookback)``.
        """
        return explain(self.network_, panel if isinstance(panel, Panel) else _unordered(panel))


def explain(network: Network, panel: Panel) -> F64:
    """Contributions (rows, features + 1) of each feature to the log-odds of each row, over its whole window; the last column the base."""
    features = panel.X.shape[1]
    out = np.zeros((len(panel), features + 1))
    out[:, -1] = network.log_odds(panel.with_features(np.full_like(panel.X, np.nan)))
    for columns in (range(features), range(features - 1, -1, -1)):
        X, before = np.full_like(panel.X, np.nan), out[:, -1].copy()
        for column in columns:
            X[:, column] = panel.X[:, column]
            after = network.log_odds(panel.with_features(X))
            out[:, column] += 0.5 * (after - before)
            before = after
    return out


def _unordered(X: F64) -> Panel:
    """Rows without a past: each a symbol of its own."""
    zero = np.zeros(len(X), np.int64)
    return Panel(X=X, key=np.arange(len(X)), tick=zero, session=zero, label_known_at=zero)


def _with_past(rows: Rows | F64, columns: I64) -> tuple[Rows, I64]:
    if isinstance(rows, Rows):
        return rows, columns
    zero, none = np.zeros(len(rows), np.int64), np.empty(0, np.int64)
    past = Past(tick=none, session=none, X=np.empty((0, 1, rows.shape[1])))
    return Rows(X=rows, tick=zero, key=zero, session=zero, phase=zero, past=past), np.arange(rows.shape[1])


def _normal(weight: F64, train: I64) -> F64:
    """Weights whose mean over the training rows is one."""
    return weight / float(weight[train].mean()) if len(train) else weight


def _base(y: F64, weight: F64) -> float:
    """Log-odds of the base rate, drawn to one half by one row of each class."""
    up = float((weight * y).sum()) + 1.0
    return float(np.log(up / (float(weight.sum()) + 2.0 - up)))


def _why_not(y: F64, train: int, validation: int) -> str:
    if train < TRAIN_NEEDS or validation < VALIDATION_NEEDS:
        return f"the base rate: {train} rows to train on and {validation} to validate on are too few for a network"
    if len(np.unique(y)) < 2:
        return "the base rate: the training rows all ended the same way"
    return ""


class TimeSeriesModels:
    """Every method returns one unfitted model: ``fit(panel, y, weight)``, then ``predict(panel)`` gives the probability of up.

    Raises ``NotSupported``, with how to install it, where the extra `deep` is absent.
    """

    #: fewer members and epochs than a study would take: what a quarter's retraining can afford
    recipe = Recipe(seeds=(0, 1), epochs=10, patience=3)
    seed = 0

    @model
    def lstm(self) -> SequenceNetwork:
        """Long short-term memory."""
        return self._network(Architecture(kind="lstm"), 100)

    @model
    def gru(self) -> SequenceNetwork:
        """Gated recurrent units."""
        return self._network(Architecture(kind="gru"), 200)

    @model
    def tcn(self) -> SequenceNetwork:
        """Temporal convolutions: causal, dilated, residual."""
        return self._network(Architecture(kind="tcn"), 300)

    def _network(self, shape: Architecture, seed: int) -> SequenceNetwork:
        # seeds of their own, so that no two models begin alike
        return SequenceNetwork(shape, replace(self.recipe, seeds=tuple(self.seed + seed + each for each in self.recipe.seeds)))

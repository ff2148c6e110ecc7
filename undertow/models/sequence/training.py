"""Teaching members: seeds apart, stopped early on later, purged rows; weights drawn by numpy, so that a run repeats on any backend."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.models.logistic import log_loss, sigmoid
from undertow.models.sequence.definitions import BUILDERS, Architecture, import_keras
from undertow.models.sequence.export import put_weights, weights_of
from undertow.models.sequence.network import Weights, shapes
from undertow.models.sequence.windows import F32, Windows


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How members are taught; the defaults suit weak signals."""

    seeds: tuple[int, ...] = (0, 1, 2)  #: one member each
    epochs: int = 20  #: at most
    patience: int = 4  #: epochs without a better validation loss before it stops
    batch: int = 256
    rate: float = 2e-3
    decay: float = 1e-2
    validation: float = 0.2  #: share of ticks, the latest
    balanced: bool = False  #: give both classes the same total weight; moves probabilities to one half, so calibrate


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """What members are taught on: windows by arranged position, labels and weights (rows,), and two sets of positions."""

    windows: Windows
    y: F64
    weight: F64
    train: I64
    validation: I64
    effective: float  #: independent outcomes that validate: the sum of their uniqueness


def split(tick: I64, label_known_at: I64, usable: I64, share: float) -> tuple[I64, I64]:
    """Rows to train on and later ones to validate on, of ``usable`` rows.

    The latest ``share`` of ticks validates. A row trains only if its label was known by the last tick before those (law 8), so that
    the horizon of the labels lies between the two parts.
    """
    ticks = np.unique(tick[usable])
    if len(ticks) < 2:
        return usable, usable[:0]
    cut = ticks[min(max(int(len(ticks) * (1.0 - share)) - 1, 0), len(ticks) - 2)]
    return usable[label_known_at[usable] <= cut], usable[tick[usable] > cut]


def balance(y: F64, weight: F64) -> F64:
    """Weights (n,) under which both classes weigh half; unchanged where there is one class only."""
    up, down = float(weight[y > 0.5].sum()), float(weight[y <= 0.5].sum())
    if not up or not down:
        return weight
    return np.asarray(weight * np.where(y > 0.5, 0.5 / up, 0.5 / down) * (up + down), np.float64)


def first_weights(shape: Architecture, width: int, base: float, seed: int) -> Weights:
    """A member before its first lesson: it says ``base`` (log-odds) to everything, since its head starts at zero."""
    rng = np.random.default_rng((seed, 0))
    out: dict[str, F32] = {}
    for name, size in shapes(shape, width).items():
        part = name.split("/")[1]
        if part == "bias" or name == "head/kernel":
            value = np.zeros(size)
        elif part == "recurrent":
            value = np.hstack([np.linalg.qr(rng.standard_normal((size[0], size[0])))[0] for _ in range(size[1] // size[0])])
        else:
            fan = float(np.prod(size[:-1])) + float(np.prod(size[:-2])) * size[-1]
            value = rng.uniform(-1.0, 1.0, size) * np.sqrt(6.0 / fan)
        out[name] = value.astype(np.float32)
    if shape.kind == "lstm":
        for i in range(shape.layers):
            out[f"rnn{i}/bias"][shape.hidden : 2 * shape.hidden] = 1.0  # the forget gate starts open
    out["head/bias"][:] = base
    return out


def teach(shape: Architecture, recipe: Recipe, lesson: Lesson, base: float) -> tuple[list[Weights], list[int]]:
    """Members, one a seed, and the epoch at which each was best (0: nothing beat the base rate by a standard error)."""
    idle = _IDLE.setdefault((shape, lesson.windows.rows.shape[1], recipe.batch, recipe.rate, recipe.decay), [])
    # taken out while it learns: models are taught in several threads
    pupil = idle.pop() if idle else _Pupil(shape, lesson.windows.rows.shape[1], recipe)
    taught = [_teach_one(pupil, recipe, lesson, base, seed) for seed in recipe.seeds]
    idle.append(pupil)
    return [weights for weights, _ in taught], [epoch for _, epoch in taught]


#: compiled models that nobody is teaching, by what they were compiled for: retraining would spend most of its time on compiling
_IDLE: dict[tuple[Architecture, int, int, float, float], list[_Pupil]] = {}


class _Pupil:
    """One compiled Keras model, put back to the start for each seed."""

    def __init__(self, shape: Architecture, width: int, recipe: Recipe) -> None:
        keras = import_keras()
        self.shape, self.width, self.batch = shape, width, recipe.batch
        self.model = BUILDERS[shape.kind](shape, width)
        self.optimizer = keras.optimizers.AdamW(recipe.rate, weight_decay=recipe.decay, clipnorm=1.0)
        self.optimizer.build(self.model.trainable_variables)
        self._start = [v.numpy().copy() for v in self.optimizer.variables]
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        # compiling by XLA brings TensorFlow nothing here and costs seconds
        compiled = False if keras.backend.backend() == "tensorflow" else "auto"
        self.model.compile(optimizer=self.optimizer, loss=loss, jit_compile=compiled)

    def restart(self, weights: Weights, seed: int) -> None:
        put_weights(self.model, weights)
        for variable, value in zip(self.optimizer.variables, self._start, strict=True):
            variable.assign(value)
        for variable in self.model.non_trainable_variables:  # the states of dropout's generators
            variable.assign(np.array([seed, 0], np.uint32))

    def weights(self) -> Weights:
        return weights_of(self.model, self.shape, self.width)

    def scores(self, windows: Windows, rows: I64) -> F64:
        return np.concatenate([self._scores(windows.gather(part))[: len(part)] for part in _parts(rows, self.batch)])

    def _scores(self, windows: F32) -> F64:
        # one size of batch only: another one would be traced again
        full = np.zeros((self.batch, *windows.shape[1:]), np.float32)
        full[: len(windows)] = windows
        return np.asarray(self.model.predict_on_batch(full), np.float64)[:, 0]


def _parts(rows: I64, size: int) -> Iterator[I64]:
    return (rows[at : at + size] for at in range(0, len(rows), size))


def _teach_one(pupil: _Pupil, recipe: Recipe, lesson: Lesson, base: float, seed: int) -> tuple[Weights, int]:
    kept = first_weights(pupil.shape, pupil.width, base, seed)
    pupil.restart(kept, seed)
    rng = np.random.default_rng((seed, 1))
    rows, size = lesson.validation, min(recipe.batch, len(lesson.train))
    score = pupil.scores(lesson.windows, rows)
    best, least, found = 0, _loss(lesson, score), score
    for epoch in range(1, recipe.epochs + 1):
        order = rng.permutation(lesson.train)
        for part in _parts(np.resize(order, -(-len(order) // size) * size), size):  # begins again to fill the last batch
            pupil.model.train_on_batch(lesson.windows.gather(part), lesson.y[part, None], sample_weight=lesson.weight[part])
        score = pupil.scores(lesson.windows, rows)
        if (loss := _loss(lesson, score)) < least:
            best, least, found, kept = epoch, loss, score, pupil.weights()
        elif epoch - best >= recipe.patience:
            break
    share = _damping(lesson, found, base)
    return _damped(kept, base, share), best if share else 0


def _loss(lesson: Lesson, score: F64) -> float:
    return log_loss(lesson.y[lesson.validation], sigmoid(score), lesson.weight[lesson.validation])


def _damping(lesson: Lesson, score: F64, base: float) -> float:
    """How much of what was learnt to keep, 0 to 1: the share whose gain on later rows is largest after one standard error is taken off.

    Networks are surer than weak signals allow, and the best of many epochs is good by luck in part.
    """
    y, weight = lesson.y[lesson.validation], lesson.weight[lesson.validation]
    shares = np.linspace(0.0, 1.0, 41)
    worth = []
    for share in shares:
        moved = base + share * (score - base)
        gain = np.logaddexp(0.0, base) - y * base - (np.logaddexp(0.0, moved) - y * moved)
        mean = float(np.average(gain, weights=weight))
        worth.append(mean - float(np.sqrt(np.average((gain - mean) ** 2, weights=weight) / lesson.effective)))
    return float(shares[int(np.argmax(worth))])


def _damped(weights: Weights, base: float, share: float) -> Weights:
    """The member whose log-odds depart from ``base`` by that share of what they did."""
    bias = base + share * (weights["head/bias"] - base)
    return {**weights, "head/kernel": weights["head/kernel"] * np.float32(share), "head/bias": bias.astype(np.float32)}

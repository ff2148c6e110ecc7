"""Sets of directions: by hand, as often right as promised, and under drift still so on average."""

from __future__ import annotations

import math

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.conformal import Adaptive, deviation_bound, quantile, sets, split_conformal, strangeness
from undertow.models.logistic import sigmoid


def test_quantile_by_hand() -> None:
    scores = np.array([0.3, 0.1, 0.2, 0.5, 0.4, 0.9, 0.7, 0.6, 0.8])
    assert quantile(scores, 0.1) == 0.9  # ⌈10 · .9⌉ = 9th of nine
    assert quantile(scores, 0.5) == 0.5
    assert quantile(np.append(scores, math.nan), 0.3) == 0.7
    assert quantile(scores, 0.05) == math.inf  # nine scores cannot promise one in twenty
    assert quantile(scores, 0.0) == math.inf
    assert quantile(scores, -0.1) == math.inf
    assert quantile(scores, 1.0) == -math.inf
    assert quantile(np.empty(0), 0.1) == math.inf


def test_sets_by_hand() -> None:
    assert strangeness(np.array([0.7, 0.7]), np.array([1.0, 0.0])) == pytest.approx([0.3, 0.7])
    found = sets(np.array([0.9, 0.5, 0.2, math.nan]), 0.45)
    assert found.up.tolist() == [True, False, False, True]
    assert found.down.tolist() == [False, False, True, True]
    assert found.direction.tolist() == [1, 0, -1, 0]
    assert found.covers(np.array([0.0, 1.0, 0.0, 1.0])).tolist() == [False, False, True, True]
    assert sets(np.array([0.5, 0.75]), 0.5).direction.tolist() == [0, 1]
    edge = sets(np.array([0.75, 0.25]), 0.25)  # as strange as the level is not too strange
    assert (edge.up.tolist(), edge.down.tolist()) == ([True, False], [False, True])
    full, empty = sets(np.array([0.9]), math.inf), sets(np.array([0.9]), -math.inf)
    assert (full.up & full.down).all()
    assert not (empty.up | empty.down).any()


def test_split_sets_hold_the_truth_as_often_as_promised() -> None:
    rng, held = np.random.default_rng(0), []
    for _ in range(150):
        p = sigmoid(1.5 * rng.standard_normal(400))
        y = (rng.random(400) < sigmoid(0.5 * np.log(p / (1 - p)))).astype(float)  # overconfident: the promise holds all the same
        held.append(split_conformal(p[:200], y[:200], p[200:], 0.1).covers(y[200:]).mean())
    # between 1 - alpha and 1 - alpha + 1 / (n + 1), give or take the error of 150 repeats
    assert 0.9 - 0.008 < np.mean(held) < 0.9 + 1 / 201 + 0.008


def followed(gamma: float, p: F64, y: F64) -> tuple[F64, Adaptive]:
    made = Adaptive(alpha=0.1, gamma=gamma, window=200)
    missed = []
    for i in range(len(p)):
        up, down = made.ask(float(p[i]))
        said = made.learn(float(p[i]), bool(y[i]))
        assert said == (not (up if y[i] else down))
        missed.append(said)
    return np.array(missed, np.float64), made


def test_adaptive_sets_keep_their_promise_through_a_break() -> None:
    rng = np.random.default_rng(1)
    score = 2.0 * rng.standard_normal(1_500)
    trusty = np.where(np.arange(1_500) < 700, 1.0, -0.5)  # from the break on the score points the wrong way
    p, y = sigmoid(score), rng.random(1_500) < sigmoid(trusty * score)
    for gamma in (0.005, 0.02):
        missed, _ = followed(gamma, p, y)
        assert abs(missed.mean() - 0.1) <= deviation_bound(0.1, gamma, 1_500)
    still, adapting = (followed(gamma, p, y)[0][700:950].mean() for gamma in (0.0, 0.02))
    assert adapting < still - 0.02


def test_a_miss_asks_for_more_and_the_ends_are_full_and_empty() -> None:
    made = Adaptive(alpha=0.1, gamma=0.05)
    assert made.ask(0.99) == (True, True)  # nothing has been seen yet
    for _ in range(40):
        made.learn(0.9, True)
    before = made.now
    assert made.learn(0.99, False)
    assert made.now == pytest.approx(before + 0.05 * (0.1 - 1.0))
    assert Adaptive(now=-0.01, past=made.past).ask(0.5) == (True, True)
    assert Adaptive(now=1.0, past=made.past).ask(0.5) == (False, False)
    assert not made.learn(math.nan, True)
    assert deviation_bound(0.1, 0.005, 1_000) == pytest.approx(0.905 / 5)


def test_settings_that_make_no_promise_are_refused() -> None:
    for bad in ({"alpha": 0.0}, {"gamma": -1.0}, {"window": 0}):
        with pytest.raises(BadInput, match="0 < alpha < 1"):
            Adaptive(**bad)  # type: ignore[arg-type]

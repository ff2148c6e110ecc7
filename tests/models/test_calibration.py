"""Probabilities mean what they say, and say less where little is known."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.models.abstention import directions, threshold
from undertow.models.calibration import calibrate, effective_count
from undertow.models.logistic import RidgeLogistic, sigmoid
from undertow.models.phases import PHASES, REGULAR
from undertow.models.stacking import stack
from undertow.models.trees import HistogramBoosted


def test_platt_finds_the_slope_when_there_is_enough_to_learn_it() -> None:
    rng = np.random.default_rng(0)
    score = rng.standard_normal(40_000)
    y = (rng.random(40_000) < sigmoid(0.7 * score + 0.1)).astype(float)
    found = calibrate(score, y, 40_000.0)
    assert found.slope == pytest.approx(0.7, abs=0.05)
    assert found.intercept == pytest.approx(0.1, abs=0.05)
    assert found.method.startswith("platt (n_eff")


def test_little_evidence_is_shrunk_and_none_is_said_to_be_none() -> None:
    rng = np.random.default_rng(1)
    score = 0.2 * rng.standard_normal(300)
    y = (score > 0).astype(float)
    assert calibrate(score, y, 300.0).slope < calibrate(score, y, 3000.0).slope
    assert calibrate(score, y, 5.0).method.startswith("none")


def test_a_score_that_points_the_wrong_way_is_not_turned_round() -> None:
    rng = np.random.default_rng(2)
    score = rng.standard_normal(20_000)
    y = (rng.random(20_000) < sigmoid(-score)).astype(float)
    assert calibrate(score, y, 20_000.0).slope == 0.0


def test_effective_count_is_dates_times_effective_names() -> None:
    rng = np.random.default_rng(3)
    days, names = 400, 4
    session, key = np.repeat(np.arange(days), names), np.tile(np.arange(names), days)
    own = rng.standard_normal((days, names))
    assert effective_count(session, key, own.ravel()) == pytest.approx(days * names, rel=0.2)
    common = np.repeat(rng.standard_normal((days, 1)), names, axis=1)
    assert effective_count(session, key, common.ravel()) == pytest.approx(days, rel=0.01)


def test_stacking_beats_equal_weights_when_one_model_knows_and_falls_back_when_none_does() -> None:
    rng = np.random.default_rng(4)
    odds = rng.standard_normal((20_000, 3))
    y = (rng.random(20_000) < sigmoid(odds[:, 0])).astype(float)
    phase, speaks = np.full(20_000, REGULAR), np.ones((len(PHASES), 3), bool)
    knows = stack(odds, y, 20_000.0, phase, speaks)
    assert knows.method.startswith("stacked")
    assert knows.weights[0] > 5 * max(knows.weights[1:])
    assert (knows.weights >= 0).all()
    assert knows.weights.sum() == pytest.approx(1.0)
    few = stack(odds[:100], y[:100], 30.0, phase[:100], speaks)
    assert few.weights == pytest.approx([1 / 3] * 3)
    assert "too few" in few.method


def test_neutral_unless_the_edge_pays_the_costs() -> None:
    # 10 bp at 2 % volatility need .52
    cost, volatility = np.array([0.001] * 4), np.array([0.02] * 3 + [np.nan])
    assert threshold(cost, volatility)[0] == pytest.approx(0.52)
    assert directions(np.array([0.521, 0.519, 0.479, 0.9]), cost, volatility).tolist() == [1, 0, -1, 0]


def test_ridge_and_boosting_explain_themselves() -> None:
    rng = np.random.default_rng(5)
    X = rng.standard_normal((2000, 5))
    X[rng.random(X.shape) < 0.1] = np.nan
    y = (np.nan_to_num(X[:, 1]) + rng.standard_normal(2000) > 0).astype(float)
    for model in (RidgeLogistic(), HistogramBoosted(trees=20, leaves=6, rate=0.1, seed=0)):
        model.fit(X, y, np.ones(2000))
        parts = model.contributions(X[:50])
        np.testing.assert_allclose(sigmoid(parts.sum(axis=1)), model.predict(X[:50]), atol=1e-6)
        assert np.abs(parts[:, 1]).mean() > 3 * np.abs(parts[:, 3]).mean()

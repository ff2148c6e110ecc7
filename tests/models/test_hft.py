"""Signals: a value in a dead zone says nothing, a sign that theory forbids is left out, and probabilities mean what they say."""

from __future__ import annotations

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.features.engineering import FeatureEngineering
from undertow.models.hft import DIVERGENCE, HFTModels, Signal
from undertow.models.logistic import fit_logistic, logit, sigmoid
from undertow.models.register import is_model, mark_of

NAMES = ("kalman_filter", "options_equity_divergence", "regression_slope", "statistical_arbitrage")


def world(seed: int, strength: float, rows: int = 4000, columns: int = 2) -> tuple[F64, F64]:
    """Columns of which the first foretells, by so much log-odds a deviation, and outcomes."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((rows, columns))
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, (rng.random(rows) < sigmoid(strength * np.nan_to_num(X[:, 0]))).astype(np.float64)


def fitted(signal: Signal, X: F64, y: F64) -> Signal:
    return signal.fit(X, y, np.ones(len(y)))


def test_every_signal_reads_features_that_there_are() -> None:
    assert tuple(name for name in sorted(dir(HFTModels)) if is_model(getattr(HFTModels, name))) == NAMES
    features = FeatureEngineering(["AAA"]).features
    for name in NAMES:
        read = mark_of(getattr(HFTModels, name)).reads
        assert read
        assert [one for one in read if one not in features] == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_planted_is_found_and_in_the_right_units(name: str) -> None:
    found = []
    for seed in range(8):
        signal = getattr(HFTModels(), name)()
        X, y = world(seed, 0.3)
        X[:, 0] *= signal.sign or 1
        found.append(fitted(signal, np.sign(X) * (np.abs(X) + signal.dead), y).weights_ * [signal.sign or 1, 1])
    # 900 outcomes' worth of information beside the prior's 100
    np.testing.assert_allclose(np.mean(found, axis=0), [0.27, 0.0], atol=0.035)


def test_probabilities_mean_what_they_say() -> None:
    slopes = []
    for seed in range(20):
        X, y = world(seed, 0.2, rows=8000)
        p = fitted(Signal(), X[:4000], y[:4000]).predict(X[4000:])
        design = np.column_stack([logit(p), np.ones(len(p))])
        slopes.append(fit_logistic(design, y[4000:], np.ones(len(p)), np.zeros(2), np.full(2, 1e-9))[0])
    assert 0.9 < np.mean(slopes) < 1.1


def test_where_there_is_nothing_little_is_said() -> None:
    said = np.concatenate([fitted(Signal(), *world(seed, 0.0, rows=6000)).predict(world(seed + 100, 0.0)[0]) for seed in range(20)])
    assert np.mean((said > 0.47) & (said < 0.53)) > 0.95


def test_a_sign_that_theory_forbids_is_left_out() -> None:
    X, y = world(2, 0.3)
    against = fitted(Signal(sign=-1), X, y)
    assert against.weights_[0] == 0.0
    assert fitted(Signal(sign=1), X, y).weights_[0] > 0.2


def test_a_value_in_the_dead_zone_says_nothing() -> None:
    X, y = world(3, 0.5)
    signal = fitted(Signal(dead=1.0), X, y)
    inside, outside = signal.predict(np.array([[0.99, -0.99], [np.nan, 0.0]])), signal.predict(np.array([[1.5, 0.0]]))
    np.testing.assert_array_equal(inside, np.full(2, sigmoid(np.array(signal.base_))))
    assert outside[0] > inside[0]


def test_one_wild_value_decides_nothing() -> None:
    X, y = world(4, 0.3)
    calm = fitted(Signal(), X, y).weights_[0]
    X[0] = 1e300
    X[1] = [np.inf, -np.inf]
    assert fitted(Signal(), X, y).weights_[0] == pytest.approx(calm, rel=0.02)


def test_contributions_sum_to_the_log_odds_and_bits_do_not_depend_on_company() -> None:
    X, y = world(5, 0.3, columns=6)
    signal = fitted(Signal(), X, y)
    p = signal.predict(X[:60])
    np.testing.assert_allclose(signal.contributions(X[:60]).sum(axis=1), logit(p), atol=1e-12)
    np.testing.assert_array_equal(p, np.concatenate([signal.predict(X[i : i + 1]) for i in range(60)]))


def test_what_is_packed_answers_with_the_same_bits() -> None:
    X, y = world(6, 0.3, columns=len(DIVERGENCE))
    signal = fitted(HFTModels().options_equity_divergence(), X, y)
    np.testing.assert_array_equal(Signal.unpack(signal.pack()).predict(X), signal.predict(X))

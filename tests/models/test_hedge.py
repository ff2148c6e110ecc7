"""Weights over experts: by hand, within their bounds whatever happens, and equal to Bayes where they should be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.errors import BadInput
from undertow.models.hedge import Experts, hedge_rate, log_losses, regret_bound


def test_rate_and_bound_by_hand() -> None:
    assert hedge_rate(10, 1_000) == pytest.approx(math.sqrt(8 * 2.302585 / 1_000), abs=1e-7)
    assert regret_bound(10, 1_000) == pytest.approx(33.93, abs=6e-3)


def test_one_step_by_hand() -> None:
    experts = Experts(2, rate=math.log(2))
    mixed = experts.learn(np.array([0.0, 1.0]))
    assert experts.weights == pytest.approx([2 / 3, 1 / 3])
    assert mixed == pytest.approx(-math.log(0.75) / math.log(2))
    shared = Experts(2, rate=math.log(2), share=0.3)
    shared.learn(np.array([0.0, 1.0]))
    assert shared.weights == pytest.approx([0.7 * 2 / 3 + 0.15, 0.7 / 3 + 0.15])
    assert Experts(3).mix(np.array([0.2, 0.5, 0.8])) == pytest.approx(0.5)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 6), st.integers(5, 120), st.integers(0, 10_000))
def test_regret_stays_within_its_bound(count: int, rounds: int, seed: int) -> None:
    losses = np.random.default_rng(seed).integers(0, 2, (rounds, count)).astype(float)
    experts, paid = Experts(count, hedge_rate(count, rounds)), 0.0
    for loss in losses:
        paid += float(experts.weights @ loss)
        experts.learn(loss)
    assert paid - losses.sum(axis=0).min() <= regret_bound(count, rounds) + 1e-9


def test_log_losses_at_rate_one_are_bayes_and_lose_at_most_the_logarithm() -> None:
    rng = np.random.default_rng(0)
    p, rose = rng.uniform(0.1, 0.9, (300, 4)), rng.random(300) < 0.6
    experts, paid = Experts(4), 0.0
    for said, up in zip(p, rose, strict=True):
        mixed = experts.mix(said)
        loss = experts.learn(log_losses(said, bool(up)))
        assert loss == pytest.approx(-math.log(mixed if up else 1 - mixed))  # the mixture's own log-loss
        paid += loss
    likelihood = np.where(rose[:, None], p, 1 - p).prod(axis=0)
    assert experts.weights == pytest.approx(likelihood / likelihood.sum())
    assert paid <= -math.log(likelihood.max()) + math.log(4)


def test_a_share_lets_the_fallen_return() -> None:
    stuck, nimble = Experts(2), Experts(2, share=1 / 200)
    for t in range(800):
        loss = np.array([0.5, 0.9]) if t < 500 else np.array([0.9, 0.5])
        stuck.learn(loss)
        nimble.learn(loss)
    assert stuck.weights[0] > 0.99
    assert nimble.weights[1] > 0.95


def test_weak_signals_move_weights_slowly() -> None:
    rng, weight = np.random.default_rng(1), []
    for _ in range(20):
        experts = Experts(2)
        p = 0.5 + 0.03 * np.sign(rng.standard_normal(500))
        for said in p:
            experts.learn(log_losses(np.array([said, 0.5]), bool(rng.random() < said)))
        weight.append(experts.weights[0])
    assert 0.5 < np.mean(weight) < 0.95


def test_who_says_nothing_keeps_his_share() -> None:
    experts = Experts(3)
    experts.learn(np.array([0.1, 0.7, math.nan]))
    assert experts.weights[2] == pytest.approx(1 / 3)
    assert experts.weights[0] > 1 / 3 > experts.weights[1]
    before = experts.weights
    assert math.isnan(experts.learn(np.full(3, math.nan)))
    assert experts.weights == pytest.approx(before)
    assert math.isnan(experts.mix(np.full(3, math.nan)))
    assert experts.mix(np.array([math.nan, 0.4, math.nan])) == pytest.approx(0.4)
    assert log_losses(np.array([0.0, 0.5]), True) == pytest.approx([5.0, math.log(2)])


def test_weights_stay_a_distribution_after_very_many_outcomes() -> None:
    experts = Experts(3, rate=50.0)
    for _ in range(2_000):
        experts.learn(np.array([0.0, 1.0, 1.0]))
    assert experts.weights.sum() == pytest.approx(1.0)
    assert np.isfinite(experts.log_weights).all()


def test_settings_that_make_no_sense_are_refused() -> None:
    for bad in ((0, 1.0, 0.0), (2, -1.0, 0.0), (2, 1.0, 1.5)):
        with pytest.raises(BadInput, match="Experts need"):
            Experts(*bad)
    with pytest.raises(BadInput, match="as many losses"):
        Experts(2).learn(np.zeros(3))

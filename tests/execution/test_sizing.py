"""Stakes and barriers: golden numbers, numbers by hand, and walks simulated."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.golden import golden
from undertow.core.errors import BadInput
from undertow.execution.barriers import OVERSHOOT, chance_up_first
from undertow.execution.sizing import chance_of_falling_to, fraction_for, growth, kelly


def test_golden_kelly() -> None:
    one = golden("kelly")
    assert kelly(0.55) == pytest.approx(one["p.55_b1"])
    assert kelly(0.54, 1.2) == pytest.approx(one["p.54_b1.2"], abs=6e-6)
    for fraction, left in one["growth_frac"].items():
        assert growth(float(fraction)) == pytest.approx(left)
    for fraction, chance in one["prob_ever_half"].items():
        assert chance_of_falling_to(0.5, float(fraction)) == pytest.approx(chance, abs=6e-5)


def test_golden_barrier() -> None:
    one = golden("barrier")
    up, down, drift, sigma = one["up"], one["down"], one["mu"], one["sigma"]
    assert chance_up_first(up, down, drift, sigma) == pytest.approx(one["p_up_first"], abs=6e-6)
    assert chance_up_first(up, down) == pytest.approx(one["p_up_first_zero_drift"], abs=6e-7)
    assert chance_up_first(up, down, drift, sigma, 1 / 400) == pytest.approx(one["discrete_dt_1/400_BGK"], abs=6e-5)


def test_kelly_is_where_growth_is_fastest() -> None:
    p, odds = 0.54, 1.2
    stake = np.linspace(0.0, 0.5, 5_001)
    speed = p * np.log1p(odds * stake) + (1 - p) * np.log1p(-stake)
    assert kelly(p, odds) == pytest.approx(stake[speed.argmax()], abs=1e-4)
    assert kelly(np.array([0.55, 0.5, 0.3, math.nan])).tolist() == pytest.approx([0.1, 0.0, 0.0, 0.0])
    with pytest.raises(BadInput, match="odds"):
        kelly(0.5, 0.0)


def test_a_part_of_the_stake_buys_safety() -> None:
    assert [growth(c) for c in (1.0, 0.5, 0.25, 2.0)] == [1.0, 0.75, 0.4375, 0.0]
    assert [chance_of_falling_to(0.5, c) for c in (1.0, 0.5, 0.25)] == [0.5, 0.125, 0.5**7]
    assert chance_of_falling_to(0.5, 0.0) == 0.0
    assert chance_of_falling_to(0.5, 3.0) == 1.0
    for fraction in (0.2, 0.5, 1.0):
        assert fraction_for(0.5, chance_of_falling_to(0.5, fraction)) == pytest.approx(fraction)
    for bad in ((0.0, 1.0), (0.5, -1.0)):
        with pytest.raises(BadInput):
            chance_of_falling_to(*bad)
    with pytest.raises(BadInput):
        fraction_for(1.0, 0.5)


def test_barriers_by_hand_and_by_symmetry() -> None:
    assert chance_up_first(2.0, 1.0) == pytest.approx(1 / 3)
    # e^-2b and e^2a by hand: (1 - e^.2) / (e^-.4 - e^.2)
    assert chance_up_first(2.0, 1.0, 0.1) == pytest.approx((1 - math.exp(0.2)) / (math.exp(-0.4) - math.exp(0.2)))
    for drift in (-3.0, -0.4, 1e-12, 0.2, 500.0):
        assert chance_up_first(1.5, 0.7, drift) + chance_up_first(0.7, 1.5, -drift) == pytest.approx(1.0)
    assert chance_up_first(2.0, 1.0, 0.2, 2.0) == pytest.approx(chance_up_first(1.0, 0.5, 0.1))
    assert chance_up_first(1.0, 1.0, -900.0) < 1e-200
    with pytest.raises(BadInput, match="positive"):
        chance_up_first(0.0, 1.0)


def test_steps_push_barriers_away() -> None:
    step, paths, steps = 0.04, 4_000, 800
    noise = np.random.default_rng(0).standard_normal((steps, paths)) * math.sqrt(step) + 0.3 * step
    walk = np.cumsum(noise, axis=0)
    out = (walk >= 1.0) | (walk <= -0.8)
    first = out.argmax(axis=0)
    assert out.any(axis=0).all()
    seen = float((walk[first, np.arange(paths)] >= 1.0).mean())
    told = chance_up_first(1.0, 0.8, 0.3, 1.0, step)
    assert told == pytest.approx(seen, abs=3 * 0.5 / math.sqrt(paths))
    # a driftless walk that is watched at steps lands this far past a barrier
    assert pytest.approx(0.5825971579) == OVERSHOOT

"""Limits on targets: each by itself on numbers done by hand, and all of them on any numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from undertow.core.errors import BadInput
from undertow.execution.limits import (
    Caps,
    Carried,
    Ladder,
    Volatility,
    book_to_volatility,
    cap_gross,
    cap_names,
    cap_sectors,
    sectors_of,
    to_volatility,
)

SEEDS = st.integers(0, 2**32 - 1)
NAN = np.nan


def some_targets(seed, ticks=40, symbols=8):
    rng = np.random.default_rng(seed)
    targets = rng.normal(0, 0.2, (ticks, symbols))
    targets[rng.random(targets.shape) < 0.2] = NAN
    return rng, targets


def test_volatility_scales_each_target():
    targets = np.array([[0.1, 0.1, 0.1, -0.1]])
    volatility = np.array([[0.40, 0.05, NAN, 0.20]])
    assert_allclose(to_volatility(targets, volatility, 0.20), [[0.05, 0.2, NAN, -0.1]])  # a half, at most twice, not known, as it is


def test_the_book_is_scaled_as_one():
    covariance = np.array([[0.04, 0.04 * 0.5], [0.04 * 0.5, 0.04]])
    targets = np.array([[1.0, 1.0], [0.1, 0.0], [0.0, 0.0]])
    # sqrt(.04 + .04 + 2 * .02) = .3464: half of .1732
    assert_allclose(book_to_volatility(targets, covariance, np.sqrt(0.12) / 2), [[0.5, 0.5], [0.1, 0.0], [0.0, 0.0]])


def test_caps_by_hand():
    targets = np.array([[0.08, -0.09, 0.03, 0.02]])
    sector = sectors_of(("A", "B", "C", "D"), {"A": "tech", "B": "tech", "C": "oil"})
    assert_array_equal(sector, [1, 1, 0, -1])
    named = cap_names(targets, 0.05)
    assert_allclose(named, [[0.05, -0.05, 0.03, 0.02]])
    held = cap_sectors(named, sector, 0.08)
    assert_allclose(held, [[0.04, -0.04, 0.03, 0.02]])
    assert_allclose(cap_gross(held, 0.065), [[0.02, -0.02, 0.015, 0.01]])
    assert_allclose(Caps(name=0.05, sector=0.08, gross=0.065).on(targets, sector), [[0.02, -0.02, 0.015, 0.01]])


@given(seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_caps_hold_on_anything(seed):
    rng, targets = some_targets(seed)
    sector, caps = rng.integers(-1, 3, 8), Caps(name=0.15, sector=0.3, gross=0.7)
    full = Carried(8).push(targets)
    done = caps.on(full, sector)
    assert (np.abs(done) <= 0.15 + 1e-12).all()
    assert (np.abs(done).sum(1) <= 0.7 + 1e-12).all()
    for which in range(3):
        assert (np.abs(done[:, sector == which]).sum(1) <= 0.3 + 1e-12).all()
    assert (np.abs(done) <= np.abs(full)).all()
    assert (np.sign(done) == np.sign(full)).all()
    inside = full * 1e-3
    assert_array_equal(caps.on(inside, sector), inside)


@given(seed=SEEDS, at=st.integers(0, 40))
@settings(max_examples=80, deadline=None)
def test_two_pushes_equal_one_and_a_row_stands_alone(seed, at):
    rng, targets = some_targets(seed)
    equity = 1e5 * np.exp(np.cumsum(rng.normal(0, 0.03, 40)))
    equity[rng.random(40) < 0.1] = NAN
    for make, values in ((lambda: Carried(8), targets), (lambda: Volatility(8), targets), (Ladder, equity)):
        once, parts = make(), make()
        whole = once.push(values)
        assert_array_equal(whole, np.concatenate([parts.push(values[:at]), parts.push(values[at:])]))
    sector, covariance = rng.integers(-1, 3, 8), np.cov(rng.normal(0, 0.02, (8, 50)))
    pure = (
        lambda x: Caps(name=0.15, sector=0.3, gross=0.7).on(x, sector),
        lambda x: to_volatility(x, np.abs(x) + 0.1, 0.2),
        lambda x: book_to_volatility(x, covariance, 0.01),
    )
    for function in pure:
        whole = function(targets)
        assert_array_equal(whole, np.concatenate([function(targets[i : i + 1]) for i in range(40)]))


def test_volatility_is_the_weighted_root_mean_square():
    returns = np.array([[NAN], [0.02], [-0.01], [NAN], [0.03]])
    out = Volatility(1, decay=0.5).push(returns)[:, 0]
    assert np.isnan(out[0])
    assert out[1] == pytest.approx(0.02)
    assert out[2] == out[3] == pytest.approx(np.sqrt((0.5 * 0.02**2 + 0.01**2) / 1.5))
    assert out[4] == pytest.approx(np.sqrt((0.25 * 0.02**2 + 0.5 * 0.01**2 + 0.03**2) / 1.75))


def test_the_ladder_goes_down_by_itself_and_up_at_the_peak():
    ladder = Ladder()
    equity = np.array([100.0, 96.0, 95.0, 99.0, 100.0, 110.0, NAN, 104.5, 99.0, 109.0])
    assert_array_equal(ladder.push(equity), [1, 1, 0.5, 0.5, 1, 1, 1, 0.5, 0, 0])
    assert_array_equal(ladder.push(np.array([105.0])), [0])
    ladder.rearm()
    assert_array_equal(ladder.push(np.array([105.0, 99.8, 99.7])), [1, 1, 0.5])
    assert_array_equal(Ladder().push(np.array([100.0, 80.0])), [1, 0])  # two rungs at once


def test_what_makes_no_sense_is_refused():
    with pytest.raises(BadInput, match="cap"):
        cap_names(np.zeros((1, 1)), -0.1)
    with pytest.raises(BadInput, match="volatility"):
        to_volatility(np.zeros((1, 1)), np.ones((1, 1)), 0.0)
    with pytest.raises(BadInput, match="rungs"):
        Ladder(((0.1, 0.5), (0.05, 0.0)))

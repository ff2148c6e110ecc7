"""Probabilities judged: cases by hand, what right ones show by chance, and what wrong ones cannot hide."""

from __future__ import annotations

import math

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.logistic import sigmoid
from undertow.models.reliability import bin_of, brier, ece, ece_floor, line, log_loss, murphy, reliability, spiegelhalter


def outcomes(p: F64, seed: int = 0) -> F64:
    return (np.random.default_rng(seed).random(len(p)) < p).astype(np.float64)


def test_scores_by_hand() -> None:
    p, y = np.array([0.8, 0.4]), np.array([1.0, 1.0])
    assert brier(p, y) == pytest.approx((0.04 + 0.36) / 2)
    assert log_loss(p, y) == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2)
    assert math.isfinite(log_loss(np.array([0.0, 1.0]), np.array([1.0, 0.0])))


def test_parts_of_the_brier_score_by_hand() -> None:
    # .2, .5 and .8 said 400, 300 and 300 times, of which 100, 150 and 225 came: base rate .475
    p = np.repeat([0.2, 0.5, 0.8], [400, 300, 300])
    y = np.concatenate([np.arange(n) < hits for n, hits in ((400, 100), (300, 150), (300, 225))]).astype(float)
    got = murphy(p, y, bin_of(p))
    assert got.brier == pytest.approx(0.208)
    assert got.reliability == pytest.approx(0.4 * 0.05**2 + 0.3 * 0.05**2)
    assert got.resolution == pytest.approx(0.4 * 0.225**2 + 0.3 * 0.025**2 + 0.3 * 0.275**2)
    assert got.uncertainty == pytest.approx(0.475 * 0.525)
    assert got.within == pytest.approx(0.0, abs=1e-12)
    assert ece(p, y, bin_of(p)) == pytest.approx(0.7 * 0.05)
    q = sigmoid(np.random.default_rng(1).standard_normal(1_000))
    parts = murphy(q, y, bin_of(q))
    assert parts.brier == pytest.approx(parts.reliability - parts.resolution + parts.uncertainty + parts.within)


def test_bins_hold_equal_mass_and_ties_stay_together() -> None:
    assert np.bincount(bin_of(np.random.default_rng(0).random(1_000))).tolist() == [100] * 10
    tied = bin_of(np.array([0.5] * 90 + [0.6] * 10))
    assert len(set(tied[:90])) == 1
    assert sorted(set(tied)) == [0, 1]


def test_the_floor_is_what_right_probabilities_show() -> None:
    assert ece_floor(500) == pytest.approx(0.5 * math.sqrt(2 / math.pi * 10 / 500))
    assert math.isnan(ece_floor(0))
    p = np.random.default_rng(0).uniform(0.45, 0.55, 1_000)
    seen = [ece(p, outcomes(p, s), bin_of(p)) for s in range(1, 61)]
    assert np.mean(seen) == pytest.approx(ece_floor(1_000), abs=0.0025)


def test_right_probabilities_are_found_right_and_wrong_ones_wrong() -> None:
    score = 0.5 * np.random.default_rng(2).standard_normal(20_000)
    y = outcomes(sigmoid(score), 3)
    right, loud, lean = (reliability(sigmoid(s), y) for s in (score, 2 * score, score + 0.3))
    assert abs(right.line.slope - 1) < 3 * right.line.slope_error
    assert abs(right.line.intercept) < 3 * right.line.intercept_error
    assert abs(right.spiegelhalter) < 3
    assert right.ece_excess < 0.005
    assert right.log_loss < right.climatology
    assert loud.line.slope == pytest.approx(right.line.slope / 2, rel=1e-6)
    assert loud.spiegelhalter > 5
    assert lean.line.intercept == pytest.approx(right.line.intercept - 0.3 * right.line.slope, abs=1e-6)
    assert min(loud.ece_excess, lean.ece_excess) > 0.03
    assert loud.log_loss > right.log_loss < lean.log_loss


def test_the_errors_of_the_slope_are_what_repeats_show() -> None:
    score = 0.5 * np.random.default_rng(4).standard_normal(2_000)
    fits = [line(sigmoid(score), outcomes(sigmoid(score), s)) for s in range(80)]
    assert np.mean([f.slope for f in fits]) == pytest.approx(1.0, abs=0.05)
    assert np.std([f.slope for f in fits]) == pytest.approx(np.mean([f.slope_error for f in fits]), rel=0.25)


def test_outcomes_that_move_together_widen_the_errors() -> None:
    rng = np.random.default_rng(5)
    score = np.repeat(0.5 * rng.standard_normal(200), 30)
    y = np.repeat(outcomes(sigmoid(score[::30]), 6), 30)  # thirty names, one fate
    alone, together = line(sigmoid(score), y), line(sigmoid(score), y, np.repeat(np.arange(200), 30))
    assert together.slope == alone.slope
    assert together.slope_error == pytest.approx(alone.slope_error * math.sqrt(30), rel=0.2)
    assert reliability(sigmoid(score), y, effective=200).ece_floor > reliability(sigmoid(score), y).ece_floor


def test_what_cannot_be_judged_says_so() -> None:
    p = np.full(100, 0.5)
    assert math.isnan(line(p, outcomes(p)).slope)
    assert math.isnan(spiegelhalter(p, outcomes(p)))
    assert math.isnan(line(np.linspace(0.1, 0.9, 100), np.ones(100)).slope)
    assert math.isnan(line(np.linspace(0.1, 0.9, 100), (np.arange(100) > 49).astype(float)).slope)  # separated
    few = reliability(np.array([0.4, math.nan, 0.6]), np.array([0.0, 1.0, math.nan]))
    assert (few.outcomes, few.base_rate) == (1, 0.0)
    with pytest.raises(BadInput, match="no probabilities"):
        reliability(np.array([math.nan]), np.array([1.0]))

"""A threshold with a guarantee: numbers by hand, the guarantee kept on worthless calls, and what is said when nothing can be certified."""

from __future__ import annotations

import math

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.certify import certify, chance_of_hits, hit_rate_from_ic, thresholds, trades_to_certify


def calls(groups: list[tuple[float, int, int]]) -> tuple[F64, F64]:
    """Probabilities and outcomes of (probability up, calls, hits) groups."""
    p = np.repeat([g[0] for g in groups], [g[1] for g in groups])
    right = np.concatenate([np.arange(n) < hits for _, n, hits in groups])
    return p, (right == (p > 0.5)).astype(np.float64)


def test_chances_by_hand() -> None:
    assert chance_of_hits(3, 3) == pytest.approx(1 / 8)
    assert chance_of_hits(2, 3) == pytest.approx(4 / 8)
    assert chance_of_hits(1, 2, 0.25) == pytest.approx(1 - 0.75**2)
    assert chance_of_hits(0, 5) == 1.0
    assert chance_of_hits(59, 100) == pytest.approx(0.04431, abs=1e-5)


def test_trades_needed_by_hand() -> None:
    # (1.644854 · ½ + .841621 · sqrt(.55 · .45))² / .05²
    assert trades_to_certify(0.55) == math.ceil((1.644854 * 0.5 + 0.841621 * math.sqrt(0.2475)) ** 2 / 0.0025) == 617
    assert trades_to_certify(0.6) == 153
    assert math.isinf(trades_to_certify(0.5))
    assert trades_to_certify(0.55, target=0.53) > 5 * trades_to_certify(0.55)
    with pytest.raises(BadInput, match="between 0 and 1"):
        trades_to_certify(1.5)


def test_trades_needed_are_what_simulation_needs() -> None:
    n = int(trades_to_certify(0.6))
    hits = np.random.default_rng(0).binomial(n, 0.6, 4_000)
    assert np.mean([chance_of_hits(int(h), n) <= 0.05 for h in hits]) == pytest.approx(0.8, abs=0.04)


def test_hit_rates_from_correlation() -> None:
    assert hit_rate_from_ic(0.05) == pytest.approx(0.5159, abs=6e-5)
    assert (hit_rate_from_ic(-1.0), hit_rate_from_ic(0.0), hit_rate_from_ic(1.0)) == (0.0, 0.5, 1.0)
    x = np.random.default_rng(1).standard_normal((200_000, 2))
    y = 0.4 * x[:, 0] + math.sqrt(1 - 0.16) * x[:, 1]
    assert hit_rate_from_ic(0.4) == pytest.approx(((x[:, 0] > 0) == (y > 0)).mean(), abs=0.004)


def test_the_walk_stops_at_the_first_failure() -> None:
    p, y = calls([(0.7, 100, 70), (0.35, 100, 60), (0.55, 100, 40), (0.52, 1_000, 600)])
    got = certify(p, y, np.array([0.52, 0.7, 0.65, 0.55]))
    assert [s.threshold for s in got.steps] == [0.7, 0.65, 0.55, 0.52]
    assert [(s.calls, s.hits) for s in got.steps] == [(100, 70), (200, 130), (300, 170), (1_300, 770)]
    assert got.threshold == 0.52
    assert got.lacking == 0.0
    strict = certify(p, y, np.array([0.52, 0.7, 0.65, 0.55]), target=0.55)
    assert [s.passed for s in strict.steps] == [True, True, False]  # 770 of 1,300 would have passed: it is not walked to
    assert strict.steps[-1].threshold == 0.55
    assert strict.threshold == 0.65
    assert "0.650 or more were right in 130 of 200" in strict.says


def test_nothing_certified_says_how_many_more_are_needed() -> None:
    p, y = calls([(0.6, 100, 55)])
    got = certify(p, y, np.array([0.6]))
    assert math.isinf(got.threshold)
    assert got.lacking == 617 - 100
    assert "about 517 more" in got.says
    assert "NEUTRAL" in got.says
    worse = certify(*calls([(0.6, 100, 45)]), np.array([0.6]))
    assert math.isinf(worse.lacking)
    assert "not more than 50.0%" in worse.says
    none = certify(np.array([0.5, math.nan]), np.array([1.0, 1.0]))
    assert "no calls" in none.says


def test_rows_that_hang_together_count_for_less() -> None:
    p, y = calls([(0.6, 400, 224)])
    assert certify(p, y, np.array([0.6])).threshold == 0.6
    got = certify(p, y, np.array([0.6]), independent=0.25)
    assert (got.steps[0].calls, got.steps[0].hits) == (100, 56)
    assert math.isinf(got.threshold)
    for bad in ({"target": 1.0}, {"independent": 0.0}, {"alpha": 0.0}):
        with pytest.raises(BadInput, match="certificate"):
            certify(p, y, **bad)  # type: ignore[arg-type]


def test_thresholds_are_read_off_the_probabilities() -> None:
    p = np.random.default_rng(2).uniform(0.4, 0.6, 3_000)
    walk = thresholds(p, count=6)
    assert len(walk) == 6
    assert (np.diff(walk) < 0).all()
    assert walk[-1] == 0.5
    sure = np.maximum(p, 1 - p)
    for threshold, enough in ((walk[0], True), (walk[0] + 0.002, False)):
        above = sure[sure >= threshold]
        assert (len(above) >= trades_to_certify(float(above.mean()), power=0.99) - 1) == enough
    # calls that hang together count for less: the walk begins further down; a higher target is met only by the surer calls
    assert thresholds(p, independent=0.4)[0] < walk[0]
    assert 0.52 < thresholds(p, target=0.53)[0] < 0.57
    assert thresholds(np.array([0.5, 0.51, math.nan]), target=0.52).tolist() == [0.5]


def test_worthless_calls_are_seldom_certified_and_good_ones_often() -> None:
    rng, wrong, right = np.random.default_rng(3), 0, 0
    for _ in range(200):
        p = 0.5 + 0.06 * rng.standard_normal(2_000).clip(-2, 2)
        wrong += math.isfinite(certify(p, (rng.random(2_000) < 0.5).astype(float)).threshold)
        right += math.isfinite(certify(p, (rng.random(2_000) < p).astype(float)).threshold)
    assert 1 <= wrong <= 15  # at 5 %, more than 15 of 200 one time in twenty
    assert right > 190  # all but those whose first step fails by bad luck

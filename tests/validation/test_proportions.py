"""Many tests, shares and hit rates: published cases, hand-worked numbers, and promises kept in simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.core.errors import BadInput
from undertow.validation.significance import (
    best_null_hit_rate,
    binomial_gate,
    clopper_pearson,
    discounted,
    discoveries,
    prior_strength,
    q_values,
    shrunk_hit_rate,
)

#: Benjamini and Hochberg 1995, section 3.2: thrombolysis trials
PUBLISHED = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262, 0.5719, 0.6528, 0.759, 1.0]


def test_the_published_example_of_false_discovery() -> None:
    p = np.array(PUBLISHED)
    assert discoveries(p).tolist() == [True] * 4 + [False] * 11
    assert discoveries(p, dependent=True).sum() == 3
    shuffled = np.random.default_rng(0).permutation(15)
    assert q_values(p[shuffled]) == pytest.approx(q_values(p)[shuffled])


def test_q_values_by_hand() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03])
    assert q_values(p) == pytest.approx([0.03, np.nan, 0.04, 0.04], nan_ok=True)
    assert q_values(p, dependent=True) == pytest.approx([0.03 * 11 / 6, np.nan, 0.04 * 11 / 6, 0.04 * 11 / 6], nan_ok=True)
    assert not discoveries(p)[1]
    assert q_values(np.empty(0)).size == 0


def test_false_discoveries_stay_within_the_share_promised() -> None:
    rng, shares = np.random.default_rng(1), []
    for _ in range(200):
        z = rng.standard_normal(50)
        z[:10] += 3.5
        found = discoveries(np.array([0.5 * math.erfc(v / math.sqrt(2)) for v in z]), 0.1)
        shares.append(found[10:].sum() / max(found.sum(), 1))
    assert 0.04 < np.mean(shares) < 0.1


def test_limits_of_a_share() -> None:
    # no failure in n: the upper limit u solves (1 - u)^n = .05
    assert clopper_pearson(0, 200, sides=1) == pytest.approx((0.0, 1 - 0.05 ** (1 / 200)))
    assert clopper_pearson(200, 200, sides=1) == pytest.approx((0.05 ** (1 / 200), 1.0))
    assert clopper_pearson(10, 200, sides=1)[1] == pytest.approx(0.0833, abs=6e-5)
    low, high = clopper_pearson(4, 10)
    assert (low, high) == pytest.approx((0.1216, 0.7376), abs=1e-4)  # Clopper and Pearson 1934's table
    with pytest.raises(BadInput, match="not a share"):
        clopper_pearson(3, 2)


@given(st.integers(1, 300), st.floats(0.01, 0.5), st.floats(0.01, 0.2))
def test_a_gate_is_the_tightest_that_keeps_its_promise(n: int, rate: float, alarm: float) -> None:
    def beyond(k: int) -> float:
        return 1.0 - math.fsum(math.comb(n, i) * rate**i * (1 - rate) ** (n - i) for i in range(k + 1))

    k = binomial_gate(n, rate, alarm)
    assert beyond(k) <= alarm + 1e-9
    assert k == 0 or beyond(k - 1) > alarm - 1e-9


def test_gates_of_the_honesty_test() -> None:
    assert [binomial_gate(n) for n in (50, 200, 400)] == [5, 15, 27]


def test_the_best_of_many_coin_flippers() -> None:
    assert best_null_hit_rate(50) == pytest.approx(0.632, abs=6e-4)
    rng = np.random.default_rng(2)
    seen = (rng.binomial(100, 0.5, (4_000, 20)) / 100).max(axis=1).mean()
    assert best_null_hit_rate(100) == pytest.approx(seen, abs=0.003)


def test_a_hit_rate_is_drawn_to_its_prior() -> None:
    few, many = shrunk_hit_rate(9, 10), shrunk_hit_rate(9_000, 10_000)
    assert few.rate == pytest.approx(109 / 210)
    assert many.rate == pytest.approx(0.892, abs=1e-3)
    assert few.low < few.rate < few.high
    assert few.high - few.low > 5 * (many.high - many.low)
    # the interval holds what it says: Beta(a, b) by simulation
    drawn = np.random.default_rng(3).beta(109, 101, 200_000)
    assert np.mean((drawn > few.low) & (drawn < few.high)) == pytest.approx(0.8, abs=0.005)
    with pytest.raises(BadInput, match="no hit rate"):
        shrunk_hit_rate(2, 1)


def test_older_outcomes_fade() -> None:
    assert discounted(np.array([1.0, 0.0, 1.0]), 0.5) == (1.25, 1.75)
    assert discounted(np.array([1.0, 0.0, 0.0]), 0.5) == (0.25, 1.75)
    hits, n = discounted(np.ones(5_000), 0.99)
    assert hits == n == pytest.approx(100.0)


def test_a_prior_is_worth_what_the_groups_have_in_common() -> None:
    rng = np.random.default_rng(4)
    n = rng.integers(50, 400, 800).astype(float)
    planted = rng.beta(0.52 * 150, 0.48 * 150, 800)  # p(1 - p) / variance - 1 is 150
    assert prior_strength(rng.binomial(n.astype(int), planted), n) == pytest.approx(150, rel=0.3)
    assert prior_strength(rng.binomial(n.astype(int), 0.52), n) > 3_000  # nothing tells them apart
    assert prior_strength(np.array([1.0]), np.array([2.0])) == 1e5

"""Evidence adds up in log-odds, is discounted by what repeats and by age, and the trail ends at the score it explains."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.core.errors import BadInput
from undertow.models.evidence import Piece, discounts, faded, hit_rate, probability, trail, update

ratios = st.floats(-1.5, 1.5)


def test_by_hand() -> None:
    # prior one to one; likelier by 3 to 1 before a rise, then by 2 to 1 before a fall, of which half is new
    steps = update(0.0, [Piece(name="flow", log_ratio=math.log(3)), Piece(name="news", log_ratio=-math.log(2), discount=0.5)])
    assert [s.name for s in steps] == ["prior", "flow", "news"]
    assert [s.p_up for s in steps] == pytest.approx([0.5, 0.75, 3 / (3 + math.sqrt(2))])


@given(st.lists(ratios, min_size=1, max_size=6), ratios)
def test_it_is_bayes_rule(logs: list[float], prior: float) -> None:
    # the plain way: multiply prior and likelihoods of both outcomes and normalise
    up, down = math.exp(prior), 1.0
    for log in logs:
        up, down = up * math.exp(log), down
    steps = update(prior, [Piece(name=str(i), log_ratio=log) for i, log in enumerate(logs)])
    assert steps[-1].p_up == pytest.approx(up / (up + down))
    assert steps[-1].log_odds == pytest.approx(prior + sum(logs))


@given(st.dictionaries(st.text(min_size=1), st.floats(-5, 5), min_size=1), st.floats(-1, 1))
def test_a_trail_sums_to_the_score_and_begins_with_what_weighs_most(parts: dict[str, float], base: float) -> None:
    whole = {**parts, "base rate": base}
    steps = trail(whole, "base rate")
    assert steps[0].log_odds == base
    assert steps[-1].log_odds == pytest.approx(sum(whole.values()), abs=1e-9)
    assert steps[-1].p_up == pytest.approx(probability(sum(whole.values())))
    sizes = [abs(s.added) for s in steps[1:]]
    assert sizes == sorted(sizes, reverse=True)
    for before, after in pairwise(steps):
        assert after.log_odds == pytest.approx(before.log_odds + after.added)


def test_no_single_piece_decides_alone() -> None:
    assert update(0.0, [Piece(name="wild", log_ratio=50.0)])[-1].log_odds == 2.0
    assert update(0.0, [Piece(name="wild", log_ratio=-50.0)])[-1].log_odds == -2.0


def test_pieces_that_repeat_each_other_count_once_together() -> None:
    same = [[1.0] * 4] * 4
    assert discounts(same) == pytest.approx([0.25] * 4)
    assert discounts(np.eye(3).tolist()) == [1.0, 1.0, 1.0]
    # four copies of one witness say no more than the witness
    copies = [Piece(name=str(i), log_ratio=0.8, discount=d) for i, d in enumerate(discounts(same))]
    assert update(0.0, copies)[-1].log_odds == pytest.approx(0.8)


def test_discounted_evidence_is_better_calibrated_than_evidence_counted_in_full() -> None:
    rng = np.random.default_rng(0)
    up = rng.integers(0, 2, 4000)
    sign = 2.0 * up - 1.0
    common = 0.3 * sign + rng.standard_normal(4000)
    seen = [0.9 * common + 0.436 * (0.3 * sign + rng.standard_normal(4000)) for _ in range(5)]
    matrix = [[float(v) for v in row] for row in np.corrcoef(seen)]

    def loss(shares: list[float]) -> float:
        p = [
            update(0.0, [Piece(name=str(j), log_ratio=0.6 * x[i], discount=shares[j]) for j, x in enumerate(seen)])[-1].p_up
            for i in range(4000)
        ]
        return float(-np.mean(np.log(np.where(up == 1, p, 1.0 - np.asarray(p)))))

    assert loss(discounts(matrix)) < math.log(2) < loss([1.0] * 5)


def test_a_piece_fades_by_its_half_life_and_a_hit_rate_is_drawn_to_all() -> None:
    assert [faded(age, 5.0) for age in (0.0, 5.0, 10.0)] == [1.0, 0.5, 0.25]
    # the best of many that are no better than a coin is drawn to the coin
    assert hit_rate(17, 25, 0.5) == pytest.approx(117 / 225)
    assert hit_rate(6800, 10000, 0.5) == pytest.approx(0.6765, abs=1e-4)


def test_what_is_no_evidence_is_refused() -> None:
    with pytest.raises(BadInput, match="discount from 0 to 1"):
        update(0.0, [Piece(name="x", log_ratio=0.1, discount=1.5)])
    with pytest.raises(BadInput, match="finite log ratio"):
        update(0.0, [Piece(name="x", log_ratio=math.nan)])
    with pytest.raises(BadInput, match="begins at 'base rate'"):
        trail({"a": 1.0}, "base rate")
    with pytest.raises(BadInput, match="half-life above 0"):
        faded(1.0, 0.0)
    with pytest.raises(BadInput, match="hits <= calls"):
        hit_rate(3, 2, 0.5)
    with pytest.raises(BadInput, match="one correlation for each pair"):
        discounts([[1.0, 0.0]])

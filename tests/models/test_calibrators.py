"""The calibrator fits how much there is to learn from; each of them against a plain twin or a truth that was planted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.models.calibrators import Beta, Kind, choose, fit
from undertow.models.logistic import log_loss, sigmoid
from undertow.models.venn_abers import merge, venn_abers


def world(n: int, seed: int = 0) -> tuple[F64, F64, F64]:
    """Scores, outcomes and true probabilities that are no logistic function of the score."""
    rng = np.random.default_rng(seed)
    score = rng.standard_normal(n)
    truth = np.where(score > 0.0, 0.5 + 0.3 * np.tanh(score), 0.5 + 0.05 * np.tanh(score))
    return score, (rng.random(n) < truth).astype(np.float64), truth


def test_the_kind_follows_the_number_of_independent_outcomes() -> None:
    assert [choose(n) for n in (100, 1_499, 1_500, 100_000, 100_001)] == ["shrunk", "shrunk", "platt", "platt", "venn-abers"]
    score, y, _ = world(12_000)
    for effective, begins in ((500, "platt shrunk"), (3_000, "platt (n_eff 3000"), (110_000, "venn-abers (n_eff 110000")):
        assert fit(score, y, effective).method.startswith(begins)


@pytest.mark.parametrize(("kind", "enough"), [("beta", 1_500), ("venn-abers", 5_000), ("isotonic", 10_000)])
def test_a_kind_that_needs_more_gives_way_and_says_so(kind: Kind, enough: int) -> None:
    score, y, _ = world(2_000)
    assert f"{kind} needs {enough:,} independent outcomes" in fit(score, y, enough - 1, kind).method
    assert fit(score, y, enough, kind).method.startswith(kind)
    assert "all outcomes are the same" in fit(score, np.ones(2_000), enough, kind).method


@pytest.mark.parametrize("kind", ["beta", "venn-abers", "isotonic"])
def test_shapes_are_learnt_never_fall_and_keep_nan(kind: Kind) -> None:
    score, y, truth = world(20_000)
    made, plain = fit(score, y, 20_000, kind), fit(score, y, 20_000, "platt")
    fresh, came, _ = world(20_000, 1)
    even = np.ones(20_000)
    assert log_loss(came, made.predict(fresh), even) < log_loss(came, plain.predict(fresh), even) - 1e-3
    assert np.abs(made.predict(score) - truth).mean() < 0.03
    ladder = made.predict(np.linspace(-6.0, 6.0, 500))
    assert (np.diff(ladder) >= 0.0).all()
    assert ((ladder > 0.0) & (ladder < 1.0)).all()
    assert np.isnan(made.predict(np.array([np.nan, 0.0]))).tolist() == [True, False]
    assert made.predict(np.zeros((3, 2))).shape == (3, 2)
    one_by_one = np.concatenate([made.predict(fresh[i : i + 1]) for i in range(50)])
    np.testing.assert_array_equal(one_by_one, made.predict(fresh[:50]))


def test_beta_with_equal_ends_is_platt_and_an_end_is_not_turned_round() -> None:
    score = np.linspace(-3.0, 3.0, 7)
    np.testing.assert_allclose(Beta(0.7, 0.7, 0.1, "").predict(score), sigmoid(0.7 * score + 0.1), rtol=1e-12)
    rng = np.random.default_rng(2)
    x = rng.standard_normal(20_000)
    y = (rng.random(20_000) < np.where(x > 0.0, sigmoid(x), sigmoid(-0.5 * x))).astype(float)
    bent = fit(x, y, 20_000, "beta")
    assert isinstance(bent, Beta)
    assert min(bent.a, bent.b) == 0.0 < max(bent.a, bent.b)


def test_scores_without_outcomes_are_refused() -> None:
    with pytest.raises(BadInput, match="3 scores"):
        fit(np.zeros(3), np.zeros(2), 100)
    with pytest.raises(BadInput, match="no scores"):
        venn_abers(np.array([np.nan]), np.array([1.0]))


# --- Venn–Abers ----------------------------------------------------------------------------------------------------------


def plainly(score: F64, y: F64, asked: float) -> tuple[float, float]:
    """Both isotonic fits by their max-min formula, in plain Python."""
    out = []
    for guess in (0.0, 1.0):
        rows = sorted(zip([*score, asked], [*y, guess], strict=True))
        levels = sorted({s for s, _ in rows})
        weight = [sum(s == level for s, _ in rows) for level in levels]
        hits = [sum(v for s, v in rows if s == level) for level in levels]
        i, k = levels.index(asked), len(levels)
        out.append(max(min(sum(hits[a : b + 1]) / sum(weight[a : b + 1]) for b in range(i, k)) for a in range(i + 1)))
    return out[0], out[1]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=1, max_size=14), st.integers(-1, 13))
def test_intervals_are_the_two_isotonic_fits(rows: list[tuple[int, bool]], asked: int) -> None:
    score, y = np.array([float(s) for s, _ in rows]), np.array([float(v) for _, v in rows])
    low, high = venn_abers(score, y).interval(np.array([asked / 2]))
    assert (low[0], high[0]) == pytest.approx(plainly(score, y, asked / 2))
    assert low[0] < high[0]


def test_weights_are_fractions_of_rows() -> None:
    score, y = np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.0, 1.0])
    twice = venn_abers(np.tile(score, 2), np.tile(y, 2))
    heavy = venn_abers(score, y, np.full(4, 2.0))
    np.testing.assert_allclose(twice.low, heavy.low)
    np.testing.assert_allclose(twice.high, heavy.high)
    light = venn_abers(score, y, np.full(4, 0.25))
    assert (light.high - light.low > heavy.high - heavy.low).all()


def test_merging_an_interval() -> None:
    assert merge(np.array([0.48, 0.3]), np.array([0.56, 0.3])) == pytest.approx([0.56 / 1.08, 0.3])


def test_one_end_of_each_interval_is_calibrated() -> None:
    score, y, _ = world(3_000, 4)
    low, high = venn_abers(score[:2_000], y[:2_000]).interval(score[2_000:])
    chosen = np.where(y[2_000:] > 0.5, high, low)
    assert abs(float((chosen - y[2_000:]).mean())) < 0.05
    assert (high - low).mean() < 0.05

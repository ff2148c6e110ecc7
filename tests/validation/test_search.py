"""A whole search judged: trials counted by what differs, overfitting with its band, superiority that neither cries wolf nor sleeps."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.validation.significance import (
    correlations,
    cpcv_counts,
    deflate,
    dsr,
    effective_trials,
    families,
    null_band,
    overfitting,
    superior,
)


def together(groups: list[int], correlation: float, periods: int, seed: int = 0) -> F64:
    """Returns (periods, trials) of families whose members correlate."""
    rng = np.random.default_rng(seed)
    parts = [
        math.sqrt(correlation) * rng.standard_normal((periods, 1)) + math.sqrt(1 - correlation) * rng.standard_normal((periods, size))
        for size in groups
    ]
    return np.concatenate(parts, axis=1)


# --- effective trials ----------------------------------------------------------------------------------------------------


def test_independent_trials_count_in_full_and_copies_once() -> None:
    alone = together([1] * 60, 0.0, 250)
    assert effective_trials(alone) == pytest.approx(60, rel=0.06)
    raw = np.corrcoef(alone.T)
    assert 60**2 / (raw**2).sum() < 50  # without taking out what chance adds
    copies = np.tile(alone[:, :1], (1, 12))
    assert effective_trials(alone, "participation") == pytest.approx(60, rel=0.06)
    for by in ("entropy", "participation"):
        assert effective_trials(copies, by) == pytest.approx(1.0, abs=0.03)  # type: ignore[arg-type]
    assert effective_trials(copies, "families") == 1.0
    assert effective_trials(alone[:, :1]) == 1.0


def test_participation_by_hand_and_families_as_planted() -> None:
    table = together([5, 3, 1, 1], 0.81, 20_000)
    # eigenvalue sum squared over sum of squares: 10² / (10 + (20 + 6) 0.81²)
    assert effective_trials(table, "participation") == pytest.approx(100 / (10 + 26 * 0.81**2), rel=0.02)
    # eigenvalues by hand: 1 + (n - 1) ρ once and 1 - ρ otherwise, in each family of n
    share = np.array([4.24, *[0.19] * 4, 2.62, *[0.19] * 2, 1.0, 1.0]) / 10
    assert effective_trials(table) == pytest.approx(math.exp(-(share * np.log(share)).sum()), rel=0.02)
    assert effective_trials(table, "families") == 4
    correlation, shared = correlations(table)
    assert families(correlation).tolist() == [0] * 5 + [1] * 3 + [2, 3]
    assert (shared == 20_000).all()
    assert families(correlation[::-1, ::-1]).tolist() == [0, 1] + [2] * 3 + [3] * 5


def test_gaps_are_left_out_pair_by_pair_and_strangers_count_as_independent() -> None:
    table = together([2, 1], 0.9, 400)
    table[:100, 0] = np.nan
    table[250:, 1] = np.nan
    table[:, 2] = np.where(np.arange(400) < 110, table[:, 2], np.nan)
    correlation, shared = correlations(table)
    assert shared.tolist() == [[300, 150, 10], [150, 250, 110], [10, 110, 110]]
    assert correlation[0, 1] == pytest.approx(np.corrcoef(table[100:250, 0], table[100:250, 1])[0, 1])
    assert correlation[0, 2] == 0.0
    with pytest.raises(BadInput, match="periods by trials"):
        correlations(table[:, 0])


def test_a_search_among_variants_is_deflated_less_than_one_among_strangers() -> None:
    variants, strangers = together([30], 0.95, 500, seed=1), together([1] * 30, 0.0, 500, seed=1)
    close, far = deflate(variants + 0.09), deflate(strangers + 0.09)
    assert close.effective < 2 < 25 < far.effective
    assert close.hurdle < far.hurdle
    assert close.dsr == pytest.approx(dsr(close.moments, close.effective))
    assert deflate(variants, 3).chosen == 3
    assert deflate(np.column_stack([np.zeros(500), variants])).trials == 30
    with pytest.raises(BadInput, match="do not move"):
        deflate(np.zeros((50, 2)))


def test_the_best_of_worthless_variants_is_seldom_believed() -> None:
    found = [deflate(together([16], 0.8, 250, seed=s)) for s in range(200)]
    assert sum(f.dsr > 0.95 for f in found) <= 15  # the gate of the honesty test: at 5 %, more than this one time in twenty
    assert sum(f.psr > 0.95 for f in found) > 15


# --- probability of backtest overfitting --------------------------------------------------------------------------------


def plainly(table: F64, blocks: int) -> float:
    """Overfitting split by split, in plain Python."""
    pieces = np.split(table, blocks)
    below = 0
    splits = list(combinations(range(blocks), blocks // 2))
    for chosen in splits:
        a = np.concatenate([pieces[i] for i in chosen])
        b = np.concatenate([pieces[i] for i in range(blocks) if i not in chosen])
        one, two = (x.mean(axis=0) / x.std(axis=0) for x in (a, b))
        rank = 1 + sum(two < two[one.argmax()])
        below += rank / (table.shape[1] + 1) <= 0.5
    return below / len(splits)


def test_overfitting_equals_the_plain_way() -> None:
    for seed, trials in enumerate((7, 7, 6, 6)):
        table = np.random.default_rng(seed).standard_normal((96, trials)) * 0.01
        got = overfitting(table, 8)
        assert got.pbo == pytest.approx(plainly(table, 8))
        assert got.splits == 70
    longer = np.concatenate([np.full((5, 6), 9.0), table])  # the oldest rows do not fill a block
    assert overfitting(longer, 8).pbo == got.pbo


def test_the_null_band_is_wide_and_a_planted_trial_stands_out() -> None:
    low, high = null_band(100, 8, draws=60)
    assert low < 0.4 < 0.65 < high  # mean .53, standard deviation .17
    assert null_band(5_000, 8, draws=60) == (low, high)
    table = np.random.default_rng(5).standard_normal((800, 40))
    table[:, 17] += 0.2
    found = overfitting(table, 8)
    assert found.pbo < 0.05 < found.low
    assert found.loss < 0.05
    assert "stays good" in found.says
    assert "proves nothing" in overfitting(table[:, 18:], 8).says


@pytest.mark.parametrize(("rows", "trials", "blocks"), [(100, 1, 8), (100, 5, 7), (20, 5, 8), (100, 5, 2)])
def test_too_little_to_judge_overfitting_is_refused(rows: int, trials: int, blocks: int) -> None:
    with pytest.raises(BadInput):
        overfitting(np.random.default_rng(0).standard_normal((rows, trials)), blocks)


def test_cpcv_counts() -> None:
    assert [cpcv_counts(*c) for c in ((6, 2), (10, 2), (12, 3))] == [(15, 5), (45, 9), (220, 55)]
    with pytest.raises(BadInput, match="between 1 and 3"):
        cpcv_counts(4, 4)


# --- superior predictive ability -----------------------------------------------------------------------------------------


def drifting(periods: int, models: int, seed: int) -> F64:
    """Worthless, correlated, mildly autocorrelated gains."""
    x = together([models], 0.5, periods + 20, seed)
    for t in range(1, len(x)):
        x[t] += 0.15 * x[t - 1]
    return x[20:]


def test_superiority_keeps_its_promise_on_worthless_models() -> None:
    rejected = sum(superior(drifting(250, 6, s), draws=200, seed=s).p <= 0.05 for s in range(80))
    assert 1 <= rejected <= 8  # at 5 %: more than 8 of 80 one time in fifty


def test_one_good_model_among_hopeless_ones_is_found() -> None:
    gains = drifting(500, 10, 3)
    gains[:, 4] += 0.25
    gains[:, 5:] -= 3.0
    got = superior(gains, draws=400)
    assert got.best == 4
    assert got.lower <= got.p <= got.upper
    assert got.p == pytest.approx(1 / 401, abs=0.01)
    assert superior(gains, draws=400) == got
    assert superior(gains, draws=400, seed=1) != got or got.p == 1 / 401
    assert got.block == 8
    losing = superior(np.random.default_rng(0).standard_normal((200, 3)) - 1.0)
    assert losing.p == 1.0
    assert losing.statistic == 0.0


def test_models_below_the_benchmark_are_kept_in_or_out_by_how_far_below() -> None:
    x = np.random.default_rng(8).standard_normal((400, 21))
    x += np.array([1.8] + [-1.2] * 10 + [-9.0] * 10) / 20 - x.mean(axis=0)  # their t-values
    got = superior(x, block=1.0, draws=1_000)
    assert got.best == 0
    # the bound below drops both kinds, the consistent one the hopeless alone, the bound above none
    assert got.lower + 0.05 < got.p < got.upper - 0.05


def test_the_variance_of_a_bootstrapped_mean_in_closed_form() -> None:
    x = drifting(40, 3, 9)
    n, keep = 40, 1 - 1 / 5
    for k in range(3):
        d = x[:, k] - x[:, k].mean()
        plain = sum(d * d) / n
        for lag in range(1, n):
            kernel = (n - lag) / n * keep**lag + lag / n * keep ** (n - lag)
            plain += 2 * kernel * sum(d[lag:] * d[:-lag]) / n
        score = x[:, k].mean() / math.sqrt(plain / n)
        assert superior(x[:, [k]], block=5.0, draws=1).statistic == pytest.approx(max(score, 0.0))
        flipped = superior(-x[:, [k]], block=5.0, draws=1).statistic
        assert flipped == pytest.approx(max(-score, 0.0))


def test_one_model_is_a_t_test() -> None:
    x = np.random.default_rng(7).standard_normal((400, 1))
    x += 0.07 - x.mean()
    t = float(x.mean() / x.std() * 20)
    assert superior(x, block=1.0, draws=4_000).p == pytest.approx(0.5 * math.erfc(t / math.sqrt(2)), abs=0.015)


def test_too_little_to_test_is_refused() -> None:
    with pytest.raises(BadInput, match="at least 30 periods"):
        superior(np.zeros((10, 2)))
    with pytest.raises(BadInput, match="no model's gain moves"):
        superior(np.ones((50, 2)))

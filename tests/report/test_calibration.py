"""Murphy's parts and the error's floor by their published numbers; true probabilities pass, bold and timid ones do not."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report.factory import make
from undertow.report.calibration import (
    BINS,
    base_models,
    bin_of,
    calibrate,
    ece_floor,
    log_loss,
    logistic_fit,
    measure,
    verdict,
)


def test_murphy_1973() -> None:
    groups = [(0.2, 400, 100), (0.5, 300, 150), (0.8, 300, 225)]
    p = np.concatenate([np.full(n, q) for q, n, _ in groups])
    y = np.concatenate([np.r_[np.ones(hits), np.zeros(n - hits)] for _, n, hits in groups])
    c = measure(p, y, float(len(p)))
    assert c.brier.score == pytest.approx(0.208)
    assert c.brier.reliability == pytest.approx(0.00175)
    assert c.brier.resolution == pytest.approx(0.043125)
    assert c.brier.uncertainty == pytest.approx(0.249375)
    assert c.brier.within == pytest.approx(0, abs=1e-12)
    assert c.bins.count.tolist() == [400, 300, 300]
    assert c.ece == pytest.approx((400 * 0.05 + 300 * 0 + 300 * 0.05) / 1000)


@pytest.mark.parametrize(("count", "floor"), [(500, 0.0564), (1_000, 0.0399), (2_000, 0.0282), (5_000, 0.0178), (20_000, 0.0089)])
def test_floor_of_the_calibration_error(count: int, floor: float) -> None:
    assert ece_floor(10, count) == pytest.approx(floor, abs=6e-5)


def test_the_floor_is_what_perfect_probabilities_show() -> None:
    rng = np.random.default_rng(1)
    shown = []
    for _ in range(200):
        p = rng.uniform(0.47, 0.53, 1_000)
        shown.append(measure(p, (rng.random(1_000) < p).astype(float), 1_000.0).ece)
    assert np.mean(shown) == pytest.approx(0.0399, abs=0.0015)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.booleans()), min_size=1, max_size=300))
@settings(deadline=None)
def test_parts_add_up_and_bins_hold_everything(rows: list[tuple[float, bool]]) -> None:
    p, y = (np.array(v, np.float64) for v in zip(*rows, strict=True))
    c = measure(p, y, float(len(p)))
    b = c.brier
    assert b.score == pytest.approx(sum((q - o) ** 2 for q, o in rows) / len(rows))
    assert b.reliability - b.resolution + b.uncertainty + b.within == pytest.approx(b.score)
    assert c.bins.count.sum() == len(p)
    assert (np.diff(c.bins.said) > 0).all()
    assert ((c.bins.low <= c.bins.said) & (c.bins.said <= c.bins.high)).all()
    assert c.climatology <= math.log(2) + 1e-12


def test_bins_have_equal_mass_and_keep_ties_together() -> None:
    p = np.random.default_rng(0).random(1_000)
    assert bin_of(p)[1].tolist() == [100] * BINS
    place, count = bin_of(np.r_[np.full(700, 0.5), p[:300]])
    assert len(set(place[:700].tolist())) == 1
    assert count.sum() == 1_000


def test_log_loss_against_plain_python() -> None:
    p, y = [0.9, 0.2, 0.5], [1.0, 0.0, 1.0]
    assert log_loss(np.array(p), np.array(y)) == pytest.approx(-(math.log(0.9) + math.log(0.8) + math.log(0.5)) / 3)
    assert math.isfinite(log_loss(np.array([0.0]), np.array([1.0])))


def outcomes(stretch: float, seed: int = 2, n: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    z = rng.normal(0, 0.4, n)
    y = rng.random(n) < 1 / (1 + np.exp(-z))
    return 1 / (1 + np.exp(-z * stretch)), y.astype(np.float64)


@pytest.mark.parametrize(("stretch", "says"), [(1.0, "mean what they say"), (3.0, "Overconfident"), (0.4, "Too timid")])
def test_slope_tells_bold_from_timid(stretch: float, says: str) -> None:
    c = measure(*outcomes(stretch), 20_000.0)
    assert c.slope * stretch == pytest.approx(1, abs=0.1)
    assert abs(c.intercept) < 0.05
    assert says in verdict(c)


def test_slope_against_statistics_library() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    p, y = outcomes(1.5, n=2_000)
    theirs = linear.LogisticRegression(C=1e9, tol=1e-10, max_iter=1_000).fit(np.log(p / (1 - p))[:, None], y)
    slope, intercept, _ = logistic_fit(p, y)
    assert slope == pytest.approx(theirs.coef_[0, 0], abs=1e-4)
    assert intercept == pytest.approx(theirs.intercept_[0], abs=1e-4)


def test_nothing_to_fit_gives_no_slope() -> None:
    y = np.r_[np.zeros(50), np.ones(50)]
    for p, outcome in ((np.full(100, 0.5), y), (np.linspace(0.1, 0.9, 100), np.ones(100)), (np.linspace(0.1, 0.9, 100), y)):
        slope, _, _ = logistic_fit(p, outcome)  # constant; one class; separable
        assert math.isnan(slope)


def test_effective_outcomes_are_counted_cautiously() -> None:
    result, _ = make(sessions=40)
    c = calibrate(result)
    assert c.judged == len(result.judged.p_up)
    assert 40 <= c.effective <= 40 * len(result.symbols)
    assert c.coverage == pytest.approx((result.direction != 0).mean())
    assert calibrate(replace(result, horizon=5)).effective == pytest.approx(c.effective / 5)
    assert calibrate(result, 0).effective == pytest.approx(40)
    assert set(base_models(result)) == {"xgboost", "random_forest", "lstm"}


def test_nothing_judged_says_so() -> None:
    result, _ = make(sessions=3)
    j = result.judged
    none = replace(j, decided_at=j.decided_at[:0], key=j.key[:0], p_up=j.p_up[:0], value=j.value[:0], base={})
    c = calibrate(replace(result, judged=none))
    assert c.why == "nothing has been judged yet"
    assert verdict(c) == "Nothing has been judged yet."
    assert "too few" in calibrate(make(symbols=("A",), sessions=2)[0]).why

"""Published numbers of the Sharpe ratio's inference come out of our formulas, and worthless strategies are not believed."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.validation.significance import (
    LEAST_SESSIONS,
    Moments,
    annual_factor,
    assess,
    dsr,
    expected_best,
    hurdle,
    min_backtest_years,
    min_track_record,
    moments,
    psr,
)


def shape(sharpe: float, periods: int, skew: float = 0.0, kurtosis: float = 3.0) -> Moments:
    return Moments(periods=periods, sharpe=sharpe, skew=skew, kurtosis=kurtosis, autocorrelation=0.0)


def test_psr_2012() -> None:
    assert psr(shape(0.458, 24)) == pytest.approx(0.9817, abs=6e-5)
    assert psr(shape(0.458, 24, -2.448, 10.164)) == pytest.approx(0.9134, abs=6e-5)


def test_dsr_2014() -> None:
    sharpe, variance = 2.5 / math.sqrt(250), 0.5 / 250
    m = shape(sharpe, 1250, -3, 10)
    assert expected_best(100) == pytest.approx(2.5306, abs=6e-5)
    assert hurdle(100, variance) == pytest.approx(0.1132, abs=6e-5)
    assert dsr(m, 100, variance) == pytest.approx(0.9004, abs=6e-5)
    assert dsr(m, 46, variance) == pytest.approx(0.9505, abs=6e-5)
    assert dsr(shape(sharpe, 1250), 88, variance) == pytest.approx(0.9505, abs=6e-5)


@pytest.mark.parametrize(
    ("a_year", "skew", "kurtosis", "years"),
    [(252, 0, 3, 2.731), (52, 0, 3, 2.8288), (12, 0, 3, 3.2398), (12, -0.72, 5.78, 4.9913)],
)
def test_min_track_record_2012(a_year: int, skew: float, kurtosis: float, years: float) -> None:
    m = shape(2 / math.sqrt(a_year), 100, skew, kurtosis)
    assert min_track_record(m, 1 / math.sqrt(a_year)) / a_year == pytest.approx(years, abs=6e-5)


@pytest.mark.parametrize(("trials", "years"), [(45, 5.0), (10, 2.48), (100, 6.4)])
def test_min_backtest(trials: int, years: float) -> None:
    assert min_backtest_years(trials) == pytest.approx(years, abs=6e-3)


def test_lo_2002() -> None:
    assert annual_factor(12, 0.2) == pytest.approx(2.87885, abs=6e-6)
    assert annual_factor(12) == pytest.approx(3.4641, abs=6e-5)


@given(st.floats(-0.3, 0.5), st.integers(30, 2_000), st.floats(1, 1_000), st.floats(1, 1_000))
@settings(deadline=None)
def test_more_trials_never_help(sharpe: float, periods: int, few: float, many: float) -> None:
    few, many = sorted((few, many))
    m = shape(sharpe, periods)
    assert dsr(m, 1) == psr(m)
    assert dsr(m, many) <= dsr(m, few) + 1e-12 <= psr(m) + 2e-12


@given(st.floats(0.02, 0.5), st.floats(-2, 2), st.floats(5, 12))
@settings(deadline=None)
def test_track_record_and_probability_agree(sharpe: float, skew: float, kurtosis: float) -> None:
    need = min_track_record(shape(sharpe, 100, skew, kurtosis))
    for periods, enough in ((math.ceil(need) + 1, True), (max(2, math.floor(need) - 1), False)):
        assert (psr(shape(sharpe, periods, skew, kurtosis)) >= 0.95 - 1e-9) == enough or abs(periods - need) < 1


def test_moments_against_plain_python() -> None:
    r = np.random.default_rng(3).normal(0.001, 0.01, 300).tolist()
    mean, n = statistics.fmean(r), len(r)
    sd = math.sqrt(sum((x - mean) ** 2 for x in r) / n)
    m = moments(np.array([*r, math.nan]))
    assert m.periods == n
    assert m.sharpe == pytest.approx(mean / statistics.stdev(r))
    assert m.skew == pytest.approx(sum((x - mean) ** 3 for x in r) / n / sd**3)
    assert m.kurtosis == pytest.approx(sum((x - mean) ** 4 for x in r) / n / sd**4)
    assert m.autocorrelation == pytest.approx(sum((a - mean) * (b - mean) for a, b in itertools.pairwise(r)) / n / sd**2)


def test_worthless_strategies_are_seldom_believed() -> None:
    rng = np.random.default_rng(11)
    single = [assess(rng.normal(0, 0.01, 252)).psr for _ in range(400)]
    best = [max((assess(rng.normal(0, 0.01, 252), trials=10) for _ in range(10)), key=lambda s: s.psr).dsr for _ in range(100)]
    assert np.mean(np.array(single) > 0.95) < 0.09
    assert np.mean(np.array(best) > 0.95) < 0.05


def test_short_flat_and_losing_records_say_so() -> None:
    short = assess(np.full(LEAST_SESSIONS - 1, 0.01))
    assert "too short" in short.why
    assert math.isnan(short.dsr)
    flat = assess(np.zeros(100))
    assert "did not move" in flat.why
    losing = assess(np.random.default_rng(0).normal(-0.01, 0.01, 100))
    assert math.isinf(losing.least_sessions)
    assert "no edge" in losing.verdict
    brief = assess(np.random.default_rng(5).normal(0.0005, 0.01, 25) + 0.0002)
    assert "too short to tell" in brief.verdict or "no edge" in brief.verdict


def test_the_verdict_counts_the_trials() -> None:
    r = np.random.default_rng(4).normal(0.0012, 0.01, 504)
    alone, searched = assess(r), assess(r, trials=5_000)
    assert alone.dsr >= 0.95 > searched.dsr
    assert "Luck alone" in alone.verdict
    assert "trials" in searched.verdict

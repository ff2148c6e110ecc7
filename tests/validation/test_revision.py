"""The Sharpe ratio as revised: numbers worked by hand, published ones, and a simulated AR(1) whose error is known."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from undertow.validation.significance import Moments, best_of, hurdle, moments, revision

#: the worked example of López de Prado, Lipton and Zoonekynd 2026
EXAMPLE = Moments(periods=24, sharpe=0.036 / 0.079, skew=-2.448, kurtosis=10.164, autocorrelation=0.2)


def test_the_published_example() -> None:
    assert revision.standard_error(EXAMPLE) == pytest.approx(0.379, abs=6e-4)
    assert revision.standard_error(EXAMPLE, 0.0) == pytest.approx(math.sqrt(1.2 / 0.8 / 24))  # by hand: only (1 + ρ)/(1 − ρ) is left
    assert revision.psr(EXAMPLE) == pytest.approx(0.966, abs=6e-4)
    assert revision.psr(EXAMPLE, 0.1) == pytest.approx(0.900, abs=6e-4)
    assert revision.min_track_record(EXAMPLE) == pytest.approx(1.5 * (1.644854 / (0.036 / 0.079)) ** 2, rel=1e-6)
    assert revision.min_track_record(EXAMPLE, 0.1) == pytest.approx(39.369, abs=6e-4)
    assert revision.chance_of_missing(EXAMPLE, 0.5) == pytest.approx(0.411, abs=6e-4)
    assert revision.planned_fdr(EXAMPLE, 0.5, 0.1) == pytest.approx(0.433, abs=6e-4)
    assert revision.observed_fdr(EXAMPLE, 0.5, 0.1) == pytest.approx(0.361, abs=6e-4)
    assert hurdle(10, 0.1) == pytest.approx(0.498, abs=6e-4)
    assert revision.dsr(EXAMPLE, 10, 0.1) == pytest.approx(0.410, abs=6e-4)


def test_the_largest_of_a_few_normals_is_exact() -> None:
    assert best_of(1) == pytest.approx((0.0, 1.0), abs=1e-9)
    assert best_of(2) == pytest.approx((1 / math.sqrt(math.pi), math.sqrt(1 - 1 / math.pi)), abs=1e-9)
    assert best_of(10) == pytest.approx((1.538753, 0.58681), abs=5e-6)
    assert best_of(20)[0] == pytest.approx(1.867475, abs=1e-6)


def test_the_error_under_autocorrelation_is_what_simulation_shows() -> None:
    rng, paths, n, rho = np.random.default_rng(0), 2_000, 250, 0.3
    noise = rng.standard_normal((paths, n + 50))
    x = np.zeros_like(noise)
    for t in range(1, n + 50):
        x[:, t] = rho * x[:, t - 1] + noise[:, t]
    seen = [m.sharpe for m in map(moments, x[:, 50:])]
    told = revision.standard_error(Moments(periods=n, sharpe=0.0, skew=0.0, kurtosis=3.0, autocorrelation=rho), 0.0)
    assert np.std(seen) == pytest.approx(told, rel=0.06)
    assert told > 1.3 / math.sqrt(n)  # what ignoring the autocorrelation would say


def test_track_record_and_probability_agree() -> None:
    need = revision.min_track_record(EXAMPLE, 0.1)
    at_need = revision.standard_error(EXAMPLE, 0.1) * math.sqrt(24 / need)
    assert (EXAMPLE.sharpe - 0.1) / at_need == pytest.approx(NormalDist().inv_cdf(0.95))
    assert math.isinf(revision.min_track_record(EXAMPLE, 0.5))


def test_what_does_not_move_has_no_probability() -> None:
    still = moments(np.zeros(30))
    assert math.isnan(revision.standard_error(still))
    assert math.isnan(revision.psr(still))
    assert math.isnan(revision.dsr(EXAMPLE, 10, 0.0))

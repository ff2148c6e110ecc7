"""Black and Scholes, gamma exposure and the jump of a report: the numbers that others published, and the formulas' own identities."""

from __future__ import annotations

import json
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import real
from undertow.features.operators.black_scholes import (
    gamma_dollars,
    jump_variance,
    mean_move,
    option_delta,
    option_gamma,
    option_price,
    volatility_without_jump,
)


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((real.path("README.md").parents[1] / "methods" / "golden.json").read_text())


def test_hulls_call_and_put(golden: dict[str, Any]) -> None:
    one = golden["bsm_hull"]
    arguments = one["S"], one["K"], one["T"], one["sigma"], one["r"]
    assert option_price(*arguments, False) == pytest.approx(one["call"], abs=5e-5)
    assert option_price(*arguments, True) == pytest.approx(one["put"], abs=5e-5)


def test_gamma_exposure(golden: dict[str, Any]) -> None:
    one = golden["gex"]
    gamma = option_gamma(one["S"], one["K"], float(Fraction(one["T"])), one["sigma"], one["r"])
    assert gamma == pytest.approx(one["gamma"], abs=5e-6)
    assert gamma_dollars(one["S"], gamma, one["OI"]) / 1e6 == pytest.approx(one["usd_m_per_1pct"], abs=0.006)


def test_the_jump_of_a_report(golden: dict[str, Any]) -> None:
    one = golden["earnings_jump"]
    first, second = float(Fraction(one["T1"])), float(Fraction(one["T2"]))
    jump = jump_variance(one["iv1"], first, one["iv2"], second)
    assert math.sqrt(jump) == pytest.approx(one["sigma_jump"], abs=5e-5)
    assert mean_move(math.sqrt(jump)) == pytest.approx(one["exp_abs_move"], abs=1e-4)
    base = volatility_without_jump(one["iv1"], first, jump, 0.0)
    assert base == pytest.approx(one["base_vol"], abs=5e-5)
    assert math.sqrt(base**2 + jump / second) == pytest.approx(one["iv2"], abs=1e-9)
    assert math.isnan(jump_variance(one["iv2"], first, one["iv1"], second))  # a negative variance is none, not zero
    assert math.isnan(jump_variance(0.8, second, 0.5, first))
    assert math.isnan(volatility_without_jump(0.1, first, jump, 0.0))


@settings(max_examples=60, deadline=None)
@given(st.floats(60, 160), st.floats(0.02, 2.0), st.floats(0.08, 1.5), st.floats(0.0, 0.1))
def test_identities(spot: float, years: float, volatility: float, rate: float) -> None:
    both = [option_price(spot, 100.0, years, volatility, rate, put) for put in (False, True)]
    assert both[0] - both[1] == pytest.approx(spot - 100.0 * math.exp(-rate * years), abs=1e-9)
    step = 1e-3
    for put in (False, True):
        up, down = (option_price(spot + sign * step, 100.0, years, volatility, rate, put) for sign in (1, -1))
        assert option_delta(spot, 100.0, years, volatility, rate, put) == pytest.approx((up - down) / (2 * step), abs=1e-6)
        up, down = (option_delta(spot + sign * step, 100.0, years, volatility, rate, put) for sign in (1, -1))
        assert option_gamma(spot, 100.0, years, volatility, rate) == pytest.approx((up - down) / (2 * step), abs=1e-5)


def test_what_has_expired_or_has_no_volatility_has_no_greeks() -> None:
    for spot, years, volatility in ((100.0, 0.0, 0.2), (100.0, -0.1, 0.2), (100.0, 0.1, 0.0), (0.0, 0.1, 0.2), (math.nan, 0.1, 0.2)):
        assert math.isnan(option_gamma(spot, 100.0, years, volatility, 0.0))
        assert math.isnan(option_delta(spot, 100.0, years, volatility, 0.0, True))
        assert np.isnan(option_price(spot, 100.0, years, volatility, 0.0, False))

"""The golden numbers of significance come out of the formulas; each has a test beside it that needs no file (see ``test_*``)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from tests.golden import golden
from undertow.validation.significance import (
    Moments,
    annual_factor,
    best_null_hit_rate,
    best_of,
    binomial_gate,
    clopper_pearson,
    cpcv_counts,
    discoveries,
    dsr,
    expected_best,
    hurdle,
    min_backtest_years,
    min_track_record,
    psr,
    revision,
)


def shape(sharpe: float, periods: int, skew: float = 0.0, kurtosis: float = 3.0, autocorrelation: float = 0.0) -> Moments:
    return Moments(periods=periods, sharpe=sharpe, skew=skew, kurtosis=kurtosis, autocorrelation=autocorrelation)


def given(name: str) -> tuple[Any, Any, float]:
    one = golden(name)
    return one.get("in"), one["out"], one["tol"]


def test_psr_2012() -> None:
    a, out, tol = given("psr_2012")
    assert psr(shape(a["sr"], a["T"])) == pytest.approx(out["psr0_normal"], abs=tol)
    assert psr(shape(a["sr"], a["T"], a["skew"], a["kurt"])) == pytest.approx(out["psr0"], abs=tol)


def test_dsr_2014() -> None:
    a, out, tol = given("dsr_2014")
    sharpe, variance = a["sr_ann"] / math.sqrt(a["periods"]), a["var_sr_ann"] / a["periods"]
    m = shape(sharpe, a["T"], a["skew"], a["kurt_pearson"])
    assert expected_best(a["N"]) == pytest.approx(out["emax"], abs=tol)
    assert hurdle(a["N"], variance) == pytest.approx(out["sr0_per_period"], abs=tol)
    assert dsr(m, a["N"], variance) == pytest.approx(out["dsr"], abs=tol)
    assert dsr(m, 46, variance) == pytest.approx(out["dsr_N46"], abs=tol)
    assert dsr(shape(sharpe, a["T"]), 88, variance) == pytest.approx(out["dsr_N88_normal"], abs=tol)


def test_min_track_record_2012() -> None:
    _, out, tol = given("mintrl_2012_years")
    for name, a_year, skew, kurtosis in (
        ("daily252", 252, 0.0, 3.0),
        ("weekly52", 52, 0.0, 3.0),
        ("monthly12", 12, 0.0, 3.0),
        ("monthly12_skew-.72_kurt5.78", 12, -0.72, 5.78),
    ):
        m = shape(2 / math.sqrt(a_year), 100, skew, kurtosis)
        assert min_track_record(m, 1 / math.sqrt(a_year)) / a_year == pytest.approx(out[name], abs=tol)


def test_sharpe_2026() -> None:
    a, out, tol = given("sharpe_2026")
    m = shape(a["mu"] / a["sd"], a["T"], a["skew"], a["kurt"], a["rho"])
    got = {
        "sr": m.sharpe,
        "se_sr": revision.standard_error(m),
        "se_iid_normal": revision.standard_error(shape(m.sharpe, a["T"])),
        "psr0": revision.psr(m),
        "psr_.1": revision.psr(m, 0.1),
        "mintrl0": revision.min_track_record(m, 0.0, 1 - a["alpha"]),
        "mintrl_.1": revision.min_track_record(m, 0.1, 1 - a["alpha"]),
        "beta": revision.chance_of_missing(m, a["SR1"], a["alpha"]),
        "pfdr": revision.planned_fdr(m, a["SR1"], a["pH1"], a["alpha"]),
        "ofdr": revision.observed_fdr(m, a["SR1"], a["pH1"]),
        "sr0K": hurdle(a["K"], a["varSRk"]),
        "sd_max_factor_K10": best_of(a["K"])[1],
        "dsr": revision.dsr(m, a["K"], a["varSRk"]),
    }
    assert got == pytest.approx(out, abs=tol)
    assert best_of(a["K"])[1] == pytest.approx(out["sd_max_factor_K10"], abs=5e-6)


def test_min_backtest_2014() -> None:
    _, out, tol = given("minbtl_years")
    assert {f"N{n}": min_backtest_years(n) for n in (45, 10, 100)} == pytest.approx(out, abs=tol)


def test_lo_2002() -> None:
    one = golden("lo2002")
    assert annual_factor(one["q"], one["rho"]) == pytest.approx(one["eta"], abs=6e-6)
    assert annual_factor(one["q"]) == pytest.approx(one["sqrt12"], abs=6e-5)


def test_benjamini_hochberg_1995() -> None:
    one = golden("bh_1995")
    p = np.array(one["p"])
    assert discoveries(p, one["q"]).sum() == one["rejected_bh"]
    assert (p * len(p) <= one["q"]).sum() == one["rejected_bonferroni"]
    assert discoveries(p, one["q"], dependent=True).sum() <= one["rejected_bonferroni"]


def test_cpcv() -> None:
    for name, counts in golden("cpcv").items():
        groups, tested = map(int, name.split(","))
        assert list(cpcv_counts(groups, tested)) == counts


def test_binomial_gate() -> None:
    one = golden("binomial_gate")
    assert binomial_gate(one["n"], one["p"]) == one["fail_if_gt"]
    assert binomial_gate(400, one["p"]) == one["n400_fail_if_gt"]
    for hits, upper in one["clopper_upper95"].items():
        assert clopper_pearson(int(hits), one["n"], sides=1)[1] == pytest.approx(upper, abs=6e-5)


def test_best_of_twenty_coin_flippers() -> None:
    for trades, rate in golden("best_of_20_null_hit_rate").items():
        assert best_null_hit_rate(int(trades)) == pytest.approx(rate, abs=6e-4)

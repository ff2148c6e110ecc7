"""The golden numbers of calibration, abstention and weighting come out of the formulas; tests without a file lie beside (``test_*``)."""

from __future__ import annotations

import numpy as np
import pytest

from tests.golden import golden
from undertow.core.chunk import F64
from undertow.models.certify import hit_rate_from_ic, trades_to_certify
from undertow.models.conformal import deviation_bound
from undertow.models.differencing import fractional_weights
from undertow.models.hedge import hedge_rate, regret_bound
from undertow.models.reliability import bin_of, ece_floor, murphy
from undertow.models.uniqueness import average_uniqueness, draw_probabilities
from undertow.models.venn_abers import merge


def constant_forecasts(groups: list[list[float]]) -> tuple[F64, F64]:
    """Probabilities and outcomes of (probability, count, hits) groups."""
    p = np.repeat([g[0] for g in groups], [int(g[1]) for g in groups])
    y = np.concatenate([np.arange(int(n)) < int(hits) for _, n, hits in groups]).astype(np.float64)
    return p, y


def test_murphy() -> None:
    one = golden("murphy")
    p, y = constant_forecasts(one["p"])
    got = murphy(p, y, bin_of(p))
    assert got.brier == pytest.approx(one["brier"])
    assert (got.reliability, got.resolution, got.uncertainty) == pytest.approx((one["rel"], one["res"], one["unc"]))
    assert got.within == pytest.approx(0.0, abs=1e-12)


def test_ece_floor() -> None:
    for outcomes, floor in golden("ece_floor_10bins_p_half").items():
        assert ece_floor(float(outcomes)) == pytest.approx(floor, abs=5.1e-5)


def test_venn_abers_merge() -> None:
    one = golden("venn_abers_merge")
    assert merge(np.array(one["p0"]), np.array(one["p1"])) == pytest.approx(one["p"], abs=6e-7)


def test_adaptive_bound() -> None:
    one = golden("aci_bound")
    assert deviation_bound(one["alpha1"], one["gamma"], one["T"]) == pytest.approx(one["abs_dev"])


def test_hedge() -> None:
    one = golden("hedge")
    assert hedge_rate(one["N"], one["T"]) == pytest.approx(one["eta"], abs=6e-5)
    assert regret_bound(one["N"], one["T"]) == pytest.approx(one["regret_bound"], abs=6e-3)


def test_trades_to_certify() -> None:
    for rate, trades in golden("trials_to_certify_hit_gt_half_80pct").items():
        assert trades_to_certify(float(rate)) == trades


def test_hit_rate_from_ic() -> None:
    for correlation, rate in golden("hit_rate_from_ic").items():
        assert hit_rate_from_ic(float(correlation)) == pytest.approx(rate, abs=6e-5)


def test_uniqueness() -> None:
    one = golden("afml_uniqueness")
    start, end = np.array(one["spans"]).T
    assert average_uniqueness(start, end) == pytest.approx(one["avg_u"], abs=6e-7)
    assert draw_probabilities(start, end, np.array([1])) == pytest.approx(one["next_draw_prob_after_drawing_2"], abs=6e-7)


def test_fractional_weights() -> None:
    for order, weights in golden("fracdiff_weights").items():
        assert fractional_weights(float(order), len(weights)) == pytest.approx(weights, abs=1e-12)

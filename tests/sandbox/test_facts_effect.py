"""The planted coefficient is a flag, what followers may compute has no edge at 0, the oracle stays apart."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

from tests.sandbox.panel import FACTS, SEEDS, TEN, Panel
from undertow.core.chunk import F64
from undertow.core.events import columns_of
from undertow.sandbox.hands import Hands
from undertow.sandbox.market import KINDS, TICKS, Market, Oracle


def coefficients(signal: F64, outcome: F64) -> F64:
    """Correlation of each row."""
    x, y = (v - v.mean(1, keepdims=True) for v in (signal, outcome))
    return np.asarray((x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)), np.float64)


def outcome(panel: Panel) -> F64:
    return panel.ahead / panel.oracle("volatility")[:-2]


@pytest.mark.parametrize("target", [0.05, 0.03, 0.0])
def test_the_mean_coefficient_is_what_the_flag_says(planted: list[Panel], null: list[Panel], target: float) -> None:
    made = {0.05: planted, 0.0: null}
    panels = made.get(target) or [Panel(Market(seed, target), TEN, FACTS, ()) for seed in SEEDS[:3]]
    own = np.array([coefficients(p.oracle("latent")[:-2].T, outcome(p).T) for p in panels])  # symbols by themselves, over time
    sessions, effective = len(panels[0].ahead), len(TEN)
    assert (np.abs(own.mean(1) - target) < 3.0 / np.sqrt(effective * sessions)).all()
    assert abs(own.mean() - target) < 3.0 / np.sqrt(effective * sessions * len(panels))
    # among symbols the market's own move is gone from every session, and what is planted is more of what is left
    across = np.array([coefficients(p.oracle("latent")[:-2], outcome(p)).mean() for p in panels])
    error = 3.0 / np.sqrt((effective - 1) * sessions * len(panels))
    assert target - error < across.mean() < target / np.sqrt(1.0 - 0.5) + error


def test_no_feature_has_an_edge_in_any_null_market(null: list[Panel]) -> None:
    for panel in null:
        ahead = outcome(panel)
        for name, values in panel.features.items():
            seen = values[:-2]
            there = np.isfinite(seen).all(1)
            daily = coefficients(seen[there], ahead[there])
            t = daily.mean() / daily.std(ddof=1) * np.sqrt(len(daily))
            assert abs(t) < 3.0, (panel.market.settings.seed, name, t)


def test_the_flag_is_the_demonstration_s_by_default_and_zero_plants_nothing(null: list[Panel]) -> None:
    assert inspect.signature(Market).parameters["information_coefficient"].default == 0.05
    oracle = null[0].market.oracle("KO", FACTS)
    assert not oracle.expected.any()
    assert oracle.latent.std() > 0.5


def test_no_kind_has_a_column_of_the_oracle() -> None:
    hidden = set(Oracle.__slots__) | set(Hands.__slots__) | set(Market().oracle("KO", FACTS).parts) | {"informed"}
    hidden -= {"day", "seq"}
    for kind in (*KINDS, *TICKS):
        assert not hidden & set(columns_of(kind)), kind

"""Tails and memory of daily returns, measured on published daily bars."""

from __future__ import annotations

import numpy as np

from tests.sandbox.panel import FACTS, Panel, lagged
from undertow.core.chunk import F64
from undertow.sandbox.market import Market

MONTH = 21


def hill(values: F64, share: float = 0.05) -> float:
    """Tail index of the largest values (Hill 1975)."""
    ordered = np.sort(values)[::-1]
    k = int(share * len(values))
    return float(1.0 / np.log(ordered[:k] / ordered[k]).mean())


def excess(r: F64) -> F64:
    """Excess kurtosis of each column."""
    return np.asarray(((r - r.mean(0)) ** 4).mean(0) / r.var(0) ** 2 - 3.0, np.float64)


def test_tails_are_heavy_by_the_hill_index(planted: list[Panel]) -> None:
    found = [np.median([hill(size) for size in np.abs(p.returns).T]) for p in planted]
    assert all(2.0 < f < 4.5 for f in found), found


def test_sizes_remember_fifty_sessions(planted: list[Panel]) -> None:
    near, far = (np.mean([lagged(np.abs(p.returns), lag).mean() for p in planted]) for lag in (10, 50))
    assert 0.0 < far < near
    assert near > 0.04


def test_months_are_closer_to_normal_than_days(planted: list[Panel]) -> None:
    for panel in planted:
        r = panel.returns
        whole = r[: len(r) // MONTH * MONTH]
        months = whole.reshape(-1, MONTH, r.shape[1]).sum(1)
        assert np.median(excess(months)) < np.median(excess(r))


def test_a_fall_of_the_market_is_followed_by_wide_days() -> None:
    found = []
    for seed in range(20):
        r = Panel(Market(seed), ("SPY",), FACTS, ()).returns[:, 0]
        after = np.convolve(r**2, np.ones(5), "valid")[1:]  # sessions t + 1 to t + 5
        found.append(np.corrcoef(r[:-5], after)[0, 1])
    assert np.mean(found) < -0.03

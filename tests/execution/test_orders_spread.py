"""Half-spreads from quotes, from bars, and from neither."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from undertow.core.errors import BadInput
from undertow.execution.orders.spread import WINDOW, estimated, first_known, quoted


def bounced(seed: int, spread: float, days: int, trades: int = 200, volatility: float = 0.01) -> np.ndarray:
    """Days of trades at bid or ask by chance around a random walk: open, high, low, close."""
    rng = np.random.default_rng(seed)
    middle = np.log(50) + np.cumsum(rng.normal(0, volatility / np.sqrt(trades), days * trades))
    price = np.exp(middle) * (1 + rng.choice([-0.5, 0.5], days * trades) * spread)
    price = price.reshape(days, trades)
    return np.stack([price[:, 0], price.max(1), price.min(1), price[:, -1]], axis=1)


def oracle(prices: np.ndarray) -> float:
    """The estimator with whole columns and no loop."""
    o, h, low, _ = np.log(prices[1:]).T
    h1, l1, c1 = np.log(prices[:-1, 1:]).T
    m, m1 = (h + low) / 2, (h1 + l1) / 2
    r1, r2, r3, r4, r5 = m - o, o - m1, m - c1, c1 - m1, o - c1
    tau = ((h != low) | (low != c1)).astype(float)
    po = (tau * (o != h)).mean() + (tau * (o != low)).mean()
    pc = (tau * (c1 != h1)).mean() + (tau * (c1 != l1)).mean()
    d1, d3, d5 = (r - r.mean() / tau.mean() * tau for r in (r1, r3, r5))
    x = -4 / po * d1 * r2 - 4 / pc * d3 * r4
    y = -4 / po * d1 * r5 - 4 / pc * d5 * r4
    vx, vy = x.var(), y.var()
    return float(np.sqrt(abs((vy * x.mean() + vx * y.mean()) / (vx + vy))))


@pytest.mark.parametrize("spread", [0.005, 0.01, 0.02])
def test_a_planted_spread_is_found(spread):
    half = estimated(bounced(3, spread, 800), 799)
    assert np.isnan(half[:799]).all()
    assert 2 * half[799] == pytest.approx(spread, rel=0.1)


def test_it_equals_the_columns():
    prices = bounced(5, 0.004, 120, 20)
    prices[rng_holes := np.array([40, 77])] = np.nan
    half = estimated(prices)
    for t in (30, 39, 119):
        rows = prices[t - WINDOW : t]
        if not np.isnan(rows).any():
            assert half[t] == pytest.approx(oracle(prices[t - WINDOW : t]) / 2, rel=1e-9)
    assert np.isfinite(half[rng_holes + 1]).all()


def test_a_bar_is_not_in_its_own_estimate_and_the_memory_is_the_window():
    prices = bounced(7, 0.01, 90)
    whole = estimated(prices)
    changed = prices.copy()
    changed[60:] *= 1.5
    assert_array_equal(estimated(changed)[:61], whole[:61])
    assert_array_equal(estimated(prices[60 - WINDOW :])[WINDOW:], whole[60:])


def test_quotes_first_then_the_estimate_then_what_is_assumed():
    half = quoted(np.array([99.0, np.nan, 101.0, 0.0]), np.array([101.0, 100.0, 100.0, 1.0]))
    assert_allclose(half, [0.01, np.nan, np.nan, np.nan])
    assert_allclose(first_known(half, np.array([5.0, 0.002, np.nan, np.nan]), 1e-4), [0.01, 0.002, 1e-4, 1e-4])


def test_too_little_is_refused():
    with pytest.raises(BadInput, match="window"):
        estimated(np.ones((5, 4)), 2)
    assert np.isnan(estimated(np.ones((30, 4)))).all()  # nothing moved: it cannot tell

"""A daily rebalance, long and short, against a vectorised reference of its own, under three conventions of filling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import FREE
from undertow.core.time import DAY, HOUR
from undertow.execution.orders.columns import Kind, order_bars, orders_of
from undertow.execution.orders.sleeve import OrderSleeve, Venue
from undertow.execution.panel import Fill, Panel, Prices

CAPITAL = 1_000_000.0
SEEDS = st.integers(0, 2**32 - 1)


def a_market(seed: int, days: int = 120, symbols: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Opens, closes, and weights that are long and short, half the equity each."""
    rng = np.random.default_rng(seed)
    close = 80 * np.exp(np.cumsum(rng.normal(0, 0.02, (days, symbols)), axis=0))
    open_ = close * np.exp(rng.normal(0, 0.01, (days, symbols)))
    raw = rng.normal(0, 1, (days, symbols))
    long, short = np.maximum(raw, 0.0), np.maximum(-raw, 0.0)
    weights = 0.5 * long / np.maximum(long.sum(1), 1e-9)[:, None] - 0.5 * short / np.maximum(short.sum(1), 1e-9)[:, None]
    return open_, close, weights


def reference(fill_at: np.ndarray, close: np.ndarray, weights: np.ndarray, lag: int, cost: float) -> np.ndarray:
    """Equity a day in weight space: no cash, no account, a vector of symbols a day.

    Shares are sized at the close of a day and exchanged ``lag`` days later at ``fill_at``; ``cost`` is a fraction of what is traded.
    """
    days = len(close)
    equity, shares, worth = np.empty(days), np.zeros(close.shape[1]), CAPITAL
    for t in range(days):
        before = close[t - 1] if t else close[0]
        if lag:
            wanted = weights[t - 1] * worth / before if t else shares
            worth += shares @ (fill_at[t] - before) - cost * np.abs(wanted - shares) @ fill_at[t]
            shares = wanted
            worth += shares @ (close[t] - fill_at[t])
        else:
            worth += shares @ (close[t] - before)
            wanted = weights[t] * worth / close[t]
            worth -= cost * np.abs(wanted - shares) @ close[t]
            shares = wanted
        equity[t] = worth
    return equity


@pytest.mark.parametrize("fill", list(Fill))
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_a_rebalance_agrees_with_the_reference(fill, seed):
    open_, close, weights = a_market(seed)
    prices = Prices(np.arange(len(close)) * DAY, open_, close, np.full(close.shape, np.nan))
    panel = Panel(close.shape[1], CAPITAL, replace(FREE, commission_bp=5.0), fill)
    equity = panel.push(prices, weights)
    at = {Fill.NEXT_OPEN: open_, Fill.NEXT_CLOSE: close, Fill.SAME_CLOSE: close}[fill]
    truth = reference(at, close, weights, int(fill is not Fill.SAME_CLOSE), 5e-4)
    assert_allclose(equity, truth, rtol=1e-9)


@pytest.mark.parametrize("fill", list(Fill))
def test_two_pushes_of_a_panel_equal_one(fill):
    open_, close, weights = a_market(7)
    start, volume = np.arange(len(close)) * DAY, np.full(close.shape, 1e6)
    once, twice = (Panel(close.shape[1], CAPITAL, replace(FREE, impact=1.0, participation=0.05), fill) for _ in range(2))
    whole = once.push(Prices(start, open_, close, volume), weights)
    parts = [twice.push(Prices(start[r], open_[r], close[r], volume[r]), weights[r]) for r in (slice(0, 31), slice(31, 120))]
    assert_array_equal(whole, np.concatenate(parts))
    assert once.summary() == twice.summary()


@pytest.mark.parametrize("kind", [Kind.MARKET, Kind.ON_CLOSE])
@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_orders_agree_with_the_panel(kind, seed):
    """The same shares as orders, one a day: at the next open a market order, at the next close one for the auction."""
    open_, close, weights = a_market(seed, 60, 1)
    days, costs = len(close), replace(FREE, commission_bp=5.0, half_spread_bp=3.0)
    start = np.arange(days) * DAY
    panel = Panel(1, CAPITAL, costs, Fill.NEXT_OPEN if kind == Kind.MARKET else Fill.NEXT_CLOSE)
    volume = np.full(days, 1e9)
    held = np.zeros(days)
    equity = np.empty(days)
    for t in range(days):
        row = slice(t, t + 1)
        equity[t] = panel.push(Prices(start[row], open_[row], close[row], volume[row, None]), weights[row])[0]
        held[t] = panel.shares()[0]
    change = np.diff(held)  # a day's trade was decided at the close before
    traded = np.flatnonzero(change)
    end = start + 7 * HOUR
    bars = order_bars(start, end, np.column_stack([open_, open_, open_, close, volume]), np.arange(days), np.ones(days, bool))
    orders = orders_of(end[traded], np.full(len(traded), kind), change[traded])
    sleeve = OrderSleeve(CAPITAL, costs, venue=Venue(close_cutoff=10))
    done = sleeve.push(bars, orders)
    assert_allclose(done.equity, equity, rtol=1e-9)
    assert len(done.fills.bar) == len(traded)

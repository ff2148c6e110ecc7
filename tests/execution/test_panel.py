"""Many symbols on one account: the compiled panel against the plain loops, and against itself in pieces."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import rows_of, some_actions, some_bars, some_costs
from tests.execution.oracle import run_panel
from undertow.execution.panel import Panel, PanelActions, Prices
from undertow.execution.tables import Bars

SEEDS = st.integers(0, 2**32 - 1)
CAPITAL = 500_000.0


def some_panel(rng, days, symbols):
    start = some_bars(rng, days).start
    tables = [Bars(start, start + 1, *some_bars(rng, days)[2:]) for _ in range(symbols)]
    actions = [some_actions(rng, days) for _ in range(symbols)]
    weights = rng.normal(0, 0.3, (days, symbols)) * (rng.random((days, symbols)) < 0.5)
    weights[rng.random((days, symbols)) < 0.2] = np.nan
    prices = Prices(start, *(np.stack([getattr(t, name) for t in tables], axis=1) for name in ("open", "close", "volume")))
    day, symbol = np.concatenate([a.bar for a in actions]), np.repeat(np.arange(symbols), [len(a.bar) for a in actions])
    order = np.argsort(day, kind="stable")
    sparse = PanelActions(
        day[order], symbol[order], np.concatenate([a.ratio for a in actions])[order], np.concatenate([a.dividend for a in actions])[order]
    )
    rows = [rows_of(t, a) for t, a in zip(tables, actions, strict=True)]
    return prices, weights, sparse, [list(day) for day in zip(*rows, strict=True)]


def between(prices, actions, a, b):
    rows = (actions.day >= a) & (actions.day < b)
    return Prices(*(column[a:b] for column in prices)), PanelActions(actions.day[rows] - a, *(c[rows] for c in actions[1:]))


@given(seed=SEEDS, days=st.integers(1, 25), symbols=st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_equals_the_plain_loop(seed, days, symbols):
    rng = np.random.default_rng(seed)
    costs = some_costs(rng)
    prices, weights, actions, rows = some_panel(rng, days, symbols)
    panel = Panel(symbols, CAPITAL, costs)
    equity = panel.push(prices, weights, actions)
    curve, sleeves = run_panel(CAPITAL, costs, rows, weights.tolist())
    assert_allclose(equity, curve, rtol=1e-10)
    assert_allclose(panel.shares(), [s.shares for s in sleeves], rtol=1e-9, atol=1e-9)
    summary = panel.summary()
    fills = [f for s in sleeves for f in s.fills]
    assert summary.fills == len(fills)
    assert summary.impact_cost == pytest.approx(sum(f.impact_cost for f in fills), rel=1e-7, abs=1e-7)
    assert summary.borrow == pytest.approx(sum(s.rent for s in sleeves))
    assert summary.dividends == pytest.approx(sum(s.dividends for s in sleeves))


@given(seed=SEEDS, cut=st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_two_pushes_equal_one_bit_for_bit(seed, cut):
    rng = np.random.default_rng(seed)
    costs = some_costs(rng)
    prices, weights, actions, _ = some_panel(rng, 20, 4)
    whole, parts = Panel(4, CAPITAL, costs), Panel(4, CAPITAL, costs)
    once = whole.push(prices, weights, actions)
    first, second = between(prices, actions, 0, cut), between(prices, actions, cut, 20)
    twice = [parts.push(first[0], weights[:cut], first[1]), parts.push(second[0], weights[cut:], second[1])]
    assert_array_equal(once, np.concatenate(twice))
    assert_array_equal(whole.shares(), parts.shares())
    assert whole.summary() == parts.summary()

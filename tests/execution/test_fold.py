"""Targets in shares: the compiled fold against the plain loops, and against itself in pieces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import cut_actions, cut_bars, rows_of, some_actions, some_bars, some_costs
from tests.execution.oracle import Sleeve, run_shares
from undertow.core.orders import Costs
from undertow.core.time import MINUTE
from undertow.execution.fold import ShareSleeve, Sweep
from undertow.execution.tables import Fills, bars_of

SEEDS = st.integers(0, 2**32 - 1)
CAPITAL, SIZE = 100_000.0, 40.0


def some_targets(rng, n, floats):
    signals = np.repeat(rng.integers(-1, 2, n), rng.integers(1, 6, n))[:n]
    if not floats:
        return signals.astype(np.int8)
    return np.where(rng.random(n) < 0.2, np.nan, signals * rng.choice([1.0, 2.5], n))


@given(seed=SEEDS, n=st.integers(0, 90), floats=st.booleans())
@settings(max_examples=150, deadline=None)
def test_equals_the_plain_loop(seed, n, floats):
    rng = np.random.default_rng(seed)
    costs, bars, actions, targets = some_costs(rng), some_bars(rng, n), some_actions(rng, n), some_targets(rng, n, floats)
    sleeve = ShareSleeve(CAPITAL, costs, size=SIZE, bars_per_day=78)
    pushed = sleeve.push(bars, targets, actions)
    truth = run_shares(Sleeve(CAPITAL, costs, 78), rows_of(bars, actions), [float(t) for t in targets], SIZE)
    assert_allclose(pushed.equity, truth.equity, rtol=1e-10)
    assert_allclose(pushed.shares(), truth.held, rtol=1e-9, atol=1e-9)
    for name in Fills._fields:
        assert_allclose(getattr(pushed.fills, name), [getattr(f, name) for f in truth.fills], rtol=1e-7, atol=1e-7)
    summary = sleeve.summary()
    curve = np.array([CAPITAL, *truth.equity])
    returns = curve[1:] / curve[:-1] - 1
    assert (summary.fills, summary.bars) == (len(truth.fills), n)
    assert summary.equity == pytest.approx(curve[-1])
    assert summary.borrow == pytest.approx(truth.rent)
    assert summary.dividends == pytest.approx(truth.dividends)
    assert summary.peak == pytest.approx(curve.max())
    assert summary.drawdown == pytest.approx((curve / np.maximum.accumulate(curve) - 1).min(), abs=1e-12)
    if n:
        assert summary.mean == pytest.approx(returns.mean(), abs=1e-12)
        assert summary.mean_square == pytest.approx((returns**2).mean(), abs=1e-14)


@given(seed=SEEDS, n=st.integers(1, 90), floats=st.booleans())
@settings(max_examples=150, deadline=None)
def test_two_pushes_equal_one_bit_for_bit(seed, n, floats):
    rng = np.random.default_rng(seed)
    costs, bars, actions, targets = some_costs(rng), some_bars(rng, n), some_actions(rng, n), some_targets(rng, n, floats)
    cuts = [0, *np.sort(rng.integers(0, n + 1, 3)), n]
    whole, parts = (ShareSleeve(CAPITAL, costs, size=SIZE, bars_per_day=78) for _ in range(2))
    once = whole.push(bars, targets, actions)
    pieces = [parts.push(cut_bars(bars, a, b), targets[a:b], cut_actions(actions, a, b)) for a, b in itertools.pairwise(cuts)]
    assert_array_equal(once.equity, np.concatenate([p.equity for p in pieces]))
    assert_array_equal(once.shares(), np.concatenate([p.shares() for p in pieces]))
    for name in Fills._fields[1:]:
        assert_array_equal(getattr(once.fills, name), np.concatenate([getattr(p.fills, name) for p in pieces]))
    assert whole.summary() == parts.summary()


def test_a_fill_before_any_close_does_not_move_the_equity():
    bars = bars_of(np.array([np.nan, 100.0, 100.0]), np.array([np.nan, np.nan, 100.0]), np.full(3, 1e6), np.arange(3) * MINUTE)
    free = Costs(half_spread_bp=0.0, impact=0.0, borrow_rate=0.0, participation=np.inf, whole_shares=False)
    pushed = ShareSleeve(10_000.0, free).push(bars, np.array([10.0, 10.0, 10.0]))
    assert pushed.equity.tolist() == [10_000.0] * 3
    assert pushed.shares().tolist() == [0.0, 10.0, 10.0]


def test_a_full_log_changes_nothing():
    rng = np.random.default_rng(5)
    n = 3000
    bars = some_bars(rng, n, gaps=False)
    targets = np.where(np.arange(n) % 2, 1, -1).astype(np.int8)  # a fill a bar: many times the log's room
    costs = some_costs(rng)
    whole, parts = ShareSleeve(CAPITAL, costs, size=SIZE), ShareSleeve(CAPITAL, costs, size=SIZE)
    once = whole.push(bars, targets)
    pieces = [parts.push(cut_bars(bars, a, a + 1), targets[a : a + 1]) for a in range(n)]
    assert len(once.fills.bar) > n // 2
    assert (np.diff(once.fills.bar) > 0).all()
    assert_array_equal(once.equity, np.concatenate([p.equity for p in pieces]))
    assert_array_equal(once.shares(), np.concatenate([p.shares() for p in pieces]))
    assert whole.summary() == parts.summary()


@given(seed=SEEDS, at=st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_the_future_changes_nothing_before_it(seed, at):
    rng = np.random.default_rng(seed)
    n = 60
    costs, bars, targets = some_costs(rng), some_bars(rng, n), some_targets(rng, n, True)
    other = some_bars(rng, n)
    changed = type(bars)(*(np.concatenate([a[:at], b[at:]]) for a, b in zip(bars, other, strict=True)))
    rewritten = np.concatenate([targets[:at], -targets[at:]])
    first = ShareSleeve(CAPITAL, costs, size=SIZE).push(bars, targets)
    second = ShareSleeve(CAPITAL, costs, size=SIZE).push(changed, rewritten)
    assert_array_equal(first.equity[:at], second.equity[:at])
    assert_array_equal(first.shares()[:at], second.shares()[:at])


@given(seed=SEEDS)
@settings(max_examples=30, deadline=None)
def test_a_sweep_equals_its_variants_one_by_one(seed):
    rng = np.random.default_rng(seed)
    n, variants = 70, 4
    costs, bars, actions = some_costs(rng), some_bars(rng, n), some_actions(rng, n)
    signals = np.stack([some_targets(rng, n, False) for _ in range(variants)], axis=1)
    sweep = Sweep(variants, CAPITAL, costs, size=SIZE)
    sweep.push(cut_bars(bars, 0, 31), signals[:31], cut_actions(actions, 0, 31))
    sweep.push(cut_bars(bars, 31, n), np.asfortranarray(signals[31:]), cut_actions(actions, 31, n))
    for v, summary in enumerate(sweep.summaries()):
        alone = ShareSleeve(CAPITAL, costs, size=SIZE)
        alone.push(bars, np.ascontiguousarray(signals[:, v]), actions)
        assert summary == alone.summary()
        assert sweep.equity()[v] == summary.equity

"""Return to a mean, what columns leave unexplained, order flow and buckets, against plain loops and golden numbers."""

from __future__ import annotations

from math import log, nan, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles.test_kalman import golden
from undertow.core.chunk import F64
from undertow.features.operators.american import CALL, PUT, early_exercise, tree
from undertow.features.operators.black_scholes import option_price
from undertow.features.operators.order_flow import Buckets, OrderFlow, bought_share, expected_imbalance
from undertow.features.operators.parity import RATE, forward, implied_carry, within_bounds
from undertow.features.operators.relative_value import HALF_LIFE, SCORE, Reversion, Unexplained, half_life, rate_of, unbiased

numbers = st.integers(-5, 5).map(float) | st.just(nan) | st.floats(-10, 10, width=32)


def test_golden_rate_of_return() -> None:
    expected = golden("ou")
    rate = rate_of(expected["b_daily"], 1.0 / 252.0)
    assert rate == pytest.approx(expected["kappa"], abs=2e-3)
    assert half_life(expected["kappa"]) * 252.0 == pytest.approx(expected["halflife_days"], abs=5e-3)


def test_the_bias_of_the_autoregression_is_taken_off() -> None:
    rng, b, n, found = np.random.default_rng(0), 0.8, 60, []
    for _ in range(600):
        x = np.zeros(n + 200)
        for i in range(1, len(x)):
            x[i] = b * x[i - 1] + rng.normal()
        x = x[-n:]
        found.append(np.polyfit(x[:-1], x[1:], 1)[0])
    raw = float(np.mean(found))
    assert raw < b - 0.04
    assert unbiased(raw, n - 1) == pytest.approx(b, abs=0.015)


def plain_reversion(y: F64, x: F64) -> tuple[float, float]:
    slope, intercept = np.polyfit(x, y, 1)
    total = np.cumsum(y - intercept - slope * x)
    raw, _ = np.polyfit(total[:-1], total[1:], 1)
    n = len(total) - 1
    b = raw + (1.0 + 3.0 * raw) / n
    if not 0.0 < b < 1.0:
        return nan, nan
    mean = (total[1:].mean() - b * total[:-1].mean()) / (1.0 - b)
    left = total[1:] - total[1:].mean() - raw * (total[:-1] - total[:-1].mean())
    deviation = sqrt((left**2).sum() / (n - 2) / (1.0 - b * b))
    return (total[-1] - mean) / deviation, -log(2.0) / log(b)


def test_reversion_equals_its_definition() -> None:
    rng, op, n = np.random.default_rng(1), Reversion(60), 700
    key = rng.integers(0, 2, n)
    x, y = rng.normal(0.0, 1.0, n), np.empty(n)
    y = 0.7 * x + np.diff(rng.normal(0.0, 1.0, n + 1))  # the residuals' sum returns
    y[rng.random(n) < 0.1] = nan
    state = op.fresh(2)
    got = np.concatenate([op.push(state, key[a:b], y[a:b], x[a:b]) for a, b in ((0, 33), (33, 200), (200, n))], axis=1)
    told = 0
    for i in range(n):
        mine = np.flatnonzero(key[: i + 1] == key[i])[-60:]
        pairs = mine[~np.isnan(y[mine])]
        if len(mine) < 60 or len(pairs) < 30 or np.isnan(y[i]):
            assert np.isnan(got[:, i]).all()
            continue
        expected = plain_reversion(y[pairs], x[pairs])
        np.testing.assert_allclose(got[:, i], expected, rtol=1e-8)
        told += not np.isnan(expected[0])
    assert told > 300


def test_a_series_against_itself_has_no_residual_to_return() -> None:
    op, x = Reversion(60), np.random.default_rng(2).normal(0.0, 1e-3, 100)
    assert np.isnan(op.push(op.fresh(1), np.zeros(100, np.int64), x, x)[[SCORE, HALF_LIFE]]).all()
    with pytest.raises(ValueError, match="n >= 20"):
        Reversion(5)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), numbers, numbers, numbers, numbers), max_size=80))
def test_unexplained_equals_least_squares(some: list[tuple[int, float, float, float, float]]) -> None:
    op = Unexplained(16)
    key, values = np.array([k for k, *_ in some], np.int64), np.array([v for _, *v in some], float).reshape(-1, 4)
    state, cut = op.fresh(2), len(some) // 2
    got = np.concatenate([op.push(state, key[p], *values[p].T) for p in (slice(0, cut), slice(cut, None))])
    for i in range(len(some)):
        mine = values[np.flatnonzero(key[: i + 1] == key[i])[-16:]]
        whole = mine[~np.isnan(mine).any(axis=1)]
        if np.isnan(values[i]).any() or len(whole) <= 8:
            assert np.isnan(got[i])
            continue
        design = np.column_stack([np.ones(len(whole)), whole[:, 1:]])
        if np.linalg.matrix_rank(design, 1e-3) < 4 or np.isnan(got[i]):
            continue
        left = whole[:, 0] - design @ np.linalg.lstsq(design, whole[:, 0], rcond=None)[0]
        np.testing.assert_allclose(got[i], left[-1] / sqrt((left**2).sum() / (len(whole) - 4)), rtol=1e-5, atol=1e-6)


def test_unexplained_says_something() -> None:
    rng, op = np.random.default_rng(3), Unexplained(120)
    x = rng.normal(0.0, 1.0, (3, 500))
    y = x.sum(axis=0) + rng.normal(0.0, 0.1, 500)
    y[400] += 1.0
    got = op.push(op.fresh(1), np.zeros(500, np.int64), y, *x)
    assert got[400] > 5.0
    assert np.nanstd(got) < 1.5
    assert np.isnan(op.push(op.fresh(1), np.zeros(500, np.int64), y, x[0], x[0], x[1])).all()


def test_order_flow_by_hand() -> None:
    # bid up: its new size; bid same: the change; ask down: less its new size; ask up: plus the size that went
    bid, ask = np.array([100.0, 101.0, 101.0, 101.0, 100.0]), np.array([102.0, 103.0, 103.0, 102.0, 103.0])
    bids, asks = np.array([5.0, 7.0, 4.0, 4.0, 9.0]), np.array([6.0, 8.0, 8.0, 3.0, 2.0])
    op, key = OrderFlow(), np.zeros(5, np.int64)
    got = op.push(op.fresh(1), key, bid, ask, bids, asks)
    assert np.isnan(got[0])
    assert got[1:].tolist() == [7 + 6, (4 - 7) + (8 - 8), 0 - 3, -4 + 3]
    state = op.fresh(1)
    parts = [op.push(state, key[p], bid[p], ask[p], bids[p], asks[p]) for p in (slice(0, 2), slice(2, 5))]
    np.testing.assert_array_equal(np.concatenate(parts), got)
    bid[2] = nan
    assert np.isnan(op.push(op.fresh(1), key, bid, ask, bids, asks)).tolist() == [True, False, True, True, False]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 30), st.integers(0, 8), st.integers(0, 1)), max_size=80))
def test_buckets_equal_a_list_of_shares(some: list[tuple[int, int, int, int]]) -> None:
    op, size = Buckets(4, 2), 8.0
    key = np.array([k for k, *_ in some], np.int64)
    volume, bought = (np.array([row[j] for row in some], float) for j in (1, 2))
    session = np.cumsum([gap for *_, gap in some]).astype(np.int64)
    got = op.push(op.fresh(2), key, volume, bought / 8.0, np.full(len(some), size), session)
    done: dict[int, list[tuple[int, float]]] = {0: [], 1: []}
    unit: dict[int, list[float]] = {0: [], 1: []}
    last = {0: -1, 1: -1}
    for i in range(len(some)):
        k = int(key[i])
        if session[i] != last[k]:
            last[k], unit[k] = int(session[i]), []
        unit[k] += [2.0 * bought[i] / 8.0 - 1.0] * int(volume[i])  # a share a time
        while len(unit[k]) >= size:
            done[k].append((int(session[i]), abs(sum(unit[k][: int(size)])) / size))
            unit[k] = unit[k][int(size) :]
        recent = [x for s, x in done[k][-4:] if session[i] - s < 2]
        expected = sum(recent) / 4 if len(recent) == 4 else nan
        np.testing.assert_allclose(got[i], expected, rtol=1e-12, atol=1e-12)


def test_golden_imbalance_of_random_trades() -> None:
    rng = np.random.default_rng(4)
    for n, expected in golden("imbalance_null").items():
        assert expected_imbalance(np.array([float(n)]))[0] == pytest.approx(expected, abs=1e-4)
        flips = np.abs(2 * rng.binomial(int(n), 0.5, 20_000) - int(n)) / int(n)
        assert flips.mean() == pytest.approx(expected, rel=0.03)
    assert np.isnan(expected_imbalance(np.zeros(1)))[0]
    np.testing.assert_allclose(bought_share(np.array([-1.959964, 0.0, 1.959964])), [0.025, 0.5, 0.975], atol=1e-6)


def implied(price: float, put: bool) -> float:
    low, high = 0.01, 2.0
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if option_price(100.0, 100.0, 30 / 365, middle, 0.05, put) < price else (low, middle)
    return low


def test_golden_trees_and_parity() -> None:
    hull, american = golden("bsm_hull"), golden("american_put_hull")
    for side, name in ((CALL, "call"), (PUT, "put")):
        assert tree(side, 42.0, 40.0, 0.1, 0.2, 0.5, 2000, False) == pytest.approx(hull[name], abs=1e-3)
    for steps in (5, 1000):
        assert tree(PUT, 50.0, 50.0, 0.1, 0.4, 5 / 12, steps, True) == pytest.approx(american[f"crr{steps}"], abs=6e-5)
    assert tree(CALL, 50.0, 50.0, 0.1, 0.4, 5 / 12, 200, True) == tree(CALL, 50.0, 50.0, 0.1, 0.4, 5 / 12, 200, False)
    bias = next(iter(golden("parity_bias_volpts").values()))
    assert isinstance(bias, dict)
    put = tree(PUT, 100.0, 100.0, 0.05, 0.3, 30 / 365, 1000, True)
    assert 100.0 * (implied(put, True) - 0.3) == pytest.approx(bias["american_put_as_european"], abs=5e-3)
    # two trees' difference has less error than either, and is a little more
    extra = early_exercise(PUT, 100.0, 100.0, 0.05, 0.3, 30 / 365, 100)
    european = option_price(100.0, 100.0, 30 / 365, 0.3, 0.05, True)
    assert 100.0 * (implied(european + extra, True) - 0.3) == pytest.approx(bias["american_put_as_european"], abs=0.03)
    vega = option_price(100.0, 100.0, 30 / 365, 0.305, 0.05, True) - option_price(100.0, 100.0, 30 / 365, 0.295, 0.05, True)
    assert vega == pytest.approx(bias["vega_per_pt"], abs=1e-4)
    # a fee left out of parity moves the put's volatility by so many points
    assert -0.01 * 100.0 * 30 / 365 / vega == pytest.approx(bias["borrow_1pct"], abs=0.01)


def chain(carry: float, spot: float = 100.0, days: float = 30.0, noise: float = 0.0) -> F64:
    """American options on a share whose synthetic forward carries so much a year: price, strike, days, is_put, spot, volatility."""
    years, rows = days / 365.0, []
    held = spot * np.exp((carry - RATE) * years)
    for strike in (90.0, 96.0, 98.0, 100.0, 102.0, 104.0, 120.0):
        put = option_price(held, strike, years, 0.3, RATE, True) + early_exercise(PUT, spot, strike, RATE, 0.3, years, 300)
        rows.append([option_price(held, strike, years, 0.3, RATE, False) + noise, strike, days, 0.0, spot, 0.3])
        rows.append([put, strike, days, 1.0, spot, 0.3])
    return np.array(rows).T


def test_the_carry_that_options_were_made_with_comes_out() -> None:
    for carry in (0.04, 0.01, -0.05):
        assert implied_carry(chain(carry)) == pytest.approx(carry, abs=1e-3)
    near, far = chain(0.02, days=27.0), chain(-0.08, days=60.0)
    assert implied_carry(np.concatenate([far, near], axis=1)) == pytest.approx(0.02, abs=1e-3)
    # without the put's right to exercise early the forward of a strike above the spot would be too low
    years, strike = 30.0 / 365.0, 104.0
    call, put = (float(chain(0.04)[0, 10 + j]) for j in (0, 1))
    naive = strike + np.exp(RATE * years) * (call - put)
    assert forward(call, put, 100.0, strike, years, 0.3) - naive == pytest.approx(0.04, abs=0.02)


def test_prices_that_no_american_options_can_have_are_left_out() -> None:
    assert within_bounds(4.0, 3.8, 100.0, 100.0, 30 / 365)
    assert not within_bounds(7.0, 3.0, 100.0, 100.0, 30 / 365)
    assert not within_bounds(1.0, 4.5, 100.0, 100.0, 30 / 365)
    assert np.isnan(implied_carry(chain(0.04, noise=5.0)))
    assert np.isnan(implied_carry(chain(0.04, days=3.0)))
    assert np.isnan(implied_carry(chain(0.04)[:, 1::2]))  # puts alone
    assert np.isnan(implied_carry(np.empty((6, 0))))

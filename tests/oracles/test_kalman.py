"""The filters: gains known beforehand, covariances that stay positive, a planted step found, against plain matrices."""

from __future__ import annotations

import json
from itertools import pairwise
from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import real
from undertow.core.chunk import F64
from undertow.features.operators.kalman import Hedge, LocalTrend, steady_gain

#: gap of a session or none, symbol, value
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.floats(-5, 5, width=32) | st.just(nan)), max_size=50)


def golden(name: str) -> dict[str, float]:
    found = real.ROOT.parent / "methods" / "golden.json"
    if not found.exists():
        pytest.skip("no golden numbers here")
    return dict(json.loads(found.read_text())[name])


def test_steady_gain_is_the_golden_one_and_the_filter_settles_on_it() -> None:
    for name, expected in golden("local_level_gain").items():
        q = float(name[1:])
        assert steady_gain(q) == pytest.approx(expected, abs=5e-7)
        n, op = 400, LocalTrend(q, 0.0)
        x = np.random.default_rng(0).normal(0.0, 1.0, n)
        level, slope, *_ = op.push(op.fresh(1), np.zeros(n, np.int64), x, np.zeros(n, np.int64))
        assert np.all(slope == 0.0)
        gain = (level[1:] - level[:-1]) / (x[1:] - level[:-1])
        assert gain[-1] == pytest.approx(expected, abs=5e-7)


def plain_trend(op: LocalTrend, x: list[float], session: list[int]) -> list[tuple[float, float, float]]:
    """The same with matrices, in the short form of the update."""
    out, state, p = [], np.zeros(2), np.zeros((2, 2))
    step, begun = np.array([[1.0, 1.0], [0.0, 1.0]]), False
    noise = np.array([[op.level + op.slope / 3, op.slope / 2], [op.slope / 2, op.slope]])
    start = op.fresh(1)
    op.push(start, np.zeros(1, np.int64), np.zeros(1), np.zeros(1, np.int64))
    for i, value in enumerate(x):
        surprise = nan
        if not begun:
            if np.isnan(value):
                out.append((nan, nan, nan))
                continue
            state, p, begun = np.array([value, 0.0]), np.diag([1.0, start["covariance"][0, 2]]), True
            out.append((value, 0.0, nan))
            continue
        night = op.night * op.level if session[i] != session[i - 1] else 0.0
        state, p = step @ state, step @ p @ step.T + noise + np.diag([night, 0.0])
        if not np.isnan(value):
            total = p[0, 0] + 1.0
            error, gain = value - state[0], p[:, 0] / total
            state, p, surprise = state + gain * error, p - np.outer(gain, p[0]), error / total**0.5
        out.append((state[0], state[1], surprise))
    return out


def pushed(op: LocalTrend | Hedge, key: list[int], *columns: F64) -> F64:
    """In two pieces: the state has to carry over."""
    state, keys, cut = op.fresh(2), np.array(key, np.int64), len(key) // 3
    parts = [op.push(state, keys[piece], *[c[piece] for c in columns]) for piece in (slice(0, cut), slice(cut, None))]
    return np.concatenate(parts, axis=1)


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from([LocalTrend(1.0, 0.01, 30.0), LocalTrend(0.5, 0.1), LocalTrend(2.0, 0.0)]))
def test_local_trend_equals_matrices(some: list[tuple[int, int, float]], op: LocalTrend) -> None:
    key, x = [k for _, k, _ in some], [v for *_, v in some]
    session = [int(s) for s in np.cumsum([gap for gap, *_ in some])]
    got = pushed(op, key, np.array(x), np.array(session, np.int64))
    for k in (0, 1):
        mine = [i for i in range(len(some)) if key[i] == k]
        expected = plain_trend(op, [x[i] for i in mine], [session[i] for i in mine])
        np.testing.assert_allclose(got[:3, mine], np.array(expected).reshape(-1, 3).T, rtol=1e-9, atol=1e-9)
        np.testing.assert_allclose(got[3, mine], np.array([x[i] for i in mine]) - got[0, mine], atol=1e-9)


def test_where_it_began_is_forgotten_within_its_memory() -> None:
    for op in (LocalTrend(1.0, 0.01), LocalTrend(1.0, 0.001, 30.0)):
        n = op.memory.events + 200
        x = np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, n)) + 14.0
        key, session = np.zeros(n, np.int64), np.arange(n) // 78
        whole = op.push(op.fresh(1), key, x, session)
        late = op.push(op.fresh(1), key[200:], x[200:], session[200:])
        assert np.abs(whole[:, -1] - late[:, -1]).max() < 2.0**-48
        few = op.memory.events // 6
        late = op.push(op.fresh(1), key[-few:], x[-few:], session[-few:])
        assert np.abs(whole[:, -1] - late[:, -1]).max() > 2.0**-40  # a sixth of it would not do
    assert LocalTrend(1.0, 0.01).memory.events < LocalTrend(1.0, 0.001).memory.events < 1500


def test_innovations_of_the_model_itself_are_white_with_unit_squares() -> None:
    rng, n, op = np.random.default_rng(2), 40_000, LocalTrend(1.0, 0.01)
    slope = np.cumsum(rng.normal(0.0, 0.1, n))
    level = np.cumsum(slope + rng.normal(0.0, (1.0 + 0.01 / 12) ** 0.5, n))
    surprise = op.push(op.fresh(1), np.zeros(n, np.int64), level + rng.normal(0.0, 1.0, n), np.zeros(n, np.int64))[2, 100:]
    assert abs((surprise**2).mean() - 1.0) < 2.6 * (2.0 / len(surprise)) ** 0.5 + 0.01
    assert abs(np.corrcoef(surprise[1:], surprise[:-1])[0, 1]) < 3.0 / len(surprise) ** 0.5 + 0.01


@pytest.mark.parametrize("seed", range(5))
def test_a_planted_step_of_the_ratio_is_recovered(seed: int) -> None:
    delta = 1e-4
    steps, rng, op = int(1.0 / delta**0.5), np.random.default_rng(seed), Hedge(delta, 1e-3)
    n = 4 * steps
    x = rng.normal(0.0, 1.0, n)
    ratio = np.where(np.arange(n) < 2 * steps, 0.8, 1.4)
    y = 0.1 + ratio * x + rng.normal(0.0, 1e-3**0.5, n)
    intercept, found, _ = op.push(op.fresh(1), np.zeros(n, np.int64), y, x)
    assert np.abs(found[steps : 2 * steps] - 0.8).max() < 0.08
    assert abs(found[2 * steps + 1] - 1.4) > 0.05  # it is not there at once
    assert abs(found[3 * steps : 3 * steps + 20].mean() - 1.4) < 0.05
    assert abs(intercept[-1] - 0.1) < 0.05


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(-3, 3, width=32) | st.just(nan), st.floats(-3, 3, width=32)), max_size=60))
def test_hedge_equals_matrices(some: list[tuple[float, float]]) -> None:
    op, y, x = Hedge(1e-3, 0.5), np.array([a for a, _ in some]), np.array([b for _, b in some])
    got = pushed(op, [0] * len(some), y, x)
    state, p, noise, count = np.array([0.0, 1.0]), np.eye(2), 1e-3 / (1.0 - 1e-3), 0
    for i in range(len(some)):
        p = p + noise * np.eye(2)
        surprise = nan
        if np.isnan(y[i]):
            p = p - np.diag(np.maximum(np.diag(p) - 1.0, 0.0))
        else:
            h = np.array([1.0, x[i]])
            total = h @ p @ h + op.noise
            error, gain = y[i] - h @ state, p @ h / total
            state, p, count = state + gain * error, p - np.outer(gain, h @ p), count + 1
            surprise = error / total**0.5 if count > 20 else nan
        expected = [*(state if count >= 20 else (nan, nan)), surprise]
        np.testing.assert_allclose(got[:, i], expected, rtol=1e-8, atol=1e-9)


def test_covariances_stay_positive_through_silence() -> None:
    op = Hedge(4e-4, 2.0)
    state, n = op.fresh(1), 5000
    x = np.random.default_rng(3).normal(0.0, 1.0, n)
    y = np.where(np.arange(n) % 500 < 300, nan, x)
    op.push(state, np.zeros(n, np.int64), y, x)
    p00, p01, p11 = state["covariance"][0]
    assert p00 > 0.0
    assert p00 * p11 > p01 * p01


def test_settings_that_make_no_filter_are_refused() -> None:
    with pytest.raises(ValueError, match="level > 0"):
        LocalTrend(0.0, 0.1)
    with pytest.raises(ValueError, match="0 < delta < 1"):
        Hedge(1.0, 0.1)
    memories = [Hedge(d, 2.0).memory.events for d in (1e-5, 1e-4, 1e-3)]
    assert all(a > b for a, b in pairwise(memories))

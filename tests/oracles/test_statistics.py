"""Law 6 for windows of every statistic, regressions, stepped operators and the session's own: plain double loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import plain
from undertow.core.chunk import F64
from undertow.features.language import scans

KEYS = 2
whole = st.integers(-20, 20).map(float)
numbers = whole | whole | whole | st.just(float("nan"))
rows = st.lists(st.tuples(st.integers(0, KEYS - 1), numbers, numbers), max_size=50)


def pushed(op: scans.Window | scans.Regression | scans.Smooth, key: np.ndarray, *columns: F64) -> F64:
    """In two pieces: the state has to carry over."""
    state, cut = op.fresh(KEYS), len(key) // 3
    return np.concatenate([op.push(state, key[some], *[c[some] for c in columns]) for some in (slice(0, cut), slice(cut, None))])


def same(got: F64, expected: list[float]) -> None:
    np.testing.assert_allclose(got, np.array(expected), rtol=1e-11, atol=1e-11)


def taken(some: list[tuple[int, float, float]]) -> tuple[np.ndarray, F64, F64]:
    return np.array([k for k, *_ in some], np.int64), np.array([y for _, y, _ in some]), np.array([x for *_, x in some])


@pytest.mark.parametrize("statistic", sorted(plain.STATISTICS))
@settings(max_examples=25, deadline=None)
@given(rows, st.integers(1, 7), st.integers(1, 3))
def test_windows_of_every_statistic(statistic: str, some: list[tuple[int, float, float]], n: int, step: int) -> None:
    key, y, _ = taken(some)
    of = plain.stepped(n, step, plain.STATISTICS[statistic])
    same(pushed(scans.Window(n, statistic, step), key, y), plain.along(key.tolist(), y.tolist(), of))


def test_every_statistic_has_its_plain_twin() -> None:
    assert set(plain.STATISTICS) == set(scans.CODES)


@pytest.mark.parametrize("what", ["slope", "t", "correlation", "residual"])
@settings(max_examples=30, deadline=None)
@given(rows, st.integers(2, 6), st.integers(1, 3))
def test_regressions(what: str, some: list[tuple[int, float, float]], n: int, step: int) -> None:
    key, y, x = taken(some)
    expected = []
    for i in range(len(key)):
        left, right = (plain.before(key.tolist(), column.tolist(), i)[::-1][::step][:n][::-1] for column in (y, x))
        known = len(left) == n and not np.isnan(left + right).any()
        expected.append(plain.least_squares(left, right, what) if known else plain.NAN)
    same(pushed(scans.Regression(n, what, step), key, y, x), expected)


def test_a_regression_says_what_it_has() -> None:
    with pytest.raises(ValueError, match="residual"):
        scans.Regression(5, "intercept")


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(1, 4), st.integers(1, 3), st.sampled_from([0.5, 2.0 / 13.0]))
def test_smoothing_every_step_th(some: list[tuple[int, float, float]], n: int, step: int, alpha: float) -> None:
    key, y, _ = taken(some)
    of = plain.smooth(n, alpha)
    expected = plain.along(key.tolist(), y.tolist(), lambda past: of(past[::-1][::step][::-1]))
    same(pushed(scans.Smooth(n, alpha, step), key, y), expected)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, KEYS - 1), numbers, st.integers(0, 1), st.integers(0, 2)), max_size=60), st.integers(2, 4))
def test_first_of_the_session_and_rank_in_the_slot(some: list[tuple[int, float, int, int]], n: int) -> None:
    keys, values = [k for k, *_ in some], [v for _, v, *_ in some]
    sessions = np.cumsum([s for *_, s, _ in some], dtype=np.int64)
    minutes = np.array([570 + 5 * m for *_, m in some], np.int64)
    key, x = np.array(keys, np.int64), np.array(values)
    first = scans.SessionFirst()
    same(first.push(first.fresh(KEYS), key, x, sessions), plain.session_first(keys, values, sessions.tolist()))
    whole_numbers = np.nan_to_num(x)
    rank = scans.SlotScore(n, "rank")
    expected = plain.slot_rank(n, keys, whole_numbers.tolist(), minutes.tolist(), sessions.tolist())
    same(rank.push(rank.fresh(KEYS), key, whole_numbers, minutes, sessions), expected)

"""Values against earlier sessions, and the forest grown from them: definitions, p-values that are uniform, any cut, no look ahead."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.chunk import F64, I64
from undertow.features.operators import tails
from undertow.features.operators.forest import Forest, usual_depth
from undertow.features.operators.tails import Judgement, PastSessions

#: symbol, whether a session begins, value
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 9), st.integers(-9, 9).map(float) | st.just(nan)), max_size=150)


def pushed(op: PastSessions, key: I64, x: F64, session: I64, cuts: tuple[int, ...] = (0, 7, 60)) -> F64:
    state, ends = op.fresh(2), (*cuts[1:], len(x))
    return np.concatenate([op.push(state, key[a:b], x[a:b], session[a:b]) for a, b in zip(cuts, ends, strict=True)])


def plain(judgement: Judgement, x: float, past: list[float]) -> float:
    if judgement == "tail":
        return (1 + sum(v >= x for v in past)) / (1 + len(past))
    centre = float(np.median(past))
    spread = 1.4826 * float(np.median(np.abs(np.array(past) - centre)))
    return (x - centre) / spread if spread > 0.0 else nan


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from(["tail", "robust_score"]))
def test_past_sessions_equal_their_definition(some: list[tuple[int, int, float]], judgement: Judgement) -> None:
    n, tails.ROWS = 3, 2  # little room, so that more has to be made
    try:
        key, x = np.array([k for k, *_ in some], np.int64), np.array([v for *_, v in some], float)
        session = np.cumsum([gap == 0 for _, gap, _ in some]).astype(np.int64)
        cut = len(some) // 2
        got = pushed(PastSessions(n, judgement), key, x, session, (0, cut // 2, cut))
        for i in range(len(some)):
            mine = [j for j in range(i) if key[j] == key[i] and session[i] - n <= session[j] < session[i] and not np.isnan(x[j])]
            enough = len(mine) >= 20 and 2 * len({int(session[j]) for j in mine}) >= n
            expected = plain(judgement, float(x[i]), [float(x[j]) for j in mine]) if enough and not np.isnan(x[i]) else nan
            np.testing.assert_allclose(got[i], expected, rtol=1e-12, err_msg=str(i))
    finally:
        tails.ROWS = 80


def test_room_is_made_for_longer_sessions() -> None:
    rng, n = np.random.default_rng(0), 4 * 400
    x, session = rng.normal(0.0, 1.0, n), np.arange(n) // 400
    key = np.zeros(n, np.int64)
    for judgement in ("tail", "robust_score"):
        got = pushed(PastSessions(2, judgement), key, x, session, (0, 70, 390, 1000))
        np.testing.assert_array_equal(got, pushed(PastSessions(2, judgement), key, x, session, tuple(range(0, n, 37))))
        expected = plain(judgement, float(x[-1]), [float(v) for v in x[400:1200]])
        assert got[-1] == pytest.approx(expected, rel=1e-12)


def ks(p: F64) -> float:
    """Asymptotic probability of a distance from uniform as large (Kolmogorov and Smirnov)."""
    p = np.sort(p)
    n = len(p)
    d = max(float((np.arange(1, n + 1) / n - p).max()), float((p - np.arange(n) / n).max()))
    t = (n**0.5 + 0.12 + 0.11 / n**0.5) * d
    return float(2.0 * sum((-1) ** (j - 1) * np.exp(-2.0 * (j * t) ** 2) for j in range(1, 60)))


@pytest.mark.parametrize("judgement", ["tail", "fine_tail"])
def test_p_values_of_a_null_are_uniform(judgement: Judgement) -> None:
    symbols, sessions, small, extreme = 100, 24, 0, []
    rng = np.random.default_rng(1)
    session = np.repeat(np.arange(sessions), 78)
    for _ in range(symbols):
        x = rng.standard_t(4, len(session)) ** 2
        op = PastSessions(20, judgement)
        p = op.push(op.fresh(1), np.zeros(len(x), np.int64), x, session)[20 * 78 :: 3]
        small += ks(p) < 0.01
        extreme.append(p)
    assert small <= 5
    whole = np.concatenate(extreme)
    for level in (0.05, 0.01, 0.002):
        assert (whole <= level).mean() == pytest.approx(level, abs=4.0 * (level / len(whole)) ** 0.5)


def test_a_fine_tail_goes_on_where_a_rank_ends() -> None:
    x = np.random.default_rng(2).exponential(1.0, 21 * 78)
    x[-1] = 25.0
    key, session = np.zeros(len(x), np.int64), np.arange(len(x)) // 78
    rank, fine = (pushed(PastSessions(20, j), key, x, session)[-1] for j in ("tail", "fine_tail"))
    assert rank == pytest.approx(1.0 / 1561.0)
    assert 1e-12 <= fine < 1e-7


def test_a_bar_of_a_session_that_is_over_is_judged_but_not_kept() -> None:
    op, state = PastSessions(2, "tail"), None
    key, x = np.zeros(90, np.int64), np.arange(90.0)
    state = op.fresh(1)
    op.push(state, key, x, np.repeat(np.arange(3), 30))
    late = op.push(state, key[:1], np.array([1e9]), np.zeros(1, np.int64))
    assert late[0] == pytest.approx(1.0 / 61.0)
    assert state["used"].sum() == 90


# --- the forest -------------------------------------------------------------------------------------------------------


def grown(x: F64, session: I64, cuts: tuple[int, ...] = (0,), op: Forest | None = None) -> F64:
    op = op or Forest(5)
    state, ends = op.fresh(1), (*cuts[1:], len(x))
    key = np.zeros(len(x), np.int64)
    return np.concatenate([op.push(state, key[a:b], *x[a:b].T, session[a:b]) for a, b in zip(cuts, ends, strict=True)])


def test_a_forest_is_the_same_in_any_pieces_and_from_any_start() -> None:
    rng = np.random.default_rng(3)
    session = np.repeat(np.arange(12), 78)
    x = rng.normal(0.0, 1.0, (len(session), 5))
    x[100, 2] = nan
    whole = grown(x, session)
    np.testing.assert_array_equal(whole, grown(x, session, (0, 5, 300, 301, 640)))
    np.testing.assert_array_equal(whole[7 * 78 :], grown(x[2 * 78 :], session[2 * 78 :])[5 * 78 :])  # five sessions before are enough
    assert np.isnan(whole[: 3 * 78]).all()
    assert np.isfinite(whole[3 * 78 :]).all()
    other = x.copy()
    other[800:] = 99.0
    np.testing.assert_array_equal(whole[:800], grown(other, session)[:800])


def test_what_is_alone_stands_out_and_what_is_usual_does_not() -> None:
    rng = np.random.default_rng(4)
    session = np.repeat(np.arange(7), 78)
    x = rng.normal(0.0, 1.0, (len(session), 5))
    x[-1] = 6.0
    x[-2] = 0.0
    score = grown(x, session)
    assert score[-1] > np.nanmax(score[:-2])
    assert score[-2] < np.nanquantile(score, 0.1)
    assert 0.4 < np.nanmedian(score) < 0.55


def test_usual_depth() -> None:
    assert [usual_depth(n) for n in (1.0, 2.0)] == [0.0, 1.0]
    assert usual_depth(256.0) == pytest.approx(10.244771, abs=1e-5)  # as in the paper's implementation


def test_a_constant_column_is_no_place_to_cut() -> None:
    x = np.ones((8 * 78, 2))
    x[:, 1] = np.random.default_rng(5).normal(0.0, 1.0, len(x))
    score = grown(x, np.repeat(np.arange(8), 78))
    assert np.isfinite(score[5 * 78 :]).all()
    assert np.nanstd(score) > 0.01
    assert np.allclose(grown(np.ones((8 * 78, 2)), np.repeat(np.arange(8), 78))[-1], 0.5)

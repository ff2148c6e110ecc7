"""Law 6: every operator equals a plain double loop written from its definition, on whatever hypothesis comes up with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import plain
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import NewsItem
from undertow.features.language import samples, scans

KEYS = 3
SYMBOLS = ("A", "B", "C")
numbers = st.integers(-50, 50).map(float) | st.just(float("nan")) | st.floats(-1e3, 1e3, width=32)
whole = st.integers(-1000, 1000).map(float) | st.just(float("nan"))
rows = st.lists(st.tuples(st.integers(0, KEYS - 1), numbers), max_size=60)
#: gap to the event before, symbol, value, lateness: half of the gaps are none, so that events tie
events = st.lists(st.tuples(st.integers(0, 3) | st.just(0), st.integers(0, KEYS - 1), whole, st.integers(0, 2)), max_size=50)
ticks = st.lists(st.integers(0, 60), min_size=1, max_size=12, unique=True).map(sorted)


def same(got: F64, expected: object, close: float = 0.0) -> None:
    expected = np.asarray(expected, np.float64).reshape(got.shape)
    if close:
        np.testing.assert_allclose(got, expected, rtol=close, atol=close)
    else:
        np.testing.assert_array_equal(got, expected)


def scanned(op: scans.Lag | scans.Window | scans.Smooth, some: list[tuple[int, float]]) -> F64:
    """Pushed in two pieces: the state has to carry over."""
    key, x = np.array([k for k, _ in some], np.int64), np.array([v for _, v in some], np.float64)
    state, cut = op.fresh(KEYS), len(some) // 3
    return np.concatenate([op.push(state, key[:cut], x[:cut]), op.push(state, key[cut:], x[cut:])])


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 7))
def test_lag(some: list[tuple[int, float]], n: int) -> None:
    keys, values = [k for k, _ in some], [v for _, v in some]
    same(scanned(scans.Lag(n), some), plain.along(keys, values, plain.lag(n)))


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 7))
def test_windows(some: list[tuple[int, float]], n: int) -> None:
    keys, values = [k for k, _ in some], [v for _, v in some]
    for statistic, of in (("mean", plain.mean), ("highest", max), ("lowest", min)):
        same(scanned(scans.Window(n, statistic), some), plain.along(keys, values, plain.window(n, of)))
    same(scanned(scans.Window(n, "deviation"), some), plain.along(keys, values, plain.window(n, plain.deviation)), close=1e-13)


def test_a_window_has_one_of_some_statistics() -> None:
    with pytest.raises(ValueError, match="lowest"):
        scans.Window(3, "mode")


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 6), st.sampled_from([0.5, 2.0 / 13.0, 1.0 / 14.0]))
def test_smooth(some: list[tuple[int, float]], n: int, alpha: float) -> None:
    keys, values = [k for k, _ in some], [v for _, v in some]
    same(scanned(scans.Smooth(n, alpha), some), plain.along(keys, values, plain.smooth(n, alpha)), close=1e-13)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, KEYS - 1), st.integers(-99, 99), st.integers(0, 1), st.integers(0, 3)), max_size=60))
def test_session_sum_and_slot_score(some: list[tuple[int, int, int, int]]) -> None:
    keys, values = [k for k, *_ in some], [float(v) for _, v, *_ in some]
    sessions = [int(s) for s in np.cumsum([s for *_, s, _ in some])]
    minutes = [570 + 5 * m for *_, m in some]
    key, x, minute, session = (np.array(a, t) for a, t in ((keys, np.int64), (values, float), (minutes, np.int64), (sessions, np.int64)))
    total = scans.SessionSum()
    same(total.push(total.fresh(KEYS), key, x, session), plain.session_sum(keys, values, sessions))
    for n in (2, 4):
        score = scans.SlotScore(n)
        same(score.push(score.fresh(KEYS), key, x, minute, session), plain.slot_score(n, keys, values, minutes, sessions), close=1e-12)


# --- at ticks ---------------------------------------------------------------------------------------------------------


def told(some: list[tuple[int, int, float, int]]) -> tuple[Chunk, F64, list[plain.Event], list[int]]:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64)
    happened = [int(k) - late for k, (*_, late) in zip(known, some, strict=True)]
    values = np.array([v for _, _, v, _ in some], np.float64)
    keys = np.array([k for _, k, _, _ in some], np.int64)
    chunk = chunk_of(NewsItem, SYMBOLS, key=keys, event_at=np.array(happened, np.int64), known_at=known, columns={})
    rows_of = [(int(at), int(k), float(v)) for at, k, v in zip(known, keys, values, strict=True)]
    return chunk, values, rows_of, happened


def sampled(op: samples.WindowSum | samples.DecayedSum | samples.Last | samples.LatestSum, chunk: Chunk, x: F64, at: list[int]) -> F64:
    """Pushed in two pieces, cut at a tick."""
    state, half = op.fresh(KEYS), len(at) // 2
    out, sent = [], 0
    for some in (at[:half], at[half:]):
        if some:
            due = int(np.searchsorted(chunk.known_at, some[-1], side="right"))
            out.append(op.push(state, chunk[sent:due], x[sent:due], np.array(some, np.int64)))
            sent = due
    return np.concatenate(out)


@settings(max_examples=80, deadline=None)
@given(events, ticks, st.integers(1, 20))
def test_samples(some: list[tuple[int, int, float, int]], at: list[int], span: int) -> None:
    chunk, x, all_rows, happened = told(some)
    same(sampled(samples.WindowSum(span), chunk, x, at), plain.at_ticks(at, KEYS, plain.window_sum(all_rows, span)))
    same(sampled(samples.Last(span), chunk, x, at), plain.at_ticks(at, KEYS, plain.last(all_rows, span)))
    same(sampled(samples.LatestSum(span), chunk, x, at), plain.at_ticks(at, KEYS, plain.latest_sum(all_rows, happened, span)))
    same(sampled(samples.DecayedSum(span), chunk, x, at), plain.at_ticks(at, KEYS, plain.decayed_sum(all_rows, span)), close=1e-9)


@settings(max_examples=30, deadline=None)
@given(events, ticks, st.sampled_from([0.5, 0.25, 1e-4]))
def test_window_sums_in_fractions(some: list[tuple[int, int, float, int]], at: list[int], quantum: float) -> None:
    chunk, x, all_rows, _ = told(some)
    got = sampled(samples.WindowSum(9, quantum), chunk, x * quantum, at)
    same(got, np.array(plain.at_ticks(at, KEYS, plain.window_sum(all_rows, 9))) * quantum)


@settings(max_examples=40, deadline=None)
@given(events, ticks, st.integers(1, 20), st.integers(0, 2))
def test_last_of_many_columns_at_once(some: list[tuple[int, int, float, int]], at: list[int], span: int, few: int) -> None:
    chunk, x, _, _ = told(some)
    op = samples.Last(span)
    columns = [x, x * 2.0, -x]
    stacked = op.push_all(op.fresh(KEYS, 3), chunk, columns, np.array(at))
    try:
        samples.FEW_ROWS, kept = few, samples.FEW_ROWS  # so few rows count as a history
        one_by_one = op.push_all(op.fresh(KEYS, 3), chunk, columns, np.array(at))
    finally:
        samples.FEW_ROWS = kept
    same(one_by_one, stacked)
    for got, column in zip(stacked, columns, strict=True):
        same(got, op.push(op.fresh(KEYS), chunk, column, np.array(at)))


def test_a_window_keeps_only_what_it_needs() -> None:
    op, state = samples.WindowSum(10), samples.WindowSum(10).fresh(1)
    for start in range(0, 100_000, 100):
        known = np.arange(start, start + 100)
        chunk = chunk_of(NewsItem, ("A",), key=np.zeros(100), event_at=known, known_at=known, columns={})
        out = op.push(state, chunk, np.ones(100), np.array([start + 99]))
        assert out[0, 0] == 10.0
    head, end, *_ = state["place"]
    assert end - head < 200
    assert state["rows"].shape[1] <= 4096

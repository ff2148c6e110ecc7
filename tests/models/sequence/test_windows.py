"""Windows stay within one symbol's unbroken stretch, and what is learnt stays before what is judged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.sequence.worlds import HORIZON, panel
from undertow.core.errors import BadInput
from undertow.models.sequence.training import balance, split
from undertow.models.sequence.windows import Panel, Windows, arrange, fit_scaler


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.sampled_from([0, 1, 2]))
def test_a_window_is_what_a_plain_loop_collects(seed: int, lookback: int, across: int) -> None:
    rng = np.random.default_rng(seed)
    rows = 40
    where = rng.choice(3 * 200, rows, replace=False)
    given_panel = Panel(X=rng.standard_normal((rows, 2)), key=where // 200, tick=where % 200, session=(where % 200) // 4)
    order, begins = arrange(given_panel, across)
    windows = Windows.over(given_panel.X[order].astype(np.float32), begins, lookback).gather(np.arange(rows))
    for position, row in enumerate(order):
        wanted, at = [], row
        while at is not None and len(wanted) < lookback:
            wanted.append(given_panel.X[at].astype(np.float32))
            at = previous(given_panel, at, across)
        wanted += [np.zeros(2, np.float32)] * (lookback - len(wanted))
        assert np.array_equal(windows[position], np.array(wanted[::-1]))


def previous(of: Panel, row: int, across: int) -> int | None:
    """The row before in the same symbol, unless a hole lies between: sought among all rows, one by one."""
    before = [i for i in range(len(of)) if of.key[i] == of.key[row] and of.tick[i] < of.tick[row]]
    if not before:
        return None
    last = max(before, key=lambda i: of.tick[i])
    return last if of.session[row] - of.session[last] <= across else None


def test_windows_are_gathered_from_one_matrix() -> None:
    of = panel(rows=500, symbols=2, features=10)
    order, begins = arrange(of, 1)
    windows = Windows.over(of.X[order].astype(np.float32), begins, lookback=60)
    assert windows.rows.nbytes == (len(of) + 1) * 10 * 4
    assert windows.gather(np.array([5, 999])).shape == (2, 60, 10)


def test_a_row_trains_only_if_its_label_was_known_before_the_first_validation_row() -> None:
    of = panel(rows=100, symbols=3)
    usable = np.flatnonzero(of.key != 1)
    train, validation = split(of.tick, of.label_known_at, usable, 0.2)
    assert set(of.key[train]) == set(of.key[validation]) == {0, 2}
    assert of.label_known_at[train].max() < of.tick[validation].min()
    assert of.tick[validation].min() - of.tick[train].max() == HORIZON + 1
    assert (len(train), len(validation)) == (2 * (80 - HORIZON), 2 * 20)


@pytest.mark.parametrize("ticks", [0, 1, 2, 3])
def test_a_split_of_next_to_nothing_leaves_nothing_in_both_parts(ticks: int) -> None:
    tick = np.arange(ticks)
    train, validation = split(tick, tick, np.arange(ticks), 0.2)
    assert not set(train) & set(validation)
    assert (len(validation) > 0) == (ticks > 1)


def test_a_scaler_takes_what_is_not_known_as_the_mean_and_says_so_where_it_is_frequent() -> None:
    X = np.random.default_rng(0).normal(5.0, 2.0, (1000, 6))
    X[::3, 1], X[7, 2], X[:, 3], X[:, 4], X[0, 5] = np.nan, np.inf, 4.0, np.nan, 1e9
    scaler = fit_scaler(X)
    assert list(scaler.masked) == [1]
    scaled = scaler.apply(X)
    assert scaled.shape == (1000, 7)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() <= 5.0
    assert not scaled[::3, 1].any()
    assert scaled[7, 2] == 0.0
    assert not scaled[:, 3:5].any()
    assert np.array_equal(scaled[:, 6], np.isfinite(X[:, 1]))
    assert abs(scaled[:, 0].std() - 1.0) < 1e-3


def test_balanced_classes_weigh_the_same_and_one_class_is_left_alone() -> None:
    y, weight = np.array([1.0, 0.0, 0.0, 0.0]), np.array([2.0, 1.0, 1.0, 4.0])
    even = balance(y, weight)
    assert even[0] == pytest.approx(even[1:].sum())
    assert even.sum() == pytest.approx(weight.sum())
    assert np.array_equal(balance(np.ones(4), weight), weight)


def test_a_panel_that_contradicts_itself_is_refused() -> None:
    of = panel(rows=5, symbols=1)
    with pytest.raises(BadInput, match="same length"):
        replace(of, key=of.key[1:])
    with pytest.raises(BadInput, match="given two"):
        arrange(replace(of, tick=np.zeros(5, np.int64)), 1)
    with pytest.raises(BadInput, match="taught on 3 features and got 2"):
        fit_scaler(of.X).apply(of.X[:, :2])


def test_the_tail_holds_the_last_rows_of_each_symbol() -> None:
    of = panel(rows=10, symbols=3)
    tail = of.tail(4)
    assert sorted(set(zip(tail.key.tolist(), tail.tick.tolist(), strict=True))) == [(k, t) for k in range(3) for t in range(6, 10)]

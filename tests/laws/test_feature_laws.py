"""The laws, over every feature there is: nobody writes a test to add a feature."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.events import Bar, ChainRow, DailyBar
from undertow.features.engineering import FeatureEngineering
from undertow.validation import laws
from undertow.validation.laws import Subject
from undertow.validation.planted_tape import planted_tape

TICKS = 96
seeds = st.integers(0, 2**32 - 1)
places = st.integers(1, TICKS - 2)


def subject(seed: int) -> Subject:
    kinds = laws.kinds_of(FeatureEngineering, ("AAA",), nyse())
    return Subject(features=FeatureEngineering, material=planted_tape(kinds, nyse(), seed=seed, ticks=TICKS + 4))


def test_the_tape_puts_every_feature_to_the_test() -> None:
    one = subject(0)
    assert len(one.material.ticks) >= TICKS
    assert not laws.is_known_at_all(one)
    assert not laws.says_what_it_is(one)


def test_the_tape_has_a_holiday_a_half_day_a_split_and_ties() -> None:
    material = subject(0).material
    chunks = {chunk.kind: chunk for chunk in material.chunks}
    position = np.unique(material.calendar.position(chunks[Bar].event_at))
    assert material.calendar.half_days()[position].any()
    weekdays = np.arange(*material.calendar.day[position[[0, -1]]])
    assert np.is_busday(weekdays).sum() > len(position) - 1  # Thanksgiving is a weekday without a session
    for kind in (Bar, DailyBar, ChainRow):
        assert len(np.intersect1d(chunks[kind].known_at, material.ticks)), kind
        assert len(np.setdiff1d(chunks[kind].known_at, material.ticks)), kind
    close = chunks[DailyBar].columns["close"][chunks[DailyBar].key == 0]
    assert close[-1] < close[-3] / 3


@settings(max_examples=8, deadline=None)
@given(seeds)
def test_law_1_two_clocks(seed: int) -> None:
    one = subject(seed)
    assert not laws.law_1_known_at(one, np.random.default_rng(seed))
    assert not laws.law_1_ties(one)


@settings(max_examples=3, deadline=None)
@given(seeds)
def test_law_2_one_order(seed: int) -> None:
    assert not laws.law_2_same_bytes(subject(seed))


@settings(max_examples=12, deadline=None)
@given(seeds, st.lists(places, max_size=30, unique=True))
def test_law_3_one_fold(seed: int, cuts: list[int]) -> None:
    assert not laws.law_3_any_cut(subject(seed), cuts, np.random.default_rng(seed))


def test_law_3_tick_by_tick() -> None:
    assert not laws.law_3_any_cut(subject(1), list(range(TICKS)), np.random.default_rng(1))


@settings(max_examples=10, deadline=None)
@given(seeds, places)
def test_law_4_causality(seed: int, position: int) -> None:
    assert not laws.law_4_causality(subject(seed), position, np.random.default_rng(seed))


@settings(max_examples=8, deadline=None)
@given(seeds, places)
def test_law_5_warm_up(seed: int, position: int) -> None:
    assert not laws.law_5_warm_up(subject(seed), position)


def test_law_5_does_leave_something_out() -> None:
    one = subject(2)
    features = one.fresh().features
    for name in ("sma_50_1d", "short_share_score", "volume_by_slot", "put_share_of_volume", "macd_histogram"):
        for chunk in one.material.chunks:
            memory = features[name].memories().get(chunk.kind)
            if memory is not None and chunk.kind.kind != "corporate_action":
                assert 0 < len(laws.since(chunk, int(one.material.ticks[10]), memory, nyse())) < len(chunk), name


@pytest.mark.parametrize("symbols", [("ONE",), ("AAA", "BBB", "CCC", "DDD", "EEE")])
def test_any_number_of_symbols(symbols: tuple[str, ...]) -> None:
    kinds = laws.kinds_of(FeatureEngineering, symbols, nyse())
    one = Subject(features=FeatureEngineering, material=planted_tape(kinds, nyse(), symbols=symbols, ticks=20))
    assert not laws.law_3_any_cut(one, [3, 5], np.random.default_rng(0))
    assert not laws.law_4_causality(one, 8, np.random.default_rng(0))


@settings(max_examples=4, deadline=None)
@given(st.data())
def test_a_feature_alone_equals_the_same_in_company(data: st.DataObject) -> None:
    one = subject(3)
    names = list(one.fresh().features)
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=6, unique=True))
    alone = one.fresh(chosen)
    rows = [names.index(name) for name in alone.features]
    got, whole = alone.push(one.material.chunks, one.material.ticks), one.run(one.material.chunks, one.material.ticks)
    np.testing.assert_array_equal(got, whole[:, :, rows])

"""Times and numbers as vendors write them, exactly."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.core.events import MISSING
from undertow.core.time import HOUR, SECOND, iso
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import real, units, units_column, whole, whole_column
from undertow.sources.wire.stamps import day_of, instant, instant_of, new_york_day, new_york_midnight, new_york_time, retry_after


@given(st.integers(min_value=978_307_200_000_000_000, max_value=4_102_444_800_000_000_000))
def test_an_instant_is_told_by_its_size(ns: int) -> None:
    for scale in (1, 10**3, 10**6, 10**9):
        assert instant(ns // scale) == ns // scale * scale
    assert instant(str(ns)) == ns


@pytest.mark.parametrize("bad", [None, "", 0, -1, True, 1.5, float("nan"), 2**63, "x", [1], "1.5"])
def test_what_is_no_instant_is_refused(bad: object) -> None:
    with pytest.raises(BadAnswer):
        instant(bad)


def test_texts_with_offsets() -> None:
    assert iso(instant_of("2023-09-07T09:30:00-04:00")) == "2023-09-07T13:30:00Z"
    assert instant_of("2023-12-12T16:35:52.168490Z") % SECOND == 168_490_000
    assert instant_of("2023-12-12 16:35:52.123456789+0530") == instant_of("2023-12-12T11:05:52.123456789Z")
    assert instant_of("2024-01-02T10:00-05") == instant_of("2024-01-02T15:00:00Z")
    for bad in ("2023-09-07T09:30:00", "2023-09-07", "2023-13-07T09:30:00Z", "2023-09-07T25:30:00Z", "", None, 5):
        with pytest.raises(BadAnswer):
            instant_of(bad)


def test_new_york() -> None:
    spring = day_of("2026-03-08")
    assert new_york_midnight(spring + 1) - new_york_midnight(spring) == 23 * HOUR
    assert new_york_day(instant_of("2026-03-09T03:59:59Z")) == spring
    assert new_york_day(instant_of("2026-03-09T04:00:00Z")) == spring + 1
    assert iso(new_york_time(day_of("2026-11-24"), 20 * HOUR)) == "2026-11-25T01:00:00Z"
    for bad in ("2026-02-30", "20260301", None, 5):
        with pytest.raises(BadAnswer):
            day_of(bad)


def test_retry_after_says_nothing_when_it_makes_no_sense() -> None:
    for text in ("", "soon", "-5", "99999999999999999999"):
        assert retry_after(text, 0) is None


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=4))
def test_money_is_exact_from_texts_and_from_json_numbers(value: Decimal) -> None:
    exact = int(value * 10_000)
    assert units(str(value)) == exact
    assert units(float(value)) == exact
    assert units_column([float(value), 1])[0] == exact
    assert units_column([str(value), None, ""]).tolist() == [exact, MISSING, MISSING]


@given(st.integers(min_value=-(2**62) + 1, max_value=2**62 - 1))
def test_whole_numbers_beyond_a_float_stay_exact(value: int) -> None:
    assert whole(value) == whole(str(value)) == value
    assert whole_column([value, 1]).tolist() == [value, 1]


def test_more_decimals_go_to_the_nearest_and_odd_forms_are_read() -> None:
    assert units("0.013608286252") == 136
    assert units("2.5e6") == 25_000_000_000
    assert whole("100.0") == 100
    assert whole(1234.6) == 1235
    assert np.isnan(real(None))
    assert np.isnan(real(""))
    assert real("0.3086") == 0.3086
    for bad in ("x", "NaN", "inf", float("inf"), float("nan"), True, [1], {}, "1e400", 10**40):
        for read in (units, whole, real):
            with pytest.raises(BadAnswer):
                read(bad)

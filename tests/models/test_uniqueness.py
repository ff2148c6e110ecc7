"""Labels that overlap and levels differenced by a fraction: worked by hand, against plain twins and by what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.errors import BadInput
from undertow.models.differencing import difference, fractional_weights, window
from undertow.models.uniqueness import alive, average_uniqueness, draw_probabilities, sequential_bootstrap

spans = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=12)


def test_uniqueness_by_hand() -> None:
    start, end = np.array([0, 2, 4]), np.array([3, 4, 6])
    assert alive(start, end).tolist() == [1, 1, 2, 1, 1, 1]
    assert average_uniqueness(start, end) == pytest.approx([5 / 6, 3 / 4, 1.0])
    assert draw_probabilities(start, end, np.array([1])) == pytest.approx(np.array([5, 3, 6]) / 14)
    assert draw_probabilities(start, end, np.array([], np.int64)) == pytest.approx([1 / 3] * 3)


@settings(max_examples=60, deadline=None)
@given(spans, st.lists(st.integers(0, 11), max_size=4))
def test_uniqueness_equals_the_plain_way(some: list[tuple[int, int]], drawn: list[int]) -> None:
    start, end = np.array([a for a, _ in some]), np.array([a + n for a, n in some])
    count = [sum(a <= t < a + n for a, n in some) for t in range(20)]
    plain = [np.mean([1 / count[t] for t in range(a, a + n)]) for a, n in some]
    assert average_uniqueness(start, end) == pytest.approx(plain)
    taken = [some[i % len(some)] for i in drawn]
    after = [np.mean([1 / (1 + sum(b <= t < b + m for b, m in taken)) for t in range(a, a + n)]) for a, n in some]
    got = draw_probabilities(start, end, np.array([i % len(some) for i in drawn], np.int64))
    assert got == pytest.approx(np.array(after) / sum(after))


def test_drawing_one_after_the_other_follows_the_probabilities() -> None:
    start, end = np.array([0, 2, 4]), np.array([3, 4, 6])
    rng = np.random.default_rng(0)
    drawn = np.array([sequential_bootstrap(start, end, 2, rng) for _ in range(2_000)])
    for first in range(3):
        second = drawn[drawn[:, 0] == first, 1]
        expected = draw_probabilities(start, end, np.array([first]))
        assert np.bincount(second, minlength=3) / len(second) == pytest.approx(expected, abs=0.06)
    assert np.bincount(drawn[:, 0]) / 2_000 == pytest.approx([1 / 3] * 3, abs=0.035)


def test_drawing_one_after_the_other_overlaps_less_than_evenly() -> None:
    rng = np.random.default_rng(1)
    start = np.sort(rng.integers(0, 200, 80))
    end = start + rng.integers(1, 12, 80)

    def unique(drawn: np.ndarray) -> float:
        return float(average_uniqueness(start[drawn], end[drawn]).mean())

    apart = np.mean([unique(sequential_bootstrap(start, end, 80, rng)) for _ in range(20)])
    evenly = np.mean([unique(rng.integers(0, 80, 80)) for _ in range(20)])
    assert apart > evenly + 0.02
    again = [sequential_bootstrap(start, end, 80, np.random.default_rng(7)) for _ in range(2)]
    np.testing.assert_array_equal(*again)


def test_spans_that_are_none_are_refused() -> None:
    for start, end in (([0], [0]), ([-1], [2]), ([], []), ([0, 1], [2])):
        with pytest.raises(BadInput, match="Spans of labels"):
            average_uniqueness(np.array(start, np.int64), np.array(end, np.int64))


def test_fractional_weights_by_hand() -> None:
    assert fractional_weights(0.4, 6) == pytest.approx([1, -0.4, -0.12, -0.064, -0.0416, -0.029952])
    assert fractional_weights(1.0, 4).tolist() == [1.0, -1.0, 0.0, 0.0]
    assert fractional_weights(2.0, 4) == pytest.approx([1, -2, 1, 0])
    # differencing by .3 and then by .7 is differencing by 1
    assert np.convolve(fractional_weights(0.3, 50), fractional_weights(0.7, 50))[:50] == pytest.approx([1, -1] + [0] * 48)
    kept = window(0.4)
    assert abs(kept[-1]) >= 1e-4 > abs(fractional_weights(0.4, len(kept) + 1)[-1])


def test_differencing_over_a_fixed_window() -> None:
    x = np.cumsum(np.random.default_rng(2).standard_normal(1_500))
    np.testing.assert_allclose(difference(x, 1.0)[1:], np.diff(x), atol=1e-12)
    np.testing.assert_array_equal(difference(x, 0.0), x)
    got, weights = difference(x, 0.5), window(0.5)
    assert np.isnan(got[: len(weights) - 1]).all()
    assert got[1_400] == pytest.approx(weights @ x[1_400 : 1_400 - len(weights) : -1])
    later = x.copy()
    later[1_000] += 5.0
    np.testing.assert_array_equal(difference(later, 0.5)[:1_000], got[:1_000])  # what comes later changes nothing before
    x[700] = np.nan
    assert np.isnan(difference(x, 0.5)[700 : 700 + len(weights)]).all()
    assert np.isnan(difference(x[:5], 0.5)).all()
    with pytest.raises(BadInput, match="below 0"):
        difference(x, -0.1)

"""Attribution: by hand, and exact whatever the numbers are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.views import NAN
from undertow.core.errors import BadInput
from undertow.strategies.attribution import REST, attribute


def test_by_hand() -> None:
    parts = np.array([[[0.5], [0.5]], [[0.25], [-0.5]]])
    price = np.array([[100.0], [110.0], [99.0]])
    found = attribute(("a", "b"), parts, price, np.array([[1000.0], [1100.0]]), np.array([-7.0]))
    assert found.names == ("a", "b", REST)
    # +10 % of 1,000 and -10 % of 1,100: 50 - 55 and 25 + 55; the account lost 7 and so 82 went elsewhere
    assert found.usd()[:, 0].tolist() == pytest.approx([-5.0, 80.0, -82.0])
    assert found.gain.sum(axis=0).tolist() == [-70_000]


def test_a_target_that_says_nothing_holds_and_a_price_that_is_missing_stands() -> None:
    parts = np.array([[[1.0], [NAN], [0.0]]])
    price = np.array([[100.0], [NAN], [120.0], [150.0]])
    found = attribute(("a",), parts, price, np.full((3, 1), 1000.0), np.array([200.0]))
    assert found.usd()[:, 0].tolist() == pytest.approx([200.0, 0.0])
    never = attribute(("a",), parts, np.full((4, 1), NAN), np.full((3, 1), 1000.0), np.array([1.0]))
    assert never.usd()[:, 0].tolist() == pytest.approx([0.0, 1.0])


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_lines_sum_to_the_total_exactly(seed: int) -> None:
    rng = np.random.default_rng(seed)
    parts = rng.uniform(-1.0, 1.0, (3, 50, 2))
    parts[rng.random(parts.shape) < 0.1] = NAN
    price = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, (51, 2)), axis=0))
    gained = np.round(rng.normal(0.0, 1e4, 2), 4)
    found = attribute(("a", "b", "c"), parts, price, rng.uniform(1e3, 1e5, (50, 2)), gained)
    assert found.gain.sum(axis=0).tolist() == np.rint(gained * 10_000).astype(int).tolist()


def test_shapes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="do not fit"):
        attribute(("a",), np.zeros((1, 3, 2)), np.ones((3, 2)), np.ones((3, 2)), np.zeros(2))

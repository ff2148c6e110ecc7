"""Every strategy is a pure function of a row: alone, in company, cut anywhere, in any order; within its bounds, and silent without data."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.strategies.views import NAN, drawn, made, rows
from undertow.features.engineering import FeatureEngineering
from undertow.strategies.book import Book
from undertow.strategies.catalogue import strategies, strategy_names

ALONE = [Book(strategies((name,))) for name in strategy_names()]
EVERY = [*ALONE, Book(strategies(strategy_names())), Book(strategies(("meta", "market_structure")))]
IDS = [book.name for book in EVERY]


@pytest.mark.parametrize("book", EVERY, ids=IDS)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), cut=st.integers(0, 40))
def test_a_row_stands_alone(book: Book, seed: int, cut: int) -> None:
    view = drawn(seed, book.reads)
    once = book.targets(view)
    assert once.shape == view.p_up.shape
    singly = np.concatenate([book.targets(rows(view, slice(i, i + 1))) for i in range(len(view.ticks))])
    assert once.tobytes() == singly.tobytes()
    halves = [book.targets(rows(view, part)) for part in (slice(0, cut), slice(cut, None))]
    assert once.tobytes() == np.concatenate(halves).tobytes()
    order = np.random.default_rng(seed).permutation(len(view.ticks))
    assert once[order].tobytes() == book.targets(rows(view, order)).tobytes()
    assert np.all((np.abs(once) <= 1.0) | np.isnan(once))


@pytest.mark.parametrize("name", strategy_names())
def test_a_view_is_left_as_it_was(name: str) -> None:
    (strategy,) = strategies((name,))
    view = drawn(1, strategy.reads)
    for array in (view.X, view.p_up, view.direction, view.volatility, view.cost, view.ticks):
        if array is not None:
            array.flags.writeable = False
    strategy.targets(view)


@pytest.mark.parametrize("name", [name for name in strategy_names() if name != "meta"])
def test_absent_data_gives_no_position(name: str) -> None:
    (strategy,) = strategies((name,))
    view = made(p_up=[0.7, 0.6], direction=[1, 1], symbols=2)
    assert strategy.targets(view).tobytes() == np.zeros((2, 2)).tobytes()
    unknown = made(symbols=2, **{feature: [NAN, NAN] for feature in strategy.reads}, other=[1.0, 1.0])
    assert not strategy.targets(unknown).any()
    assert not np.isnan(strategy.targets(unknown)).any()


@pytest.mark.parametrize("name", strategy_names())
def test_what_is_not_known_never_makes_a_position_larger_than_the_bound(name: str) -> None:
    (strategy,) = strategies((name,))
    view = drawn(2, strategy.reads, ticks=200)
    for missing in strategy.reads:
        j = strategy.reads.index(missing)
        assert view.X is not None
        X = view.X.copy()
        X[:, :, j] = NAN
        targets = strategy.targets(replace(view, X=X))
        assert not np.isnan(targets).any()
        assert np.abs(targets).max() <= 1.0


@pytest.mark.parametrize("name", strategy_names())
def test_it_reads_what_it_looks_at_and_nothing_else(name: str) -> None:
    (strategy,) = strategies((name,))
    assert len(set(strategy.reads)) == len(strategy.reads)
    assert {feature for need in strategy.needs for feature in need.any_of} <= set(strategy.reads)
    if strategy.reads:
        FeatureEngineering(["AAPL"], only=strategy.reads)  # raises for a feature that does not exist
    view = drawn(3, strategy.reads)
    noted: list[str] = []

    class Noting(type(view)):  # type: ignore[misc]
        def feature(self, feature: str) -> object:
            noted.append(feature)
            return super().feature(feature)

    looked = Noting(**{field: getattr(view, field) for field in view.__dataclass_fields__})
    strategy.targets(looked)
    if name == "market_structure":
        strategy.scale(looked)  # type: ignore[attr-defined]
    assert set(noted) == set(strategy.reads) - ({"breadth_50"} if len(view.symbols) < 10 else set())

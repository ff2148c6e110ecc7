"""Numbers of single option rows: side, touch, tenor, moneyness, nearness; and the lookup by symbol alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import MISSING, Bar, NewsItem, OptionTrade
from undertow.core.time import DAY, HOUR
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import Expr
from undertow.features.language.joins import AsOf, Latest
from undertow.features.language.newest import Newest
from undertow.features.language.register import feature
from undertow.features.operators import option_rows
from undertow.features.vocabulary import OptionPrints
from undertow.features.vocabulary.columns import classes
from undertow.sources.tape_derived.sides import Sides

NAN = float("nan")
WORDS = ("209", "219", "227", "232", "219,232", "", "201", "204", "246", "209,219")


class Rows(FeatureEngineering):
    """Single rows, looked at through the newest value."""

    @feature(unit="-1 to 1")
    def row_lean(self) -> Expr:
        """Lean."""
        return OptionPrints.lean.last()

    @feature(unit="contracts")
    def row_contracts(self) -> Expr:
        """Contracts."""
        return OptionPrints.contracts.last()

    @feature(unit="0 or 1")
    def row_package(self) -> Expr:
        """Package."""
        return OptionPrints.is_package.last()


def prints(n: int, seed: int = 0) -> Chunk:
    rng = np.random.default_rng(seed)
    bid = rng.integers(0, 4, n) * 100
    ask = bid + rng.integers(0, 5, n) * 100
    price = rng.integers(-1, 10, n) * 100
    none = rng.random(n) < 0.1
    at = 20_000 * DAY + 15 * HOUR + np.arange(n)
    columns = {
        "bid": np.where(none, MISSING, bid),
        "ask": np.where(none, MISSING, ask),
        "price": np.maximum(price, 0),
        "size": rng.integers(1, 9, n),
        "conditions": rng.choice(np.array(WORDS, object), n),
        "is_put": rng.integers(0, 2, n),
        "strike": np.full(n, 1_000_000),
        "expiry": np.full(n, 20_010),
    }
    return chunk_of(OptionTrade, ("A",), key=np.zeros(n), event_at=at, known_at=at, columns=columns)


def test_the_lean_is_that_of_the_sources_where_there_is_a_quote() -> None:
    some = prints(3_000)
    fe = Rows(("A",), only=["row_lean", "row_contracts", "row_package"])
    assert list(fe.features) == ["row_contracts", "row_lean", "row_package"]
    contracts, lean, package = fe.push([some], some.known_at)[:, 0].T
    bid, ask = some.numbers("bid"), some.numbers("ask")
    quoted = ask > bid
    expected = 2.0 * Sides().push(some) - 1.0
    np.testing.assert_allclose(lean[quoted], expected[quoted], atol=1e-12)
    assert (lean[~quoted] == 0.0).all()
    assert len(np.unique(np.round(lean, 6))) == 5  # sweeps, prices inside the quote, both sides, and nothing
    void = np.isin(some.columns["conditions"], ["201", "246"])
    np.testing.assert_array_equal(contracts, np.where(void, 0.0, some.numbers("size")))
    np.testing.assert_array_equal(package, np.isin(some.columns["conditions"], ["232", "219,232"]).astype(float))


def test_touch() -> None:
    price, bid, ask = (np.array(v, float) for v in ([5, 3, 4, 6, 2, 5, 5], [3, 3, 3, 3, 3, NAN, 3], [5, 5, 5, 5, 5, NAN, 5]))
    code = np.array([0, 0, 0, 0, 0, 0, option_rows.UNSIGNED], float)
    assert option_rows.touch(price, bid, ask, code).tolist() == [1, -1, 0, 1, -1, 0, 0]


def test_tenor_and_moneyness() -> None:
    np.testing.assert_array_equal(option_rows.tenor(np.array([-1.0, 0, 7, 8, 30, 31, 90, 91, NAN])), [NAN, 0, 0, 1, 1, 2, 2, 3, NAN])
    strike, put = np.array([103.0, 97, 101, 103, 97, 103, 0]), np.array([0.0, 0, 0, 1, 1, 0, 0])
    spot = np.array([100.0, 100, 100, 100, 100, NAN, 100])
    np.testing.assert_array_equal(option_rows.moneyness(strike, spot, put), [0, 2, 1, 2, 0, NAN, NAN])


def test_delta_of_the_last_day_and_after() -> None:
    days = np.array([-1.0, 0.0, 30.0])
    got = option_rows.delta(np.full(3, 100.0), np.full(3, 102.0), days, np.full(3, 0.3), np.zeros(3))
    assert np.isnan(got[0])
    assert 0.9 < got[1] < 1.0  # half a day is left
    assert 0.5 < got[2] < 0.65


def test_near() -> None:
    near = option_rows.Near(0.5, 30.0)
    delta, days = np.array([0.5, 0.425, 0.35, 0.5, 0.5, 0.5, 0.5, NAN, -0.5]), np.array([30.0, 30, 30, 60, 30 * 2**0.5, 0, -3, 30, 30])
    volatility = np.full(9, 0.3)
    np.testing.assert_allclose(near(delta, days, volatility), [1.0, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0], atol=1e-12)
    assert near(delta[:1], days[:1], np.array([NAN])).tolist() == [0.0]


told = st.lists(st.tuples(st.integers(0, 3) | st.just(0), st.integers(0, 1), st.integers(-9, 9).map(float) | st.just(NAN)), max_size=30)


def chunk(kind: type, some: list) -> tuple[Chunk, F64]:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64)
    key = np.array([k for _, k, _ in some], np.int64)
    return chunk_of(kind, ("A", "B"), key=key, event_at=known, known_at=known, columns={}), np.array([v for *_, v in some])


@settings(max_examples=150, deadline=None)
@given(
    told,
    told,
    st.integers(1, 12),
    st.sampled_from(["", "B"]),
    st.sampled_from([(Bar, NewsItem), (NewsItem, Bar), (Bar, Bar)]),
    st.integers(0, 40),
)
def test_the_walk_finds_what_the_sort_finds(some: list, more: list, age: int, symbol: str, kinds: tuple, cut: int) -> None:
    how = AsOf((), False, age, symbol)
    base, other = chunk(kinds[0], some)[0], chunk(kinds[1], more)
    if kinds[0] is kinds[1]:
        base = other[0]
    walk, sort = Newest(2), Latest()
    for a, b in ((-1, cut), (cut, 10**6)):
        rows = (other[0].known_at > a) & (other[0].known_at <= b)
        piece = base.between(a, b), other[0].between(a, b), other[1][rows], how
        np.testing.assert_array_equal(walk.push(*piece), sort.push(*piece))


def test_classes_in_one_pass() -> None:
    class Codes(FeatureEngineering):
        @feature(unit="code")
        def row_code(self) -> Expr:
            """The code."""
            return OptionPrints.code.last()

    texts = np.array(["219", "232", "201", "204", "219,227", "", "999"], object)
    at = np.arange(7) + DAY * 20_000
    some = chunk_of(OptionTrade, ("A",), key=np.zeros(7), event_at=at, known_at=at, columns={"conditions": texts})
    got = Codes(("A",), only=["row_code"]).push([some], at)[:, 0, 0]
    assert got.tolist() == [1.0, 4.0 + 16.0, 4.0 + 8.0, 4.0, 3.0, 0.0, 0.0]


def test_classes_of_a_column_that_is_not_there() -> None:
    with pytest.raises(ValueError, match="option_trade has no column 'condition'"):
        classes(OptionTrade, "condition", (("1",),))

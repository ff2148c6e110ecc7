"""Law 6 for joins: the newest row of another kind, the row before of the same kind, and splits, against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import RANK, ChainRow, CorporateAction, DailyBar, Event, OpenInterest
from undertow.features.language.joins import AsOf, Latest, SplitHistory, identity

SYMBOLS = ("A", "B")
#: gap, symbol, strike, lateness
rows = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(1, 2), st.integers(0, 3)), max_size=30)


def chunk(kind: type[Event], some: list[tuple[int, int, int, int]]) -> Chunk:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64)
    key, strike = (np.array([row[i] for row in some], np.int64) for i in (1, 2))
    event = known - np.array([row[3] for row in some], np.int64)
    own = {"strike": strike, "expiry": strike * 0, "is_put": strike * 0} if kind in (ChainRow, OpenInterest) else {}
    return chunk_of(kind, SYMBOLS, key=key, event_at=event, known_at=known, columns=own)


def plainly(base: Chunk, other: Chunk, value: F64, how: AsOf) -> list[float]:
    """The last row of ``other`` that was told before each row of ``base``, if it is not too old."""
    out = []
    for i in range(len(base)):
        found = math.nan
        for j in range(len(other)):
            known, at = int(other.known_at[j]), int(base.known_at[i])
            earlier = known < at or (known == at and RANK[other.kind] < RANK[base.kind])
            mine = other.key[j] == base.key[i] and all(other.columns[n][j] == base.columns[n][i] for n in how.by)
            if earlier and mine:
                fits = at - known < how.max_age and (not how.same or other.event_at[j] == base.event_at[i])
                found = float(value[j]) if fits else math.nan
        out.append(found)
    return out


def joined(base: Chunk, other: Chunk, value: F64, how: AsOf, cuts: list[int]) -> F64:
    latest, out, last = Latest(), [np.empty(0)], -1
    for now in [*sorted(set(cuts)), 10**6]:
        a, b = np.searchsorted(other.known_at, [last, now], side="right")
        out.append(latest.push(base.between(last, now), other[int(a) : int(b)], value[a:b], how))
        last = now
    return np.concatenate(out)


@settings(max_examples=80, deadline=None)
@given(rows, rows, st.booleans(), st.booleans(), st.integers(1, 30), st.lists(st.integers(0, 60), max_size=4))
def test_as_of_another_kind(some: list, more: list, contracts: bool, same: bool, max_age: int, cuts: list[int]) -> None:
    how = AsOf(("expiry", "strike", "is_put") if contracts else (), same, max_age)
    for base_kind, other_kind in ((OpenInterest, ChainRow), (ChainRow, OpenInterest), *([] if contracts else [(DailyBar, ChainRow)])):
        base, other = chunk(base_kind, some), chunk(other_kind, more)
        value = np.arange(len(other)).astype(float)
        np.testing.assert_array_equal(joined(base, other, value, how, cuts), plainly(base, other, value, how))


@settings(max_examples=60, deadline=None)
@given(rows, st.integers(1, 30), st.lists(st.integers(0, 60), max_size=4))
def test_the_row_before_of_the_same_kind(some: list, max_age: int, cuts: list[int]) -> None:
    base, how = chunk(ChainRow, some), AsOf(("strike",), False, max_age)
    value = np.arange(len(base)).astype(float)
    np.testing.assert_array_equal(joined(base, base, value, how, cuts), plainly(base, base, value, how))


def test_what_has_aged_is_forgotten() -> None:
    latest, how = Latest(), AsOf(("strike",), False, 50)
    for start in range(0, 10_000, 100):
        strikes = np.arange(start, start + 100)
        columns = {"strike": strikes, "expiry": strikes * 0, "is_put": strikes * 0}
        part = chunk_of(ChainRow, SYMBOLS, key=strikes % 2, event_at=strikes, known_at=strikes, columns=columns)
        latest.push(part, part, strikes.astype(float), how)
    assert len(latest._id) <= 100


@pytest.mark.parametrize("age", [1, 25, 26, 49, 50, 51])
def test_nothing_is_forgotten_before_its_time(age: int) -> None:
    how, latest = AsOf(("strike",), False, 50), Latest()
    first, between = chunk(ChainRow, [(0, 0, 1, 0)]), chunk(ChainRow, [(age - 1, 0, 2, 0)])
    nothing = chunk(OpenInterest, [])
    latest.push(nothing, first, np.array([7.0]), how)
    latest.push(nothing, between, np.array([8.0]), how)
    found = latest.push(chunk(OpenInterest, [(age, 0, 1, 0)]), first[:0], np.empty(0), how)
    np.testing.assert_array_equal(found, [7.0 if age < 50 else np.nan])


def test_identities_of_a_whole_market_differ() -> None:
    n = 400_000
    rng = np.random.default_rng(0)
    columns = {"expiry": rng.integers(20_000, 21_000, n), "strike": rng.integers(1, 4000, n) * 5000, "is_put": rng.integers(0, 2, n)}
    chain = chunk_of(ChainRow, SYMBOLS, key=rng.integers(0, 2, n), event_at=np.arange(n), known_at=np.arange(n), columns=columns)
    distinct = len(np.unique(np.stack([chain.key, *(chain.columns[c] for c in columns)]), axis=1).T)
    assert len(np.unique(identity(chain, tuple(columns)))) == distinct


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.lists(st.integers(0, 60), max_size=3))
def test_splits(seed: int, cuts: list[int]) -> None:
    rng = np.random.default_rng(seed)  # dense cases: the rule has four comparisons, and each has to matter in each example
    base = chunk(DailyBar, list(zip(*(rng.integers(0, high, 40).tolist() for high in (4, 2, 2, 20)), strict=True)))
    event, known, key = rng.integers(0, 60, 6), rng.integers(0, 60, 6), rng.integers(0, 2, 6)
    columns = {"ratio": rng.choice([1.0, 2.0, 7.0, 0.1], 6), "dividend": np.zeros(6)}
    told = chunk_of(CorporateAction, SYMBOLS, key=key, event_at=event, known_at=known, columns=columns)
    expected = []
    for i in range(len(base)):
        factor = 1.0
        for j in range(len(told)):
            due = told.event_at[j] <= base.event_at[i] and told.known_at[j] <= base.known_at[i]
            factor *= told.columns["ratio"][j] if due and told.key[j] == base.key[i] else 1.0
        expected.append(factor)
    splits, out, last = SplitHistory(), [np.empty(0)], -1
    for now in [*sorted(set(cuts)), 10**6]:
        out.append(splits.push(base.between(last, now), told.between(last, now)))
        last = now
    np.testing.assert_array_equal(np.concatenate(out), expected)

"""Law 6: the operators of single prints equal plain double loops written from their definitions."""

from __future__ import annotations

from math import ceil, floor, log

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import NewsItem, OffExchangePrint, Quote
from undertow.core.time import SECOND
from undertow.features.language import samples
from undertow.features.operators.prints import Drift, Heaviest, Standing, Upper

KEYS = 2
SYMBOLS = ("A", "B")
NAN = float("nan")
#: seconds to the row before, symbol, seconds late, value
Row = tuple[int, int, int, float]
gaps = st.integers(0, 4) | st.just(0)
prices = st.integers(90, 110).map(float) | st.just(NAN)


def rows(values: st.SearchStrategy[float]) -> st.SearchStrategy[list[Row]]:
    return st.lists(st.tuples(gaps, st.integers(0, KEYS - 1), st.integers(0, 3) | st.integers(0, 30), values), max_size=40)


def chunk(kind: type[Quote] | type[OffExchangePrint] | type[NewsItem], some: list[Row]) -> tuple[Chunk, F64]:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64) * SECOND
    event = known - np.array([late for _, _, late, _ in some], np.int64) * SECOND
    key = np.array([k for _, k, *_ in some], np.int64)
    return chunk_of(kind, SYMBOLS, key=key, event_at=event, known_at=known, columns={}), np.array([v for *_, v in some], np.float64)


def in_pieces(op: Standing | Drift, base: Chunk, other: Chunk, of_base: list[F64], of_other: list[F64]) -> F64:
    """Pushed up to one instant, and then the rest: the state has to carry over."""
    state, cut, parts = op.fresh(KEYS), 20 * SECOND, []
    a, b = (int(np.searchsorted(one.known_at, cut, side="right")) for one in (base, other))
    for i, j in ((slice(0, a), slice(0, b)), (slice(a, None), slice(b, None))):
        parts.append(op.push(state, base[i], other[j], *(x[i] for x in of_base), *(x[j] for x in of_other)))
    return np.concatenate(parts, axis=1)


@settings(max_examples=120, deadline=None)
@given(rows(st.just(0.0)), rows(prices), st.integers(5, 40), st.integers(2, 20))
@example([(6, 0, 3, 0.0)], [(0, 0, 0, NAN), (0, 0, 3, NAN), (1, 0, 5, NAN)], 5, 2)  # the newest event leaves its span before an older one
def test_the_value_that_stood(mine: list[Row], theirs: list[Row], span: int, patience: int) -> None:
    base, _ = chunk(OffExchangePrint, mine)
    other, value = chunk(Quote, theirs)
    expected = np.full((2, len(base)), np.nan)
    for i in range(len(base)):
        at, known = base.event_at[i], base.known_at[i]
        told = [j for j in range(len(other)) if other.key[j] == base.key[i] and known - span * SECOND <= other.known_at[j] <= known]
        newest = max((int(other.event_at[j]) for j in told), default=None)
        if newest is None:
            continue
        expected[1, i] = (newest - at) / SECOND
        before = [(int(other.event_at[j]), j) for j in told if other.event_at[j] < at]
        if newest - at <= patience * SECOND and before:
            expected[0, i] = value[max(before)[1]]
    got = in_pieces(Standing(span * SECOND, patience * SECOND), base, other, [], [value])
    np.testing.assert_array_equal(got, expected)


signs = st.sampled_from([1.0, -1.0, 0.0, NAN])


@settings(max_examples=120, deadline=None)
@given(rows(signs), rows(prices), st.integers(15, 40), st.integers(2, 12))
def test_drift(mine: list[Row], theirs: list[Row], span: int, oldest: int) -> None:
    base, sign = chunk(OffExchangePrint, mine)
    other, price = chunk(Quote, theirs)
    horizons = (3, 7)

    def stood(k: int, at: int) -> float:
        told = [j for j in range(len(other)) if other.key[j] == k and other.known_at[j] <= at]
        return float(price[told[-1]]) if told and at - other.known_at[told[-1]] <= oldest * SECOND else NAN

    expected = np.full((2, len(base)), np.nan)
    for i in range(len(base)):
        for h, horizon in enumerate(horizons):
            moves = []
            for b in range(i):
                at, over = int(base.known_at[b]), int(base.known_at[b]) + horizon * SECOND
                counts = base.key[b] == base.key[i] and abs(sign[b]) == 1.0 and at >= base.known_at[i] - span * SECOND
                if counts and over < base.known_at[i]:
                    moves.append(sign[b] * (log(stood(int(base.key[b]), over)) - log(stood(int(base.key[b]), at))))
            known = [move for move in moves if not np.isnan(move)]
            expected[h, i] = np.mean(known) if known else NAN
    op = Drift(tuple(h * SECOND for h in horizons), span * SECOND, oldest * SECOND)
    got = in_pieces(op, base, other, [sign], [price])
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=2e-9)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, KEYS - 1), st.integers(0, 9).map(float) | st.just(NAN)), max_size=150),
    st.integers(1, 20),
    st.sampled_from([0.01, 0.1, 0.5, 1.0]),
)
def test_upper(some: list[tuple[int, float]], n: int, share: float) -> None:
    key, x = np.array([k for k, _ in some], np.int64), np.array([v for _, v in some], np.float64)
    before: list[list[float]] = [[] for _ in range(KEYS)]
    expected = []
    for k, value in some:
        last = sorted(before[k][-n:])
        expected.append(last[len(last) - ceil(share * n)] if len(last) == n else NAN)
        before[k].append(-np.inf if np.isnan(value) else value)
    op = Upper(n, share)
    state, cut = op.fresh(KEYS), len(some) // 3
    got = np.concatenate([op.push(state, key[:cut], x[:cut]), op.push(state, key[cut:], x[cut:])])
    np.testing.assert_array_equal(got, expected)


def test_upper_of_a_long_history() -> None:
    # lists of the largest overflow, drain and are made anew only in a long one
    rng = np.random.default_rng(0)
    for values in (rng.integers(0, 1_000_000, 6_000), rng.integers(0, 30, 6_000) // 3 * 100, np.sort(rng.integers(0, 99, 6_000))[::-1]):
        x, op = values.astype(np.float64), Upper(500, 0.01)
        got = op.push(op.fresh(1), np.zeros(len(x), np.int64), x)
        expected = [NAN] * 500 + [float(np.sort(x[i - 500 : i])[-5]) for i in range(500, len(x))]
        np.testing.assert_array_equal(got, expected)


def test_an_upper_quantile_has_a_share() -> None:
    with pytest.raises(ValueError, match="share"):
        Upper(10, 0.0)


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, KEYS - 1), prices, st.integers(0, 9).map(float), st.integers(0, 2), st.integers(0, 3)), max_size=60)
)
def test_heaviest(some: list[tuple[int, float, float, int, int]]) -> None:
    op = Heaviest(sessions=2, width=0.05, bins=64)
    turn = np.cumsum([step for *_, step, _ in some])
    session = np.maximum(turn - [late for *_, late in some], 0).astype(np.int64)
    key, price, weight = (
        np.array([k for k, *_ in some], np.int64),
        np.array([p for _, p, *_ in some]),
        np.array([w for _, _, w, *_ in some]),
    )
    expected = np.full((2, len(some)), np.nan)
    for i in range(len(some)):
        mine = [j for j in range(i + 1) if key[j] == key[i]]
        newest = max(session[j] for j in mine)
        sound = [j for j in mine if not np.isnan(price[j]) and weight[j] > 0.0]
        levels: dict[int, float] = {}
        for j in sound:
            if session[j] > newest - 2 and (session[j] > max(session[: j + 1][key[: j + 1] == key[i]]) - 2):
                at = floor(log(price[j]) / 0.05)
                levels[at] = levels.get(at, 0.0) + weight[j]
        if sound and levels:
            best = min(levels, key=lambda at: (-levels[at], at % 64))
            expected[:, i] = log(price[sound[-1]]) - (best + 0.5) * 0.05, levels[best] / sum(levels.values())
    state, cut = op.fresh(KEYS), len(some) // 3
    cuts = (slice(0, cut), slice(cut, None))
    got = np.concatenate(
        [op.push(state, key[c], price[c].astype(np.float64), weight[c].astype(np.float64), session[c]) for c in cuts], axis=1
    )
    np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-12)


@settings(max_examples=80, deadline=None)
@given(rows(st.integers(-9, 9).map(float) | st.just(NAN)), st.lists(st.integers(0, 60), min_size=1, max_size=9, unique=True).map(sorted))
def test_sums_since_a_start(some: list[Row], seconds: list[int]) -> None:
    told, x = chunk(NewsItem, some)
    ticks = np.array(seconds, np.int64) * SECOND
    starts = ticks // (15 * SECOND) * 15 * SECOND
    op, out, sent = samples.Today("midnight", 0.5), [], 0
    state = op.fresh(KEYS)
    for half in (slice(0, len(ticks) // 2), slice(len(ticks) // 2, None)):
        if len(ticks[half]):
            due = int(np.searchsorted(told.known_at, ticks[half][-1], side="right"))
            out.append(op.push(state, told[sent:due], x[sent:due], ticks[half], starts[half]))
            sent = due
    for i, (tick, start) in enumerate(zip(ticks, starts, strict=True)):
        for k in range(KEYS):
            held = (told.known_at >= start) & (told.known_at <= tick) & (told.key == k)
            assert np.concatenate(out)[i, k] == np.nansum(x[held])

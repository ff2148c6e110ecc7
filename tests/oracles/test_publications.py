"""Law 6 for publications, sums of another kind, another symbol's value, today's sums, ages, across symbols and clocks."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import plain, real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import FlowAlert, NewsItem, Trade
from undertow.core.time import DAY, HOUR
from undertow.features.language import clocks, cross, samples
from undertow.features.language.joins import AsOf, Gather, Gathered, Latest
from undertow.features.language.publications import Publications, Reduce

KEYS = 2
SYMBOLS = ("A", "B")
numbers = st.integers(-9, 9).map(float) | st.just(float("nan"))
#: gap to the event before, symbol, value, how long ago it happened
rows = st.lists(st.tuples(st.integers(0, 3) | st.just(0), st.integers(0, KEYS - 1), numbers, st.integers(0, 4)), max_size=40)
cuts = st.lists(st.integers(0, 60), max_size=4)
ticks = st.lists(st.integers(0, 60), min_size=1, max_size=10, unique=True).map(sorted)


def told(kind: type, some: list[tuple[int, int, float, int]]) -> tuple[Chunk, F64, list[plain.Event]]:
    known = np.cumsum([gap for gap, *_ in some]).astype(np.int64)
    key, value = np.array([k for _, k, *_ in some], np.int64), np.array([v for *_, v, _ in some], np.float64)
    happened = known - np.array([late for *_, late in some], np.int64)
    chunk = chunk_of(kind, SYMBOLS, key=key, event_at=happened, known_at=known, columns={})
    return chunk, value, [(int(a), int(k), float(v)) for a, k, v in zip(known, key, value, strict=True)]


def pieces(chunk: Chunk, at: list[int]) -> list[slice]:
    ends = [int(np.searchsorted(chunk.known_at, now, side="right")) for now in [*sorted(set(at)), 10**6]]
    return [slice(a, b) for a, b in zip([0, *ends], ends, strict=False)]


def same(got: F64, expected: object) -> None:
    np.testing.assert_allclose(got, np.asarray(expected, np.float64).reshape(np.shape(got)), rtol=1e-12, atol=1e-12)


def spread(values: F64) -> float:
    return float(np.nanmax(values) - values[0, 0]) if not np.isnan(values).all() else math.nan


@pytest.mark.parametrize("statistic", ["mean", "first", "rank"])
@settings(max_examples=40, deadline=None)
@given(rows, st.integers(1, 4), cuts)
def test_publications(statistic: str, some: list, n: int, at: list[int]) -> None:
    chunk, value, events = told(FlowAlert, some)
    op, sessions = Publications(n, statistic), chunk.event_at // 3  # type: ignore[arg-type]
    state = op.fresh(KEYS)
    got = np.concatenate([op.push(state, chunk[s], value[s], sessions[s]) for s in pieces(chunk, at)])
    same(got, plain.publications(events, sessions.tolist(), n, op.within, plain.STATISTICS[statistic]))


@settings(max_examples=60, deadline=None)
@given(rows, cuts)
def test_reduced(some: list, at: list[int]) -> None:
    chunk, value, events = told(FlowAlert, some)
    op = Reduce(spread)
    state = op.fresh(KEYS)
    got = np.concatenate([op.push(state, chunk[s], value[s]) for s in pieces(chunk, at)])
    same(got, plain.reduced(events, chunk.event_at.tolist(), lambda values: spread(np.array([values]))))


@settings(max_examples=60, deadline=None)
@given(rows, rows, st.integers(1, 15), cuts)
def test_gathered(some: list, more: list, span: int, at: list[int]) -> None:
    (base, _, asked), (other, value, events) = told(NewsItem, some), told(Trade, more)
    gathered, how = Gathered(KEYS), Gather(span, 0.5)
    parts = zip(pieces(base, at), pieces(other, at), strict=True)
    got = np.concatenate([gathered.push(base[a], other[b], value[b] * 0.5, how) for a, b in parts])
    same(got, np.array(plain.gathered(asked, events, span)) * 0.5)


@settings(max_examples=60, deadline=None)
@given(rows, rows, st.integers(1, 15), st.booleans(), cuts)
def test_the_value_of_another_symbol(some: list, more: list, max_age: int, own: bool, at: list[int]) -> None:
    base, value, asked = told(NewsItem, some)
    other, value, events = (base, value, asked) if own else told(Trade, more)
    latest, how = Latest(), AsOf((), False, max_age, "B")
    parts = zip(pieces(base, at), pieces(other, at), strict=True)
    got = np.concatenate([latest.push(base[a], other[b], value[b], how) for a, b in parts])
    same(got, plain.of_symbol(asked, events, 1, max_age))


@settings(max_examples=60, deadline=None)
@given(rows, ticks, st.integers(1, 25))
def test_today_and_age(some: list, at: list[int], length: int) -> None:
    chunk, value, events = told(NewsItem, some)
    begins = {tick: tick // length * length for tick in at}
    today, age = samples.Today("midnight"), samples.Age(length)
    state, aged, half, sent = today.fresh(KEYS), age.fresh(KEYS), len(at) // 2, 0
    sums, ages = [], []
    for part in (at[:half], at[half:]):
        if part:
            rows_now = slice(sent, sent := int(np.searchsorted(chunk.known_at, part[-1], side="right")))
            now, starts = np.array(part, np.int64), np.array([begins[tick] for tick in part], np.int64)
            sums.append(today.push(state, chunk[rows_now], value[rows_now], now, starts))
            ages.append(age.push(aged, chunk[rows_now], value[rows_now], now))
    same(np.concatenate(sums), plain.at_ticks(at, KEYS, plain.since(events, begins)))
    same(np.concatenate(ages), plain.at_ticks(at, KEYS, plain.age(events, length, float(DAY))))


# --- across symbols ------------------------------------------------------------------------------------------------------

matrices = st.lists(st.lists(numbers, min_size=5, max_size=5), min_size=1, max_size=4).map(np.array)


def across_plainly(statistic: str, row: list[float], mine: int) -> float:
    known = [v for v in row if not math.isnan(v)]
    if not known or (statistic in ("rank", "score") and math.isnan(row[mine])):
        return math.nan
    if statistic == "mean":
        return sum(known) / len(known)
    if statistic == "share_above":
        return sum(v > 0 for v in known) / len(known)
    if statistic == "rank":
        return (sum(v < row[mine] for v in known) + 0.5 * sum(v == row[mine] for v in known)) / len(known)
    deviation = plain.deviation(known)
    if statistic == "deviation":
        return deviation if len(known) > 1 else math.nan
    return (row[mine] - plain.mean(known)) / deviation if deviation > 1e-9 else math.nan


@pytest.mark.parametrize("statistic", ["mean", "deviation", "share_above", "rank", "score"])
@settings(max_examples=30, deadline=None)
@given(matrices)
def test_across_the_symbols_asked_about(statistic: str, values: F64) -> None:
    universe, width = ("A", "B", "C", "D", "SPY"), 4
    got = cross.Across(statistic).bind(universe, width)(values)  # type: ignore[arg-type]
    for row, out in zip(values.tolist(), got, strict=True):
        same(out[:width], [across_plainly(statistic, row[:width], k) for k in range(width)])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 100).map(lambda p: p / 100) | st.just(float("nan")), min_size=1, max_size=8))
def test_q_values(p: list[float]) -> None:
    got = cross.Across("discoveries").bind(tuple("ABCDEFGH"[: len(p)]), len(p))(np.array([p]))[0]
    known = [v for v in p if not math.isnan(v)]
    for mine, q in zip(p, got, strict=True):
        # the smallest false share among all thresholds that would let this p-value pass
        raw = [min(t * len(known) / sum(v <= t for v in known), 1.0) for t in known if t >= mine]
        same(q, math.nan if math.isnan(mine) else min(raw))


def test_discoveries_as_published() -> None:
    golden = json.loads((real.path("README.md").parents[1] / "methods" / "golden.json").read_text())["bh_1995"]
    p = np.array([golden["p"]])
    q = cross.Across("discoveries").bind(tuple(map(str, range(p.size))), p.size)(p)
    assert int((q <= golden["q"]).sum()) == golden["rejected_bh"]
    assert int((p * p.size <= golden["q"]).sum()) == golden["rejected_bonferroni"]


def test_another_symbols_number_at_the_tick() -> None:
    values = np.arange(6.0).reshape(2, 3)
    same(cross.Of("SPY").bind(("A", "B", "SPY"), 2)(values), [[2.0] * 3, [5.0] * 3])


# --- clocks --------------------------------------------------------------------------------------------------------------

instants = st.integers(1_700_000_000, 1_760_000_000).map(lambda seconds: seconds * 10**9)


@settings(max_examples=100, deadline=None)
@given(instants)
def test_clocks(at: int) -> None:
    local = datetime.fromtimestamp(at // 10**9, UTC).astimezone(ZoneInfo("America/New_York"))
    one, calendar = np.array([at], np.int64), nyse()
    assert clocks.of_ticks("days", one, calendar)[0] == pytest.approx(at / 86_400e9, rel=1e-12)
    day = np.datetime64(local.date())
    position = calendar.session_on_or_before(day)
    assert clocks.of_events("session", one, calendar)[0] == position
    gone = (at - calendar.open[position]) / (calendar.close[position] - calendar.open[position])
    for share in (clocks.of_ticks("session_share", one, calendar), clocks.of_events("session_share", one, calendar)):
        assert share[0] == pytest.approx(min(max(gone, 0.0), 1.0))
    if calendar.is_session(day):  # changes of the hour fall on Sundays, when nothing is decided
        assert clocks.of_ticks("minute", one, calendar)[0] == local.hour * 60 + local.minute
        assert clocks.of_ticks("weekday", one, calendar)[0] == local.weekday()
        assert clocks.of_events("minute", one, calendar)[0] == local.hour * 60 + local.minute
    assert clocks.of_events("days", one, calendar)[0] == at // (24 * HOUR)

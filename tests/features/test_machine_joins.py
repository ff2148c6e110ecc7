"""What the machine makes of two kinds that meet is what each operator's own walk over whole chunks gives, in any pieces."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of, empty_chunk
from undertow.core.events import CorporateAction, DailyBar, Event, OffExchangePrint, Quote
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.features.language.expressions import Column, picked
from undertow.features.language.joins import AsOf, Factor, Gather, Gathered, Latest, SplitHistory
from undertow.features.language.plan import Plan
from undertow.features.language.samples import Last, WindowSum
from undertow.features.operators.forest import Forest
from undertow.features.operators.prints import Drift
from undertow.features.vocabulary import clock, column

SYMBOLS = ("A", "B", "C")
CUTS = [(), (1, 2, 3, 30), tuple(range(1, 60))]
BEGIN = int(nyse().open[5000])


def rows_of(kind: type[Event], n: int, apart: int, seed: int, numbers: Mapping[str, tuple[int, int]]) -> Chunk:
    """So many rows of a kind, about so far apart, columns drawn from ranges; many share an instant."""
    rng = np.random.default_rng(seed)
    event = BEGIN + np.sort(rng.integers(0, n, n)) * apart
    columns = {name: rng.integers(low, high, n) for name, (low, high) in numbers.items()}
    return chunk_of(
        kind, SYMBOLS, key=rng.integers(0, 3, n), event_at=event, known_at=event + rng.integers(0, 3, n) * apart, columns=columns
    )


def sampled(wanted: Sequence[Column], chunks: Mapping[type[Event], Chunk], ticks: I64, cuts: tuple[int, ...]) -> F64:
    """The plan's numbers (t, symbols, wanted) in pieces that end at some ticks."""
    plan, parts, before, since = Plan([one.last("30d") for one in wanted], SYMBOLS, 3, nyse()), [], 0, -(2**62)
    for end in (*(cut for cut in cuts if cut < len(ticks)), len(ticks)):
        until = int(ticks[end - 1])
        told = {kind: chunk.between(since, until) for kind, chunk in chunks.items()}
        out = np.empty((end - before, 3, len(wanted)))
        plan.push({kind: told.get(kind, empty_chunk(kind, SYMBOLS)) for kind in plan.kinds}, ticks[before:end], out)
        parts.append(out)
        before, since = end, until
    return np.concatenate(parts)


def same(column_: Column, expected: F64, chunks: Mapping[type[Event], Chunk], cuts: tuple[int, ...]) -> None:
    chunk = chunks[column_.kind]
    ticks = np.unique(chunk.known_at)[4::5]
    op = Last(30 * DAY)
    wanted = op.push(op.fresh(3), chunk, expected, ticks)
    assert not np.isnan(wanted).all()
    np.testing.assert_array_equal(sampled([column_], chunks, ticks, cuts)[:, :, 0], wanted)


BARS = rows_of(DailyBar, 300, MINUTE, 1, {"close": (90, 130)})
QUOTES = rows_of(Quote, 900, MINUTE // 3, 2, {"bid": (90, 100), "ask": (100, 110)})
PRINTS = rows_of(OffExchangePrint, 400, MINUTE, 3, {"price": (90, 110), "size": (-2, 3)})
CHUNKS: dict[type[Event], Chunk] = {DailyBar: BARS, Quote: QUOTES, OffExchangePrint: PRINTS}
BID, SIZE = column(Quote, "bid"), column(OffExchangePrint, "size")


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("symbol", ["", "B"])
def test_the_newest_value_of_the_same_instant(symbol: str, cuts: tuple[int, ...]) -> None:
    how = AsOf((), True, 5 * DAY, symbol)
    same(Column(DailyBar, how, (BID,)), Latest().push(BARS, QUOTES, QUOTES.numbers("bid"), how), CHUNKS, cuts)


@pytest.mark.parametrize("cuts", CUTS)
def test_splits_of_one_symbol_are_no_other_symbols(cuts: tuple[int, ...]) -> None:
    splits = rows_of(CorporateAction, 60, 5 * MINUTE, 4, {})
    ratio = np.random.default_rng(5).choice([1.0, 2.0, 0.1, 3.0], len(splits))
    told = chunk_of(CorporateAction, SYMBOLS, key=splits.key, event_at=splits.event_at, known_at=splits.known_at, columns={"ratio": ratio})
    same(Column(DailyBar, Factor()), SplitHistory().push(BARS, told), CHUNKS | {CorporateAction: told}, cuts)


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("span", [SECOND, 2 * MINUTE, 40 * MINUTE])
def test_windows_that_end_at_events(span: int, cuts: tuple[int, ...]) -> None:
    how = Gather(span, 0.5)
    same(Column(DailyBar, how, (BID,)), Gathered(3).push(BARS, QUOTES, QUOTES.numbers("bid"), how), CHUNKS, cuts)
    expected = [
        sum(QUOTES.numbers("bid")[(QUOTES.key == k) & (QUOTES.known_at <= at) & (QUOTES.known_at > at - span)])
        for k, at in zip(BARS.key, BARS.known_at, strict=True)
    ]
    np.testing.assert_array_equal(Gathered(3).push(BARS, QUOTES, QUOTES.numbers("bid"), how), expected)


@pytest.mark.parametrize("cut", [0, 1, 7, 60])
@pytest.mark.parametrize("span", [SECOND, 3 * MINUTE, 2 * DAY])
def test_windows_that_end_at_ticks(span: int, cut: int) -> None:
    op, ticks, value = WindowSum(span, 0.5), np.unique(QUOTES.known_at)[5::9], QUOTES.numbers("ask")
    state, parts, since = op.fresh(3), [], -(2**62)
    for some in (ticks[:cut], ticks[cut:]):
        new = QUOTES.between(since, int(some[-1]) if len(some) else since)
        parts.append(op.push(state, new, new.numbers("ask"), some))
        since = int(some[-1]) if len(some) else since
    expected = [
        [sum(value[(QUOTES.key == k) & (QUOTES.known_at <= tick) & (QUOTES.known_at > tick - span)]) for k in range(3)] for tick in ticks
    ]
    np.testing.assert_array_equal(np.concatenate(parts), expected)


@pytest.mark.parametrize("cuts", CUTS)
def test_drift_after_prints(cuts: tuple[int, ...]) -> None:
    op = Drift((MINUTE, 7 * MINUTE), 90 * MINUTE, 20 * MINUTE)
    expected = op.push(op.fresh(3), PRINTS, QUOTES, PRINTS.numbers("size"), QUOTES.numbers("bid"))
    many = Column(OffExchangePrint, op, (SIZE, BID))
    for j in range(2):
        same(picked(many, j), expected[j], CHUNKS, cuts)


@pytest.mark.parametrize("cuts", CUTS)
def test_a_forest_of_two_columns(cuts: tuple[int, ...]) -> None:
    session = np.arange(len(BARS)) // 30 + 5000
    at = nyse().open[session] + np.arange(len(BARS)) % 30 * MINUTE
    bars = chunk_of(
        DailyBar, SYMBOLS, key=BARS.key, event_at=at, known_at=at, columns=dict.fromkeys(("open", "close"), BARS.columns["close"])
    )
    op, close = Forest(4, trees=8, sample=12), bars.numbers("close")
    expected = op.push(op.fresh(3), bars.key, close, close * 0.5, session)
    one = Column(DailyBar, op, (column(DailyBar, "close"), column(DailyBar, "open") * 0.5, clock(DailyBar, "session")))
    same(one, expected, {DailyBar: bars}, cuts)

"""Splits are events: with them every price feature is what it is on adjusted prices; without them the return jumps."""

from __future__ import annotations

import csv
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Bar, CorporateAction, DailyBar, columns_of
from undertow.core.time import HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.validation.planted_tape import planted_tape

SYMBOLS = ("AAA", "BBB", "CCC")
PRICE = [n for n, f in FeatureEngineering(SYMBOLS).features.items() if f.about.family in ("price", "candlestick")]


def split(at: int, ratio: float, known_at: int | None = None) -> Chunk:
    columns = {"ratio": np.array([ratio]), "dividend": np.zeros(1)}
    instants = {"event_at": np.array([at]), "known_at": np.array([at if known_at is None else known_at])}
    return chunk_of(CorporateAction, SYMBOLS, key=np.zeros(1, np.int64), **instants, columns=columns)


def as_traded(bars: Chunk, at: int, ratio: int) -> Chunk:
    """Adjusted bars back to what was traded: from the split on, prices divided and shares multiplied."""
    after = (bars.key == 0) & (bars.event_at >= at)
    prices = {n: np.where(after, bars.columns[n] // ratio, bars.columns[n]) for n in real.OHLC}
    return replaced(bars, prices | {"volume": np.where(after, bars.columns["volume"] * ratio, bars.columns["volume"])})


def replaced(bars: Chunk, columns: dict) -> Chunk:
    return chunk_of(
        bars.kind, bars.symbols, key=bars.key, event_at=bars.event_at, known_at=bars.known_at, columns=dict(bars.columns) | columns
    )


def adjusted_bars(seed: int, ratio: int) -> tuple[list[Chunk], np.ndarray]:
    """Bars whose every price can be divided by the ratio."""
    material = planted_tape([Bar, DailyBar], nyse(), seed=seed)
    bars = [chunk for chunk in material.chunks if chunk.kind in (Bar, DailyBar)]
    # the tape's own split undone: that symbol's prices as those of another
    out = []
    for chunk in bars:
        late = (chunk.key == 0) & (chunk.event_at >= nyse().midnight[nyse().position(int(material.ticks[-1])) - 1])
        out.append(replaced(chunk, {n: np.where(late, chunk.columns[n] * 4, chunk.columns[n]) * ratio for n in real.OHLC}))
    return out, material.ticks


def run(chunks: list[Chunk], ticks: np.ndarray) -> F64:
    return FeatureEngineering(SYMBOLS, only=PRICE).push(chunks, ticks)


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([2, 3, 4, 7, 20]), st.integers(1, 25))
def test_a_split_changes_no_price_feature(seed: int, ratio: int, sessions_ago: int) -> None:
    bars, ticks = adjusted_bars(seed, ratio)
    at = int(nyse().midnight[nyse().position(int(ticks[-1])) - sessions_ago])
    traded = [as_traded(chunk, at, ratio) for chunk in bars]
    expected = run(bars, ticks)
    np.testing.assert_allclose(run([*traded, split(at, float(ratio), at - 90 * HOUR)], ticks), expected, rtol=1e-12, atol=1e-12)


def test_without_the_event_the_return_jumps() -> None:
    bars, ticks = adjusted_bars(1, 4)
    at = int(nyse().midnight[nyse().position(int(ticks[-1])) - 1])
    wrong, right = run([as_traded(chunk, at, 4) for chunk in bars], ticks), run(bars, ticks)
    column = PRICE.index("return_1_1d")
    jump = (wrong - right)[:, 0, column]
    assert math.isclose(np.min(jump), -math.log(4), rel_tol=1e-9)
    np.testing.assert_array_equal(wrong[:, 1:], right[:, 1:])  # the others had no split


def test_a_split_counts_from_when_it_was_known_and_in_effect() -> None:
    bars, ticks = adjusted_bars(2, 2)
    at = int(nyse().midnight[nyse().position(int(ticks[-1])) - 1])
    traded = [as_traded(chunk, at, 2) for chunk in bars]
    early = run([*traded, split(at, 2.0, at - 1000 * HOUR)], ticks)
    np.testing.assert_array_equal(early, run([*traded, split(at, 2.0)], ticks))
    late = run([*traded, split(at, 2.0, int(ticks[-1]))], ticks)
    assert not np.array_equal(late[:, 0], early[:, 0], equal_nan=True)


def test_dividends_change_nothing() -> None:
    bars, ticks = adjusted_bars(3, 1)
    at = int(ticks[len(ticks) // 2])
    np.testing.assert_array_equal(run([*bars, split(at, 1.0)], ticks), run(bars, ticks))


# --- Apple, seven for one -----------------------------------------------------------------------------------------------

SPLIT_DAY = np.datetime64("2014-06-09")


def apple() -> Chunk:
    """Daily bars as traded: the underlying's row at the head of each day's file.

    The file of 2014-06-06 is left out: it carries the numbers of the 9th, already split, three days before they were traded.
    """
    days, rows = [], []
    for file in sorted(real.path("option_chain_split_2014").glob("2014*.csv")):
        with file.open() as lines:
            first = next(csv.DictReader(lines))
        assert first["strike"] == ""
        days.append(np.datetime64(f"{file.stem[:4]}-{file.stem[4:6]}-{file.stem[6:]}"))
        rows.append([round(float(first[name]) * 10_000) for name in real.OHLC] + [int(first["volume"])])
    kept = np.array(days) != np.datetime64("2014-06-06")
    table, at = np.array(rows)[kept], real.close_of(np.array(days)[kept])
    columns = {name: table[:, i] for i, name in enumerate([*real.OHLC, "volume"])}
    assert set(columns) <= set(columns_of(DailyBar))
    return chunk_of(DailyBar, SYMBOLS, key=np.zeros(len(at), np.int64), event_at=at, known_at=at + MINUTE, columns=columns)


@pytest.mark.parametrize("known_days_before", [0, 40])
def test_apples_split_of_2014(known_days_before: int) -> None:
    bars = apple()
    at = int(nyse().midnight[np.searchsorted(nyse().day, SPLIT_DAY)])
    event = split(at, 7.0, at - known_days_before * 24 * HOUR)
    before = bars.event_at < at
    dollars = {n: np.where(before, bars.columns[n], bars.columns[n] * 7) for n in real.OHLC}
    shares = {"volume": np.where(before, bars.columns["volume"] * 7, bars.columns["volume"])}
    names = [n for n in PRICE if n.endswith("_1d")]

    def on(chunks: list[Chunk]) -> F64:
        return FeatureEngineering(SYMBOLS, only=names).push(chunks, bars.known_at)[:, 0]

    got, without = on([bars, event]), on([bars])
    np.testing.assert_allclose(got, on([replaced(bars, dollars | shares)]), rtol=1e-12, atol=1e-12)
    jump = int(np.searchsorted(bars.event_at, at))
    daily = FeatureEngineering(SYMBOLS, only=names).features
    column = list(daily).index("return_1_1d")
    assert np.nanmax(np.abs(got[:, column])) < 0.03
    assert math.isclose(without[jump, column], got[jump, column] - math.log(7), rel_tol=1e-9)

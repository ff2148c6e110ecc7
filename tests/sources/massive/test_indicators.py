"""Massive's indicators: samples parse, ours equal the definitions, and a difference is found, with its day."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.servers.running import Clock
from tests.sources.wire.vendor import CANARY, FakeClock
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.errors import BadInput
from undertow.core.events import Bar, CorporateAction, DailyBar
from undertow.core.time import HOUR
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.sources.massive import indicators
from undertow.sources.massive.indicators import STANDARD, Indicator, Values, computed, cross_check, fetch, parse
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Wire
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.key import Key

NOW = int(nyse().midnight[nyse().session_on_or_before(np.datetime64("2025-06-12"))]) + 21 * HOUR
FIRST = int(nyse().midnight[nyse().session_on_or_before(np.datetime64("2023-01-04"))])
SAMPLES = Path(__file__).parents[4] / "shared" / "data" / "vendor_samples" / "polygon"
RNG = np.random.default_rng(5)
CLOSE: F64 = 100 + np.cumsum(RNG.normal(0, 1, 400))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the vendor's samples (../shared) are not on this machine")
def test_the_vendors_samples_parse_and_move_as_the_recursion_says() -> None:
    for name in (
        "openapi_sma",
        "openapi_ema",
        "openapi_rsi",
        "openapi_macd",
        "mock_ema_AAPL",
        "mock_rsi_AAPL",
        "mock_sma_AAPL_expand_underlying",
    ):
        assert parse(json.loads((SAMPLES / f"{name}.json").read_text()))[0]["timestamp"] > 0
    rows = parse(json.loads((SAMPLES / "mock_macd_SPY.json").read_text()))[::-1]
    value, signal = (np.array([row[name] for row in rows]) for name in ("value", "signal"))
    assert np.allclose(np.diff(signal) / (value[1:] - signal[:-1]), 2 / 11)
    assert np.allclose(value - signal, [row["histogram"] for row in rows])


@pytest.mark.parametrize(
    "body", [{"status": "OK"}, {"status": "OK", "results": {}}, {"status": "OK", "results": {"values": [{"value": 1}]}}]
)
def test_an_answer_without_values_is_an_error(body: dict[str, object]) -> None:
    with pytest.raises(BadAnswer):
        parse(body)


def test_none_is_none_where_it_is_said() -> None:
    assert parse({"status": "OK", "results": {"underlying": {"url": "x"}}}) == []


def plain_ema(x: F64, n: int, weight: float) -> list[float]:
    out = [sum(x[:n]) / n]
    for value in x[n:]:
        out.append(weight * value + (1 - weight) * out[-1])
    return out


def test_formulas_are_the_definitions() -> None:
    sma, ema, rsi, macd = (
        computed(Indicator(name=n, windows=w), CLOSE) for n, w in (("sma", (5,)), ("ema", (5,)), ("rsi", (14,)), ("macd", (3, 7, 4)))
    )
    assert np.isnan(sma["value"][:4]).all()
    assert sma["value"][4:] == pytest.approx([CLOSE[i - 4 : i + 1].mean() for i in range(4, 400)])
    assert ema["value"][4:] == pytest.approx(plain_ema(CLOSE, 5, 2 / 6))
    up, down = (plain_ema(np.maximum(s * np.diff(CLOSE), 0), 14, 1 / 14) for s in (1, -1))
    assert np.isnan(rsi["value"][:14]).all()
    assert rsi["value"][14:] == pytest.approx([100 * u / (u + d) for u, d in zip(up, down, strict=True)])
    line = np.array(plain_ema(CLOSE, 3, 2 / 4)[4:]) - np.array(plain_ema(CLOSE, 7, 2 / 8))
    assert macd["value"][6:] == pytest.approx(line)
    assert macd["signal"][9:] == pytest.approx(plain_ema(line, 4, 2 / 5))
    assert computed(Indicator(name="rsi", windows=(3,)), np.arange(9.0))["value"][-1] == 100.0
    assert np.isnan(computed(Indicator(name="sma", windows=(9,)), CLOSE[:5])["value"]).all()


def day_bars(close: F64) -> Chunk:
    calendar = nyse()
    at = np.arange(len(close)) + calendar.session_on_or_before(np.datetime64("2023-01-04"))
    columns = {"close": np.rint(close * 10_000).astype(np.int64)}
    return chunk_of(
        DailyBar, ("A",), key=np.zeros(len(close), np.int64), event_at=calendar.close[at], known_at=calendar.close[at], columns=columns
    )


def test_what_a_recursion_began_with_has_faded_and_a_difference_is_named() -> None:
    bars = day_bars(CLOSE)
    close, day = bars.numbers("close") / 10_000, nyse().day[nyse().position(bars.event_at)]
    long = np.concatenate([np.linspace(500, close[0], 300), close])  # theirs began earlier, elsewhere
    for indicator in (*STANDARD, Indicator(name="rsi", windows=(5,))):
        columns = {name: values[300:] for name, values in computed(indicator, long).items()}
        rows = cross_check(bars, {indicator: Values(day=day, columns=columns)})
        assert [row.column for row in rows] == list(indicator.columns)
        for row in rows:
            assert row.days == 400 - indicator.fades() > 50
            assert row.largest < 2e-5
        columns["value"] = columns["value"].copy()
        columns["value"][390] += 5.0
        wrong = cross_check(bars, {indicator: Values(day=day, columns=columns)})[0]
        assert (wrong.day, wrong.largest > 0.01) == (str(day[390]), True)


def test_nothing_to_compare_is_said() -> None:
    bars = day_bars(CLOSE[:20])
    nothing = Values(day=np.empty(0, "datetime64[D]"), columns={"value": np.empty(0)})
    row = cross_check(bars, {STANDARD[0]: nothing})[0]
    assert (row.days, row.day, np.isnan(row.largest)) == (0, "", True)
    with pytest.raises(BadInput, match="day bars"):
        cross_check(replace(bars, kind=Bar), {})
    for name, windows in (("wma", (5,)), ("macd", (5,)), ("sma", (0,)), ("ema", ())):
        with pytest.raises(BadInput):
            Indicator(name=name, windows=windows)


@pytest.fixture(scope="module")
def base() -> Iterator[str]:
    world = World(Market(7, splits={"KO": ("2025-03-10", 4.0)}), Clock(NOW), ("KO",))
    with Serving(build(world, Faults())) as address:
        yield address


@pytest.mark.parametrize("adjusted", [False, True])
def test_over_the_wire_ours_and_theirs_agree_through_a_split(base: str, adjusted: bool) -> None:
    def wire() -> Wire:
        return Wire(base, Key(CANARY), limiter=Bucket(100_000), clock=FakeClock(NOW), chance=np.random.default_rng(0))

    async def told() -> dict[Indicator, Values]:
        async with wire() as client:
            return {one: await fetch(client, "KO", one, adjusted=adjusted) for one in STANDARD}

    theirs = asyncio.run(told())
    with MassiveSource(wire(), Settings(kinds=(CorporateAction, DailyBar))) as source:
        found = {chunk.kind: chunk for chunk in source.history(("KO",), FIRST, NOW)}
    rows = cross_check(found[DailyBar], theirs, splits=found[CorporateAction] if adjusted else None)
    assert [(row.indicator, row.window) for row in rows[:2]] == [("sma", "50"), ("ema", "12")]
    assert len(rows) == 7
    for row in rows:
        assert row.days > 250
        assert row.largest < 2e-5, row
    mixed = cross_check(found[DailyBar], theirs, splits=None if adjusted else found[CorporateAction])
    assert all(row.largest > 0.01 for row in mixed)
    assert indicators.FADED < 1e-6

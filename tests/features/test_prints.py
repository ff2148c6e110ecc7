"""Features of single prints, on tapes of a few rows whose numbers were worked by hand, and on simulated ones with known answers."""

from __future__ import annotations

import json
from math import log, pi, sqrt
from typing import Any

import numpy as np
import pytest

from tests.oracles.real import ROOT
from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk, chunk_of
from undertow.core.events import Bar, DailyBar, OffExchangePrint, OffExchangeVolume, Quote, Trade
from undertow.core.time import DAY, HOUR, MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering

S = int(np.searchsorted(nyse().day, np.datetime64("2024-11-20")))
OPEN, CLOSE = int(nyse().open[S]), int(nyse().close[S])
NOON = OPEN + 2 * HOUR
Made = type[Quote] | type[Trade] | type[OffExchangePrint] | type[Bar] | type[DailyBar] | type[OffExchangeVolume]


def golden(name: str) -> Any:
    found = ROOT.parent / "methods" / "golden.json"
    if not found.exists():
        pytest.skip("no golden numbers here: ../shared/methods/golden.json is not there")
    return json.loads(found.read_text())[name]


def made(kind: Made, at: Any, *, late: Any = 0, **columns: Any) -> Chunk:
    """Rows of one symbol at some instants, ns UTC; a single value holds for all."""
    event = np.asarray(at, np.int64)

    def whole(values: Any) -> Array:
        return np.full(len(event), values) if np.ndim(values) == 0 else np.asarray(values)

    return chunk_of(
        kind,
        ("X",),
        key=np.zeros(len(event), np.int64),
        event_at=event,
        known_at=event + late,
        columns={n: whole(v) for n, v in columns.items()},
    )


def ask(chunks: list[Chunk], *names: str, at: int = NOON) -> list[float]:
    fe = FeatureEngineering(("X",), only=names)
    values = dict(zip(fe.features, fe.push(chunks, np.array([at]))[0, 0].tolist(), strict=True))
    return [values[name] for name in names]


def seconds(*of: float) -> Array:
    return OPEN + HOUR + (np.array(of) * SECOND).astype(np.int64)


QUOTES = made(Quote, seconds(0, 100), bid=[1_000_000, 1_010_000], ask=[1_001_000, 1_011_000], bid_size=100, ask_size=100)


def dark(at: Any, price: Any, size: Any, conditions: Any = "", late: Any = 0, venue: Any = "FINN") -> Chunk:
    return made(OffExchangePrint, at, late=late, price=price, size=size, conditions=conditions, venue=venue)


def lit(at: Any, price: Any, size: Any, conditions: Any = "") -> Chunk:
    return made(Trade, at, price=price, size=size, conditions=conditions, exchange="XNAS")


def test_volume_share() -> None:
    some = [dark(seconds(1, 2), 1_000_000, [300, 100], ["", "2"]), lit(seconds(1, 2, 3), 1_000_000, [100, 500, 900], ["", "14", "15"])]
    # an average counts as volume, not as dollars; an official open is no trade
    assert ask(some, "dark_share_today", "dark_share_30m", at=OPEN + HOUR + MINUTE) == [0.4, 0.4]
    assert ask(some, "dark_value_share_today", "unpriced_share_today") == pytest.approx([300 / 900, 0.25])
    assert np.isnan(ask(some, "dark_share_30m")[0])
    assert np.isnan(ask(some, "dark_share_today", at=NOON + DAY)[0])


def test_sides_by_the_quote_that_stood_when_it_happened() -> None:
    # all became known when the quote had risen: at 100.06, above the middle; at 100.03, below; at 100.05, at it
    some = [QUOTES, dark(seconds(50, 51, 52), [1_000_600, 1_000_300, 1_000_500], [100, 300, 600], late=55 * SECOND)]
    imbalance, sided = ask(some, "dark_imbalance_today", "dark_sided_share_today")
    up, down, middle = 10_006, 30_009, 60_030
    assert imbalance == pytest.approx((up - down) / (up + down))
    assert sided == pytest.approx((up + down) / (up + down + middle))


def test_a_print_of_yesterday_has_no_side_and_is_late() -> None:
    some = [QUOTES, dark(seconds(200) - DAY, 1_000_900, 500, late=DAY), dark(seconds(201), 1_010_900, 500)]
    assert ask(some, "dark_imbalance_today", "late_print_share", "dark_share_today") == [1.0, 0.5, 1.0]
    assert np.isnan(ask([QUOTES, some[1]], "dark_imbalance_today")[0])
    assert ask([dark(seconds(1, 2), 1_000_000, 100, ["32", "14"])], "late_print_share") == [0.5]


def test_lit_sides_and_their_distance() -> None:
    some = [QUOTES, lit(seconds(10, 11), [1_001_000, 1_000_000], [100, 100]), dark(seconds(12), 1_001_000, 100)]
    lit_today, gap = ask(some, "lit_imbalance_30m", "dark_lit_imbalance_gap", at=OPEN + HOUR + MINUTE)
    assert lit_today == pytest.approx(10 / 20_010, rel=1e-3)
    assert gap == pytest.approx(1.0 - lit_today)


def test_three_kinds_of_blocks() -> None:
    sizes = np.full(501, 100)
    sizes[::100] = 5_000  # five of the first five hundred, which is a percent
    sizes[500] = 10_000
    many = dark(OPEN + np.arange(501) * SECOND, np.where(np.arange(501) == 500, 10_000, 1_000_000), sizes)
    names = ("block_count_today", "block_value_count_today", "large_print_count_today")
    assert ask([many], *names) == [1.0, 5.0, 1.0]
    whole = float(sizes.sum())
    assert ask([many], "block_share_today") == [10_000 / whole]
    assert ask([many], "block_value_share_today") == pytest.approx([2_500_000 / (2_500_000 + 495 * 10_000 + 10_000)])
    assert ask([many], "large_print_share_today") == [1.0]  # of the one print that has five hundred before it


def test_what_blocks_are_followed_by_counts_once_it_is_over() -> None:
    quotes = made(
        Quote, seconds(0, 30, 200, 1000), bid=[999_500, 1_000_500, 1_001_500, 990_000], ask=[1_000_500, 1_001_500, 1_002_500, 992_000],
        bid_size=100, ask_size=100,
    )  # fmt: skip
    some = [quotes, dark(seconds(10, 69, 75, 320, 3000), [1_000_400, 1, 1, 1, 1], [20_000, 1, 1, 1, 1])]
    at = [int(instant) for instant in seconds(70, 76, 321, 3001)]
    got = [ask(some, "block_drift_1m", "block_drift_5m", "block_drift_30m", at=instant) for instant in at]
    minute, five, thirty = log(1.001), log(1.002), log(0.991)
    np.testing.assert_allclose(got[0], [np.nan, np.nan, np.nan])
    np.testing.assert_allclose(got[1], [minute, np.nan, np.nan], atol=1e-9)
    np.testing.assert_allclose(got[2], [minute, five, np.nan], atol=1e-9)
    np.testing.assert_allclose(got[3], [minute, five, thirty], atol=1e-9)


def test_price_levels() -> None:
    some = [
        QUOTES,
        dark(seconds(1, 2, 3), [1_000_000, 1_020_000, 1_500_000], [300, 100, 900], ["", "", "52"]),
        lit(seconds(4), 1_000_000, 5),
    ]
    average = 1_005_000
    gap, between = ask(some, "dark_average_price_gap", "dark_lit_price_gap")
    assert gap == pytest.approx(log(1_010_500 / average))
    assert between == pytest.approx(log(average / 1_000_000))
    share, away = ask(some, "heaviest_level_share", "heaviest_level_gap")
    # the contingent print forms no level; the price above is two percent, give or take half a level
    assert share == pytest.approx(30_000 / 40_200)
    assert away == pytest.approx(0.02, abs=0.00126)


def test_fractions_of_a_penny_mark_retail_and_the_middle_signs_it() -> None:
    # below the middle at a fraction of 0.9, which the fraction alone would call a purchase; 0.5 and whole pennies are nobody's
    some = [QUOTES, dark(seconds(1, 2, 3, 4), [1_000_090, 1_000_950, 1_000_910, 1_000_200], [100, 100, 200, 400])]
    share, imbalance = ask(some, "sub_penny_share_today", "sub_penny_imbalance_today")
    assert share == pytest.approx(300 / 800)
    assert imbalance == pytest.approx((20_018 - 10_001) / (20_018 + 10_001))


def test_sizes_and_named_systems() -> None:
    some = [dark(seconds(1, 2, 3), 1_000_000, [50, 100, 150], "37", venue=["FINN", "UBSA", "FINY"])]
    assert ask(some, "odd_lot_share_today", "dark_print_size", "named_system_share_today") == pytest.approx([1 / 3, log(100), 1 / 3])
    assert np.isnan(ask([dark(seconds(1), 1_000_000, 50)], "named_system_share_today")[0])


def test_nothing_is_no_number() -> None:
    names = ("dark_share_today", "dark_imbalance_today", "kyle_lambda", "block_drift_1m", "dark_flow_impact", "dark_print_size")
    assert all(np.isnan(value) for value in ask([QUOTES], *names))
    assert ask([QUOTES], "block_count_today") == [0.0]


def test_finra_volumes_against_their_past() -> None:
    closes = nyse().close[S - 60 : S]
    volume, short = np.full(60, 1_000_000), 400_000 + 10_000 * (np.arange(60) % 2)
    short[-1] = 500_000
    some = [made(OffExchangeVolume, closes, late=2 * HOUR, volume=volume, short_volume=short)]
    share = short / volume
    score_20, score_60, change = ask(some, "short_share_score_20", "short_share_score", "short_share_change")
    assert score_20 == pytest.approx((share[-1] - share[-20:].mean()) / share[-20:].std())
    assert score_60 == pytest.approx((share[-1] - share.mean()) / share.std())
    assert change == pytest.approx(share[-1] - share[-5:].mean())


# --- known answers ----------------------------------------------------------------------------------------------------


def bars(close: Array, kind: type[Bar] | type[DailyBar] = Bar, volume: Any = 1_000) -> Chunk:
    at = nyse().close[S - len(close) : S] if kind is DailyBar else OPEN + (np.arange(len(close)) + 1) * 5 * MINUTE
    columns = {"span": 5 * MINUTE} if kind is Bar else {}
    return made(kind, at, open=close, high=close, low=close, close=close, volume=volume, **columns)


@pytest.mark.parametrize("n", [50, 500])
def test_imbalance_of_chance(n: int) -> None:
    """Mean size of the imbalance of n equal random prints is sqrt(2 / (pi n))."""
    rng, found = np.random.default_rng(0), []
    fe = FeatureEngineering(("X",), only=["dark_imbalance_today"])
    opens = nyse().open[S - 300 : S]
    at = np.concatenate([start + HOUR + np.arange(1, n + 1) * SECOND for start in opens])
    price = 1_000_000 + rng.choice([-200, 200], len(at))
    quotes = made(Quote, opens + HOUR, bid=999_900, ask=1_000_100, bid_size=1, ask_size=1)
    found = fe.push([quotes, dark(at, price, 100)], opens + 2 * HOUR)[:, 0, 0]
    assert np.abs(found).mean() == pytest.approx(golden("imbalance_null")[str(n)], rel=0.12)
    assert golden("imbalance_null")[str(n)] == pytest.approx(sqrt(2 / (pi * n)), rel=2e-3)


def test_kyle_lambda_of_a_market_that_has_one() -> None:
    """Value moves by sv, noise traders by su; prices move by lambda of the flow, sv / (2 su), and half of the variance is left."""
    of = golden("kyle")
    rng, found = np.random.default_rng(1), []
    ends = OPEN + (np.arange(70) + 1) * 5 * MINUTE
    for _ in range(40):
        move = of["sv"] * rng.normal(size=70)
        flow = move / (2 * of["lambda"]) + of["su"] * rng.normal(size=70)
        close = 1e8 * np.exp(np.cumsum(move) * 1e-3)
        middle = 1_000_000
        price = np.where(flow > 0, middle + 10_000, middle - 10_000)
        size = np.rint(np.abs(flow) * 1e10 / price).astype(np.int64)
        quotes = made(Quote, ends - 2 * MINUTE, bid=middle - 100, ask=middle + 100, bid_size=1, ask_size=1)
        some = [quotes, lit(ends - MINUTE, price, size), bars(np.rint(close).astype(np.int64))]
        found.append(ask(some, "kyle_lambda", "dark_lambda", at=CLOSE)[0])
        assert np.isnan(ask(some, "dark_lambda", at=CLOSE)[0])
    # a unit of value is 1e-3 and one of flow a million dollars: basis points per million are ten of those units
    assert np.mean(found) / 10 == pytest.approx(of["lambda"], rel=0.05)


def test_roll_spread_of_prices_that_bounce() -> None:
    rng = np.random.default_rng(2)
    true = 0.04
    spreads = []
    for _ in range(60):
        close = 1e6 * np.exp(np.cumsum(rng.normal(0.0, 0.001, 78)) + 0.5 * true * rng.choice([-1, 1], 78))
        spreads.append(ask([bars(np.rint(close).astype(np.int64))], "roll_spread", at=CLOSE)[0])
    assert np.nanmean(spreads) == pytest.approx(true, rel=0.05)
    assert np.isnan(ask([bars(1_000_000 + 100 * np.arange(78) ** 2)], "roll_spread", at=CLOSE)[0])  # a trend does not bounce


def test_amihud() -> None:
    close = np.where(np.arange(78) % 2 == 0, 1_000_000, 1_010_000)
    got = ask([bars(close)], "amihud", at=CLOSE)[0]
    up, down = log(1.01) / 101_000, log(1.01) / 100_000
    assert got == pytest.approx(0.5 * (up + down) * 1e6)


@pytest.mark.parametrize("share", ["1%ADV", "10%ADV"])
def test_square_root_law(share: str) -> None:
    of = golden("sqrt_law_bp")
    move = of["sigma_pct"] / 100.0
    close = np.rint(100_000_000 * np.exp(move * (np.arange(30) % 2) * 2 - move * (np.arange(30) % 2))).astype(np.int64)
    # returns of +-2 percent around none; so many shares that each day trades a hundred million dollars
    volume = np.rint(1e12 / close).astype(np.int64)
    size = int(1e8 * float(share.split("%")[0]) / 100 / 100.2)
    some = [QUOTES, dark(seconds(1), 1_002_000, size), bars(close, DailyBar, volume)]
    assert ask(some, "dark_flow_impact", "block_flow_impact") == pytest.approx([of[share]] * 2, rel=2e-3)

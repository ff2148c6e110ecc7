"""Price features against TA-Lib, on invented whole-number prices and on real bars: within 1e-9, candlesticks exactly."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import talib

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Bar, DailyBar
from undertow.core.time import MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.families.candlesticks import CANDLESTICKS
from undertow.features.language import scans

SYMBOLS = ("AAPL", "TSLA", "SPY")
BEFORE = scans.Strip().n  # bars a pattern needs
BURN_IN = 400  # TA-Lib's MACD starts its fast average later than an EMA of its own would


def lagged(x: F64, n: int) -> F64:
    return np.append(np.full(n, np.nan), x[:-n])


def expected(o: F64, h: F64, low: F64, c: F64, v: F64) -> dict[str, F64]:
    macd, _, histogram = talib.MACD(c, 12, 26, 9)
    upper, middle, lower = talib.BBANDS(c, 20, 2.0, 2.0)
    change = np.log(c / lagged(c, 1))[1:]
    balance, moved = talib.OBV(c, v), talib.AD(h, low, c, v)
    slow_k, slow_d = talib.STOCH(h, low, c, 14, 3, 0, 3, 0)
    return {
        "sma_10": c / talib.SMA(c, 10) - 1.0,
        "sma_50": c / talib.SMA(c, 50) - 1.0,
        "ema_12": c / talib.EMA(c, 12) - 1.0,
        "ema_26": c / talib.EMA(c, 26) - 1.0,
        "rsi_14": talib.RSI(c, 14),
        "stochastic_k": slow_k,
        "stochastic_d": slow_d,
        "macd": macd / c,
        "macd_histogram": histogram / c,
        "bollinger_position": (c - middle) / ((upper - lower) / 4.0),
        "bollinger_width": (upper - lower) / middle,
        "atr_14": talib.ATR(h, low, c, 14) / c,
        "return_5": np.log(c / lagged(c, 5)),
        "realised_volatility_20": talib.STDDEV(change, 20, 1.0),
        "adx_14": talib.ADX(h, low, c, 14),
        "directional_spread_14": talib.PLUS_DI(h, low, c, 14) - talib.MINUS_DI(h, low, c, 14),
        "cci_20": talib.CCI(h, low, c, 20),
        "williams_r_14": talib.WILLR(h, low, c, 14),
        "money_flow_14": talib.MFI(h, low, c, v, 14),
        "on_balance_volume_20": (balance - lagged(balance, 20)) / talib.SUM(v, 20),
        "chaikin_flow_20": (moved - lagged(moved, 20)) / talib.SUM(v, 20),
        "aroon_25": talib.AROONOSC(h, low, 25),
        "ultimate_oscillator": talib.ULTOSC(h, low, c, 7, 14, 28),
        "balance_of_power_14": talib.SMA(talib.BOP(o, h, low, c), 14),
        "channel_55": (c - talib.MIN(low, 55)) / (talib.MAX(h, 55) - talib.MIN(low, 55)),
        "trend_slope_20": talib.LINEARREG_SLOPE(np.log(c), 20),
        "volume_trend_5_20": np.log(talib.SMA(v, 5) / talib.SMA(v, 20)),
        "price_volume_correlation_20": talib.CORREL(change, np.log(v + 1.0)[1:], 20),
        "volatility_ratio_5_60": np.log(talib.STDDEV(change, 5) / talib.STDDEV(change, 60)),
    }


def invented(kind: type, n: int = 900) -> Chunk:
    rng = np.random.default_rng(4)
    sessions = nyse().sessions(np.datetime64("2020-01-02"), np.datetime64("2026-01-02"))
    at = nyse().close[sessions][:n] if kind is DailyBar else nyse().open[sessions][0] + 5 * MINUTE * np.arange(1, n + 1)
    at, key = np.repeat(at, 3), np.tile(np.arange(3), n)
    close = (
        np.concatenate([(500_000 * np.exp(np.cumsum(rng.normal(0, 0.02, n)))) for _ in range(3)]).reshape(3, n).T.ravel().astype(np.int64)
    )
    opened = np.where(rng.random(len(at)) < 0.1, close, close + rng.integers(-6000, 6001, len(at)))
    high = np.maximum(opened, close) + rng.integers(0, 9000, len(at)) * rng.integers(0, 2, len(at))
    low = np.minimum(opened, close) - rng.integers(0, 9000, len(at)) * rng.integers(0, 2, len(at))
    columns = {"open": opened, "high": high, "low": low, "close": close, "volume": rng.integers(100, 100_000, len(at))}
    return chunk_of(kind, SYMBOLS, key=key, event_at=at, known_at=at + SECOND, columns=columns)


BARS: dict[str, Callable[[], Chunk]] = {
    "invented days": lambda: invented(DailyBar),
    "invented minutes": lambda: invented(Bar),
    "real days": lambda: real.daily_bars(SYMBOLS),
    "real minutes": lambda: real.five_minute_bars(SYMBOLS, 60),
}


@pytest.fixture(scope="module", params=list(BARS))
def bars(request: pytest.FixtureRequest) -> Chunk:
    return BARS[request.param]()


def matrix(bars: Chunk, names: list[str]) -> tuple[np.ndarray, dict[str, F64]]:
    """Each feature at the moment each bar is known: (bars, symbols)."""
    suffix = "_1d" if bars.kind is DailyBar else ""
    ticks = np.unique(bars.known_at)
    features = FeatureEngineering(SYMBOLS, only=[name + suffix for name in names])
    out = features.push([bars], ticks)
    return ticks, {name.removesuffix("_1d"): out[:, :, j] for j, name in enumerate(features.features)}


def prices(bars: Chunk, k: int) -> tuple[np.ndarray, list[F64]]:
    mine = bars.key == k
    return bars.known_at[mine], [bars.columns[name][mine].astype(float) for name in (*real.OHLC, "volume")]


def test_indicators(bars: Chunk) -> None:
    names = list(expected(*[np.arange(1.0, 200.0)] * 5))
    ticks, got = matrix(bars, names)
    for k in range(len(SYMBOLS)):
        known, series = prices(bars, k)
        at = np.searchsorted(ticks, known)
        for name, values in expected(*series).items():
            mine, theirs = got[name][at, k][BURN_IN:], values[len(values) - len(known) + BURN_IN :]
            assert len(mine) > 100
            flat = np.isnan(mine)  # a range of nothing: not known here, 0 or 50 in TA-Lib
            assert flat.mean() < 0.01, name
            np.testing.assert_allclose(mine[~flat], theirs[~flat], rtol=1e-9, atol=1e-9, err_msg=name)


def test_averages_begin_where_ta_lib_begins(bars: Chunk) -> None:
    ticks, got = matrix(bars, ["sma_10", "ema_12", "rsi_14", "atr_14"])
    known, series = prices(bars, 0)
    want = expected(*series)
    for name, values in got.items():
        np.testing.assert_array_equal(np.isnan(values[np.searchsorted(ticks, known), 0]), np.isnan(want[name]), err_msg=name)


def test_candlesticks(bars: Chunk) -> None:
    names = [f"candle_{pattern.lower()}" for pattern in CANDLESTICKS]
    ticks, got = matrix(bars, names)
    seen = set()
    for k in range(len(SYMBOLS)):
        known, series = prices(bars, k)
        at = np.searchsorted(ticks, known)
        for pattern in CANDLESTICKS:
            values = got[f"candle_{pattern.lower()}"][at, k]
            assert np.isnan(values[:BEFORE]).all()
            theirs = getattr(talib, f"CDL{pattern}")(*series[:4]) / 100.0
            np.testing.assert_array_equal(values[BEFORE:], theirs[BEFORE:], err_msg=pattern)
            seen.add(pattern if np.any(values[BEFORE:] != 0) else "")
    assert len(seen) > 40


def test_every_pattern_of_ta_lib_from_any_start() -> None:
    """All 61, symbols laid end to end and pushed in pieces, against one run a symbol over the whole history."""
    bars = invented(DailyBar, 500)
    key, series = bars.key, np.stack([bars.columns[name].astype(float) for name in real.OHLC])
    patterns = talib.get_function_groups()["Pattern Recognition"]
    assert len(patterns) == 61
    strip, rng = scans.Strip(), np.random.default_rng(1)
    state, got = strip.fresh(3), {pattern: [] for pattern in patterns}
    for rows in np.split(np.arange(len(key)), np.sort(rng.choice(len(key), 200, replace=False))):
        strips = strip.push(state, key[rows], *series[:, rows])
        for pattern in patterns:
            got[pattern].append(scans.Candlestick(pattern)(strips))
    for pattern in patterns:
        whole = np.concatenate(got[pattern])
        for k in range(3):
            theirs = getattr(talib, pattern)(*series[:, key == k])[BEFORE:] / 100.0
            np.testing.assert_array_equal(whole[key == k][BEFORE:], theirs, err_msg=pattern)


def test_a_bar_with_a_missing_price_is_not_known_and_poisons_nothing() -> None:
    bars = invented(DailyBar, 200)
    mine = bars.key == 0
    series = np.stack([bars.columns[name][mine].astype(float) for name in real.OHLC])
    series[2, 60] = np.nan
    strip, doji = scans.Strip(), scans.Candlestick("CDLDOJI")
    key = np.zeros(200, np.int64)
    whole = doji(strip.push(strip.fresh(1), key, *series))
    state = strip.fresh(1)
    pieces = [doji(strip.push(state, key[i : i + 1], *series[:, i : i + 1])) for i in range(200)]
    np.testing.assert_array_equal(np.concatenate(pieces), whole)
    known = ~np.isnan(whole)
    assert known.tolist() == [BEFORE <= i < 60 or i > 60 + BEFORE for i in range(200)]
    after = talib.CDLDOJI(*np.nan_to_num(series[:, 61:], nan=1.0))[BEFORE:]
    np.testing.assert_array_equal(whole[61 + BEFORE :], after / 100.0)

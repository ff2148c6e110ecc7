"""The market as a whole, by hand and on real bars: breadth, correlation, the VIX family, regime, halts."""

from __future__ import annotations

from math import exp, log, pi, sqrt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.oracles import real
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Bar, DailyBar, IndexLevel, OffExchangeVolume
from undertow.core.time import HOUR, MINUTE
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.regimes import TwoStates

SYMBOLS = ("A", "B", "C", "SPY")
POSITIONS = nyse().sessions(np.datetime64("2023-01-03"), np.datetime64("2024-06-28"))
CLOSE = nyse().close[POSITIONS]


def daily(price: F64, symbols: tuple[str, ...] = SYMBOLS) -> Chunk:
    """Daily bars of prices (sessions, symbols), the last of which is the last session's."""
    n, k = price.shape
    at, key = np.repeat(CLOSE[-n:], k), np.tile(np.arange(k), n)
    columns = dict.fromkeys(("open", "high", "low", "close"), np.rint(price.ravel()).astype(np.int64)) | {"volume": np.full(n * k, 1000)}
    return chunk_of(DailyBar, symbols, key=key, event_at=at, known_at=at, columns=columns)


def last(chunks: list[Chunk], *names: str, symbols: tuple[str, ...] = SYMBOLS, tick: int = int(CLOSE[-1])) -> dict[str, F64]:
    features = FeatureEngineering(symbols, only=names)
    out = features.push(chunks, np.array([tick]))
    return {name: out[0, :, j] for j, name in enumerate(features.features)}


def walk(n: int, seed: int, k: int = 4) -> F64:
    return np.asarray(1e8 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, (n, k)), axis=0)))


def test_breadth_and_dispersion() -> None:
    price = np.full((60, 4), 1e6)
    price[-1] = [1.01e6, 1.02e6, 0.97e6, 1.0e6]
    got = last([daily(price)], "breadth_20", "breadth_50", "breadth_advancing_1d", "cross_dispersion_1d")
    assert got["breadth_20"].tolist() == got["breadth_50"].tolist() == got["breadth_advancing_1d"].tolist() == [0.5] * 4
    np.testing.assert_allclose(got["cross_dispersion_1d"], np.log([1.01, 1.02, 0.97, 1.0]).std())


def test_correlations_with_the_market() -> None:
    price = walk(80, 1)
    returns = np.diff(np.log(np.rint(price)), axis=0)[-60:]
    got = last([daily(price)], "average_correlation_60", "correlation_with_market_60")
    np.testing.assert_allclose(got["average_correlation_60"], (returns[:, 3].std() / returns.std(axis=0).mean()) ** 2)
    np.testing.assert_allclose(got["correlation_with_market_60"], [np.corrcoef(returns[:, k], returns[:, 3])[0, 1] for k in range(4)])
    # where all are the market, all is one
    np.testing.assert_allclose(last([daily(np.repeat(price[:, :1], 4, axis=1))], "average_correlation_60")["average_correlation_60"], 1.0)


def test_trend_and_volatility_of_the_market() -> None:
    price = walk(300, 2)
    got = last([daily(price)], "market_trend_50", "market_trend_200", "market_volatility_rank_250")
    spy = np.rint(price[:, 3])
    np.testing.assert_allclose(got["market_trend_50"], log(spy[-1] / spy[-50:].mean()))
    np.testing.assert_allclose(got["market_trend_200"], log(spy[-1] / spy[-200:].mean()))
    returns = np.diff(np.log(spy))
    spread = np.array([returns[i - 20 : i].std() for i in range(len(returns) - 249, len(returns) + 1)])
    np.testing.assert_allclose(got["market_volatility_rank_250"], ((spread < spread[-1]).sum() + 0.5) / 250)


INDICES = ("SKEW", "SPY", "VIX", "VIX3M", "VIX9D")


def test_the_volatility_indices_of_the_context() -> None:
    features = FeatureEngineering(("A",), only=["vix", "vix_term_near", "vix_term_far", "skew_index", "vix_change_5", "variance_premium"])
    assert features.context == INDICES
    vix = np.linspace(15.0, 20.0, 30)
    at, key = np.repeat(CLOSE[-30:], 4), np.tile([0, 2, 3, 4], 30)
    level = np.stack([np.full(30, 131.0), vix, np.full(30, 22.0), np.full(30, 25.0)], axis=1).ravel()
    levels = chunk_of(IndexLevel, INDICES, key=key, event_at=at, known_at=at + 20 * MINUTE, columns={"level": level})
    price = walk(30, 3, k=5)
    spy = chunk_of(
        DailyBar,
        INDICES,
        key=np.ones(30),
        event_at=CLOSE[-30:],
        known_at=CLOSE[-30:],
        columns={"close": price[:, 1].astype(np.int64)},
    )
    out = features.push([levels, spy], np.array([CLOSE[-1] + HOUR]))[0, 0]
    got = dict(zip(features.features, out, strict=True))
    assert (got["vix"], got["skew_index"]) == (20.0, 31.0)
    assert got["vix_term_near"] == pytest.approx(log(25 / 20))
    assert got["vix_term_far"] == pytest.approx(log(20 / 22))
    assert got["vix_change_5"] == pytest.approx(log(vix[-1] / vix[-6]))
    returns = np.diff(np.log(price[:, 1].astype(np.int64)))[-20:]
    assert got["variance_premium"] == pytest.approx(20 - returns.std() * sqrt(252) * 100)
    nothing = FeatureEngineering(("A",), only=["vix", "market_turbulence", "vix_term_near"]).push([], np.array([CLOSE[-1]]))
    assert np.isnan(nothing).all()


def test_short_share_is_weighted_by_value() -> None:
    bars = daily(np.tile([1e6, 2e6, 3e6, 4e6], (2, 1)))
    at, key = np.repeat(CLOSE[-2:], 4), np.tile(np.arange(4), 2)
    volume, short = np.tile([400, 300, 200, 100], 2), np.tile([100, 150, 50, 90], 2)
    both = chunk_of(
        OffExchangeVolume, SYMBOLS, key=key, event_at=at, known_at=at + 2 * HOUR, columns={"volume": volume, "short_volume": short}
    )
    got = last([bars, both], "market_short_share", tick=int(CLOSE[-1]) + 3 * HOUR)["market_short_share"]
    np.testing.assert_allclose(got, (100 * 1 + 150 * 2 + 50 * 3 + 90 * 4) / (400 * 1 + 300 * 2 + 200 * 3 + 100 * 4))


def test_a_halt_is_one_symbol_silent_and_an_outage_all() -> None:
    opened = int(nyse().open[POSITIONS][-1])
    at = opened + 5 * MINUTE * np.arange(1, 25)
    event, key = np.repeat(at, 4), np.tile(np.arange(4), len(at))
    keep = (key != 1) | (event <= opened + 60 * MINUTE)  # B trades for an hour
    columns = {"close": np.full(keep.sum(), 10**6)}
    bars = chunk_of(Bar, SYMBOLS, key=key[keep], event_at=event[keep], known_at=event[keep], columns=columns)
    features = FeatureEngineering(SYMBOLS, only=["halted", "minutes_without_bar"])
    minutes = [-5, 5, 60, 70, 75, 120, 150, 400]
    out = features.push([bars], opened + MINUTE * np.array(minutes))
    halted, silent = out[:, :, 0], out[:, :, 1]
    assert np.isnan(out[[0, 1, 7]]).all()  # before the session, in its first minutes, and after it
    np.testing.assert_array_equal(halted[2:7, 1], [0, 0, 1, 1, 0])  # at last the feed is silent
    np.testing.assert_array_equal(halted[2:7, [0, 2, 3]], 0)
    np.testing.assert_allclose(silent[2:7, 1], [0, 10, 15, 60, 90], atol=1e-6)


# --- the regime -------------------------------------------------------------------------------------------------------


def filtered(returns: F64, op: TwoStates) -> F64:
    return np.asarray(op.push(op.fresh(1), np.zeros(len(returns), np.int64), returns))


returns = st.lists(st.floats(-0.1, 0.1) | st.just(float("nan")), max_size=25)


@settings(max_examples=100, deadline=None)
@given(returns, st.integers(1, 6))
def test_the_filter_equals_bayes_theorem_in_full(some: list[float], n: int) -> None:
    op = TwoStates(n=n)
    got, expected = filtered(np.array(some, float), op), []
    for i in range(len(some)):
        if i + 1 < n:
            expected.append(float("nan"))
            continue
        belief = np.array([0.75, 0.25])  # 0.03 : 0.01, the chain's long run
        for r in some[i + 1 - n : i + 1]:
            belief = belief @ np.array([[0.99, 0.01], [0.03, 0.97]])
            if r == r:
                belief = belief * [exp(-0.5 * (r / s) ** 2) / (s * sqrt(2 * pi)) for s in (0.007, 0.018)]
            belief = belief / belief.sum()
        expected.append(belief[1])
    np.testing.assert_allclose(got, np.array(expected).reshape(got.shape), atol=1e-9)


def test_the_filter_finds_the_state_of_a_market_that_switches() -> None:
    rng = np.random.default_rng(5)
    turbulent, state = np.zeros(4000, bool), False
    for i in range(len(turbulent)):
        state = rng.random() < (0.97 if state else 0.01)
        turbulent[i] = state
    got = filtered(rng.normal(0, np.where(turbulent, 0.018, 0.007)), TwoStates())[249:]
    right = ((got > 0.5) == turbulent[249:]).mean()
    assert right > 0.9
    # and is calibrated: of what it gives a half to nine tenths about that share is turbulent
    between = (got > 0.5) & (got < 0.9)
    assert turbulent[249:][between].mean() == pytest.approx(got[between].mean(), abs=0.1)


def test_what_lies_further_back_hardly_counts() -> None:
    rng = np.random.default_rng(6)
    tail = rng.normal(0, 0.011, 250)
    calm, wild = (filtered(np.append(np.full(250, r), tail), TwoStates(n=500))[-1] for r in (0.0, 0.09))
    assert abs(calm - wild) < 2e-4
    assert np.isfinite(filtered(np.full(300, 5.0), TwoStates())[-1])


def test_the_spring_of_2020_was_turbulent_and_the_summer_of_2017_calm() -> None:
    bars = real.daily_bars(("SPY",))
    features = FeatureEngineering(("SPY",), only=["market_turbulence"])
    out = features.push([bars], bars.known_at)[:, 0, 0]
    day = nyse().day[nyse().position(bars.event_at)].astype("datetime64[M]")
    table = pl.DataFrame({"month": day.astype(str), "p": out}).group_by("month").agg(pl.col("p").mean())
    by_month = dict(table.iter_rows())
    assert by_month["2020-03"] > 0.95
    assert by_month["2017-07"] < 0.05
    assert 0.05 < np.nanmean(out > 0.5) < 0.6

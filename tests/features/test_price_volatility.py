"""Volatility, spread and relative features on simulated prices whose volatility, spread and beta are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Bar, DailyBar
from undertow.core.time import MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.edge import Edge

SIGMA, DAYS, TRADES = 0.02, 600, 390
SYMBOLS = ("A", "B", "SPY")


def paths(seed: int, days: int = DAYS, spread: float = 0.0, night: float = 0.0) -> F64:
    """Log open, high, low, close (4, days) of a random walk seen at bid or ask, each half the spread away."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0.0, SIGMA / math.sqrt(TRADES), (days, TRADES))
    steps[:, 0] += rng.normal(0.0, 1.0, days) * night
    seen = np.cumsum(steps).reshape(days, TRADES) + rng.choice([-0.5, 0.5], (days, TRADES)) * spread
    return np.stack([seen[:, 0], seen.max(axis=1), seen.min(axis=1), seen[:, -1]])


def daily(logs: list[F64], symbols: tuple[str, ...] = SYMBOLS) -> Chunk:
    days = logs[0].shape[1]
    last = nyse().session_on_or_before(np.datetime64("2025-06-30"))
    at = np.repeat(nyse().close[last - days + 1 : last + 1], len(logs))
    prices = np.rint(np.exp(np.stack(logs, axis=2)) * 10_000_000).astype(np.int64).reshape(4, -1)
    columns = dict(zip(("open", "high", "low", "close"), prices, strict=True)) | {"volume": np.full(len(at), 1000)}
    key = np.tile(np.arange(len(logs)), days)
    return chunk_of(DailyBar, symbols[: len(logs)], key=key, event_at=at, known_at=at + MINUTE, columns=columns)


def over_time(logs: list[F64], name: str) -> F64:
    bars = daily(logs)
    return FeatureEngineering(bars.symbols, only=[name]).push([bars], np.unique(bars.known_at))[:, :, 0]


@pytest.mark.parametrize("name", ["parkinson_20_1d", "garman_klass_20_1d", "rogers_satchell_20_1d", "yang_zhang_20_1d"])
def test_range_based_volatility_is_the_true_one(name: str) -> None:
    got = over_time([paths(3)], name)[20:, 0]
    # prices are seen 390 times a day, so that the range is a little narrower than that of a path without gaps
    assert np.mean(got**2) == pytest.approx(SIGMA**2, rel=0.14)
    closes = over_time([paths(3)], "realised_volatility_20_1d")[20:, 0]
    assert np.std(got) < 0.6 * np.std(closes)  # what they are for


def test_yang_zhang_counts_the_nights() -> None:
    got = over_time([paths(4, night=0.02)], "yang_zhang_20_1d")[20:, 0]
    assert np.mean(got**2) == pytest.approx(SIGMA**2 + 0.02**2, rel=0.14)


@pytest.mark.parametrize("spread", [0.005, 0.01, 0.03])
def test_edge_finds_the_spread(spread: float) -> None:
    logs = paths(5, days=3001, spread=spread)
    edge = Edge(3000)
    got = edge.push(edge.fresh(1), np.zeros(3001, np.int64), *logs)[-1]
    assert got == pytest.approx(spread, rel=0.12)


def test_edge_finds_none_where_there_is_none() -> None:
    edge = Edge(3000)
    assert abs(edge.push(edge.fresh(1), np.zeros(3001, np.int64), *paths(6, days=3001))[-1]) < 0.003


def as_published(o: F64, h: F64, low: F64, c: F64) -> float:
    """The paper's estimator in the order of its text: moment conditions with and without the close, weighed by their precision."""
    middle = (h + low) / 2.0
    m, before, b_o, b_h, b_l, b_c = middle[1:], middle[:-1], o[1:], h[1:], low[1:], c[:-1]
    tau = ((b_h != b_l) | (b_l != b_c)).astype(float)
    if tau.sum() < 2:
        return math.nan
    p_open = (tau * (b_o != b_h)).mean() + (tau * (b_o != b_l)).mean()
    p_close = (tau * (b_c != h[:-1])).mean() + (tau * (b_c != low[:-1])).mean()
    if p_open == 0 or p_close == 0:
        return math.nan

    def centred(r: F64) -> F64:
        return r - r.mean() / tau.mean() * tau

    x_1 = -4 / p_open * centred(m - b_o) * (b_o - before) - 4 / p_close * centred(m - b_c) * (b_c - before)
    x_2 = -4 / p_open * centred(m - b_o) * (b_o - b_c) - 4 / p_close * centred(b_o - b_c) * (b_c - before)
    v_1, v_2 = (x_1**2).mean() - x_1.mean() ** 2, (x_2**2).mean() - x_2.mean() ** 2
    square = (v_2 * x_1.mean() + v_1 * x_2.mean()) / (v_1 + v_2) if v_1 + v_2 > 0 else (x_1.mean() + x_2.mean()) / 2
    return float(np.sign(square) * math.sqrt(abs(square)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 8), st.integers(1, 3))
def test_edge_is_the_papers(seed: int, n: int, step: int) -> None:
    rng = np.random.default_rng(seed)
    c, o = rng.integers(1, 9, (2, 30)) / 8.0  # so coarse that bars without a range come up
    h, low = np.maximum(o, c) + rng.integers(0, 2, 30) / 8.0, np.minimum(o, c) - rng.integers(0, 2, 30) / 8.0
    edge = Edge(n, step)
    state = edge.fresh(1)
    got = np.concatenate([edge.push(state, np.zeros(p.shape[1], np.int64), *p) for p in np.split(np.stack([o, h, low, c]), [11], axis=1)])
    for i in range(30):
        rows = np.arange(i - n * step, i + 1, step)
        expected = as_published(o[rows], h[rows], low[rows], c[rows]) if rows[0] >= 0 else math.nan
        if not (math.isnan(expected) or abs(expected) < 1e-6):
            assert got[i] == pytest.approx(expected, rel=1e-9)
        elif math.isnan(expected):
            assert math.isnan(got[i])


def test_beta_correlation_and_residual() -> None:
    market, own = paths(7), paths(8)
    share = 1.5 * market + 0.5 * own
    found = {
        name: over_time([share, share, market], f"{name}_1d")[80:, 0] for name in ("beta_60", "market_correlation_60", "market_residual")
    }
    assert np.mean(found["beta_60"]) == pytest.approx(1.5, abs=0.08)
    assert np.mean(found["market_correlation_60"]) == pytest.approx(1.5 / math.hypot(1.5, 0.5), abs=0.03)
    assert np.std(found["market_residual"]) == pytest.approx(0.5 * SIGMA, rel=0.1)


def test_relative_strength_and_peers() -> None:
    logs = [paths(seed) for seed in (1, 2, 3)]
    change = np.stack([one[3, 20:] - one[3, :-20] for one in logs], axis=1)
    np.testing.assert_allclose(over_time(logs, "relative_strength_20_1d")[20:], change - change[:, 2:], atol=1e-5)
    np.testing.assert_allclose(over_time(logs, "peer_strength_20_1d")[20:], change - change.mean(axis=1, keepdims=True), atol=1e-5)


def test_without_the_market_there_is_no_relative_strength() -> None:
    assert np.isnan(over_time([paths(1, 90), paths(2, 90)], "relative_strength_20_1d")).all()


def test_a_trend_and_a_bounce_show_in_variance_ratio_and_autocorrelation() -> None:
    rng = np.random.default_rng(9)
    noise = rng.normal(0.0, 0.01, DAYS + 1)
    for sign in (1.0, -1.0):
        closes = np.cumsum(noise[1:] + sign * 0.5 * noise[:-1])
        logs = np.stack([closes, closes + 0.001, closes - 0.001, closes])
        assert sign * np.mean(over_time([logs], "autocorrelation_60_1d")[80:, 0]) > 0.3
        assert sign * (np.mean(over_time([logs], "variance_ratio_5_1d")[80:, 0]) - 1.0) > 0.3


@pytest.mark.parametrize("name", ["return_5", "stochastic_k", "bollinger_position", "rsi_14", "atr_14", "trend_t_20", "aroon_25", "adx_14"])
def test_half_hours_are_bars_of_half_an_hour(name: str) -> None:
    """At the end of every sixth bar, what coarse bars built beforehand give."""
    rng, n = np.random.default_rng(11), 600 * 6
    closes = 1_000_000 + np.cumsum(rng.integers(-900, 901, n))
    opens = closes + rng.integers(-500, 501, n)
    high, low = np.maximum(opens, closes) + rng.integers(0, 400, n), np.minimum(opens, closes) - rng.integers(0, 400, n)
    at = nyse().open[FIRST_DAY] + 5 * MINUTE * np.arange(1, n + 1)

    def bars(rows: slice, prices: list[F64]) -> Chunk:
        columns = dict(zip(("open", "high", "low", "close"), prices, strict=True)) | {"volume": np.full(len(prices[0]), 10)}
        key = np.zeros(len(prices[0]), np.int64)
        return chunk_of(Bar, ("A",), key=key, event_at=at[rows], known_at=at[rows] + SECOND, columns=columns)

    coarse = [opens[::6], high.reshape(-1, 6).max(axis=1), low.reshape(-1, 6).min(axis=1), closes[5::6]]
    fine = FeatureEngineering(["A"], only=[f"{name}_30m"]).push([bars(slice(None), [opens, high, low, closes])], at[5::6] + SECOND)
    built = FeatureEngineering(["A"], only=[name]).push([bars(slice(5, None, 6), coarse)], at[5::6] + SECOND)
    np.testing.assert_allclose(fine[100:], built[100:], rtol=1e-9)


FIRST_DAY = nyse().session_on_or_before(np.datetime64("2024-03-05"))

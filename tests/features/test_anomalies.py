"""Anomalies on a market in which nothing happens, and on the same market with one bar's volume eight times as large."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.oracles.test_tails import ks
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import Bar, OffExchangePrint
from undertow.core.time import MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.families.anomalies import cauchy

SYMBOLS = tuple("ABCDEFGH")
SESSIONS, BARS = 58, 78
P_VALUES = ("anomaly_forest_p", "anomaly_p", "anomaly_robust_p", "anomaly_tail_p", "volume_unexplained_p")
NAMES = (*P_VALUES, "anomaly_q", "anomaly_tail", "anomaly_forest", "anomaly_robust", "volume_unexplained", "volume_unexplained_q")


@pytest.fixture(scope="module")
def market() -> tuple[Chunk, Chunk]:
    """Bars and off-exchange prints without a memory, but with the day's shape: busy at both ends."""
    rng, keys = np.random.default_rng(7), len(SYMBOLS)
    days = nyse().sessions(np.datetime64("2024-01-02"), np.datetime64("2024-06-28"))
    opens = nyse().open[days][:SESSIONS]
    at = np.repeat((opens[:, None] + 5 * MINUTE * np.arange(1, BARS + 1)).ravel(), keys)
    key, n = np.tile(np.arange(keys), SESSIONS * BARS), SESSIONS * BARS * keys
    shape = 1.0 + 2.0 * np.abs(np.linspace(-1.0, 1.0, BARS)) ** 2
    level = np.repeat(np.tile(shape, SESSIONS), keys)
    # volume goes with the size of the move, as in any market
    move = rng.normal(0.0, 1.0, n)
    volume = 20_000 * level * np.exp(0.3 * np.abs(move) + 0.4 * rng.normal(0.0, 1.0, n))
    steps = (move * 1e-3 * np.sqrt(level)).reshape(-1, keys).cumsum(axis=0).ravel()
    close = 1_000_000 * np.exp(steps)
    opened = close * np.exp(-move * 1e-3)
    spread = 600.0 * level * np.exp(0.3 * rng.normal(0.0, 1.0, n))
    columns = {"open": opened, "close": close, "high": np.maximum(opened, close) + spread, "low": np.minimum(opened, close) - spread}
    columns = {name: np.rint(one).astype(np.int64) for name, one in (columns | {"volume": volume}).items()}
    bars = chunk_of(Bar, SYMBOLS, key=key, event_at=at, known_at=at + SECOND, columns=columns | {"span": np.full(n, 5 * MINUTE)})
    size = np.rint(volume * rng.uniform(0.3, 0.5, n)).astype(np.int64)
    dark = chunk_of(OffExchangePrint, SYMBOLS, key=key, event_at=at - MINUTE, known_at=at - MINUTE, columns={"size": size})
    return bars, dark


@pytest.fixture(scope="module")
def ticks(market: tuple[Chunk, Chunk]) -> I64:
    return np.unique(market[0].known_at)[-6 * BARS :]


def seen(chunks: tuple[Chunk, ...], ticks: I64) -> dict[str, F64]:
    fe = FeatureEngineering(SYMBOLS, only=NAMES)
    out = fe.push(chunks, ticks)
    return {name: out[:, :, j] for j, name in enumerate(fe.features)}


@pytest.fixture(scope="module")
def quiet(market: tuple[Chunk, Chunk], ticks: I64) -> dict[str, F64]:
    return seen(market, ticks)


@pytest.mark.parametrize("name", P_VALUES)
def test_p_values_of_a_market_without_anomalies_are_uniform(quiet: dict[str, F64], name: str) -> None:
    p = quiet[name]
    assert np.isfinite(p).all()
    # each fourth bar, by symbol: none of eight looks unlike a uniform number (one is let off for chance)
    if name != "anomaly_p":  # Cauchy's combination of dependent p-values promises something of the small ones alone
        assert sum(ks(p[::4, k]) < 0.01 for k in range(len(SYMBOLS))) <= 1
    assert 0.03 < (p <= 0.05).mean() < 0.075
    assert (p <= 0.005).mean() < 0.011


def test_a_bar_of_eight_times_the_volume_is_found_then_and_not_before(
    market: tuple[Chunk, Chunk], ticks: I64, quiet: dict[str, F64]
) -> None:
    bars, dark = market
    tick, symbol = 3 * BARS + 40, 5
    row = (bars.known_at == ticks[tick]) & (bars.key == symbol)
    loud = replace(bars, columns=dict(bars.columns) | {"volume": np.where(row, 8, 1) * bars.columns["volume"]})
    loud_dark = replace(dark, columns=dict(dark.columns) | {"size": np.where(row, 8, 1) * dark.columns["size"]})
    got = seen((loud, loud_dark), ticks)
    assert row.sum() == 1
    for name, before in quiet.items():
        np.testing.assert_array_equal(got[name][:tick], before[:tick])
    for name in ("anomaly_q", "volume_unexplained_q"):
        assert got[name][tick, symbol] < 0.1, name
        assert quiet[name][tick, symbol] > 0.1, name
        others = np.delete(np.arange(len(SYMBOLS)), symbol)
        assert (got[name][tick, others] < 0.1).sum() <= 1, name  # where one is found, a tenth of what is found may be false
    assert got["anomaly_tail"][tick, symbol] > quiet["anomaly_tail"][tick, symbol] + 5.0
    assert got["anomaly_forest"][tick, symbol] > quiet["anomaly_forest"][tick, symbol]


def test_a_large_move_explains_volume(market: tuple[Chunk, Chunk], ticks: I64, quiet: dict[str, F64]) -> None:
    bars, _ = market
    at = np.isin(bars.known_at, ticks)
    move = np.abs(np.log(bars.columns["close"] / bars.columns["open"]))[at].reshape(len(ticks), -1)
    volume = np.log(bars.columns["volume"][at].reshape(len(ticks), -1))
    share = np.tile(1.0 + 2.0 * np.abs(np.linspace(-1.0, 1.0, BARS)) ** 2, 6)[:, None]
    calm = volume - np.log(share)
    assert np.corrcoef(move.ravel(), calm.ravel())[0, 1] > 0.25
    assert abs(np.corrcoef(move.ravel(), quiet["volume_unexplained"].ravel())[0, 1]) < 0.08


def test_without_options_and_off_exchange_prints_the_bars_are_judged_alone(market: tuple[Chunk, Chunk], ticks: I64) -> None:
    got = seen(market[:1], ticks[:10])
    assert all(np.isfinite(one).all() for one in got.values())


def test_in_the_first_weeks_nothing_is_known(market: tuple[Chunk, Chunk]) -> None:
    early = np.unique(market[0].known_at)[: 9 * BARS]
    got = seen((market[0].between(-(2**62), int(early[-1])),), early)
    assert all(np.isnan(one).all() for one in got.values())


def test_cauchy_combination() -> None:
    one = np.array([0.01, 0.3, 0.9])
    np.testing.assert_allclose(cauchy(one, one, one), one, rtol=1e-12)
    assert 0.0015 < cauchy(*(np.array([p]) for p in (0.001, 0.8, 0.6)))[0] < 0.01
    assert np.isnan(cauchy(one, one * np.nan)).all()

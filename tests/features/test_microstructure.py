"""Microstructure and relative value on chunks made by hand, each number worked out beside it."""

from __future__ import annotations

from math import log

import numpy as np
import pytest

from tests.oracles.test_relative_value import chain
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Chunk, chunk_of
from undertow.core.events import MISSING, Bar, ChainRow, DailyBar, Quote, Trade
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering

ONE = ("A",)
BARS = 78


def sessions(n: int) -> I64:
    days = nyse().sessions(np.datetime64("2024-01-02"), np.datetime64("2024-12-31"))
    return np.arange(len(nyse()))[days][:n]


def told(symbols: tuple[str, ...], names: list[str], chunks: list[Chunk], ticks: I64) -> dict[str, F64]:
    fe = FeatureEngineering(symbols, only=names)
    out = fe.push(chunks, ticks)
    return {name: out[:, :, j] for j, name in enumerate(fe.features)}


def quotes(at: list[int], rows: list[tuple[int, int, int, int]]) -> Chunk:
    columns = {name: np.array([row[j] for row in rows]) for j, name in enumerate(("bid", "ask", "bid_size", "ask_size"))}
    when = np.array(at) * SECOND + nyse().open[sessions(1)[0]]
    return chunk_of(Quote, ONE, key=np.zeros(len(at), np.int64), event_at=when, known_at=when, columns=columns)


QUOTED = ["quoted_spread", "queue_imbalance", "microprice_distance", "quote_intensity"]
FLOWS = ["order_flow_imbalance_1m", "order_flow_imbalance_5m"]


def test_a_quote_by_hand() -> None:
    book = quotes([0, 30], [(999_900, 1_000_100, 300, 100), (999_800, 1_000_200, 100, 300)])
    open_at = int(nyse().open[sessions(1)[0]])
    ticks = np.array([open_at, open_at + 30 * SECOND, open_at + 60 * SECOND, open_at + 20 * MINUTE])
    got = told(ONE, [*QUOTED, *FLOWS], [book], ticks)
    assert got["quoted_spread"][:, 0].tolist()[:3] == [200 / 1e6, 400 / 1e6, 400 / 1e6]
    assert got["queue_imbalance"][:2, 0].tolist() == [0.5, -0.5]
    # the weighed middle lies a quarter of the spread above: (999900 * 100 + 1000100 * 300) / 400 = 1000050
    np.testing.assert_allclose(got["microprice_distance"][:2, 0], [50 / 1e6, -100 / 1e6])
    assert got["quote_intensity"][1, 0] == pytest.approx(log(3.0 / (1.0 + 2.0 / 30.0)))
    assert got["quote_intensity"][2, 0] == pytest.approx(log(2.0 / (1.0 + 2.0 / 30.0)))
    # bid down by what stood there, ask up by what went away: -300 + 100, over a mean size of 200
    assert got["order_flow_imbalance_1m"][1, 0] == -1.0
    assert got["order_flow_imbalance_5m"][1, 0] == -1.0
    for name in (*QUOTED[:3], *FLOWS):
        assert np.isnan(got[name][3, 0]), name  # a quarter of an hour without a quote


def test_bad_quotes_are_not_known_and_do_no_harm() -> None:
    rows = [(1_000_100, 1_000_000, 100, 100), (0, 1_000_000, 0, 100), (MISSING, 1_000_000, 100, 100), (999_900, 1_000_100, 0, 0)]
    book = quotes([0, 1, 2, 3], rows)
    got = told(ONE, [*QUOTED, *FLOWS], [book], book.known_at)
    assert np.isnan(got["quoted_spread"][:3, 0]).all()
    assert np.isnan(got["microprice_distance"][:, 0]).all()
    assert np.isnan(got["queue_imbalance"][3, 0])
    assert got["quoted_spread"][3, 0] == 200 / 1e6
    assert not any(np.isinf(one).any() for one in got.values())
    nothing = told(ONE, [*QUOTED, *FLOWS], [book[:0]], book.known_at)
    assert all(np.isnan(one).all() for one in nothing.values())


def test_order_flow_of_one_minute_forgets_what_five_remember() -> None:
    rows = [(100, 110, 50, 50), (101, 110, 60, 50), (101, 110, 60, 30)]
    book = quotes([0, 10, 200], rows)
    got = told(ONE, FLOWS, [book], book.known_at[-1:])
    assert got["order_flow_imbalance_1m"][0, 0] == pytest.approx(20.0 / 45.0)
    assert got["order_flow_imbalance_5m"][0, 0] == pytest.approx((60.0 + 20.0) / (150.0 / 3.0))


def test_one_sided_prints_against_coin_flips() -> None:
    n = 51
    at = np.arange(n) * SECOND + nyse().open[sessions(1)[0]]
    up = chunk_of(Trade, ONE, key=np.zeros(n), event_at=at, known_at=at, columns={"price": 1000 + np.arange(n), "size": np.ones(n)})
    got = told(ONE, ["tick_imbalance_excess"], [up], at[[0, n - 1]])["tick_imbalance_excess"][:, 0]
    assert np.isnan(got[0])
    assert got[1] == pytest.approx(1.0 - 0.1128, abs=1e-4)


@pytest.fixture(scope="module")
def market() -> tuple[Chunk, Chunk]:
    """Bars of a share that moves 1.5 times with SPY, beside SPY's own; daily bars for their volume."""
    rng, days, keys = np.random.default_rng(5), sessions(40), 2
    at = np.repeat((nyse().open[days][:, None] + 5 * MINUTE * np.arange(1, BARS + 1)).ravel(), keys)
    n = len(at) // keys
    spy = rng.normal(0.0, 1e-3, n)
    own = 1.5 * spy + np.diff(rng.normal(0.0, 1e-3, n + 1))
    close = np.rint(1_000_000 * np.exp(np.cumsum(np.stack([own, spy], axis=1), axis=0))).astype(np.int64).ravel()
    columns = dict.fromkeys(("open", "high", "low", "close"), close) | {"span": np.full(len(at), 5 * MINUTE)}
    columns |= {"volume": rng.integers(5_000, 15_000, len(at)), "trades": rng.integers(100, 200, len(at))}
    key = np.tile([0, 1], n)
    bars = chunk_of(Bar, ("A", "SPY"), key=key, event_at=at, known_at=at + SECOND, columns=columns)
    closes = np.repeat(nyse().close[days], keys)
    daily = {name: np.full(len(closes), 1_000_000) for name in ("open", "high", "low", "close")} | {"volume": np.full(len(closes), 780_000)}
    return bars, chunk_of(DailyBar, ("A", "SPY"), key=np.tile([0, 1], 40), event_at=closes, known_at=closes + MINUTE, columns=daily)


def test_the_hedge_ratio_is_the_one_planted(market: tuple[Chunk, Chunk]) -> None:
    ticks = np.unique(market[0].known_at)[-BARS:]
    names = ["hedge_ratio", "hedge_surprise", "residual_score", "residual_half_life"]
    got = told(("A", "SPY"), names, list(market), ticks)
    assert got["hedge_ratio"][:, 0].mean() == pytest.approx(1.5, abs=0.25)
    assert got["hedge_ratio"][-1, 1] == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(got["residual_score"][:, 1]).all()  # SPY against itself
    # what is left is the difference of independent numbers: its sum returns at once
    assert np.isfinite(got["residual_score"][:, 0]).mean() > 0.9
    assert np.nanmedian(got["residual_half_life"][:, 0]) < log(2.0)
    assert 0.6 < np.nanstd(got["residual_score"][:, 0]) < 1.6


def test_filters_of_a_random_walk(market: tuple[Chunk, Chunk]) -> None:
    ticks = np.unique(market[0].known_at)[-20 * BARS :]
    names = ["kalman_innovation", "kalman_nis", "kalman_slope", "kalman_distance", "drift_t", "return_slope_t"]
    got = {name: one[:, 1] for name, one in told(("A", "SPY"), names, list(market), ticks).items()}
    assert all(np.isfinite(one).all() for one in got.values())
    first = np.arange(len(ticks)) % BARS == 0  # here the night moves a price no more than five minutes do
    assert 0.8 < np.std(got["kalman_innovation"][~first]) < 1.25
    assert 0.7 < np.mean(got["kalman_nis"]) < 1.4
    assert abs(np.mean(got["kalman_slope"])) < 0.1
    assert 0.03 < (np.abs(got["drift_t"]) > 2.0).mean() < 0.12
    assert 0.02 < (np.abs(got["return_slope_t"]) > 2.07).mean() < 0.12


def test_volume_that_is_one_sided_by_chance_is_no_stress(market: tuple[Chunk, Chunk]) -> None:
    ticks = np.unique(market[0].known_at)[-BARS:]
    got = told(("A", "SPY"), ["liquidity_stress", "liquidity_stress_excess"], list(market), ticks)
    assert np.isnan(got["liquidity_stress"]).all()  # there are no quotes, so nothing is known of the spread
    assert np.isfinite(got["liquidity_stress_excess"]).all()
    # a bucket is one bar or two; a normal change puts half of a bar's volume more on one side than on the other
    assert 0.2 < got["liquidity_stress_excess"].mean() < 0.55


def option_chains(carries: list[float]) -> list[Chunk]:
    days = sessions(len(carries))
    close = nyse().close[days]
    rows = [chain(carry) for carry in carries]
    each = rows[0].shape[1]
    price, strike, left, put, _, iv = (np.concatenate([one[j] for one in rows]) for j in range(6))
    at = np.repeat(close, each)
    columns = {"price": np.rint(price * 10_000), "strike": np.rint(strike * 10_000), "is_put": put, "iv": iv}
    columns |= {"expiry": at // DAY + left.astype(np.int64), "volume": np.ones(len(at))}
    key = np.zeros(len(at), np.int64)
    whole = chunk_of(ChainRow, ONE, key=key, event_at=at, known_at=at + 20 * MINUTE, columns=columns)
    spot = dict.fromkeys(("open", "high", "low", "close"), np.full(len(close), 1_000_000))
    return [whole, chunk_of(DailyBar, ONE, key=np.zeros(len(close)), event_at=close, known_at=close + MINUTE, columns=spot)]


def test_synthetic_forward_against_its_own_usual() -> None:
    carries = [0.01 + 0.001 * (j % 3) for j in range(24)] + [-0.03]
    chunks = option_chains(carries)
    names = ["implied_carry", "synthetic_divergence", "synthetic_divergence_score"]
    ticks = np.unique(chunks[0].known_at)
    got = {name: one[:, 0] for name, one in told(ONE, names, chunks, ticks).items()}
    np.testing.assert_allclose(got["implied_carry"], carries, atol=1.5e-3)
    assert np.isnan(got["synthetic_divergence"][:19]).all()
    assert np.abs(got["synthetic_divergence"][19:24]).max() < 2e-4
    assert got["synthetic_divergence"][24] == pytest.approx(-0.041 * 30 / 365, abs=2e-4)
    assert got["synthetic_divergence_score"][24] < -3.0
    alone = told(ONE, names, chunks[1:], ticks)
    assert all(np.isnan(one).all() for one in alone.values())

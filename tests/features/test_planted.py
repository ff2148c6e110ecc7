"""The simulated market: what was planted in each source is found by the features of that source, and a null market rewards none."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from tests.sandbox.panel import TEN, Panel, correlation, days
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk
from undertow.core.events import Bar, DailyBar, Event, FlowAlert, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering
from undertow.sandbox.market import KINDS, Market

SESSIONS = slice(days("2020-01-02", "2020-01-02").start, days("2020-01-02", "2020-01-02").start + 750)
PLANTED = 0.10
SEEDS = (0, 1)
WARM = 60  #: sessions before which the longest window is not full
SINGLE: tuple[type[Event], ...] = (Quote, Trade, OffExchangePrint, OptionTrade)
#: source -> its own features, and the sign with which each goes with what is planted
OWN = {
    "flow": {"put_share_of_volume": -1.0, "put_share_of_premium": -1.0, "opening_balance": 1.0},
    "dark": {"off_exchange_share": 1.0, "off_exchange_share_score": 1.0},
    "news": {"news_tone_1d": 1.0},
    "reversal": {"return_1_1d": -1.0},
}


@dataclass(frozen=True)
class Seen:
    """What features said in the morning after each session (sessions, symbols), and what the price did from open to open."""

    panel: Panel
    names: tuple[str, ...]
    values: F64  #: (sessions, symbols, features)
    outcome: F64  #: (sessions, symbols), in units of its own volatility


def seen(market: Market, names: tuple[str, ...] | None) -> Seen:
    panel = Panel(market, TEN, SESSIONS, ())
    features = FeatureEngineering(TEN, only=names, without=set(SINGLE) | {FlowAlert})
    found = market.events(TEN, SESSIONS, tuple(kind for kind in KINDS if kind in features.kinds))
    ticks = decision_ticks(nyse(), range(SESSIONS.start + 1, SESSIONS.stop - 1), None)
    values = features.push(found.values(), ticks)
    return Seen(panel, tuple(features.features), values[WARM:], (panel.ahead / panel.oracle("volatility")[:-2])[WARM:])


@pytest.fixture(scope="module")
def planted() -> list[Seen]:
    return [seen(Market(seed, PLANTED), tuple(name for own in OWN.values() for name in own)) for seed in SEEDS]


@pytest.mark.parametrize("source", OWN)
def test_each_source_is_found_by_its_own_features(planted: list[Seen], source: str) -> None:
    for name, sign in OWN[source].items():
        own, found, held = [], [], []
        for one in planted:
            value = sign * one.values[:, :, one.names.index(name)]
            oracles = [oracle.parts[source][WARM:-2] for oracle in one.panel.oracles]
            held.append(correlation(value, np.column_stack(oracles)))
            own.append(correlation(value, one.panel.oracle("latent")[WARM:-2]))
            found.append(correlation(value, one.outcome))
        n = sum(int(np.isfinite(one.values[:, :, one.names.index(name)]).sum()) for one in planted)
        assert np.mean(held) > 0.3, f"{name} does not see {source}"
        # of the planted coefficient a feature can have the share that it sees of the latent
        assert abs(np.mean(found) - PLANTED * np.mean(own)) < 3.0 / np.sqrt(n), name
        assert np.mean(found) > 0.0, name


def test_a_null_market_rewards_no_feature() -> None:
    for seed in SEEDS:
        one = seen(Market(seed, 0.0), None)
        assert len(one.names) > 80
        strongest = {name: t_of(one.values[:, :, j], one.outcome) for j, name in enumerate(one.names)}
        beyond = {name: round(t, 2) for name, t in strongest.items() if abs(t) > 4.0}
        assert not beyond, (seed, beyond)


def test_a_null_market_rewards_no_feature_of_single_prints() -> None:
    symbols = TEN[:3]
    sessions = slice(SESSIONS.start, SESSIONS.start + 14)
    market = Market(5, 0.0)
    without = FeatureEngineering(symbols, without=(*SINGLE, FlowAlert)).features
    names = [name for name in FeatureEngineering(symbols).features if name not in without]
    features = FeatureEngineering(symbols, only=names)
    found = market.events(symbols, sessions, tuple(features.kinds | {Bar, DailyBar}))
    ticks = decision_ticks(nyse(), range(sessions.start + 2, sessions.stop), 1800 * 10**9)
    values = features.push([chunk for kind, chunk in found.items() if kind in features.kinds], ticks)
    ahead = next_returns(found[Bar], ticks)
    strongest = {name: t_of(values[:, :, j], ahead) for j, name in enumerate(names)}
    beyond = {name: round(t, 2) for name, t in strongest.items() if abs(t) > 4.0}
    assert not beyond, beyond


def next_returns(bars: Chunk, ticks: F64) -> F64:
    """From the price at each tick to that at the next, within a session (ticks, symbols)."""
    price = np.full((len(ticks), len(bars.symbols)), np.nan)
    for k in range(len(bars.symbols)):
        mine = bars[np.flatnonzero(bars.key == k)]
        at = np.searchsorted(mine.event_at, ticks, side="right") - 1
        price[:, k] = np.where(at >= 0, mine.numbers("close")[np.maximum(at, 0)], np.nan)
    position = nyse().position(ticks)
    ahead = np.full_like(price, np.nan)
    ahead[:-1] = np.where((position[1:] == position[:-1])[:, None], np.diff(np.log(price), axis=0), np.nan)
    return ahead


def t_of(values: F64, outcome: F64) -> float:
    """t of the mean, by row, of a feature's scores with what came of it: symbols of one row share the market, rows do not."""
    told = values[np.isfinite(values)]
    if not len(told) or not told.std() > 1e-12 * max(1.0, np.abs(told).max()):
        return 0.0
    score = np.clip((values - told.mean()) / told.std(), -4.0, 4.0)
    product = score * outcome
    known = np.isfinite(product)
    rows = known.any(axis=1)
    by_row = np.where(known, product, 0.0).sum(axis=1)[rows] / known.sum(axis=1)[rows]
    if len(by_row) < 30 or not by_row.std() > 0.0:
        return 0.0
    return float(by_row.mean() / by_row.std(ddof=1) * np.sqrt(len(by_row)))

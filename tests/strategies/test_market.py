"""On the simulated market, without costs: each strategy earns from what is planted for its sources, and nothing where nothing is planted.

What is planted is a latent in option flow, off-exchange share, news and yesterday's reversal. For ``earnings`` nothing of its own is:
no drift follows reports and jumps are fair, so what it can earn is the flow before reports. For ``market_structure`` there is nothing
to earn, but volatility that comes in clusters: where it holds back, what follows has to be rougher. ``meta`` lives off models, which the
test of honesty runs whole; here it is told the true probabilities.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
import pytest

from tests.sandbox.panel import TEN, days, table
from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.events import Bar, CorporateAction, DailyBar, FlowAlert, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.protocols import View
from undertow.engine.run import horizon_volatility
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering
from undertow.sandbox.daily.walk import WEIGHTS
from undertow.sandbox.market import Market
from undertow.strategies.book import Book
from undertow.strategies.catalogue import strategies
from undertow.strategies.market_structure import MarketStructure
from undertow.strategies.meta import Meta

pytestmark = pytest.mark.slow

SEEDS = range(20)  #: nothing was chosen on these
NULL_SEEDS = range(100)  #: what is not there takes more markets to be sure of: on the first twenty alone technical_flow has a t of 3.40
PLANTED = 0.10
FIRST = days("2020-01-02", "2020-01-02").start
SESSIONS = 500
WARM = 80  #: sessions before which the longest window that matters here is not full
INTRADAY = (Bar, Quote, Trade, OffExchangePrint, OptionTrade, FlowAlert)
STATE = ("market_turbulence", "vix_term_far")  #: of what market_structure looks at, what the market as a whole is told by
SOURCES = ("flow", "dark", "news", "reversal")
#: strategy -> the source from which it has to expect most
OWN = {"options_flow": "flow", "dark_pool": "dark", "earnings": "flow", "technical_flow": "flow"}
TAKERS = Book(strategies(tuple(OWN)))
ALL = Book(strategies((*OWN, "market_structure")))


@dataclass(frozen=True)
class Seen:
    """One market: what was seen at 09:00, what came of it from open to open, and what was to be expected by source."""

    view: View
    ahead: F64  #: (ticks, symbols) return
    expected: dict[str, F64]  #: source -> (ticks, symbols) planted mean of it


def seen(seed: int, ic: float) -> Seen:
    market, sessions = Market(seed, ic), slice(FIRST, FIRST + SESSIONS)
    there = FeatureEngineering(TEN, without=INTRADAY).features
    names = [name for name in (*TAKERS.reads, *STATE, "realised_volatility_20_1d") if name in there]
    features = FeatureEngineering(TEN, only=names)
    found = market.events((*TEN, *features.context), sessions, tuple(features.kinds | {CorporateAction, DailyBar}))
    ticks = decision_ticks(nyse(), range(sessions.start + 1, sessions.stop - 1), None)
    X = features.push([chunk for kind, chunk in found.items() if kind in features.kinds], ticks)[WARM:]
    read = tuple(features.features)
    half = np.full(X.shape[:2], 0.5)
    view = View(
        symbols=TEN,
        ticks=ticks[WARM:],
        p_up=half,
        direction=np.zeros(half.shape, np.int8),
        volatility=horizon_volatility(read, X),
        cost=np.zeros(half.shape),
        features=read,
        X=X,
    )
    n = sessions.stop - sessions.start
    splits = found[CorporateAction]
    ratio = np.ones((n, len(TEN) + len(features.context)))
    ratio[nyse().position(splits.event_at) - sessions.start, splits.key] = splits.columns["ratio"]
    opens = (table(found[DailyBar], "open", sessions.start, n) * np.cumprod(ratio, axis=0))[:, : len(TEN)]
    oracles = [market.oracle(symbol, sessions) for symbol in TEN]
    unit = ic * np.column_stack([oracle.volatility for oracle in oracles])
    expected = {
        name: (weight * unit * np.column_stack([oracle.parts[name] for oracle in oracles]))[WARM:-2]
        for name, weight in zip(SOURCES, WEIGHTS, strict=True)
    }
    return Seen(view, (opens[2:] / opens[1:-1] - 1.0)[WARM:], expected)


def t_of(gains: list[float]) -> float:
    """t of the mean over markets."""
    return float(np.mean(gains) / np.std(gains, ddof=1) * np.sqrt(len(gains)))


@dataclass(frozen=True)
class Earned:
    """Means by seed: gain of each strategy, what it could expect by source, and how its scale went with what followed."""

    gain: dict[str, list[float]]
    expected: dict[str, list[list[float]]]
    rougher: list[float]


@pytest.fixture(scope="module", params=[PLANTED, 0.0], ids=["planted", "null"])
def earned(request: pytest.FixtureRequest) -> tuple[float, Earned]:
    out = Earned({}, {}, [])
    for seed in SEEDS if request.param else NULL_SEEDS:
        one = seen(seed, request.param)
        odds = sum(one.expected.values()) / one.view.volatility
        told = np.vectorize(NormalDist().cdf)(odds)
        by_name = {strategy.name: strategy.targets(one.view) for strategy in TAKERS.strategies}
        by_name["all"] = np.nan_to_num(ALL.targets(one.view))
        by_name["meta"] = Meta().targets(replace(one.view, p_up=told, direction=np.sign(odds).astype(np.int8)))
        for name, targets in by_name.items():
            out.gain.setdefault(name, []).append(float((targets * one.ahead).mean()))
            out.expected.setdefault(name, []).append([float((targets * one.expected[source]).mean()) for source in SOURCES])
        scale = MarketStructure().scale(one.view)
        out.rougher.append(float(np.corrcoef(scale.ravel(), np.abs(one.ahead).ravel())[0, 1]))
    return request.param, out


@pytest.mark.parametrize("name", [*OWN, "all", "meta"])
def test_it_earns_where_something_is_planted_and_nowhere_else(earned: tuple[float, Earned], name: str) -> None:
    ic, found = earned
    if ic == 0.0 and name == "meta":
        assert not any(found.gain[name]), "without odds it stays out"
        return
    t = t_of(found.gain[name])
    assert t > 3.0 if ic else abs(t) < 3.0, f"{name}: t {t:.2f} at an information coefficient of {ic}"


@pytest.mark.parametrize("name", OWN)
def test_most_of_it_comes_from_its_own_source(earned: tuple[float, Earned], name: str) -> None:
    ic, found = earned
    by_source = dict(zip(SOURCES, np.mean(found.expected[name], axis=0), strict=True))
    if ic:
        assert by_source[OWN[name]] > 0.5 * sum(by_source.values()) > 0.0
        assert t_of([row[SOURCES.index(OWN[name])] for row in found.expected[name]]) > 10.0
    else:
        assert not any(by_source.values())


def test_a_trigger_collects_reversal_as_well(earned: tuple[float, Earned]) -> None:
    ic, found = earned
    reversal = [row[SOURCES.index("reversal")] for row in found.expected["technical_flow"]]
    assert t_of(reversal) > 3.0 if ic else not any(reversal)


def test_what_follows_is_rougher_where_market_structure_holds_back(earned: tuple[float, Earned]) -> None:
    _, found = earned
    assert t_of(found.rougher) < -3.0

"""The simulated broker against the plain loops, and under the laws: any cut gives the same bits, no bar changes what came before it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import SPAN, action_chunk, bar_chunk, rows_of, some_actions, some_bars, some_costs
from tests.execution.oracle import Bound, Sleeve, run_account
from undertow.core.calendar import nyse
from undertow.core.chunk import concat
from undertow.core.errors import LawBroken
from undertow.core.orders import LADDER, PortfolioLimits
from undertow.core.protocols import Broker
from undertow.core.time import HOUR, SECOND
from undertow.execution.simulated import SimulatedBroker

SEEDS = st.integers(0, 2**32 - 1)
CAPITAL = 300_000.0
SYMBOLS = ("AAA", "BBB", "CCC")
COLUMNS = ("shares", "price", "commission", "spread_cost", "impact_cost")


def some_limits(rng: np.random.Generator) -> PortfolioLimits:
    """Each limit binds or does not, by chance."""

    def maybe(value: float) -> float:
        return value if rng.random() < 0.5 else 1.0

    ladder = LADDER if rng.random() < 0.3 else ((0.01, 0.5), (0.03, 0.2), (0.06, 0.0)) if rng.random() < 0.5 else ()
    return PortfolioLimits(name=maybe(0.15), sector=maybe(0.2), gross=maybe(0.4), ladder=ladder, sectors={"AAA": "tech", "CCC": "tech"})


class Case:
    """A random market for three symbols and random targets at random ticks."""

    def __init__(self, seed: int, n: int = 40) -> None:
        rng = np.random.default_rng(seed)
        self.costs = some_costs(rng, whole=True)
        self.bars = {s: some_bars(rng, n) for s in SYMBOLS}
        self.actions = {s: (bars, some_actions(rng, n)) for s, bars in self.bars.items()}
        self.band = float(rng.choice([0.0, 0.05]))
        end = max(int(bars.known[-1]) for bars in self.bars.values())
        grid = np.arange(0, end + SPAN, SPAN // 5)  # on the bars' edges and inside them
        self.ticks = np.union1d(rng.choice(grid, rng.integers(2, 60)) + rng.integers(0, 2), [end + SPAN])
        self.targets = np.round(rng.uniform(-1, 1, (len(self.ticks), 3)), 1)
        self.targets[rng.random(self.targets.shape) < 0.3] = np.nan
        self.limits = some_limits(rng)
        self.chunks = [action_chunk(SYMBOLS, self.actions), bar_chunk(SYMBOLS, self.bars)]

    def broker(self) -> SimulatedBroker:
        return SimulatedBroker(SYMBOLS, CAPITAL, self.costs, nyse(), span=SPAN, band=self.band).within(self.limits)

    def oracle(self) -> tuple[list[Sleeve], list[tuple[int, float, list[float], list[float]]]]:
        """The same in plain loops: the purses, and each decision."""
        own, sleeves = self.limits, [Sleeve(CAPITAL / 3, self.costs, 6.5 * HOUR / SPAN) for _ in SYMBOLS]
        sectors = [own.sectors.get(symbol, "") for symbol in SYMBOLS]
        bound = Bound(own.name, own.sector, own.gross, own.ladder, sectors)
        rows = [rows_of(self.bars[symbol], self.actions[symbol][1]) for symbol in SYMBOLS]
        return sleeves, run_account(sleeves, rows, self.ticks.tolist(), self.targets.tolist(), bound, self.band)

    def push(self, broker: SimulatedBroker, cuts: list[int]):
        """Push in pieces that end at the ticks numbered ``cuts``."""
        edges, pieces = [0, *sorted(set(cuts) | {len(self.ticks)})], []
        for a, b in itertools.pairwise(edges):
            if a < b:
                after = -(2**63) if a == 0 else int(self.ticks[a - 1])
                known = [c.between(after, int(self.ticks[b - 1])) for c in self.chunks]
                pieces.append(broker.push(known, self.ticks[a:b], self.targets[a:b]))
        return pieces


def assert_same(once, pieces):
    for name in ("at", "key", "equity", "shares"):
        assert_array_equal(getattr(once, name), np.concatenate([getattr(p, name) for p in pieces]))
    fills = concat([p.fills for p in pieces])
    for name in ("key", "event_at", "known_at", "seq"):
        assert_array_equal(getattr(once.fills, name), getattr(fills, name))
    for name in COLUMNS:
        assert_array_equal(once.fills.columns[name], fills.columns[name])


@given(seed=SEEDS)
@settings(max_examples=80, deadline=None)
def test_equals_the_plain_loop(seed):
    case = Case(seed)
    broker = case.broker()
    (done,) = case.push(broker, [])
    sleeves, _ = case.oracle()
    for k, (symbol, truth) in enumerate(zip(SYMBOLS, sleeves, strict=True)):
        mine, filled = done.key == k, done.fills.key == k
        assert_allclose(done.equity[mine], truth.equity, rtol=1e-9, atol=1e-4)
        assert_array_equal(done.shares[mine], truth.held)
        assert_array_equal(done.fills.columns["shares"][filled], [f.shares for f in truth.fills])
        for name in COLUMNS[1:]:
            assert_allclose(done.fills.columns[name][filled], [getattr(f, name) for f in truth.fills], rtol=1e-7, atol=1e-7)
        starts = case.bars[symbol].start[[f.bar for f in truth.fills]]
        assert_array_equal(done.fills.event_at[filled], starts)
        portfolio = broker.portfolio()
        assert portfolio.cash[symbol] == pytest.approx(truth.cash, abs=1e-4)
        assert portfolio.equity[symbol] == portfolio.cash[symbol] + portfolio.shares[symbol] * truth.mark


@given(seed=SEEDS, cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_cut_gives_the_same_bits(seed, cuts):
    case = Case(seed)
    whole, parts = case.broker(), case.broker()
    (once,) = case.push(whole, [])
    assert_same(once, case.push(parts, [c for c in cuts if c < len(case.ticks)]))
    assert whole.portfolio() == parts.portfolio()
    assert whole.summaries() == parts.summaries()


def test_a_push_a_tick_gives_the_same_bits():
    case = Case(11, n=60)
    (once,) = case.push(case.broker(), [])
    assert_same(once, case.push(case.broker(), list(range(len(case.ticks)))))


@given(seed=SEEDS, share=st.floats(0, 1))
@settings(max_examples=40, deadline=None)
def test_what_comes_later_changes_nothing_before(seed, share):
    case, other = Case(seed), Case(seed)
    t = int(case.ticks[int(share * (len(case.ticks) - 1))])
    rng = np.random.default_rng(seed + 1)
    chunks = []
    for chunk in other.chunks:
        later = chunk.known_at > t
        columns = {name: column.copy() for name, column in chunk.columns.items()}
        for name in ("open", "close", "volume", "ratio"):
            if name in columns:
                columns[name][later] = columns[name][later][rng.permutation(int(later.sum()))]
        chunks.append(type(chunk)(*(columns if f == "columns" else getattr(chunk, f) for f in chunk.__dataclass_fields__)))
    other.chunks = chunks
    other.targets[other.ticks > t] *= -1
    (one,), (two,) = case.push(case.broker(), []), other.push(other.broker(), [])
    known = {s: bars.known for s, bars in case.bars.items()}
    for k, symbol in enumerate(SYMBOLS):
        n = int((known[symbol] <= t).sum())
        assert_array_equal(one.equity[one.key == k][:n], two.equity[two.key == k][:n])
        assert_array_equal(one.shares[one.key == k][:n], two.shares[two.key == k][:n])


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_no_fill_before_its_decision_and_none_inside_a_bar(seed):
    case = Case(seed)
    (done,) = case.push(case.broker(), [])
    for k, symbol in enumerate(SYMBOLS):
        said = case.ticks[~np.isnan(case.targets[:, k])]
        for at, known in zip(done.fills.event_at[done.fills.key == k], done.fills.known_at[done.fills.key == k], strict=True):
            assert (said <= at).any()
            assert at in case.bars[symbol].start
            assert known >= at + SPAN


def test_a_tick_inside_a_bar_waits_for_the_next_bar():
    case = Case(3)
    bars = some_bars(np.random.default_rng(1), 6, gaps=False)._replace(start=np.arange(6) * SPAN, known=np.arange(1, 7) * SPAN)
    chunk = bar_chunk(("AAA",), {"AAA": bars})
    for late, filled_at in ((0, 2 * SPAN), (1, 3 * SPAN)):
        broker = SimulatedBroker(("AAA",), 10_000.0, case.costs.scaled(0), nyse(), span=SPAN)
        done = broker.push([chunk], np.array([2 * SPAN + late, 6 * SPAN]), np.array([[1.0], [np.nan]]))
        assert done.fills.event_at[0] == filled_at


def test_implements_the_protocol_and_refuses_disorder():
    case = Case(4)
    broker: Broker = case.broker()
    bars = case.chunks[1]
    with pytest.raises(LawBroken, match="only up to"):
        broker.push([bars], np.array([int(bars.known_at[0])]), np.zeros((1, 3)))
    broker = case.broker()
    first, second = bars.known_at[5], bars.known_at[20]
    broker.push([bars.between(-1, int(first))], np.array([first]), np.zeros((1, 3)))
    with pytest.raises(LawBroken, match="after something later"):
        broker.push([bars.between(-1, int(second))], np.array([second]), np.zeros((1, 3)))
    with pytest.raises(LawBroken, match="after something later"):
        broker.push([], np.array([first]), np.zeros((1, 3)))


def test_a_bar_out_of_its_turn_is_counted_and_left_out():
    bars = some_bars(np.random.default_rng(1), 6, gaps=False)._replace(start=np.arange(6) * SPAN, known=np.arange(1, 7) * SPAN)
    late = bars._replace(known=np.where(np.arange(6) == 2, 5 * SPAN + SECOND, bars.known))
    without = type(bars)(*(np.delete(column, 2) for column in bars))
    ticks, targets = np.array([0, 7 * SPAN]), np.array([[0.5], [np.nan]])
    marks = []
    for table in (late, without):
        broker = SimulatedBroker(("AAA",), 10_000.0, Case(3).costs, nyse(), span=SPAN)
        marks.append(broker.push([bar_chunk(("AAA",), {"AAA": table})], ticks, targets))
        assert broker.late_bars == (table is late)
    assert_array_equal(marks[0].equity, marks[1].equity)
    assert_array_equal(marks[0].at, marks[1].at)

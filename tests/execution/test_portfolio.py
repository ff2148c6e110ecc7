"""One account: what it is worth, what its limits leave, and that money only moves where something was said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import FREE, SPAN, action_chunk, bar_chunk, some_bars
from tests.execution.test_simulated import SYMBOLS, Case, assert_same
from undertow.core.calendar import nyse
from undertow.core.chunk import concat
from undertow.core.errors import BadInput
from undertow.core.orders import LADDER, Costs, PortfolioLimits
from undertow.execution.inbox import Inbox, Traded
from undertow.execution.limits import Volatility
from undertow.execution.measured import Measured
from undertow.execution.orders.margin import REG_T, keeping, opening
from undertow.execution.portfolio import SLACK, Row, allow, bounds_of, memory_of, told_of
from undertow.execution.simulated import SimulatedBroker
from undertow.execution.tables import bars_of

SEEDS = st.integers(0, 2**32 - 1)
NAN = np.nan
WHOLE = replace(FREE, whole_shares=True)


def prices(*columns: list[float]):
    """A chunk of bars that open and close at the same price, a list a symbol, known when they end."""
    tables = {}
    for symbol, column in zip(SYMBOLS, columns, strict=False):
        own, n = np.array(column), len(column)
        bars = bars_of(own, own, np.full(n, 1e9), np.arange(n, dtype=np.int64) * SPAN)
        tables[symbol] = bars._replace(known=(np.arange(n, dtype=np.int64) + 1) * SPAN)
    return bar_chunk(SYMBOLS, tables)


def account(n: int, capital: float = 100_000.0, limits: PortfolioLimits | None = None) -> SimulatedBroker:
    return SimulatedBroker(SYMBOLS[:n], capital, WHOLE, nyse(), span=SPAN).within(limits or PortfolioLimits())


def test_a_target_is_a_share_of_what_the_account_is_worth_by_hand():
    """AAA doubles: 50,000 USD become 100,000, the account is worth 150,000, and half of BBB's part of it is 37,500 USD."""
    chunk = prices([100.0, 100.0, 200.0, 200.0, 200.0], [50.0] * 5)
    broker = account(2)
    done = broker.push([chunk], np.array([1, 3, 5]) * SPAN, np.array([[1.0, NAN], [NAN, 0.5], [NAN, NAN]]))
    assert_array_equal(done.fills.columns["shares"], [500.0, 750.0])
    held = broker.portfolio()
    assert held.cash == {"AAA": 0.0, "BBB": 12_500.0}
    assert held.equity == {"AAA": 100_000.0, "BBB": 50_000.0}


def test_the_ladder_halves_and_leaves_by_hand():
    """One symbol, all in at 100: at 95 half is left, at 90 of what half earned nothing, though nobody says anything."""
    chunk = prices([100.0, 100.0, 95.0, 95.0, 85.0, 85.0, 85.0])
    broker = account(1, limits=PortfolioLimits(ladder=LADDER))
    ticks = np.arange(1, 8) * SPAN
    done = broker.push([chunk], ticks, np.array([[1.0]] + [[NAN]] * 6))
    # 95,000 USD at 95: half of it is 500 shares; at 85 they have lost another 5,000: 90,000 of 100,000
    assert_array_equal(done.fills.columns["shares"], [1000.0, -500.0, -500.0])
    assert done.equity[-1] == 90_000.0
    assert "left 0% of exposure at its lowest" in broker.bound[-1]


def test_a_silent_position_takes_its_room_and_is_not_touched():
    row, memory = Row(np.empty(3), np.empty(3)), memory_of(3)
    bounds = bounds_of(SYMBOLS, PortfolioLimits(gross=0.5, name=0.4), 0.1)
    none = np.empty(0)
    allow(np.array([1.2, NAN, NAN]), none, np.zeros(3), 300.0, bounds, memory, row)
    assert_allclose(row.weight, [1.2, NAN, NAN])  # 40 % of 300 USD, and a part is 100
    allow(np.array([NAN, 1.0, -0.5]), none, np.array([120.0, 0.0, 0.0]), 300.0, bounds, memory, row)
    assert_allclose(row.weight, [NAN, 0.2, -0.1])  # 0.3 parts of 1.5 are left
    allow(np.array([NAN, NAN, NAN]), none, np.array([140.0, 12.0, -8.0]), 300.0, bounds, memory, row)
    assert_allclose(row.weight, [1.2, NAN, NAN])  # more than a tenth beyond 120 USD: brought back
    assert_array_equal(row.band, [0.0, 0.1, 0.1])
    assert told_of(memory) == (
        "The portfolio's name limit bound at 1 of 3 decisions.",
        "The portfolio's gross limit bound at 1 of 3 decisions.",
    )


def test_nothing_known_says_nothing_and_ruin_leaves():
    row, memory = Row(np.empty(3), np.empty(3)), memory_of(3)
    bounds = bounds_of(SYMBOLS, PortfolioLimits(ladder=LADDER), 0.1)
    allow(np.ones(3), np.empty(0), np.zeros(3), NAN, bounds, memory, row)
    assert np.isnan(row.weight).all()
    assert np.isnan(memory.said).all()
    allow(np.array([1.0, NAN, -1.0]), np.empty(0), np.ones(3), -5.0, bounds, memory, row)
    assert_array_equal(row.weight, 0.0)


@given(seed=SEEDS)
@settings(max_examples=150, deadline=None)
def test_no_decision_passes_a_limit(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 9))
    symbols = tuple(f"S{i}" for i in range(n))
    name, sector, gross = (float(rng.choice([0.1, 0.3, 0.7, 1.0])) for _ in range(3))
    sectors = {symbol: str(rng.integers(0, 3)) for symbol in symbols if rng.random() < 0.7}
    own = PortfolioLimits(name=name, sector=sector, gross=gross, ladder=LADDER if rng.random() < 0.5 else (), sectors=sectors)
    volatile = replace(own, volatility=0.2) if rng.random() < 0.5 else own
    bounds, memory, row = bounds_of(symbols, volatile, 0.1), memory_of(n), Row(np.empty(n), np.empty(n))
    held, equity = np.zeros(n), 1e5
    for _ in range(15):
        targets, volatility = rng.normal(0, 1, n), rng.uniform(0.05, 1.0, n)
        targets[rng.random(n) < 0.4] = NAN
        volatility[rng.random(n) < 0.1] = NAN
        allow(targets, volatility, held, equity, bounds, memory, row)
        part, left = equity / n, memory.rung[2]
        after = np.where(np.isnan(row.weight), held, row.weight * part) / equity
        most = 1.0 + SLACK + 1e-9
        assert (np.abs(after) <= name * left * most).all()
        assert np.abs(after).sum() <= gross * left * most
        for which in range(3):
            assert sum(abs(after[i]) for i in range(n) if sectors.get(symbols[i]) == str(which)) <= sector * left * most
        said = ~np.isnan(row.weight)
        assert (np.abs(row.weight[said]) <= name * n * left + 1e-12).all()
        assert np.abs(row.weight[said]).sum() <= gross * n * left + 1e-9
        held = after * equity * rng.uniform(0.9, 1.1, n)
        equity *= float(rng.uniform(0.95, 1.05))


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_regulation_t_never_binds(seed):
    """After each decision the equity covers what Regulation T asks to open all that is held, and to keep it: at 17 USD a share or more."""
    case = Case(seed)
    case.limits = replace(case.limits, ladder=())
    _, log = case.oracle()
    for _, equity, held, weights in log:
        if equity <= 0.0:
            continue
        part, price = equity / len(held), 20.0
        after = [value if np.isnan(weight) else weight * part for value, weight in zip(held, weights, strict=True)]
        assert sum(opening(usd / price, price, equity, equity, REG_T) for usd in after) <= equity
        assert sum(keeping(usd / price, price, REG_T) for usd in after) <= equity


@given(seed=SEEDS)
@settings(max_examples=40, deadline=None)
def test_cash_and_positions_are_the_equity_at_every_step(seed):
    """A ledger of the fills alone, of one cash, beside the purses: the same to the cent."""
    case = Case(seed)
    case.costs = replace(case.costs, borrow_rate=0.0)
    case.chunks = [bar_chunk(SYMBOLS, case.bars)]
    broker, cash, shares, mark = case.broker(), 300_000.0, dict.fromkeys(SYMBOLS, 0.0), dict.fromkeys(SYMBOLS, 0.0)
    newest = dict.fromkeys(SYMBOLS, 100_000.0)
    for i, done in enumerate(case.push(broker, list(range(len(case.ticks))))):
        after, until = (int(case.ticks[i - 1]) if i else -(2**63)), int(case.ticks[i])
        for key, change, price, fee in zip(
            done.fills.key, *(done.fills.columns[n] for n in ("shares", "price", "commission")), strict=True
        ):
            cash -= change * price + fee
            shares[SYMBOLS[key]] += change
        for symbol, bars in case.bars.items():
            rows = (bars.known > after) & (bars.known <= until)
            for first, last in np.round(np.column_stack([bars.open, bars.close])[rows], 2).tolist():
                known = last if last > 0.0 else first if mark[symbol] == 0.0 and first > 0.0 else mark[symbol]
                mark[symbol] = known
        newest.update({SYMBOLS[key]: float(value) for key, value in zip(done.key, done.equity, strict=True)})
        assert cash + sum(shares[s] * mark[s] for s in SYMBOLS) == pytest.approx(sum(newest.values()), abs=0.005)
    held = broker.portfolio()
    assert sum(held.cash.values()) == pytest.approx(cash, abs=0.005)
    assert sum(held.equity.values()) == pytest.approx(sum(newest.values()), abs=0.005)
    assert held.shares == shares


@given(seed=SEEDS)
@settings(max_examples=20, deadline=None)
def test_silence_never_moves_money(seed):
    case = Case(seed)
    case.targets[:] = NAN
    (done,) = case.push(case.broker(), [])
    assert_array_equal(done.equity, 100_000.0)
    assert not len(done.fills)


@given(seed=SEEDS, cuts=st.lists(st.integers(0, 60), max_size=6))
@settings(max_examples=30, deadline=None)
def test_any_cut_gives_the_same_bits_where_a_volatility_is_wanted(seed, cuts):
    case = Case(seed)
    case.limits = replace(case.limits, volatility=0.2)
    whole, parts = case.broker(), case.broker()
    (once,) = case.push(whole, [])
    assert_same(once, case.push(parts, [c for c in cuts if c < len(case.ticks)]))
    assert (whole.portfolio(), whole.bound) == (parts.portfolio(), parts.bound)
    again = whole.copy()
    assert again.portfolio() == whole.portfolio()


def test_volatility_is_that_of_the_plain_fold_with_splits_taken_out():
    bars = some_bars(np.random.default_rng(5), 60, gaps=False)._replace(start=np.arange(60) * SPAN, known=np.arange(1, 61) * SPAN)
    paid = np.array([30]), np.array([2.0]), np.array([0.0])
    actions = type(Case(1).actions["AAA"][1])(*paid)
    halved = np.where(np.arange(60) >= 30, 0.5, 1.0)
    split = bars._replace(open=np.round(bars.open * halved, 4), close=np.round(bars.close * halved, 4))
    traded, ticks = Traded(Case(1).chunks[1].kind, SPAN, nyse()), np.arange(1, 61) * SPAN
    inbox, chunks = Inbox(("AAA",), traded), [bar_chunk(("AAA",), {"AAA": split}), action_chunk(("AAA",), {"AAA": (split, actions)})]
    met = inbox.take(*inbox.sort(chunks))
    out = Measured(1, traded).push(met, ticks)[:, 0]
    close = np.round(bars.close, 2)
    change = close / np.append(np.round(bars.open[0], 2), close[:-1]) - 1.0
    truth = Volatility(1, 0.94 ** (1 / 78)).push(change[:, None])[:, 0] * np.sqrt(78 * 252)
    assert_allclose(out, truth, rtol=1e-3)


def test_defaults_leave_targets_as_they_are():
    row, memory = Row(np.empty(3), np.empty(3)), memory_of(3)
    allow(np.array([1.0, -1.0, 0.3]), np.empty(0), np.zeros(3), 1e5, bounds_of(SYMBOLS, PortfolioLimits(), 0.1), memory, row)
    assert_array_equal(row.weight, [1.0, -1.0, 0.3])
    assert told_of(memory) == ()


def test_costs_alone_bring_nothing_back():
    """All in at once: half-spread and impact leave a little less than nothing in cash, and that is no reason to sell."""
    chunk = prices([100.0] * 6)
    broker = SimulatedBroker(("AAA",), 100_000.0, Costs(), nyse(), span=SPAN)
    done = broker.push([chunk], np.arange(1, 7) * SPAN, np.array([[1.0]] + [[NAN]] * 5))
    assert broker.portfolio().cash["AAA"] < 0.0
    assert len(done.fills) == 1


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"gross": 1.5}, "gross is a share of equity between 0 and 1, not 1.5"),
        ({"name": NAN}, "name is a share"),
        ({"volatility": 0.0}, "volatility, a year's, must be above 0"),
        ({"ladder": ((0.1, 0.5), (0.05, 0.0))}, "falls ascending"),
        ({"ladder": ((0.1, 0.5), (0.2, 0.6))}, "shares descending"),
    ],
)
def test_limits_that_make_no_sense_are_refused(given, says):
    with pytest.raises(BadInput, match=says):
        PortfolioLimits(**given)


def test_fills_of_all_pushes_are_numbered_on():
    case = Case(17)
    pieces = case.push(case.broker(), [10, 20])
    fills = concat([piece.fills for piece in pieces])
    assert_array_equal(fills.seq, np.arange(len(fills)) + (fills.seq[0] if len(fills) else 0))

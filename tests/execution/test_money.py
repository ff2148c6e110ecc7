"""Where the money goes: spread, impact, commission, rent, splits, dividends, missing prices and thin volume, each on its own."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import FREE, SPAN, action_chunk, bar_chunk, some_actions, some_bars, some_costs
from undertow.core.calendar import nyse
from undertow.core.chunk import chunk_of
from undertow.core.errors import BadInput, NotSupported
from undertow.core.events import DailyBar, Fill, Trade
from undertow.core.orders import Costs
from undertow.core.time import DAY, HOUR
from undertow.execution.fold import ShareSleeve, Sweep
from undertow.execution.panel import Panel, Prices
from undertow.execution.simulated import SimulatedBroker, buy_and_hold
from undertow.execution.tables import Actions, bars_of

SEEDS = st.integers(0, 2**32 - 1)


def flat(n: int, price: float = 100.0, volume: float = 1e6, step: int = DAY):
    return bars_of(np.full(n, price), np.full(n, price), np.full(n, volume), np.arange(n, dtype=np.int64) * step)


def hold(shares: float, n: int):
    return np.full(n, shares)


def test_half_spread_and_commissions():
    costs = replace(FREE, half_spread_bp=10.0, commission_per_share=0.01, commission_bp=5.0)
    done = ShareSleeve(100_000.0, costs).push(flat(3), hold(100.0, 3))
    paid, commission = 100.1, 100 * 0.01 + 100 * 100.1 * 5e-4
    assert done.fills.price[0] == pytest.approx(paid)
    assert done.fills.commission[0] == pytest.approx(commission)
    assert done.fills.spread_cost[0] == pytest.approx(10.0)
    assert done.equity[-1] == pytest.approx(100_000 - 10 - commission)


def test_impact_is_the_square_root_law_on_past_bars_only():
    n, volume = 400, 50_000.0
    close = 100 * np.cumprod(np.where(np.arange(n) % 2, 1.02, 1 / 1.02))
    bars = bars_of(close, close, np.full(n, volume), np.arange(n, dtype=np.int64) * DAY)
    targets = np.zeros(n)
    targets[-2:] = 500.0
    done = ShareSleeve(1e6, replace(FREE, impact=0.7)).push(bars, targets)
    moved = 0.7 * 0.02 * math.sqrt(500 / volume)  # Y * daily volatility * sqrt(shares / daily volume)
    assert done.fills.impact_cost[0] == pytest.approx(500 * close[-1] * moved, rel=0.02)
    louder = bars._replace(volume=np.append(bars.volume[:-1], 1.0), close=np.append(close[:-1], 1.0))
    again = ShareSleeve(1e6, replace(FREE, impact=0.7)).push(louder, targets)
    assert again.fills.impact_cost[0] == done.fills.impact_cost[0]


def test_the_first_bar_knows_no_volatility_and_charges_no_impact():
    bars = bars_of(np.array([100.0, 100.0]), np.array([110.0, 100.0]), np.full(2, 1000.0))
    sleeve = ShareSleeve(1e5, replace(FREE, impact=1.0))
    sleeve.push(bars, hold(10.0, 2))  # filled at the second bar, after the first taught 10 %
    assert sleeve.summary().impact_cost == pytest.approx(10 * 100 * 0.1 * math.sqrt(10 / 1000))


def test_participation_fills_in_parts_and_the_rest_waits():
    bars = flat(5, volume=1010.0)._replace(volume=np.array([1010.0, 1010.0, np.nan, 0.0, 1e6]))
    done = ShareSleeve(1e6, replace(FREE, participation=0.05, whole_shares=True)).push(bars, hold(130.0, 5))
    assert_array_equal(done.fills.bar, [1, 4])
    assert_array_equal(done.fills.shares, [50.0, 80.0])
    assert_array_equal(done.shares(), [0, 50, 50, 50, 130])


def test_nan_prices_never_move_equity_and_never_fill():
    bars = flat(6)._replace(open=np.array([100, np.nan, 100, 100, np.nan, 100.0]), close=np.array([100, 101, np.nan, 102, np.nan, 103.0]))
    done = ShareSleeve(1e5, FREE).push(bars, hold(10.0, 6))
    assert_array_equal(done.fills.bar, [2])
    assert_allclose(done.equity, [1e5, 1e5, 1e5 + 10, 1e5 + 20, 1e5 + 20, 1e5 + 30])


def test_borrow_is_paid_by_time():
    costs = replace(FREE, borrow_rate=0.1)
    sleeve = ShareSleeve(1e5, costs)
    starts = np.array([0, 1, 4, 4 + 361]) * DAY
    sleeve.push(flat(4)._replace(start=starts.astype(np.int64)), hold(-100.0, 4))
    # Short from the second bar's open: 3 and then 361 days of a year on 10,000 USD.
    assert sleeve.summary().borrow == pytest.approx(10_000 * 0.1 * 364 / 365)
    assert sleeve.summary().equity == pytest.approx(1e5 - sleeve.summary().borrow)


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("shares", [101.0, -101.0])
@pytest.mark.parametrize("ratio", [4.0, 1.5, 0.1])
def test_a_split_changes_no_value(ratio, shares, whole):
    prices = np.array([100.0, 100.0, 100.0, 100.0 / ratio, 100.0 / ratio])
    bars = flat(5)._replace(open=prices, close=prices, volume=np.full(5, 1e9))
    split = Actions(np.array([3]), np.array([ratio]), np.array([0.0]))
    sleeve = ShareSleeve(1e5, replace(FREE, whole_shares=whole))
    done = sleeve.push(bars, hold(shares, 5), split)
    assert_allclose(done.equity, 1e5, atol=0.005)
    assert done.shares()[-1] == (math.trunc(shares * ratio) if whole else shares * ratio)
    assert len(done.fills.bar) == 1


def test_a_waiting_order_is_split_too():
    prices = np.array([100.0, 100.0, 50.0, 50.0, 50.0])
    bars = flat(5)._replace(open=prices, close=prices, volume=np.array([0, 600, 0, 0, 1e6]))
    split = Actions(np.array([2]), np.array([2.0]), np.array([0.0]))
    costs = replace(FREE, whole_shares=True, participation=0.05)
    done = ShareSleeve(1e5, costs).push(bars, hold(100.0, 5), split)
    assert_array_equal(done.shares(), [0, 30, 60, 60, 200])
    assert_allclose(done.equity, 1e5)


@pytest.mark.parametrize(("lead", "applied"), [(DAY, 3), (-SPAN // 2, 3), (-3 * SPAN // 2, 4)])
def test_an_action_is_used_once_it_is_known(lead, applied):
    """It takes effect just before bar 3 starts; bar 3 is known a span later, bar 4 two."""
    bars = flat(7, step=SPAN)._replace(known=np.arange(1, 8) * SPAN)
    paid = Actions(np.array([3]), np.array([1.0]), np.array([1.0]))
    chunks = [action_chunk(("AAA",), {"AAA": (bars, paid)}, lead=lead), bar_chunk(("AAA",), {"AAA": bars})]
    broker = SimulatedBroker(("AAA",), 10_000.0, replace(FREE, whole_shares=True), nyse(), span=SPAN)
    done = broker.push(chunks, np.array([0, 8 * SPAN]), np.array([[1.0], [np.nan]]))
    assert_array_equal(np.flatnonzero(np.diff(done.equity, prepend=10_000.0)), [applied])
    assert done.equity[-1] == 10_100.0


def test_dividends_are_received_and_owed():
    for shares in (100.0, -100.0):
        sleeve = ShareSleeve(1e5, FREE)
        paid = Actions(np.array([2]), np.array([1.0]), np.array([0.5]))
        prices = np.array([100, 100, 99.5, 99.5])
        done = sleeve.push(flat(4)._replace(open=prices, close=prices), hold(shares, 4), paid)
        assert_allclose(done.equity, 1e5)
        assert sleeve.summary().dividends == pytest.approx(shares * 0.5)


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_the_waterfall_adds_up_to_the_cent(seed):
    """A ledger of the same fills at raw opens, with nothing to pay, ends higher by exactly the costs that are reported."""
    rng = np.random.default_rng(seed)
    n, costs = 60, some_costs(rng, whole=True)
    bars = some_bars(rng, n)
    actions = some_actions(rng, n)
    broker = SimulatedBroker(("AAA",), 50_000.0, costs, nyse(), span=SPAN)
    ticks = np.append(bars.start[::4] - 1, bars.known[-1])
    targets = np.append(np.round(rng.uniform(-1, 1, len(ticks) - 1), 1), np.nan)[:, None]
    chunks = [action_chunk(("AAA",), {"AAA": (bars, actions)}), bar_chunk(("AAA",), {"AAA": bars})]
    done = broker.push(chunks, ticks, targets)
    cash, shares, mark, fills = 50_000.0, 0.0, 0.0, dict(zip(done.fills.event_at, done.fills.columns["shares"], strict=True))
    raw = bars._replace(open=np.round(bars.open, 2), close=np.round(bars.close, 2))
    for t in range(n):
        for i in np.flatnonzero(actions.bar == t):
            ratio, mark = actions.ratio[i], mark / actions.ratio[i]
            cash += shares * actions.dividend[i]
            exact, shares = shares * ratio, math.trunc(shares * ratio)
            cash += (exact - shares) * (raw.open[t] if raw.open[t] > 0 else mark)
        if raw.start[t] in fills:
            cash -= fills[raw.start[t]] * raw.open[t]
            shares += fills[raw.start[t]]
        mark = raw.close[t] if raw.close[t] > 0 else mark
    total = broker.summaries()["AAA"]
    columns = done.fills.columns
    paid = sum(float(columns[name].sum()) for name in ("commission", "spread_cost", "impact_cost"))
    assert total.commission + total.spread_cost + total.impact_cost == pytest.approx(paid)
    assert cash + shares * mark - total.equity == pytest.approx(paid + total.borrow, abs=0.005)
    portfolio = broker.portfolio()
    assert portfolio.cash["AAA"] + portfolio.shares["AAA"] * mark == pytest.approx(total.equity, abs=1e-6)


def daily(days: int, lag: int = HOUR):
    """Sessions around the half day after Thanksgiving 2025."""
    calendar = nyse()
    first = calendar.session_on_or_before(np.datetime64("2025-11-25"))
    at = calendar.close[first : first + days]
    price = (1_000_000 + 10_000 * np.arange(days)).astype(np.int64)
    columns = {"open": price, "close": price + 5_000, "volume": np.full(days, 10**7)}
    chunk = chunk_of(DailyBar, ("AAA", "ZZZ"), key=np.zeros(days, int), event_at=at, known_at=at + lag, columns=columns)
    return calendar, first, chunk


def test_daily_decisions_fill_at_the_next_sessions_open():
    calendar, first, chunk = daily(6)
    broker = SimulatedBroker(("AAA",), 10_000.0, Costs(), calendar, kind=DailyBar)
    ticks = calendar.close[first : first + 6] + HOUR
    done = broker.push([chunk], ticks, np.array([0.5, np.nan, 0.0, np.nan, np.nan, np.nan])[:, None])
    assert done.fills.kind is Fill
    assert_array_equal(done.fills.event_at, calendar.open[[first + 1, first + 3]])  # 26 November, and the half day after the 28th's
    assert_array_equal(done.fills.known_at, calendar.close[[first + 1, first + 3]] + HOUR)
    assert_array_equal(done.fills.columns["shares"], [49, -49])  # 5,000 USD at the close of 100.50
    assert done.fills.columns["price"][0] == pytest.approx(101.0 * 1.0001, rel=1e-3)
    assert_array_equal(done.at, calendar.close[first : first + 6])


def test_buy_and_hold_buys_once_at_the_first_open():
    calendar, first, chunk = daily(6)
    costs = replace(Costs(), impact=0.0)
    before, until = int(calendar.open[first]) - 1, int(chunk.known_at[-1])
    done = buy_and_hold(SimulatedBroker(("AAA",), 10_000.0, costs, calendar, kind=DailyBar), [chunk], before, until)
    assert_array_equal(done.fills.columns["shares"], [100])
    assert done.equity[-1] == pytest.approx(10_000 - 100 * 100 * 1.0001 + 100 * 105.5)
    later = buy_and_hold(SimulatedBroker(("AAA",), 10_000.0, costs, calendar, kind=DailyBar), [chunk], int(calendar.open[first + 2]), until)
    assert_array_equal(later.fills.event_at, calendar.open[[first + 2]])
    assert_array_equal(later.fills.columns["shares"], [98])  # 10,000 USD at the close of 101.50


def test_rows_of_other_spans_kinds_and_symbols_are_left_alone():
    bars = flat(4, step=SPAN)
    mine = bar_chunk(("AAA", "ZZZ"), {"AAA": bars, "ZZZ": bars})
    other = replace(mine, columns={**mine.columns, "span": np.full(8, SPAN // 5)})
    nothing = chunk_of(Trade, ("AAA",), key=np.zeros(1), event_at=np.zeros(1), known_at=np.zeros(1), columns={})
    broker = SimulatedBroker(("AAA",), 10_000.0, Costs(), nyse(), span=SPAN)
    done = broker.push([nothing, other, mine], np.array([10 * SPAN]), np.array([[np.nan]]))
    assert len(done.at) == 4
    assert len(done.fills) == 0


def test_the_constructor_says_what_is_wrong():
    with pytest.raises(NotSupported, match="whole shares"):
        SimulatedBroker(("AAA",), 1e4, FREE, nyse())
    with pytest.raises(BadInput, match="each once"):
        SimulatedBroker(("AAA", "AAA"), 1e4, Costs(), nyse())
    with pytest.raises(BadInput, match="not a bar"):
        SimulatedBroker(("AAA",), 1e4, Costs(), nyse(), kind=Trade)
    with pytest.raises(BadInput, match="above 0"):
        SimulatedBroker(("AAA",), 0.0, Costs(), nyse())
    with pytest.raises(BadInput, match="targets"):
        SimulatedBroker(("AAA",), 1e4, Costs(), nyse()).push([], np.array([1]), np.zeros((1, 2)))


def test_lengths_that_differ_are_refused():
    with pytest.raises(BadInput, match="targets has 3 rows, its bars 4"):
        ShareSleeve(1e4, FREE).push(flat(4), hold(1.0, 3))
    with pytest.raises(BadInput, match="variants has 2 rows"):
        Sweep(3, 1e4, FREE).push(flat(4), np.zeros((4, 2), np.int8))
    table = np.ones((4, 2))
    with pytest.raises(BadInput, match="symbols has 2 rows"):
        Panel(3, 1e4, FREE).push(Prices(np.arange(4), table, table, table), table)

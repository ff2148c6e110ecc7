"""One rule at a time, on bars written by hand; the worked examples in test_scenarios.py have the rest."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import FREE
from tests.execution.order_market import CAPITAL, T0, by_hand, one, several, some_order_bars, some_orders
from undertow.core.calendar import nyse
from undertow.core.errors import BadInput, LawBroken
from undertow.core.orders import Costs
from undertow.core.time import DAY, MINUTE, SECOND
from undertow.execution import kernel
from undertow.execution.orders import fold, sleeve, spread, work
from undertow.execution.orders.columns import At, Kind, Reason, Status, order_bars, orders_of, sessions_of
from undertow.execution.orders.margin import Account, policies
from undertow.execution.orders.sleeve import OrderSleeve, Venue
from undertow.execution.tables import Actions

FLAT = (50.0, 50.0, 50.0, 50.0, 1e6)
WIDE = (50.0, 52.0, 48.0, 50.0, 1e6)


def run(rows, *orders, costs=FREE, venue=None, actions=None, **given):
    bars = by_hand(rows, **given)
    done = OrderSleeve(CAPITAL, costs, venue=venue).push(bars, several(*orders), *([actions] if actions else []))
    return done.fills, done.states, done


def fate(states):
    return [(Status(s), Reason(r)) for s, r in zip(states.status, states.reason, strict=True)]


def test_an_order_works_from_the_first_bar_that_starts_after_its_arrival():
    for minute, latency, bar in ((1.0, 0, 1), (1.0, 1, 2), (0.5, 30 * SECOND, 1), (0.5, 31 * SECOND, 2), (-5, 0, 0)):
        fills, _, _ = run([FLAT] * 4, one(Kind.MARKET, 10, minute), venue=Venue(latency=latency))
        assert fills.bar.tolist() == [bar]


def test_the_end_of_an_order():
    until = T0 + 2 * MINUTE
    rows = [FLAT, FLAT, (50, 50, 48, 49, 1e6)]
    assert fate(run(rows, one(Kind.LIMIT, 10, 0.5, limit=49.0, until=until))[1]) == [(Status.EXPIRED, Reason.TIME)]
    assert fate(run(rows, one(Kind.LIMIT, 10, 0.5, limit=49.0, until=until + MINUTE))[1]) == [(Status.FILLED, Reason.NONE)]
    middle = until + MINUTE // 2  # the open of bar 2 comes before it, what happens inside the bar may not
    assert fate(run(rows, one(Kind.LIMIT, 10, 0.5, limit=49.0, until=middle))[1]) == [(Status.EXPIRED, Reason.TIME)]
    assert fate(run([FLAT, FLAT, (48, 48, 48, 48, 1e6)], one(Kind.LIMIT, 10, 0.5, limit=49.0, until=middle))[1])[0][0] == Status.FILLED
    assert fate(run(rows, one(Kind.LIMIT, 10, 0.5, limit=40.0))[1]) == [(Status.OPEN, Reason.NONE)]


@pytest.mark.parametrize("side", [1, -1])
def test_a_stop_limit_rests_where_the_stop_has_gone_beyond_its_limit(side):
    def mirrored(row):
        o, h, low, c, v = row
        return row if side > 0 else (100 - o, 100 - low, 100 - h, 100 - c, v)

    def at(price):
        return price if side > 0 else 100 - price

    order = one(Kind.STOP_LIMIT, side * 10, 0.5, stop=at(51.0), limit=at(51.5))
    inside, _, _ = run([mirrored(r) for r in [FLAT, (50, 51.2, 50, 51.2, 1e6)]], order)
    assert_allclose(inside.price, at(51.0))
    gap = [FLAT, (53, 53, 52, 52, 1e6), (52, 52, 51.5, 51.8, 1e6), (51.8, 52, 51.4, 51.9, 1e6)]
    later, _, _ = run([mirrored(r) for r in gap], order)
    assert (later.bar.tolist(), later.at.tolist()) == ([3], [At.INSIDE])
    assert_allclose(later.price, at(51.5))
    # A gap past the limit that comes back in the same bar: the open touched the stop, the way back is after it.
    back, _, _ = run([mirrored(r) for r in [FLAT, (53, 53, 51.4, 52, 1e6)]], order)
    assert_allclose(back.price, at(51.5))
    # Its limit on the wrong side of its stop, both within the bar: nothing says in which order.
    crossed = one(Kind.STOP_LIMIT, side * 10, 0.5, stop=at(51.5), limit=at(51.0))
    wait, _, _ = run([mirrored(r) for r in [FLAT, (50, 52, 50, 52, 1e6), (52, 52, 50.5, 51, 1e6)]], crossed)
    assert wait.bar.tolist() == [2]


def test_a_limit_that_waited_pays_no_spread_and_no_impact():
    rows = [WIDE, (50, 51, 48, 49, 1e6)]
    costs = replace(FREE, half_spread_bp=10.0, impact=1.0, commission_bp=1.0)
    fills, _, _ = run(rows, one(Kind.LIMIT, 10, 0.5, limit=49.0), costs=costs)
    assert (fills.price[0], fills.spread_cost[0], fills.impact_cost[0]) == (49.0, 0.0, 0.0)
    assert fills.commission[0] == pytest.approx(10 * 49 * 1e-4)


def test_what_a_limit_gives_back_is_not_booked_as_cost():
    costs = replace(FREE, half_spread_bp=20.0, commission_bp=1.0)
    fills, _, _ = run([FLAT, FLAT], one(Kind.LIMIT, 10, 0.5, limit=50.04), costs=costs)
    assert fills.price[0] == 50.04
    assert fills.spread_cost[0] == pytest.approx(10 * 0.04)
    assert fills.commission[0] == pytest.approx(10 * 50.04 * 1e-4)


def test_an_own_half_spread_of_a_bar_comes_before_the_assumed_one():
    costs = replace(FREE, half_spread_bp=10.0)
    orders = [one(Kind.MARKET, 10, 0.5), one(Kind.MARKET, 10, 1.5)]
    fills, _, _ = run([FLAT] * 3, *orders, costs=costs, half_spread=[math.nan, 0.002, math.nan])
    assert_allclose(fills.price, [50.10, 50.05])


def test_auctions_once_a_session_and_in_time():
    rows = np.array([FLAT] * 60)
    start = T0 + np.arange(60, dtype=np.int64) * MINUTE
    session = np.arange(60) // 20
    bars = order_bars(start, start + MINUTE, rows, session, np.arange(60) % 20 == 19)

    def bar_of(kind, minute, **given):
        changed = bars._replace(**given)
        fills = OrderSleeve(CAPITAL, FREE).push(changed, one(kind, 10, minute)).fills
        return fills.bar.tolist()

    assert bar_of(Kind.ON_OPEN, 1) == [20]  # the first opening is over
    assert bar_of(Kind.ON_OPEN, 18) == [20]
    assert bar_of(Kind.ON_OPEN, 18.5) == [40]
    assert bar_of(Kind.ON_CLOSE, 10) == [19]
    assert bar_of(Kind.ON_CLOSE, 10.5) == [39]
    halted = np.isin(np.arange(60), (20, 21, 39))
    assert bar_of(Kind.ON_OPEN, 5, halted=halted) == [22]  # a delayed opening
    assert bar_of(Kind.ON_CLOSE, 15, halted=halted) == [59]
    assert bar_of(Kind.ON_CLOSE, 15, close=np.where(np.arange(60) == 39, np.nan, 50.0)) == [59]


def test_sessions_are_known_from_the_calendar():
    calendar = nyse()
    first = calendar.session_on_or_before(np.datetime64("2025-11-26"))
    ends = np.concatenate([np.arange(calendar.open[i], calendar.close[i], 30 * MINUTE) + 30 * MINUTE for i in (first, first + 1)])
    session, closes = sessions_of(calendar, ends - 30 * MINUTE, ends)
    assert_array_equal(np.unique(session), [first, first + 1])
    assert_array_equal(ends[closes], calendar.close[[first, first + 1]])  # the day after Thanksgiving closes at one


def bracket(minute=0.5, entry=Kind.MARKET, size=100.0, limit=math.nan, target=52.0, stop=49.0, until=2**63 - 1):
    return orders_of(
        np.full(3, T0 + int(minute * MINUTE)),
        np.array([entry, Kind.LIMIT, Kind.STOP]),
        np.array([size, -size, -size]),
        limit=np.array([limit, target, math.nan]),
        stop=np.array([math.nan, math.nan, stop]),
        parent=np.array([-1, 0, 0]),
        group=np.array([-1, 0, 0]),
        until=np.array([until, 2**63 - 1, 2**63 - 1]),
    )


def test_an_entry_at_the_open_may_be_stopped_or_reach_its_target_in_its_own_bar():
    fills, states, _ = run([FLAT, (50, 53, 49.5, 52, 1e6)], bracket())
    assert fills.order.tolist() == [0, 1]
    fills, states, _ = run([FLAT, (50, 53, 48.5, 52, 1e6)], bracket())
    assert fills.order.tolist() == [0, 2]
    assert_allclose(fills.price, [50.0, 49.0])
    assert fate(states)[1] == (Status.CANCELLED, Reason.GROUP)


def test_an_entry_inside_a_bar_may_be_stopped_in_it_but_reaches_no_target():
    entry = {"entry": Kind.LIMIT, "limit": 49.5}
    fills, _, _ = run([FLAT, (50, 53, 49.2, 52, 1e6), (52.5, 53, 52, 53, 1e6)], bracket(**entry))
    assert (fills.order.tolist(), fills.bar.tolist()) == ([0, 1], [1, 2])
    fills, _, _ = run([FLAT, (50, 53, 48.8, 52, 1e6)], bracket(**entry))
    assert fills.order.tolist() == [0, 2]
    assert_allclose(fills.price, [49.5, 49.0])


def test_an_entry_that_opens_below_its_stop_is_stopped_at_the_open_not_at_the_stop():
    fills, _, _ = run([FLAT, (48.0, 48.5, 47.5, 48.0, 1e6)], bracket())
    assert_allclose(fills.price, [48.0, 48.0])


def test_children_close_what_the_parent_opened_and_end_with_it():
    costs = replace(FREE, participation=0.05, whole_shares=True)
    thin = (50.0, 50.5, 49.5, 50.0, 1_000.0)
    rows = [FLAT, thin, thin, (50.0, 52.5, 49.9, 52.0, 1e6), FLAT]
    # 50 are bought in bar 1 and 30 in bar 2, then the entry's time is over; the target sells 80 of its 100.
    rows[2] = (50.0, 50.5, 49.5, 50.0, 600.0)
    fills, states, done = run(rows, bracket(until=T0 + 3 * MINUTE), costs=costs)
    assert fills.shares.tolist() == [50, 30, -80]
    assert fate(states) == [(Status.EXPIRED, Reason.TIME), (Status.FILLED, Reason.NONE), (Status.CANCELLED, Reason.GROUP)]
    assert done.ledger.shares[-1] == 0.0
    _, states, _ = run([FLAT] * 3, bracket(entry=Kind.LIMIT, limit=40.0, until=T0 + 2 * MINUTE))
    assert fate(states)[1:] == [(Status.CANCELLED, Reason.PARENT)] * 2


def test_a_group_shares_what_it_fills():
    costs = replace(FREE, participation=0.05, whole_shares=True)
    at = np.full(2, T0)
    pair = orders_of(at, np.array([Kind.LIMIT, Kind.LIMIT]), np.array([100.0, 100.0]), limit=np.array([49.0, 48.0]), group=np.zeros(2))
    rows = [FLAT, (50, 50, 48.5, 49, 1_200.0), (49, 49, 47.5, 48, 1e6), FLAT]
    fills, states, _ = run(rows, pair, costs=costs)
    assert (fills.order.tolist(), fills.shares.tolist()) == ([0, 0], [60, 40])
    assert fate(states) == [(Status.FILLED, Reason.NONE), (Status.CANCELLED, Reason.GROUP)]


def test_a_cancel_takes_its_way_too():
    waiting = one(Kind.LIMIT, 10, 0, limit=49.0)
    rows = [FLAT, FLAT, (50, 50, 48, 49, 1e6), FLAT]
    for minute, ends in ((1.5, Status.CANCELLED), (2.0, Status.CANCELLED), (2.5, Status.FILLED)):
        _, states, _ = run(rows, waiting, one(Kind.CANCEL, 0, minute, parent=0))
        assert Status(states.status[0]) == ends
        cancel = fate(states)[1]
        assert cancel == ((Status.FILLED, Reason.NONE) if ends == Status.CANCELLED else (Status.CANCELLED, Reason.TOO_LATE))
    _, states, _ = run(rows, waiting, one(Kind.CANCEL, 0, 2.0, parent=0), venue=Venue(latency=1))
    assert Status(states.status[0]) == Status.FILLED
    # A cancel that comes after its order was forgotten.
    book = OrderSleeve(CAPITAL, FREE)
    bars = by_hand([FLAT] * 4)
    first, second = (type(bars)(*(c[r] for c in bars)) for r in (slice(0, 2), slice(2, 4)))
    book.push(first, one(Kind.MARKET, 10))
    late = book.push(second, one(Kind.CANCEL, 0, 2.0, parent=0))
    assert fate(late.states) == [(Status.CANCELLED, Reason.TOO_LATE)]
    assert len(book.open_orders().order) == 0


def test_orders_share_a_bars_volume_in_the_order_they_were_given():
    costs = replace(FREE, participation=0.1, whole_shares=True)
    fills, states, _ = run([FLAT, (50, 50, 50, 50, 1_000.0), FLAT], one(Kind.MARKET, 70, 0.4), one(Kind.MARKET, 70, 0.5), costs=costs)
    assert (fills.order.tolist(), fills.shares.tolist()) == ([0, 1, 1], [70, 30, 40])
    _, states, _ = run([FLAT, (50, 50, 50, 50, 1_000.0)], one(Kind.MARKET, 70, 0.4), one(Kind.MARKET, 70, 0.5), costs=costs)
    assert fate(states)[1] == (Status.PARTLY_FILLED, Reason.NONE)


def test_a_sale_waits_above_the_lower_band():
    fills, _, _ = run([FLAT, FLAT, FLAT], one(Kind.MARKET, -10, 0.5), down=[math.nan, 50.01, 50.0])
    assert fills.bar.tolist() == [2]


def test_a_stop_that_a_band_held_back_fills_at_the_next_open():
    rows = [FLAT, FLAT, (49, 49.5, 46, 47, 1e6), (46, 46, 45, 45, 1e6)]
    fills, _, _ = run(rows, one(Kind.STOP, -10, 0.5, stop=48.0), down=[math.nan, math.nan, 48.5, 44.0])
    assert (fills.bar.tolist(), fills.price.tolist()) == ([3], [46.0])


def test_a_dividend_lowers_what_waits_below():
    rows = [FLAT, FLAT, (49, 49, 48.4, 48.5, 1e6), FLAT]
    paid = Actions(np.array([2]), np.array([1.0]), np.array([1.0]))
    orders = [one(Kind.MARKET, 10, 0.2), one(Kind.LIMIT, 10, 0.4, limit=49.0), one(Kind.STOP, -10, 0.6, stop=48.6)]
    fills, _, done = run(rows, *orders, actions=paid)
    assert fills.order.tolist() == [0]  # at 48.00 and 47.60 neither is reached
    assert done.ledger.cash[-1] == CAPITAL - 500 + 10
    fills, _, _ = run(rows, *orders)
    assert fills.order.tolist() == [0, 2, 1]


def test_nothing_in_a_halt_but_time():
    costs = replace(FREE, borrow_rate=0.365)
    rows = [FLAT, FLAT, (40, 40, 40, 40, 1e6), FLAT]
    bars = by_hand(rows, halted=[False, False, True, False])
    days = T0 + np.arange(4, dtype=np.int64) * DAY
    bars = bars._replace(start=days, end=days + MINUTE)
    done = OrderSleeve(CAPITAL, costs, policies(Account.MARGIN)).push(bars, one(Kind.MARKET, -100, 0.5))
    assert_allclose(done.equity, [10_000, 10_000, 9_995, 9_990])


def test_without_a_close_the_open_is_the_mark_and_before_any_price_the_fill():
    nothing = (math.nan,) * 4 + (1e6,)
    fills, _, done = run([nothing, (50, math.nan, math.nan, math.nan, 1e6), nothing], one(Kind.MARKET, 10, 0.5))
    assert fills.bar.tolist() == [1]
    assert_array_equal(done.equity, CAPITAL)
    inside = (math.nan, 51.0, 49.0, math.nan, 1e6)
    fills, _, done = run([nothing, inside, nothing], one(Kind.LIMIT, 10, 0.5, limit=50.0))
    assert fills.price.tolist() == [50.0]
    assert_array_equal(done.equity, CAPITAL)


def test_a_full_log_changes_nothing(monkeypatch):
    rng = np.random.default_rng(11)
    bars = some_order_bars(rng, 400)
    bars = bars._replace(volume=np.full(400, 40.0))  # two shares a bar: many times the log's room
    orders = some_orders(rng, bars, 30)
    once = OrderSleeve(CAPITAL, Costs()).push(bars, orders)
    monkeypatch.setattr(sleeve, "ROOM", 1)
    again = OrderSleeve(CAPITAL, Costs()).push(bars, orders)
    assert len(once.fills.bar) > fold.MOST * len(orders.kind) + 1
    for a, b in zip((*once.ledger, *once.fills, *once.states), (*again.ledger, *again.fills, *again.states), strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": Kind.LIMIT, "shares": 10}, "needs a limit"),
        ({"kind": Kind.STOP, "shares": 10, "stop": -1.0}, "needs a stop"),
        ({"kind": Kind.MARKET, "shares": 0}, "other than 0"),
        ({"kind": Kind.MARKET, "shares": 1.5}, "whole"),
        ({"kind": Kind.CANCEL, "shares": 0, "parent": 7}, "earlier order"),
        ({"kind": Kind.CANCEL, "shares": 1, "parent": 0}, "0 shares"),
        ({"kind": Kind.MARKET, "shares": 1, "parent": 0}, "further up"),
        ({"kind": 9, "shares": 1}, "MARKET"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused(given, why):
    broker = OrderSleeve(CAPITAL, Costs())
    with pytest.raises(BadInput, match=why):
        broker.push(by_hand([FLAT]), one(**given))
    broker.push(by_hand([FLAT]), one(Kind.MARKET, 1))  # nothing was kept of it


def test_what_comes_out_of_order_is_refused():
    bars = by_hand([FLAT] * 3)
    with pytest.raises(LawBroken, match="begins before"):
        OrderSleeve(CAPITAL, FREE).push(bars._replace(start=bars.start[::-1].copy()))
    with pytest.raises(LawBroken, match="time order"):
        OrderSleeve(CAPITAL, FREE).push(bars, several(one(Kind.MARKET, 1, 2), one(Kind.MARKET, 1, 1)))
    with pytest.raises(BadInput, match="volume must have 3 rows"):
        OrderSleeve(CAPITAL, FREE).push(bars._replace(volume=np.ones(2)))
    with pytest.raises(BadInput, match="no size"):
        orders_of(np.array([1]), np.array([0]), np.array([1.0]), size=np.array([1]))
    with pytest.raises(BadInput, match="shape"):
        order_bars(bars.start, bars.end, np.ones((3, 4)), bars.session, bars.closes)
    with pytest.raises(BadInput, match="capital"):
        OrderSleeve(0.0, FREE)


def test_the_cache_knows_the_files_that_are_inlined():
    """As in test_kernel.py: a change in any file whose code ends up in the fold must compile it anew."""
    for function in (fold.fold_orders, fold.worked, work.attempt, spread.spreads_before):
        assert function._cache._cache_file._source_stamp[1] == kernel.STAMP
    room = Path(kernel.__file__).parent
    used = {path.name for path in (room / "orders").glob("*.py")} - {"__init__.py", "fold.py", "sleeve.py", "check.py", "spread.py"}
    assert {f"orders/{name}" for name in used} <= set(kernel.INLINED)
    assert all((room / name).exists() for name in kernel.INLINED)

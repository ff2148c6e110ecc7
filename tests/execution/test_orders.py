"""Orders of every kind, in any mix, over any bars: what must hold whatever happens."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import cut_actions, some_costs
from tests.execution.order_market import (
    CAPITAL,
    cut_order_bars,
    some_order_actions,
    some_order_bars,
    some_orders,
    some_sleeve,
)
from undertow.core.time import MINUTE
from undertow.execution.orders.columns import NO_ORDERS, At, Kind, OrderFills, Orders, Status
from undertow.execution.orders.margin import Account, policies
from undertow.execution.orders.sleeve import OrderSleeve, Venue
from undertow.execution.tables import NO_ACTIONS

SEEDS = st.integers(0, 2**32 - 1)
EXAMPLES = settings(max_examples=150, deadline=None)


def world(seed, n=60, k=25, actions=True):
    rng = np.random.default_rng(seed)
    costs, bars = some_costs(rng, whole=True), some_order_bars(rng, n)
    return rng, costs, bars, some_orders(rng, bars, k), some_order_actions(rng, n) if actions else NO_ACTIONS


@given(seed=SEEDS, n=st.integers(1, 60))
@EXAMPLES
def test_two_pushes_equal_one_bit_for_bit(seed, n):
    rng, costs, bars, orders, actions = world(seed, n)
    whole, parts = some_sleeve(rng, costs)
    once = whole.push(bars, orders, actions)
    cuts, pieces, first = [0, *np.sort(rng.integers(0, n + 1, 3)), n], [], 0
    for a, b in itertools.pairwise(cuts):
        last = len(orders.kind) if b == n else int(np.searchsorted(orders.decided_at, bars.end[b - 1])) if b else 0
        mine = Orders(*(column[first:last] for column in orders))
        pieces.append(parts.push(cut_order_bars(bars, a, b), mine, cut_actions(actions, a, b)))
        first = last
    for name in ("equity", "cash", "shares"):
        assert_array_equal(getattr(once.ledger, name), np.concatenate([getattr(p.ledger, name) for p in pieces]))
    for name in OrderFills._fields[1:]:
        assert_array_equal(getattr(once.fills, name), np.concatenate([getattr(p.fills, name) for p in pieces]))
    assert whole.summary() == parts.summary()
    ends = {}
    for piece in pieces:
        ends |= {order: rest for order, *rest in zip(*(column.tolist() for column in piece.states), strict=True)}
    assert ends == {order: rest for order, *rest in zip(*(column.tolist() for column in once.states), strict=True)}
    for a, b in zip(whole.open_orders(), parts.open_orders(), strict=True):
        assert_array_equal(a, b)


@given(seed=SEEDS)
@EXAMPLES
def test_cash_and_position_are_the_equity_to_the_cent(seed):
    """A ledger kept from the log of fills alone, bar by bar, has the fold's cash, shares and equity."""
    rng, costs, bars, orders, actions = world(seed)
    sleeve, _ = some_sleeve(rng, costs)
    done = sleeve.push(bars, orders, actions)
    f = done.fills
    cash, shares, mark, rent, started = CAPITAL, 0.0, 0.0, 0.0, None
    for t in range(len(bars.start)):
        if started is not None and shares < 0:
            due = -shares * mark * costs.borrow_rate * (bars.start[t] - started) / (365 * 24 * 60 * MINUTE)
            cash, rent = cash - due, rent + due
        started = bars.start[t]
        for i in np.flatnonzero(actions.bar == t):
            cash += shares * actions.dividend[i]
            mark /= actions.ratio[i]
            exact = shares * actions.ratio[i]
            price = bars.open[t] if bars.open[t] > 0 and not bars.halted[t] else mark
            shares = float(np.trunc(exact))
            cash += (exact - shares) * price
        for i in np.flatnonzero(f.bar == t):
            cash -= f.shares[i] * f.price[i] + f.commission[i]
            shares += f.shares[i]
            if mark == 0.0:
                mark = (f.price[i] * abs(f.shares[i]) - np.sign(f.shares[i]) * (f.spread_cost[i] + f.impact_cost[i])) / abs(f.shares[i])
        if not bars.halted[t]:
            mark = next((price for price in (bars.close[t], bars.open[t]) if price > 0), mark)
        assert done.ledger.shares[t] == shares
        assert done.ledger.cash[t] == pytest.approx(cash, abs=0.005)
        assert done.ledger.equity[t] == pytest.approx(cash + shares * mark, abs=0.005)
    total = sleeve.summary()
    assert total.borrow == pytest.approx(rent, abs=1e-6)
    assert total.commission == pytest.approx(f.commission.sum())
    assert total.fills == len(f.bar)


@given(seed=SEEDS)
@EXAMPLES
def test_no_fill_before_its_decision_in_a_halt_or_beyond_a_band(seed):
    rng, costs, bars, orders, _ = world(seed, actions=False)
    sleeve, _ = some_sleeve(rng, costs)
    latency = sleeve._venue.latency
    f = sleeve.push(bars, orders).fills
    own = f.order >= 0
    at_close = f.at == At.CLOSING
    when = np.where(at_close, bars.end[f.bar], bars.start[f.bar])
    # Trades of a bar lie in (start, end]: one that starts with the order's arrival comes after it.
    arrived = orders.decided_at[f.order] + latency
    assert (when >= arrived)[own].all()
    assert (when - 2 * MINUTE >= arrived)[own & at_close].all()
    assert not bars.halted[f.bar].any()
    assert np.where(f.at == At.OPENING, bars.open[f.bar] > 0, True).all()
    assert np.where(at_close, (bars.close[f.bar] > 0) & bars.closes[f.bar], True).all()
    assert not ((f.shares > 0) & (f.price > bars.up[f.bar])).any()
    assert not ((f.shares < 0) & (f.price < bars.down[f.bar])).any()
    assert (bars.start[f.bar] < orders.until[f.order])[own].all()
    filled = np.bincount(f.bar, np.abs(f.shares), len(bars.start))
    cap = np.nan_to_num(bars.volume) * costs.participation if np.isfinite(costs.participation) else np.inf
    assert (filled <= cap).all()


@given(seed=SEEDS)
@EXAMPLES
def test_never_worse_than_the_limit_and_never_more_than_ordered(seed):
    rng, costs, bars, orders, _ = world(seed, actions=False)
    sleeve, _ = some_sleeve(rng, costs)
    done = sleeve.push(bars, orders)
    f, own = done.fills, done.fills.order >= 0
    order = f.order[own]
    limited = np.isin(orders.kind[order], (Kind.LIMIT, Kind.STOP_LIMIT))
    side = np.sign(orders.shares[order])
    assert (side * (f.price[own] - orders.limit[order]) <= 1e-9)[limited].all()
    assert_array_equal(np.sign(f.shares[own]), side)
    total = np.bincount(order, f.shares[own], len(orders.kind))
    assert (np.abs(total) <= np.abs(orders.shares)).all()
    states = done.states
    assert_array_equal(total[states.order], states.filled)
    full = states.status == Status.FILLED
    plain = (orders.parent[states.order] < 0) & (orders.group[states.order] < 0)
    assert_array_equal(states.filled[full & plain], orders.shares[states.order][full & plain])
    # What one of a group fills, the others no longer do; a child never does more than its parent did.
    groups = {}
    for i in np.flatnonzero(orders.group >= 0):
        groups.setdefault(int(orders.decided_at[i]), []).append(i)
    for members in groups.values():
        assert np.abs(total[members]).sum() <= np.abs(orders.shares[members]).max()
    for i in np.flatnonzero((orders.parent >= 0) & (orders.kind != Kind.CANCEL)):
        assert abs(total[i]) <= abs(total[orders.parent[i]])


@given(seed=SEEDS, at=st.integers(1, 59))
@settings(max_examples=80, deadline=None)
def test_the_future_changes_nothing_before_it(seed, at):
    rng, costs, bars, orders, _ = world(seed, actions=False)
    sleeve, again = some_sleeve(rng, costs)
    other = some_order_bars(np.random.default_rng(seed + 1), 60)._replace(start=bars.start, end=bars.end, session=bars.session)
    changed = type(bars)(*(np.concatenate([a[:at], b[at:]]) for a, b in zip(bars, other, strict=True)))
    early = orders.decided_at < bars.end[at - 1]
    first = sleeve.push(bars, orders)
    second = again.push(changed, Orders(*(column[early] for column in orders)))
    assert_array_equal(first.equity[:at], second.equity[:at])
    for a, b in zip(first.fills, second.fills, strict=True):
        assert_array_equal(a[first.fills.bar < at], b[second.fills.bar < at])


@given(seed=SEEDS)
@settings(max_examples=60, deadline=None)
def test_missing_prices_move_nothing(seed):
    """Bars without any price, put in between, change no fill and no equity but for the lender's time."""
    rng, costs, bars, orders, _ = world(seed, actions=False)
    holes = rng.random(60) < 0.3
    empty = bars._replace(**{name: np.where(holes, np.nan, getattr(bars, name)) for name in ("open", "high", "low", "close")})
    sleeve, _ = some_sleeve(rng, costs)
    done = sleeve.push(empty, orders)
    assert not holes[done.fills.bar].any()
    moved = np.diff(done.equity, prepend=CAPITAL)[holes]
    if costs.borrow_rate == 0.0:
        assert_array_equal(moved, 0.0)
    else:
        assert (moved <= 0.0).all()


@given(seed=SEEDS, ratio=st.sampled_from([2.0, 0.5, 3.0]))
@settings(max_examples=60, deadline=None)
def test_a_split_changes_no_value_and_no_standing_order(seed, ratio):
    """The same world in old shares and in new: the same equity, each order filled as far."""
    _, costs, bars, orders, _ = world(seed, actions=False)
    costs = costs.scaled(0.0)  # a cost a share is not the same in new shares
    orders = orders._replace(shares=orders.shares * 6)
    early = orders.decided_at <= bars.start[30]
    bars = bars._replace(locate=np.full(60, np.nan), volume=np.full(60, 1e9))
    after = np.arange(60) >= 30
    names = ("open", "high", "low", "close", "up", "down")
    new = bars._replace(**{name: np.where(after, getattr(bars, name) / ratio, getattr(bars, name)) for name in names})
    later = orders._replace(
        shares=np.where(early, orders.shares, orders.shares * ratio),
        limit=np.where(early, orders.limit, orders.limit / ratio),
        stop=np.where(early, orders.stop, orders.stop / ratio),
    )
    split = type(NO_ACTIONS)(np.array([30]), np.array([ratio]), np.array([0.0]))
    a, b = (OrderSleeve(CAPITAL * 100, costs, policies(Account.UNLIMITED), Venue(close_cutoff=MINUTE)) for _ in range(2))
    once, twice = a.push(bars, orders), b.push(new, later, split)
    assert_allclose(once.equity, twice.equity, atol=0.005)
    assert_array_equal(once.states.status, twice.states.status)


def test_an_empty_push_and_a_late_order():
    rng, costs, bars, orders, _ = world(3)
    sleeve, _ = some_sleeve(rng, costs)
    assert len(sleeve.push(cut_order_bars(bars, 0, 0), NO_ORDERS).equity) == 0
    sleeve.push(bars, orders)
    with pytest.raises(Exception, match="pushed after something later"):
        sleeve.push(cut_order_bars(bars, 0, 0), orders)
    with pytest.raises(Exception, match="begins before"):
        sleeve.push(bars)

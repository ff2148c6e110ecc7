"""Trades event by event: three ways to call a strategy, one plain loop that knows nothing of them, and the same bits however it is cut."""

from __future__ import annotations

import ast
import doctest
import inspect
import itertools
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from tests.execution.market import FREE, some_actions, some_costs
from tests.execution.oracle import Sleeve
from undertow.core.errors import BadInput, LawBroken
from undertow.core.orders import Costs
from undertow.core.time import SECOND
from undertow.execution import kernel
from undertow.execution.events import fold, machine, sleeve, strategy, view
from undertow.execution.events.fold import Ticks
from undertow.execution.events.sleeve import EventSleeve
from undertow.execution.events.strategy import event_strategy
from undertow.execution.events.view import Wake
from undertow.execution.tables import Actions

SEEDS = st.integers(0, 2**32 - 1)
CAPITAL, PERIOD = 100_000.0, 7
DUST = 1e-6  #: shares: what the rounding of a sum leaves is no order, and no two ways round alike


# --- one strategy, three ways ----------------------------------------------------------------------------------------


@event_strategy(memory=[0.0, math.nan])
def rule(memory, at, price, size, account):
    """Every seventh event: be 40 shares long where the price is not below the one seven events ago, else 25.5 short; more when rich."""
    memory[0] += 1.0
    if memory[0] == 1.0:
        memory[1] = price
    if memory[0] % PERIOD != 0.0:
        return 0.0
    target = 40.0 if price >= memory[1] else -25.5
    if account.equity > CAPITAL or account.cash > 2.0 * CAPITAL:
        target += 1.5
    memory[1] = price
    wanted = target - account.shares - account.pending
    return wanted if abs(wanted) > DUST else 0.0


class Called:
    """The same in plain Python, called on every event; it keeps what it saw of the account."""

    def __init__(self) -> None:
        self.own, self.seen = rule.fresh(), []

    def __call__(self, at, price, size, account):
        self.seen.append((account.cash, account.shares, account.pending, account.equity))
        return rule(self.own, at, price, size, account) or None


class Sleeping:
    """The same on declared wake-ups."""

    memory, first = PERIOD + 1, Wake(after=PERIOD)

    def on_wake(self, seen, account):
        target = 40.0 if seen.price[-1] >= seen.price[0] else -25.5
        if account.equity > CAPITAL or account.cash > 2.0 * CAPITAL:
            target += 1.5
        wanted = target - account.shares - account.pending
        return Wake(shares=wanted if abs(wanted) > DUST else 0.0, after=PERIOD)


WAYS = {"compiled": lambda: rule, "python": Called, "woken": Sleeping}


def some_ticks(rng, n, *, gaps=True):
    """Trades with equal times here and there, prices and sizes that are missing."""
    at = np.cumsum(rng.integers(0, 3, n)) * SECOND // 2
    price = np.round(100 * np.exp(np.cumsum(rng.normal(0, 0.01, n))), 2)
    size = rng.integers(1, 2000, n).astype(np.float64)
    if gaps:
        price[rng.random(n) < 0.1] = np.nan
        size[rng.random(n) < 0.1] = np.nan
    return Ticks(at.astype(np.int64), price, size)


def plain(costs, ticks, actions, latency, per_day):
    """The rules once more, as a loop over a list of waiting orders."""
    account, waiting, own, seen, orders = Sleeve(CAPITAL, costs, per_day), [], rule.fresh(), [], []
    account.want = 0.0
    for i in range(len(ticks.at)):
        at, price, size = int(ticks.at[i]), float(ticks.price[i]), float(ticks.size[i])
        account.pay_lender(at)
        for k in np.flatnonzero(actions.bar == i):
            account.act(float(actions.ratio[k]), float(actions.dividend[k]), price)
            waiting = [(due, account.whole(shares * float(actions.ratio[k]))) for due, shares in waiting]
        arrived = [order for order in waiting if order[0] <= at]
        waiting = waiting[len(arrived) :]
        account.want += sum(shares for _, shares in arrived)
        account.trade(i, price, size)
        account.close(math.nan, price, size)
        pending = account.want - account.shares + sum(shares for _, shares in waiting)
        view = fold.Seen(account.cash, account.shares, pending, account.worth())
        seen.append(tuple(view))
        wanted = account.whole(rule(own, at, price, size, view))
        if wanted != 0.0:
            waiting.append((at + latency, wanted))
            orders.append((i, at + latency, wanted))
    return account, seen, orders


@given(seed=SEEDS, n=st.integers(0, 120), latency=st.sampled_from([0, 1, SECOND, 9 * SECOND]))
@settings(max_examples=80, deadline=None)
def test_three_ways_and_the_plain_loop_agree(seed, n, latency):
    rng = np.random.default_rng(seed)
    costs, ticks, actions = some_costs(rng), some_ticks(rng, n), some_actions(rng, n)
    truth, seen, orders = plain(costs, ticks, actions, latency, 50.0)
    done = {}
    for name, make in WAYS.items():
        way, out = make(), np.empty(n)
        one = EventSleeve(CAPITAL, costs, way, latency=latency, trades_per_day=50.0)
        done[name] = pushed = one.push(ticks, actions, out=out)
        assert_allclose(out, truth.equity, rtol=1e-10, atol=0.005)
        assert_array_equal(pushed.orders.tick, [i for i, _, _ in orders])
        assert_array_equal(pushed.orders.due, [due for _, due, _ in orders])
        assert_allclose(pushed.orders.shares, [shares for _, _, shares in orders], rtol=1e-9, atol=1e-9)
        for column in ("bar", "shares", "price", "commission", "spread_cost", "impact_cost"):
            assert_allclose(getattr(pushed.fills, column), [getattr(f, column) for f in truth.fills], rtol=1e-7, atol=1e-7)
        assert one.summary().equity == pytest.approx(truth.worth() if n else CAPITAL, abs=0.005)
        assert (one.summary().bars, one.summary().fills) == (n, len(truth.fills))
        if isinstance(way, Called):
            assert_allclose(np.reshape(way.seen, (-1, 4)), np.reshape(seen, (-1, 4)), rtol=1e-9, atol=1e-6)
    for name in ("python", "woken"):
        for mine, theirs in zip((*done["compiled"].fills, *done["compiled"].orders), (*done[name].fills, *done[name].orders), strict=True):
            assert_array_equal(mine, theirs)


@given(seed=SEEDS, n=st.integers(1, 120), latency=st.sampled_from([0, SECOND, 9 * SECOND]), name=st.sampled_from(sorted(WAYS)))
@settings(max_examples=80, deadline=None)
def test_pushed_in_pieces_is_pushed_at_once(seed, n, latency, name):
    rng = np.random.default_rng(seed)
    costs, ticks, actions = some_costs(rng), some_ticks(rng, n), some_actions(rng, n)
    whole, pieces = (EventSleeve(CAPITAL, costs, WAYS[name](), latency=latency, trades_per_day=50.0) for _ in range(2))
    curve, joined = np.empty(n), np.empty(n)
    at_once = whole.push(ticks, actions, out=curve)
    cuts = [0, *np.sort(rng.integers(0, n + 1, 3)).tolist(), n]
    fills, orders = [], []
    for a, b in itertools.pairwise(cuts):
        rows = (actions.bar >= a) & (actions.bar < b)
        some = Actions(actions.bar[rows] - a, actions.ratio[rows], actions.dividend[rows])
        done = pieces.push(Ticks(*(column[a:b] for column in ticks)), some, out=joined[a:b])
        fills.append(np.column_stack([done.fills.bar + a, *done.fills[1:]]))
        orders.append(np.column_stack([done.orders.tick + a, *done.orders[1:]]))
    assert_array_equal(joined, curve)
    assert_array_equal(np.concatenate(fills), np.column_stack(at_once.fills))
    assert_array_equal(np.concatenate(orders), np.column_stack(at_once.orders))
    assert_array_equal(pieces._machine.state, whole._machine.state)
    assert whole.summary() == pieces.summary()
    assert (whole.account().cash, whole.account().equity) == (pieces.account().cash, pieces.account().equity)
    if name == "compiled":
        assert_array_equal(whole.memory, pieces.memory)


# --- single rules, by hand -------------------------------------------------------------------------------------------


def ticks_of(prices, at=None, size=1e9):
    prices = np.asarray(prices, np.float64)
    return Ticks(np.arange(len(prices)) * SECOND if at is None else np.asarray(at), prices, np.full(len(prices), size))


def once(shares, when=0):
    """Orders once, at the event of that time in seconds."""
    return lambda at, price, size, account: shares if at == when * SECOND else None


def test_an_order_fills_at_the_next_trades_price():
    one = EventSleeve(CAPITAL, replace(FREE, half_spread_bp=10.0), once(10.0))
    done = one.push(ticks_of([100.0, 101.0, 102.0]))
    assert_array_equal(done.fills.bar, [1])
    assert done.fills.price[0] == pytest.approx(101.0 * 1.001)
    assert one.summary().equity == pytest.approx(CAPITAL + 10 * (102.0 - 101.0 * 1.001))


@pytest.mark.parametrize(("latency", "filled"), [(0, 1), (1, 2), (SECOND, 2), (SECOND + 1, 3)])
def test_latency_is_counted_in_time_and_equal_times_are_still_events(latency, filled):
    ticks = ticks_of([100.0, 101.0, 102.0, 103.0], at=np.array([0, 0, 1, 2]) * SECOND)
    first = iter([10.0])
    done = EventSleeve(CAPITAL, FREE, lambda *_: next(first, None), latency=latency).push(ticks)
    assert_array_equal(done.fills.bar, [filled])


def test_a_missing_price_fills_nothing_and_moves_nothing():
    out = np.empty(5)
    done = EventSleeve(CAPITAL, FREE, once(10.0)).push(ticks_of([100.0, np.nan, 100.0, np.nan, 103.0]), out=out)
    assert_array_equal(done.fills.bar, [2])
    assert_allclose(out, [CAPITAL, CAPITAL, CAPITAL, CAPITAL, CAPITAL + 30])


@pytest.mark.parametrize("said", [None, 0.0, math.nan, math.inf, -math.inf, 0.4])
def test_nothing_and_what_is_no_number_orders_nothing(said):
    done = EventSleeve(CAPITAL, replace(FREE, whole_shares=True), lambda *_: said).push(ticks_of([100.0, 101.0]))
    assert len(done.orders.tick) == 0


def test_a_large_order_takes_its_share_of_each_trade():
    costs = replace(FREE, participation=0.1, whole_shares=True)
    done = EventSleeve(CAPITAL, costs, once(25.0)).push(ticks_of([100.0] * 6, size=100.0))
    assert_array_equal(done.fills.bar, [1, 2, 3])
    assert_array_equal(done.fills.shares, [10, 10, 5])


@pytest.mark.parametrize(
    ("wake", "calls"),
    [
        (Wake(after=2), [1, 3, 5, 7]),
        (Wake(at=3 * SECOND), [3, 4, 5, 6, 7]),  # declared again at every call, and always past
        (Wake(above=104.0), [5, 6, 7]),
        (Wake(below=101.0), [0]),
        (Wake(after=6, above=102.5), [3, 4, 5, 6, 7]),
        (Wake(), []),
    ],
)
def test_a_sleeper_is_called_when_it_asked(wake, calls):
    seen = []

    class Dozy:
        memory, first = 3, wake

        def on_wake(self, ticks, account):
            assert len(ticks.at) <= 3
            seen.append(int(ticks.at[-1]) // SECOND)
            return wake

    one = EventSleeve(CAPITAL, FREE, Dozy())
    one.push(ticks_of(np.arange(100.0, 104.0)))
    one.push(ticks_of(np.arange(104.0, 108.0), at=np.arange(4, 8) * SECOND))
    assert seen == calls


def test_prices_that_may_not_be_written_to_are_read():
    ticks = ticks_of([100.0, 101.0])
    ticks.price.flags.writeable = False
    assert len(EventSleeve(CAPITAL, FREE, once(1.0)).push(ticks).fills.bar) == 1


def test_many_orders_and_fills_need_no_declared_room():
    n = 5_000
    back_and_forth = EventSleeve(CAPITAL, FREE, lambda at, price, size, account: 1.0 if account.shares <= 0.0 else -1.0)
    done = back_and_forth.push(ticks_of(np.full(n, 100.0)))
    assert (len(done.orders.tick), len(done.fills.bar)) == (n, n - 1)
    late = EventSleeve(CAPITAL, FREE, lambda *_: 1.0, latency=10**6 * SECOND)
    done = late.push(ticks_of(np.full(n, 100.0)))
    assert (len(done.orders.tick), late.account().pending, late.account().shares) == (n, n, 0.0)


# --- what is refused -------------------------------------------------------------------------------------------------


def test_wrong_inputs_are_refused():
    with pytest.raises(BadInput, match="above 0"):
        EventSleeve(0.0, FREE, rule)
    with pytest.raises(BadInput, match="never fall"):
        EventSleeve(1.0, FREE, rule).push(ticks_of([1.0, 1.0], at=[2, 1]))
    one = EventSleeve(1.0, FREE, rule)
    one.push(ticks_of([1.0], at=[5]))
    with pytest.raises(BadInput, match="never fall"):
        one.push(ticks_of([1.0], at=[4]))
    with pytest.raises(BadInput, match="in one piece"):
        one.push(ticks_of([1.0, 1.0], at=[5, 6]), out=np.empty(4)[::2])
    with pytest.raises(BadInput, match="price has 1 rows"):
        EventSleeve(1.0, FREE, rule).push(Ticks(np.arange(2), np.ones(1), np.ones(2)))
    awake = Sleeping()
    awake.memory = 0
    with pytest.raises(BadInput, match="looks back"):
        EventSleeve(1.0, FREE, awake)
    awake = Sleeping()
    awake.first = Wake(after=0)
    with pytest.raises(BadInput, match="after 1 event at least"):
        EventSleeve(1.0, FREE, awake)


def test_a_strategy_that_breaks_stops_the_run():
    def broken(at, price, size, account):
        raise ZeroDivisionError

    one = EventSleeve(CAPITAL, Costs(), broken)
    with pytest.raises(ZeroDivisionError):
        one.push(ticks_of([1.0]))
    with pytest.raises(LawBroken, match="cannot go on"):
        one.push(ticks_of([1.0]))


@pytest.mark.parametrize("module", [strategy, sleeve], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings(module):
    done = doctest.testmod(module)
    assert (done.failed, done.attempted > 0) == (0, True)


# --- the cache -------------------------------------------------------------------------------------------------------


def test_another_process_compiles_nothing():
    EventSleeve(CAPITAL, FREE, rule).push(ticks_of([1.0]))
    EventSleeve(CAPITAL, FREE, once(1.0)).push(ticks_of([1.0]))
    script = (
        "import numpy as np; from tests.execution import test_events as t; s = t.EventSleeve(1e5, t.FREE, t.rule);"
        "s.push(t.ticks_of([1.0])); t.EventSleeve(1e5, t.FREE, t.once(1.0)).push(t.ticks_of([1.0]));"
        "print(sum(t.rule.fold.stats.cache_misses.values()), sum(t.rule.fold.stats.cache_hits.values()),"
        "sum(t.fold.fold_until.stats.cache_misses.values()))"
    )
    root = Path(__file__).resolve().parents[2]
    said: list[list[str]] = []
    while len(said) < 2 and ["0", "1", "0"] not in said:  # a source saved since this process began is compiled anew, but once only
        done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True)
        said.append(done.stdout.split())
    assert said[-1] == ["0", "1", "0"]


def _buyer(shares, extra=None):
    @event_strategy(memory=1)
    def buy(memory, at, price, size, account):
        memory[0] = 1.0 if extra is None else 2.0
        return shares

    return buy


def test_the_name_on_disk_is_made_of_all_that_decides():
    names = [_buyer(shares).fold.py_func.__name__ for shares in (1.0, 2.0, 1.0)]
    assert names[0] == names[2] != names[1]
    assert _buyer(1.0, extra=object()).fold._cache.__class__.__name__ == "NullCache", "an object has no text: nothing is kept"


def test_the_folds_know_the_inlined_files():
    for function in (rule.fold, fold.fold_until):
        assert function._cache._cache_file._source_stamp[1] == kernel.STAMP
    for module in (fold, machine, sleeve, strategy, view):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if module is fold and isinstance(node, ast.ImportFrom) and (node.module or "").startswith("undertow.execution."):
                assert node.module.removeprefix("undertow.execution.").replace(".", "/") + ".py" in kernel.INLINED


@pytest.mark.parametrize("last", [3, 9], ids=["in the middle", "at the last event"])
def test_a_strategy_that_lets_out_stop_iteration_stops_the_run(last: int) -> None:
    """It must not be taken for the end of the events."""

    def exhausted(at: int, price: float, size: float, account: object) -> None:
        if at == last:
            next(iter(()))

    ticks = Ticks(np.arange(10), np.full(10, 20.0), np.full(10, 5.0))
    with pytest.raises((RuntimeError, StopIteration)):
        EventSleeve(1_000.0, Costs(), exhausted).push(ticks)

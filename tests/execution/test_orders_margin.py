"""What an account may open, by kind, broker and day: the table, the pure functions, and the fold that asks them."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from tests.execution.market import FREE
from undertow.core.errors import BadInput
from undertow.core.time import DAY, HOUR, date_of
from undertow.execution.orders.columns import Kind, Reason, Status, order_bars, orders_of
from undertow.execution.orders.margin import (
    CASH,
    INTRADAY,
    PATTERN,
    REG_T,
    Account,
    Asked,
    Means,
    Policies,
    keeping,
    opened_by,
    opening,
    overnight,
    policies,
    refusal,
    switched,
)
from undertow.execution.orders.sleeve import OrderSleeve

NAN = math.nan


def day(text: str) -> int:
    return int(date_of(text).astype("datetime64[D]").astype(np.int64)) * DAY


def in_force(table: Policies, on: str) -> list[float]:
    return table.terms[max(np.searchsorted(table.since, day(on), side="right") - 1, 0)].tolist()


@pytest.mark.parametrize(
    ("account", "broker", "on", "policy"),
    [
        (Account.CASH, "*", "2017-09-04", CASH),
        (Account.CASH, "*", "2017-09-05", CASH._replace(settle=2.0)),
        (Account.CASH, "*", "2024-05-27", CASH._replace(settle=2.0)),
        (Account.CASH, "*", "2024-05-28", CASH._replace(settle=1.0)),
        (Account.MARGIN, "*", "2026-06-03", PATTERN),
        (Account.MARGIN, "*", "2026-06-04", INTRADAY),
        (Account.MARGIN, "last to switch", "2027-10-19", PATTERN),
        (Account.MARGIN, "last to switch", "2027-10-20", INTRADAY),
        (Account.MARGIN, "a broker without rules of its own", "2026-06-04", INTRADAY),
        (Account.REG_T, "*", "2026-06-03", REG_T),
    ],
)
def test_the_rule_of_the_day(account, broker, on, policy):
    assert in_force(policies(account, broker), on) == list(policy)


def test_a_broker_has_a_day_of_its_own():
    rules = switched("mine", "2026-12-01")
    assert in_force(policies(Account.MARGIN, "mine", rules), "2026-11-30") == list(PATTERN)
    assert in_force(policies(Account.MARGIN, "mine", rules), "2026-12-01") == list(INTRADAY)
    with pytest.raises(BadInput, match="2027-10-20"):
        switched("mine", "2028-01-01")
    with pytest.raises(BadInput, match="no rule"):
        policies(Account.MARGIN, "mine", ())


def test_what_positions_need():
    assert keeping(100, 50.0, REG_T) == 1_250.0
    assert keeping(-100, 50.0, REG_T) == 1_500.0
    assert keeping(-100, 10.0, REG_T) == 500.0  # 5 USD a share
    assert keeping(-100, 4.0, REG_T) == 400.0  # the whole price
    assert keeping(-100, 2.0, REG_T) == 250.0  # 2.50 USD a share
    assert opening(100, 50.0, 30_000, 30_000, REG_T) == 2_500.0
    assert opening(100, 50.0, 30_000, 30_000, PATTERN) == 1_250.0
    assert opening(100, 50.0, 20_000, 20_000, PATTERN) == 2_500.0
    assert opening(100, 50.0, 20_000, 20_000, INTRADAY) == 1_250.0
    assert opening(100, 50.0, 1_999, 1_999, INTRADAY) == 5_000.0
    # 40 of 100 opened today at 45: their gain of 200 does not count towards half of 1,800
    assert overnight(100, 40, 1_800, 50.0, INTRADAY) == 60 * 12.5 + 900 + 200
    assert overnight(-100, -40, -1_800, 50.0, INTRADAY) == 60 * 15.0 + 900 - 200
    assert [opened_by(*pair) for pair in ((10, 5), (10, -5), (10, -15), (0, -5), (-10, 20))] == [5, 0, 5, 5, 10]


@pytest.mark.parametrize(
    ("policy", "asked", "means", "reason"),
    [
        (REG_T, (200, 50.0, 0.0, NAN), (5_000, 0, 0, 5_000, 0), Reason.NONE),
        (REG_T, (201, 50.0, 0.0, NAN), (5_000, 0, 0, 5_000, 0), Reason.BUYING_POWER),
        (REG_T, (200, 50.0, 1.0, NAN), (5_000, 0, 0, 5_000, 0), Reason.BUYING_POWER),
        (REG_T, (-200, 50.0, 0.0, 200), (5_000, 0, 0, 5_000, 0), Reason.NONE),
        (REG_T, (-200, 50.0, 0.0, 199), (5_000, 0, 0, 5_000, 0), Reason.NO_BORROW),
        (REG_T, (-200, 50.0, 0.0, 100), (0, 100, 0, 5_000, 0), Reason.NONE),  # half of it closes
        (REG_T, (-900, 50.0, 0.0, 0), (0, 900, 0, 9, 9), Reason.NONE),  # all of it closes: never refused
        (REG_T, (-1, 50.0, 0.0, NAN), (1_999, 0, 0, 1_999, 0), Reason.MINIMUM),
        (REG_T, (1, 50.0, 0.0, NAN), (5_000, 0, 0, 5_000, 3), Reason.DAY_TRADES),
        (REG_T, (1, 50.0, 0.0, NAN), (25_000, 0, 0, 25_000, 3), Reason.NONE),
        (PATTERN, (2_000, 50.0, 0.0, NAN), (25_000, 0, 0, 25_000, 9), Reason.NONE),
        (PATTERN, (2_000, 50.0, 0.0, NAN), (30_000, 0, 0, 24_999, 0), Reason.BUYING_POWER),  # the last close counts
        (INTRADAY, (2_000, 50.0, 0.0, NAN), (25_000, 0, 0, 0, 9), Reason.NONE),
        (CASH, (100, 50.0, 1.0, NAN), (5_001, 0, 0, 0, 0), Reason.NONE),
        (CASH, (100, 50.0, 1.0, NAN), (5_000, 0, 0, 0, 0), Reason.BUYING_POWER),
        (CASH, (100, 50.0, 1.0, NAN), (5_001, 0, 1, 0, 0), Reason.UNSETTLED),
        (CASH, (-1, 50.0, 1.0, NAN), (5_001, 0, 0, 0, 0), Reason.NO_SHORTS),
    ],
)
def test_refusals(policy, asked, means, reason):
    assert refusal(Asked(*map(float, asked)), Means(*map(float, means)), policy) == reason


def bars_from(first: str, prices: list[float], per_session: int = 4):
    """Bars of an hour that stand still at a price, so many a session; orders are decided a second before each."""
    n = len(prices)
    session = np.arange(n) // per_session
    start = day(first) + session * DAY + (14 + np.arange(n) % per_session) * HOUR
    flat = np.repeat(np.array(prices)[:, None], 4, axis=1)
    table = np.column_stack([flat, np.full(n, 1e9)])
    return order_bars(start.astype(np.int64), start + HOUR, table, session, np.arange(n) % per_session == per_session - 1)


def at_market(bars, trades: dict[int, float]):
    """Market orders for the opens of some bars."""
    rows = np.array(sorted(trades))
    return orders_of(bars.start[rows] - 1, np.full(len(rows), Kind.MARKET), np.array([trades[i] for i in rows]))


def outcome(capital, account, bars, trades, broker="*", costs=FREE):
    sleeve = OrderSleeve(capital, costs, policies(account, broker))
    return sleeve.push(bars, at_market(bars, trades))


def test_a_cash_account_waits_for_its_money():
    trades = {0: 100.0, 1: -100.0, 2: 100.0, 4: 100.0}
    before, after = (outcome(10_000.0, Account.CASH, bars_from(first, [100.0] * 8), trades) for first in ("2024-05-20", "2024-05-28"))
    assert before.states.reason.tolist() == [Reason.NONE, Reason.NONE, Reason.UNSETTLED, Reason.UNSETTLED]
    assert after.states.reason.tolist() == [Reason.NONE, Reason.NONE, Reason.UNSETTLED, Reason.NONE]


def test_three_day_trades_and_no_more_until_the_count_is_gone():
    trades = {0: 10.0, 1: -10.0, 4: 10.0, 5: -10.0, 8: 10.0, 9: -10.0, 12: 10.0, 20: 10.0}
    prices = [100.0] * 24
    old = outcome(10_000.0, Account.MARGIN, bars_from("2026-05-18", prices), trades)
    assert old.states.reason.tolist() == [0, 0, 0, 0, 0, 0, Reason.DAY_TRADES, 0]  # the first day trade is five sessions old by then
    rich = outcome(30_000.0, Account.MARGIN, bars_from("2026-05-18", prices), trades)
    new = outcome(10_000.0, Account.MARGIN, bars_from("2026-06-08", prices), trades)
    late = outcome(10_000.0, Account.MARGIN, bars_from("2026-06-08", prices), trades, "last to switch")
    assert rich.states.reason.tolist() == new.states.reason.tolist() == [0] * 8
    assert late.states.reason.tolist() == old.states.reason.tolist()


def test_four_times_within_the_day_and_twice_overnight():
    """350 shares at 100 with 10,000 USD: covered at 25 % all day, at the close half of 35,000 is not, so 150 are sold in the morning."""
    bars = bars_from("2026-06-08", [100.0] * 6)
    assert outcome(10_000.0, Account.MARGIN, bars, {0: 401.0}).states.reason[0] == Reason.BUYING_POWER
    done = outcome(10_000.0, Account.MARGIN, bars, {0: 350.0})
    assert done.ledger.shares.tolist() == [350.0] * 4 + [200.0] * 2
    assert done.fills.order.tolist() == [0, -1]
    gone = outcome(10_000.0, Account.MARGIN, bars, {0: 350.0, 3: -150.0})
    assert gone.fills.order.tolist() == [0, 1]
    assert outcome(10_000.0, Account.REG_T, bars, {0: 201.0}).states.reason[0] == Reason.BUYING_POWER


def test_a_call_waits_for_an_open_and_is_met_in_parts():
    bars = bars_from("2026-06-08", [100.0, 100.0, 60.0, 60.0, 60.0, 60.0])
    bars = bars._replace(halted=np.array([False, False, False, True, False, False]))
    done = outcome(10_000.0, Account.REG_T, bars, {1: 200.0})
    # Equity 2,000 where 25 % of 12,000 are needed: 2,000 / 0.25 = 8,000 may stay.
    assert done.ledger.shares.tolist() == [0.0, 200.0, 200.0, 200.0, pytest.approx(400 / 3), pytest.approx(400 / 3)]
    thin = bars._replace(volume=np.array([1e9, 1e9, 1e9, 1e9, 500.0, 500.0]))
    sleeve = OrderSleeve(10_000.0, replace(FREE, participation=0.1), policies(Account.REG_T))
    parts = sleeve.push(thin, at_market(thin, {1: 200.0}))
    assert parts.ledger.shares.tolist()[4:] == [150.0, pytest.approx(400 / 3)]


def test_a_call_that_the_market_lifts_is_forgotten():
    bars = bars_from("2026-06-08", [100.0, 100.0, 60.0, 90.0, 90.0])
    done = outcome(10_000.0, Account.REG_T, bars, {1: 200.0})
    assert done.fills.order.tolist() == [0]
    ruined = outcome(10_000.0, Account.REG_T, bars_from("2026-06-08", [100.0, 100.0, 40.0, 40.0, 40.0]), {1: 200.0})
    assert ruined.ledger.shares.tolist() == [0.0, 200.0, 200.0, 0.0, 0.0]
    assert ruined.equity[-1] == -2_000.0  # the account owes: nothing here pretends that a stop would have filled


def test_a_short_sale_is_called_too():
    bars = bars_from("2026-06-08", [100.0, 100.0, 150.0, 150.0, 150.0])
    done = outcome(10_000.0, Account.MARGIN, bars, {1: -150.0})
    # Cash 25,000, equity 2,500 at 150: covers 2,500 / 45 shares.
    assert done.ledger.shares[-1] == pytest.approx(-2_500 / 45)
    assert done.states.status[0] == Status.FILLED

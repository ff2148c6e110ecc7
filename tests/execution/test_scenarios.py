"""Twelve worked examples: the numbers of docs/concepts/execution.md, computed by the order fold."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.execution.order_market import CAPITAL, T0, by_hand, one, several
from undertow.core.orders import Costs
from undertow.core.time import DAY, MINUTE
from undertow.execution.orders.columns import Kind, OrderBars, Orders, Reason, Status, order_bars, orders_of
from undertow.execution.orders.margin import Account, policies
from undertow.execution.orders.sleeve import OrderSleeve, Worked
from undertow.execution.tables import NO_ACTIONS, Actions

PAGE = Path(__file__).resolve().parents[2] / "docs" / "concepts" / "execution.md"
COSTS = Costs(half_spread_bp=10.0, impact=0.0, commission_per_share=0.01, borrow_rate=0.0, participation=math.inf)
EARLY = (50.0, 50.4, 49.8, 50.2, 1e6)  # the bar in which the orders are decided


def run(
    bars: OrderBars, orders: Orders, costs: Costs = COSTS, actions: Actions = NO_ACTIONS, account: Account = Account.UNLIMITED
) -> Worked:
    return OrderSleeve(CAPITAL, costs, policies(account)).push(bars, orders, actions)


def days(rows: list[tuple[float, ...]]) -> OrderBars:
    """Daily bars, from 09:30 to 16:00."""
    start = T0 + np.arange(len(rows), dtype=np.int64) * DAY
    return order_bars(start, start + 390 * MINUTE, np.array(rows), np.arange(len(rows)), np.ones(len(rows), bool))


def market() -> Worked:
    return run(by_hand([EARLY, (50.30, 50.60, 50.10, 50.50, 1e6)]), one(Kind.MARKET, 100, 0.5))


def limit_at_the_open() -> Worked:
    return run(by_hand([EARLY, (50.00, 50.30, 49.90, 50.10, 1e6)]), one(Kind.LIMIT, 100, 0.5, limit=50.02))


def limit_inside() -> Worked:
    rows = [EARLY, (50.20, 50.40, 49.90, 50.00, 1e6), (50.05, 50.10, 49.85, 50.00, 1e6)]
    return run(by_hand(rows), one(Kind.LIMIT, 100, 0.5, limit=49.90))


def stop_in_a_gap() -> Worked:
    rows = [EARLY, (50.00, 50.50, 49.50, 50.00, 1e6), (48.00, 48.50, 47.80, 48.20, 1e6)]
    return run(by_hand(rows), several(one(Kind.MARKET, 100, 0.5), one(Kind.STOP, -100, 0.6, stop=49.00)))


def bracket() -> Worked:
    rows = [EARLY, (50.00, 50.50, 49.50, 50.20, 1e6), (50.20, 51.30, 48.90, 51.00, 1e6)]
    orders = orders_of(
        np.full(3, T0 + MINUTE // 2),
        np.array([Kind.MARKET, Kind.LIMIT, Kind.STOP]),
        np.array([100.0, -100.0, -100.0]),
        limit=np.array([np.nan, 51.0, np.nan]),
        stop=np.array([np.nan, np.nan, 49.0]),
        parent=np.array([-1, 0, 0]),
        group=np.array([-1, 0, 0]),
    )
    return run(by_hand(rows), orders)


def in_parts() -> Worked:
    rows = [EARLY, (50.00, 50.30, 49.90, 50.10, 1_000), (50.10, 50.30, 50.00, 50.20, 640), (50.20, 50.30, 50.10, 50.20, 1e6)]
    costs = Costs(half_spread_bp=10.0, impact=0.0, commission_per_share=0.01, borrow_rate=0.0, participation=0.05)
    return run(by_hand(rows), one(Kind.MARKET, 100, 0.5, until=T0 + 3 * MINUTE), costs)


def impact() -> Worked:
    rows = [(50.00, 51.00, 50.00, 51.00, 10_000), (51.00, 51.20, 50.90, 51.00, 10_000)]
    costs = Costs(half_spread_bp=0.0, impact=1.0, borrow_rate=0.0, participation=math.inf)
    return run(by_hand(rows), one(Kind.MARKET, 100, 0.5), costs)


def late_for_the_close() -> Worked:
    rows = [(50.00, 50.50, 49.50, 50.00, 1e6), (50.10, 51.00, 50.00, 50.80, 1e6)]
    return run(days(rows), one(Kind.ON_CLOSE, 100, 381))


def halt_and_band() -> Worked:
    rows = [EARLY, (49.00, 49.00, 49.00, 49.00, 1e6), (52.00, 52.00, 52.00, 52.00, 1e6), (51.90, 52.20, 51.70, 52.00, 1e6)]
    bars = by_hand(rows, halted=[False, True, False, False], up=[np.nan, np.nan, 52.00, 52.50])
    return run(bars, one(Kind.MARKET, 100, 0.5))


def split() -> Worked:
    rows = [
        EARLY,
        (50.00, 50.50, 49.50, 50.20, 1e6),
        (33.40, 33.80, 33.20, 33.50, 1e6),
        (33.50, 40.20, 33.40, 40.10, 1e6),
    ]
    orders = several(one(Kind.MARKET, 51, 0.5), one(Kind.LIMIT, -51, 0.6, limit=60.0))
    return run(by_hand(rows), orders, actions=Actions(np.array([2]), np.array([1.5]), np.array([0.0])))


def short() -> Worked:
    rows = [EARLY, (50.00, 50.50, 49.50, 50.00, 1e6), (49.50, 49.80, 49.20, 49.40, 1e6)]
    bars = days(rows)._replace(locate=np.array([np.nan, 80.0, np.nan]))
    costs = Costs(half_spread_bp=10.0, impact=0.0, commission_per_share=0.01, borrow_rate=0.10, participation=math.inf)
    orders = several(one(Kind.MARKET, -100, 1), one(Kind.MARKET, -80, 2))
    return run(bars, orders, costs, Actions(np.array([2]), np.array([1.0]), np.array([0.5])), Account.MARGIN)


def margin_call() -> Worked:
    rows = [EARLY, (50.00, 50.50, 49.50, 50.00, 1e6), (30.00, 30.00, 21.50, 22.00, 1e6), (21.00, 21.50, 20.80, 21.20, 1e6)]
    return run(by_hand(rows), several(one(Kind.MARKET, 500, 0.5), one(Kind.MARKET, 300, 0.6)), account=Account.REG_T)


SCENARIOS: tuple[Callable[[], Worked], ...] = (
    market, limit_at_the_open, limit_inside, stop_in_a_gap, bracket, in_parts,
    impact, late_for_the_close, halt_and_band, split, short, margin_call,
)  # fmt: skip


def said(done: Worked) -> list[str]:
    """What the page's table says of an example: fills, cash, shares, equity, how the orders end."""
    fills = ", ".join(f"{shares:+,.0f} at {price:.4f}" for shares, price in zip(done.fills.shares, done.fills.price, strict=True))
    ends = [
        Status(status).name.lower().replace("_", " ") + (f" ({Reason(reason).name.lower().replace('_', ' ')})" if reason else "")
        for status, reason in zip(done.states.status, done.states.reason, strict=True)
    ]
    money = [f"{done.ledger.cash[-1]:,.2f}", f"{done.ledger.shares[-1]:,.0f}", f"{done.equity[-1]:,.2f}"]
    return [fills, *[text.replace("-", "−") for text in money], ", ".join(ends)]


def table() -> dict[int, list[str]]:
    """Rows of the page's table by the number of their example."""
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| \d", line)
    ]
    return {int(row[0]): row[1:] for row in rows}


def section(number: int) -> str:
    """The text of one example."""
    found = re.search(rf"^### {number}\. .*?(?=^##)", PAGE.read_text("utf-8"), re.M | re.S)
    assert found, f"no example {number}"
    return found[0]


@pytest.mark.parametrize("number", range(1, 13))
def test_the_page_says_what_the_fold_does(number):
    done = said(SCENARIOS[number - 1]())
    fills = done[0].replace("-", "−")
    assert table()[number] == [fills, *done[1:]]
    text = section(number)
    for figure in (done[1], done[3], *re.findall(r"at ([\d.]+)", fills)):
        plain = figure.rstrip("0").rstrip(".") if figure.count(".") and len(figure.split(".")[1]) == 4 else figure
        assert plain in text, f"example {number} does not work out {figure}"


def test_there_are_twelve():
    assert sorted(table()) == list(range(1, 13))


def test_the_numbers_by_hand():
    """The same numbers once more, as arithmetic, independent of page and fold."""
    by_arithmetic = [
        10_000 - 100 * 50.30 * 1.001 - 1 + 100 * 50.50,
        10_000 - 100 * 50.02 - 1 + 100 * 50.10,
        10_000 - 100 * 49.90 - 1 + 100 * 50.00,
        10_000 - 100 * 50.05 - 1 + 100 * 48.00 * 0.999 - 1,
        10_000 - 100 * 50.05 - 1 + 100 * 49.00 * 0.999 - 1,
        10_000 - 50 * 50.05 - 0.50 - 32 * 50.10 * 1.001 - 0.32 + 82 * 50.20,
        10_000 - 100 * 51.00 * (1 + math.sqrt(0.02**2 * 100 / 10_000)) + 100 * 51.00,
        10_000 - 100 * 50.80 * 1.001 - 1 + 100 * 50.80,
        10_000 - 100 * 51.90 * 1.001 - 1 + 100 * 52.00,
        10_000 - 51 * 50.05 - 0.51 + 0.5 * 33.40 + 76 * 40.00 - 0.76,
        10_000 + 80 * 50.00 * 0.999 - 0.80 - 80 * 50.00 * 0.10 / 365 - 80 * 0.50 - 80 * 49.40,
        10_000 - 300 * 50.05 - 3 + 57 * 21.00 * 0.999 - 0.57 + 243 * 21.20,
    ]
    assert [float(scenario().equity[-1]) for scenario in SCENARIOS] == pytest.approx(by_arithmetic, abs=1e-9)

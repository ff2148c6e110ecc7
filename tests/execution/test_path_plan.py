"""From wanted positions to orders: pure, so every rule is one line of a table."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertow.execution.path.plan import Standing, Tick, Want, plan, signed
from undertow.tape.journal.ids import client_order_id, decision_id
from undertow.tape.journal.orders import Order, State

TICK = Tick(run="r", at=10**18, strategy="s")
DECISION = decision_id("r", 10**18, "AAA", "s")


def order(shares: float, state: State = State.ACCEPTED, filled: float = 0.0, name: str = "old-0") -> Order:
    made = Order(
        id=name, decision=name[:-2], symbol="AAA", side="buy" if shares > 0 else "sell", shares=Decimal(abs(int(shares))), state=state,
        told=Decimal(int(filled)), at=0, sequence=1,
    )  # fmt: skip
    return made


#: wanted, held, live orders -> signed shares sent, whether what works is cancelled
RULES = {
    "from nothing": (10.0, 0.0, (), 10.0, False),
    "whole shares, towards nothing": (10.9, 0.0, (), 10.0, False),
    "short, whole shares": (-10.9, 0.0, (), -10.0, False),
    "less than a share": (0.9, 0.0, (), 0.0, False),
    "there already": (10.0, 10.0, (), 0.0, False),
    "more": (15.0, 10.0, (), 5.0, False),
    "less": (4.0, 10.0, (), -6.0, False),
    "none at all": (0.0, 10.0, (), -10.0, False),
    "turned around: closes first": (-5.0, 10.0, (), -10.0, False),
    "short turned around: closes first": (5.0, -10.0, (), 10.0, False),
    "parts of shares stay": (0.0, 10.5, (), -10.0, False),
    "works towards it": (10.0, 0.0, (order(10.0),), 0.0, False),
    "half of it is filled and works on": (10.0, 4.0, (order(10.0, State.PARTLY_FILLED, 4.0),), 0.0, False),
    "works towards something else": (20.0, 0.0, (order(10.0),), 0.0, True),
    "works the other way": (-5.0, 0.0, (order(10.0),), 0.0, True),
    "the close before a turn works": (-5.0, 10.0, (order(-10.0),), 0.0, False),
    "the close before a turn is partly filled": (-5.0, 4.0, (order(-10.0, State.PARTLY_FILLED, 6.0),), 0.0, False),
    "sent, nobody knows": (20.0, 0.0, (order(10.0, State.SENT),), 0.0, False),
    "in flight": (0.0, 0.0, (order(10.0, State.IN_FLIGHT),), 0.0, False),
    "not found, and wanted no more": (0.0, 0.0, (order(10.0, State.ABSENT),), 0.0, False),
    "not found, and wanted otherwise": (5.0, 0.0, (order(10.0, State.ABSENT),), 0.0, False),
}


@pytest.mark.parametrize(("wanted", "held", "live", "sent", "cancelled"), RULES.values(), ids=RULES)
def test_the_rules(wanted: float, held: float, live: tuple[Order, ...], sent: float, cancelled: bool) -> None:
    made = plan([Want(symbol="AAA", shares=wanted)], Standing(held={"AAA": held}, live=live), TICK)
    assert sum(each.intent.shares * each.intent.side for each in made.orders) == sent
    assert bool(made.cancels) is cancelled
    assert not (made.orders and made.cancels)
    if live and not sent and not cancelled and live[0].state in (State.SENT, State.IN_FLIGHT, State.ABSENT):
        assert live[0].id in made.waits["AAA"]


def test_a_band_keeps_still_and_does_not_keep_a_position_open() -> None:
    for wanted, sent in ((12.0, 0), (8.0, 0), (13.0, 1), (7.0, 1), (0.0, 1), (-1.0, 1)):
        made = plan([Want(symbol="AAA", shares=wanted, band=2.0)], Standing(held={"AAA": 10.0}), TICK)
        assert len(made.orders) == sent, wanted
    assert plan([Want(symbol="AAA", shares=0.0, band=50.0)], Standing(held={"AAA": 10.0}), TICK).orders


def test_ids_follow_from_the_decision_and_count_its_orders() -> None:
    want = [Want(symbol="AAA", shares=10.0)]
    first = plan(want, Standing(), TICK).orders[0]
    assert (first.decision, first.intent.order_id) == (DECISION, client_order_id("r", 10**18, "AAA", "s"))
    assert plan(want, Standing(), TICK).orders[0] == first
    done = order(-4.0, State.FILLED, 4.0, f"{DECISION}-0")
    assert plan(want, Standing(of=lambda _: (done,)), TICK).orders[0].intent.order_id == f"{DECISION}-1"
    meant = order(10.0, State.INTENDED, name=f"{DECISION}-0")
    again = plan(want, Standing(of=lambda _: (meant,)), TICK).orders[0]
    assert (again.intent.order_id, again.again) == (f"{DECISION}-0", True)
    for state in (State.REJECTED, State.CANCELLED, State.EXPIRED):
        ended = order(10.0, state, name=f"{DECISION}-0")
        made = plan(want, Standing(of=lambda _, ended=ended: (ended,)), TICK)  # type: ignore[misc]
        assert (made.orders, state.value in made.waits["AAA"]) == ((), True)


def test_what_was_not_found_is_sent_again_under_its_own_id_alone() -> None:
    lost = order(10.0, State.ABSENT, name="earlier-7")
    made = plan([Want(symbol="AAA", shares=10.0)], Standing(live=(lost,)), TICK).orders
    assert [(each.intent.order_id, each.decision, each.again) for each in made] == [("earlier-7", "earlier", True)]


def test_a_bracket_s_exits_are_cancelled_before_anything_else_is_sent() -> None:
    guards = (order(-10.0, name="leg-a"), order(-10.0, name="leg-b"))
    standing = Standing(held={"AAA": 10.0}, guards=guards)
    assert plan([Want(symbol="AAA", shares=10.0)], standing, TICK).cancels == ()
    made = plan([Want(symbol="AAA", shares=0.0)], standing, TICK)
    assert (made.orders, made.cancels) == ((), ("leg-a", "leg-b"))


def test_a_broken_number_reaches_the_gate_that_halts_on_it() -> None:
    for bad in (math.nan, math.inf, -math.inf):
        shares = plan([Want(symbol="AAA", shares=bad)], Standing(), TICK).orders[0].intent.shares
        assert not math.isfinite(shares)


states = st.sampled_from([State.SENT, State.IN_FLIGHT, State.ABSENT, State.ACCEPTED, State.PARTLY_FILLED])
orders = st.builds(lambda shares, state: order(shares, state), st.integers(-30, 30).filter(bool), states)


@given(st.floats(-50, 50), st.integers(-50, 50), st.lists(orders, max_size=2), st.floats(0, 5), st.booleans())
def test_no_plan_sends_beside_another_order_or_beyond_what_is_wanted(
    wanted: float, held: int, live: list[Order], band: float, turns: bool
) -> None:
    standing = Standing(held={"AAA": float(held)}, live=tuple(live))
    made = plan([Want(symbol="AAA", shares=wanted, band=band, turns=turns)], standing, TICK)
    assert len(made.orders) <= 1
    for each in made.orders:
        move = each.intent.shares * each.intent.side
        assert each.intent.shares == int(each.intent.shares) > 0
        assert all(other.state is State.ABSENT and signed(other) == move for other in live)
        after = held + move
        assert abs(after - wanted) < abs(held - wanted)
        assert turns or held == 0 or after == 0 or (after > 0) == (held > 0)

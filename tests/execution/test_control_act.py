"""Cancel and flatten by hand: whatever is lost on the way, no position is ever turned around and nothing is asked before it is told."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.execution.fake_gateway import FakeGateway
from undertow.core.errors import BrokerError
from undertow.execution.control.act import Fact, Hands, Left, cancel_all, flatten_all
from undertow.execution.gateway.words import Order
from undertow.execution.risk.inputs import Side


def hands(told: list[Fact], request: int = 1) -> Hands:
    async def sleep(_: int) -> None:
        await asyncio.sleep(0)

    return Hands(tell=told.append, sleep=sleep, id_of=lambda symbol, number: f"ut-{symbol}-{request}-{number}")


def run(gateway: FakeGateway, what: object = flatten_all, told: list[Fact] | None = None) -> Left:
    return asyncio.run(what(gateway, hands([] if told is None else told)))  # type: ignore[operator]


def test_cancel_ends_every_order_and_nothing_else() -> None:
    gateway, told = FakeGateway(shares={"AAA": 5.0}), []
    gateway.put("one", "AAA", Side.BUY, 3.0)
    gateway.put("two", "BBB", Side.SELL, 3.0)
    gateway.cancels = ["lost", "refuse"]
    assert run(gateway, cancel_all, told) == Left(working=(), held=())
    assert (gateway.shares, gateway.submits) == ({"AAA": 5.0}, 0)
    assert [(fact.kind, fact.order) for fact in told][:2] == [("request", "one"), ("response", "one")]
    gateway.put("three", "AAA", Side.BUY, 3.0)
    gateway.cancels = ["refuse"] * 99
    left = run(gateway, cancel_all)
    assert left.working == ("three",)
    assert left.said == ("three: rejected, not cancelable",)


def test_flatten_closes_everything_once() -> None:
    gateway, told = FakeGateway(shares={"AAA": 5.0, "BBB": -2.5}), []
    gateway.put("bracket", "AAA", Side.SELL, 5.0)
    assert run(gateway, told=told) == Left(working=(), held=())
    assert gateway.shares == {"AAA": 0.0, "BBB": 0.0}
    assert [fact.kind for fact in told if fact.order == "ut-AAA-1-0"] == ["intent", "request", "response"]
    assert run(gateway) == Left(working=(), held=())
    assert gateway.submits == 2


def test_an_order_that_will_not_end_keeps_its_position_as_it_is() -> None:
    gateway = FakeGateway(shares={"AAA": 5.0, "BBB": 1.0})
    gateway.put("stubborn", "AAA", Side.SELL, 5.0)
    gateway.cancels = ["refuse"] * 99
    left = run(gateway)
    assert (left.held, left.working) == ((("AAA", 5.0),), ("stubborn",))
    assert "AAA is not closed: order stubborn still works" in left.said


def test_a_second_flatten_goes_on_where_a_part_was_left() -> None:
    gateway = FakeGateway(shares={"AAA": 8.0}, plan=["part"])
    assert run(gateway).held == (("AAA", 4.0),)
    assert run(gateway) == Left(working=(), held=())
    assert list(gateway.orders) == ["ut-AAA-1-0", "ut-AAA-1-1"]


def test_a_lost_answer_is_looked_up_and_never_sent_again_on_a_guess() -> None:
    gateway, told = FakeGateway(shares={"AAA": 8.0}, plan=["lost"]), []
    assert run(gateway, told=told) == Left(working=(), held=())
    assert told[-1] == Fact("state", "ut-AAA-1-0", {"order": "ut-AAA-1-0", "says": "filled", "filled": 8.0})
    gateway = FakeGateway(shares={"AAA": 8.0}, plan=["drop"])
    left = run(gateway, told=told)
    assert (left.held, gateway.submits) == ((("AAA", 8.0),), 1)
    assert told[-1].body["says"] == "absent"


def test_a_broker_that_does_not_answer_is_asked_again_and_then_named() -> None:
    gateway = FakeGateway(shares={"AAA": 8.0}, mute=3)
    assert run(gateway) == Left(working=(), held=())
    with pytest.raises(BrokerError):
        run(FakeGateway(mute=10**6))


fates = st.lists(st.sampled_from(["fill", "part", "work", "lost", "drop", "reject"]), max_size=8)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(st.sampled_from(["AAA", "BBB"]), st.sampled_from([-9.0, -1.0, 4.0, 8.0])), fates, st.integers(1, 3), st.booleans())
def test_two_who_flatten_at_once_never_turn_a_position_around(shares: dict[str, float], plan: list[str], times: int, works: bool) -> None:
    gateway, told = FakeGateway(shares=dict(shares), plan=plan), []
    if works:
        gateway.put("own", "AAA", Side.SELL, 4.0)
    real = gateway.submit

    async def submit(order: Order) -> object:
        assert told[-1] == Fact("request", order.id, {"order": order.id, "does": "submit"}) or ("request", order.id) in [
            x[:2] for x in told
        ]
        answer = await real(order)
        await asyncio.sleep(0)
        for symbol, before in shares.items():
            assert gateway.shares[symbol] * before >= 0.0 and abs(gateway.shares[symbol]) <= abs(before)  # noqa: PT018
        return answer

    gateway.submit = submit  # type: ignore[assignment]

    async def both() -> None:
        await asyncio.gather(*(flatten_all(gateway, hands(told)) for _ in range(2)))

    for _ in range(times):
        asyncio.run(both())

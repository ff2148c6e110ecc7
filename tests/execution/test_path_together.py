"""What is kept back for the next append: folded at once, on the disk before anything is asked, and no loss where a crash takes it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.execution.faulty import BASIS, Broker, Crash, Hands, House, quick_folder, world
from undertow.core.errors import LawBroken, StoreError
from undertow.core.time import MINUTE
from undertow.execution.gateway.words import Answer, Order
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.words import Outcome, Planned
from undertow.tape.journal.entry import Draft, Kind


@pytest.fixture
def house() -> Iterator[House]:
    with quick_folder() as folder:
        made = House(folder / "journal.sqlite", Broker(Hands(), price={"AAA": 50.0, "BBB": 20.0}))
        asyncio.run(made.path.start(["AAA", "BBB"]))
        yield made
        made.journal.close()


def planned(house: House, symbol: str = "AAA") -> Planned:
    house.broker.clock.at += MINUTE
    tick = Tick(run="r", at=house.broker.clock.now(), strategy="s")
    return next(one for one in plan([Want(symbol=symbol, shares=10.0)], house.book.standing(), tick).orders)


def send(house: House, one: Planned, *, more: bool = False) -> Outcome:
    return asyncio.run(house.path.send(one, world(house.broker), BASIS, more=more))


def note(house: House, name: str) -> Draft:
    return Draft(at=house.broker.clock.now(), kind=Kind.NOTE, id=name)


def ids(house: House) -> list[str]:
    return [entry.id for entry in house.journal.entries() if entry.id in ("one", "two", "three")]


def kinds(house: House) -> list[str]:
    return [entry.kind.value for entry in house.journal.entries() if entry.kind is not Kind.NOTE]


def test_what_is_kept_back_goes_with_the_next_write_in_its_order(house: House) -> None:
    with house.book.together():
        house.book.write(note(house, "one"))
        with house.book.together():
            house.book.write(note(house, "two"))
        assert ids(house) == []
    house.book.write(note(house, "three"))
    assert ids(house) == ["one", "two", "three"]
    assert house.journal.verify().fault is None


def test_an_answer_that_is_kept_back_is_on_the_disk_before_the_next_order_goes_out(house: House) -> None:
    first = send(house, planned(house), more=True)
    assert first.state == "accepted"
    assert "response" not in kinds(house)
    found: list[list[str]] = []

    def look(order: Order) -> Answer:
        found.append(kinds(house))
        return house.broker.accept(order)

    house.gateway.on_submit = look
    send(house, planned(house, "BBB"))
    asked = ["inputs", "signal", "verdict", "intent", "request"]
    assert found == [[*asked, "response", *asked]]
    assert kinds(house)[-1] == "response"


def test_a_crash_with_an_answer_kept_back_is_a_lost_answer(house: House) -> None:
    first = send(house, planned(house), more=True)
    house.restart()
    assert house.book.orders.by_id[first.order].state == "sent"
    asyncio.run(house.path.start(["AAA", "BBB"]))
    assert house.book.orders.by_id[first.order].state == "accepted"
    assert len(house.broker.orders) == 1


def test_where_the_disk_refuses_nothing_goes_out_and_all_is_halted(house: House) -> None:
    with house.book.together():
        house.book.write(note(house, "one"))
    house.journal.at_kind, house.journal.error = Kind.INTENT, StoreError("full.")
    with pytest.raises(StoreError):
        send(house, planned(house))
    assert house.gateway.sent == []
    assert house.path.desk.state.mode == "halted"
    assert ids(house) == []


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_at_the_append_of_a_decision_sends_nothing(house: House, after: bool) -> None:
    house.journal.at_kind, house.journal.after = Kind.REQUEST, after
    one = planned(house)
    with pytest.raises(Crash):
        send(house, one)
    assert house.gateway.sent == []
    house.restart()
    assert (one.intent.order_id in house.book.orders.by_id) is after


def test_an_intent_and_its_request_are_looked_at_as_one(house: House) -> None:
    one = planned(house)
    first = send(house, one)
    body = {"order": "other", "symbol": "AAA", "side": "buy", "shares": 1.0}
    intent = Draft(at=1, kind=Kind.INTENT, id=one.decision, body=body)
    request = Draft(at=1, kind=Kind.REQUEST, id=one.decision, body={"order": "other"})
    with pytest.raises(LawBroken, match=f"while order {first.order} of the same decision may be live"):
        house.book.orders.check(intent, request)
    assert "other" not in house.book.orders.by_id

"""What is kept back for the next append: folded at once, on the disk before anything is asked, and no loss where a crash takes it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.execution.faulty import BASIS, Broker, Crash, Hands, House, quick_folder, world
from undertow.core.errors import LawBroken, StoreError
from undertow.core.time import MINUTE
from undertow.execution.gateway.words import Answer, Order, Says
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.words import Outcome, Planned
from undertow.tape.journal.entry import Draft, Entry, Kind


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


def send(house: House, *several: Planned) -> tuple[Outcome, ...]:
    bases = {one.decision: BASIS for one in several}
    return asyncio.run(house.path.send_all(several, world(house.broker), bases))


def note(house: House, name: str) -> Draft:
    return Draft(at=house.broker.clock.now(), kind=Kind.NOTE, id=name)


def ids(house: House) -> list[str]:
    return [entry.id for entry in house.journal.entries() if entry.id in ("one", "two", "three")]


def counted(house: House) -> list[int]:
    """How many entries each append has from now on."""
    plain, found = house.journal.append, list[int]()

    def append(*drafts: Draft) -> tuple[Entry, ...]:
        if drafts:
            found.append(len(drafts))
        return plain(*drafts)

    house.journal.append = append  # type: ignore[method-assign, assignment]
    return found


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


def test_all_orders_are_on_the_disk_before_the_first_goes_out_and_in_one_append(house: House) -> None:
    several, found = (planned(house), planned(house, "BBB")), list[list[str]]()
    appends = counted(house)

    def look(order: Order) -> Answer:
        found.append(kinds(house))
        return house.broker.accept(order)

    house.gateway.on_submit = look
    send(house, *several)
    asked = [*["inputs", "signal", "verdict", "intent"] * 2, "request", "request"]
    assert found == [asked]
    assert kinds(house) == [*asked, "response", "response"]
    assert appends == [len(asked) + 1, 2]  # the gate's state once
    assert house.journal.verify().fault is None


def test_the_second_order_is_judged_with_the_first_at_work(house: House) -> None:
    """Each alone is within the limit, both are not: one goes out."""
    house.limits = replace(house.limits, gross=600.0 / 1e6)
    house.restart()
    asyncio.run(house.path.start(["AAA", "BBB"]))
    first, second = send(house, planned(house), planned(house, "BBB"))  # 500 USD, 200 USD
    assert (first.sent, second.sent, second.code) == (True, False, "gross")
    assert house.gateway.sent == [first.order]
    assert list(house.book.live) == [first.order]


def test_a_number_that_cannot_be_halts_the_orders_after_it(house: House) -> None:
    one, other = planned(house), planned(house, "BBB")
    first, second = send(house, replace(one, intent=replace(one.intent, shares=math.nan)), other)
    assert (first.sent, second.sent) == (False, False)
    assert (first.code, second.code) == ("not_a_number", "halted")
    assert house.gateway.sent == []
    house.restart()
    assert house.path.desk.state.mode == "halted"


def test_a_number_that_cannot_be_halts_the_orders_before_it_too(house: House) -> None:
    one, other = planned(house), planned(house, "BBB")
    first, second = send(house, one, replace(other, intent=replace(other.intent, shares=math.nan)))
    assert (first.code, second.code) == ("halted", "not_a_number")
    assert house.gateway.sent == []
    assert "request" not in kinds(house)
    assert house.book.state.ids == ()


def test_an_order_that_may_not_be_sent_keeps_all_from_going_out(house: House) -> None:
    (first,) = send(house, planned(house, "BBB"))
    one, other = planned(house), house.book.planned[first.order]
    before, state = kinds(house), house.path.desk.state
    twice = replace(other, intent=replace(other.intent, order_id=f"{other.decision}-1"))
    with pytest.raises(LawBroken, match="of the same decision may be live"):
        send(house, one, twice)
    assert house.gateway.sent == [first.order]
    assert kinds(house) == before
    assert house.path.desk.state == state
    assert one.intent.order_id not in house.book.orders.by_id


def test_a_second_order_in_a_symbol_waits_for_the_first(house: House) -> None:
    one, other = planned(house), planned(house)
    first, second = send(house, one, other)
    assert (first.sent, second.sent, second.code) == (True, False, "order_unknown")
    assert house.gateway.sent == [first.order]
    assert house.broker.crowd == []


def test_a_disk_that_refuses_a_batch_leaves_none_of_it_in_memory(house: House) -> None:
    house.journal.at_kind, house.journal.error = Kind.REQUEST, StoreError("full.")
    several = planned(house), planned(house, "BBB")
    with pytest.raises(StoreError):
        send(house, *several)
    assert house.gateway.sent == []
    assert house.book.live == {}
    assert [one.code for one in send(house, *several)] == ["no_journal"] * 2
    house.restart()
    assert house.journal.verify().fault is None
    assert house.book.orders.by_id == {}


def test_a_lost_answer_keeps_nobody_waiting_and_is_looked_up(house: House) -> None:
    one, other = planned(house), planned(house, "BBB")
    asked_at: list[int] = []

    def lost(order: Order) -> Answer:
        asked_at.append(house.broker.clock.now())
        house.gateway.on_submit = taken
        house.broker.accept(order)
        return Answer(says=Says.UNKNOWN, why="504")

    def taken(order: Order) -> Answer:
        asked_at.append(house.broker.clock.now())
        return house.broker.accept(order)

    house.gateway.on_submit = lost
    first, second = send(house, one, other)
    assert asked_at[0] == asked_at[1]
    assert (first.state, second.state) == ("accepted", "accepted")
    assert house.gateway.sent == [one.intent.order_id, other.intent.order_id]


def test_an_error_at_one_order_loses_no_answer_of_the_others(house: House) -> None:
    one, other = planned(house), planned(house, "BBB")

    def full(order: Order) -> Answer:
        raise StoreError("the broker's own disk is full.")

    house.gateway.on_submit = full
    with pytest.raises(StoreError, match="own disk"):
        send(house, one, other)
    assert [house.book.orders.by_id[name.intent.order_id].state for name in (one, other)] == ["sent", "accepted"]
    house.restart()
    assert [house.book.orders.by_id[name.intent.order_id].state for name in (one, other)] == ["sent", "accepted"]
    asyncio.run(house.path.start(["AAA", "BBB"]))
    assert house.book.orders.by_id[one.intent.order_id].state == "absent"


@pytest.mark.parametrize("sent", [0, 1, 2])
def test_a_crash_between_the_append_and_the_answers_asks_for_none_twice(house: House, sent: int) -> None:
    """Written down and sent, some or none of them; at the next start each is looked up first, and what never arrived goes out once."""
    several = planned(house), planned(house, "BBB")
    plain = house.gateway.submit

    async def dying(order: Order) -> Answer:
        if len(house.gateway.sent) >= sent:
            raise Crash
        return await plain(order)

    house.gateway.submit = dying  # type: ignore[method-assign]
    house.journal.at_kind = Kind.RESPONSE  # what the two were answered is not written down either
    with pytest.raises(Crash):
        send(house, *several)
    house.gateway.submit = plain  # type: ignore[method-assign]
    house.restart()
    names = [one.intent.order_id for one in several]
    assert [house.book.orders.by_id[name].state for name in names] == ["sent", "sent"]
    refused = send(house, *(replace(one, again=True) for one in several))
    assert [one.sent for one in refused] == [False, False]
    asyncio.run(house.path.start(["AAA", "BBB"]))
    assert [house.book.orders.by_id[name].state for name in names] == ["accepted"] * sent + ["absent"] * (2 - sent)
    again = tuple(replace(one, again=True) for one in several[sent:])
    assert all(one.state == "accepted" for one in send(house, *again))
    assert sorted(house.broker.orders) == sorted(names)
    assert len(house.gateway.sent) == 2
    house.book.orders.sound()


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
    (first,) = send(house, one)
    body = {"order": "other", "symbol": "AAA", "side": "buy", "shares": 1.0}
    intent = Draft(at=1, kind=Kind.INTENT, id=one.decision, body=body)
    request = Draft(at=1, kind=Kind.REQUEST, id=one.decision, body={"order": "other"})
    with pytest.raises(LawBroken, match=f"while order {first.order} of the same decision may be live"):
        house.book.orders.check(intent, request)
    assert "other" not in house.book.orders.by_id

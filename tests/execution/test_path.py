"""The order path at work: the order of what is written down, what is refused, what stops it, what a person does."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.execution.faulty import BASIS, BEGIN, WIDE, Broker, Crash, Hands, House, quick_folder, world
from undertow.core.errors import BadInput, BrokerError, StoreError
from undertow.core.time import DAY, MINUTE
from undertow.execution.gateway.words import OPEN, Answer, Asset, Execution, Hours, Lasts, Money, Order, Says, Seen, Stands, Update
from undertow.execution.path.book import Book
from undertow.execution.path.check import account_problem
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.reconcile import Differs, phrase_of
from undertow.execution.path.words import Outcome, Planned
from undertow.execution.risk.inputs import Item, Side
from undertow.execution.risk.state import Mode, phrase_for
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.journal import Journal


@pytest.fixture
def house() -> Iterator[House]:
    with quick_folder() as folder:
        made = House(folder / "journal.sqlite", Broker(Hands(), price={"AAA": 50.0, "BBB": 20.0}))
        yield made
        made.journal.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def started(house: House) -> House:
    run(house.path.start(["AAA", "BBB"]))
    return house


def planned(house: House, shares: float, symbol: str = "AAA") -> Planned:
    house.broker.clock.at += MINUTE
    tick = Tick(run="r", at=house.broker.clock.now(), strategy="s")
    return plan([Want(symbol=symbol, shares=shares)], house.book.standing(), tick).orders[0]


def sent(house: House, shares: float, symbol: str = "AAA") -> Outcome:
    outcome: Outcome = run(house.path.send(planned(house, shares, symbol), world(house.broker), BASIS))
    return outcome


def kinds(house: House) -> list[str]:
    return [entry.kind.value for entry in house.journal.entries()]


def test_everything_is_written_down_before_it_happens(house: House) -> None:
    seen_by_submit: list[list[str]] = []

    def look(order: Order) -> Answer:
        seen_by_submit.append(kinds(house))
        return house.broker.accept(order)

    started(house).gateway.on_submit = look
    outcome = sent(house, 10.0)
    assert (outcome.sent, outcome.state, outcome.code) == (True, "accepted", "accepted")
    assert seen_by_submit == [["inputs", "signal", "verdict", "intent", "note", "request"]]
    house.broker.fill(outcome.order, 10.0)
    house.drain(twice=True)
    assert kinds(house)[6:] == ["response", "state", "fill"]
    assert len({entry.id for entry in house.journal.entries() if entry.kind is not Kind.NOTE}) == 1
    assert house.book.positions() == {"AAA": 10.0}
    assert house.book.state.ids == (outcome.order,)


def test_a_refused_order_is_written_down_and_not_sent(house: House) -> None:
    for want, code in ((math.nan, "not_a_number"), (10.0, "halted")):
        outcome = sent(started(house), want)
        assert (outcome.sent, outcome.code, outcome.state) == (False, code, "")
    assert house.gateway.sent == []
    assert "verdict" in kinds(house)
    assert "intent" not in kinds(house)
    house.restart()
    assert house.path.desk.state.mode is Mode.HALTED
    house.path.desk.rearm("Ada", phrase_for(house.path.desk.state))
    assert sent(started(house), 10.0).sent


def test_orders_are_counted_and_the_count_survives_a_restart(house: House) -> None:
    house.limits = replace(WIDE, orders_per_day=2)
    house.restart()
    for shares, symbol in ((10.0, "AAA"), (5.0, "BBB")):
        house.broker.fill(sent(started(house), shares, symbol).order, 100.0)
        house.drain()
    for _ in range(2):
        assert sent(started(house), 20.0).code == "orders_per_day"
        house.restart()
    assert sent(started(house), 0.0).sent, "an exit passes"


def test_what_works_and_what_is_held_count_against_the_limits(house: House) -> None:
    house.limits = replace(WIDE, gross=0.001)  # 1,000 USD
    house.restart()
    working = sent(started(house), 18.0)
    assert sent(house, 10.0, "BBB").code == "gross"
    house.broker.fill(working.order, 100.0)
    house.drain()
    assert sent(house, 10.0, "BBB").code == "gross"
    assert sent(house, 4.0, "BBB").sent


def test_a_look_up_that_comes_late_says_nothing_of_a_newer_request(house: House) -> None:
    async def race() -> None:
        house.gateway.on_submit = lambda order: Answer(says=Says.UNKNOWN, why="504")
        lost = await house.path.send(planned(house, 10.0), world(house.broker), BASIS)
        assert lost.state == "absent"
        waits, find = asyncio.Event(), house.gateway.find
        house.gateway.on_submit = lambda order: Answer(says=Says.UNKNOWN, why="504")
        house.gateway.deaf = 6
        again = await house.path.send(planned(house, 10.0), world(house.broker), BASIS)
        assert again.state == "in flight"

        async def slow(name: str) -> None:
            await waits.wait()

        house.gateway.find = slow  # type: ignore[assignment]
        first = asyncio.create_task(house.path.settle())
        await asyncio.sleep(0)
        house.gateway.find = find  # type: ignore[method-assign]
        await house.path.settle()
        assert house.book.orders.by_id[lost.order].state == "absent"
        house.broker.clock.at += MINUTE
        asked = {"order": lost.order, "does": "submit"}
        house.book.write(Draft(at=house.broker.clock.at, kind=Kind.REQUEST, id=planned(house, 10.0).decision, body=asked))
        waits.set()
        house.gateway.find = slow  # type: ignore[assignment]
        await first
        assert house.book.orders.by_id[lost.order].state == "sent"

    run(house.path.start(["AAA", "BBB"]))
    run(race())


def test_a_rejection_ends_the_order(house: House) -> None:
    house.broker.refuse = "insufficient buying power"
    outcome = sent(started(house), 10.0)
    assert (outcome.code, outcome.state, outcome.sentence) == ("rejected", "rejected", "insufficient buying power")
    assert house.book.working() == ()


def test_nothing_is_sent_before_broker_and_journal_were_compared(house: House) -> None:
    assert sent(house, 10.0).code == "not_compared"
    assert house.gateway.sent == []


def test_an_order_whose_answer_was_lost_blocks_its_symbol_until_it_is_known(house: House) -> None:
    started(house)
    house.gateway.on_submit = lambda order: Answer(says=Says.UNKNOWN, why="504")
    house.gateway.deaf = 6
    lost = sent(house, 10.0)
    assert lost.state == "in flight"
    tick = Tick(run="r", at=house.broker.clock.now() + 1, strategy="s")
    assert plan([Want(symbol="AAA", shares=4.0)], house.book.standing(), tick).orders == ()
    other = replace(planned(house, 5.0, "BBB").intent, symbol="AAA")
    outcome = run(house.path.send(Planned(decision=other.order_id[:-2], intent=other), world(house.broker), BASIS))
    assert (outcome.code, outcome.sent) == ("order_unknown", False)
    assert sent(house, 5.0, "BBB").sent, "another symbol is not blocked"
    run(house.path.settle())
    again = planned(house, 10.0)
    assert (again.intent.order_id, again.again) == (lost.order, True)
    assert run(house.path.send(again, world(house.broker), BASIS)).state == "accepted"
    assert house.gateway.sent.count(lost.order) == 2
    assert len(house.broker.orders) == 2


def test_what_was_never_found_is_given_up_and_cancelled_if_it_comes_all_the_same(house: House) -> None:
    started(house)
    late = house.broker.clock.now() + 8 * MINUTE

    def slow(order: Order) -> Answer:
        house.broker.late.append((late, order))
        return Answer(says=Says.UNKNOWN, why="504")

    house.gateway.on_submit = slow
    lost = sent(house, 10.0)
    assert lost.state == "absent"
    house.broker.clock.at += 6 * MINUTE
    run(house.path.settle())
    assert house.book.orders.by_id[lost.order].state == "expired"
    house.broker.clock.at = late
    assert run(house.path.reconcile()).equal
    assert house.broker.orders[lost.order].stands is Stands.CANCELLED


def test_a_full_disk_sends_nothing_more_and_cancels_all_the_same(house: House) -> None:
    working = sent(started(house), 10.0)
    house.journal.error = StoreError("the disk is full.")
    house.journal.at_kind = Kind.REQUEST
    with pytest.raises(StoreError, match="disk is full"):
        sent(house, 5.0, "BBB")
    assert house.path.desk.state.mode is Mode.HALTED
    assert "disk is full" in house.path.desk.state.why
    outcome = run(house.path.send(planned(house, 4.0, "BBB"), world(house.broker), BASIS))
    assert (outcome.code, outcome.sent) == ("no_journal", False)
    assert "disk is full" in outcome.sentence
    assert house.gateway.sent == [working.order]
    assert run(house.path.cancel_all()).answers[working.order].says is Says.ACCEPTED
    assert house.broker.orders[working.order].stands is Stands.CANCELLED
    house.restart()
    assert house.journal.verify().fault is None
    assert run(house.path.start(["AAA", "BBB"])).equal


def test_a_disk_that_fills_up_after_the_order_went_out_is_settled_by_the_next_start(house: House) -> None:
    started(house)
    house.journal.error, house.journal.at_kind = StoreError("the disk is full."), Kind.RESPONSE
    with pytest.raises(StoreError):
        sent(house, 10.0)
    house.restart()
    assert run(house.path.start(["AAA", "BBB"])).equal
    assert [order.state for order in house.book.orders.by_id.values()] == ["accepted"]


def test_positions_that_nobody_knows_of_are_adopted_by_a_person_alone(house: House) -> None:
    house.broker.positions = {"AAA": 10.0, "BBB": -3.0}
    found = run(house.path.start(["AAA", "BBB"]))
    assert not found.equal
    assert "The broker holds 10 AAA, the journal says 0." in found.sentence
    assert sent(house, 30.0).code == "not_equal"
    desk = house.path.desk
    for who, phrase in (("Ada", "yes"), (" ", phrase_of(found))):
        with pytest.raises(BadInput, match="AAA 10, BBB -3"):
            desk.adopt(who, phrase)
    desk.adopt("Ada", phrase_of(found))
    assert sent(house, 30.0).code == "not_compared"
    assert run(house.path.reconcile()).equal
    assert (sent(house, 12.0).sent, house.book.positions()) == (True, {"AAA": 10.0, "BBB": -3.0})
    house.restart()
    assert house.book.positions() == {"AAA": 10.0, "BBB": -3.0}
    with pytest.raises(BadInput, match="nothing to adopt"):
        run(house.path.start()), house.path.desk.adopt("Ada", "")


def test_unequal_positions_stop_entries_and_let_sure_exits_pass(house: House) -> None:
    bought = sent(started(house), 10.0)
    house.broker.fill(bought.order, 10.0)
    house.drain()
    house.broker.positions["AAA"] = 6.0  # somebody sold 4 elsewhere
    assert [each.kind for each in run(house.path.reconcile()).differences] == [Differs.POSITION]
    assert sent(house, 5.0, "BBB").code == "not_equal"
    assert sent(house, 0.0).code == "not_equal", "selling 10 would open a short"
    assert sent(house, 4.0).sent, "selling 6 closes by both counts"


def test_orders_of_others_are_told_of_and_never_touched(house: House) -> None:
    house.broker.accept(Order(id="by-hand", symbol="BBB", side=Side.BUY, shares=7.0))
    found = run(house.path.start(["AAA", "BBB"]))
    assert [each.kind for each in found.differences] == [Differs.UNKNOWN_ORDER]
    assert "by-hand (buy 7 BBB) works at the broker and is not of this journal" in found.sentence
    assert sent(house, 10.0).code == "not_equal"
    with pytest.raises(BadInput, match="does not end this"):
        house.path.desk.adopt("Ada", phrase_of(run(house.path.reconcile())))
    done = run(house.path.cancel_all())
    assert "Left alone" in done.sentence
    assert house.broker.orders["by-hand"].stands in OPEN
    assert "by-hand" not in house.book.orders.by_id


def test_an_order_that_vanished_is_told_of_and_ended_by_a_person(house: House) -> None:
    lost = sent(started(house), 10.0)
    del house.broker.orders[lost.order]
    found = run(house.path.reconcile())
    assert [each.kind for each in found.differences] == [Differs.MISSING_ORDER]
    house.path.desk.adopt("Ada", phrase_of(found))
    assert run(house.path.reconcile()).equal
    assert house.book.working() == ()


def test_a_contradiction_stops_entries_until_a_person_has_looked(house: House) -> None:
    bought = sent(started(house), 10.0)
    house.broker.fill(bought.order, 10.0)
    house.drain()
    extra = Execution(id="x9", order=bought.order, broker_id="b0", symbol="AAA", side=Side.BUY, shares=5.0, price=50.0, at=BEGIN)
    seen = house.broker.orders[bought.order]
    house.path.heard(Update(order=seen, execution=extra))
    assert sent(house, 5.0, "BBB").code == "not_equal"
    found = run(house.path.reconcile())
    assert {each.kind for each in found.differences} == {Differs.JOURNAL, Differs.POSITION}
    other = replace(extra, id="x10", shares=1.0)
    house.path.heard(Update(order=seen, execution=other))
    with pytest.raises(BadInput, match="compare again"):
        house.path.desk.adopt("Ada", phrase_of(found))
    house.path.desk.adopt("Ada", phrase_of(run(house.path.reconcile())))
    assert run(house.path.reconcile()).equal
    assert sent(house, 5.0, "BBB").sent


def test_a_fill_with_a_broken_number_is_not_taken(house: House) -> None:
    bought = sent(started(house), 10.0)
    bad = Execution(id="x", order=bought.order, broker_id="b0", symbol="AAA", side=Side.BUY, shares=math.nan, price=1.0, at=BEGIN)
    with pytest.raises(BrokerError, match="cannot be"):
        house.path.heard(Update(order=house.broker.orders[bought.order], execution=bad))
    assert house.book.positions() == {}


def test_fills_without_the_client_s_id_are_told_by_the_broker_s(house: House) -> None:
    bought = sent(started(house), 10.0)
    house.broker.fill(bought.order, 10.0)
    house.broker.stream.clear()
    house.broker.executions = [replace(each, order="") for each in house.broker.executions]
    assert run(house.path.reconcile()).equal
    assert house.book.orders.by_id[bought.order].executions
    assert house.book.positions() == {"AAA": 10.0}


def test_flatten_halts_cancels_and_closes_what_the_broker_holds(house: House) -> None:
    for shares, symbol in ((10.0, "AAA"), (-4.0, "BBB")):
        house.broker.fill(sent(started(house), shares, symbol).order, 100.0)
        house.drain()
    working = sent(house, 15.0)
    out = run(house.path.flatten(world(house.broker), "stop", "a person asked for it"))
    assert [(each.sent, each.state) for each in out] == [(True, "accepted")] * 2
    assert house.broker.orders[working.order].stands is Stands.CANCELLED
    for each in out:
        house.broker.fill(each.order, 100.0)
    house.drain()
    assert house.book.positions() == {}
    assert house.path.desk.state.mode is Mode.HALTED
    assert sent(house, 5.0).code == "halted"
    assert run(house.path.flatten(world(house.broker), "stop", "again")) == ()


def test_a_limit_on_losses_names_what_is_to_be_cancelled(house: House) -> None:
    working = sent(started(house), 10.0)
    calm, lost = world(house.broker), world(house.broker, 1e6)
    lost = replace(lost, account=replace(lost.account, equity=0.97e6))
    assert house.path.desk.watch(calm) == ()
    assert house.path.desk.watch(lost) == (working.order,)
    house.restart()
    assert house.path.desk.state.mode is Mode.HALTED


def bracket(house: House) -> tuple[Outcome, Seen]:
    outcome = sent(started(house), 10.0)
    house.broker.fill(outcome.order, 10.0)
    entry = house.broker.orders[outcome.order]
    legs = [
        replace(entry, id=name, broker_id=f"l{name}", side=Side.SELL, filled=0.0, price=None, stands=Stands.ACCEPTED, parent="b0")
        for name in ("legA", "legB")
    ]
    house.broker.orders |= {leg.id: leg for leg in legs}
    house.drain()
    return outcome, legs[0]


def test_a_bracket_s_exits_are_ours_and_count_once(house: House) -> None:
    bracket(house)
    assert run(house.path.reconcile()).equal
    assert set(house.book.live) == {"legA", "legB"}
    assert [each.left for each in house.book.working()] == [10.0]
    house.restart()
    assert set(house.book.live) == {"legA", "legB"}
    house.broker.fill("legA", 10.0)
    house.broker.end("llegB")
    house.drain()
    assert run(house.path.start()).equal
    assert (house.book.positions(), house.book.live) == ({}, {})


def test_what_the_broker_would_refuse_is_said_in_one_sentence(house: House) -> None:
    desk = started(house).path.desk
    desk.assets |= {"BBB": None}
    assert "does not know BBB" in sent(house, 5.0, "BBB").sentence
    shut = Asset(symbol="BBB", tradable=False, fractional=False, shortable=False, easy_to_borrow=False)
    desk.assets |= {"BBB": shut}
    assert sent(house, 5.0, "BBB").sentence == "BBB cannot be traded at this broker now."
    half = replace(planned(house, 5.0), intent=replace(planned(house, 5.0).intent, shares=0.5))
    outcome = run(house.path.send(half, world(house.broker), BASIS))
    assert (outcome.code, "only whole shares" in outcome.sentence) == ("fractional", True)
    del desk.assets["BBB"]
    assert "was not asked about BBB" in sent(house, 5.0, "BBB").sentence
    now = house.broker.clock.now()
    desk.hours = Hours(now=now, open=False, next_open=now + DAY, next_close=now + 2 * DAY)
    outcome = sent(house, 5.0)
    assert (outcome.code, outcome.sentence.startswith("The market is closed until 20")) == ("closed", True)
    opening = replace(planned(house, 5.0), lasts=Lasts.OPG)
    assert run(house.path.send(opening, world(house.broker), BASIS)).sent
    assert house.gateway.sent == [opening.intent.order_id]


def test_an_account_is_the_one_that_was_typed() -> None:
    money = Money(
        number="PA1", cash=0.0, equity=0.0, last_equity=0.0, buying_power=0.0, option_buying_power=0.0, day_trades=0, may_short=False
    )
    assert account_problem(money, "PA1") == ""
    assert "another account than 'PA2'" in account_problem(money, "PA2")
    assert "trading blocked" in account_problem(replace(money, blocked="trading blocked"), "PA1")


def test_simulated_data_never_place_a_real_order(house: House) -> None:
    started(house).path.desk.real = True
    outcome = run(house.path.send(planned(house, 5.0), world(house.broker), replace(BASIS, simulated=True)))
    assert (outcome.code, house.gateway.sent) == ("simulated", [])


def test_an_option_is_known_again_after_a_restart(house: House) -> None:
    call = "AAA261218C00100000"
    house.broker.price[call] = 1.0
    started(house)
    tick = Tick(run="r", at=house.broker.clock.now(), strategy="s")
    want = Want(symbol=call, shares=2.0, item=Item.OPTION, multiplier=100.0, underlying="AAA")
    market = world(house.broker)
    outcome = run(house.path.send(plan([want], house.book.standing(), tick).orders[0], market, BASIS))
    house.broker.fill(outcome.order, 2.0)
    house.restart()
    started(house)
    position = house.path.desk.world(market).positions[0]
    assert (position.shares, position.multiplier, position.item, position.name) == (2.0, 100.0, Item.OPTION, "AAA")


def test_an_interrupted_append_is_not_trusted(house: House) -> None:
    started(house)
    house.journal.at_kind, house.journal.after = Kind.INTENT, True
    with pytest.raises(Crash):
        sent(house, 5.0)
    assert sent(house, 5.0).code == "no_journal"
    assert house.gateway.sent == []


def test_following_the_stream_ends_where_it_is_lost(house: House, tmp_path: Path) -> None:
    bought = sent(started(house), 10.0)
    house.broker.fill(bought.order, 4.0)
    told: list[Update] = []
    with pytest.raises(BrokerError):
        run(house.path.follow(told.append))
    assert len(told) == 2
    assert house.book.positions() == {"AAA": 4.0}
    assert "stream of updates was lost" in sent(house, 5.0, "BBB").sentence
    assert run(house.path.cancel([bought.order])).answers[bought.order].says is Says.ACCEPTED
    assert sent(house, 0.0).sent, "an exit passes"
    run(house.path.start())
    assert sent(house, 5.0, "BBB").sent


def test_an_order_that_a_command_placed_while_the_loop_hung_is_read(tmp_path: Path) -> None:
    """It is written aside with what an intent must say and no more; the loop that takes it in must be able to go on."""
    with Journal.to_write(tmp_path / "journal.sqlite") as journal:
        body = {"order": "ut-AAPL-x-0", "symbol": "AAPL", "side": "sell", "shares": 5.0}
        journal.append(Draft(at=1, kind=Kind.INTENT, id="ut-AAPL-x", body=body))
        book = Book(journal)
    assert book.working() == ()  # it was meant, and nothing says that it was sent
    assert book.planned["ut-AAPL-x-0"].order().shares == 5.0

"""Orders rebuilt from the journal alone: every fault of the wire and every crash ends in a state from which nothing is sent twice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertow.core.errors import BadData, BadInput, LawBroken
from undertow.tape.journal.entry import FIRST, Draft, Entry, Kind, chained
from undertow.tape.journal.ids import client_order_id, decision_id
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.orders import DONE, LIVE, UNKNOWN, Order, Orders, State

WHO = ("run", 0, "AAPL", "flow")
DECISION, ORDER, NEXT = decision_id(*WHO), client_order_id(*WHO, 0), client_order_id(*WHO, 1)


def told(kind: Kind, order: str = ORDER, **body: object) -> Draft:
    return Draft(at=0, kind=kind, id=DECISION, body={"order": order, **body})


def intent(order: str = ORDER) -> Draft:
    return told(Kind.INTENT, order, symbol="AAPL", side="buy", shares=100)


def fill(execution: str, shares: object, price: object = "10.25", order: str = ORDER) -> Draft:
    return told(Kind.FILL, order, execution=execution, shares=shares, price=price)


def state(says: str, **body: object) -> Draft:
    return told(Kind.STATE, says=says, **body)


def answer(says: str, **body: object) -> Draft:
    return told(Kind.RESPONSE, says=says, **body)


INTENT, SEND = intent(), told(Kind.REQUEST)
LOST, YES, NO = answer("unknown"), answer("accepted"), answer("rejected")
ABSENT, THERE = state("absent"), state("accepted")


def chain(*drafts: Draft) -> list[Entry]:
    """Entries of a journal."""
    entries: list[Entry] = []
    for draft in drafts:
        entries.append(chained(draft, len(entries) + 1, entries[-1].hash if entries else FIRST))
    return entries


def after(*drafts: Draft) -> Orders:
    return Orders(chain(*drafts))


def only(*drafts: Draft) -> Order:
    """The one order of a history that contradicts nothing."""
    orders = after(*drafts)
    orders.sound()
    (order,) = orders.by_id.values()
    return order


#: what happened -> entries up to the crash or the fault, state then; entries of the way on, state and shares in the end
MATRIX = {
    "all goes well": ([INTENT, SEND, YES], "accepted", [fill("e1", 40), fill("e2", 60)], "filled", 100),
    "rejected": ([INTENT, SEND], "sent", [NO], "rejected", 0),
    "lost response, order there": ([INTENT, SEND, LOST], "in flight", [THERE, fill("e1", 100)], "filled", 100),
    "lost response, order not there, sent again": ([INTENT, SEND, LOST, ABSENT], "absent", [SEND, YES], "accepted", 0),
    "504, filled meanwhile": ([INTENT, SEND, LOST], "in flight", [state("filled")], "filled", 100),
    "504, rejected meanwhile": ([INTENT, SEND, LOST], "in flight", [state("rejected")], "rejected", 0),
    "disconnect before accept": ([INTENT, SEND, LOST, ABSENT, SEND, LOST], "in flight", [ABSENT, SEND, YES], "accepted", 0),
    "disconnect after accept": ([INTENT, SEND, LOST], "in flight", [fill("e1", 30)], "partly filled", 30),
    "the stream is faster than the answer": ([INTENT, SEND, fill("e1", 30)], "partly filled", [LOST, YES], "partly filled", 30),
    "partial fill then drop": (
        [INTENT, SEND, YES, fill("e1", 40)],
        "partly filled",
        [state("partly filled", filled=70), fill("e2", 30)],
        "partly filled",
        70,
    ),
    "partial fill then drop, filled meanwhile": ([INTENT, SEND, YES, fill("e1", 40)], "partly filled", [state("filled")], "filled", 100),
    "duplicate fill": ([INTENT, SEND, YES, fill("e1", 40), fill("e1", 40)], "partly filled", [fill("e1", "40.0")], "partly filled", 40),
    "fills told twice, by count and by execution": (
        [INTENT, SEND, YES, state("partly filled", filled=40)],
        "partly filled",
        [fill("e1", 40)],
        "partly filled",
        40,
    ),
    "crash between decided and sent": ([INTENT], "intended", [SEND, YES], "accepted", 0),
    "crash between decided and sent, looked up": ([INTENT, ABSENT], "intended", [SEND, YES], "accepted", 0),
    "crash between sent and recorded": ([INTENT, SEND], "sent", [THERE, fill("e1", 100)], "filled", 100),
    "crash between sent and recorded, never arrived": ([INTENT, SEND], "sent", [ABSENT, SEND, YES], "accepted", 0),
    "not found, and came late": ([INTENT, SEND, LOST, ABSENT], "absent", [THERE], "accepted", 0),
    "not found, and filled late": ([INTENT, SEND, LOST, ABSENT], "absent", [fill("e1", 40)], "partly filled", 40),
    "not found, and the day ended": ([INTENT, SEND, LOST, ABSENT], "absent", [state("expired")], "expired", 0),
    "cancelled with a part filled": ([INTENT, SEND, YES, fill("e1", 40)], "partly filled", [state("cancelled")], "cancelled", 40),
    "a fill that crossed the cancel": ([INTENT, SEND, YES, state("cancelled")], "cancelled", [fill("e1", 40)], "cancelled", 40),
    "all filled while being cancelled": ([INTENT, SEND, YES, state("cancelled")], "cancelled", [fill("e1", 100)], "filled", 100),
    "late word after the end": ([INTENT, SEND, YES, fill("e1", 100)], "filled", [THERE, state("cancelled"), LOST], "filled", 100),
    "cancel, answer lost": (
        [INTENT, SEND, YES, told(Kind.REQUEST, does="cancel"), answer("unknown", does="cancel")],
        "accepted",
        [answer("rejected", does="cancel"), answer("cancelled", does="cancel")],
        "cancelled",
        0,
    ),
}


@pytest.mark.parametrize(("before", "then", "on", "end", "shares"), MATRIX.values(), ids=MATRIX)
def test_the_fault_matrix(before: list[Draft], then: str, on: list[Draft], end: str, shares: int, tmp_path: Path) -> None:
    order = only(*before)
    assert order.state == then
    done = only(*before, *on)
    assert (done.state, done.filled) == (end, shares)
    assert (done.symbol, done.side, done.shares, done.decision) == ("AAPL", "buy", 100, DECISION)
    if order.state in UNKNOWN:  # nothing may be sent before it was looked up
        for request in (SEND, told(Kind.REQUEST, NEXT)):
            with pytest.raises(LawBroken, match=r"was sent again while|was sent while"):
                after(*before, intent(NEXT)).check(request)
    with Journal.to_write(tmp_path / NAME) as journal:
        journal.append(*before)
    with Journal.to_write(tmp_path / NAME) as journal:  # after the crash: the journal alone
        rebuilt = Orders(journal.entries())
        assert rebuilt.by_id == {ORDER: order}
        for draft in on:
            rebuilt.check(draft)
            rebuilt.push(*journal.append(draft))
        assert rebuilt.by_id == Orders(journal.entries()).by_id == {ORDER: done}


BLOCKED = {name: history for name, (history, then, *_) in MATRIX.items() if State(then) in LIVE}
FREE = {name: [*history, *on] for name, (history, _, on, end, _) in MATRIX.items() if State(end) in DONE}


@pytest.mark.parametrize("history", BLOCKED.values(), ids=BLOCKED)
def test_never_two_live_orders_of_one_decision(history: list[Draft]) -> None:
    orders = after(*history, intent(NEXT))
    with pytest.raises(LawBroken, match=f"{NEXT} was sent while order {ORDER} of the same decision may be live"):
        orders.check(told(Kind.REQUEST, NEXT))
    orders.sound()  # a check writes nothing down
    broken = after(*history, intent(NEXT), told(Kind.REQUEST, NEXT))
    with pytest.raises(LawBroken, match=r"Entry \d+ of the journal contradicts"):
        broken.sound()
    other = Draft(at=0, kind=Kind.INTENT, id="another", body={**intent().body, "order": "another-0"})
    free = after(*history, other)
    free.check(Draft(at=0, kind=Kind.REQUEST, id="another", body={"order": "another-0"}))


@pytest.mark.parametrize("history", FREE.values(), ids=FREE)
def test_an_order_that_is_done_lets_the_next_go(history: list[Draft]) -> None:
    orders = after(*history, intent(NEXT))
    orders.check(told(Kind.REQUEST, NEXT))
    assert [order.id for order in orders.in_state(LIVE)] == []
    with pytest.raises(LawBroken, match="sent again while it was"):
        orders.check(SEND)


FAULTS = {
    "intended twice": [INTENT, INTENT],
    "sent twice": [INTENT, SEND, SEND],
    "sent again before it was looked up": [INTENT, SEND, LOST, SEND],
    "never intended": [SEND],
    "a fill of nothing": [fill("e1", 1)],
    "a fill before it was sent": [INTENT, fill("e1", 1)],
    "an answer before it was sent": [INTENT, YES],
    "a fill after it was rejected": [INTENT, SEND, NO, fill("e1", 1)],
    "rejected after a fill": [INTENT, SEND, fill("e1", 1), NO],
    "rejected after it was cancelled": [INTENT, SEND, YES, state("cancelled"), NO],
    "more than was ordered": [INTENT, SEND, YES, fill("e1", 60), fill("e2", 60)],
    "filled with too little": [INTENT, SEND, YES, state("filled", filled=60)],
    "one execution with two prices": [INTENT, SEND, YES, fill("e1", 60), fill("e1", 60, "10.26")],
    "gone after it was accepted": [INTENT, SEND, YES, ABSENT],
    "of another decision": [INTENT, Draft(at=0, kind=Kind.REQUEST, id="other", body=SEND.body)],
}


@pytest.mark.parametrize("history", FAULTS.values(), ids=FAULTS)
def test_contradictions_are_kept_and_stop_trading(history: list[Draft]) -> None:
    orders = after(*history)
    assert [fault.sequence for fault in orders.faults] == [len(history)]
    with pytest.raises(LawBroken, match=f"Entry {len(history)} of the journal contradicts"):
        orders.sound()
    before = after(*history[:-1])
    with pytest.raises(LawBroken, match="Nothing was sent"):
        before.check(history[-1])
    before.sound()


@pytest.mark.parametrize(
    "bad",
    [
        told(Kind.INTENT, symbol="AAPL", side="long", shares=1),
        told(Kind.INTENT, side="buy", shares=1),
        told(Kind.RESPONSE, says="perhaps"),
        told(Kind.STATE, says="unknown"),
        told(Kind.REQUEST, does="replace"),
        told(Kind.STATE, says="accepted", filled=True),
        *(fill("e1", shares) for shares in (-1, "many", None, [1], "NaN", "inf")),
        fill("", 1),
        Draft(at=0, kind=Kind.FILL, id=DECISION, body={}),
    ],
)
def test_a_body_that_says_something_else_is_refused(bad: Draft) -> None:
    with pytest.raises(BadData, match="must be"):
        after(INTENT, SEND, bad)
    with pytest.raises(BadData, match="Entry to come of the journal"):
        after(INTENT, SEND).check(bad)


def test_other_entries_are_no_orders() -> None:
    other = [Draft(at=0, kind=kind, id=DECISION, body={"order": 1}) for kind in (Kind.INPUTS, Kind.SIGNAL, Kind.VERDICT, Kind.NOTE)]
    assert after(*other).by_id == {}
    with pytest.raises(BadInput):
        Orders().check(Draft(at=0, kind=Kind.INTENT, id="a", body={"order": float("nan")}))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(1, 50), min_size=1, max_size=5), st.data())
def test_fills_in_any_order_and_number_count_once(parts: list[int], data: st.DataObject) -> None:
    total = sum(parts)
    messages = [fill(f"e{i}", f"{shares / 10}") for i, shares in enumerate(parts)]
    wanted = Draft(at=0, kind=Kind.INTENT, id=DECISION, body={**INTENT.body, "shares": str(Decimal(total) / 10)})
    again = data.draw(st.lists(st.sampled_from(messages), max_size=6))
    noise = data.draw(st.lists(st.sampled_from([YES, LOST, THERE, state("partly filled")]), max_size=3))
    history = data.draw(st.permutations([*messages, *again, *noise]))
    order = only(wanted, SEND, *history)
    assert order.filled == Decimal(total) / 10
    assert order.state is State.FILLED
    assert len(order.executions) == len(parts)


ANYTHING = [
    INTENT,
    SEND,
    LOST,
    YES,
    NO,
    ABSENT,
    THERE,
    fill("e1", 40),
    fill("e2", 60),
    state("cancelled"),
    state("expired"),
    state("filled"),
]
ANYTHING += [intent(NEXT), told(Kind.REQUEST, NEXT), told(Kind.RESPONSE, NEXT, says="unknown"), told(Kind.STATE, NEXT, says="absent")]
ANYTHING += [told(Kind.RESPONSE, NEXT, says="rejected"), fill("n1", 100, order=NEXT)]


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(ANYTHING), max_size=25))
def test_whoever_asks_first_never_has_two_live_orders(wishes: list[Draft]) -> None:
    """Whatever the broker answers, as long as its answers contradict nothing: what ``check`` lets pass is sound, one order at a time."""
    orders, kept = Orders(), []
    for wish in wishes:
        try:
            orders.check(wish)
        except LawBroken:
            continue
        kept.append(wish)
        orders.push(chain(*kept)[-1])
        assert len(orders.in_state(LIVE)) <= 1
    orders.sound()
    assert after(*kept).by_id == orders.by_id

"""What a broker tells, written down once: answers, states, fills. Synchronous; raises ``StoreError`` where the disk refuses."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from undertow.core.errors import BrokerError
from undertow.core.time import Instant
from undertow.execution.gateway.words import Answer, Execution, Seen
from undertow.execution.path.book import Book, intent_body
from undertow.execution.path.words import Planned
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.orders import UNKNOWN, Order, State

_SHOWN = 500  # characters of a broker's own words
_NEW = Order(id="", decision="", symbol="", side="buy", shares=Decimal(0), at=0, sequence=0)  # what nobody told of yet


def answered(book: Book, at: Instant, order: str, does: str, answer: Answer) -> None:
    """The response to a request, or that there was none."""
    body = {"order": order, "does": does, "says": answer.says.value, "why": answer.why[:_SHOWN]}
    if answer.broker_id:
        body["broker_id"] = answer.broker_id
    book.write(_draft(book, at, Kind.RESPONSE, order, body))


def asked_to_cancel(book: Book, at: Instant, order: str) -> None:
    """That an order is about to be cancelled."""
    book.write(_draft(book, at, Kind.REQUEST, order, {"order": order, "does": "cancel"}))


def seen(book: Book, at: Instant, told: Seen) -> bool:
    """An order's state as the broker has it; False where it is none of ours. What is known already is not written again.

    A leg of a bracket has an id of the broker's choice; it is ours because its parent is.
    """
    parent = book.order_of(told.parent) if told.parent else ""
    if parent and book.orders.by_id.get(told.id, _NEW).state is State.INTENDED:
        _leg(book, at, told, parent)
    order = book.orders.by_id.get(told.id)
    if order is None:
        return False
    _finite(f"order {told.id}", told.filled)
    new_id = bool(told.broker_id) and book.broker_ids.get(told.id) != told.broker_id
    if not new_id and order.state.value == told.stands.value and float(order.filled) >= told.filled:
        return True
    body: dict[str, Any] = {"order": told.id, "says": told.stands.value, "filled": told.filled, "broker_id": told.broker_id}
    book.write(_draft(book, at, Kind.STATE, told.id, {name: value for name, value in body.items() if value != ""}))
    return True


def filled(book: Book, at: Instant, told: Execution) -> bool:
    """A fill, once however often it is told; False where its order is none of ours."""
    name = told.order or book.order_of(told.broker_id)
    order = book.orders.by_id.get(name)
    if order is None:
        return False
    _finite(f"a fill of order {name}", told.shares, told.price)
    known = order.executions.get(told.id)
    if known is not None and (float(known[0]), float(known[1])) == (told.shares, told.price):
        return True
    body = {"order": name, "execution": told.id, "shares": told.shares, "price": told.price, "at": told.at}
    book.write(_draft(book, at, Kind.FILL, name, body))
    return True


def not_found(book: Book, at: Instant, order: str, *, given_up: bool = False) -> None:
    """That a look-up by id found nothing; ``given_up`` where it was sent so long ago that nobody waits for it any more."""
    state = book.orders.by_id[order].state
    if given_up:
        if state is State.ABSENT:
            book.write(_draft(book, at, Kind.STATE, order, {"order": order, "says": "expired", "why": "never found, given up"}))
    elif state in UNKNOWN:  # the stream may have told of it meanwhile
        book.write(_draft(book, at, Kind.STATE, order, {"order": order, "says": "absent"}))


def _leg(book: Book, at: Instant, told: Seen, parent: str) -> None:
    """Write down a bracket's exit as an order of ours, under a decision of its own: it lives beside its parent."""
    whole = book.planned[parent].intent
    intent = replace(whole, order_id=told.id, side=told.side, shares=told.shares, limit=None, flatten=False)
    planned = Planned(decision=f"leg-{told.id}", intent=intent)
    if told.id not in book.orders.by_id:
        body = intent_body(planned, book.value_of(parent)) | {"parent": parent}
        book.write(Draft(at=at, kind=Kind.INTENT, id=planned.decision, body=body))
    book.write(Draft(at=at, kind=Kind.REQUEST, id=planned.decision, body={"order": told.id, "does": "submit", "parent": parent}))


def _draft(book: Book, at: Instant, kind: Kind, order: str, body: Mapping[str, Any]) -> Draft:
    return Draft(at=at, kind=kind, id=book.orders.by_id[order].decision, body=body)


def _finite(what: str, *numbers: float) -> None:
    if not all(math.isfinite(number) and number >= 0.0 for number in numbers):
        raise BrokerError(f"The broker tells of {what} with {', '.join(map(str, numbers))}, which cannot be: nothing of it was taken.")

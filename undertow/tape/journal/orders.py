"""Where every order stands, as a fold over the journal alone: the same after any crash.

What the bodies of entries about orders say (``order`` is the client order id, see ``ids``; shares and prices are numbers or decimal text):

========  =========================================================================================================================
intent    order, symbol, side (buy or sell), shares
request   order, does (submit or cancel; submit if absent)
response  order, does, says: accepted, rejected, cancelled, or unknown where no answer tells (504, a lost
          connection, an id already in use)
fill      order, execution (the broker's id of it), shares, price
state     order, says: accepted, partly filled, filled, cancelled, rejected, expired, or absent (looked up by id, not found);
          filled: shares in all, where told
========  =========================================================================================================================

Whether an order was sent is known from its request, written first: without one nothing went out; with one and no answer it may be live, and
only a look-up by its id ends that. An order not found may still arrive, so it may be sent again under its own id alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from undertow.core.errors import BadData, LawBroken
from undertow.core.time import Instant
from undertow.tape.journal.entry import Draft, Entry, Kind, canonical


class State(StrEnum):
    """How far an order has come."""

    INTENDED = "intended"  #: decided, not sent
    SENT = "sent"  #: on its way; after a crash as good as in flight
    IN_FLIGHT = "in flight"  #: the answer was lost or says nothing
    ABSENT = "absent"  #: sent, and not found when looked up
    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


UNKNOWN = frozenset({State.SENT, State.IN_FLIGHT})  #: to be looked up by id before anything else is done
LIVE = UNKNOWN | {State.ABSENT, State.ACCEPTED, State.PARTLY_FILLED}  #: may be filled from now on
DONE = frozenset({State.FILLED, State.CANCELLED, State.REJECTED, State.EXPIRED})
_SAYS: Mapping[Kind, frozenset[str]] = {
    Kind.RESPONSE: frozenset({"accepted", "rejected", "cancelled", "unknown"}),
    Kind.STATE: frozenset({"accepted", "partly filled", "filled", "cancelled", "rejected", "expired", "absent"}),
}
_ABOUT_ORDERS = (Kind.INTENT, Kind.REQUEST, Kind.RESPONSE, Kind.FILL, Kind.STATE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order, as far as the journal tells."""

    id: str  #: the client order id
    decision: str  #: the one id of what it came from
    symbol: str
    side: str  #: buy or sell
    shares: Decimal
    state: State = State.INTENDED
    executions: Mapping[str, tuple[Decimal, Decimal]] = field(default_factory=dict)  #: execution id -> shares, price in USD
    told: Decimal = Decimal(0)  #: shares filled in all, by the broker's own count
    at: Instant  #: of its last entry, ns UTC
    sequence: int  #: of its last entry

    @property
    def filled(self) -> Decimal:
        """Shares filled: each execution once; more where the broker counts more and its fills have not come yet."""
        return max(sum((shares for shares, _ in self.executions.values()), Decimal(0)), self.told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An entry that contradicts those before it."""

    sequence: int
    says: str  #: one sentence for a person


class Orders:
    """Every order of a journal; ``push`` its entries in order. A contradiction stops no fold: see ``faults`` and ``sound``."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.by_id: dict[str, Order] = {}
        self.faults: list[Fault] = []
        self._of: dict[str, list[str]] = {}  # decision -> its orders
        for entry in entries:
            self.push(entry)

    def push(self, entry: Entry, content: Mapping[str, Any] | None = None) -> None:
        """Take the next entry, whose ``content`` may be read already; raises ``BadData`` where its body is not what the module says."""
        if entry.kind in _ABOUT_ORDERS:
            body = entry.content() if content is None else content
            order, wrong = self._after(_Told(entry.sequence, entry.at, entry.kind, entry.id, body))
            if order is not None:
                self._keep(order)
            if wrong:
                self.faults.append(Fault(sequence=entry.sequence, says=wrong))

    def check(self, *drafts: Draft) -> None:
        """Raise ``LawBroken`` where what drafts tell may not happen: for intents and requests, before they are written and acted on."""
        about = [draft for draft in drafts if draft.kind in _ABOUT_ORDERS]
        ahead = self._part(about)
        for draft in about:
            canonical(draft.body)
            order, wrong = ahead._after(_Told(0, draft.at, draft.kind, draft.id, draft.body))
            if wrong:
                raise LawBroken(f"{wrong}. Nothing was sent; look at the journal before you go on.")
            if order is not None:
                ahead._keep(order)

    def sound(self) -> None:
        """Raise ``LawBroken`` at the first contradiction: do not trade on it."""
        if self.faults:
            first = self.faults[0]
            raise LawBroken(
                f"Entry {first.sequence} of the journal contradicts those before it: {first.says}. Compare with the broker's list."
            )

    def in_state(self, states: Iterable[State]) -> list[Order]:
        """Orders in any of some states, such as ``UNKNOWN`` or ``LIVE``, in the order in which they were intended."""
        wanted = frozenset(states)
        return [order for order in self.by_id.values() if order.state in wanted]

    def _keep(self, order: Order) -> None:
        if order.id not in self.by_id:
            self._of.setdefault(order.decision, []).append(order.id)
        self.by_id[order.id] = order

    def _part(self, drafts: Iterable[Draft]) -> Orders:
        """What drafts may be about and no more, for a journal may hold the orders of years: the orders they name and those beside them."""
        part = Orders()
        for draft in drafts:
            order = self.by_id.get(str(draft.body.get("order")))
            for decision in {draft.id, draft.id if order is None else order.decision}:
                names = part._of[decision] = list(self._of.get(decision, ()))
                part.by_id.update((name, self.by_id[name]) for name in names)
        return part

    def _after(self, told: _Told) -> tuple[Order | None, str]:
        """The order as it is after an entry, and what is wrong with that; an order that nobody intended is no order."""
        name = told.text("order")
        order = self.by_id.get(name)
        if told.kind is Kind.INTENT:
            return _intended(order, told)
        if order is None:
            return None, f"order {name} was never intended, and there is a {told.kind} of it"
        if order.decision != told.decision:
            return order, f"order {name} is of decision {order.decision}, and a {told.kind} says {told.decision}"
        stamped = replace(order, at=told.at, sequence=told.sequence)
        if told.kind is Kind.REQUEST:
            return self._requested(stamped, told)
        return _filled(stamped, told) if told.kind is Kind.FILL else _said(stamped, told)

    def _requested(self, order: Order, told: _Told) -> tuple[Order, str]:
        if told.does() == "cancel":
            return order, ""  # whether it came to that is for the broker to say
        sent = replace(order, state=State.SENT)
        others = [other for other in self._of[order.decision] if other != order.id and self.by_id[other].state in LIVE]
        if others:
            return sent, f"order {order.id} was sent while order {others[0]} of the same decision may be live"
        if order.state not in (State.INTENDED, State.ABSENT):
            return (order if order.state in DONE else sent), f"order {order.id} was sent again while it was {order.state}"
        return sent, ""


@dataclass(frozen=True, slots=True)
class _Told:
    """An entry's body, read strictly."""

    sequence: int
    at: Instant
    kind: Kind
    decision: str
    body: Mapping[str, Any]

    def text(self, name: str, known: Iterable[str] = ()) -> str:
        value = self.body.get(name)
        if not isinstance(value, str) or not value or (known and value not in known):
            of = f"one of {', '.join(sorted(known))}" if known else "a text"
            raise BadData(f"Entry {self.sequence or 'to come'} of the journal, a {self.kind}: {name} is {value!r} and must be {of}.")
        return value

    def number(self, name: str) -> Decimal:
        value = self.body.get(name)
        try:
            number = Decimal(str(value)) if isinstance(value, int | float | str) and not isinstance(value, bool) else Decimal("NaN")
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            raise BadData(
                f"Entry {self.sequence or 'to come'} of the journal, a {self.kind}: {name} is {value!r} and must be a number, 0 or more."
            )
        return number

    def does(self) -> str:
        return self.text("does", ("submit", "cancel")) if "does" in self.body else "submit"


def _intended(order: Order | None, told: _Told) -> tuple[Order, str]:
    new = Order(
        id=told.text("order"),
        decision=told.decision,
        symbol=told.text("symbol"),
        side=told.text("side", ("buy", "sell")),
        shares=told.number("shares"),
        at=told.at,
        sequence=told.sequence,
    )
    return (new, "") if order is None else (order, f"order {order.id} was intended twice")


def _filled(order: Order, told: _Told) -> tuple[Order, str]:
    execution, fill = told.text("execution"), (told.number("shares"), told.number("price"))
    known = order.executions.get(execution)
    if known is not None:
        return order, "" if known == fill else f"execution {execution} of order {order.id} came twice, with different shares or prices"
    wrong = ""
    if order.state in (State.INTENDED, State.REJECTED):
        wrong = f"order {order.id} was {order.state} and has a fill"
    return _counted(replace(order, executions={**order.executions, execution: fill}), wrong)


def _said(order: Order, told: _Told) -> tuple[Order, str]:
    """What a response or the broker's word on an order makes of it: it only ever comes further."""
    says = told.text("says", _SAYS[told.kind])
    if "filled" in told.body:
        order = replace(order, told=max(order.told, told.number("filled")))
    elif says == "filled":
        order = replace(order, told=order.shares)
    if told.does() == "cancel" and says in ("accepted", "rejected", "unknown"):
        return _counted(order)  # the request to cancel was accepted, rejected or lost: the order is where it was
    if order.state is State.INTENDED and says != "absent":
        return _counted(_moved(order, says), f"order {order.id} was never sent, and the broker says {says}")
    if says == "rejected" and (order.filled or order.state in (State.CANCELLED, State.EXPIRED)):
        return order, f"order {order.id} was {order.state} with {order.filled} shares filled, and the broker says rejected"
    if says == "absent" and order.state not in (State.INTENDED, State.SENT, State.IN_FLIGHT, State.ABSENT):
        return order, f"order {order.id} was {order.state} and is not found any more"
    if says == "filled" and order.filled < order.shares:
        return _counted(order, f"the broker says that order {order.id} is filled, with {order.filled} of {order.shares} shares")
    return _counted(_moved(order, says))


def _moved(order: Order, says: str) -> Order:
    if order.state in DONE:
        return order  # an older message that came late
    if says == "unknown":
        return replace(order, state=State.IN_FLIGHT) if order.state in (State.INTENDED, State.SENT) else order
    if says == "absent":
        return order if order.state is State.INTENDED else replace(order, state=State.ABSENT)
    return replace(order, state=State(says))


def _counted(order: Order, wrong: str = "") -> tuple[Order, str]:
    """Let the state follow from the shares that are filled."""
    filled = order.filled
    if filled > order.shares:
        wrong = wrong or f"{filled} shares of order {order.id} are filled, and {order.shares} were ordered"
    if filled and filled >= order.shares:
        return replace(order, state=State.FILLED), wrong
    if filled and order.state not in (State.CANCELLED, State.EXPIRED, State.REJECTED):
        return replace(order, state=State.PARTLY_FILLED), wrong
    return order, wrong

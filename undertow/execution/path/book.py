"""The journal with what follows from it: orders, positions, the gate's state; the only place of the path that writes.

Beside the entries about orders (see ``tape.journal.orders``) two notes are kept:

========  ===========================================================================================================
risk      state: the gate's, written with the intent that it allowed and whenever it changes; why; same: how many of
          its ids are the first ones of the note before, and are not repeated
adopt     who, positions: a list of symbol, shares, item; ended: orders that nobody will hear of again. Positions count
          from here, and contradictions before it are settled
========  ===========================================================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from undertow.core.errors import BadData, BadInput, StoreError
from undertow.core.time import Instant
from undertow.execution.gateway.words import Held, Lasts
from undertow.execution.path.plan import Standing
from undertow.execution.path.words import Planned
from undertow.execution.risk.inputs import Intent, Item, Side, Working
from undertow.execution.risk.state import State
from undertow.tape.journal.entry import Draft, Entry, Kind, as_read
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.orders import LIVE, Order, Orders
from undertow.tape.journal.store import Wanted

RISK, ADOPT = "risk", "adopt"
CONTRACT = 100.0  #: shares that a contract delivers, where nobody says otherwise
_OCC = 15  # characters of an OCC name after its root


@dataclass(frozen=True, slots=True, kw_only=True)
class Nature:
    """What a symbol is."""

    item: Item = Item.SHARE
    multiplier: float = 1.0
    underlying: str = ""


class Book:
    """A journal that is open to be written, folded. What is written is folded as it is written: there is no second truth.

    Raises ``BadData`` or ``BadInput`` where the journal cannot be believed: nothing is traded on it.
    """

    def __init__(self, journal: Journal, *, until: int | None = None) -> None:
        """Folded up to the entry with the sequence ``until``, by default to the end; one that is not may only be read."""
        self.orders = Orders()
        self.live: dict[str, Order] = {}
        self.planned: dict[str, Planned] = {}
        self.moved = 0  #: sequence of the last entry that orders or positions follow from
        self.decided: set[str] = set()  #: decisions whose inputs are written down
        self.broker_ids: dict[str, str] = {}  #: client order id -> the broker's
        self.requested_at: dict[str, Instant] = {}  #: client order id -> when it was last asked for
        self.prices: dict[str, float] = {}  #: symbol -> USD of its last fill
        self.natures: dict[str, Nature] = {}
        self.filled_at: Instant = 0  #: of the last fill, by the broker's clock
        self.broken = ""  #: why nothing can be written down any more
        self._state = State()
        self._noted_state: Mapping[str, Any] | None = None  # read back only where it is asked for
        self._noted_ids: list[str] = []  # of the state that was noted last
        self._written: tuple[Mapping[str, Any], State] = ({}, self._state)
        self._valued: dict[str, float] = {}
        self.legs: dict[str, str] = {}  #: exit of a bracket -> the order it guards, client order ids
        self.short: set[str] = set()  #: orders of which more is filled than executions were told
        self._by_broker: dict[str, str] = {}
        self._net: dict[str, Decimal] = {}
        self._of: dict[str, list[str]] = {}  # decision -> its orders
        self._settled = 0  # contradictions up to this entry were looked at by a person
        self._journal = journal
        self._inside = False  # whether writes are kept back
        self._kept: list[Entry] = []  # those that are
        for entry in journal.entries(Wanted(last=until)):
            self._take(entry)
        self._state = self.state
        if until is not None:
            self.broken = "This is how the journal stood: nothing can be added to it."

    @property
    def state(self) -> State:
        """The gate's state as it was written down last."""
        if self._noted_state is not None:
            self._state, self._noted_state = State.from_dict(self._noted_state), None
        return self._state

    def write(self, *drafts: Draft) -> None:
        """Write down, all or none, with what was kept back, and fold. Raises ``StoreError`` where the disk refuses, from then on always."""
        if self.broken:
            raise StoreError(self.broken)
        self.orders.check(*(draft for draft in drafts if draft.kind in (Kind.INTENT, Kind.REQUEST)))
        for draft, entry in zip(drafts, self._kept_back(drafts) if self._inside else self._appended(drafts), strict=True):
            self._take(entry, as_read(draft.body))

    def joined(self, write: Callable[[Journal], Sequence[Entry]]) -> bool:
        """Let somebody else write into the journal, and fold it too; whether anything was."""
        if self.broken:
            raise StoreError(self.broken)
        if self._kept:
            self._appended(())
        entries = write(self._journal)
        for entry in entries:
            self._take(entry)
        return bool(entries)

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is folded at once, and on the disk with the first write after it, in one append.

        For what was told and what follows from it, which comes out again where a crash loses it; never for what is asked of anybody.
        """
        inside, self._inside = self._inside, True
        try:
            yield
        finally:
            self._inside = inside

    def positions(self) -> dict[str, float]:
        """Signed shares or contracts by symbol: what was adopted, and every fill since."""
        return {symbol: float(shares) for symbol, shares in sorted(self._net.items()) if shares}

    def working(self, without: str = "") -> tuple[Working, ...]:
        """Every order that may still fill, as the gate counts it; of a bracket's two exits one, for the broker ends the other."""
        guarded: set[str] = set()
        found = []
        for name, order in self.live.items():
            parent = self.legs.get(name, "")
            if name == without or parent in guarded:
                continue
            if parent:
                guarded.add(parent)
            found.append(Working(intent=self.planned[name].intent, left=float(order.shares - order.filled), price=self._valued[name]))
        return tuple(found)

    def standing(self) -> Standing:
        """What a plan starts from."""
        live = tuple(order for order in self.live.values() if order.id not in self.legs)
        guards = tuple(order for order in self.live.values() if order.id in self.legs)
        return Standing(held=self.positions(), live=live, guards=guards, of=self.of)

    def of(self, decision: str) -> tuple[Order, ...]:
        """A decision's orders so far, in the order in which they were intended."""
        return tuple(self.orders.by_id[name] for name in self._of.get(decision, ()))

    def faults(self) -> list[str]:
        """Contradictions that no person has settled."""
        return [fault.says for fault in self.orders.faults if fault.sequence > self._settled]

    def order_of(self, broker_id: str) -> str:
        """The client order id of a broker's order; empty where it is none of ours."""
        return self._by_broker.get(broker_id, "")

    def value_of(self, order: str) -> float:
        """USD a share that an order's verdict valued it at; 0 for an order that nobody intended."""
        return self._valued.get(order, 0.0)

    def with_state(self, state: State, at: Instant, why: str) -> Draft:
        """The note that persists the gate's state."""
        noted, count = self._noted_ids, len(self._noted_ids)
        same = count if list(state.ids[:count]) == noted else _alike(noted, state.ids)
        self._written = (state.to_dict(without=same), state)
        return Draft(at=at, kind=Kind.NOTE, id=RISK, body={"state": self._written[0], "why": why} | ({"same": same} if same else {}))

    def adopted(self, held: Sequence[Held], ended: Sequence[str], who: str, at: Instant) -> Draft:
        """The note from which positions count anew."""
        positions = [{"symbol": each.symbol, "shares": repr(each.shares), "item": each.item.value} for each in held if each.shares]
        return Draft(at=at, kind=Kind.NOTE, id=ADOPT, body={"who": who, "positions": positions, "ended": list(ended)})

    def _appended(self, drafts: Sequence[Draft]) -> tuple[Entry, ...]:
        kept = len(self._kept)
        try:
            entries = self._journal.append(*self._kept, *drafts)
            self._kept.clear()
            return entries[kept:]
        except BadInput:
            raise  # nothing was written, and the next may be
        except StoreError as error:
            self.broken = f"The journal cannot be written ({error}) Nothing more is sent; orders that work can be cancelled."
            raise
        except BaseException:
            self.broken = "Writing the journal was interrupted: nothing more is sent before a new start."
            raise

    def _kept_back(self, drafts: Sequence[Draft]) -> list[Entry]:
        entries = self._journal.foretold(drafts, after=self._kept)
        self._kept.extend(entries)
        return entries

    def _take(self, entry: Entry, content: Mapping[str, Any] | None = None) -> None:
        body: Mapping[str, Any] = entry.content() if content is None else content
        name = str(body.get("order", ""))
        before = self.orders.by_id.get(name)
        self.orders.push(entry, body)
        order = self.orders.by_id.get(name)
        if order is not None:
            self._moved(before, order)
        if (order is not None and entry.kind is not Kind.VERDICT) or entry.id == ADOPT:
            self.moved = entry.sequence
        match entry.kind:
            case Kind.INPUTS:
                self.decided.add(entry.id)
            case Kind.INTENT if before is None:
                self._intended(entry, body)
            case Kind.REQUEST if body.get("does", "submit") == "submit":
                self.requested_at[name] = entry.at
            case Kind.RESPONSE | Kind.STATE if body.get("broker_id"):
                self.broker_ids[name] = str(body["broker_id"])
                self._by_broker[str(body["broker_id"])] = name
            case Kind.FILL if order is not None:
                self.prices[order.symbol] = float(body["price"])
                self.filled_at = max(self.filled_at, int(body.get("at", entry.at)))
            case Kind.NOTE:
                self._noted(entry, body)

    def _moved(self, before: Order | None, order: Order) -> None:
        fresh = order.filled - (before.filled if before else Decimal(0))
        if fresh:
            self._net[order.symbol] = self._net.get(order.symbol, Decimal(0)) + (fresh if order.side == "buy" else -fresh)
        told = sum((shares for shares, _ in order.executions.values()), Decimal(0))
        (self.short.add if order.told > told else self.short.discard)(order.id)
        if order.state in LIVE:
            self.live[order.id] = order
        else:
            self.live.pop(order.id, None)

    def _intended(self, entry: Entry, body: Mapping[str, Any]) -> None:
        self._of.setdefault(entry.id, []).append(str(body["order"]))
        self.planned[str(body["order"])] = planned = _planned(entry, body)
        if body.get("parent"):
            self.legs[planned.intent.order_id] = str(body["parent"])
        intent = planned.intent
        self.natures[intent.symbol] = Nature(item=intent.item, multiplier=intent.multiplier, underlying=intent.underlying)
        self._valued[intent.order_id] = float(body.get("price", 0.0))

    def _noted(self, entry: Entry, body: Mapping[str, Any]) -> None:
        if entry.id == RISK:
            ours, kept = body["state"] == self._written[0], body["state"]
            if isinstance(kept, dict) and isinstance(kept.get("ids"), list):
                same = int(body.get("same", 0))
                if not 0 <= same <= len(self._noted_ids):
                    raise BadData(f"Entry {entry.sequence} of the journal, the gate's state, follows none: nothing is traded on it.")
                self._noted_ids[same:] = kept["ids"]
                kept = {**kept, "ids": self._noted_ids}
            self._state, self._noted_state = (self._written[1], None) if ours else (self._state, kept)
        elif entry.id == ADOPT:
            self._net = {str(each["symbol"]): Decimal(each["shares"]) for each in body["positions"]}
            self._settled = entry.sequence
            for each in body["positions"]:
                self.natures.setdefault(each["symbol"], nature_of(each["symbol"], Item(each["item"])))


def _alike(a: Sequence[str], b: Sequence[str]) -> int:
    """How many of the first of both are the same."""
    return next((i for i, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))


def nature_of(symbol: str, item: Item) -> Nature:
    """What a symbol is that the broker tells of and no order of ours names."""
    if item is Item.OPTION:
        return Nature(item=item, multiplier=CONTRACT, underlying=symbol[:-_OCC].strip())
    return Nature()


def intent_body(planned: Planned, price: float) -> dict[str, Any]:
    """All of a planned order, as the journal keeps it."""
    intent = planned.intent
    body: dict[str, Any] = {
        "order": intent.order_id,
        "symbol": intent.symbol,
        "side": intent.side.name.lower(),
        "shares": intent.shares,
        "limit": intent.limit,
        "item": intent.item.value,
        "multiplier": intent.multiplier,
        "underlying": intent.underlying,
        "flatten": intent.flatten,
        "lasts": planned.lasts.value,
        "price": price,
    }
    extra = {"stop": planned.stop, "take_profit": planned.take_profit, "stop_loss": planned.stop_loss}
    return body | {name: value for name, value in extra.items() if value is not None}


def _planned(entry: Entry, body: Mapping[str, Any]) -> Planned:
    try:
        intent = Intent(
            order_id=body["order"],
            symbol=body["symbol"],
            side=Side[body["side"].upper()],
            shares=float(body["shares"]),
            limit=body.get("limit"),  # one that a command placed while the loop hung says no more than it must
            item=Item(body.get("item", Item.SHARE)),
            multiplier=float(body.get("multiplier", 1.0)),
            underlying=body.get("underlying", ""),
            flatten=bool(body.get("flatten", False)),
        )
        plain = Planned(decision=entry.id, intent=intent, lasts=Lasts(body.get("lasts", Lasts.DAY)))
        float(body.get("price", 0.0))
    except (KeyError, TypeError, ValueError) as error:
        raise BadData(f"Entry {entry.sequence} of the journal, an intent, cannot be read ({error!r}): nothing is traded on it.") from error
    return replace(plain, stop=body.get("stop"), take_profit=body.get("take_profit"), stop_loss=body.get("stop_loss"))

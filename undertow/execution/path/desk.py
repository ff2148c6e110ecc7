"""Where orders are decided and everything is written down before it happens. Synchronous: between two lines of it nothing else runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from undertow.core.errors import BadInput, StoreError
from undertow.core.time import Instant
from undertow.execution.gateway.words import Asset, Held, Hours
from undertow.execution.path.book import Book, Nature, intent_body
from undertow.execution.path.check import refusal
from undertow.execution.path.reconcile import Comparison, Difference, Differs, adoption, closes_surely
from undertow.execution.path.words import Basis, Decision, Planned, Refused
from undertow.execution.risk.exposure import only_closes
from undertow.execution.risk.inputs import Position, World
from undertow.execution.risk.judge import Verdict, judge, to_cancel, watch
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.numbers import wrong_in_intent
from undertow.execution.risk.state import State, rearm, stopped
from undertow.sources.wire.clock import Clock
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.orders import UNKNOWN
from undertow.tape.journal.orders import State as Stage

_PEAK = 0.0005  # share by which the peak may rise before it is written down again


class Desk:
    """Decides and records; sends nothing. Holds what the broker said of itself as ``assets``, ``hours`` and ``compared``."""

    def __init__(self, book: Book, limits: Limits, clock: Clock, *, real: bool) -> None:
        self.book, self.limits, self.clock = book, limits, clock
        self.real = real  #: whether orders move real money
        self.assets: dict[str, Asset | None] = {}
        self.hours: Hours | None = None
        self.compared: Comparison | None = None
        self._state = book.state

    @property
    def state(self) -> State:
        """The gate's state, with what needed no writing down."""
        return self._state

    def world(self, market: World, held: Sequence[Held] | None = None, without: str = "") -> World:
        """The market's and the account's world, with positions and working orders as the journal has them.

        held : positions by the broker, to flatten by; ``without`` leaves one working order out
        """
        shares = self.book.positions() if held is None else {each.symbol: each.shares for each in held if each.shares}
        marks = {each.symbol: each for each in market.positions}
        positions = tuple(self._position(symbol, count, marks.get(symbol), market) for symbol, count in shares.items())
        return replace(market, positions=positions, working=self.book.working(without))

    def watch(self, market: World) -> tuple[str, ...]:
        """Look at the world without an order, at every tick: ids of orders that the state no longer allows. Raises ``StoreError``."""
        world = self.world(market)
        self._keep(watch(world, self.limits, self._state), "watch")
        return to_cancel(world, self._state)

    def decide(self, planned: Planned, market: World, basis: Basis, held: Sequence[Held] | None = None) -> Decision:
        """Whether an order may be sent, written down with its inputs; an allowed one with its intent, the gate's state and the request.

        Raises ``StoreError`` where the disk refuses, ``LawBroken`` where an order may not be sent: then nothing may be, and nothing was
        written. What the disk refuses halts what is in memory, too.
        """
        intent, now = planned.intent, self.clock.now()
        if self.book.broken:
            return Decision(allowed=False, code=Refused.NO_JOURNAL, sentence=self.book.broken)
        world = self.world(market, held, intent.order_id if planned.again else "")
        drafts = self._basis(planned.decision, basis, now)
        if (no := self._refusal(planned, world, basis)) is not None:
            self._write(*drafts, self._verdict(planned, no, now))
            return no
        state = self._state
        if planned.again:
            state = replace(state, ids=tuple(each for each in state.ids if each != intent.order_id))
        verdict = judge(intent, world, self.limits, state)
        decision = _decision(verdict)
        drafts.append(self._verdict(planned, decision, now))
        if verdict.allowed and intent.order_id not in self.book.orders.by_id:
            drafts.append(self._draft(Kind.INTENT, planned, now, intent_body(planned, verdict.price)))
        if verdict.state != self._state:
            drafts.append(self.book.with_state(verdict.state, now, "order"))
        if verdict.allowed:
            drafts.append(self._draft(Kind.REQUEST, planned, now, intent_body(planned, 0.0) | {"does": "submit"}))
        self._write(*drafts)
        self._state = verdict.state
        return decision

    def stop(self, why: str) -> None:
        """Halt: nothing passes but what flattens, until a person re-arms."""
        self._keep(stopped(self._state, why, self.clock.now()), "stop")

    def take(self, state: State, why: str) -> None:
        """Take over a state that persons asked for (see ``control.keeper``)."""
        self._keep(state, why)

    def rearm(self, who: str, phrase: str) -> None:
        """ACTIVE again, by a person (see ``risk.state.rearm``). Raises ``BadInput``."""
        self._keep(rearm(self._state, who, self.clock.now(), phrase), "rearm")

    def adopt(self, who: str, phrase: str) -> None:
        """Count positions from what the broker holds, by a person (``reconcile.phrase_of``); compare anew then. Raises ``BadInput``."""
        if self.compared is None:
            raise BadInput("broker and journal were not compared yet: there is nothing to adopt")
        ended, now = adoption(self.compared, self.book, who, phrase), self.clock.now()
        drafts = [
            Draft(
                at=now,
                kind=Kind.STATE,
                id=self.book.orders.by_id[name].decision,
                body={"order": name, "says": "expired", "why": f"not at the broker any more, by {who}"},
            )
            for name in ended
        ]
        self._write(*drafts, self.book.adopted(self.compared.held, ended, who, now))
        self.compared = None

    def doubt(self, why: str) -> None:
        """Stop entries until the next comparison."""
        if self.compared is not None:
            lost = Difference(kind=Differs.STREAM, what="", sentence=why)
            self.compared = replace(self.compared, differences=(*self.compared.differences, lost))

    def _refusal(self, planned: Planned, world: World, basis: Basis) -> Decision | None:
        intent = planned.intent
        if wrong_in_intent(intent):
            return None  # the gate halts on it
        said = self._distrust(planned, world)
        if said is None and self.real and basis.simulated:
            said = (Refused.SIMULATED, f"{intent.symbol}: simulated data never place an order that moves real money.")
        if said is None and not intent.flatten:
            known = self.assets if intent.symbol in self.assets or not only_closes(intent, world) else None
            said = refusal(planned.order(), known, self.hours, self.clock.now())
        return None if said is None else Decision(allowed=False, code=said[0], sentence=said[1])

    def _distrust(self, planned: Planned, world: World) -> tuple[Refused, str] | None:
        """What is in doubt about broker and journal."""
        intent, compared = planned.intent, self.compared
        if compared is None:
            return Refused.NOT_COMPARED, "Broker and journal were not compared yet: nothing is sent before they are."
        for other in self.book.live.values():
            doubtful = other.state in UNKNOWN or (other.state is Stage.ABSENT and not intent.flatten)
            if other.symbol == intent.symbol and doubtful and other.id != intent.order_id:
                return Refused.ORDER_UNKNOWN, f"Order {other.id} in {other.symbol} is {other.state}: nothing else is sent before that ends."
        known = self.book.orders.by_id.get(intent.order_id)
        if planned.again and known is not None and known.state not in (Stage.INTENDED, Stage.ABSENT):
            return Refused.ORDER_UNKNOWN, f"Order {intent.order_id} is {known.state}: it is not sent again."
        if compared.equal and not self.book.faults():
            return None
        if (intent.flatten and only_closes(intent, world)) or closes_surely(intent, self.book, compared):
            return None
        sentence = compared.sentence if not compared.equal else f"The journal contradicts itself: {self.book.faults()[0]}."
        return Refused.NOT_EQUAL, sentence

    def _position(self, symbol: str, shares: float, told: Position | None, market: World) -> Position:
        if told is not None:
            return replace(told, shares=shares)
        quote, nature = market.quotes.get(symbol), self.book.natures.get(symbol, Nature())
        mark = (quote.bid + quote.ask) / 2.0 if quote is not None else self.book.prices.get(symbol, 0.0)
        return Position(
            symbol=symbol, shares=shares, mark=mark, item=nature.item, multiplier=nature.multiplier, underlying=nature.underlying
        )

    def _basis(self, decision: str, basis: Basis, now: Instant) -> list[Draft]:
        if decision in self.book.decided:
            return []
        inputs = {"inputs": basis.inputs, "simulated": basis.simulated}
        return [
            Draft(at=now, kind=Kind.INPUTS, id=decision, body=inputs),
            Draft(at=now, kind=Kind.SIGNAL, id=decision, body=dict(basis.signal)),
        ]

    def _verdict(self, planned: Planned, said: Decision, now: Instant) -> Draft:
        body = {"allowed": said.allowed, "code": str(said.code), "sentence": said.sentence}
        return self._draft(Kind.VERDICT, planned, now, {"order": planned.intent.order_id, **body})

    def _draft(self, kind: Kind, planned: Planned, now: Instant, body: Mapping[str, object]) -> Draft:
        return Draft(at=now, kind=kind, id=planned.decision, body=body)

    def _keep(self, state: State, why: str) -> None:
        """Take over a state, and write it down where more than a little of the peak changed."""
        before = self.book.state
        same = replace(state, peak=before.peak, sent=before.sent) == before and state.peak <= before.peak * (1.0 + _PEAK)
        self._state = state
        if not (same and state.peak >= before.peak):
            self._write(self.book.with_state(state, self.clock.now(), why))

    def _write(self, *drafts: Draft) -> None:
        try:
            self.book.write(*drafts)
        except StoreError:
            self._state = stopped(self._state, self.book.broken, self.clock.now())
            raise


def _decision(verdict: Verdict) -> Decision:
    return Decision(allowed=verdict.allowed, code=verdict.code, sentence=verdict.sentence, price=verdict.price)

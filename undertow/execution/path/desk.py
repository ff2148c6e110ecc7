"""Where orders are decided and everything is written down before it happens. Synchronous: between two lines of it nothing else runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from undertow.core.errors import BadInput, StoreError
from undertow.core.time import Instant
from undertow.execution.gateway.words import Asset, Held, Hours
from undertow.execution.path.book import Book, Nature, intent_body
from undertow.execution.path.check import refusal
from undertow.execution.path.reconcile import Comparison, Difference, Differs, adoption, closes_surely
from undertow.execution.path.words import Basis, Decision, Planned, Refused
from undertow.execution.risk.exposure import only_closes
from undertow.execution.risk.inputs import Intent, Position, Working, World
from undertow.execution.risk.judge import Verdict, judge, to_cancel, watch
from undertow.execution.risk.limits import Limits
from undertow.execution.risk.numbers import wrong_in_intent
from undertow.execution.risk.state import State, rearm, stopped
from undertow.sources.wire.clock import Clock
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.orders import UNKNOWN
from undertow.tape.journal.orders import State as Stage

_PEAK = 0.0005  # share by which the peak may rise before it is written down again


@dataclass(slots=True)
class _Batch:
    """Orders that are decided on together, before anything of them is written down."""

    state: State
    decided: list[Draft] = field(default_factory=list)
    requests: list[Draft] = field(default_factory=list)
    working: list[Working] = field(default_factory=list)
    world: World | None = None  # without the batch; nothing changes it before the batch is written down
    bases: set[str] = field(default_factory=set)  # decisions whose inputs are among what is written down, or were before

    def refusal(self, intent: Intent) -> tuple[Refused, str] | None:
        """A second order in a symbol waits until it is known what became of the first."""
        for other in self.working:
            if other.intent.symbol == intent.symbol:
                said = f"Order {other.intent.order_id} in {intent.symbol} is about to be sent: nothing else is sent before that ends."
                return Refused.ORDER_UNKNOWN, said
        return None


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
        """Whether one order may be sent, as ``decide_all`` does it."""
        return self.decide_all((planned,), market, {planned.decision: basis}, held)[0]

    def decide_all(
        self, planned: Sequence[Planned], market: World, bases: Mapping[str, Basis], held: Sequence[Held] | None = None
    ) -> tuple[Decision, ...]:
        """Whether orders may be sent, each judged with those before it at work; on the disk when this returns, in one append.

        What halts or reduces trading at one of them holds for those before it, too.

        Written down are the inputs, and of an allowed order its intent, the gate's state and the request. Raises ``StoreError`` where the
        disk refuses, ``LawBroken`` where an order may not be sent: then none may be, and nothing was written. What the disk refuses halts
        what is in memory, too.

        bases : decision -> what it rests on
        """
        if broken := self.book.broken:
            return tuple(Decision(allowed=False, code=Refused.NO_JOURNAL, sentence=broken) for _ in planned)
        batch = _Batch(self._state)
        decisions = [self._decide(one, self._ahead(one, market, held, batch), bases[one.decision], batch) for one in planned]
        if batch.state.mode is not self._state.mode and batch.requests:  # met after some were allowed: none of them is out yet
            now = batch.state
            batch = _Batch(replace(self._state, mode=now.mode, code=now.code, why=now.why, since=now.since))
            decisions = [self._decide(one, self._ahead(one, market, held, batch), bases[one.decision], batch) for one in planned]
        if batch.state != self._state:
            batch.decided.append(self.book.with_state(batch.state, self.clock.now(), "order"))
        self._write(*batch.decided, *batch.requests)
        self._state = batch.state
        return tuple(decisions)

    def _ahead(self, planned: Planned, market: World, held: Sequence[Held] | None, batch: _Batch) -> World:
        """The world with the batch's own orders at work."""
        if planned.again:
            world = self.world(market, held, planned.intent.order_id)
        else:
            world = batch.world = batch.world or self.world(market, held)
        there = {each.intent.order_id for each in world.working}
        return replace(world, working=(*world.working, *(each for each in batch.working if each.intent.order_id not in there)))

    def _decide(self, planned: Planned, world: World, basis: Basis, batch: _Batch) -> Decision:
        intent, now = planned.intent, self.clock.now()
        if planned.decision not in batch.bases:
            batch.decided += self._basis(planned.decision, basis, now)
            batch.bases.add(planned.decision)
        decision = self._refusal(planned, world, basis, batch)
        if decision is None:
            state = batch.state
            if planned.again:
                state = replace(state, ids=tuple(each for each in state.ids if each != intent.order_id))
            verdict = judge(intent, world, self.limits, state)
            decision, batch.state = _decision(verdict), verdict.state
        batch.decided.append(self._verdict(planned, decision, now))
        if decision.allowed:
            if intent.order_id not in self.book.orders.by_id:
                batch.decided.append(self._draft(Kind.INTENT, planned, now, intent_body(planned, decision.price)))
            batch.requests.append(self._draft(Kind.REQUEST, planned, now, intent_body(planned, 0.0) | {"does": "submit"}))
            batch.working.append(Working(intent=intent, left=intent.shares, price=decision.price))
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

    def _refusal(self, planned: Planned, world: World, basis: Basis, batch: _Batch) -> Decision | None:
        intent = planned.intent
        if wrong_in_intent(intent):
            return None  # the gate halts on it
        said = batch.refusal(intent) or self._distrust(planned, world)
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

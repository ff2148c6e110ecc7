"""The edge to a broker: asks once, listens, looks up what was lost, compares. Every decision is the desk's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from undertow.core.errors import BrokerError, StoreError
from undertow.core.time import DAY, MINUTE, Instant
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.gateway.words import OPEN, Answer, Held, Order, Says, Seen, Update
from undertow.execution.path import hear
from undertow.execution.path.desk import Desk
from undertow.execution.path.look import given_up, look_up, picture
from undertow.execution.path.reconcile import Comparison, Differs, compare
from undertow.execution.path.stop import Cancelled, cancel_listed, flattening
from undertow.execution.path.words import Basis, Decision, Outcome, Patience, Planned
from undertow.execution.risk.inputs import World
from undertow.tape.journal.orders import DONE, UNKNOWN, State

_OVERLAP = 5 * MINUTE  # by which the two clocks may differ when fills are asked for


class Path:
    """The one way to a broker; use it within one event loop.

    What it raises: ``StoreError`` where the journal cannot be written (nothing is sent from then on), ``BrokerError`` where the broker
    could not be asked for what a comparison needs, ``LawBroken`` where an order was about to be sent that may not be.
    """

    def __init__(self, desk: Desk, gateway: Gateway, patience: Patience | None = None) -> None:
        self.desk, self.gateway = desk, gateway
        self.patience = patience or Patience()
        self._book, self._clock = desk.book, desk.clock
        self._busy: set[str] = set()  # orders whose answer is awaited

    async def start(self, symbols: Iterable[str] = ()) -> Comparison:
        """On start and after every reconnect: look up what is unknown, take what was missed, compare. Entries wait for ``equal``."""
        await self.prepare(symbols)
        return await self.reconcile()

    async def prepare(self, symbols: Iterable[str]) -> None:
        """Ask the broker about symbols; one that it does not trade is refused with a sentence later. Raises ``BrokerError``."""
        for symbol in sorted(set(symbols)):
            self.desk.assets[symbol] = await self.gateway.asset(symbol)

    async def send(self, planned: Planned, market: World, basis: Basis, held: Sequence[Held] | None = None) -> Outcome:
        """One order, as ``send_all`` does it."""
        (outcome,) = await self.send_all((planned,), market, {planned.decision: basis}, held)
        return outcome

    async def send_all(
        self, planned: Sequence[Planned], market: World, bases: Mapping[str, Basis], held: Sequence[Held] | None = None
    ) -> tuple[Outcome, ...]:
        """Decide, write down, ask once, write down; an answer that was lost is looked up and never asked for again blindly.

        All is on the disk before the first is asked for, in one append, and none waits for another's answer. A crash in between is a
        lost answer to each that was not written down yet.

        bases : decision -> what it rests on
        """
        decisions = self.desk.decide_all(planned, market, bases, held)
        allowed = [one for one, said in zip(planned, decisions, strict=True) if said.allowed]
        try:
            answers = await self._asked(allowed)
            for name in answers:
                if self._book.orders.by_id[name].state in UNKNOWN:
                    await look_up(self._book, self.gateway, self._clock, name, self.patience)
        finally:
            self._busy.difference_update(one.intent.order_id for one in allowed)
        return tuple(self._outcome(one.intent.order_id, said, answers) for one, said in zip(planned, decisions, strict=True))

    def heard(self, update: Update) -> bool:
        """Take what the stream tells; False where it is about an order that is none of ours."""
        now = self._clock.now()
        ours = hear.seen(self._book, now, update.order)
        if update.execution is not None:
            ours = hear.filled(self._book, now, update.execution) or ours
        return ours

    async def follow(self, told: Callable[[Update], None] | None = None) -> None:
        """Listen until the stream is lost (``BrokerError``): connect anew and ``start`` then, for until then nothing new is opened.

        told : is called after each
        """
        try:
            async for update in self.gateway.updates():
                self.heard(update)
                if told is not None:
                    told(update)
        finally:
            self.desk.doubt("The broker's stream of updates was lost: it is being connected anew.")

    async def settle(self) -> None:
        """At every tick, beside it: look up what is unknown, give up what was never found. Leaves be what cannot be asked about now."""
        for name, order in list(self._book.live.items()):
            if name in self._busy:
                continue
            if order.state in UNKNOWN:
                await look_up(self._book, self.gateway, self._clock, name, self.patience)
            elif order.state is State.ABSENT:
                await given_up(self._book, self.gateway, self._clock, name, self.patience)

    async def catch_up(self) -> None:
        """Take fills that the stream did not tell of. Raises ``BrokerError``."""
        open_since = [self._book.requested_at.get(name, 0) for name in {*self._book.live, *self._book.short}]
        if open_since:
            for execution in await self.gateway.executions(max(min(open_since) - _OVERLAP, 0)):
                hear.filled(self._book, self._clock.now(), execution)

    async def reconcile(self) -> Comparison:
        """Compare, at intervals too; a difference is believed once it stands in several pictures. Raises ``BrokerError``."""
        found, pause = await self._compared(), self.patience.first
        for _ in range(self.patience.pictures - 1):
            if found.equal:
                break
            await self._mend(found)
            await self._clock.sleep(pause)
            found, pause = await self._compared(), min(pause * 2, self.patience.longest)
        self.desk.compared = found
        self.desk.hours = await self.gateway.hours()
        return found

    async def cancel(self, names: Iterable[str]) -> Cancelled:
        """Cancel orders of ours by their ids, as far as the broker has them; works where the journal does not."""
        wanted = set(names)
        if not wanted:
            return Cancelled()
        return await self._cancel([seen for seen in await self.gateway.working() if seen.id in wanted])

    async def cancel_all(self) -> Cancelled:
        """Cancel every working order of ours; those of others are only told of."""
        there = await self.gateway.working()
        ours = self._book.orders.by_id
        return await self._cancel([seen for seen in there if seen.id in ours], tuple(seen for seen in there if seen.id not in ours))

    async def flatten(self, market: World, run: str, why: str, at: Instant | None = None) -> tuple[Outcome, ...]:
        """Halt, cancel everything of ours, close every position that the broker holds. Run it again where an outcome was not sent.

        ``run`` and ``at`` (by default now) name the orders: whoever flattens by the same wish gives them the same ids.
        """
        try:
            self.desk.stop(why)
        finally:
            await self.cancel_all()
        await self.reconcile()
        held = await self.gateway.held()
        basis = Basis(inputs=why or "flatten", signal={"why": why})
        closing = flattening(held, run, self._clock.now() if at is None else at, self._book.natures)
        return tuple([await self.send(planned, market, basis, held) for planned in closing])

    async def _compared(self) -> Comparison:
        await self.settle()
        taken = await picture(self.gateway, self._clock)
        unlisted = await self._take(taken.working)
        taken = replace(taken, working=(*taken.working, *unlisted))
        await self.catch_up()
        return compare(self._book, taken, self._busy)

    async def _cancel(self, there: Sequence[Seen], strangers: tuple[Seen, ...] = ()) -> Cancelled:
        for seen in there:
            self._try(hear.asked_to_cancel, seen.id)
        done = await cancel_listed(self.gateway, there, strangers)
        for name, answer in done.answers.items():
            self._try(hear.answered, name, "cancel", answer)
        for name in done.answers:
            await self._look_again(name)
        return done

    def _try(self, write: Callable[..., None], *what: object) -> None:
        """Write down if the disk lets us: a cancellation does not wait for it, and the desk refuses everything from then on."""
        try:
            write(self._book, self._clock.now(), *what)
        except StoreError:
            pass

    async def _look_again(self, name: str) -> None:
        """How much of a cancelled order was filled, where the broker can be asked now and the disk lets us."""
        try:
            found = await self.gateway.find(name)
            if found is not None:
                hear.seen(self._book, self._clock.now(), found)
        except (BrokerError, StoreError):
            pass

    async def _asked(self, planned: Sequence[Planned]) -> dict[str, Answer]:
        """Ask for orders that are written down, all at once, and write down what comes back, by client order id."""
        if not planned:
            return {}
        self._busy.update(one.intent.order_id for one in planned)
        asked = [self._submitted(one.order()) for one in planned]
        # One alone is asked for before anything else runs; of several each answer is taken, whatever becomes of the others.
        came = [await asked[0]] if len(asked) == 1 else await asyncio.gather(*asked, return_exceptions=True)
        self._book.write()
        for one in came:
            if isinstance(one, BaseException):
                raise one
        return {one.intent.order_id: answer for one, answer in zip(planned, came, strict=True) if isinstance(answer, Answer)}

    async def _submitted(self, order: Order) -> Answer:
        try:
            answer = await self.gateway.submit(order)
        except (BrokerError, OSError, TimeoutError) as error:
            answer = Answer(says=Says.UNKNOWN, why=f"{type(error).__name__}: {error}")
        with self._book.together():
            hear.answered(self._book, self._clock.now(), order.id, "submit", answer)
        return answer

    async def _take(self, working: Sequence[Seen]) -> list[Seen]:
        """Write down orders as the broker lists them; those that it does not list, and has as open when looked up."""
        listed, unlisted = {seen.id for seen in working}, list[Seen]()
        for seen in working:
            order = self._book.orders.by_id.get(seen.id)
            if order is None or order.state not in DONE:
                hear.seen(self._book, self._clock.now(), seen)
        for name, order in list(self._book.live.items()):
            if name not in listed and order.state in (State.ACCEPTED, State.PARTLY_FILLED):
                found = await self.gateway.find(name)
                if found is not None:
                    hear.seen(self._book, self._clock.now(), found)
                    unlisted += [found] if found.stands in OPEN else []
        return unlisted

    async def _mend(self, found: Comparison) -> None:
        """Cancel what works and was taken for ended; look again at orders that ended today in symbols whose positions differ."""
        late = [each.what for each in found.differences if each.kind is Differs.LATE_ORDER]
        if late:
            await self.cancel(late)
        symbols = {each.what for each in found.differences if each.kind is Differs.POSITION}
        since = self._clock.now() - DAY
        for name, order in list(self._book.orders.by_id.items()):
            if order.symbol in symbols and order.state in DONE and order.at >= since:
                await self._look_again(name)

    def _outcome(self, name: str, said: Decision, answers: Mapping[str, Answer]) -> Outcome:
        order, answer = self._book.orders.by_id.get(name), answers.get(name)
        code, sentence = (answer.says.value, answer.why or said.sentence) if answer else (said.code, said.sentence)
        state = order.state.value if order else ""
        return Outcome(order=name, sent=answer is not None, state=state, code=str(code), sentence=sentence)

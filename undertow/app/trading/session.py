"""The loop of a session: rows in, a decision, orders out; written so that it may be killed anywhere and goes on where it was.

Everything that a decision rests on is on the disk before anything follows from it (and on the session's tape after it), everything that is
asked of a broker is in the journal before it is asked, and a tick is noted as done when all of it has been. A session that starts anew goes
through the ticks that are done in silence, and takes the others as if nothing had happened: ids follow from the decision, so nothing is
ordered twice.
"""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from undertow.app.trading.basis import Inputs, signal_of
from undertow.app.trading.feed import Feed
from undertow.app.trading.recording import Recording
from undertow.app.trading.rehearsal import rehearse
from undertow.app.trading.switch import Guarded, Switch
from undertow.app.trading.wants import STRATEGY, Account, Asks
from undertow.core.chunk import I64, Chunk
from undertow.core.time import Instant
from undertow.engine.run import Batch, Desk, Step, run
from undertow.execution.gateway.words import Lasts, Update
from undertow.execution.path.send import Path
from undertow.execution.path.words import Basis, Outcome, Planned
from undertow.execution.risk.inputs import World
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.ids import decision_id
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.store import Wanted

ROUNDS = (
    8  #: of cancelling and ordering in one tick; a symbol needs three: its order is cancelled, its position closed, the other side opened
)


@dataclass(slots=True, kw_only=True)
class Session:
    """All that a session's loop holds."""

    asks: Asks
    desk: Desk
    account: Account
    path: Path
    guard: Guarded
    switch: Switch
    feed: Feed
    recording: Recording
    inputs: Inputs
    world: Callable[[], World]  #: the market and the account at this moment, as the gate looks at them
    told: Callable[[], Sequence[Update]]  #: what the broker has told since this was asked last
    simulated: bool  #: whether any of the data is
    live_from: Instant
    outcomes: list[Outcome] = field(default_factory=list)
    denied: dict[str, str] = field(default_factory=dict)  #: symbol -> why its newest order was not sent
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)  #: held while the broker is asked for something
    stop: asyncio.Event = field(default_factory=asyncio.Event)  #: set it to end the session at its next wait
    compared: bool = False  #: whether broker and journal were, since this process began
    says: str = ""  #: what is wrong with the streams now

    @property
    def run(self) -> str:
        """Its name."""
        return self.asks.run


async def played(session: Session, ticks: I64, done: Instant, each: Callable[[Step], None]) -> list[Step]:
    """Take every tick until the end or Ctrl-C; those up to ``done`` were taken before and are gone through in silence."""
    steps: list[Step] = []
    rehearse(session.desk.calendar)
    with stopping(session.stop), _settled():
        async for step in steps_of(session, ticks, done):
            steps.append(step)
            each(step)
    return steps


@contextmanager
def _settled() -> Iterator[None]:
    """Models and history are there to stay: the collector of garbage does not look through them in the middle of a tick."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def stopping(stop: asyncio.Event) -> Iterator[None]:
    """Ctrl-C and SIGTERM end the session at its next wait; a second one ends the process as it would any other."""
    loop, names = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)

    def asked() -> None:
        stop.set()
        for name in names:
            loop.remove_signal_handler(name)

    for name in names:
        loop.add_signal_handler(name, asked)
    try:
        yield
    finally:
        for name in names:
            loop.remove_signal_handler(name)


async def steps_of(session: Session, ticks: I64, done: Instant) -> AsyncIterator[Step]:
    """The engine's step at each tick, after everything that follows from it has been done."""
    for i, tick in enumerate(ticks.tolist()):
        chunks = await _unless(session.stop, session.feed.until(tick))
        if chunks is None:
            return
        if tick > done:
            session.recording.begin(chunks)
        step = decided(session, chunks, ticks[i : i + 1])
        inputs = session.inputs.push(chunks, tick)
        if tick > done:
            session.recording.end()  # the disk worked meanwhile
            async with session.lock:
                await act(session, step, inputs)
        session.recording.settle()
        yield step


async def _unless(stop: asyncio.Event, waited: Awaitable[list[Chunk]]) -> list[Chunk] | None:
    """What is waited for; None where the session is stopped before it comes."""
    own, other = asyncio.ensure_future(waited), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({own, other}, return_when=asyncio.FIRST_COMPLETED)
        return own.result() if own.done() and not stop.is_set() else None
    finally:
        for task in (own, other):
            task.cancel()
        await asyncio.gather(own, other, return_exceptions=True)


def decided(session: Session, chunks: Sequence[Chunk], ticks: I64) -> Step:
    """One batch through the engine."""
    return next(run([Batch(chunks, ticks)], session.desk, live_from=session.live_from))


async def act(session: Session, step: Step, inputs: str) -> None:
    """Write the tick's signals down, bring positions to what is wanted, and note that the tick is done."""
    book, tick = session.path.desk.book, int(step.ticks[-1])
    if not session.compared:
        _heard(session)
        session.switch.begin(session.path)
        await session.path.start(session.desk.features.symbols)
        session.compared = True
    await session.switch.heed(session.path, session.guard, session.world)
    bases = _bases(session, step, inputs)
    with book.together():
        _heard(session)
        _signals(session, bases, tick)
        ended = session.path.desk.watch(session.world())
    await session.path.cancel(ended)
    await _hours(session)
    await _asked(session, bases, tick)
    book.write(Draft(at=tick, kind=Kind.NOTE, id=note_of(session.run), body={"tick": tick}))
    session.switch.save(session.path)
    session.switch.beat(session.path, session.world(), session.says)


def last_done(journal: Journal, run: str) -> Instant:
    """The last tick that a journal says was taken to its end by a session; 0 where none was."""
    entries = journal.entries(Wanted(id=note_of(run), kinds=(Kind.NOTE,)))
    return max((int(entry.content().get("tick", 0)) for entry in entries), default=0)


def note_of(run: str) -> str:
    """The id of a session's own notes in the journal."""
    return f"ticks-{run}"


async def _asked(session: Session, bases: Mapping[str, Basis], tick: Instant) -> None:
    """Plan, cancel and send until a plan holds nothing new; a fill that came meanwhile may have made room for the other side.

    Nothing is waited for after that plan: what the journal says when the tick is noted as done is what the plan was made from.
    """
    book, hours = session.path.desk.book, session.path.desk.hours
    lasts = Lasts.DAY if hours is not None and hours.open else Lasts.OPG
    tried, looked = set[str](), False
    for _ in range(ROUNDS):
        _heard(session)
        planned = session.asks.plan(session.account, book, tick, lasts)
        orders = [one for one in planned.orders if one.intent.order_id not in tried]
        cancels = [name for name in planned.cancels if name not in tried]
        if orders or cancels:
            tried.update(cancels, (one.intent.order_id for one in orders))
            await session.path.cancel(cancels)
            await _sent(session, orders, bases)
            if any(name not in book.live for name in cancels):
                tried.clear()  # there is room again, for what was denied, too
        elif session.denied and not looked:
            looked = True
            await session.path.settle()
        else:
            return


async def _sent(session: Session, orders: Sequence[Planned], bases: Mapping[str, Basis]) -> None:
    """Send, and keep what became of it."""
    if not orders:
        return
    rest = {one.decision: bases[one.intent.symbol] for one in orders}
    outcomes = await session.path.send_all(orders, session.world(), rest)
    session.outcomes.extend(outcomes)
    for one, outcome in zip(orders, outcomes, strict=True):
        if outcome.sent:
            session.denied.pop(one.intent.symbol, None)
        else:
            session.denied[one.intent.symbol] = f"{outcome.code}: {outcome.sentence}"


def _heard(session: Session) -> None:
    """Take what the broker has told; it is on the disk with whatever is written next."""
    with session.path.desk.book.together():
        for update in session.told():
            session.path.heard(update)


async def _hours(session: Session) -> None:
    """Ask for the broker's hours where those that are known are over."""
    desk = session.path.desk
    now = desk.clock.now()
    if desk.hours is None or now >= min(desk.hours.next_open, desk.hours.next_close):
        desk.hours = await session.path.gateway.hours()


def _bases(session: Session, step: Step, inputs: str) -> dict[str, Basis]:
    symbols = session.desk.features.symbols
    return {
        symbol: Basis(inputs=inputs, signal=signal_of(session.desk, step, k), simulated=session.simulated)
        for k, symbol in enumerate(symbols)
    }


def _signals(session: Session, bases: Mapping[str, Basis], tick: Instant) -> None:
    """Every symbol's inputs and signal in one append; what is there already is not written twice."""
    book, drafts = session.path.desk.book, []
    for symbol, basis in bases.items():
        name = decision_id(session.run, tick, symbol, STRATEGY)
        if name not in book.decided:
            inputs = {"inputs": basis.inputs, "simulated": basis.simulated}
            drafts.append(Draft(at=tick, kind=Kind.INPUTS, id=name, body=inputs))
            drafts.append(Draft(at=tick, kind=Kind.SIGNAL, id=name, body=dict(basis.signal)))
    book.write(*drafts)

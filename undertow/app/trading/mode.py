"""``--mode trading``: history up to the session is the warm-up, then tick after tick through the order path."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from undertow.app import clock
from undertow.app.aside import take_in
from undertow.app.choose import Tell
from undertow.app.job import Job
from undertow.app.modes import result_of, warm_ticks, warmed
from undertow.app.prepare import Prepared, prepare, rest
from undertow.app.trading.basis import Inputs
from undertow.app.trading.clock import SessionClock
from undertow.app.trading.feed import Played
from undertow.app.trading.folder import Folder, paper_folder
from undertow.app.trading.limits import limits_of
from undertow.app.trading.recording import Recording
from undertow.app.trading.session import Session, last_done, played
from undertow.app.trading.switch import Guarded, Switch
from undertow.app.trading.tell import Each, both, telling
from undertow.app.trading.wants import asks_of
from undertow.app.trading.world import PaperWorld
from undertow.app.wiring import BAND, BAR_SPAN
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64
from undertow.core.time import DAY
from undertow.engine.result import RunResult
from undertow.engine.run import Step, run
from undertow.engine.ticks import session_ticks
from undertow.execution.paper.account import PaperAccount
from undertow.execution.paper.floor import Floor
from undertow.execution.paper.gateway import PaperGateway
from undertow.execution.path.book import Book
from undertow.execution.path.desk import Desk as OrderDesk
from undertow.execution.path.send import Path as OrderPath
from undertow.tape.journal.journal import Journal, journal_of


def trading(job: Job, home: Path, calendar: Calendar, tell: Tell, each: Each, where: Path | None = None) -> RunResult:
    """One recorded or simulated session on paper, tick by tick as it would arrive; stopped anywhere, it goes on where it was.

    ``where`` is the home of the session's folder, by default the data's own.
    """
    job = replace(job, first=job.last)
    made = prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), tell)
    folder = paper_folder(where or home, job, calendar)
    with journal_of(folder.path, os.environ) as journal:
        session = paper_session(made, folder, journal, home, where or home)
        made = replace(made, desk=session.desk, notes=(*made.notes, *_begun(folder)))
        with telling(job, home, folder.path) as teller:
            steps = _whole(made, session, journal, calendar, tell, both(teller, each))
    if session.stop.is_set():
        require_decision(steps)
    else:
        folder.finish(job)
    result = result_of(made, steps, calendar)
    return replace(result, notes=(*result.notes, *ended(session)))


def paper_session(made: Prepared, folder: Folder, journal: Journal, home: Path, control: Path) -> Session:
    """A session of the simulated broker on the job's own market; limits are the home's, ``control`` is where persons ask for a halt."""
    job, market, calendar = made.job, made.market, made.desk.calendar
    limits = limits_of(job, home)
    feed = Played(market.chunks, int(warm_ticks(made, calendar)[-1]), job.speed)
    floor = Floor(job.symbols, job.capital, made.desk.costs, calendar, kind=market.bars, span=BAR_SPAN, book=folder.book)
    account, gateway = PaperAccount(floor, BAND, job.portfolio), PaperGateway(floor, feed.now)
    take_in(journal, folder.path, clock.now())
    switch = Switch(control, folder.path, folder.run)
    desk, guard = OrderDesk(Book(journal), limits, SessionClock(feed.now), real=False), Guarded(gateway, switch.keeper)
    return Session(
        asks=asks_of(folder.run, job, int(calendar.close[job.last]), turns=True),
        desk=replace(made.desk, broker=account),
        account=account,
        path=OrderPath(desk, guard),
        guard=guard,
        switch=switch,
        feed=feed,
        recording=Recording(folder.path),
        inputs=Inputs(folder.run),
        world=PaperWorld(gateway=gateway, calendar=calendar, limits=limits, sectors=job.portfolio.sectors),
        told=gateway.told,
        simulated=market.source.simulated,
        live_from=int(ticks_of(made, calendar)[0]),
    )


def ticks_of(made: Prepared, calendar: Calendar) -> I64:
    """When the session decides."""
    return session_ticks(calendar, made.job.last, made.market.every or DAY)


def _whole(made: Prepared, session: Session, journal: Journal, calendar: Calendar, tell: Tell, each: Each) -> list[Step]:
    """The warm-up, the session, and what became known after its last decision."""
    ticks = ticks_of(made, calendar)
    steps = warmed(made, calendar, session.live_from, tell)
    done = last_done(journal, session.run)
    steps += asyncio.run(played(session, ticks, done, lambda step: each(session, step)))
    if not session.stop.is_set():
        steps += run([rest(made.market.chunks, ticks)], session.desk, live_from=session.live_from)
    for update in session.told():
        session.path.heard(update)
    return steps


def require_decision(steps: Sequence[Step]) -> None:
    """Raise ``KeyboardInterrupt`` where a session was stopped before it decided once: there is nothing to tell of it."""
    if not any(len(step.ticks) for step in steps):
        raise KeyboardInterrupt


def _begun(folder: Folder) -> tuple[str, ...]:
    return (f"The session {folder.run} had been stopped before its end, and went on from there.",) if folder.begun else ()


def ended(session: Session) -> Iterator[str]:
    """What became of orders, and how far trading was allowed at the end."""
    sent = sum(one.sent for one in session.outcomes)
    codes = [one.code for one in session.outcomes if not one.sent]
    denied = ", ".join(f"{codes.count(code)} for {code.replace('_', ' ')}" for code in dict.fromkeys(codes))
    if session.stop.is_set():
        yield "The session was stopped before its end; the same command goes on with it."
    if session.outcomes:
        yield f"{sent} orders were sent to the {session.path.gateway.name}, {len(codes)} were denied{f': {denied}' if denied else ''}."
    state = session.path.desk.state
    if state.code:
        yield f"Trading ended {state.mode.value}: {state.why}"

"""Trading on a market that is alive: the vendors' streams in, orders to a broker or to the simulated one, until the close or Ctrl-C."""

from __future__ import annotations

import asyncio
import os
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np

from undertow.app import clock
from undertow.app.aside import take_in
from undertow.app.brokers import Alpaca, belongs
from undertow.app.choose import Tell
from undertow.app.clock import WallClock
from undertow.app.job import Job, new_york_day
from undertow.app.modes import result_of, warm_ticks, warmed
from undertow.app.prepare import Prepared, prepare
from undertow.app.trading.desk import Ground, Place, alpaca_place, paper_place, ticks_after
from undertow.app.trading.feed import FAST, Played
from undertow.app.trading.folder import ROOM, paper_folder
from undertow.app.trading.mode import ended, require_decision
from undertow.app.trading.morning import morning
from undertow.app.trading.past import gone_through
from undertow.app.trading.pulse import beating, listening, streaming_in
from undertow.app.trading.session import Session, played
from undertow.app.trading.streams import streaming
from undertow.app.trading.tell import Each, both, telling
from undertow.app.vendors.desk import Desk as VendorDesk
from undertow.app.vendors.recorder import Recording as Streams
from undertow.app.wiring import BAR_SPAN
from undertow.core.calendar import Calendar
from undertow.core.errors import BadInput, BrokerError, StoreError
from undertow.core.time import Instant, iso
from undertow.engine.result import RunResult
from undertow.engine.run import Batch, Step, run
from undertow.execution.arming import armed, may_send_real
from undertow.execution.control.keeper import NAME as CONTROL
from undertow.execution.gateway.words import Money
from undertow.execution.path.check import account_problem
from undertow.sources.wire.errors import Unauthorised
from undertow.tape.journal.journal import Journal, journal_of


def position_of(calendar: Calendar, now: Instant) -> int:
    """Today's session. Raises ``BadInput`` where the market does not open any more today."""
    position = calendar.last_closed(now) + 1
    if calendar.day[position] != new_york_day(now):
        raise BadInput(
            f"The market is closed until {iso(int(calendar.open[position]))}: --end-date YYYY-MM-DD plays a session that is over, on paper."
        )
    return position


def live(job: Job, home: Path, calendar: Calendar, tell: Tell, each: Each, broker: Alpaca | None) -> RunResult:
    """Today's session, with a broker or on paper. Raises ``BadInput`` and ``BrokerError`` where it may not be traded: nothing is sent."""
    position = position_of(calendar, job.now)
    money = None if broker is None else asyncio.run(_money(broker))
    _refuse(job, home, calendar, broker, money, simulated=False)
    morning(job, home, calendar, tell)
    job = replace(job, first=position, last=calendar.last_closed(job.now))
    made = prepare(job, home, calendar, job.now, tell)
    _refuse(job, home, calendar, broker, money, simulated=made.market.source.simulated)
    ticks_after(made, calendar, job.now)
    root, name = _root(job, home, calendar, broker, money)
    vendors = VendorDesk(job.access, home, WallClock())
    with ExitStack() as stack:
        stack.callback(vendors.close)
        journal = stack.enter_context(journal_of(root, os.environ))
        take_in(journal, root, clock.now())
        ground = Ground(made=made, journal=journal, root=root, run=name, home=home, calendar=calendar)
        place = paper_place(ground) if broker is None or money is None else alpaca_place(ground, broker, money)
        since = job.now // BAR_SPAN * BAR_SPAN  # of a bar that has begun the stream tells only the rest
        streams, _ = stack.enter_context(streaming(vendors, home, job.symbols, place.kinds, place.feed.take, since))
        place.teller = stack.enter_context(telling(job, home, home / ROOM / name, broker.keys if broker else None))
        steps = _before(made, place, journal, calendar, tell)
        steps += asyncio.run(_session(made, place, streams, calendar, both(place.teller, each)))
        steps += _after(place.session)
    require_decision(steps)
    result = result_of(replace(made, desk=place.session.desk), steps, calendar)
    return replace(result, notes=(*result.notes, *ended(place.session), *place.says))


def _refuse(job: Job, home: Path, calendar: Calendar, broker: Alpaca | None, money: Money | None, *, simulated: bool) -> None:
    """Raise ``BadInput`` with the reason why the broker's account may not be traded, on data that are ``simulated`` or not."""
    if broker is None or money is None:
        return
    why = account_problem(money, job.account or "")
    why = why or may_send_real(simulated, broker.real, armed(home / CONTROL), money.number, job.account, clock.now(), calendar) or ""
    if why:
        raise BadInput(why)


async def _money(broker: Alpaca) -> Money:
    gateway = broker.gateway()
    try:
        return await gateway.money()
    except BrokerError as error:
        if isinstance(error.__cause__, Unauthorised):
            raise BadInput(str(error)) from error
        raise
    finally:
        await gateway.close()


def _root(job: Job, home: Path, calendar: Calendar, broker: Alpaca | None, money: Money | None) -> tuple[Path, str]:
    """The account's folder and the session's name."""
    if broker is None or money is None:
        folder = paper_folder(home, replace(job, last=job.first), calendar)
        return folder.path, folder.run
    root = home / ROOM / f"{'live' if broker.real else 'paper'}-{money.number}"
    root.mkdir(parents=True, exist_ok=True)
    belongs(root, real=broker.real)
    return root, f"{root.name}-{calendar.day[job.first]}"


def _before(made: Prepared, place: Place, journal: Journal, calendar: Calendar, tell: Tell) -> list[Step]:
    """History, and what the session itself decided before it was stopped."""
    session, past = place.session, place.past
    warmed(replace(made, desk=session.desk), calendar, session.live_from, tell)
    if past is None:
        return []
    begins = int(warm_ticks(made, calendar)[-1])
    met = Played(tuple(session.recording.read(made.job.symbols, begins, past.last)), begins, FAST)
    account = place.watched.account if place.watched else None
    return list(gone_through(session, account, journal, past, met.skip))


def _after(session: Session) -> list[Step]:
    """What was told after the last decision."""
    return list(run([Batch((), np.empty(0, np.int64))], session.desk, live_from=session.live_from))


async def _session(made: Prepared, place: Place, streams: Streams, calendar: Calendar, each: Each) -> list[Step]:
    session = place.session
    ticks = ticks_after(made, calendar, clock.now())
    await place.begin()
    tasks = [asyncio.create_task(one) for one in (streaming_in(streams, session), listening(place), beating(place, ticks))]
    for task in tasks:
        task.add_done_callback(lambda one: session.stop.set() if not one.cancelled() and one.exception() else None)
    try:
        steps = await played(session, ticks, 0, lambda step: each(session, step))
    finally:
        streams.stop.set()
        for task in tasks[1:]:
            task.cancel()
        broken = [one for one in await asyncio.gather(*tasks, return_exceptions=True) if isinstance(one, Exception)]
        await _leave(place)
        place.take_fills()
    if broken:
        raise broken[0]
    return steps


async def _leave(place: Place) -> None:
    """Nothing of ours works on when nobody watches it; positions stay."""
    session = place.session
    try:
        await session.path.cancel_all()
        await session.path.reconcile()
        session.switch.save(session.path)
        session.switch.beat(session.path, session.world())
    except (BrokerError, StoreError) as error:
        place.says.append(f"At the end not everything could be done, so look for working orders at your broker: {error}")
    finally:
        await session.guard.close()

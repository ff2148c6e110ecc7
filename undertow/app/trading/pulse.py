"""What goes on beside a live session's decisions: streams, the broker's updates, and a heartbeat that heeds persons."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import numpy as np

from undertow.app import clock
from undertow.app.aside import take_in
from undertow.app.clock import WallClock
from undertow.app.trading.desk import Place
from undertow.app.trading.session import Session
from undertow.app.vendors.recorder import Recording, record
from undertow.core.chunk import I64
from undertow.core.errors import BrokerError, StoreError
from undertow.core.time import DAY, SECOND, Duration, Instant

COMPARED: Duration = 60 * SECOND  #: between two comparisons with the broker
QUIET: Duration = 10 * SECOND  #: before a decision nothing is asked of the broker that can wait
CONNECTING: Duration = 90 * SECOND  #: within which streams that were never heard wake nobody
FIRST, LONGEST = SECOND, 30 * SECOND  #: between two tries to listen


async def streaming_in(streams: Recording, session: Session) -> None:
    """The vendors' streams; where they end by themselves the session does, for nothing is decided blindly."""
    try:
        await record(streams)
    finally:
        session.stop.set()


async def listening(place: Place) -> None:
    """Listen to the broker; a stream that is lost is connected anew, and everything is compared before anything new is opened."""
    if place.watched is None:
        return
    session, own, pause = place.session, WallClock(), FIRST
    while True:
        told = asyncio.create_task(session.path.follow(lambda _: place.heard.orders()))
        try:
            await _opened(told, session.guard.listening)
            async with session.lock:
                await session.path.start(session.desk.features.symbols)
            pause = FIRST
            await told
        except BrokerError:
            await own.sleep(pause)
            pause = min(pause * 2, LONGEST)
        finally:
            told.cancel()
            await asyncio.gather(told, return_exceptions=True)


async def _opened(told: asyncio.Task[None], listening: asyncio.Event) -> None:
    """Wait until the stream is open. Raises ``BrokerError`` as soon as it was refused, or where it takes too long."""
    opened = asyncio.create_task(listening.wait())
    try:
        await asyncio.wait({told, opened}, timeout=LONGEST / SECOND, return_when=asyncio.FIRST_COMPLETED)
    finally:
        opened.cancel()
    if told.done():
        told.result()
    if not listening.is_set():
        raise BrokerError("the broker's stream of updates was not opened in time")


async def beating(place: Place, ticks: I64) -> None:
    """About once a second: what persons ask for, what the gate no longer allows, what was lost; then the heartbeat."""
    asked = compared = clock.now()
    while True:
        await asyncio.sleep(1.0)
        now = clock.now()
        if place.watched is not None:
            if place.session.guard.listening.is_set():
                place.heard.orders()
            if now - asked >= place.watched.every:
                asked = now
                with suppress(BrokerError):
                    await place.watched.refresh()
        async with place.session.lock:
            with suppress(BrokerError, StoreError):
                if await _looked_after(place, _until(ticks, now), now - compared >= COMPARED):
                    compared = now


async def _looked_after(place: Place, left: Duration, due: bool) -> bool:
    """Do what cannot wait, and what can if there is time; whether broker and journal were compared."""
    session = place.session
    path = session.path
    due |= path.desk.book.joined(lambda journal: take_in(journal, place.root, clock.now()))
    done = False
    await session.switch.heed(path, session.guard, session.world)
    if session.compared:
        await path.cancel(path.desk.watch(session.world()))
        if left > QUIET:
            await path.settle()
            if due:
                await path.reconcile()
                done = True
    session.switch.save(path)
    session.says = place.heard.report().says
    if place.teller is not None and (place.fresh or clock.now() - place.begun > CONNECTING):
        place.teller.feeds(session.says)
    place.fresh |= not session.says
    session.switch.beat(path, session.world(), session.says)  # last: whoever sees it finds the rest
    return done


def _until(ticks: I64, now: Instant) -> Duration:
    after = int(np.searchsorted(ticks, now, side="right"))
    return int(ticks[after]) - now if after < len(ticks) else DAY

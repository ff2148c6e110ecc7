"""Recording live streams onto the tape: one teller a kind, rows in batches, and a note of what need not be downloaded any more.

A stream stamps trades in milliseconds and REST in nanoseconds, so that the tape cannot see that two rows are one trade. Therefore what was
recorded without a gap is noted as fetched, in the terms in which downloads ask: a later download asks for the rest alone. The note and
the rows end at one instant: rows are held until what was sent before them has surely come, and those before the beginning or after the
end are left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Protocol

from undertow.app.vendors.keeper import LINGER, Keeper, Whole
from undertow.core.chunk import Chunk
from undertow.core.events import Event
from undertow.core.time import SECOND, Instant
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import NotEntitled, Unauthorised, WireError
from undertow.sources.wire.socket_stream import StreamReport

LOOK = SECOND // 4  #: between two looks at what is to be done
_LEAVE = 15.0  # seconds of the machine that a stream gets to end


class Live(Protocol):
    """``MassiveLive`` and ``UnusualWhalesLive``."""

    def live(self, symbols: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        """Chunks in the order of receipt until ``stop``."""
        ...

    def stop(self) -> None:
        """End ``live`` soon."""
        ...

    def report(self) -> StreamReport | None:
        """Its state; None before it began."""
        ...


@dataclass(slots=True, kw_only=True)
class Teller:
    """A stream, and the account of what it brings."""

    live: Live
    whole: Whole
    kinds: tuple[type[Event], ...]  #: that are taken from it
    refused: WireError | None = None  #: why the vendor does not stream to this key


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """What is recorded and until when; ``until`` None: until ``stop`` is set."""

    symbols: tuple[str, ...]
    tellers: tuple[Teller, ...]
    keeper: Keeper
    clock: Clock
    until: Instant | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    tell: Callable[[], None] | None = None  #: called a few times a second
    also: Callable[[Chunk], None] | None = None  #: whoever else wants the chunks, as they come


async def record(asked: Recording) -> None:
    """Stream until ``until`` or ``stop``, then a few seconds more for rows that are under way, and put everything on the tape.

    Raises ``Unauthorised`` or ``NotEntitled`` where every vendor refuses, and ``StoreError``; what came before it is on the tape.
    """
    tasks = [asyncio.create_task(_listen(asked, teller)) for teller in asked.tellers]
    try:
        while not asked.stop.is_set() and not _is_over(asked) and not all(task.done() for task in tasks):
            await _look(asked)
        asked.keeper.end(asked.clock.now(), _streams(asked))
        over = asked.clock.now() + LINGER
        while asked.clock.now() < over and not all(task.done() for task in tasks):
            await _look(asked)
    finally:
        for teller in asked.tellers:
            teller.live.stop()
        _, late = await asyncio.wait(tasks, timeout=_LEAVE)
        for task in late:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(asked.keeper.write, asked.keeper.last(_streams(asked)))
    for end in ends:
        if isinstance(end, Exception):
            raise end
    refusals = [teller.refused for teller in asked.tellers if teller.refused is not None]
    if refusals and len(refusals) == len(asked.tellers):
        raise refusals[0]


def _is_over(asked: Recording) -> bool:
    return asked.until is not None and asked.clock.now() >= asked.until


async def _look(asked: Recording) -> None:
    """Write what is due, without keeping the sockets waiting, and say how it goes."""
    now = asked.clock.now()
    if asked.keeper.due(now):
        await asyncio.to_thread(asked.keeper.write, asked.keeper.batch(now, _streams(asked)))
    if asked.tell is not None:
        asked.tell()
    await asked.clock.sleep(LOOK)


async def _listen(asked: Recording, teller: Teller) -> None:
    try:
        async with aclosing(teller.live.live(asked.symbols)) as chunks:
            async for chunk in chunks:
                if chunk.kind in teller.kinds:
                    asked.keeper.take(teller.whole, chunk)
                    if asked.also is not None:
                        asked.also(chunk)
    except (Unauthorised, NotEntitled) as error:
        teller.refused = error


def _streams(asked: Recording) -> list[tuple[Whole, StreamReport]]:
    told = ((teller.whole, teller.live.report()) for teller in asked.tellers)
    return [(whole, report) for whole, report in told if report is not None]

"""A vendor's socket as a live source: what every vendor's has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from undertow.core.chunk import Chunk
from undertow.core.events import Event
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.socket import Supervisor
from undertow.sources.wire.socket_merge import Merge
from undertow.sources.wire.socket_state import Dialect, Policy
from undertow.sources.wire.socket_stream import Backfill, Filling, Parse, Stream, StreamReport, backfill_from

if TYPE_CHECKING:
    import numpy as np


class SocketSource(ABC):
    """Streams one socket. A vendor says what to ask for and how to read it, in ``_streaming``.

    name, kinds : as ``core.protocols.Source`` says
    stream      : of the latest ``live``
    """

    name: str
    kinds: tuple[type[Event], ...]
    simulated = False

    def __init__(self, *, clock: Clock, chance: np.random.Generator, backfill: Sequence[Source] = ()) -> None:
        self.stream: Stream | None = None
        self._clock, self._chance, self._backfill = clock, chance, tuple(backfill)

    async def live(self, symbols: Sequence[str]) -> AsyncGenerator[Chunk, None]:
        """Chunks of rows in the order of their receipt, graded recorded, until ``stop``; close it when done.

        Raises ``Unauthorised`` or ``NotEntitled`` where the vendor refuses; any other fault is waited out and shows in ``report``.
        """
        self.stream = self._streaming(tuple(symbols))
        chunks = self.stream.chunks()
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    def stop(self) -> None:
        """End ``live`` soon."""
        if self.stream is not None:
            self.stream.supervisor.stop()

    def report(self) -> StreamReport | None:
        """The state of the latest ``live``; None before the first."""
        return None if self.stream is None else self.stream.report()

    @abstractmethod
    def _streaming(self, symbols: tuple[str, ...]) -> Stream: ...

    def _supervised(self, dialect: Dialect, policy: Policy, topics: Sequence[str], since: Instant | None) -> Supervisor:
        supervisor = Supervisor(dialect, clock=self._clock, chance=self._chance, policy=policy)
        supervisor.covered = since
        supervisor.subscribe(topics)
        return supervisor

    def _stream(
        self, supervisor: Supervisor, parse: Parse, symbols: tuple[str, ...], filling: Filling, merge: Merge | None = None
    ) -> Stream:
        fill: Backfill | None = backfill_from(self._backfill, symbols, self.kinds) if self._backfill else None
        return Stream(supervisor, parse, symbols=symbols, clock=self._clock, merge=merge, backfill=fill, filling=filling)

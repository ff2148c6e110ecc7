"""Derived flow as a source: option prints of another source in, flow alerts out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, empty_chunk
from undertow.core.errors import BadInput
from undertow.core.events import Event, FlowAlert, OptionTrade
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.sources.tape_derived.flow import NAME, DerivedFlow, Settings


class TapeDerivedSource:
    """A ``core.protocols.Source`` of ``FlowAlert``, worked out from the ``OptionTrade`` rows of ``prints``; simulated where those are."""

    name = NAME
    kinds: tuple[type[Event], ...] = (FlowAlert,)

    def __init__(self, prints: Source, settings: Settings | None = None) -> None:
        """Raises ``BadInput`` for a source without option prints."""
        if OptionTrade not in prints.kinds:
            raise BadInput(f"Flow cannot be derived from {prints.name}: it has no option prints.")
        self.simulated = prints.simulated
        self.settings = settings or Settings()
        self._prints = prints

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Alerts with ``after < known_at <= until``; exact for any cut, for the prints are read from the beginning of the day."""
        if until <= after or not symbols:
            return
        calendar, flow = nyse(), DerivedFlow(symbols, self.settings)
        at = int(calendar.position(after))
        start = min(after, int(calendar.midnight[at]) - 1) if at >= 0 else after
        for chunk in self._prints.history(symbols, start, until):
            if chunk.kind is OptionTrade and len(chunk):
                yield flow.push(chunk, int(chunk.known_at[-1])).between(after, until)
        yield flow.push(empty_chunk(OptionTrade, symbols), until).between(after, until)

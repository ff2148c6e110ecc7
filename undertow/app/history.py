"""Reading what features rest on: of each kind no more than its memory, and of other symbols only what is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from undertow.app.choose import Needs
from undertow.app.wiring import warm_up
from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, CorporateAction, DailyBar, Event, IndexLevel
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.memory import Memory

#: what other symbols, such as SPY, are looked at for; their prices are continuous only over their own splits
OF_CONTEXT: tuple[type[Event], ...] = (CorporateAction, Bar, DailyBar, IndexLevel)


def needs_of(features: FeatureEngineering, first: int, calendar: Calendar, until: Instant) -> Needs:
    """From when on each kind has to be read for the features to be known from session ``first``."""
    return Needs(kinds=starts_of(features.memories(), first, calendar), until=until)


def starts_of(memories: Mapping[type[Event], Memory], first: int, calendar: Calendar) -> dict[type[Event], Instant]:
    """Kind -> from when on it has to be read for what has these memories to be known from session ``first``."""
    starts = {kind: int(calendar.midnight[max(first - warm_up({kind: memory}), 0)]) for kind, memory in memories.items()}
    if CorporateAction in starts:
        starts[CorporateAction] = min(starts.values())  # they come in full wherever one begins
    return starts


def read(source: Source, symbols: Sequence[str], span: Needs) -> Iterator[Chunk]:
    """Every kind from its own beginning; kinds that begin together are read together."""
    everything = source.kinds
    try:
        for after in sorted(set(span.kinds.values())):
            source.kinds = tuple(kind for kind, begins in span.kinds.items() if begins == after and kind in everything)
            if source.kinds:
                yield from (chunk for chunk in source.history(symbols, after, span.until) if chunk.kind in source.kinds and len(chunk))
    finally:
        source.kinds = everything


def read_context(source: Source, symbols: Sequence[str], span: Needs) -> list[Chunk]:
    """Bars and levels of other symbols; none where the source does not tell of them."""
    kinds = {kind: after for kind, after in span.kinds.items() if kind in OF_CONTEXT}
    if not symbols or not kinds:
        return []
    try:
        return list(read(source, symbols, Needs(kinds=kinds, until=span.until)))
    except BadInput:
        return []

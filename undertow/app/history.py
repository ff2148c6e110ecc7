"""Reading what features rest on: of each kind no more than its memory, and of other symbols only what is named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from undertow.app.choose import Needs
from undertow.app.wiring import warm_up
from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, CorporateAction, DailyBar, Event, IndexLevel
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.features.engineering import FeatureEngineering

#: what other symbols, such as SPY, are looked at for
OF_CONTEXT: tuple[type[Event], ...] = (Bar, DailyBar, IndexLevel)


def needs_of(features: FeatureEngineering, first: int, calendar: Calendar, until: Instant) -> Needs:
    """From when on each kind has to be read for the features to be known from session ``first``."""
    starts = {kind: int(calendar.midnight[max(first - warm_up({kind: memory}), 0)]) for kind, memory in features.memories().items()}
    if CorporateAction in starts:
        starts[CorporateAction] = min(starts.values())  # they come in full wherever one begins
    return Needs(kinds=starts, until=until)


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


def read_context(source: Source, features: FeatureEngineering, span: Needs) -> list[Chunk]:
    """Bars and levels of the other symbols that features name; none where the source does not tell of them."""
    kinds = {kind: after for kind, after in span.kinds.items() if kind in OF_CONTEXT}
    if not features.context or not kinds:
        return []
    try:
        return list(read(source, features.context, Needs(kinds=kinds, until=span.until)))
    except BadInput:
        return []

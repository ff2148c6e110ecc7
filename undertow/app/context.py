"""What a job's strategies look at: features of its own symbols, and of others around them, such as SPY, that tell of the market.

This is the one place that says which others are looked at and whether anything is told of them. Their rows are kept apart from the job's
own (``Market.around``) and handed to nothing but the features (``wiring.build_desk``): models, labels and the account never meet them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from undertow.app.choose import Needs
from undertow.app.history import OF_CONTEXT, read_context, starts_of
from undertow.app.job import Job
from undertow.app.wiring import Market, book_of, looked_at, no_data, serving_begins
from undertow.core.calendar import Calendar
from undertow.core.events import CorporateAction, Event
from undertow.core.time import DAY, Duration, Instant
from undertow.features.engineering import Feature
from undertow.features.language.memory import Memory

#: before a job's first session; whoever was told of for the last time earlier counts as not told of
SILENT: Duration = 5 * DAY


def needs_around(job: Job, calendar: Calendar, until: Instant) -> tuple[Needs, ...]:
    """What strategies look at of other symbols: each kind once, as far back as its features remember, from where all features begin."""
    whose: dict[type[Event], set[str]] = {}
    memories: dict[type[Event], Memory] = {}
    for one in looked_at(job, calendar).features.values():
        others = _others(one, job)
        for kind, memory in one.memories().items():
            if others and kind in OF_CONTEXT:
                whose.setdefault(kind, set()).update(others)
                memories[kind] = memories.get(kind, Memory()).either(memory)
    together: dict[tuple[str, ...], dict[type[Event], Memory]] = {}
    for kind, symbols in whose.items():
        together.setdefault(tuple(sorted(symbols)), {})[kind] = memories[kind]
    begin = serving_begins(job)
    return tuple(Needs(kinds=starts_of(own, begin, calendar), until=until, symbols=symbols) for symbols, own in together.items())


def looking(market: Market, job: Job, calendar: Calendar, around: Sequence[Needs]) -> Market:
    """The same market with what the job's strategies look at, and with what has to be said where there are no data of it."""
    chunks = tuple(chunk for one in around for chunk in read_context(market.source, one.symbols, one))
    begins = int(calendar.midnight[job.first]) - SILENT
    told = {(c.kind, c.symbols[k]) for c in chunks for k in np.unique(c.key[c.known_at > begins]).tolist()}
    here = {chunk.kind for chunk in market.chunks if len(chunk)} | {CorporateAction}
    looked, unknown = [], list[set[str]]()
    for name, one in looked_at(job, calendar).features.items():
        kinds, others = set(one.memories()), _others(one, job)
        silent = {symbol for symbol in others if not any((kind, symbol) in told for kind in kinds - {CorporateAction})}
        if silent:
            unknown.append(silent)
        elif others or kinds <= here:
            looked.append(name)
    says = (*no_data(set().union(*unknown), len(unknown)), *book_of(job).idle(looked))
    return replace(market, looked_at=tuple(looked), around=chunks, notes=(*market.notes, *says))


def _others(one: Feature, job: Job) -> set[str]:
    return one.expr.symbols() - set(job.symbols)

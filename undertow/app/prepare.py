"""A job made ready: its source chosen, its models found or taught, its history read and its folds built."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from undertow.app.choose import Tell, choose_source
from undertow.app.context import needs_around
from undertow.app.gaps import holes
from undertow.app.job import Job
from undertow.app.learning import ready
from undertow.app.wiring import Market, needs
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Chunk
from undertow.core.time import Instant
from undertow.engine.run import Batch, Desk
from undertow.strategies.book import Book
from undertow.strategies.flat import Flat


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A job with its market, and the desk that will run it."""

    job: Job
    market: Market
    desk: Desk
    notes: tuple[str, ...]


def prepare(job: Job, home: Path, calendar: Calendar, until: Instant, tell: Tell) -> Prepared:
    """Choose the source, find or teach the models, read history and build the folds."""
    span = replace(needs(job, calendar, until), around=needs_around(job, calendar, until))
    chosen = choose_source(job, home, span, tell)
    made = ready(job, home, chosen.source, calendar, span, tell)
    bars = next(chunk for chunk in made.market.chunks if chunk.kind is made.market.bars)
    ended = holes(bars, job, calendar) if job.mode == "backtest" else ()
    desk, notes = made.desk, (*job.notes, *chosen.notes, *made.market.notes, *made.notes, *ended)
    if job.mode == "trading" and chosen.filled:
        desk = replace(desk, strategy=Book((Flat(),)))  # what is simulated among the vendors' data never moves money
    if made.expired:
        notes = (*notes, made.expired + (" No orders are placed on them." if job.mode == "trading" else ""))
        desk = replace(desk, strategy=Book((Flat(),))) if job.mode == "trading" else desk
    return Prepared(job=job, market=made.market, desk=desk, notes=notes)


def rest(chunks: Sequence[Chunk], ticks: I64) -> Batch:
    """What became known after the last decision: the bars that fill and mark it, the labels that judge earlier ones."""
    return Batch([c.between(int(ticks[-1]), 2**63 - 1) for c in chunks], ticks[:0])

"""What a job decides with: its market, and models from the shelf or taught now, the same bits either way.

Teaching is one run over years of history, and deciding is another, which begins as late as the features allow and finds the models taught.
Where the shelf has them all, only the second is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from undertow.app.choose import Needs, Tell
from undertow.app.context import looking
from undertow.app.job import Job
from undertow.app.shelf import EXPIRES, Frozen, JobShelf, Known, backend, name_of, promoted, state_of
from undertow.app.wiring import (
    Market,
    build_desk,
    build_framework,
    learning_begins,
    least_history,
    load,
    load_near,
    schedule_of,
    taught,
    with_kinds,
)
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Chunk
from undertow.core.errors import BadInput
from undertow.core.protocols import Source
from undertow.core.time import HOUR, Instant, iso
from undertow.engine.run import Batch, Desk, run
from undertow.engine.ticks import decision_ticks
from undertow.models.framework import Trained
from undertow.models.keeping.identity import Recipe, code, libraries
from undertow.strategies.book import Book
from undertow.strategies.flat import Flat
from undertow.tape.shelf.sets import ModelSets

#: sessions pushed at once: small enough to show progress, large enough to cost nothing
SESSIONS_A_BATCH = 21
NEVER: Instant = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """A market to decide in, a desk whose models are taught, and what has to be said of them."""

    market: Market
    desk: Desk
    notes: tuple[str, ...]
    expired: str  #: what to say of models that are too old for the job's first session; empty where they are not


def ready(job: Job, home: Path, source: Source, calendar: Calendar, span: Needs, tell: Tell) -> Ready:
    """Find or teach the job's models; raises as ``wiring.load`` does where there is too little to teach them on."""
    tell("Reading the market", 0, 1)
    try:
        near = load_near(job, source, calendar, span.until)
    except BadInput:
        load(job, source, calendar, span)  # knows more about what there is, and says so
        raise
    sets = ModelSets(home)
    recipe = recipe_of(job, near, source, calendar)
    begins = int(calendar.midnight[near.first])
    chosen = promoted(sets, recipe, begins)
    if chosen is not None:
        shelf, features, says = chosen
        tell("Reading the market", 1, 1)
        return _ready(job, looking(replace(near, features=features), job, calendar, span.around), calendar, shelf, (says,))
    own = JobShelf(sets, recipe, state_of(source, span.kinds))
    known = own.known()
    enough = known is not None and job.first - known.first >= least_history(job) and set(near.kinds) <= set(known.kinds)
    if known is None or not enough or not own.holds(due(calendar, known.first, span.until, job.retrain_every)):
        far = load(job, source, calendar, span)
        tell("Reading the market", 1, 1)
        known = Known(first=far.first, kinds=far.kinds, features=far.features, begins=0)
        own.begin(known)
        teach(job, far, calendar, own, span.until, tell)
    else:
        tell("Reading the market", 1, 1)
    near = looking(with_kinds(near, job, calendar, known.kinds), job, calendar, span.around)
    return _ready(job, near, calendar, own, tuple(own.refused))


def _ready(job: Job, market: Market, calendar: Calendar, shelf: JobShelf | Frozen, notes: tuple[str, ...]) -> Ready:
    desk = build_desk(job, market, calendar, shelf)
    begins = int(calendar.midnight[market.first])
    desk.framework.stages.extend(stage for stage in shelf.stages() if stage.at <= begins)
    return Ready(market=market, desk=desk, notes=notes, expired=expired(job, shelf.stages(), calendar))


def expired(job: Job, stages: Sequence[Trained], calendar: Calendar) -> str:
    """What to say of models that are too old for the job's first session; empty where they are not, or there are none."""
    at = max((stage.at for stage in stages if stage.at <= calendar.open[job.first]), default=None)
    age = 0 if at is None else job.first - int(calendar.position(at))
    return f"The models of {iso(at)} are {age} sessions old, more than the {EXPIRES} they are good for." if at and age > EXPIRES else ""


def recipe_of(job: Job, market: Market, source: Source, calendar: Calendar) -> Recipe:
    """What decides what the job's models are."""
    features, schedule = taught(job.symbols, market.bars, calendar), schedule_of(job)
    framework = build_framework(job, features, tuple(features.features), calendar)
    return Recipe(
        symbols=job.symbols,
        timeframe=market.timeframe,
        source=name_of(source),
        features=tuple(features.features),
        models=framework.names,
        schedule={name: getattr(schedule, name) for name in schedule.__slots__},
        begins=str(calendar.day[learning_begins(job.first, schedule)]),
        seed=framework.seed,
        libraries=libraries() | {"keras backend": backend()},
        code=code(),
    )


def due(calendar: Calendar, first: int, until: Instant, every: int) -> list[Instant]:
    """The instants at which models are retrained by a run from session ``first`` to an instant."""
    last = int(calendar.position(until))
    at = [calendar.at_time(i, 2 * HOUR) for i in range(first + 1, last + 1) if i % every == 0]
    return [one for one in at if one <= until]


def teach(job: Job, market: Market, calendar: Calendar, shelf: JobShelf, until: Instant, tell: Tell) -> None:
    """Walk through history up to the last retraining, and leave the stages on the shelf."""
    retrained = due(calendar, market.first, until, job.retrain_every)
    if not retrained:
        return
    desk = replace(build_desk(job, market, calendar, shelf), strategy=Book((Flat(),)))
    last = int(calendar.position(retrained[-1]))
    ticks = decision_ticks(calendar, range(market.first, last + 1), market.every)
    ticks = ticks[desk.framework.schedule.teaching(ticks, calendar) & (ticks <= until)]
    if ticks[-1] < retrained[-1]:
        ticks = np.append(ticks, until)
    whole = len(list(months(ticks, calendar)))
    for done, _ in enumerate(run(batches(market.chunks, ticks, calendar), desk, live_from=NEVER), start=1):
        tell("Learning from history", done, whole)


def batches(chunks: Sequence[Chunk], ticks: I64, calendar: Calendar) -> Iterator[Batch]:
    """The history in pieces of some sessions; cutting it changes no bit (law 3)."""
    before = -(2**63)
    for part in months(ticks, calendar):
        yield Batch([c.between(before, int(part[-1])) for c in chunks], part)
        before = int(part[-1])


def months(ticks: I64, calendar: Calendar) -> list[I64]:
    """Ticks cut where about a month ends."""
    month = calendar.position(ticks) // SESSIONS_A_BATCH
    return np.split(ticks, np.flatnonzero(np.diff(month)) + 1)

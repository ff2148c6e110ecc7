"""The modes of the main job: wiring only. Each hands batches to the same ``engine.run``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from undertow.app.choose import Tell, choose_source
from undertow.app.job import Job
from undertow.app.learning import batches, ready
from undertow.app.wiring import Market, build_broker, needs
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64, Chunk
from undertow.core.time import Instant
from undertow.engine.assemble import Told, assemble
from undertow.engine.result import RunResult
from undertow.engine.run import Batch, Desk, Step, run
from undertow.engine.ticks import PREMARKET_TICK, decision_ticks, session_ticks
from undertow.execution.simulated import buy_and_hold
from undertow.models.drift import watch
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
    span = needs(job, calendar, until)
    chosen = choose_source(job, home, span, tell)
    made = ready(job, home, chosen.source, calendar, span, tell)
    desk, notes = made.desk, (*job.notes, *chosen.notes, *made.market.notes, *made.notes)
    if job.mode == "trading" and chosen.filled:
        desk = replace(desk, strategy=Flat())  # what is simulated among the vendors' data never moves money
    if made.expired:
        notes = (*notes, made.expired + (" No orders are placed on them." if job.mode == "trading" else ""))
        desk = replace(desk, strategy=Flat()) if job.mode == "trading" else desk
    return Prepared(job=job, market=made.market, desk=desk, notes=notes)


def backtest(job: Job, home: Path, calendar: Calendar, tell: Tell) -> RunResult:
    """Walk forward over the job's sessions; every prediction is made by models taught on what was known before it."""
    made = prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), tell)
    ticks = np.concatenate([_warm_ticks(made, calendar), decision_ticks(calendar, range(job.first, job.last + 1), made.market.every)])
    pieces = [*batches(made.market.chunks, ticks, calendar), _rest(made.market.chunks, ticks)]
    steps = list(_told(pieces, made, int(calendar.midnight[job.first]), tell))
    return _result(made, steps, calendar)


def premarket(job: Job, home: Path, calendar: Calendar, tell: Tell) -> RunResult:
    """Signals for one morning: 09:00 New York of the session asked for, or now if that is still to come."""
    position = job.last if job.dated else _next_session(calendar, job.now)
    at = calendar.at_time(position, PREMARKET_TICK)
    at = at if job.dated else min(at, job.now)
    # history begins where it would for trading that session, so that both say the same; bars are known up to the session before
    job = replace(job, first=position, last=calendar.last_closed(at))
    made = prepare(job, home, calendar, at, tell)
    warm = _warm_ticks(made, calendar, until=at)
    ticks = np.append(warm[warm < at], at)
    steps = list(_told(list(batches(made.market.chunks, ticks, calendar)), made, at, tell))
    return _result(made, steps, calendar)


def trading(job: Job, home: Path, calendar: Calendar, tell: Tell, each: Callable[[Desk, Step], None]) -> RunResult:
    """One recorded or simulated session, tick by tick as it would arrive; history up to it is the warm-up."""
    job = replace(job, first=job.last)
    made = prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), tell)
    warm, session = _warm_ticks(made, calendar), session_ticks(calendar, job.last, made.market.every or 24 * 3600 * 10**9)
    begins = int(session[0])
    steps = list(_told(list(batches(made.market.chunks, warm, calendar)), made, begins, tell))
    for step in run(_one_by_one(made.market.chunks, int(warm[-1]), session), made.desk, live_from=begins):
        steps.append(step)
        each(made.desk, step)
    steps += run([_rest(made.market.chunks, session)], made.desk, live_from=begins)
    return _result(made, steps, calendar)


def _next_session(calendar: Calendar, now: Instant) -> int:
    """The session whose close is still to come."""
    return calendar.last_closed(now) + 1


def _warm_ticks(made: Prepared, calendar: Calendar, until: Instant | None = None) -> I64:
    """The teaching ticks of the sessions before the job's first."""
    sessions = range(made.market.first, made.job.first if until is None else int(calendar.position(until)) + 1)
    ticks = decision_ticks(calendar, sessions, made.market.every)
    return ticks[made.desk.framework.schedule.teaching(ticks, calendar)]


def _one_by_one(chunks: Sequence[Chunk], before: Instant, ticks: I64) -> Iterator[Batch]:
    for i in range(len(ticks)):
        yield Batch([c.between(before, int(ticks[i])) for c in chunks], ticks[i : i + 1])
        before = int(ticks[i])


def _rest(chunks: Sequence[Chunk], ticks: I64) -> Batch:
    """What became known after the last decision: the bars that fill and mark it, the labels that judge earlier ones."""
    return Batch([c.between(int(ticks[-1]), 2**63 - 1) for c in chunks], ticks[:0])


def _told(pieces: Sequence[Batch], made: Prepared, live_from: Instant, tell: Tell) -> Iterator[Step]:
    """Run, telling how far it has come once it decides."""
    learning = sum(1 for batch in pieces if len(batch.ticks) and batch.ticks[-1] < live_from)
    for done, step in enumerate(run(pieces, made.desk, live_from=live_from), start=1):
        if done > learning:
            tell("Deciding", done - learning, len(pieces) - learning)
        yield step


def _result(made: Prepared, steps: Sequence[Step], calendar: Calendar) -> RunResult:
    market, job, stages = made.market, made.job, made.desk.framework.stages
    # promoted models that go on past a retraining are one stage still
    stages[:] = [stage for i, stage in enumerate(stages) if i == 0 or stage is not stages[i - 1]]
    bars = next(c for c in market.chunks if c.kind is market.bars)
    decided = [s for s in steps if len(s.ticks)]
    first, last = int(decided[0].ticks[0]), int(decided[-1].ticks[-1])
    told = Told(
        mode=job.mode,
        timeframe=market.timeframe,
        capital=job.capital,
        costs=made.desk.costs,
        sources=market.described(),
        simulated=market.source.simulated,
        tables=market.tables,
        notes=made.notes,
        known_until=max(int(c.known_at[c.known_at <= last].max(initial=0)) for c in market.chunks),
    )
    until = max(last + 1, *(int(c.known_at[-1]) for c in market.chunks if len(c)))
    hold = buy_and_hold(build_broker(job, market, calendar, made.desk.costs), market.chunks, first, until)
    return watched(assemble(made.desk, steps, bars, (hold.at, hold.key, hold.equity), told), calendar)


def watched(result: RunResult, calendar: Calendar) -> RunResult:
    """The same result, with a note for each drift alarm that rang over its judged decisions."""
    judged = result.judged
    outcome = np.where(np.isfinite(judged.value), judged.value > 0.0, np.nan)
    alarms = watch(np.asarray(calendar.position(judged.decided_at)), judged.p_up, outcome, result.horizon)
    return replace(result, notes=(*result.notes, *(alarm.says for alarm in alarms if alarm.rings)))

"""The modes of the main job: wiring only. Each hands batches to the same ``engine.run``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from undertow.app.choose import Tell
from undertow.app.job import Job
from undertow.app.learning import batches
from undertow.app.prepare import Prepared, prepare, rest
from undertow.app.retrade import beside, sensitivity
from undertow.app.wiring import build_broker
from undertow.core.calendar import Calendar
from undertow.core.chunk import I64
from undertow.core.time import Instant
from undertow.engine.assemble import Told, assemble
from undertow.engine.result import RunResult
from undertow.engine.run import Batch, Step, run
from undertow.engine.ticks import PREMARKET_TICK, decision_ticks
from undertow.execution.simulated import buy_and_hold
from undertow.models.drift import watch


def backtest(job: Job, home: Path, calendar: Calendar, tell: Tell) -> RunResult:
    """Walk forward over the job's sessions; every prediction is made by models taught on what was known before it."""
    made = prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), tell)
    return result_of(made, walked(made, calendar, tell), calendar)


def walked(made: Prepared, calendar: Calendar, tell: Tell) -> list[Step]:
    """What each batch of the job's sessions led to, and of what became known after the last decision."""
    job = made.job
    ticks = np.concatenate([warm_ticks(made, calendar), decision_ticks(calendar, range(job.first, job.last + 1), made.market.every)])
    pieces = [*batches(made.market.chunks, ticks, calendar), rest(made.market.chunks, ticks)]
    return list(told_steps(pieces, made, int(calendar.midnight[job.first]), tell))


def premarket(job: Job, home: Path, calendar: Calendar, tell: Tell) -> RunResult:
    """Signals for one morning: 09:00 New York of the session asked for, or now if that is still to come."""
    position = job.last if job.dated else _next_session(calendar, job.now)
    at = calendar.at_time(position, PREMARKET_TICK)
    at = at if job.dated else min(at, job.now)
    # history begins where it would for trading that session, so that both say the same; bars are known up to the session before
    job = replace(job, first=position, last=calendar.last_closed(at))
    made = prepare(job, home, calendar, at, tell)
    warm = warm_ticks(made, calendar, until=at)
    ticks = np.append(warm[warm < at], at)
    steps = list(told_steps(list(batches(made.market.chunks, ticks, calendar)), made, at, tell))
    return result_of(made, steps, calendar)


def _next_session(calendar: Calendar, now: Instant) -> int:
    """The session whose close is still to come."""
    return calendar.last_closed(now) + 1


def warm_ticks(made: Prepared, calendar: Calendar, until: Instant | None = None) -> I64:
    """The teaching ticks of the sessions before the job's first."""
    sessions = range(made.market.first, made.job.first if until is None else int(calendar.position(until)) + 1)
    ticks = decision_ticks(calendar, sessions, made.market.every)
    return ticks[made.desk.framework.schedule.teaching(ticks, calendar)]


def warmed(made: Prepared, calendar: Calendar, live_from: Instant, tell: Tell) -> list[Step]:
    """History up to the session through the desk's folds; nothing is decided before ``live_from``."""
    return list(told_steps(list(batches(made.market.chunks, warm_ticks(made, calendar), calendar)), made, live_from, tell))


def told_steps(pieces: Sequence[Batch], made: Prepared, live_from: Instant, tell: Tell) -> Iterator[Step]:
    """Run, telling how far it has come once it decides."""
    learning = sum(1 for batch in pieces if len(batch.ticks) and batch.ticks[-1] < live_from)
    for done, step in enumerate(run(pieces, made.desk, live_from=live_from), start=1):
        if done > learning:
            tell("Deciding", done - learning, len(pieces) - learning)
        yield step


def result_of(made: Prepared, steps: Sequence[Step], calendar: Calendar) -> RunResult:
    """The run as reports and folders take it."""
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
        notes=(*made.notes, *getattr(made.desk.broker, "bound", ())),
        known_until=max(int(c.known_at[c.known_at <= last].max(initial=0)) for c in market.chunks),
    )
    until = max(last + 1, *(int(c.known_at[-1]) for c in market.chunks if len(c)))
    hold = buy_and_hold(build_broker(job, market, calendar, made.desk.costs), market.chunks, first, until)
    result = assemble(made.desk, steps, bars, (hold.at, hold.key, hold.equity), told)
    result = replace(result, at_costs=sensitivity(made, calendar, result))
    if job.benchmark is not None:
        result = replace(result, benchmark=job.benchmark, benchmark_equity=beside(made, calendar, result, first, until))
    return watched(result, calendar)


def watched(result: RunResult, calendar: Calendar) -> RunResult:
    """The same result, with a note for each drift alarm that rang over its judged decisions."""
    judged = result.judged
    outcome = np.where(np.isfinite(judged.value), judged.value > 0.0, np.nan)
    alarms = watch(np.asarray(calendar.position(judged.decided_at)), judged.p_up, outcome, result.horizon)
    return replace(result, notes=(*result.notes, *(alarm.says for alarm in alarms if alarm.rings)))

"""From the last tick's numbers to signals a person can read, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64
from undertow.core.orders import Signal
from undertow.core.time import Instant
from undertow.engine.explain import BASE, CALLED, asked_last, grounds, must_sum, trail, what_was_said
from undertow.engine.flips import Asked, flips
from undertow.engine.run import Desk, Step
from undertow.models.abstention import why_neutral
from undertow.models.framework import Trained


def last_signals(desk: Desk, step: Step, known_until: Instant, sources: Mapping[str, str], simulated: bool) -> tuple[Signal, ...]:
    """One signal a symbol at the step's last tick, with its reasons; raises LawBroken where they do not sum to the score."""
    stage = desk.framework.stages[-1] if desk.framework.stages else None
    plain = (_signal(desk, step, k, known_until, sources) for k in range(len(desk.features.symbols)))
    signals = tuple(replace(one, simulated=simulated) for one in plain)
    if stage is None:
        return signals
    rows = asked_last(desk, step)
    parts = stage.contributions(rows)
    return tuple(_explained(Asked(desk, stage, rows[np.array([k])]), step, parts[k], signal) for k, signal in enumerate(signals))


def _signal(desk: Desk, step: Step, k: int, known_until: Instant, sources: Mapping[str, str]) -> Signal:
    at, direction, p_up = int(step.ticks[-1]), int(step.direction[-1, k]), float(step.predictions.p_up[-1, k])
    return Signal(
        symbol=desk.features.symbols[k],
        at=at,
        direction=CALLED[direction],
        confidence=_confidence(p_up, direction),
        p_up=p_up,
        horizon=desk.labels.sessions,
        phase=str(desk.calendar.phase(at)),
        abstain_reason=_why(desk, step, k),
        contributions={},
        score=float(step.predictions.score[-1, k]),
        known_until=known_until,
        grades=dict(sources),
        simulated=False,
        model="none yet",
    )


def _explained(asked: Asked, step: Step, parts: F64, signal: Signal) -> Signal:
    """The signal with its reasons: parts (features + 1,) of its score, the last one the base."""
    desk, stage = asked.desk, asked.stage
    k = desk.features.symbols.index(signal.symbol)
    odds = step.predictions.odds[-1, k]
    must_sum(parts, signal.score, odds, signal.symbol)
    pushes = grounds(desk, step, parts, signal.symbol)
    known = np.isfinite(signal.score)
    return replace(
        signal,
        contributions=_named(desk, parts),
        model=_who(desk, stage),
        said=what_was_said(desk, stage, odds, int(asked.row.phase[0])),
        grounds=pushes,
        trail=trail(stage, float(parts[-1]), pushes) if known else (),
        flips=flips(asked, int(step.direction[-1, k])) if known else (),
    )


def _confidence(p_up: float, direction: int) -> float:
    return max(p_up, 1.0 - p_up) if direction == 0 else (p_up if direction > 0 else 1.0 - p_up)


def _named(desk: Desk, parts: F64) -> dict[str, float]:
    names = [*desk.framework.features, BASE]
    return {n: float(v) for n, v in zip(names, parts, strict=True) if v != 0.0}


def _why(desk: Desk, step: Step, k: int) -> str:
    """Why nothing is called; empty where something is."""
    if step.direction[-1, k] != 0:
        return ""
    certificate = desk.framework.stages[-1].certificate if desk.framework.stages else None
    p_up, cost, volatility = (float(column[-1, k]) for column in (step.predictions.p_up, step.cost, step.volatility))
    return why_neutral(p_up, cost, volatility, certificate, desk.certified)


def _who(desk: Desk, stage: Trained) -> str:
    """How many models spoke, when they were taught and which were left out."""
    told = f"{len(stage.names)} models, trained {_day(desk.calendar, stage.at)}"
    out = [note.split(" is left out")[0] for note in stage.notes]
    return f"{told}; without {', '.join(out)}" if out else told


def _day(calendar: Calendar, at: Instant) -> str:
    return str(calendar.day[int(calendar.position(at))])

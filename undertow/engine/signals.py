"""From the last tick's numbers to signals a person can read, with their reasons."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import F64
from undertow.core.orders import Direction, Signal
from undertow.core.time import Instant
from undertow.engine.run import Desk, Step
from undertow.models.abstention import threshold

_CALLED = {1: Direction.BUY, -1: Direction.SELL, 0: Direction.NEUTRAL}


def last_signals(desk: Desk, step: Step, known_until: Instant, sources: Mapping[str, str], simulated: bool) -> tuple[Signal, ...]:
    """One signal a symbol at the step's last tick."""
    at = int(step.ticks[-1])
    X = step.X[-1]
    stage = desk.framework.stages[-1] if desk.framework.stages else None
    parts = stage.contributions(X) if stage else np.zeros((len(X), X.shape[1] + 1))
    return tuple(
        Signal(
            symbol=symbol,
            at=at,
            direction=_CALLED[int(step.direction[-1, k])],
            confidence=_confidence(float(step.predictions.p_up[-1, k]), int(step.direction[-1, k])),
            p_up=float(step.predictions.p_up[-1, k]),
            horizon=desk.labels.sessions,
            phase=str(desk.calendar.phase(at)),
            abstain_reason=_why(step, k),
            contributions=_named(desk, parts[k]),
            score=float(step.predictions.score[-1, k]),
            known_until=known_until,
            grades=dict(sources),
            simulated=simulated,
            model=f"{len(desk.framework.names)} models, trained {_day(desk.calendar, stage.at)}" if stage else "none yet",
        )
        for k, symbol in enumerate(desk.features.symbols)
    )


def _confidence(p_up: float, direction: int) -> float:
    return max(p_up, 1.0 - p_up) if direction == 0 else (p_up if direction > 0 else 1.0 - p_up)


def _named(desk: Desk, parts: F64) -> dict[str, float]:
    names = [*desk.features.features, "base rate"]
    return {n: float(v) for n, v in zip(names, parts, strict=True) if v != 0.0}


def _why(step: Step, k: int) -> str:
    p_up = float(step.predictions.p_up[-1, k])
    if step.direction[-1, k] != 0:
        return ""
    if np.isnan(p_up):
        return "no model has been trained yet"
    volatility, cost = float(step.volatility[-1, k]), float(step.cost[-1, k])
    if np.isnan(volatility):
        return "volatility is not known yet"
    least = float(threshold(cost, volatility))
    return f"probability {max(p_up, 1.0 - p_up):.4f} does not pay costs of {cost * 1e4:.1f} bp: {least:.4f} would"


def _day(calendar: Calendar, at: Instant) -> str:
    return str(calendar.day[int(calendar.position(at))])

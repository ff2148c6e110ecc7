"""How old the models were when the run ended."""

from __future__ import annotations

from undertow.core.calendar import nyse
from undertow.engine.result import RunResult, Stage

OLD = 84  #: sessions, four months


def age(stage: Stage, result: RunResult) -> int:
    """Sessions from a training to the end of the run."""
    return int(nyse().position(result.end)) - int(nyse().position(stage.trained_at))


def newest_age(result: RunResult) -> int | None:
    """Sessions since the last training; None where nothing was trained."""
    return age(max(result.stages, key=lambda one: one.trained_at), result) if result.stages else None

"""A small job with two quick models, for the tests of the model shelf; run as a script it is a process that can be killed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import CHEAPEST, NOW
from undertow.app import learning, modes, wiring
from undertow.app.job import Flags, check
from undertow.app.trading.mode import trading
from undertow.app.trading.tell import Each
from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.engine.result import RunResult
from undertow.models.framework import ModelIntegrationFramework

QUICK = ("ridge_logistic", "xgboost")
WINDOW = dict(zip(("start_date", "end_date"), (CHEAPEST[-3], CHEAPEST[-1]), strict=True))


def silent(*_: object) -> None:
    """Nothing."""


def run(
    home: Path,
    said: Callable[[str], object] = silent,
    code: str = "one",
    only: tuple[str, ...] = QUICK,
    each: Each = silent,
    **flags: object,
) -> RunResult:
    """A backtest (or what ``mode`` says) of AAPL on daily bars, with these models and this digest of the code.

    ``said`` hears each step of the work, ``each`` gets each decision of a session.
    """
    given: dict[str, object] = {"symbols": "AAPL", "source": "simulated", "timeframe": "1d", **WINDOW, **flags}
    job = check(Flags(**given), nyse(), NOW)  # type: ignore[arg-type]
    with quick(only, code):
        tell = partial(_step, said)
        if job.mode == "trading":
            return trading(job, home, nyse(), tell, each)
        return (modes.backtest if job.mode == "backtest" else modes.premarket)(job, home, nyse(), tell)


@contextmanager
def quick(only: tuple[str, ...] = QUICK, code: str = "one") -> Iterator[None]:
    """Everything that runs inside has these models and this digest of the code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            wiring, "ModelIntegrationFramework", lambda *given, **named: ModelIntegrationFramework(*given, **named | {"only": only})
        )
        patch.setattr(learning, "code", lambda: code)
        yield


def _step(said: Callable[[str], object], name: str, done: int, whole: int) -> None:
    said(name)


def bits(result: RunResult) -> dict[str, object]:
    """Everything that a result holds but its notes, to the last bit."""
    return {one.name: _bits(getattr(result, one.name)) for one in fields(result) if one.name != "notes"}


def _bits(value: object) -> object:
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if isinstance(value, Chunk):
        return [_bits(part) for part in (value.key, value.event_at, value.known_at, *value.columns.values())]
    if isinstance(value, tuple | list):
        return [_bits(one) for one in value]
    if isinstance(value, dict):
        return {name: _bits(one) for name, one in value.items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _bits(getattr(value, name)) for name in value.__dataclass_fields__}
    return repr(value)


if __name__ == "__main__":
    run(Path(sys.argv[1]), lambda name: print(name, flush=True))

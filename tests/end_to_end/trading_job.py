"""A small session on paper, run as a script: a process that can be killed. Trades a lot, by a strategy of its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.shelf_job import quick, run
from undertow.app import wiring
from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.engine.result import RunResult
from undertow.strategies.book import Book
from undertow.strategies.evidence import Need

DAY = "2005-08-26"


class Restless:
    """Another target at every tick, from the time of day alone."""

    name = "restless"
    reads: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()

    def targets(self, view: View) -> F64:
        """A saw that turns around within the hour."""
        step = (view.ticks // (5 * 60 * 10**9))[:, None] * np.array([3, 7])[None, : len(view.symbols)]
        return np.asarray(np.where(step % 4 == 0, 0.0, (step % 19 - 9) / 10.0), np.float64)


@contextmanager
def restless() -> Iterator[None]:
    """Every job that runs inside trades by the restless strategy."""
    with pytest.MonkeyPatch.context() as patch, quick(("ridge_logistic",)):
        patch.setattr(wiring, "book_of", lambda _job: Book((Restless(),)))
        yield


def trade(home: Path, speed: float = 1e12, **flags: object) -> RunResult:
    """The session of ``DAY``, on paper."""
    given = {"mode": "trading", "timeframe": "5m", "symbols": "AAPL,MSFT", "speed": speed, "end_date": DAY, "start_date": DAY}
    with restless():
        return run(home, lambda name: print(name, flush=True), only=("ridge_logistic",), **{**given, "certified": False, **flags})


if __name__ == "__main__":
    trade(Path(sys.argv[1]), float(sys.argv[2]))
    print("over", flush=True)

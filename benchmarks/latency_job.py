"""`python -m benchmarks.latency_job MODE HOME`: one session on paper in this process, tick by tick; prints one line of JSON.

``teach`` lets the shelf below the home be filled and does nothing else; ``session`` notes, at every order, how long ago the tick's rows
were handed over and what was done since. A part's time is its own: what is inside another part counts there alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.latency_models import all_speak
from undertow.app import learning, wiring
from undertow.app.job import Flags, Job, check
from undertow.app.modes import told_steps, warm_ticks
from undertow.app.prepare import Prepared, prepare
from undertow.app.trading import session as loop
from undertow.app.trading.folder import Folder
from undertow.app.trading.mode import paper_session, ticks_of
from undertow.app.trading.recording import Recording
from undertow.app.trading.session import Session
from undertow.app.trading.switch import Guarded, Switch
from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, Chunk
from undertow.core.protocols import View
from undertow.core.time import HOUR
from undertow.execution.paper.account import PaperAccount
from undertow.execution.path.desk import Desk as OrderDesk
from undertow.strategies.book import Book
from undertow.strategies.evidence import Need
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.sqlite import SqliteStore

DAY = "2024-06-28"
LIMITS = "orders_per_day = 100000\norders_per_minute = 1000\n"  #: a strategy that orders at every tick meets these first
BROKER, REST = "simulated broker", "the loop itself"  #: parts


class Restless:
    """Another target for every symbol at every tick, from the time of day alone."""

    name = "restless"
    reads: tuple[str, ...] = ()
    needs: tuple[Need, ...] = ()

    def targets(self, view: View) -> F64:
        """A saw with a step of its own for every symbol."""
        step = (view.ticks // (5 * 60 * 10**9))[:, None] * np.array([3, 7, 5, 11, 13])[None, : len(view.symbols)]
        return np.asarray((step % 19 - 9) / 10.0, np.float64)


@dataclass(slots=True)
class Parts:
    """Where the time since a tick's rows goes."""

    begun: float = 0.0
    spent: Counter[str] = field(default_factory=Counter)
    inside: list[list[Any]] = field(default_factory=list)
    orders: list[list[dict[str, float]]] = field(default_factory=list)  #: a tick's, each the seconds of its parts and the ``whole``

    def begin(self) -> None:
        """The rows are here."""
        self.begun, self.spent = time.perf_counter(), Counter()
        self.orders.append([])

    def ordered(self) -> None:
        """An order goes out now."""
        whole = time.perf_counter() - self.begun
        self.orders[-1].append({**self.spent, REST: whole - sum(self.spent.values()), "whole": whole})

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """What is done inside is of this part."""
        self.inside.append([name, 0.0])
        begin = time.perf_counter()
        try:
            yield
        finally:
            took = time.perf_counter() - begin
            _, within = self.inside.pop()
            self.spent[name] += took - within
            if self.inside:
                self.inside[-1][1] += took

    def clock(self, holder: Any, method: str, name: str) -> None:
        """Every call of a method or function is of a part from now on."""
        plain = getattr(holder, method)

        @wraps(plain)
        def clocked(*given: Any, **named: Any) -> Any:
            with self.of(name):
                return plain(*given, **named)

        setattr(holder, method, clocked)


def main(arguments: Sequence[str]) -> int:
    """Teach, or take the session."""
    mode, home = arguments
    if mode == "session":
        alone()
    made = made_ready(Path(home))
    if mode == "teach":
        return 0
    parts = Parts()
    with TemporaryDirectory(dir=home) as where:
        ticks, untaught = asyncio.run(_session(made, Path(home), Path(where), parts))
    told = {
        "models": list(made.desk.framework.stages[-1].names),
        "untaught": list(untaught),
        "features": len(made.desk.features.features),
        "symbols": len(made.job.symbols),
        "ticks": ticks,
        "orders": [one for one in parts.orders if one],
    }
    print(json.dumps(told))
    return 0


def alone() -> None:
    """This process on one core, with all threads that it will make."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def made_ready(home: Path) -> Prepared:
    """The job with its models, from the shelf below a home or taught now; its strategy is the restless one."""
    wiring.book_of = lambda _: Book((Restless(),))
    home.mkdir(parents=True, exist_ok=True)
    (home / "limits.toml").write_text(LIMITS)
    calendar = nyse()
    job = job_of(calendar)
    return prepare(job, home, calendar, int(calendar.midnight[job.last + 1]), silent)


def warmed(made: Prepared, session: Session) -> None:
    """The session's desk brought up to its first tick."""
    warm = list(learning.batches(made.market.chunks, warm_ticks(made, nyse()), nyse()))
    list(told_steps(warm, replace(made, desk=session.desk), session.live_from, silent))


def job_of(calendar: Calendar) -> Job:
    """The session of ``DAY`` on paper, with every model."""
    now = int(calendar.midnight[calendar.session_on_or_before(np.datetime64(DAY))]) + 23 * HOUR
    flags = Flags(mode="trading", start_date=DAY, end_date=DAY, source="simulated", networks=True, certified=False)
    job = check(flags, calendar, now)
    return replace(job, first=job.last)


def silent(what: str, done: int, of: int) -> None:
    """Tell nobody."""


async def _session(made: Prepared, home: Path, where: Path, parts: Parts) -> tuple[int, tuple[str, ...]]:
    calendar = nyse()
    folder = Folder(path=where / "session", begun=False)
    folder.path.mkdir()
    with Journal.to_write(folder.path / NAME) as journal:
        session = paper_session(made, folder, journal, home, where)
        warmed(made, session)
        untaught = all_speak(session.desk.framework)
        ticks = ticks_of(made, calendar)
        _clocks(made, session, parts)
        return len(await loop.played(session, ticks, 0, lambda _: None)), untaught


def _clocks(made: Prepared, session: Session, parts: Parts) -> None:
    until: Callable[[int], Any] = session.feed.until
    submit = Guarded.submit

    async def handed_over(at: int) -> list[Chunk]:
        rows: list[Chunk] = await until(at)
        parts.begin()
        return rows

    async def sent(self: Guarded, order: Any) -> Any:
        parts.ordered()
        with parts.of(BROKER):
            return await submit(self, order)

    session.feed.until = handed_over  # type: ignore[method-assign]
    Guarded.submit = sent  # type: ignore[method-assign]
    for name in ("begin", "end"):
        parts.clock(Recording, name, "recording of the rows")
    parts.clock(loop, "decided", "engine, the rest of it")
    parts.clock(SqliteStore, "append", "journal")
    parts.clock(type(made.desk.features), "push", "features")
    parts.clock(type(made.desk.framework), "push", "models")
    parts.clock(PaperAccount, "push", BROKER)
    parts.clock(OrderDesk, "decide_all", "gate")
    parts.clock(OrderDesk, "watch", "gate")
    for name in ("begin", "save", "beat"):
        parts.clock(Switch, name, "kill switch")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

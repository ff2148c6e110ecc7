"""What the main job shows: progress while it works, the summary and the report's path when it is done."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from undertow.app import clock
from undertow.app.choose import Tell
from undertow.app.home import home
from undertow.app.job import Flags, Job, check
from undertow.app.modes import backtest, premarket, trading
from undertow.app.runs import require_writable, save_run, tried_so_far
from undertow.core.calendar import nyse
from undertow.core.errors import StoreError
from undertow.core.time import iso
from undertow.engine.result import RunResult
from undertow.engine.run import Desk, Step
from undertow.report.summary import summary_lines

CALLED = {1: "BUY", -1: "SELL", 0: "NEUTRAL"}


def show(flags: Flags) -> None:
    """Run the main job and print what came of it."""
    calendar = nyse()
    job = check(flags, calendar, clock.now())
    for note in job.notes:
        print(f"note: {note}", file=sys.stderr)
    root = flags.home or home()
    require_writable(root)
    console = Console(stderr=True)
    with progress(console) as tell:
        if job.mode == "backtest":
            result = backtest(job, root, calendar, tell)
        elif job.mode == "premarket":
            result = premarket(job, root, calendar, tell)
    if job.mode == "trading":
        result = _trade(job, root, console)
    tried = tried_so_far(result, job, root)
    folder = save_run(result, job, root, tried)
    _say([*summary_lines(result, tried), f"Report: {folder / 'report.html'}"], folder)


def _say(lines: Sequence[str], folder: Path) -> None:
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:
        raise  # the reader has seen enough: typer leaves quietly
    except OSError as error:
        # what is left in the buffer would fail once more when Python ends
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise StoreError(f"the summary could not be printed ({error.strerror}); the run is in {folder}") from error


@contextmanager
def progress(console: Console) -> Iterator[Tell]:
    """A bar a step on a terminal, a line a step elsewhere."""
    if not console.is_terminal:
        seen: set[str] = set()

        def line(name: str, done: int, whole: int) -> None:
            if name not in seen or done == whole:
                seen.add(name)
                print(f"{name}: {done} of {whole}", file=sys.stderr, flush=True)

        yield line
        return
    columns = TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(name: str, done: int, whole: int) -> None:
            if name not in tasks:
                tasks[name] = bars.add_task(name, total=whole)
            bars.update(tasks[name], completed=done, total=whole)

        yield tell


def _trade(job: Job, root: object, console: Console) -> RunResult:
    """A session tick by tick, with a live table."""
    from pathlib import Path

    calendar = nyse()
    with progress(console) as tell, _live(job, console) as each:
        return trading(job, Path(str(root)), calendar, tell, each)


@contextmanager
def _live(job: Job, console: Console) -> Iterator[Callable[[Desk, Step], None]]:
    pace = _Pace(job.speed)
    if not console.is_terminal:
        yield lambda _desk, step: pace.wait(int(step.ticks[-1]))
        return
    with Live(console=console, refresh_per_second=8) as live:

        def each(desk: Desk, step: Step) -> None:
            live.update(_table(desk, step))
            pace.wait(int(step.ticks[-1]))

        yield each


class _Pace:
    """Waits so that market time passes ``speed`` times as fast as ours; gaps of more than an hour are not waited for."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._last: int | None = None

    def wait(self, tick: int) -> None:
        if self._last is not None:
            time.sleep(min(tick - self._last, 3600 * 10**9) / 1e9 / self._speed)
        self._last = tick


def _table(desk: Desk, step: Step) -> Table:
    table = Table(title=f"{iso(int(step.ticks[-1]))}  {desk.calendar.phase(int(step.ticks[-1]))}")
    for name in ("symbol", "signal", "probability of up", "target", "shares", "equity USD"):
        table.add_column(name, justify="left" if name in ("symbol", "signal") else "right")
    account = desk.broker.portfolio()
    for k, symbol in enumerate(desk.features.symbols):
        p_up = float(step.predictions.p_up[-1, k])
        table.add_row(
            symbol,
            CALLED[int(step.direction[-1, k])],
            "not ready" if np.isnan(p_up) else f"{p_up:.4f}",
            f"{float(step.targets[-1, k]):+.2f}",
            f"{account.shares.get(symbol, 0.0):,.0f}",
            f"{account.equity.get(symbol, 0.0):,.2f}",
        )
    return table

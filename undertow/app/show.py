"""What the main job shows: progress while it works, the summary and the report's path when it is done."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from undertow.app import clock
from undertow.app.choose import Tell
from undertow.app.home import home
from undertow.app.job import Flags, Job, check
from undertow.app.modes import backtest, premarket
from undertow.app.runs import config_digest, name_of, require_writable, save_run, tried_so_far
from undertow.app.underway import underway
from undertow.core.calendar import Calendar, nyse
from undertow.core.errors import StoreError
from undertow.engine.result import RunResult
from undertow.report.summary import summary_lines


def show(flags: Flags) -> None:
    """Run the main job and print what came of it."""
    calendar = nyse()
    job = check(flags, calendar, clock.now())
    for note in job.notes:
        print(f"note: {note}", file=sys.stderr)
    root = flags.home or home()
    require_writable(root)
    with underway(root, name_of(job), config_digest(job)) as finished:
        result = _run(job, root, calendar)
        tried = tried_so_far(result, job, root)
        folder = save_run(result, job, root, tried, finished)
        _say([*summary_lines(result, tried), f"Report: {folder / 'report.html'}"], folder)


def _run(job: Job, root: Path, calendar: Calendar) -> RunResult:
    console = Console(stderr=True)
    if job.mode == "trading":
        return _trade(job, root, console)
    with progress(console) as tell:
        return (backtest if job.mode == "backtest" else premarket)(job, root, calendar, tell)


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


def _trade(job: Job, root: Path, console: Console) -> RunResult:
    """Today's session on the vendors' streams where there is a key and no other day is asked for; else one that is played."""
    from undertow.app.trading.choose import broker_of, is_alive
    from undertow.app.trading.screen import screen

    if is_alive(job):
        from undertow.app.trading.live import live

        broker = broker_of(job)
        with progress(console) as tell, screen(console, alive=True) as each:
            return live(job, root, nyse(), tell, each, broker)
    from undertow.app.trading.mode import trading

    with progress(console) as tell, screen(console) as each:
        return trading(job, root, nyse(), tell, each)

"""``undertow replay``: make a finished run again from its manifest, or a session from its recording, and say whether it is the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.commands.compare import RUN
from undertow.app.errors import one_sentence
from undertow.app.main_job import POLYGON, WHALES

if TYPE_CHECKING:
    from undertow.app.job import Job
    from undertow.engine.result import RunResult

WHICH = f"{RUN} Or the day of a session that was traded."
DATE = re.compile(r"\d{4}-\d\d-\d\d|paper-\S+|live-\S+")
DIFFERS = 1  #: exit status where something came out differently


def replay_command(
    run: Annotated[str, typer.Argument(metavar="RUN|DATE", help=WHICH)],
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
) -> None:
    """Make a run again as its manifest says, and compare signals, fills and equity bit by bit; nothing is saved.

    Of a DATE, YYYY-MM-DD, the newest session that was traded is made again from its recording, and compared with its journal.
    A difference is located and reported, and the exit status is 1. It has a reason: other code, other data, or a fault.
    """
    if DATE.fullmatch(run):
        _session(run, polygon_key, unusual_whales_key)
        return
    from undertow.app.finished import folder_of, manifest_of, table_of
    from undertow.app.rerun import different, job_of, since
    from undertow.app.runs import tables_of

    with one_sentence():
        folder = folder_of(run)
        manifest = manifest_of(folder)
        result = _again(job_of(manifest, polygon_key, unusual_whales_key))
        found = [(name, *different(table_of(folder, name), table)) for name, table in tables_of(result).items()]
    print(f"{folder.name} was made again.")
    for line in since(manifest, result):
        print(line)
    for name, _, says in found:
        print(f"{name}: {says}")
    if not all(same for _, same, _ in found):
        raise typer.Exit(DIFFERS)


def _again(job: Job) -> RunResult:
    from rich.console import Console

    from undertow.app.home import home
    from undertow.app.modes import backtest, premarket
    from undertow.app.show import progress
    from undertow.core.calendar import nyse

    for note in job.notes:
        print(f"note: {note}", file=sys.stderr)
    calendar = nyse()
    with progress(Console(stderr=True)) as tell:
        if job.mode == "trading":
            from tempfile import TemporaryDirectory

            from undertow.app.trading.mode import trading

            with TemporaryDirectory(prefix="undertow-replay-") as where:
                return trading(job, home(), calendar, tell, lambda *_: None, Path(where))
        return (backtest if job.mode == "backtest" else premarket)(job, home(), calendar, tell)


def _session(day: str, *keys: str | None) -> None:
    from rich.console import Console

    from undertow.app.home import home
    from undertow.app.show import progress
    from undertow.app.trading.again import made_again
    from undertow.app.trading.folder import session_of
    from undertow.core.calendar import nyse

    with one_sentence():
        folder = session_of(home(), day)
        with progress(Console(stderr=True)) as tell:
            parity = made_again(folder, home(), nyse(), tell, *keys)
    print(f"{folder.name} was made again from its recording.")
    for line in parity.lines():
        print(line)
    if parity.differences:
        raise typer.Exit(DIFFERS)

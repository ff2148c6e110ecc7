"""The commands ``undertow data import`` and ``undertow data coverage``."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.app.data_import import ImportSummary
    from undertow.tape.ledger import Coverage
    from undertow.tape.store import Tape

data = typer.Typer(help="Bring files onto the tape and see what it holds.", no_args_is_help=True)

Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


@data.command("import")
def import_command(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders or globs of .csv, .csv.gz, .parquet, .zip.")],
    mapping: Annotated[Path, typer.Option("--mapping", help="TOML file that says what the columns mean; see examples/import.")],
    home: Home = None,
) -> None:
    """Import files through a mapping; everything is checked before the first row is written."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from undertow.app.clock import now
    from undertow.app.data_import import import_files

    with one_sentence():
        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        with bar:
            task = bar.add_task("reading", total=None)
            summary = import_files(
                _tape(home),
                mapping,
                paths,
                now(),
                lambda what, done, total: bar.update(task, description=what, completed=done, total=total),
            )
    _print_summary(summary)


@data.command("coverage")
def coverage_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    home: Home = None,
) -> None:
    """Show, for each kind and symbol, which sessions are here and why others are not."""
    from undertow.app.clock import now
    from undertow.tape.ledger import coverage

    with one_sentence():
        found = coverage(_tape(home), now())
        apart = {} if as_json else {root.name: coverage(_tape(root), now()) for root in _simulated(home)}
    if as_json:
        print(json.dumps(asdict(found), indent=1))
        return
    if found.lines or not apart:
        _print_coverage(found)
    for name, one in apart.items():
        print(f"SIMULATED market, kept apart: {name}")
        _print_coverage(one)


def _simulated(given: Path | None) -> list[Path]:
    """The folders of simulated markets that were downloaded into a home."""
    root = _tape(given).folder.parent
    return sorted(path.parent for path in root.glob("simulated*/tape"))


def _tape(given: Path | None) -> Tape:
    from undertow.app.home import home
    from undertow.tape.store import Tape

    return Tape(given if given is not None else home())


def _print_summary(summary: ImportSummary) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title=f"{summary.rows:,} rows of {summary.files:,} files")
    for name in ("kind", "imported", "already here", "conflicting", "refused"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, done in summary.kinds.items():
        refused = sum(r.rows for r in summary.refused if r.kind == kind)
        table.add_row(kind, f"{done.rows:,}", f"{done.duplicates:,}", f"{done.conflicts:,}", f"{refused:,}")
    console.print(table)
    if summary.not_meant:
        console.print(f"{summary.not_meant:,} rows were left out by the mapping's where.")
    if any(done.conflicts for done in summary.kinds.values()):
        console.print("Conflicting rows say something else than the tape about the same event; the first stays, the past is not rewritten.")
    by_day: dict[tuple[str, str, str], int] = {}
    for r in summary.refused:
        by_day[(r.kind, r.day, r.reason)] = by_day.get((r.kind, r.day, r.reason), 0) + r.rows
    for (kind, day, reason), rows in list(by_day.items())[:40]:
        console.print(f"{kind} {day}: {reason}: {rows:,} rows refused", soft_wrap=True, highlight=False)
    if len(by_day) > 40:
        console.print(f"… and {len(by_day) - 40:,} more days; `undertow data coverage` lists them all.")


def _print_coverage(found: Coverage) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not found.lines:
        console.print("The tape is empty: bring files with `undertow data import --mapping FILE.toml PATH…`.")
        return
    table = Table(title="What the tape holds")
    for name in ("kind", "symbol", "rows", "from", "to", "sessions"):
        table.add_column(name, justify="right" if name == "rows" else "left", overflow="fold")
    for line in found.lines:
        runs = "\n".join(
            f"{run.first}…{run.last}  {run.sessions:>4}  {run.status}" + (f" ({run.detail})" if run.detail else "") for run in line.runs
        )
        table.add_row(f"{line.kind} {line.span}".strip(), line.symbol, f"{line.rows:,}", line.first, line.last, runs or "as they come")
    console.print(table)
    if found.half_days:
        console.print(f"Half days, short but whole: {', '.join(found.half_days)}", highlight=False)
    if found.holidays:
        console.print("Closed: " + ", ".join(f"{c.day} {c.why}" for c in found.holidays), highlight=False)
    for refused in found.refused:
        console.print(f"{refused.day}: {refused.why}", soft_wrap=True, highlight=False)

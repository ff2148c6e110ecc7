"""``undertow honesty``: does the whole pipeline find what is there, and nothing where there is nothing?"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.validation.honesty.plan import Plan

FAST = typer.Option(False, "--fast", help="50 null markets instead of 200, planted ones of one strength, ten markets a leak.")
MARKETS = typer.Option(None, "--markets", help="Null markets, at least 10; the other kinds in proportion.")
LEAKS = typer.Option(True, "--leaks/--no-leaks", help="Whether the classic leaks are planted too.")
JOBS = typer.Option(None, "--jobs", help="Processes.  [default: one a core]")
OUT = typer.Option(None, "--out", help="The page.  [default: honesty/fast.html or honesty/full.html in UNDERTOW_HOME]")
JSON = typer.Option(False, "--json", help="Print as JSON.")


def honesty_command(
    fast: bool = FAST,
    markets: int | None = MARKETS,
    leaks: bool = LEAKS,
    jobs: int | None = JOBS,
    out: Path | None = OUT,
    as_json: bool = JSON,
) -> None:
    """Run the pipeline over made markets with no effect, with a planted one and with each classic leak; exit 1 when a gate fails."""
    from rich.console import Console

    from undertow.app.checked import note_check
    from undertow.app.home import home
    from undertow.app.show import progress
    from undertow.core.errors import BadInput
    from undertow.report.honesty import write_honesty
    from undertow.validation.honesty.gates import gates
    from undertow.validation.honesty.plan import FAST as FAST_PLAN
    from undertow.validation.honesty.plan import FULL as FULL_PLAN
    from undertow.validation.honesty.study import run_study
    from undertow.validation.honesty.told import to_json, told_lines

    with one_sentence():
        plan = _plan(fast, markets, leaks)
        if jobs is not None and jobs < 1:
            raise BadInput(f"--jobs {jobs}: give at least 1")
        with progress(Console(stderr=True)) as tell:
            study = run_study(plan, jobs=jobs or os.cpu_count() or 1, tell=tell)
        found = gates(study)
        failed = [gate.name for gate in found if not gate.passed]
        if plan in (FAST_PLAN, FULL_PLAN):
            says = f"{plan.name} run: " + (f"{len(failed)} of {len(found)} gates failed" if failed else f"all {len(found)} gates passed")
            note_check(home(), "Honesty", not failed, says)
        page = write_honesty(study, found, out or home() / "honesty" / f"{plan.name}.html")
        if as_json:
            print(json.dumps(to_json(study, found), indent=2))
        else:
            print("\n".join(told_lines(study, found)))
        print(f"Report: {page}", file=sys.stderr if as_json else sys.stdout)
    raise typer.Exit(1 if failed else 0)


def _plan(fast: bool, markets: int | None, leaks: bool) -> Plan:
    from dataclasses import replace

    from undertow.validation.honesty.plan import FAST, FULL

    plan = FAST if fast else FULL
    plan = plan if markets is None else plan.with_markets(markets)
    return plan if leaks else replace(plan, leaks=())

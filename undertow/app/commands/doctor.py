"""``undertow doctor``: what is right and wrong with this machine, this home and the vendors, a line each, with what to do."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.app.vendors.checks import Check

LEAST_FREE = 5 * 10**9  #: bytes
LEAST_DAYS_AHEAD = 90
PACKAGES = ("numpy", "polars", "deltalake", "httpx", "websockets", "obstore", "numba", "scikit-learn", "exchange-calendars")

Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False, home: Home = None) -> None:
    """Look over this machine, the home, the tape, your keys and the vendors; a failed check makes the exit status 1."""
    from dataclasses import asdict

    from undertow.app.home import home as default_home
    from undertow.app.vendors.checks import State

    with one_sentence():
        found = list(_checks(home if home is not None else default_home()))
    if as_json:
        print(json.dumps([asdict(check) for check in found], indent=1))
    else:
        _print(found)
    if any(check.state is State.FAIL for check in found):
        raise typer.Exit(1)


def _checks(home: Path) -> Iterator[Check]:
    from undertow.app.clock import now
    from undertow.app.vendors import checks
    from undertow.app.vendors.access import access
    from undertow.app.vendors.streams import locks, pace
    from undertow.core.errors import UndertowError

    yield from versions()
    yield home_check(home)
    yield disk(home)
    yield calendar()
    yield from tapes(home)
    yield locks(home)
    yield pace(home, now())
    try:
        given = access()
    except UndertowError as error:
        yield checks.Check(name="keys and addresses", state=checks.State.FAIL, says=str(error))
        return
    yield from checks.keys(given)
    yield from checks.hosts(given)
    if given.any or given.files is not None:
        print("Asking the vendors; on a free plan this takes some minutes.", file=sys.stderr)
        yield from checks.vendors(given, home)
    else:
        says = "not asked, for there is no key: the simulated market and imported files work without."
        yield checks.Check(name="vendors", state=checks.State.OK, says=says)


def versions() -> Iterator[Check]:
    """Python's and the packages'."""
    from importlib.metadata import PackageNotFoundError, version

    from undertow.app.vendors.checks import Check, State

    # whoever is here has a Python that can read the code; the line is for a report of a fault
    yield Check(name="Python", state=State.OK, says=f"{sys.version.split()[0]} on {sys.platform}.")
    here, gone = [], []
    for package in PACKAGES:
        try:
            here.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            gone.append(package)
    if gone:
        yield Check(name="packages", state=State.FAIL, says=f"{', '.join(gone)} not installed: run the setup script again.")
    else:
        yield Check(name="packages", state=State.OK, says=f"{', '.join(here)}.")


def home_check(home: Path) -> Check:
    """Whether a file can be written to the home, which is made where there is none."""
    from undertow.app.vendors.checks import Check, State

    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"x")
    except OSError as error:
        says = f"{home} cannot be written ({error.strerror}): choose another with --home or UNDERTOW_HOME."
        return Check(name="home", state=State.FAIL, says=says)
    return Check(name="home", state=State.OK, says=f"{home} can be written.")


def disk(home: Path) -> Check:
    """Space on the home's disk."""
    from undertow.app.vendors.checks import Check, State

    there = next((folder for folder in (home, *home.absolute().parents) if folder.is_dir()), Path("/"))
    free = shutil.disk_usage(there).free
    shown = f"{free / 1e9:,.1f} GB free"
    if free < LEAST_FREE:
        says = f"{shown}: free some, or choose a home on a larger disk; prints and quotes take gigabytes a month."
        return Check(name="disk", state=State.WARN, says=says)
    return Check(name="disk", state=State.OK, says=f"{shown}.")


def calendar() -> Check:
    """How far ahead the exchange's sessions are known."""
    import numpy as np

    from undertow.app import clock
    from undertow.app.vendors.checks import Check, State
    from undertow.core.calendar import nyse

    last = nyse().day[-1]
    ahead = int((last - np.datetime64(clock.now(), "ns").astype("datetime64[D]")).astype(int))
    if ahead < LEAST_DAYS_AHEAD:
        says = f"sessions are known to {last} only, {ahead} days ahead: check the machine's date, or update exchange_calendars."
        return Check(name="calendar", state=State.WARN, says=says)
    return Check(name="calendar", state=State.OK, says=f"sessions are known to {last}, {ahead} days ahead.")


def tapes(home: Path) -> Iterator[Check]:
    """The tables of each tape under the home with the number of their last commit."""
    from undertow.app.vendors.checks import Check, State
    from undertow.core.errors import UndertowError
    from undertow.tape.store import Tape

    simulated = [path.parent for path in sorted(home.glob("simulated*/tape"))]
    for root in (home, *simulated):
        name = "tape" if root == home else f"tape of {root.name}"
        try:
            found = Tape(root).versions()
        except UndertowError as error:
            yield Check(name=name, state=State.FAIL, says=str(error))
            continue
        tables = ", ".join(f"{kind} version {version}" for kind, version in found.items())
        yield Check(name=name, state=State.OK, says=f"{tables}." if tables else "empty: `undertow data download` or `import` fills it.")


def _print(found: list[Check]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colour = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    table = Table(title="undertow doctor")
    for name in ("check", "", "what was found"):
        table.add_column(name, overflow="fold")
    for check in found:
        table.add_row(Text(check.name), Text(check.state, style=colour[check.state]), Text(check.says))
    console = Console()
    console.print(table)
    counts = {state: sum(check.state == state for check in found) for state in colour}
    console.print(", ".join(f"{number} {state}" for state, number in counts.items()) + ".", highlight=False)

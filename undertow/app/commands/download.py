"""``undertow data download``: from the vendors onto the tape, as far as the user's plans reach."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from rich.console import Console

    from undertow.app.clock import WallClock
    from undertow.app.vendors.download import Account, Tell
    from undertow.app.vendors.gather import Gathered
    from undertow.app.vendors.plan import Unit
    from undertow.app.vendors.plans import Plans
    from undertow.core.events import Event

Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


def download_command(
    symbols: Annotated[str, typer.Option("--symbols", "-s", help="Tickers, separated by commas.")],
    start_date: Annotated[str, typer.Option("--start-date", help="First day, YYYY-MM-DD.")],
    end_date: Annotated[str | None, typer.Option("--end-date", help="Last day, YYYY-MM-DD.  [default: today]")] = None,
    kinds: Annotated[
        str, typer.Option(help="Kinds of event, separated by commas; light: all but single trades, quotes and option prints.")
    ] = "light",
    polygon_key: Annotated[str | None, typer.Option(help="Massive (Polygon.io) key.  [env: POLYGON_API_KEY, MASSIVE_API_KEY]")] = None,
    unusual_whales_key: Annotated[str | None, typer.Option(help="Unusual Whales key.  [env: UNUSUAL_WHALES_API_KEY]")] = None,
    home: Home = None,
) -> None:
    """Fetch what is not here yet and put it on the tape; stopped at any moment, it goes on from there the next time."""
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.home import home as default_home
    from undertow.app.job import Flags, check
    from undertow.app.vendors.access import access
    from undertow.app.vendors.desk import Desk
    from undertow.app.vendors.gather import Wanted, finished, gather
    from undertow.core.calendar import nyse
    from undertow.core.errors import BadInput

    with one_sentence():
        calendar = nyse()
        job = check(Flags(symbols=symbols, start_date=start_date, end_date=end_date), calendar, clock.now())
        given = access(polygon_key, unusual_whales_key)
        if not given.any:
            raise BadInput("No vendor's key: give --polygon-key or --unusual-whales-key, or set POLYGON_API_KEY or UNUSUAL_WHALES_API_KEY.")
        for note in job.notes:
            print(f"note: {note}", file=sys.stderr)
        wanted = Wanted(
            kinds=dict.fromkeys(_kinds(kinds), int(calendar.midnight[job.first])),
            symbols=job.symbols,
            until=int(calendar.midnight[job.last + 1]),
        )
        root, console = home if home is not None else default_home(), Console()
        desk = Desk(given, root)
        try:
            with bar(Console(stderr=True), desk.clock) as tell:
                got = gather(desk, root, wanted, tell, lambda plans, work: _planned(console, plans, work))
        finally:
            desk.close()
        _done(console, got)
        finished(got.account)


def _kinds(text: str) -> tuple[type[Event], ...]:
    from undertow.app.vendors.plan import HEAVY, LIGHT
    from undertow.core.errors import BadInput

    if text == "light":
        return LIGHT
    if text == "all":
        return LIGHT + HEAVY
    valid = {kind.kind: kind for kind in LIGHT + HEAVY}
    names = [name.strip().replace("-", "_") for name in text.split(",") if name.strip()]
    strange = [name for name in names if name not in valid]
    if strange or not names:
        raise BadInput(f"--kinds: {', '.join(strange) or 'nothing'} is no kind; valid are light, all, {', '.join(valid)}")
    return tuple(valid[name] for name in dict.fromkeys(names))


@contextmanager
def bar(console: Console, clock: WallClock) -> Iterator[Tell]:
    """Progress with the time left and the wait for a vendor's limit; where there is no terminal, a line a tenth."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    if not console.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[waits]}"),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("fetching", total=None, waits="")

        def refresh() -> str:
            left = (clock.waits_until - clock.now()) / 1e9
            return f"waiting {left:.0f} s for the vendor's limit" if left > 1 else ""

        def tell(done: int, whole: int, what: str) -> None:
            progress.update(task, description=what[:48], completed=done, total=whole, waits=refresh())

        with _ticking(lambda: progress.update(task, waits=refresh())):
            yield tell


@contextmanager
def _ticking(each: Callable[[], None]) -> Iterator[None]:
    """Call ``each`` every second meanwhile."""
    from threading import Event, Thread

    over = Event()

    def run() -> None:
        while not over.wait(1.0):
            each()

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _lines() -> Tell:
    told = -1

    def tell(done: int, whole: int, what: str) -> None:
        nonlocal told
        tenth = 10 * done // whole
        if tenth > told:
            told = tenth
            print(f"fetching: {done} of {whole} ({what})", file=sys.stderr, flush=True)

    return tell


def _planned(console: Console, plans: Plans, work: Sequence[Unit]) -> None:
    from rich.table import Table

    if plans.market:
        console.print(f"SIMULATED: the vendors' addresses lead to a simulated market ({plans.market}); its data are kept apart.")
    table = Table(title="What your plans include")
    for name in ("vendor", "kinds", "included", "from"):
        table.add_column(name, overflow="fold")
    for vendor, told in plans.told:
        kinds = ", ".join(kind.kind for kind in told.kinds)
        table.add_row(vendor.replace("_", " "), kinds, told.state + (" (15 min late)" if told.delayed else ""), told.earliest)
    console.print(table)
    console.print(f"{len(work)} parts to fetch." if work else "Everything is here already.")


def _done(console: Console, got: Gathered) -> None:
    from rich.table import Table

    account: Account = got.account
    table = Table(title="What was fetched")
    for name in ("kind", "from", "new rows", "already here", "conflicting"):
        table.add_column(name, justify="left" if name in ("kind", "from") else "right")
    by = {kind.kind: vendor for kind, vendor in got.told_by.items()}
    for kind, done in account.rows.items():
        table.add_row(kind, by.get(kind, "").replace("_", " "), f"{done.rows:,}", f"{done.duplicates:,}", f"{done.conflicts:,}")
    console.print(table)
    for what, why in account.refused.items():
        console.print(f"not in your plan: {what.replace('_', ' ')}: {why}", soft_wrap=True, highlight=False)
    for lack, times in account.lacks.most_common(20):
        console.print(f"missing: {lack}" + (f" ({times} times)" if times > 1 else ""), soft_wrap=True, highlight=False)
    console.print("`undertow data coverage` shows every session.", highlight=False)

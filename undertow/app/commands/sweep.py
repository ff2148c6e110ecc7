"""``undertow sweep``: many settings of strategies over one run, all of them counted."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from undertow.app.errors import one_sentence
from undertow.app.main_job import CAPITAL, COSTS, END, POLYGON, SEED, SOURCE, START, STRATEGY, SYMBOLS, TIMEFRAME, UNCERTIFIED, WHALES

VARY = "STRATEGY.PARAMETER=1,2,3 or =FROM:TO:COUNT; several times for every combination."


commands = typer.Typer()


@commands.command("sweep")
def sweep_command(
    vary: Annotated[list[str], typer.Option("--vary", help=VARY)],
    strategy: str = STRATEGY,
    symbols: str = SYMBOLS,
    start_date: str | None = START,
    end_date: str | None = END,
    source: str = SOURCE,
    timeframe: str = TIMEFRAME,
    capital: float = CAPITAL,
    costs: float = COSTS,
    uncertified: bool = UNCERTIFIED,
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
    seed: int = SEED,
    top: int = typer.Option(10, min=1, help="How many of the best are shown."),
) -> None:
    """Backtest many settings of strategies over the same signals, and say what the best is worth after so many trials.

    Features and models are computed once. Every setting is a trial in the ledger, and counts in all later reports on this market.
    """
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.home import home
    from undertow.app.job import Flags, check
    from undertow.app.runs import require_writable
    from undertow.app.show import progress
    from undertow.app.sweeping import settings_of, sweep
    from undertow.core.calendar import nyse
    from undertow.report.sweep import lines

    flags = Flags(
        symbols=symbols,
        start_date=start_date,
        end_date=end_date,
        polygon_key=polygon_key,
        unusual_whales_key=unusual_whales_key,
        source=source,
        timeframe=timeframe,
        capital=capital,
        strategy=strategy,
        costs=costs,
        certified=not uncertified,
        seed=seed,
    )
    with one_sentence():
        job = check(flags, nyse(), clock.now())
        settings = settings_of(vary, job.strategies)
        require_writable(home())
        with progress(Console(stderr=True)) as tell:
            found = sweep(job, home(), nyse(), settings, tell)
    for note in found.notes:
        print(f"note: {note}", file=sys.stderr)
    print("\n".join(lines(found.tried, found.returns, top, found.simulated)))

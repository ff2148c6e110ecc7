"""``undertow explain``: why a symbol's pre-market signal says what it says."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence
from undertow.app.job import DEFAULT_SYMBOLS
from undertow.app.main_job import NETWORKS, POLYGON, SEED, SOURCE, TIMEFRAME, UNCERTIFIED, WHALES

if TYPE_CHECKING:
    from rich.console import Console

    from undertow.app.job import Flags
    from undertow.core.orders import Signal

SYMBOL = typer.Argument(metavar="SYMBOL", help="The ticker to explain.")
SYMBOLS = typer.Option(
    None, "--symbols", "-s", help="Tickers that the models learn from.  [default: the main job's, if SYMBOL is one; else SYMBOL alone]"
)
DATE = typer.Option(None, "--date", help="The session, YYYY-MM-DD.  [default: the next one, as known now]")
JSON = typer.Option(False, "--json", help="Print as JSON.")


commands = typer.Typer()


@commands.command("explain")
def explain_command(
    symbol: Annotated[str, SYMBOL],
    symbols: str | None = SYMBOLS,
    date: str | None = DATE,
    source: str = SOURCE,
    timeframe: str = TIMEFRAME,
    polygon_key: str | None = POLYGON,
    unusual_whales_key: str | None = WHALES,
    seed: int = SEED,
    networks: bool = NETWORKS,
    uncertified: bool = UNCERTIFIED,
    as_json: bool = JSON,
) -> None:
    """Explain a pre-market signal: what pushed it, since when that was known, what each model said and what would change the call."""
    from undertow.app.job import Flags
    from undertow.core.errors import BadInput

    name = symbol.strip().upper()
    among = symbols if symbols is not None else DEFAULT_SYMBOLS if name in DEFAULT_SYMBOLS.split(",") else name
    with one_sentence(), _called_date():
        if name not in [one.strip().upper() for one in among.split(",")]:
            raise BadInput(f"{name} is not among --symbols {among}: name it there, or leave --symbols out")
        flags = Flags(
            symbols=among,
            mode="premarket",
            end_date=date,
            source=source,
            timeframe=timeframe,
            polygon_key=polygon_key,
            unusual_whales_key=unusual_whales_key,
            seed=seed,
            networks=networks,
            certified=not uncertified,
        )
        signal, notes = _signal(flags, name)
    for note in notes:
        print(f"note: {note}", file=sys.stderr)
    _show(signal, as_json)


@contextmanager
def _called_date() -> Iterator[None]:
    """What is wrong with the end of the job is wrong with --date."""
    from undertow.core.errors import BadInput

    try:
        yield
    except BadInput as error:
        raise type(error)(str(error).replace("--end-date", "--date")) from error


def _signal(flags: Flags, symbol: str) -> tuple[Signal, list[str]]:
    """The signal of the premarket job for one of its symbols, and what has to be said beside it."""
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.home import home
    from undertow.app.job import check
    from undertow.app.modes import premarket
    from undertow.app.show import progress
    from undertow.core.calendar import nyse

    calendar = nyse()
    job = check(flags, calendar, clock.now())
    with progress(Console(stderr=True)) as tell:
        result = premarket(job, home(), calendar, tell)
    (found,) = [one for one in result.signals if one.symbol == symbol]
    return found, [note.replace("--end-date", "--date") for note in result.notes]


def _show(signal: Signal, as_json: bool) -> None:
    import json

    from rich.console import Console

    from undertow.report.explanation import heading, lines, plainly, tables

    if as_json:
        print(json.dumps(plainly(signal), indent=2, allow_nan=False))
        return
    print("\n".join(heading(signal)))
    console = Console()
    if console.is_terminal:
        _draw(console, signal)
    else:
        print("\n".join(lines(tables(signal))))


def _draw(console: Console, signal: Signal) -> None:
    from rich.table import Table
    from rich.text import Text

    from undertow.report.explanation import tables

    words = {"rests on", "call"}
    for listed in tables(signal):
        table = Table(title=listed.title, title_justify="left", caption=listed.below or None, caption_justify="left")
        for place, head in enumerate(listed.heads):
            table.add_column(head, justify="left" if place == 0 or head in words else "right")
        for row in listed.rows:
            table.add_row(*(Text(cell) for cell in row))
        console.print()
        if listed.rows:
            console.print(table)
        else:
            console.print(Text(f"{listed.title}: {listed.below}"))

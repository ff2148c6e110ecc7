"""``undertow data latency`` and ``undertow data indicators``: how late data come, and whether a vendor computes as we do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from undertow.app.job import Job
    from undertow.app.vendors.desk import Desk
    from undertow.core.time import Duration
    from undertow.sources.massive.indicators import Checked, Indicator, Values

MOST_DIFFERENCE = 1e-4  #: as a fraction, between an indicator of Massive's and ours

Home = Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """How long after an event a live system could know of it; negative where it is known before, as a date to come is."""

    market: str  #: "real", or the simulated market's folder
    kind: str
    source: str
    grade: str  #: how sure we are: recorded, stamped or modelled
    rows: int
    median: Duration  #: ns
    p90: Duration  #: ns
    p99: Duration  #: ns


def latency_command(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, in nanoseconds, instead of a table.")] = False, home: Home = None
) -> None:
    """Show how long after the event each kind is known, by source and by how sure that is."""
    from undertow.app.home import home as default_home

    with one_sentence():
        found = list(latency(home if home is not None else default_home()))
    if as_json:
        print(json.dumps([asdict(late) for late in found], indent=1))
    else:
        _print_latency(found)


def latency(home: Path) -> Iterator[Late]:
    """By kind, source and grade, for the real tape and those of simulated markets. Raises ``StoreError``."""
    import polars as pl

    from undertow.core.events import Grade
    from undertow.tape import delta
    from undertow.tape.store import Tape

    late = pl.col("known_at") - pl.col("event_at")
    shares = {"median": 0.5, "p90": 0.9, "p99": 0.99}
    for root in (home, *(path.parent for path in sorted(home.glob("simulated*/tape")))):
        tape, market = Tape(root), "real" if root == home else root.name
        for kind in tape.kinds():
            by = tape.frame(kind).group_by("source", "grade")
            with delta.refusals(tape.folder / kind.kind):
                rows = by.agg(pl.len().alias("rows"), *(late.quantile(q, "nearest").alias(name) for name, q in shares.items())).collect()
            for row in rows.sort("source", "grade").iter_rows(named=True):
                yield Late(
                    market=market,
                    kind=kind.kind,
                    source=row["source"],
                    grade=Grade(row["grade"]).name.lower(),
                    rows=row["rows"],
                    **{name: int(row[name]) for name in shares},
                )


def shown(span: Duration) -> str:
    """A span for people, in the largest unit of which it is at least one.

    >>> shown(90 * 10**9)
    '1.5 min'
    """
    from undertow.core.time import DAY, HOUR, MINUTE, SECOND

    units = (("d", DAY), ("h", HOUR), ("min", MINUTE), ("s", SECOND))
    name, unit = next((pair for pair in units if abs(span) >= pair[1]), ("ms", 10**6))
    return f"{span / unit:,.3g} {name}" if abs(span) < 1000 * unit else f"{span / unit:,.0f} {name}"


def _print_latency(found: Sequence[Late]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    if not found:
        console.print("The tape is empty: `undertow data download` or `undertow data import` fills it.")
        return
    table = Table(title="How long after the event it is known")
    text, numbers = ("market", "kind", "source", "grade"), ("rows", "median", "90 %", "99 %")
    for name in (*text, *numbers):
        table.add_column(name, justify="left" if name in text else "right", overflow="fold")
    for one in found:
        spans = (shown(one.median), shown(one.p90), shown(one.p99))
        table.add_row(one.market, one.kind, one.source, one.grade, f"{one.rows:,}", *spans)
    console.print(table)
    console.print("recorded: received by us; stamped: the vendor says when; modelled: a rule says so, which is no measurement.")


def indicators_command(
    symbols: Annotated[str, typer.Option("--symbols", "-s", help="Tickers, separated by commas.")],
    start_date: Annotated[str, typer.Option("--start-date", help="First day of our bars, YYYY-MM-DD; two years compare well.")],
    end_date: Annotated[str | None, typer.Option("--end-date", help="Last day, YYYY-MM-DD.  [default: today]")] = None,
    home: Home = None,
) -> None:
    """Check Massive's moving averages, RSI and MACD against ours on the tape's day bars; exit status 1 where they differ by over 0.01 %."""
    from undertow.app import clock
    from undertow.app.home import home as default_home
    from undertow.app.job import Flags, check
    from undertow.app.vendors.desk import Desk
    from undertow.core.calendar import nyse
    from undertow.core.errors import BadInput

    with one_sentence():
        job = check(Flags(symbols=symbols, start_date=start_date, end_date=end_date), nyse(), clock.now())
        if job.access.massive is None:
            raise BadInput("No Massive key: set POLYGON_API_KEY or MASSIVE_API_KEY, for it is Massive's numbers that are checked.")
        desk = Desk(job.access, home if home is not None else default_home())
        try:
            found = {symbol: _checked(desk, job, symbol) for symbol in job.symbols}
        finally:
            desk.close()
        _print_checked(found)
        _judge(found)


def _checked(desk: Desk, job: Job, symbol: str) -> list[Checked]:
    """Raises ``WireError``, and ``BadInput`` where the tape has no day bars of the symbol."""
    import asyncio

    from undertow.core.calendar import nyse
    from undertow.core.errors import BadInput
    from undertow.core.events import DailyBar
    from undertow.sources.massive.indicators import cross_check
    from undertow.tape.store import Tape

    theirs = asyncio.run(_theirs(desk, symbol))
    calendar, tape = nyse(), Tape(desk.root)  # which market's tape it is, the answers have said
    bars = tape.read(DailyBar, [symbol], int(calendar.midnight[job.first]), int(calendar.midnight[job.last + 1]))
    if len(bars) == 0:
        raise BadInput(
            f"The tape has no day bars of {symbol} from {calendar.day[job.first]} to {calendar.day[job.last]}: run `undertow data download "
            f"--symbols {symbol} --kinds daily_bar --start-date {calendar.day[job.first]}` first."
        )
    return cross_check(bars, theirs, symbol=symbol)


async def _theirs(desk: Desk, symbol: str) -> dict[Indicator, Values]:
    from undertow.sources.massive.indicators import STANDARD, fetch

    async with desk.wire("massive") as wire:
        found = {one: await fetch(wire, symbol, one) for one in STANDARD}
        desk.heard(wire)
        return found


def _print_checked(found: dict[str, list[Checked]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console, table = Console(), Table(title="Massive's indicators against ours")
    for name in ("symbol", "indicator", "window", "column", "days compared", "largest difference", "on"):
        table.add_column(name, justify="right" if name in ("days compared", "largest difference") else "left")
    for symbol, rows in found.items():
        for row in rows:
            largest = f"{row.largest:.1e}" if row.days else ""
            table.add_row(symbol, row.indicator, row.window, row.column, f"{row.days:,}", largest, row.day)
    console.print(table)
    if any(not row.days for rows in found.values() for row in rows):
        console.print("Where no day is compared there are too few bars: an average that began elsewhere must have forgotten where.")


def _judge(found: dict[str, list[Checked]]) -> None:
    """Raise ``BadData`` naming what differs, ``BadInput`` where nothing at all was compared."""
    from undertow.core.errors import BadData, BadInput

    rows = [(symbol, row) for symbol, some in found.items() for row in some]
    wrong = [(symbol, row) for symbol, row in rows if row.largest > MOST_DIFFERENCE]
    if wrong:
        named = "; ".join(f"{symbol} {r.indicator} {r.window} {r.column} by {r.largest:.1e} on {r.day}" for symbol, r in wrong)
        raise BadData(f"Massive's and ours differ by more than {MOST_DIFFERENCE:g}: {named}.")
    if not any(row.days for _, row in rows):
        raise BadInput("Nothing could be compared: give an earlier --start-date, and download its day bars first.")

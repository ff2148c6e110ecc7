"""``undertow data record``: the vendors' live streams onto the tape, with every gap filled by REST."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from undertow.app.errors import one_sentence

if TYPE_CHECKING:
    from rich.console import Console

    from undertow.app.vendors.session import Outcome, Screen
    from undertow.core.events import Event
    from undertow.core.time import Duration, Instant
    from undertow.sources.wire.socket_stream import StreamReport

QUIET = 10.0  #: seconds between two lines where there is no terminal


def record_command(
    symbols: Annotated[str, typer.Option("--symbols", "-s", help="Tickers, separated by commas.")],
    lasts: Annotated[str | None, typer.Option("--for", help="How long, for example 90s, 30m or 6h.  [default: until Ctrl-C]")] = None,
    until_close: Annotated[bool, typer.Option("--until-close", help="Until the next close of the regular session.")] = False,
    kinds: Annotated[str, typer.Option(help="Kinds of event, separated by commas; all: whatever is streamed.")] = "all",
    home: Annotated[Path | None, typer.Option("--home", help="Where data live; default UNDERTOW_HOME or your user data folder.")] = None,
) -> None:
    """Record live data onto the tape until Ctrl-C, --for or --until-close; what came whole is not downloaded again."""
    from rich.console import Console

    from undertow.app import clock
    from undertow.app.home import home as default_home
    from undertow.app.job import Flags, check
    from undertow.app.vendors.access import access
    from undertow.app.vendors.desk import Desk
    from undertow.app.vendors.session import Wish, record_session
    from undertow.core.calendar import nyse
    from undertow.core.errors import BadInput

    with one_sentence():
        job = check(Flags(symbols=symbols), nyse(), clock.now())
        until = _next_close(clock.now()) if until_close else None
        wish = Wish(symbols=job.symbols, kinds=_kinds(kinds), lasts=_lasts(lasts), until=until)
        given = access()
        if not given.any:
            raise BadInput("No vendor's key: set POLYGON_API_KEY or UNUSUAL_WHALES_API_KEY; without one there is nothing to record.")
        root = home if home is not None else default_home()
        desk = Desk(given, root)
        try:
            with _screen(Console(stderr=True)) as screen:
                outcome = record_session(desk, root, wish, screen)
        finally:
            desk.close()
        _summary(Console(), outcome)


def _kinds(text: str) -> tuple[type[Event], ...]:
    from undertow.app.vendors.tellers import KINDS
    from undertow.core.errors import BadInput

    if text == "all":
        return KINDS
    valid = {kind.kind: kind for kind in KINDS}
    names = [name.strip().replace("-", "_") for name in text.split(",") if name.strip()]
    strange = [name for name in names if name not in valid]
    if strange or not names:
        raise BadInput(f"--kinds: {', '.join(strange) or 'nothing'} is not streamed; valid are all, {', '.join(valid)}")
    return tuple(valid[name] for name in dict.fromkeys(names))


def _lasts(text: str | None) -> Duration | None:
    from undertow.core.errors import BadInput
    from undertow.core.time import duration

    if text is None:
        return None
    span = duration(text)
    if span <= 0:
        raise BadInput(f"--for {text!r} is no time at all: write for example 90s, 30m or 6h")
    return span


def _next_close(now: Instant) -> Instant:
    import numpy as np

    from undertow.core.calendar import nyse

    close = nyse().close
    return int(close[np.searchsorted(close, now, side="right")])


@contextmanager
def _screen(console: Console) -> Iterator[Screen]:
    """A line that changes on a terminal; elsewhere a line every ten seconds."""
    from rich.live import Live
    from rich.text import Text

    from undertow.app.vendors.session import Screen

    if not console.is_terminal:
        said = time.monotonic()

        def now_and_then(outcome: Outcome) -> None:
            nonlocal said
            if time.monotonic() - said >= QUIET:
                said = time.monotonic()
                print(_line(outcome), file=sys.stderr, flush=True)

        yield Screen(begun=lambda outcome: _begun(console, outcome), stands=now_and_then)
        return
    with Live(Text(""), console=console, auto_refresh=False, transient=True) as live:
        yield Screen(
            begun=lambda outcome: _begun(console, outcome),
            stands=lambda outcome: live.update(Text(_line(outcome), overflow="ellipsis", no_wrap=True), refresh=True),
        )


def _begun(console: Console, outcome: Outcome) -> None:
    if outcome.market:
        console.print(f"SIMULATED: the vendors' addresses lead to a simulated market ({outcome.market}); its data are kept apart.")
    for vendor, kinds in outcome.kinds.items():
        console.print(
            f"recording from {vendor.replace('_', ' ')}: {', '.join(kind.kind for kind in kinds)}; Ctrl-C ends it", highlight=False
        )


def _line(outcome: Outcome) -> str:
    parts = []
    for vendor, report in outcome.reports.items():
        open_gaps = len(report.waiting) + len(report.unfilled)
        parts.append(
            f"{vendor.replace('_', ' ')} {report.socket.state}: {sum(report.rows.values()):,} events, "
            f"lag {_span(report.socket.lag)}, {sum(report.filled.values()):,} filled in, {open_gaps} gaps open, "
            f"{sum(report.conflicts.values()):,} conflicts"
        )
    return " | ".join(parts) or "connecting"


def _summary(console: Console, outcome: Outcome) -> None:
    from rich.table import Table

    table = Table(title="What was recorded")
    for name in ("kind", "from", "new rows", "filled in", "already here", "conflicting", "latency: median", "p99"):
        table.add_column(name, justify="left" if name in ("kind", "from") else "right")
    for vendor, kinds in outcome.kinds.items():
        report = outcome.reports.get(vendor)
        for kind in kinds:
            done, name = outcome.written.get(kind.kind), kind.kind
            late = report.latencies.get(name) if report else None
            numbers = (done.rows, report.filled.get(name, 0), done.duplicates, done.conflicts) if done and report else (0, 0, 0, 0)
            took = (_span(late.median), _span(late.p99)) if late else ("", "")
            table.add_row(name, vendor.replace("_", " "), *(f"{number:,}" for number in numbers), *took)
    console.print(table)
    for what, why in outcome.left.items():
        console.print(f"not recorded: {what.replace('_', ' ')}: {why}", soft_wrap=True, highlight=False)
    for vendor, report in outcome.reports.items():
        _gaps(console, vendor.replace("_", " "), report)
    console.print("`undertow data coverage` shows every session.", highlight=False)


def _gaps(console: Console, vendor: str, report: StreamReport) -> None:
    from undertow.core.time import iso

    for topic, how in report.socket.topics.items():
        if how.startswith("refused"):
            console.print(f"not streamed: {vendor} {topic}: {how}", soft_wrap=True, highlight=False)
    for gap, why in [*((gap, "not filled before the end") for gap in report.waiting), *report.unfilled][:20]:
        console.print(f"gap: {vendor} {iso(gap.after)} to {iso(gap.until)}: {why}; a download fetches it", soft_wrap=True, highlight=False)
    for kind, count in report.conflicts.items():
        console.print(f"conflicts: {vendor} {kind}: {count:,} bars that REST tells otherwise; as streamed they stay", highlight=False)


def _span(late: Duration) -> str:
    """A duration as a person reads it.

    >>> _span(1_500_000), _span(2_500_000_000), _span(7_200_000_000_000)
    ('2 ms', '2.5 s', '2.0 h')
    """
    for size, unit, digits in ((3600 * 10**9, "h", 1), (10**9, "s", 1)):
        if abs(late) >= size:
            return f"{late / size:,.{digits}f} {unit}"
    return f"{late / 1e6:,.0f} ms"

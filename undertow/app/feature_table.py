"""The matrix as a plain table, for notebooks: a row a tick and symbol, a column a feature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.app.choose import Tell, choose_source
from undertow.app.history import needs_of, read, read_context
from undertow.app.job import Job
from undertow.app.learning import SESSIONS_A_BATCH
from undertow.app.wiring import BAR_SPAN
from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Bar, Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering

if TYPE_CHECKING:
    import polars as pl

SINGLE: tuple[type[Event], ...] = (Quote, Trade, OffExchangePrint, OptionTrade)  #: millions of rows a session


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    """A table of features, and what has to be said of it."""

    table: pl.DataFrame  #: at (ns UTC), symbol, one column a feature; NaN is not known
    simulated: bool
    source: str
    notes: tuple[str, ...]


def compute(job: Job, home: Path, calendar: Calendar, tell: Tell, *, only: Sequence[str] | None, prints: bool) -> Computed:
    """Features of the job's symbols at its decision ticks; without ``prints`` those that need single prints or quotes are left out."""
    import polars as pl

    without: set[type[Event]] = set() if prints else set(SINGLE)
    if job.timeframe == "1d":
        without.add(Bar)
    features = FeatureEngineering(job.symbols, only=only, without=without, calendar=calendar)
    span = needs_of(features, job.first, calendar, int(calendar.midnight[job.last + 1]))
    chosen = choose_source(job, home, span, tell)
    tell("Reading", 0, 1)
    chunks = list(read(chosen.source, job.symbols, span))
    chunks += read_context(chosen.source, features.context, span)
    tell("Reading", 1, 1)
    if not chunks:
        raise BadInput(f"nothing is known of {', '.join(job.symbols)} from {calendar.day[job.first]} to {calendar.day[job.last]}")
    every = None if Bar in without or not any(chunk.kind is Bar for chunk in chunks) else BAR_SPAN
    parts = []
    sessions = range(job.first, job.last + 1)
    before = -(2**63)
    for first in sessions[::SESSIONS_A_BATCH]:
        last = min(first + SESSIONS_A_BATCH, sessions.stop)
        ticks = decision_ticks(calendar, range(first, last), every)
        parts.append(features.table([chunk.between(before, int(ticks[-1])) for chunk in chunks], ticks))
        before = int(ticks[-1])
        tell("Computing", last - job.first, len(sessions))
    notes = (*job.notes, *chosen.notes, *_absent(features, chunks))
    return Computed(table=pl.concat(parts), simulated=chosen.source.simulated, source=chosen.source.name, notes=notes)


def _absent(features: FeatureEngineering, chunks: Sequence[Chunk]) -> tuple[str, ...]:
    here = {chunk.kind for chunk in chunks}
    gone = sorted(kind.kind.replace("_", " ") for kind in features.kinds - here if kind.kind != "corporate_action")
    return (f"No data of {', '.join(gone)}: features that need it are not known.",) if gone else ()


def picture(table: pl.DataFrame, name: str, out: Path) -> None:
    """One feature over time, a line a symbol, as an HTML page that opens without a network."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for (symbol,), rows in table.group_by("symbol", maintain_order=True):
        figure.add_trace(go.Scatter(x=rows["at"].to_list(), y=rows[name].to_numpy(), name=str(symbol), mode="lines"))
    figure.update_layout(title=name, template="plotly_white", hovermode="x unified", margin={"l": 50, "r": 20, "t": 50, "b": 40})
    figure.write_html(out, include_plotlyjs=True)

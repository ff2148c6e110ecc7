"""One symbol over some sessions, and rows of one kind made from it: what passes between the market and its feeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import I64, Array
from undertow.sandbox.daily.companies import Company, company
from undertow.sandbox.daily.layer import Settings, layer, span
from undertow.sandbox.options.chains import WARM, chains
from undertow.sandbox.tape import intraday

if TYPE_CHECKING:
    from undertow.sandbox.tape.consolidated import Tape


@dataclass(frozen=True)
class Part:
    """One symbol over consecutive sessions of the exchange's calendar, from ``first`` up to but not including ``end``."""

    settings: Settings
    symbol: str
    first: int
    end: int

    @property
    def calendar(self) -> Calendar:
        """The exchange's calendar, which ``first`` and ``end`` count in."""
        return nyse()

    @property
    def company(self) -> Company:
        """The constants of the symbol."""
        return company(self.symbol)

    @property
    def positions(self) -> I64:
        """Positions in the calendar, int64 (sessions,)."""
        return np.arange(self.first, self.end)

    @property
    def rows(self) -> Array:
        """Records ``LAYER`` (sessions,)."""
        return self.earlier(0)

    def earlier(self, warm: int) -> Array:
        """Records ``LAYER`` (sessions + warm,), begun ``warm`` sessions earlier or where the market begins."""
        start = span().start
        return layer(self.settings, self.symbol)[max(0, self.first - start - warm) : self.end - start]

    @cached_property
    def bars(self) -> Array:
        """Records ``intraday.BAR`` (sessions, 78); those with no volume lie after a half day's close or in a halt."""
        days = self.calendar.day[self.first : self.end].astype(np.int64)
        length = (self.calendar.close - self.calendar.open)[self.first : self.end]
        return intraday.paths(self.settings, self.symbol, self.rows, days, length // intraday.SPAN)

    @cached_property
    def daily(self) -> Array:
        """Records ``intraday.BAR`` (sessions,)."""
        return intraday.days_of(self.bars)

    @cached_property
    def chain(self) -> Array:
        """Records ``options.CONTRACT`` (sessions, 56)."""
        rows = self.earlier(WARM)
        table = chains(self.settings, self.symbol, rows, cents(rows["close"]), self.end - len(rows) - span().start)
        return table[len(rows) - (self.end - self.first) :]

    @cached_property
    def tapes(self) -> list[Tape]:
        """Each session's prints; made when first asked for."""
        from undertow.sandbox.tape.consolidated import tapes

        return list(tapes(self))

    @cached_property
    def option_prints(self) -> list[Array]:
        """Each session's option prints; made when first asked for."""
        from undertow.sandbox.options.prints import option_prints

        return option_prints(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows of one kind and symbol.

    position : int64 (n,)  session in the calendar that the rows belong to; never falls, nor does known_at
    row      : int64 (n,)  number within the session, which with the session makes ``seq``
    event_at, known_at : int64 (n,)  ns UTC
    columns  : as the kind declares them (n,)
    """

    position: I64
    row: I64
    event_at: I64
    known_at: I64
    columns: Mapping[str, Array]


def rows_of(rows: Rows, part: slice) -> Rows:
    """Some of the rows."""
    columns = {name: values[part] for name, values in rows.columns.items()}
    return Rows(
        position=rows.position[part], row=rows.row[part], event_at=rows.event_at[part], known_at=rows.known_at[part], columns=columns
    )


def together(rows: Sequence[Rows]) -> Rows:
    """Rows of one kind and symbol over consecutive ranges, one after the other; at least one range."""
    return Rows(
        position=np.concatenate([r.position for r in rows]),
        row=np.concatenate([r.row for r in rows]),
        event_at=np.concatenate([r.event_at for r in rows]),
        known_at=np.concatenate([r.known_at for r in rows]),
        columns={name: np.concatenate([r.columns[name] for r in rows]) for name in rows[0].columns},
    )


def cents(price: Array) -> I64:
    """Dollars (n,) on the one-cent grid, in 1/10,000 USD; the same rounding as the bars'."""
    return np.maximum(1, (price * 10_000.0 / intraday.CENT + 0.5).astype(np.int64)) * int(intraday.CENT)

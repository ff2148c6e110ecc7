"""The market as one request sees it: which session is meant, which rows are known, and tables made of them, kept while they hold."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from threading import RLock
from typing import Any, TypeVar

import numpy as np

from undertow.core.calendar import Day, nyse
from undertow.core.chunk import Chunk
from undertow.core.events import Event
from undertow.core.time import Instant
from undertow.sandbox.servers.unusual_whales.ask import Ask, before_plan
from undertow.sandbox.servers.unusual_whales.plan import Plan
from undertow.sandbox.servers.world import World

_KEPT = 128  # tables in memory
Made = TypeVar("Made")


@dataclass(slots=True)
class Shelf:
    """Tables that were made, and the symbols that were asked about. Safe with threads."""

    tables: OrderedDict[tuple[Any, ...], tuple[Any, Any]] = field(default_factory=OrderedDict)
    symbols: dict[str, None] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock)

    def table(self, name: tuple[Any, ...], state: Any, make: Callable[[], Made]) -> Made:
        """What ``make`` made under that name when the state was the same, else what it makes now."""
        with self.lock:
            found = self.tables.get(name)
            if found is None or found[0] != state:
                self.tables[name] = found = (state, make())
            self.tables.move_to_end(name)
            while len(self.tables) > _KEPT:
                self.tables.popitem(last=False)
            made: Made = found[1]
            return made


@dataclass(frozen=True, slots=True)
class Desk:
    """A market at one instant, a plan, and the shelf."""

    world: World  #: standing still
    plan: Plan
    shelf: Shelf

    @property
    def now(self) -> Instant:
        """The instant, ns UTC."""
        return self.world.now()

    def exists(self, symbol: str) -> bool:
        """Whether there is such a symbol; it is remembered."""
        known = not self.plan.known or symbol in self.plan.known
        if known:
            self.shelf.symbols[symbol] = None
        return known

    def symbols(self, ask: Ask, name: str = "ticker_symbol") -> tuple[str, ...]:
        """Those asked for that exist; the universe where none is asked for."""
        asked = ask.tickers(name)
        return tuple(symbol for symbol in asked if self.exists(symbol)) if asked else self.plan.universe

    def position(self, ask: Ask, name: str = "date") -> int | None:
        """The session asked for, by default the latest that has begun; None for a day without one, or to come. Raises ``Refused`` (403)."""
        day = ask.day(name)
        if day is None:
            return self.latest()
        self.check(day)
        return self.at_day(day)

    def latest(self) -> int:
        """The session whose premarket began last."""
        at = int(nyse().position(self.now))
        return at if self.now >= int(nyse().midnight[at]) + 4 * 3600 * 10**9 else at - 1

    def at_day(self, day: Day) -> int | None:
        """The session of a day; None where there is none, or none yet."""
        wanted = self.world.sessions(day, day)
        return int(wanted.start) if wanted.stop > wanted.start else None

    def check(self, day: Day) -> None:
        """Raise ``Refused`` (403) for a day before the plan's first."""
        if self.plan.earliest and day < np.datetime64(self.plan.earliest, "D"):
            calendar = nyse()
            covered = calendar.sessions(np.datetime64(self.plan.earliest, "D"), calendar.day[int(calendar.position(self.now))])
            raise before_plan(self.plan.earliest, covered.stop - covered.start)

    def first(self) -> int:
        """The first session that may be seen."""
        start = int(self.world.market.sessions.start)
        if not self.plan.earliest:
            return start
        covered = nyse().sessions(np.datetime64(self.plan.earliest, "D"), nyse().day[-1])
        return max(start, int(covered.start))

    def rows(self, kind: type[Event], symbol: str, first: int, end: int | None = None) -> Chunk:
        """Rows of a session, or of those up to but not including ``end``, that are known by now."""
        exists = self.world.market.sessions
        end = first + 1 if end is None else end
        first, end = max(first, exists.start), min(end, exists.stop, int(nyse().position(self.now)) + 1)
        return self.world.rows(kind, symbol, slice(first, max(first, end)))

    def table(self, what: str, symbol: str, position: int, state: Any, make: Callable[[], Made]) -> Made:
        """A table of a symbol's session, made anew where ``state`` is another than when it was made."""
        return self.shelf.table((what, symbol, position), state, make)


def day_of(position: int) -> str:
    """A session's day, YYYY-MM-DD."""
    return str(nyse().day[position])


def pages(rows: Sequence[Any], ask: Ask, limit: int) -> list[Any]:
    """The page asked for."""
    at = (ask.page() - 1) * limit
    return list(rows[at : at + limit])

"""Unusual Whales' REST as a source: a session at a time, within what the plan gives, with an account of what was not given."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Self

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.errors import BadInput
from undertow.core.events import (
    ChainRow,
    CongressTrade,
    DailyBar,
    EarningsDate,
    EarningsReport,
    Event,
    FlowAlert,
    InsiderTrade,
    NewsItem,
    OffExchangePrint,
    OpenInterest,
    OptionTrade,
)
from undertow.core.time import Instant
from undertow.sources.unusual_whales import requests
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.options import OI_CLOCK
from undertow.sources.unusual_whales.pages import Account, Walk, by_cursor, by_number, one_page
from undertow.sources.unusual_whales.parse import READERS, earnings_dates
from undertow.sources.unusual_whales.rows import NAME, Parsed
from undertow.sources.unusual_whales.totals import interest_totals
from undertow.sources.wire.client import Wire
from undertow.sources.wire.errors import NotEntitled, NotFound
from undertow.sources.wire.stamps import Day, new_york_midnight

DAILY: tuple[type[Event], ...] = (OffExchangePrint, OptionTrade, FlowAlert, OpenInterest)  #: asked for session by session
WHOLE: tuple[type[Event], ...] = (
    DailyBar,
    ChainRow,
    NewsItem,
    InsiderTrade,
    CongressTrade,
    EarningsDate,
    EarningsReport,
)  #: asked for once
#: kinds that come on one page, all there is
ONE_PAGE: Mapping[type[Event], Callable[[str], Walk]] = {
    CongressTrade: requests.congress_trades,
    EarningsDate: requests.earnings,
    EarningsReport: requests.earnings,
    ChainRow: requests.option_totals,
    DailyBar: requests.daily_bars,
}
UNNAMED: tuple[type[Event], ...] = (EarningsDate, EarningsReport, ChainRow, DailyBar)  #: whose rows do not name their symbol
BEFORE_PLAN = "before the first day that your plan includes"
LATEST_ONLY = "the vendor serves single option trades of the latest session only; earlier ones are in its full-tape files"
EMPTY = "the vendor sent no rows for a session, which it does not tell from a day that it does not serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to ask for."""

    #: single trades cost many requests; day bars and chains as totals only where nobody else has them
    kinds: tuple[type[Event], ...] = tuple(kind for kind in DAILY + WHOLE if kind not in (OptionTrade, DailyBar, ChainRow))
    most_pages: int = 400  #: of one symbol and session (or of one kind, where it is asked for once)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Something that was asked for and did not come, whole or in part."""

    kind: str
    symbols: tuple[str, ...]
    day: str  #: YYYY-MM-DD; empty where it is not about one day
    why: str


@dataclass(slots=True)
class Completeness:
    """What became of one ``history``; it fills as the chunks are taken."""

    pages: int = 0
    rows: int = 0
    repeated: int = 0
    gaps: list[Gap] = field(default_factory=list)
    left_out: Counter[tuple[str, str]] = field(default_factory=Counter)  #: (kind, reason) -> rows

    @property
    def complete(self) -> bool:
        """Whether no gap is known."""
        return not self.gaps


class UnusualWhalesSource:
    """A ``core.protocols.Source`` over REST. It runs its own event loop: call it from a thread without one, and ``close`` it.

    earliest     : kind -> first day that the plan includes, YYYY-MM-DD, learned from refusals and kept
    refused      : kind -> why the plan does not include it at all; not asked for again
    completeness : of the latest ``history``
    """

    name = NAME
    simulated = False

    def __init__(self, wire: Wire, settings: Settings | None = None) -> None:
        """Raises ``BadInput`` for a kind that Unusual Whales does not serve."""
        self.settings = settings or Settings()
        if strange := [kind.kind for kind in self.settings.kinds if kind not in DAILY + WHOLE]:
            valid = ", ".join(kind.kind for kind in DAILY + WHOLE)
            raise BadInput(f"Unusual Whales has no history of {strange[0]!r}; valid are {valid}.")
        self.kinds = self.settings.kinds
        self.earliest: dict[type[Event], str] = {}
        self.refused: dict[type[Event], str] = {}
        self.completeness = Completeness()
        self._wire = wire
        self._runner = asyncio.Runner()

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Chunks of rows with ``after < known_at <= until``, in total order within each kind; an empty chunk: nothing came.

        What the plan does not include is a gap in ``completeness``. Raises ``NotEntitled`` where it includes none of the kinds,
        and any other ``WireError``: then the rows handed out before it are whole but not all.
        """
        self.completeness = Completeness()
        universe = tuple(symbols)
        if until <= after or not universe:
            return
        for kind in self.kinds:
            if kind is OpenInterest and ChainRow in self.kinds:
                continue  # the totals that come as ChainRow tell it
            if kind in self.refused:
                self._gap(kind, universe, None, self.refused[kind])
                continue
            try:
                for chunk in self._daily(kind, universe, after, until) if kind in DAILY else self._whole(kind, universe, after):
                    yield chunk.between(after, until)
            except NotEntitled as error:
                if not error.earliest:
                    self.refused[kind] = str(error)
                self._gap(kind, universe, None, str(error))
        if self.kinds and all(kind in self.refused for kind in self.kinds):
            raise NotEntitled(f"Your Unusual Whales plan includes none of what was asked for. {self.refused[self.kinds[0]]}")

    def close(self) -> None:
        """Close the connections and the loop."""
        self._runner.run(self._wire.close())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _daily(self, kind: type[Event], universe: tuple[str, ...], after: Instant, until: Instant) -> Iterator[Chunk]:
        """One chunk a session; what a session's rows let known only after its day goes with the next."""
        calendar = nyse()
        now = self._wire.clock.now()
        newest = int(calendar.position(now))
        held: Chunk | None = None
        for at in range(max(0, int(calendar.position(after))), min(int(calendar.position(until)), newest) + 1):
            day, begins = calendar.day[at], int(calendar.midnight[at])
            ends = new_york_midnight(day + 1)
            known = begins + OI_CLOCK
            if ends <= after or (kind is OpenInterest and not after < known <= min(until, now)):
                continue
            if str(day) < self.earliest.get(kind, ""):
                self._gap(kind, universe, day, f"{BEFORE_PLAN} ({self.earliest[kind]})")
                continue
            if kind is OptionTrade and at != newest:
                self._gap(kind, universe, day, LATEST_ONLY)
                continue
            rows = self._session(kind, universe, day, is_over=now >= int(calendar.close[at]))
            chunk = self._parsed(kind, READERS[kind](rows, universe))
            whole = chunk if held is None else concat([held, chunk])
            ready = whole.between(-(2**63), ends)
            yield ready
            held = whole[len(ready) :]
        if held is not None and len(held):
            yield held

    def _session(self, kind: type[Event], universe: tuple[str, ...], day: Day, *, is_over: bool) -> list[Row]:
        """Rows of one session, of all symbols together or one after the other."""
        rows: list[Row] = []
        for some in [universe] if kind in requests.TOGETHER else [(symbol,) for symbol in universe]:
            if kind in requests.TOGETHER:
                walk = requests.TOGETHER[kind](some)
            else:
                walk = (requests.off_exchange_prints if kind is OffExchangePrint else requests.open_interest)(some[0], day)
            try:
                got, account = self._runner.run(self._walked(kind, self._capped(walk), day))
            except NotFound as error:
                self._gap(kind, some, day, str(error))
                continue
            except NotEntitled as error:
                if not error.earliest or str(day) >= error.earliest:
                    raise
                self.earliest[kind] = error.earliest
                self._gap(kind, universe, day, f"{BEFORE_PLAN} ({error.earliest})")
                return []
            if not got and (is_over or kind is OpenInterest):
                self._gap(kind, some, day, EMPTY)
            self._count(kind, some, day, account)
            rows += got
        return rows

    async def _walked(self, kind: type[Event], walk: Walk, day: Day) -> tuple[list[Row], Account]:
        if kind is OpenInterest:
            return await by_number(self._wire, walk)
        return await by_cursor(self._wire, walk, new_york_midnight(day), new_york_midnight(day + 1))

    def _whole(self, kind: type[Event], universe: tuple[str, ...], after: Instant) -> Iterator[Chunk]:
        """One chunk of a kind that is not asked for by session."""
        rows: list[Row] = []
        for some in [universe] if kind is InsiderTrade else [(symbol,) for symbol in universe]:
            try:
                got, account = self._runner.run(self._question(kind, some, after))
            except NotFound as error:
                self._gap(kind, some, None, str(error))
                continue
            self._count(kind, some, None, account)
            rows += [{**row, "ticker": some[0]} for row in got] if kind in UNNAMED else got
        if kind is EarningsDate:
            yield self._parsed(kind, earnings_dates(rows, universe, self._wire.clock.now()))
        else:
            yield self._parsed(kind, READERS[kind](rows, universe))
        if kind is ChainRow and OpenInterest in self.kinds:
            yield self._parsed(OpenInterest, interest_totals(rows, universe))

    async def _question(self, kind: type[Event], some: tuple[str, ...], after: Instant) -> tuple[list[Row], Account]:
        if kind is InsiderTrade:
            return await by_number(self._wire, self._capped(requests.insider_trades(some, after)))
        if kind is NewsItem:
            return await by_number(self._wire, self._capped(requests.news(some[0])), after)
        return await one_page(self._wire, ONE_PAGE[kind](some[0]))

    def _capped(self, walk: Walk) -> Walk:
        return replace(walk, most_pages=min(walk.most_pages, self.settings.most_pages))

    def _count(self, kind: type[Event], symbols: tuple[str, ...], day: Day | None, account: Account) -> None:
        self.completeness.pages += account.pages
        self.completeness.rows += account.rows
        self.completeness.repeated += account.repeated
        if not account.complete:
            self._gap(kind, symbols, day, account.why)

    def _gap(self, kind: type[Event], symbols: tuple[str, ...], day: Day | None, why: str) -> None:
        self.completeness.gaps.append(Gap(kind=kind.kind, symbols=symbols, day="" if day is None else str(day), why=why))

    def _parsed(self, kind: type[Event], parsed: Parsed) -> Chunk:
        for reason, rows in parsed.left_out.items():
            self.completeness.left_out[kind.kind, reason] += rows
        return parsed.chunk

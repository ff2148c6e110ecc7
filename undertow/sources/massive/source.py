"""Massive's REST as a source: whole answers of every symbol, in windows that fit in memory, as chunks in total order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk, concat
from undertow.core.errors import BadInput
from undertow.core.events import (
    Bar,
    ChainRow,
    CorporateAction,
    DailyBar,
    Event,
    NewsItem,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    Quote,
    Trade,
)
from undertow.core.time import DAY, HOUR, MINUTE, Duration, Instant
from undertow.sources.massive import bars, chain, reference, requests, ticks
from undertow.sources.massive.pages import Pages, collect
from undertow.sources.massive.rows import DELAYED, NAME, Scope
from undertow.sources.wire.client import Wire

HISTORY: tuple[type[Event], ...] = (CorporateAction, Bar, DailyBar, OffExchangeVolume, NewsItem)  #: light kinds, the default
TICKS: tuple[type[Event], ...] = (Quote, Trade, OffExchangePrint)  #: heavy kinds: millions of rows a day, and a higher plan
SNAPSHOTS: tuple[type[Event], ...] = (ChainRow, OpenInterest)  #: only as they stand now, by ``snapshot``
BEFORE_ALL: Instant = -(2**63)
FIRST: Instant = 1_041_379_200 * 10**9  #: 2003-01-01; Massive has nothing older
_TOGETHER = 4  # symbols asked for at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to ask for. Times in ns."""

    kinds: tuple[type[Event], ...] = HISTORY
    span: Duration = 5 * MINUTE  #: of intraday bars
    delay: Duration = 0  #: how late the plan sees the market; at least ``DELAYED`` where an answer says so
    ignored_splits: frozenset[tuple[str, str]] = frozenset()  #: (symbol, YYYY-MM-DD) that a person found to be wrong


class MassiveSource:
    """A ``core.protocols.Source`` over REST. It runs its own event loop: call it from a thread without one, and ``close`` it."""

    name = NAME
    simulated = False

    def __init__(self, wire: Wire, settings: Settings | None = None) -> None:
        """Raises ``BadInput`` for a kind that Massive has no history of."""
        self.settings = settings or Settings()
        if strange := [kind.kind for kind in self.settings.kinds if kind not in HISTORY + TICKS]:
            valid = ", ".join(kind.kind for kind in HISTORY + TICKS)
            raise BadInput(f"Massive has no history of {strange[0]!r}; valid are {valid}.")
        self.kinds = self.settings.kinds
        self._wire = wire
        self._runner = asyncio.Runner()

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Chunks of rows with ``after < known_at <= until``, corporate actions from the first one on; an empty chunk: nothing happened.

        Raises ``WireError``, and then the rows handed out before it are whole but not all.
        """
        if until <= after or not symbols:
            return
        universe = tuple(symbols)
        if CorporateAction in self.kinds:
            yield self._run(universe, (CorporateAction,), BEFORE_ALL, until)[0]
        for group, window in (((Bar,), 40 * DAY), ((DailyBar, OffExchangeVolume, NewsItem), 4000 * DAY), (TICKS, DAY)):
            wanted = tuple(kind for kind in group if kind in self.kinds)
            start = max(after, FIRST)
            while wanted and start < until:
                end = min(start + window, until)
                if group is not TICKS or _may_trade(start, end):
                    yield from self._run(universe, wanted, start, end)
                start = end

    def snapshot(self, symbols: Sequence[str]) -> list[Chunk]:
        """The option chains as they stand: ``ChainRow`` of the last close (none in a session) and ``OpenInterest``, known on receipt."""

        async def one(scope: Scope) -> list[Chunk]:
            got, scope = await self._ask(requests.chain(scope.symbol), scope)
            return [chain.chain_rows(got.rows, scope, got.received_at), chain.open_interest(got.rows, scope, got.received_at)]

        return self._gathered(tuple(symbols), one) if symbols else []

    def close(self) -> None:
        """Close the connections and the loop."""
        self._runner.run(self._wire.close())
        self._runner.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self, universe: tuple[str, ...], wanted: tuple[type[Event], ...], after: Instant, until: Instant) -> list[Chunk]:
        async def one(scope: Scope) -> list[Chunk]:
            return [chunk for kind in _askings(wanted) for chunk in await self._chunks(kind, wanted, scope, after, until)]

        return [chunk.between(after, until) for chunk in self._gathered(universe, one)]

    def _gathered(self, universe: tuple[str, ...], one: Callable[[Scope], Awaitable[list[Chunk]]]) -> list[Chunk]:
        """One chunk a kind over all symbols, which are asked for a few at once; the first fault ends them all."""

        async def everything() -> list[list[Chunk]]:
            turns = asyncio.Semaphore(_TOGETHER)

            async def in_turn(symbol: str) -> list[Chunk]:
                async with turns:
                    return await one(Scope(symbols=universe, symbol=symbol, delay=self.settings.delay))

            tasks = [asyncio.ensure_future(in_turn(symbol)) for symbol in universe]
            try:
                return [await task for task in tasks]
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

        return [concat(list(same)) for same in zip(*self._runner.run(everything()), strict=True)]

    async def _ask(self, request: requests.Request, scope: Scope) -> tuple[Pages, Scope]:
        got = await collect(self._wire, *request)
        late = max(scope.delay, DELAYED) if got.delayed else scope.delay
        return got, Scope(symbols=scope.symbols, symbol=scope.symbol, delay=late)

    async def _chunks(
        self, kind: type[Event], wanted: tuple[type[Event], ...], scope: Scope, after: Instant, until: Instant
    ) -> list[Chunk]:
        symbol, span = scope.symbol, self.settings.span
        if kind is CorporateAction:
            listed, _ = await self._ask(requests.splits(symbol, until), scope)
            paid, _ = await self._ask(requests.dividends(symbol), scope)
            ignored = self.settings.ignored_splits
            sure = [row for row in listed.rows if (row.get("ticker"), row.get("execution_date")) not in ignored]
            return [reference.actions(sure, paid.rows, scope)]
        early = after - max(scope.delay, DELAYED)  # what was known late began earlier
        if kind is Bar:
            got, scope = await self._ask(requests.bars(symbol, span, early - span - MINUTE, until), scope)
            return [bars.bars(got.rows, scope, span)]
        if kind is DailyBar:
            got, scope = await self._ask(requests.bars(symbol, DAY, early - DAY, until), scope)
            return [bars.daily_bars(got.rows, scope)]
        if kind is OffExchangeVolume:
            got, scope = await self._ask(requests.short_volume(symbol, after, until), scope)
            return [reference.short_volume(got.rows, scope)]
        if kind is NewsItem:
            got, scope = await self._ask(requests.news(symbol, after, until), scope)
            return [reference.news(got.rows, scope)]
        if kind is Quote:
            got, scope = await self._ask(requests.quotes(symbol, early, until), scope)
            return [ticks.quotes(got.rows, scope)]
        got, scope = await self._ask(requests.trades(symbol, early, until), scope)
        parsed = []
        if Trade in wanted:
            parsed.append(ticks.trades(got.rows, scope))
        if OffExchangePrint in wanted:
            parsed.append(ticks.off_exchange_prints(got.rows, scope))
        return parsed


def _askings(wanted: tuple[type[Event], ...]) -> list[type[Event]]:
    """The kinds to ask for: off-exchange prints come with the trades."""
    both = Trade in wanted and OffExchangePrint in wanted
    return [kind for kind in wanted if not (both and kind is OffExchangePrint)]


def _may_trade(after: Instant, until: Instant) -> bool:
    """Whether a session's day, or the hour after it in which late prints arrive, reaches into ``(after, until]``."""
    calendar = nyse()
    at = int(calendar.position(until))
    return at >= 0 and after < int(calendar.midnight[at]) + 25 * HOUR

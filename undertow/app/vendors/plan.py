"""Who is asked for what, in which pieces: a piece is small enough to lose, and lies on a grid so that a longer range reuses it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.events import (
    Bar,
    ChainRow,
    CongressTrade,
    CorporateAction,
    DailyBar,
    EarningsDate,
    EarningsReport,
    Event,
    FlowAlert,
    InsiderTrade,
    NewsItem,
    OffExchangePrint,
    OffExchangeVolume,
    OpenInterest,
    OptionTrade,
    Quote,
    Trade,
)
from undertow.core.time import Instant
from undertow.sources.wire.stamps import new_york_day, new_york_midnight
from undertow.tape.fetched import Span, missing

Vendor = Literal["massive", "files", "unusual_whales"]
ALWAYS: Instant = 1_041_379_200 * 10**9  #: 2003-01-01, before which no vendor has anything
SESSION, ALL, ASKED = 0, -1, -2  #: windows that are no number of months: a session; everything; exactly what is asked
LIGHT: tuple[type[Event], ...] = (
    CorporateAction, Bar, DailyBar, OffExchangeVolume, NewsItem, ChainRow, OpenInterest,
    FlowAlert, OffExchangePrint, InsiderTrade, CongressTrade, EarningsDate, EarningsReport,
)  # fmt: skip
HEAVY: tuple[type[Event], ...] = (Trade, Quote, OptionTrade)  #: thousands of pages a symbol and day: only where they are named


@dataclass(frozen=True, slots=True)
class Route:
    """A vendor, the kinds that come with one question, and how wide a question is."""

    vendor: Vendor
    kinds: tuple[type[Event], ...]
    months: int  #: on the calendar's grid; or SESSION, ALL, ASKED
    together: bool = False  #: one question for all symbols


#: every road there is; of those that a user may take, the first one for a kind is taken
ROUTES: tuple[Route, ...] = (
    Route("massive", (CorporateAction,), ALL),
    Route("massive", (Bar,), 2),  # 44 sessions of 960 minutes: one page of 50,000
    Route("massive", (DailyBar,), 12),
    Route("massive", (OffExchangeVolume,), 12),
    Route("massive", (NewsItem,), 12),
    Route("unusual_whales", (DailyBar,), ALL),
    Route("unusual_whales", (ChainRow, OpenInterest), ALL),
    Route("unusual_whales", (FlowAlert,), 1, together=True),
    Route("unusual_whales", (OffExchangePrint,), 1),
    Route("unusual_whales", (NewsItem,), ASKED),
    Route("unusual_whales", (InsiderTrade,), ASKED, together=True),
    Route("unusual_whales", (CongressTrade,), ALL),
    Route("unusual_whales", (EarningsDate, EarningsReport), ALL),
    Route("unusual_whales", (OptionTrade,), SESSION, together=True),
    Route("files", (ChainRow,), SESSION, together=True),
    Route("files", (OptionTrade, FlowAlert), SESSION, together=True),
    Route("massive", (Trade, OffExchangePrint), SESSION),
    Route("massive", (Quote,), SESSION),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One question, to be answered whole: rows with ``after < known_at <= until``."""

    vendor: Vendor
    kinds: tuple[type[Event], ...]
    symbols: tuple[str, ...]
    after: Instant
    until: Instant

    @property
    def name(self) -> str:
        """Tells it from every other one; the same whenever it is asked."""
        text = f"{self.kinds}{self.symbols}{self.after}-{self.until}"
        return f"{self.vendor}-{self.kinds[-1].kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def __str__(self) -> str:
        kinds = ", ".join(kind.kind.replace("_", " ") for kind in self.kinds)
        return f"{kinds} of {', '.join(self.symbols)}"


def roads(wanted: Iterable[type[Event]], open_to: Mapping[Vendor, frozenset[type[Event]]]) -> dict[Route, tuple[type[Event], ...]]:
    """For each road to be taken the kinds to take on it. ``open_to``: vendor -> kinds that the user's plan there includes."""
    left, taken = set(wanted), {}
    for route in ROUTES:
        kinds = tuple(kind for kind in route.kinds if kind in left and kind in open_to.get(route.vendor, ()))
        if kinds:
            kinds = route.kinds if route.vendor == "files" else kinds  # flow is derived from prints, which stay on the tape
            taken[route] = kinds
            left -= set(kinds)
    return taken


@dataclass(frozen=True, slots=True)
class Known:
    """What is known before a question: spans that were told, and from when on a plan includes a vendor's kind."""

    held: Sequence[Span] = ()
    earliest: Mapping[tuple[str, type[Event]], Instant] = field(default_factory=dict)


def units(route: Route, kinds: tuple[type[Event], ...], symbols: Sequence[str], span: tuple[Instant, Instant], known: Known) -> list[Unit]:
    """What is still to be asked on a road for ``(after, until]``, in the order in which it goes on the tape."""
    have: dict[tuple[str, str], list[tuple[Instant, Instant]]] = {}
    for s in known.held:
        if s.vendor == route.vendor:
            have.setdefault((s.kind, s.symbol), []).append((s.after, s.until))
    begins = max(known.earliest.get((route.vendor, kind), ALWAYS) for kind in kinds)
    found: list[Unit] = []
    for a, b in _windows(route.months, *span):
        if b <= begins:
            continue
        asked = [(s, gap) for s in symbols for gap in _lacking(have, kinds, s, (max(a, begins), b))]
        if not route.together:
            found += [Unit(vendor=route.vendor, kinds=kinds, symbols=(s,), after=gap[0], until=gap[1]) for s, gap in asked]
            continue
        for gap in dict.fromkeys(gap for _, gap in asked):
            some = tuple(s for s, own in asked if own == gap)
            found.append(Unit(vendor=route.vendor, kinds=kinds, symbols=some, after=gap[0], until=gap[1]))
    return found


def _lacking(
    have: Mapping[tuple[str, str], list[tuple[Instant, Instant]]],
    kinds: Sequence[type[Event]],
    symbol: str,
    window: tuple[Instant, Instant],
) -> list[tuple[Instant, Instant]]:
    gaps: dict[tuple[Instant, Instant], None] = {}
    for kind in kinds:
        gaps |= dict.fromkeys(missing(have.get((kind.kind, symbol), []), *window))
    return sorted(gaps)


def _windows(months: int, after: Instant, until: Instant) -> Iterator[tuple[Instant, Instant]]:
    """The grid's windows that meet ``(after, until]``: whole ones, but for the last, which ends at ``until``."""
    if months in (ALL, ASKED):
        yield (ALWAYS if months == ALL else after), until
        return
    if months == SESSION:
        calendar = nyse()
        for at in range(max(0, int(calendar.position(after + 1))), int(calendar.position(until)) + 1):
            begins = int(calendar.midnight[at])
            yield begins, min(int(calendar.midnight[at + 1]), until)
        return
    month = new_york_day(after).astype("datetime64[M]").astype(np.int64) // months * months
    while (begins := _midnight(month)) < until:
        yield begins, min(_midnight(month + months), until)
        month += months


def _midnight(month: np.int64) -> Instant:
    return new_york_midnight(np.datetime64(int(month), "M").astype("datetime64[D]"))

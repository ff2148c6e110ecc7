"""What a key may read: one small question an endpoint, answered entitled, not entitled or unknown, with the first day where it matters."""

from __future__ import annotations

from collections.abc import Sequence

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
from undertow.core.time import DAY, MINUTE, Instant
from undertow.sources.massive import requests
from undertow.sources.massive.rows import is_delayed, results
from undertow.sources.wire.capability import Capability, Entitlement
from undertow.sources.wire.client import Wire
from undertow.sources.wire.errors import NotEntitled, NotFound, Unauthorised, WireError
from undertow.sources.wire.stamps import new_york_day

YEARS_BACK = (20, 10, 5, 2)  #: windows that Massive sells, the longest first


async def probe(wire: Wire, symbol: str, now: Instant, *, years: Sequence[int] = YEARS_BACK) -> tuple[Capability, ...]:
    """Ask each endpoint about ``symbol``, eight to twelve requests; ``years`` () leaves the day bars' first day unasked.

    Raises ``Unauthorised``: a wrong key is wrong for all of them.
    """
    week = now - 7 * DAY
    questions: tuple[tuple[tuple[type[Event], ...], requests.Request], ...] = (
        ((Bar,), requests.bars(symbol, MINUTE, week, now - DAY)),
        ((CorporateAction,), requests.splits(symbol, now)),
        ((OffExchangeVolume,), requests.short_volume(symbol, week, now)),
        ((NewsItem,), requests.news(symbol, week, now)),
        ((ChainRow, OpenInterest), requests.chain(symbol)),
        ((Trade, OffExchangePrint), requests.trades(symbol, week, now - DAY)),
        ((Quote,), requests.quotes(symbol, week, now - DAY)),
    )
    found = [await _ask(wire, kinds, request) for kinds, request in questions]
    return (*found, await _daily(wire, symbol, now, years))


async def _daily(wire: Wire, symbol: str, now: Instant, years: Sequence[int]) -> Capability:
    """Day bars, and the farthest of the windows sold that the key may read."""
    recent = await _ask(wire, (DailyBar,), requests.bars(symbol, DAY, now - 14 * DAY, now - DAY))
    if recent.state is not Entitlement.ENTITLED or recent.earliest:
        return recent
    for back in years:
        start = now - int(back * 365.25) * DAY + 7 * DAY
        old = await _ask(wire, (DailyBar,), requests.bars(symbol, DAY, start, start + 7 * DAY))
        if old.state is Entitlement.UNKNOWN:
            break
        if old.earliest or old.state is Entitlement.ENTITLED:
            first = old.earliest or str(new_york_day(start))
            return Capability(kinds=(DailyBar,), state=Entitlement.ENTITLED, earliest=first, delayed=recent.delayed)
    return recent


async def _ask(wire: Wire, kinds: tuple[type[Event], ...], request: requests.Request) -> Capability:
    path, params = request
    try:
        answer = await wire.get(path, {**params, "limit": 10})
        results(answer.json, path)
    except Unauthorised:
        raise
    except NotEntitled as error:
        return Capability(kinds=kinds, state=Entitlement.NOT_ENTITLED, earliest=error.earliest, why=str(error))
    except NotFound as error:
        return Capability(kinds=kinds, state=Entitlement.UNKNOWN, why=str(error))
    except WireError as error:
        return Capability(kinds=kinds, state=Entitlement.UNKNOWN, why=str(error))
    return Capability(kinds=kinds, state=Entitlement.ENTITLED, delayed=is_delayed(answer.json))

"""What a key may read: one small question a kind, answered entitled, not entitled or unknown, with the first day where it is told."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import nyse
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
from undertow.core.time import DAY, Instant
from undertow.sources.unusual_whales import requests
from undertow.sources.unusual_whales.envelope import unwrap
from undertow.sources.unusual_whales.pages import Walk
from undertow.sources.wire.capability import Capability, Entitlement
from undertow.sources.wire.client import Wire
from undertow.sources.wire.errors import NotEntitled, Unauthorised, WireError

OLD_DAY = np.datetime64("2022-01-03", "D")  #: a session as far back as the vendor's data reach; a plan that starts later says when


async def probe(wire: Wire, symbol: str, now: Instant) -> tuple[Capability, ...]:
    """Ask each endpoint about ``symbol``, eleven requests. Raises ``Unauthorised``: a wrong key is wrong for all of them."""
    calendar = nyse()
    recent = calendar.day[calendar.last_closed(now)]
    questions: tuple[tuple[tuple[type[Event], ...], Walk], ...] = (
        ((FlowAlert,), requests.flow_alerts((symbol,))),
        ((OptionTrade,), requests.option_trades((symbol,))),
        ((OffExchangePrint,), requests.off_exchange_prints(symbol, recent)),
        ((NewsItem,), requests.news(symbol)),
        ((InsiderTrade,), requests.insider_trades((symbol,), now - 30 * DAY)),
        ((CongressTrade,), requests.congress_trades(symbol)),
        ((EarningsDate, EarningsReport), requests.earnings(symbol)),
        ((OpenInterest,), requests.open_interest(symbol, recent)),
        ((ChainRow,), requests.option_totals(symbol)),
        ((DailyBar,), requests.daily_bars(symbol)),
    )
    found = [await _ask(wire, kinds, walk) for kinds, walk in questions]
    oldest = await _ask(wire, (OffExchangePrint,), requests.off_exchange_prints(symbol, OLD_DAY))
    if oldest.earliest:
        dated = (OffExchangePrint, OpenInterest)
        return tuple(
            Capability(kinds=c.kinds, state=c.state, earliest=oldest.earliest if c.kinds[0] in dated else c.earliest, why=c.why)
            for c in found
        )
    return tuple(found)


async def _ask(wire: Wire, kinds: tuple[type[Event], ...], walk: Walk) -> Capability:
    try:
        answer = await wire.get(walk.path, {**walk.params, **({"limit": 1} if walk.limit else {})})
        unwrap(answer.json, walk.path)
    except Unauthorised:
        raise
    except NotEntitled as error:
        # a refusal that names a first day is about that day alone
        state = Entitlement.ENTITLED if error.earliest else Entitlement.NOT_ENTITLED
        return Capability(kinds=kinds, state=state, earliest=error.earliest, why=str(error))
    except WireError as error:
        return Capability(kinds=kinds, state=Entitlement.UNKNOWN, why=str(error))
    return Capability(kinds=kinds, state=Entitlement.ENTITLED)

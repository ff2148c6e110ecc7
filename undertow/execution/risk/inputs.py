"""What a verdict rests on: the order that is asked for, the market and the account as they are known at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.time import Duration, Instant


class Side(IntEnum):
    """Which way an order trades."""

    BUY = 1
    SELL = -1


class Item(StrEnum):
    """What is traded."""

    SHARE = "share"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """An order before it is sent."""

    order_id: str  #: the client's own
    symbol: str  #: of the share, or the contract's name
    side: Side
    shares: float  #: shares or contracts, above 0
    limit: float | None = None  #: USD a share; None is a market order. NaN is no way to ask for one: it halts
    item: Item = Item.SHARE
    multiplier: float = 1.0  #: shares that one contract delivers
    underlying: str = ""  #: of an option; empty is the symbol itself
    flatten: bool = False  #: closes, by a person's or the kill switch's wish: the one order that passes while HALTED

    @property
    def name(self) -> str:
        """The share that this is about."""
        return self.underlying or self.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """The best bid and offer, USD a share; a symbol without one is left out, not given as NaN."""

    bid: float
    ask: float
    known_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """What is held of one thing."""

    symbol: str
    shares: float  #: shares or contracts, signed
    mark: float  #: USD a share, the newest price
    item: Item = Item.SHARE
    multiplier: float = 1.0
    underlying: str = ""

    @property
    def name(self) -> str:
        """The share that this is about."""
        return self.underlying or self.symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """An order that was allowed and whose end is not known."""

    intent: Intent
    left: float  #: shares or contracts that it may still fill
    price: float  #: USD a share that its verdict valued it at


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The money, as the broker tells it, USD; equity includes what is not realised."""

    cash: float
    equity: float
    start: float  #: equity at the start of the exchange's day, which is the last close's
    peak: float  #: highest equity of the day
    buying_power: float  #: for what is asked: an option's is not a share's
    unsettled: float = 0.0  #: of the cash, what cannot be spent yet
    day_trades: float = 0.0  #: in this session and the four before


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A stream of facts, and when it last told one."""

    name: str
    known_at: Instant | None  #: None is never


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All that is known at ``now``."""

    now: Instant
    day: int  #: the exchange's day, days since 1970 (``day_of``)
    account: Account
    positions: tuple[Position, ...] = ()
    working: tuple[Working, ...] = ()
    quotes: Mapping[str, Quote] = field(default_factory=dict)
    channels: tuple[Channel, ...] = ()
    clock_skew: Duration | None = None  #: own clock less a trusted one, ns; None was not measured
    sectors: Mapping[str, str] = field(default_factory=dict)  #: share -> sector; all without one are one sector
    locates: Mapping[str, float] = field(default_factory=dict)  #: shares that can be borrowed anew; 0 for those left out


def day_of(calendar: Calendar, at: Instant) -> int:
    """The exchange's day of an instant, days since 1970: the session whose New York day it falls into, or the one before."""
    return int(np.asarray(calendar.day[calendar.position(at)], "datetime64[D]").astype(np.int64))

"""The market and the account at one moment, as the gate looks at them: of streams, and of a broker that is asked over the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from undertow.core.calendar import Calendar
from undertow.core.chunk import Chunk
from undertow.core.errors import BrokerError
from undertow.core.events import PRICE_SCALE, Bar, Quote
from undertow.core.time import SECOND, Duration
from undertow.execution.feeds import FeedWatch, Report
from undertow.execution.gateway.account import ToldAccount
from undertow.execution.gateway.gateway import Gateway
from undertow.execution.gateway.words import Asset, Money
from undertow.execution.risk import inputs
from undertow.execution.risk.inputs import Account, Channel, Position, World, day_of
from undertow.sources.wire.clock import Clock

ANY = 1e9  #: shares that can be borrowed where the broker calls a symbol easy to borrow
BARS, QUOTES, ORDERS, ACCOUNT = "bars", "quotes", "orders", "account"  #: channels


@dataclass(slots=True, kw_only=True)
class Heard:
    """Which streams talk, and the newest quotes."""

    watch: FeedWatch
    clock: Clock
    calendar: Calendar
    quotes: dict[str, inputs.Quote] = field(default_factory=dict)

    def take(self, chunk: Chunk) -> None:
        """Rows of a stream."""
        if not len(chunk):
            return
        channel = {Bar: BARS, Quote: QUOTES}.get(chunk.kind, chunk.kind.kind)
        for key in np.unique(chunk.key).tolist():
            row = int(np.flatnonzero(chunk.key == key)[-1])
            symbol, known = chunk.symbols[key], int(chunk.known_at[row])
            self.watch.heard(channel, symbol, int(chunk.event_at[row]), known)
            if chunk.kind is Quote:
                bid, ask = (float(chunk.numbers(name)[row]) / PRICE_SCALE for name in ("bid", "ask"))
                if np.isfinite(bid) and np.isfinite(ask):
                    self.quotes[symbol] = inputs.Quote(bid=bid, ask=ask, known_at=known)

    def orders(self) -> None:
        """The broker's stream talks, or is open."""
        self._alive(ORDERS)

    def account(self) -> None:
        """The broker told of the account."""
        self._alive(ACCOUNT)

    def report(self) -> Report:
        """How every channel stands."""
        now = self.clock.now()
        return self.watch.report(now, self.calendar.phase(now), self.calendar.phase_began(now))

    def channels(self) -> tuple[Channel, ...]:
        """The same for the gate."""
        return self.watch.channels(self.report())

    def _alive(self, channel: str) -> None:
        now = self.clock.now()
        self.watch.heard(channel, "", now, now)


@dataclass(slots=True, kw_only=True)
class Watched:
    """A broker's account as it was told last; called, it is the world now."""

    gateway: Gateway
    account: ToldAccount
    heard: Heard
    assets: Mapping[str, Asset | None]
    sectors: Mapping[str, str] = field(default_factory=dict)
    every: Duration = 5 * SECOND  #: between two questions about the account
    money: Money | None = None
    skew: Duration | None = None
    peak: float = 0.0

    async def refresh(self) -> None:
        """Ask the broker about the account and the time. Raises ``BrokerError``."""
        watch, clock = self.heard.watch, self.heard.clock
        before = clock.now()
        watch.asked(self.gateway.name, before)
        hours = await self.gateway.hours()
        after = clock.now()
        self.skew = (before + after) // 2 - hours.now
        self.money = await self.gateway.money()
        self.peak = max(self.peak, self.money.equity, self.money.last_equity)
        watch.measured(self.skew, after)
        watch.answered(self.gateway.name, clock.now())
        self.heard.account()

    def __call__(self) -> World:
        """The world now. Raises ``BrokerError`` before the broker was heard for the first time."""
        if self.money is None:
            raise BrokerError("The broker was not asked about the account yet: nothing is sent.")
        now, money = self.heard.clock.now(), self.money
        pairs = zip(self.account.symbols, self.account.shares.tolist(), self.account.mark.tolist(), strict=True)
        return World(
            now=now,
            day=day_of(self.heard.calendar, now),
            account=Account(
                cash=money.cash,
                equity=money.equity,
                start=money.last_equity,
                peak=self.peak,
                buying_power=money.buying_power,
                day_trades=float(money.day_trades),
            ),
            positions=tuple(Position(symbol=symbol, shares=shares, mark=mark) for symbol, shares, mark in pairs if shares),
            quotes=dict(self.heard.quotes),
            channels=self.heard.channels(),
            clock_skew=self.skew,
            sectors=self.sectors,
            locates={name: ANY for name, asset in self.assets.items() if asset and asset.easy_to_borrow and money.may_short},
        )

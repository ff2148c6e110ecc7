"""The market and the account at one moment, as the gate looks at them: of the simulated broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from undertow.core.calendar import Calendar
from undertow.execution.paper.gateway import PaperGateway
from undertow.execution.risk.inputs import Account, Channel, Position, World, day_of
from undertow.execution.risk.limits import Limits

ANY = 1e9  #: shares that a simulated lender has


@dataclass(slots=True, kw_only=True)
class PaperWorld:
    """Everything is as fresh as the session's own clock."""

    gateway: PaperGateway
    calendar: Calendar
    limits: Limits
    channels: Callable[[], tuple[Channel, ...]] | None = None  #: of the streams, where the market is alive
    sectors: Mapping[str, str] = field(default_factory=dict)  #: of symbols
    peak: float = 0.0

    def __call__(self) -> World:
        """The world now."""
        floor, money, now = self.gateway.floor, self.gateway.account(), self.gateway.now()
        self.peak = max(self.peak, money.equity, money.last_equity)
        quotes = {symbol: quote for symbol in floor.symbols if (quote := self.gateway.quote(symbol)) is not None}
        held = [(symbol, one) for symbol, one in zip(floor.symbols, floor.sleeves, strict=True) if one.shares]
        return World(
            now=now,
            day=day_of(self.calendar, now),
            account=Account(
                cash=money.cash,
                equity=money.equity,
                start=money.last_equity,
                peak=self.peak,
                buying_power=money.buying_power,
            ),
            positions=tuple(Position(symbol=symbol, shares=one.shares, mark=one.mark) for symbol, one in held),
            quotes=quotes,
            channels=self.channels() if self.channels else tuple(Channel(name=name, known_at=now) for name, _ in self.limits.channels),
            clock_skew=0,
            sectors=self.sectors,
            locates=dict.fromkeys(floor.symbols, ANY),
        )

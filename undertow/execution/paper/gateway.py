"""The simulated broker as a ``Gateway``, on a clock that is handed in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from undertow.core.time import Instant
from undertow.execution.gateway.words import OPEN, Answer, Asset, Execution, Held, Hours, Money, Order, Seen, Update
from undertow.execution.paper.floor import Floor
from undertow.execution.risk.inputs import Quote

NUMBER = "SIMULATED"  #: the account's
LENT = 2.0  #: USD of positions a USD of equity carries


class PaperGateway:
    """A floor behind the words of a broker: it answers at once, and tells what happened when it is asked (``told``)."""

    name = "simulated broker"
    real = False
    simulated = True

    def __init__(self, floor: Floor, now: Callable[[], Instant]) -> None:
        self.floor, self._now = floor, now
        self._executions: dict[str, Execution] = {}
        self._start = sum(one.equity for one in floor.sleeves)

    def told(self) -> list[Update]:
        """What happened since this was asked last."""
        taken, self.floor.updates = self.floor.updates, []
        self._executions.update({one.execution.id: one.execution for one in taken if one.execution is not None})
        return taken

    def quote(self, symbol: str) -> Quote | None:
        """The newest price with the half-spread that the costs assume; None before there is one."""
        sleeve = self.floor.sleeves[self.floor.symbols.index(symbol)]
        if not sleeve.mark > 0.0:
            return None
        away = sleeve.mark * self.floor.half_spread
        return Quote(bid=sleeve.mark - away, ask=sleeve.mark + away, known_at=self._now())

    async def submit(self, order: Order) -> Answer:
        """Take an order; see ``Floor.submit``."""
        return self.floor.submit(order, self._now())

    async def cancel(self, broker_id: str) -> Answer:
        """End an order."""
        return self.floor.cancel(broker_id, self._now())

    async def find(self, order: str) -> Seen | None:
        """An order by its id."""
        return self.floor.find(order)

    async def working(self) -> Sequence[Seen]:
        """Orders that may still be filled."""
        return [one for one in self.floor.every() if one.stands in OPEN]

    async def held(self) -> Sequence[Held]:
        """Positions, at the average of what was paid in this book's orders."""
        pairs = zip(self.floor.symbols, self.floor.sleeves, strict=True)
        return [Held(symbol=symbol, shares=one.shares, price=one.mark) for symbol, one in pairs if one.shares != 0.0]

    def now(self) -> Instant:
        """The session's present."""
        return self._now()

    def account(self) -> Money:
        """The sum of all purses."""
        equity = sum(one.equity for one in self.floor.sleeves)
        gross = sum(abs(one.shares) * one.mark for one in self.floor.sleeves)
        power = max(LENT * equity - gross, 0.0)
        return Money(
            number=NUMBER,
            cash=sum(one.cash for one in self.floor.sleeves),
            equity=equity,
            last_equity=self._start,
            buying_power=power,
            option_buying_power=power,
            day_trades=0,
            may_short=True,
        )

    async def money(self) -> Money:
        """The sum of all purses."""
        return self.account()

    async def executions(self, after: Instant) -> Sequence[Execution]:
        """Fills after an instant."""
        for one in self.floor.updates:
            if one.execution is not None:
                self._executions[one.execution.id] = one.execution
        return sorted((one for one in self._executions.values() if one.at > after), key=lambda one: (one.at, one.id))

    async def asset(self, symbol: str) -> Asset | None:
        """Every symbol of the session may be bought and sold short."""
        if symbol not in self.floor.symbols:
            return None
        return Asset(symbol=symbol, tradable=True, fractional=False, shortable=True, easy_to_borrow=True)

    async def hours(self) -> Hours:
        """The exchange's hours by the calendar, at this session's own now."""
        now, calendar = self._now(), self.floor.calendar
        opens, closes = (int(np.searchsorted(edge, now, side="right")) for edge in (calendar.open, calendar.close))
        return Hours(now=now, open=opens > closes, next_open=int(calendar.open[opens]), next_close=int(calendar.close[closes]))

    async def updates(self) -> AsyncIterator[Update]:
        """What has happened; it ends there, for nothing happens here between two pushes."""
        for one in self.told():
            yield one

    async def close(self) -> None:
        """Nothing to let go of."""

"""A broker in memory that refuses an id it has seen, and can lose answers, leave orders working and fill in parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace

from undertow.core.errors import BrokerError
from undertow.execution.gateway.words import OPEN, Answer, Asset, Execution, Held, Hours, Money, Order, Says, Seen, Stands, Update
from undertow.execution.risk.inputs import Side


@dataclass
class FakeGateway:
    """``plan`` says what becomes of the next submits: fill, part, work, lost (done, and no answer), drop (never came), reject."""

    shares: dict[str, float] = field(default_factory=dict)
    orders: dict[str, Seen] = field(default_factory=dict)
    plan: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)  #: the same for cancels: done, lost, refuse
    mute: int = 0  #: questions that fail before the next is answered
    submits: int = 0
    closed: bool = False
    name: str = "fake"
    real: bool = False
    simulated: bool = True

    def _ask(self) -> None:
        if self.mute:
            self.mute -= 1
            raise BrokerError("the broker does not answer")

    async def submit(self, order: Order) -> Answer:
        self.submits += 1
        if order.id in self.orders:
            return Answer(says=Says.UNKNOWN, why="client order id must be unique")
        fate = self.plan.pop(0) if self.plan else "fill"
        if fate == "reject":
            return Answer(says=Says.REJECTED, why="no")
        if fate == "drop":
            return Answer(says=Says.UNKNOWN, why="connection lost")
        filled = {"fill": 1.0, "part": 0.5, "lost": 1.0, "work": 0.0}[fate] * order.shares
        self.shares[order.symbol] = self.shares.get(order.symbol, 0.0) + filled * order.side
        stands = Stands.FILLED if filled == order.shares else Stands.EXPIRED if fate == "part" else Stands.ACCEPTED
        self.put(order.id, order.symbol, order.side, order.shares, filled, stands)
        if fate == "lost":
            return Answer(says=Says.UNKNOWN, why="504")
        return Answer(says=Says.ACCEPTED, broker_id=f"b-{order.id}")

    def put(self, name: str, symbol: str, side: Side, shares: float, filled: float = 0.0, stands: Stands = Stands.ACCEPTED) -> None:
        """An order as it is at the broker."""
        self.orders[name] = Seen(
            id=name, broker_id=f"b-{name}", symbol=symbol, side=side, shares=shares, filled=filled, price=None, stands=stands, at=0
        )

    async def cancel(self, broker_id: str) -> Answer:
        fate = self.cancels.pop(0) if self.cancels else "done"
        if fate == "refuse":
            return Answer(says=Says.REJECTED, why="not cancelable")
        name = broker_id.removeprefix("b-")
        self.orders[name] = replace(self.orders[name], stands=Stands.CANCELLED)
        return Answer(says=Says.UNKNOWN, why="504") if fate == "lost" else Answer(says=Says.CANCELLED)

    async def find(self, order: str) -> Seen | None:
        self._ask()
        return self.orders.get(order)

    async def working(self) -> Sequence[Seen]:
        self._ask()
        return [order for order in self.orders.values() if order.stands in OPEN]

    async def held(self) -> Sequence[Held]:
        self._ask()
        return [Held(symbol=symbol, shares=shares, price=1.0) for symbol, shares in self.shares.items() if shares]

    async def money(self) -> Money:
        raise BrokerError("nobody asks")

    async def executions(self, after: int) -> Sequence[Execution]:
        raise BrokerError("nobody asks")

    async def asset(self, symbol: str) -> Asset | None:
        raise BrokerError("nobody asks")

    async def hours(self) -> Hours:
        raise BrokerError("nobody asks")

    def updates(self) -> AsyncIterator[Update]:
        raise BrokerError("nobody asks")

    async def close(self) -> None:
        self.closed = True

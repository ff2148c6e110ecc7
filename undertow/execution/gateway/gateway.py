"""``Gateway``: what the order path needs of a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from undertow.core.time import Instant
from undertow.execution.gateway.words import Answer, Asset, Execution, Held, Hours, Money, Order, Seen, Update


class Gateway(Protocol):
    """A broker. ``submit`` and ``cancel`` never raise for what happens on the way: that is ``Says.UNKNOWN``.

    Everything else asks without changing anything, may be asked again, and raises ``BrokerError`` where it cannot tell.
    """

    name: str  #: as reports print it
    real: bool  #: whether orders move real money
    simulated: bool  #: whether the broker itself is simulated

    async def submit(self, order: Order) -> Answer:
        """Ask once for an order; never twice, whatever comes back."""

    async def cancel(self, broker_id: str) -> Answer:
        """Ask once for an order's end."""

    async def find(self, order: str) -> Seen | None:
        """The order with this client order id; None where the broker says that it has none."""

    async def working(self) -> Sequence[Seen]:
        """Every order that may still be filled, legs of brackets among them."""

    async def held(self) -> Sequence[Held]:
        """Every position."""

    async def money(self) -> Money:
        """The account."""

    async def executions(self, after: Instant) -> Sequence[Execution]:
        """Every fill after an instant, in the order of the broker's own."""

    async def asset(self, symbol: str) -> Asset | None:
        """What the broker says of a symbol; None where it does not know it."""

    async def hours(self) -> Hours:
        """The broker's clock."""

    def updates(self) -> AsyncIterator[Update]:
        """What happens from now on; ends with ``BrokerError`` where the stream is lost. A fill may be told more than once."""

    async def close(self) -> None:
        """Let go of every connection."""

"""The words of the order path: what is planned, what it rests on, what was decided, what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from undertow.core.time import SECOND, Duration
from undertow.execution.gateway.words import Lasts, Order, Type
from undertow.execution.risk.inputs import Intent


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An order that a plan asks for."""

    decision: str  #: the one id from the inputs to the fills
    intent: Intent
    again: bool = False  #: its id was written down before: it was never sent, or sent and not found
    lasts: Lasts = Lasts.DAY
    stop: float | None = None
    take_profit: float | None = None
    stop_loss: float | None = None

    def order(self) -> Order:
        """As a broker is asked for it."""
        limit, stop = self.intent.limit, self.stop
        kinds = {
            (False, False): Type.MARKET,
            (True, False): Type.LIMIT,
            (False, True): Type.STOP,
            (True, True): Type.STOP_LIMIT,
        }
        return Order(
            id=self.intent.order_id,
            symbol=self.intent.symbol,
            side=self.intent.side,
            shares=self.intent.shares,
            type=kinds[limit is not None, stop is not None],
            lasts=self.lasts,
            limit=limit,
            stop=stop,
            take_profit=self.take_profit,
            stop_loss=self.stop_loss,
            item=self.intent.item,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a decision rests on, as the journal keeps it."""

    inputs: str  #: hash of all that went into it
    signal: Mapping[str, Any] = field(default_factory=dict)
    simulated: bool = False  #: any of it is simulated: then no broker that moves real money is asked


class Refused(StrEnum):
    """Why the path itself refuses an order, before the gate is asked; the gate's own codes are ``risk.codes.Code``."""

    NO_JOURNAL = "no_journal"  #: what would be done cannot be written down
    NOT_COMPARED = "not_compared"  #: the journal was not compared with the broker since the start
    NOT_EQUAL = "not_equal"
    ORDER_UNKNOWN = "order_unknown"  #: another order in the symbol may be live
    SIMULATED = "simulated"
    NOT_TRADABLE = "not_tradable"
    FRACTIONAL = "fractional"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the path and the gate say of one order."""

    allowed: bool
    code: str  #: a ``Refused`` or a ``risk.codes.Code``
    sentence: str
    price: float = 0.0  #: USD a share that an allowed order was valued at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a planned order, as far as it is known."""

    order: str
    sent: bool
    state: str  #: of the journal's fold; empty where it was never written down
    code: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long an order whose answer was lost is looked for."""

    looks: int = 6  #: look-ups at once, before it is taken as absent
    first: Duration = SECOND // 4  #: between the first two; doubles
    longest: Duration = 4 * SECOND
    late: Duration = 300 * SECOND  #: an order not found for so long after it was sent is given up
    pictures: int = 4  #: of the broker before a difference is believed

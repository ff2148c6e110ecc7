"""What is sent to a broker and what comes back, in the order path's own words; prices are USD a share, counts shares or contracts."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from undertow.core.time import Instant
from undertow.execution.risk.inputs import Item, Side


class Type(StrEnum):
    """How an order waits for its price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class Lasts(StrEnum):
    """How long an order waits."""

    DAY = "day"
    GTC = "gtc"  #: good till cancelled
    IOC = "ioc"  #: immediate or cancel
    OPG = "opg"  #: at the opening auction
    CLS = "cls"  #: at the closing auction


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a broker is asked to do."""

    id: str  #: the client's own, see ``tape.journal.ids``
    symbol: str  #: of the share, or the contract's OCC name
    side: Side
    shares: float  #: above 0
    type: Type = Type.MARKET
    lasts: Lasts = Lasts.DAY
    limit: float | None = None
    stop: float | None = None
    take_profit: float | None = None  #: limit of the bracket's exit; with ``stop_loss`` it makes the order a bracket
    stop_loss: float | None = None
    item: Item = Item.SHARE


class Says(StrEnum):
    """What became of something that was asked of a broker."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"  #: no answer, or one that does not tell: only a look-up by id ends that


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back for one request."""

    says: Says
    why: str = ""  #: the broker's own words, or what was lost
    broker_id: str = ""


class Stands(StrEnum):
    """Where an order stands at the broker."""

    ACCEPTED = "accepted"
    PARTLY_FILLED = "partly filled"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"


OPEN = frozenset({Stands.ACCEPTED, Stands.PARTLY_FILLED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """An order as the broker has it."""

    id: str  #: the client's own; the broker's choice where an order came from elsewhere
    broker_id: str
    symbol: str
    side: Side
    shares: float
    filled: float  #: shares so far
    price: float | None  #: average of what was filled
    stands: Stands
    at: Instant  #: ns UTC, of its last change
    parent: str = ""  #: broker id of the order that it is a leg of


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill as the broker tells it."""

    id: str  #: the broker's, one a fill, the same however often it is told
    order: str  #: client order id; empty where only the broker's is told
    broker_id: str  #: of the order
    symbol: str
    side: Side
    shares: float
    price: float
    at: Instant  #: ns UTC
    commission: float = 0.0  #: USD; what brokers do not tell is 0
    spread_cost: float = 0.0  #: USD, of the price; only a simulated broker knows
    impact_cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What a broker's stream tells: an order's new state, and the fill that led to it if one did."""

    order: Seen
    execution: Execution | None = None
    why: str = ""  #: of an end that nobody here asked for, where told


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A position as the broker has it."""

    symbol: str
    shares: float  #: signed
    price: float  #: average that was paid
    item: Item = Item.SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """The account as the broker has it, USD."""

    number: str  #: the account's id, typed by a person before live trading
    cash: float
    equity: float
    last_equity: float  #: at the last close
    buying_power: float
    option_buying_power: float
    day_trades: int  #: in this session and the four before
    may_short: bool
    blocked: str = ""  #: why the account may not trade; empty where it may


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A share as the broker trades it."""

    symbol: str
    tradable: bool
    fractional: bool
    shortable: bool
    easy_to_borrow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The broker's clock."""

    now: Instant
    open: bool
    next_open: Instant
    next_close: Instant

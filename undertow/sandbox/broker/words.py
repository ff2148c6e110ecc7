"""What a broker's book is made of. Prices are in 1/10,000 USD, shares in 1/1,000,000,000, amounts in their product; instants in ns UTC."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from undertow.core.time import Instant


class Side(StrEnum):
    """Buy or sell."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """What it does to a position: +1 or -1."""
        return 1 if self is Side.BUY else -1


class Type(StrEnum):
    """How an order waits for its price."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class Lasts(StrEnum):
    """How long an order waits."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    OPG = "opg"
    CLS = "cls"


class Together(StrEnum):
    """Which orders come with an order."""

    SIMPLE = "simple"
    BRACKET = "bracket"
    OCO = "oco"
    OTO = "oto"


class Status(StrEnum):
    """Where an order stands."""

    PENDING_NEW = "pending_new"
    ACCEPTED = "accepted"
    NEW = "new"
    HELD = "held"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REJECTED = "rejected"


OPEN = frozenset({Status.PENDING_NEW, Status.ACCEPTED, Status.NEW, Status.HELD, Status.PARTIALLY_FILLED})
WORKING = frozenset({Status.NEW, Status.PARTIALLY_FILLED})  #: may be filled now
TAKE_PROFIT, STOP_LOSS = "take_profit", "stop_loss"  #: roles of legs


class Refused(Exception):
    """The broker says no: an HTTP status, a code and words of its own, and further fields of the answer."""

    def __init__(self, status: int, code: int, message: str, **more: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.more = more

    def body(self) -> dict[str, object]:
        """The answer's body."""
        return {**self.more, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A share as the broker trades it."""

    symbol: str
    exchange: str = "NASDAQ"
    tradable: bool = True
    fractional: bool = True
    shortable: bool = True
    easy_to_borrow: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the broker agreed with the account's holder."""

    number: str = "PA0000000000"  #: the account's
    cash: int = 100_000  #: USD to begin with
    shorting: bool = True
    blocked: bool = False  #: no order is taken
    most: int = 100  #: of a quote's displayed size, the percentage that orders of this account get


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """An order as it is asked for."""

    symbol: str
    side: Side
    shares: int = 0
    notional: int = 0  #: amount to be spent instead, in 1/10,000 USD
    type: Type = Type.MARKET
    lasts: Lasts = Lasts.DAY
    limit: int | None = None
    stop: int | None = None
    extended: bool = False  #: also before the open and after the close
    together: Together = Together.SIMPLE
    take_profit: int | None = None  #: limit of that leg
    stop_loss: int | None = None  #: stop of that leg
    stop_loss_limit: int | None = None
    client_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to be different about an order; None stays."""

    shares: int | None = None
    lasts: Lasts | None = None
    limit: int | None = None
    stop: int | None = None
    client_id: str = ""


@dataclass(slots=True, kw_only=True)
class Order:
    """An order in the book."""

    id: str
    number: int  #: orders are served in this order
    client_id: str
    symbol: str
    side: Side
    type: Type
    lasts: Lasts
    shares: int
    created_at: Instant
    updated_at: Instant
    expires_at: Instant
    status: Status
    notional: int = 0
    limit: int | None = None
    stop: int | None = None
    extended: bool = False
    together: Together = Together.SIMPLE
    parent: str = ""  #: id of the order that it came with
    role: str = ""
    armed: bool = True  #: a leg is, once what it protects is there
    triggered: bool = False  #: its stop was touched
    closes: bool = False  #: it makes a position smaller
    reserve: int = 0  #: price that buying power is kept for
    filled: int = 0
    value: int = 0  #: amount of the fills
    filled_at: Instant | None = None
    ended_at: Instant | None = None
    replaced_by: str = ""
    replaces: str = ""

    @property
    def left(self) -> int:
        """Shares that are not filled yet."""
        return self.shares - self.filled

    @property
    def open(self) -> bool:
        """Whether it may still be filled."""
        return self.status in OPEN


@dataclass(slots=True, kw_only=True)
class Position:
    """What is held of one symbol."""

    symbol: str
    shares: int = 0  #: signed
    cost: int = 0  #: signed amount that was paid for what is held
    since: Instant = 0  #: of the latest fill
    opened_today: int = 0  #: shares, unsigned, of those opened in this session and not closed in it
    last_shares: int = 0  #: at the last close


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution."""

    id: str
    order: str  #: id
    symbol: str
    side: Side
    shares: int
    price: int
    at: Instant
    total: int  #: shares of the order filled with this one
    left: int
    position: int  #: shares held afterwards, signed


@dataclass(slots=True, kw_only=True)
class Quote:
    """The best prices of one symbol; what is left of the displayed sizes is negative where they are without limit."""

    bid: int
    ask: int
    at: Instant
    bid_left: int = -1
    ask_left: int = -1
    last: int = 0  #: price of the latest trade, 0 where none was told
    last_at: Instant = 0

    @property
    def mark(self) -> int:
        """The price at which holdings are valued: the latest trade's, or the middle where a quote is newer."""
        if self.last and (self.last_at >= self.at or not (self.bid and self.ask)):
            return self.last
        return (self.bid + self.ask) // 2 if self.bid and self.ask else max(self.bid, self.ask)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What happened to an order, with the order as it was then."""

    number: int
    event: str
    id: str
    at: Instant
    order: Order
    fill: Fill | None = None


@dataclass(slots=True, kw_only=True)
class State:
    """Everything that a book knows; what is kept on disk."""

    terms: Terms = field(default_factory=Terms)
    now: Instant = 0
    created_at: Instant = 0
    count: int = 0  #: of orders, fills and news, from which ids are made
    cash: int = 0
    realised: int = 0
    last_equity: int = 0  #: at the last close
    last_maintenance: int = 0
    orders: dict[str, Order] = field(default_factory=dict)
    open: dict[str, int] = field(default_factory=dict)  #: id -> number, of orders that may still be filled
    fills: list[Fill] = field(default_factory=list)
    positions: dict[str, Position] = field(default_factory=dict)
    quotes: dict[str, Quote] = field(default_factory=dict)
    closes: dict[str, int] = field(default_factory=dict)  #: symbol -> mark at the last close
    day_trades: dict[int, int] = field(default_factory=dict)  #: session's position in the calendar -> number

    def waiting(self) -> list[Order]:
        """Orders that may still be filled, in the order in which they came."""
        return [self.orders[name] for name in self.open]

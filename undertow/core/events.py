"""The vocabulary: every kind of fact that enters the system, and the two clocks each fact carries.

A kind is declared once, as a dataclass; its columns on the tape and in chunks follow from the annotations. Whole numbers inside:
prices in 1/10,000 dollar, shares, contracts. ``MISSING`` stands for a whole number that the publisher left out; NaN for a ratio.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, ClassVar, get_type_hints

from undertow.core.time import SECOND, Duration, Instant

PRICE_SCALE = 10_000  #: price units in a dollar
MISSING = -(2**63)  #: a whole number that was not published


@dataclass(frozen=True, slots=True)
class Unit:
    """What a column is measured in, and how it is kept: ``int`` (int64), ``float`` (float64) or ``str``."""

    of: str
    kept: type


Price = Annotated[int, Unit("1/10,000 USD", int)]
Shares = Annotated[int, Unit("shares", int)]
Contracts = Annotated[int, Unit("contracts", int)]
Count = Annotated[int, Unit("count", int)]
Money = Annotated[int, Unit("1/10,000 USD", int)]
Days = Annotated[int, Unit("days since 1970", int)]
Nanos = Annotated[int, Unit("ns", int)]
Flag = Annotated[int, Unit("0 or 1", int)]
Sign = Annotated[int, Unit("-1, 0 or +1", int)]
Ratio = Annotated[float, Unit("ratio", float)]
Usd = Annotated[float, Unit("USD", float)]
Text = Annotated[str, Unit("text", str)]


class Grade(IntEnum):
    """How sure we are of ``known_at``: we received it ourselves, the vendor says when, or a rule says so."""

    RECORDED = 0
    STAMPED = 1
    MODELLED = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, and the first moment a live system could have known it."""

    kind: ClassVar[str] = "event"
    identity: ClassVar[tuple[str, ...]] = ()  #: columns that, with symbol and event_at, tell two events apart
    in_session: ClassVar[bool] = True  #: can only happen on a day the exchange is open
    least_lag: ClassVar[Duration] = 0  #: known_at may not be closer to event_at than this
    next_session: ClassVar[bool] = False  #: published only once the next session's day has begun

    symbol: str  #: underlying ticker
    event_at: Instant  #: exchange's or publisher's clock, ns UTC
    known_at: Instant  #: first moment a live system could have known it, ns UTC
    seq: int  #: position in its source; makes the order total


@dataclass(frozen=True, slots=True, kw_only=True)
class CorporateAction(Event):
    """A split or cash dividend; ``event_at`` is when it takes effect, ``known_at`` when that was first sure."""

    kind: ClassVar[str] = "corporate_action"
    in_session: ClassVar[bool] = False
    ratio: Ratio  #: new shares for one old; 1.0 for a dividend
    dividend: Usd  #: per old share; 0.0 for a split


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote(Event):
    """A change of the national best bid and offer."""

    kind: ClassVar[str] = "quote"
    identity: ClassVar[tuple[str, ...]] = ("seq",)
    bid: Price
    ask: Price
    bid_size: Shares
    ask_size: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade(Event):
    """A print on the consolidated tape."""

    kind: ClassVar[str] = "trade"
    identity: ClassVar[tuple[str, ...]] = ("seq",)
    price: Price
    size: Shares
    exchange: Text
    conditions: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OffExchangePrint(Event):
    """A print reported by a trade reporting facility."""

    kind: ClassVar[str] = "off_exchange_print"
    identity: ClassVar[tuple[str, ...]] = ("seq",)
    price: Price
    size: Shares
    venue: Text
    conditions: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTrade(Event):
    """One option print, with the quote that stood at the time."""

    kind: ClassVar[str] = "option_trade"
    identity: ClassVar[tuple[str, ...]] = ("expiry", "strike", "is_put", "seq")
    expiry: Days
    strike: Price
    is_put: Flag
    price: Price
    size: Contracts
    bid: Price
    ask: Price
    conditions: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowAlert(Event):
    """A vendor's alert on option flow, derived from prints and therefore later than they are."""

    kind: ClassVar[str] = "flow_alert"
    identity: ClassVar[tuple[str, ...]] = ("expiry", "strike", "is_put", "rule")
    least_lag: ClassVar[Duration] = SECOND
    expiry: Days
    strike: Price
    is_put: Flag
    premium: Money
    size: Contracts
    ask_premium: Money
    bid_premium: Money
    open_interest: Contracts
    is_sweep: Flag
    rule: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar(Event):
    """One intraday bar; ``event_at`` is its END, its start is ``event_at - span``."""

    kind: ClassVar[str] = "bar"
    identity: ClassVar[tuple[str, ...]] = ("span",)
    span: Nanos
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Shares
    vwap: Price
    trades: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyBar(Event):
    """One regular session of one symbol; ``event_at`` is the session's close."""

    kind: ClassVar[str] = "daily_bar"
    open: Price
    high: Price
    low: Price
    close: Price
    volume: Shares
    vwap: Price
    trades: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexLevel(Event):
    """The close of an index such as VIX; the symbol is the index."""

    kind: ClassVar[str] = "index_level"
    level: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRow(Event):
    """One option contract at a session's close: its price, greeks and the day's volume."""

    kind: ClassVar[str] = "chain_row"
    identity: ClassVar[tuple[str, ...]] = ("expiry", "strike", "is_put")
    expiry: Days
    strike: Price
    is_put: Flag
    price: Price
    volume: Contracts
    iv: Ratio  #: annualised, 0.25 is 25 %
    delta: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterest(Event):
    """Contracts open at a session's close; the clearing house says so the next morning."""

    kind: ClassVar[str] = "open_interest"
    identity: ClassVar[tuple[str, ...]] = ("expiry", "strike", "is_put")
    next_session: ClassVar[bool] = True
    expiry: Days
    strike: Price
    is_put: Flag
    open_interest: Contracts


@dataclass(frozen=True, slots=True, kw_only=True)
class OffExchangeVolume(Event):
    """One session's off-exchange and short-marked volume, published after the close."""

    kind: ClassVar[str] = "off_exchange_volume"
    least_lag: ClassVar[Duration] = SECOND
    volume: Shares
    short_volume: Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsItem(Event):
    """A story, or a day's summary of stories, with its tone."""

    kind: ClassVar[str] = "news_item"
    identity: ClassVar[tuple[str, ...]] = ("headline",)
    in_session: ClassVar[bool] = False
    tone: Ratio  #: in [-1, 1]
    stories: Count
    headline: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class InsiderTrade(Event):
    """A transaction of an insider; knowable when filed, not when made."""

    kind: ClassVar[str] = "insider_trade"
    identity: ClassVar[tuple[str, ...]] = ("insider", "code", "shares", "price", "filing")
    in_session: ClassVar[bool] = False
    least_lag: ClassVar[Duration] = SECOND
    insider: Text
    title: Text
    code: Text  #: Form 4 transaction code: P purchase, S sale, others
    shares: Shares
    price: Price
    value: Money
    filing: Text


@dataclass(frozen=True, slots=True, kw_only=True)
class CongressTrade(Event):
    """A transaction disclosed by a member of Congress."""

    kind: ClassVar[str] = "congress_trade"
    identity: ClassVar[tuple[str, ...]] = ("member", "side", "least_amount")
    in_session: ClassVar[bool] = False
    least_lag: ClassVar[Duration] = SECOND
    member: Text
    side: Sign
    least_amount: Money
    most_amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsDate(Event):
    """A company said on which day it will report; ``reports_at`` lies in the future."""

    kind: ClassVar[str] = "earnings_date"
    identity: ClassVar[tuple[str, ...]] = ("reports_at",)
    in_session: ClassVar[bool] = False
    reports_at: Nanos


@dataclass(frozen=True, slots=True, kw_only=True)
class EarningsReport(Event):
    """A company reported."""

    kind: ClassVar[str] = "earnings_report"
    in_session: ClassVar[bool] = False
    eps: Usd
    eps_estimate: Usd
    surprise: Ratio  #: (eps - estimate) / |estimate|


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelKnown(Event):
    """What became of a decision: the return from its fill to its horizon; ``event_at`` is the decision tick."""

    kind: ClassVar[str] = "label_known"
    horizon: Nanos
    value: Ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReady(Event):
    """A model was trained on what was known at ``event_at`` and may decide after ``known_at``."""

    kind: ClassVar[str] = "model_ready"
    identity: ClassVar[tuple[str, ...]] = ("model",)
    model: Text
    rows: Count


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill(Event):
    """Shares that changed hands for us."""

    kind: ClassVar[str] = "fill"
    identity: ClassVar[tuple[str, ...]] = ("seq",)
    shares: Shares  #: signed
    price: Usd
    commission: Usd
    spread_cost: Usd
    impact_cost: Usd


#: every kind; the position is the source rank of law 2, so actions come before prices and prices before what is derived from them
KINDS: tuple[type[Event], ...] = (
    CorporateAction,
    Quote,
    Trade,
    OffExchangePrint,
    OptionTrade,
    FlowAlert,
    Bar,
    DailyBar,
    IndexLevel,
    ChainRow,
    OpenInterest,
    OffExchangeVolume,
    NewsItem,
    InsiderTrade,
    CongressTrade,
    EarningsDate,
    EarningsReport,
    LabelKnown,
    ModelReady,
    Fill,
)
RANK: dict[type[Event], int] = {kind: i for i, kind in enumerate(KINDS)}
BY_NAME: dict[str, type[Event]] = {kind.kind: kind for kind in KINDS}


def add_kind(kind: type[Event]) -> type[Event]:
    """Make a new kind known by its name, after all others in rank; raises ValueError where the name is taken.

    >>> @add_kind
    ... @dataclass(frozen=True, slots=True, kw_only=True)
    ... class Rumour(Event):
    ...     kind: ClassVar[str] = "rumour"
    ...     weight: Ratio
    """
    if BY_NAME.setdefault(kind.kind, kind) is not kind and BY_NAME[kind.kind].__qualname__ != kind.__qualname__:
        raise ValueError(f"there is a kind {kind.kind!r} already: {BY_NAME[kind.kind].__name__}")
    BY_NAME[kind.kind] = kind
    RANK.setdefault(kind, len(RANK))
    return kind


def columns_of(kind: type[Event]) -> dict[str, Unit]:
    """The columns of a kind beside symbol, event_at, known_at and seq: name -> unit, in order of declaration."""
    hashable: Any = kind  # which mypy doubts of a frozen dataclass's class
    return _columns_of(hashable)


@cache
def _columns_of(kind: type[Event]) -> dict[str, Unit]:
    hints = get_type_hints(kind, include_extras=True)
    own = [f.name for f in fields(kind) if f.name not in ("symbol", "event_at", "known_at", "seq")]
    return {name: hints[name].__metadata__[0] for name in own}

"""Orders of one or more legs: all of them fill, each at its quote, or none does and the refusal says why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from undertow.core.calendar import Calendar
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE
from undertow.core.time import Instant
from undertow.execution.contracts.book import Book, Entry, Item, Why, mids
from undertow.execution.contracts.margin import MarginRules, excess
from undertow.execution.contracts.quotes import ContractCosts, Quote, Refusal, fill_price, refusal_of
from undertow.execution.contracts.terms import Contract, money


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a structure: a contract or the symbol of a share, and how many of it, signed, in one structure."""

    item: Item
    count: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A market order for ``count`` times all legs, such as a vertical spread, a condor, or a covered call."""

    legs: tuple[Leg, ...]
    count: int = 1

    def __post_init__(self) -> None:
        items = {leg.item for leg in self.legs}
        if self.count < 1 or not self.legs or len(items) < len(self.legs) or any(leg.count == 0 for leg in self.legs):
            raise BadInput("A structure has one leg or more, each thing once and not 0 of it, and is ordered once or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What is known at one instant: the last quote of each contract and of each underlying."""

    now: Instant  #: ns UTC
    quotes: Mapping[Item, Quote]
    calendar: Calendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The rules that orders meet."""

    costs: ContractCosts = field(default_factory=ContractCosts)
    margin: MarginRules = field(default_factory=MarginRules)


@dataclass(frozen=True, slots=True)
class Filled:
    """The account after all legs, and an entry for each."""

    book: Book
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was done: the code, and what it is about."""

    code: Refusal
    item: Item


def submit(book: Book, order: Structure, market: Market, desk: Desk) -> Filled | Refused:
    """Fill all legs at their quotes or none, and only what the account can carry; what makes it safer is always allowed.

    >>> from undertow.core.calendar import nyse
    >>> from undertow.execution.contracts.terms import contract_of
    >>> low, high = contract_of("KO261218C00060000"), contract_of("KO261218C00065000")
    >>> quotes = {low: Quote(known_at=0, bid=20_000, ask=22_000), high: Quote(known_at=0, bid=5_000, ask=6_000)}
    >>> market = Market(now=0, quotes=quotes | {"KO": Quote(known_at=0, bid=600_000, ask=600_200)}, calendar=nyse())
    >>> spread = Structure((Leg(low, -1), Leg(high, 1)))  # sold for 2.04 - 0.58 a share at 0.6 of the half-spread, less 1.30
    >>> done = submit(Book(cash=4_000_000), spread, market, Desk())
    >>> done.book.cash - 4_000_000, sum(entry.commission for entry in done.entries)
    (1447000, 13000)
    >>> submit(Book(cash=3_000_000), spread, market, Desk()).code  # 300 and 144.70 do not cover the largest loss of 500
    <Refusal.MARGIN: 'margin'>
    """
    entries = []
    for leg in order.legs:
        count, quote = leg.count * order.count, market.quotes.get(leg.item)
        code = _refused(leg.item, count, quote, market, desk)
        if code is not None or quote is None:
            return Refused(code or Refusal.NO_QUOTE, leg.item)
        entries.append(_filled(leg.item, count, quote, market.now, desk.costs))
    after = book.posted(*entries)
    if not _safe(book, after, entries):
        for item in (*after.held, *after.symbols()):
            code = refusal_of(market.quotes.get(item), market.now, desk.costs)
            if code is not None:
                return Refused(code, item)
        prices = mids(market.quotes)
        own = excess(after, prices, desk.margin)
        if own < 0 and (any(item not in prices for item in (*book.held, *book.symbols())) or own < excess(book, prices, desk.margin)):
            return Refused(Refusal.MARGIN, entries[0].item)
    return Filled(after, tuple(entries))


def _refused(item: Item, count: int, quote: Quote | None, market: Market, desk: Desk) -> Refusal | None:
    if isinstance(item, Contract) and market.now >= item.expires_at(market.calendar):
        return Refusal.EXPIRED
    code = refusal_of(quote, market.now, desk.costs)
    return Refusal.NO_BID if code is None and quote is not None and count < 0 and quote.bid == 0 else code


def _filled(item: Item, count: int, quote: Quote, now: Instant, costs: ContractCosts) -> Entry:
    price = fill_price(quote, 1 if count > 0 else -1, costs.half_spread_share)
    multiplier, each = (item.multiplier, costs.commission) if isinstance(item, Contract) else (1, costs.commission_per_share)
    commission = money(abs(count) * each * PRICE_SCALE)
    return Entry(at=now, why=Why.TRADE, item=item, count=count, cash=-count * money(price * multiplier) - commission, commission=commission)


def _safe(book: Book, after: Book, entries: list[Entry]) -> bool:
    """Whether no margin is at stake, and so no other quote is needed: nothing is owed or short, or all that was done is to buy back."""
    if after.cash >= 0 and all(count > 0 for count in after.held.values()):
        return True
    return all(0 < entry.count <= -book.held.get(entry.item, 0) for entry in entries)

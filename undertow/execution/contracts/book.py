"""The account: cash, shares and contracts, and a ledger in which every change of cash is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from undertow.core.errors import BadData
from undertow.core.time import Instant
from undertow.execution.contracts.quotes import Quote
from undertow.execution.contracts.terms import Contract, money

Item = Contract | str  #: a contract, or the symbol of a share
Prices = Mapping[Item, float]  #: 1/10,000 USD a share


class Why(StrEnum):
    """What an entry of the ledger is about."""

    TRADE = "trade"
    EXERCISE = "exercise"
    ASSIGNMENT = "assignment"
    EXPIRY = "expiry"
    SPLIT = "split"
    DIVIDEND = "dividend"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One change of the account; an account's cash is what it was opened with plus the sum of its entries'."""

    at: Instant  #: ns UTC
    why: Why
    item: Item
    count: int  #: contracts or shares, signed as held
    cash: int  #: 1/10,000 USD, signed, with the commission
    commission: int = 0  #: 1/10,000 USD


@dataclass(frozen=True, slots=True, kw_only=True)
class Book:
    """What is held. Nothing in it changes: every step makes another one.

    >>> book = Book(cash=1_000_000).posted(Entry(at=0, why=Why.TRADE, item="KO", count=10, cash=-600_000))
    >>> book.cash, dict(book.held), book.equity({"KO": 61_000})
    (400000, {'KO': 10}, 1010000)
    """

    cash: int  #: 1/10,000 USD
    held: Mapping[Item, int] = field(default_factory=dict)  #: contracts and shares, signed, none of them 0

    def posted(self, *entries: Entry) -> Book:
        """The account after these entries."""
        held = dict(self.held)
        for entry in entries:
            held[entry.item] = held.get(entry.item, 0) + entry.count
        return Book(cash=self.cash + sum(entry.cash for entry in entries), held={item: n for item, n in held.items() if n})

    def shares(self, symbol: str) -> int:
        """Shares held of one symbol, signed."""
        return self.held.get(symbol, 0)

    def contracts(self, symbol: str | None = None) -> dict[Contract, int]:
        """Contracts held, signed, in a fixed order; of one underlying if given."""
        mine = (item for item in self.held if isinstance(item, Contract) and symbol in (None, item.symbol))
        return {item: self.held[item] for item in sorted(mine)}

    def symbols(self) -> tuple[str, ...]:
        """Underlyings and shares held, in order."""
        return tuple(sorted({item.symbol if isinstance(item, Contract) else item for item in self.held}))

    def equity(self, prices: Prices) -> int:
        """Cash and positions at these prices, 1/10,000 USD; raises BadData where a price is not known."""
        return self.cash + sum(worth(item, count, prices) for item, count in self.held.items())


def worth(item: Item, count: int, prices: Prices) -> int:
    """What is held of one thing is worth, 1/10,000 USD, signed; raises BadData where its price is not known."""
    price = prices.get(item)
    if price is None or not price >= 0.0:
        raise BadData(f"{item.name if isinstance(item, Contract) else item} is held and has no price: its value is not guessed.")
    return count * money(price * (item.multiplier if isinstance(item, Contract) else 1))


def mids(quotes: Mapping[Item, Quote]) -> dict[Item, float]:
    """Marks from quotes: the middle of bid and ask."""
    return {item: quote.mid for item, quote in quotes.items()}

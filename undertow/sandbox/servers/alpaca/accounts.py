"""Who has an account at the broker: keys, the book behind each, its prices up to now, and what is told of it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import RLock
from typing import Any

from undertow.core.errors import BadInput
from undertow.core.time import Instant, iso
from undertow.sandbox.broker import kept
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.words import Terms, Told
from undertow.sandbox.servers.alpaca.bodies import update_body
from undertow.sandbox.servers.alpaca.prices import Price, Prices
from undertow.sandbox.servers.world import World

PAPER, LIVE = "PK", "AK"  #: how a key begins
_REMEMBERED = 100_000  # news that a late listener of this process could still get


@dataclass(slots=True)
class Account:
    """One account. Safe with threads."""

    book: Book
    prices: Prices
    file: Path | None
    news: deque[Told] = field(default_factory=lambda: deque(maxlen=_REMEMBERED))
    lock: RLock = field(default_factory=RLock)
    _fed: dict[str, int] = field(default_factory=dict)

    @contextmanager
    def present(self, now: Instant, symbols: Sequence[str] = ()) -> Iterator[Book]:
        """The book as it stands now, for one question; afterwards orders meet the prices, and what changed is kept before it is told.

        symbols : whose prices are needed, beside those of positions and open orders
        """
        with self.lock:
            before = self.book.state.count, self.book.state.last_equity, len(self.book.state.closes)
            self._catch_up(now, symbols)
            try:
                yield self.book
            finally:
                self.book.advance(now)
                news = self.book.take()
                if self.file is not None and before != (self.book.state.count, self.book.state.last_equity, len(self.book.state.closes)):
                    kept.write(self.book.state, self.file)
                self.news.extend(news)

    def look(self, now: Instant) -> None:
        """Let prices and time come in."""
        with self.present(now):
            pass

    def latest(self) -> int:
        """Number of the newest of the news."""
        return self.news[-1].number if self.news else 0

    def after(self, number: int) -> list[Told]:
        """The news after that one."""
        found = []
        for told in reversed(self.news.copy()):
            if told.number <= number:
                break
            found.append(told)
        return found[::-1]

    def told(self, news: Sequence[Told]) -> list[dict[str, Any]]:
        """News as the socket says them."""
        with self.lock:
            return [update_body(each, self.book.state) for each in news]

    def _catch_up(self, now: Instant, symbols: Sequence[str]) -> None:
        state = self.book.state
        waits = {order.symbol for order in state.waiting()}
        found: list[Price] = []
        for symbol in sorted({*symbols, *waits, *state.positions}):
            if symbol in self.prices.pushed:
                every = self.prices.pushed[symbol]
                found += [replace(price, at=now) for price in every[self._fed.get(symbol, 0) :]]
                self._fed[symbol] = len(every)
            elif self.book.listing(symbol) is not None:
                seen = state.quotes[symbol].at if symbol in state.quotes else 0
                found += self.prices.since(symbol, seen, now, every=symbol in waits) if seen < now else []
        for price in sorted(found, key=lambda each: each.at):
            if price.trade:
                self.book.trade(price.symbol, price.trade, price.at)
            else:
                self.book.quote(price.symbol, price.bid, price.ask, price.at, price.sizes)
        self.book.advance(now)


class Brokerage:
    """All accounts. A key that was never seen opens one.

    world   : the market and its clock
    secret  : the one that every key needs; empty: any, but one must be given
    listing : what may be traded; by default what the market lists and any other short name
    terms   : of new accounts; the number is made of the key
    folder  : where accounts are kept; None: in memory alone
    """

    def __init__(
        self, world: World, *, secret: str = "", listing: Listing | None = None, terms: Terms | None = None, folder: Path | None = None
    ) -> None:
        self.world = world
        self.secret = secret
        self.listing = listing or Listing(world.listed)
        self.terms = terms or Terms()
        self.folder = folder
        self.prices = Prices(world)
        self._accounts: dict[str, Account] = {}
        self._lock = RLock()

    def enter(self, key: str, secret: str, *, live: bool) -> Account | None:
        """The account of a key; None where the key is of the other kind, or the secret is wrong."""
        if not key.startswith(LIVE if live else PAPER) or not secret or (self.secret and secret != self.secret):
            return None
        return self.account(key)

    def account(self, key: str) -> Account:
        """The account of a key, opened if it is new. Raises BadInput for one that was kept at a later moment than the market's present."""
        with self._lock:
            if key not in self._accounts:
                self._accounts[key] = self._opened(number_of(key))
            return self._accounts[key]

    def quote(self, symbol: str, bid: float, ask: float, sizes: tuple[int, int] = (0, 0)) -> None:
        """Hand in best prices, USD; from now on the market's own no longer count for the symbol. Every account sees them at once."""
        now = self.world.now()
        self._push(Price(at=now, symbol=symbol, bid=round(bid * 10_000), ask=round(ask * 10_000), sizes=sizes))

    def trade(self, symbol: str, price: float) -> None:
        """Hand in a print, USD."""
        self._push(Price(at=self.world.now(), symbol=symbol, trade=round(price * 10_000)))

    def _push(self, price: Price) -> None:
        with self._lock:
            self.prices.push(price)
            accounts = list(self._accounts.values())
        for account in accounts:
            with account.present(price.at, (price.symbol,)):
                pass

    def _opened(self, number: str) -> Account:
        file = self.folder / f"{number}.json" if self.folder is not None else None
        state, now = kept.read(file) if file is not None else None, self.world.now()
        if state is not None and state.now > now:
            raise BadInput(f"account {number} in {file} was kept at {iso(state.now)}, and the market's present is {iso(now)}; delete it")
        book = Book(self.listing, state) if state is not None else Book.begin(self.listing, replace(self.terms, number=number), now)
        return Account(book, self.prices, file)


def number_of(key: str) -> str:
    """The number of a key's account."""
    digits = str(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") % 10**9).zfill(9)
    return digits if key.startswith(LIVE) else f"PA{digits}"

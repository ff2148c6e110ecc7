"""The broker's book of one account: what is asked of it, prices that come in, time that passes; and what it tells of that."""

from __future__ import annotations

from copy import copy
from uuid import NAMESPACE_OID, uuid5

from undertow.core.time import Instant
from undertow.sandbox.broker import checks, hours, ledger, legs, margin, matching, refusals
from undertow.sandbox.broker.listing import Listing
from undertow.sandbox.broker.orders import made, of_change
from undertow.sandbox.broker.units import SHARE
from undertow.sandbox.broker.words import (
    WORKING,
    Ask,
    Change,
    Fill,
    Lasts,
    Order,
    Quote,
    Side,
    State,
    Status,
    Terms,
    Told,
)

_EVENTS = {Status.PARTIALLY_FILLED: "partial_fill", Status.FILLED: "fill"}


class Book:
    """One account. Instants never go back: an earlier one counts as the latest that was handed in.

    listing : what may be traded
    state   : where another book stopped, or that of a new account
    """

    def __init__(self, listing: Listing, state: State) -> None:
        self.listing = listing
        self.state = state
        self.news: list[Told] = []  #: what happened since it was last taken
        self._clients = {order.client_id: order.id for order in state.orders.values()}

    @classmethod
    def begin(cls, listing: Listing, terms: Terms, now: Instant) -> Book:
        """The book of a new account."""
        cash = terms.cash * 10_000 * SHARE
        return cls(listing, State(terms=terms, now=now, created_at=now, cash=cash, last_equity=cash))

    # --- what is asked -------------------------------------------------------------------------------------------------

    def submit(self, ask: Ask, now: Instant) -> Order:
        """Take an order, or raise ``Refused``. It is filled by nothing before the next ``advance``, ``quote`` or ``trade``."""
        now = self.advance(now)
        if self.state.terms.blocked:
            raise refusals.forbidden("account is restricted from trading")
        if ask.client_id and ask.client_id in self._clients:
            raise refusals.malformed("client_order_id must be unique")
        checks.shape(ask)
        found = checks.asset(ask, self.listing(ask.symbol))
        checks.hour(ask.lasts, now)
        ask = checks.in_shares(ask, self.state)
        checks.base(ask, self.state.quotes.get(ask.symbol))
        checks.holding(ask, self.state, found)
        reserve = checks.payable(ask, self.state, now)
        order, *others = made(ask, self._new_id, now, closes=checks.closes(ask, self.state.positions.get(ask.symbol)), reserve=reserve)
        for one in (order, *others):
            self.state.orders[one.id] = one
            self.state.open[one.id] = one.number
            self._clients[one.client_id] = one.id
        status = Status.PENDING_NEW if hours.works(now, extended=order.extended) else Status.ACCEPTED
        self.tell(order, status, status.value)
        return order

    def cancel(self, order_id: str, now: Instant) -> None:
        """End an order; raises ``Refused`` where there is none, or none that is open."""
        now = self.advance(now)
        order = self.order(order_id)
        if not order.open:
            raise refusals.not_open(order)
        self.tell(order, Status.CANCELED)

    def cancel_all(self, now: Instant) -> list[Order]:
        """End every open order; those that were."""
        self.advance(now)
        found = self.state.waiting()
        for order in found:
            if order.open:
                self.tell(order, Status.CANCELED)
        return found

    def replace(self, order_id: str, change: Change, now: Instant) -> Order:
        """Put another order in an order's place; what was filled stays with the old one. Raises ``Refused``."""
        now = self.advance(now)
        old = self.order(order_id)
        if not old.open or old.status is Status.PENDING_NEW:
            raise refusals.not_open(old) if not old.open else refusals.unprocessable("unable to replace order, it is not sent yet")
        if change.client_id and change.client_id in self._clients:
            raise refusals.malformed("client_order_id must be unique")
        ask = of_change(old, change)
        checks.prices(ask.type, ask.limit, ask.stop)
        if ask.shares <= 0:
            raise refusals.unprocessable("qty must be > filled_qty")
        if old.armed:
            self._check_again(ask, old, now)
        return self._put(old, ask, now)

    def reject(self, order_id: str, now: Instant) -> None:
        """The exchange sends an order back after it was taken."""
        now = self.advance(now)
        self.tell(self.order(order_id), Status.REJECTED)

    def close(self, symbol: str, now: Instant, shares: int | None = None) -> Order:
        """Ask for a market order that ends a position, or so much of it; raises ``Refused``."""
        now = self.advance(now)
        position = self.state.positions.get(symbol)
        if position is None:
            raise refusals.missing("position does not exist")
        side = Side.SELL if position.shares > 0 else Side.BUY
        return self.submit(Ask(symbol=symbol, side=side, shares=abs(position.shares) if shares is None else shares), now)

    # --- what comes in -------------------------------------------------------------------------------------------------

    def quote(self, symbol: str, bid: int, ask: int, at: Instant, sizes: tuple[int, int] = (0, 0)) -> None:
        """New best prices, 1/10,000 USD; 0 for a side without any. Displayed sizes in whole shares, 0 for no limit."""
        now = self.advance(at)
        before = self.state.quotes.get(symbol)
        left = [size * SHARE * self.state.terms.most // 100 if size else -1 for size in sizes]
        new = Quote(bid=bid, ask=ask, at=now, bid_left=left[0], ask_left=left[1])
        if before is not None:
            new.last, new.last_at = before.last, before.last_at
        self.state.quotes[symbol] = new
        self._match(symbol, now)

    def trade(self, symbol: str, price: int, at: Instant) -> None:
        """A print, 1/10,000 USD: it values holdings and touches stops; where there is no quote, orders are filled at it."""
        now = self.advance(at)
        quote = self.state.quotes.get(symbol)
        if quote is None or quote.bid == quote.ask == quote.last:
            quote = self.state.quotes[symbol] = Quote(bid=price, ask=price, at=now)
        quote.last, quote.last_at = price, now
        self._match(symbol, now)

    def advance(self, now: Instant) -> Instant:
        """Let time pass: opens and closes happen, orders are routed, filled and end. The book's present."""
        state = self.state
        for at, closes in hours.edges(state.now, now):
            state.now = at
            if closes:
                self._close(at)
            self._settle(at)
        state.now = max(state.now, now)
        self._settle(state.now)
        return state.now

    # --- what is there -------------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> Order:
        """By the broker's id; raises ``Refused``."""
        if order_id not in self.state.orders:
            raise refusals.missing(f"order not found for {order_id}")
        return self.state.orders[order_id]

    def by_client(self, client_id: str) -> Order:
        """By the client's id; raises ``Refused``."""
        if client_id not in self._clients:
            raise refusals.missing(f"order not found for {client_id}")
        return self.state.orders[self._clients[client_id]]

    def take(self) -> list[Told]:
        """What happened since this was last called."""
        news, self.news = self.news, []
        return news

    def tell(self, order: Order, status: Status, event: str = "") -> None:
        """Set an order's status, and say so; what belongs to an order that ends, ends."""
        now = self.state.now
        order.status, order.updated_at = status, now
        if not order.open:
            self.state.open.pop(order.id, None)
            if status is not Status.FILLED:
                order.ended_at = now
        self._say(order, event or status.value)
        if not order.open and status not in (Status.FILLED, Status.REPLACED):
            legs.ended(self, order)

    # --- inside --------------------------------------------------------------------------------------------------------

    def _say(self, order: Order, event: str, fill: Fill | None = None) -> None:
        number, name = self._new_id("news")
        name = name if fill is None else fill.id
        self.news.append(Told(number=number, event=event, id=name, at=self.state.now, order=copy(order), fill=fill))

    def _new_id(self, what: str) -> tuple[int, str]:
        self.state.count += 1
        return self.state.count, str(uuid5(NAMESPACE_OID, f"{self.state.terms.number}/{what}/{self.state.count}"))

    def _settle(self, now: Instant) -> None:
        for order in self.state.waiting():
            if order.open and order.expires_at <= now:
                self.tell(order, Status.CANCELED if order.lasts in (Lasts.OPG, Lasts.CLS) else Status.EXPIRED)
            elif order.status in (Status.PENDING_NEW, Status.ACCEPTED) and hours.works(now, extended=order.extended):
                self.tell(order, Status.NEW)
        for symbol in dict.fromkeys(order.symbol for order in self.state.waiting()):
            self._match(symbol, now)

    def _match(self, symbol: str, now: Instant) -> None:
        quote = self.state.quotes.get(symbol)
        if quote is None:
            return
        again = True
        while again:  # a fill may put another order to work
            again = False
            for order in [one for one in self.state.waiting() if one.symbol == symbol]:
                again |= order.open and order.armed and self._try(order, quote, now)

    def _try(self, order: Order, quote: Quote, now: Instant) -> bool:
        """Whether anything came of it."""
        if order.status not in WORKING | {Status.HELD} or not matching.tradable_at(order, quote, now):
            return False
        if order.stop is not None and not order.triggered:
            if not matching.touched(order, quote):
                return False
            legs.triggered(self, order)
        if order.status not in WORKING:
            return False
        price = matching.price_of(order, quote)
        if price and order.notional and not order.shares:
            order.shares = matching.shares_for(order.notional, price)
        shares = matching.offered_shares(order, quote) if price else 0
        if shares > 0:
            matching.take(order, quote, shares)
            self._fill(order, shares, price)
        if order.open and order.lasts in (Lasts.IOC, Lasts.FOK, Lasts.OPG):
            self.tell(order, Status.CANCELED)
        return shares > 0

    def _fill(self, order: Order, shares: int, price: int) -> None:
        state, now = self.state, self.state.now
        order.filled += shares
        order.value += shares * price
        order.status = Status.FILLED if not order.left else Status.PARTIALLY_FILLED
        order.updated_at = now
        if order.status is Status.FILLED:
            order.filled_at = now
            state.open.pop(order.id, None)
        held = state.positions.get(order.symbol)
        after = (held.shares if held is not None else 0) + shares * order.side.sign
        _, name = self._new_id("fill")
        fill = Fill(
            id=name, order=order.id, symbol=order.symbol, side=order.side, shares=shares, price=price, at=now,
            total=order.filled, left=order.left, position=after,
        )  # fmt: skip
        state.fills.append(fill)
        ledger.enter(state, fill)
        self._say(order, _EVENTS[order.status], fill)
        legs.filled(self, order)

    def _close(self, at: Instant) -> None:
        """The closing auction, and what a day leaves behind."""
        state = self.state
        for order in state.waiting():
            mark = margin.mark(state, order.symbol)
            if order.open and order.lasts is Lasts.CLS and order.status in WORKING and mark and matching.within(order, mark):
                self._fill(order, order.left, mark)
        state.last_equity, state.last_maintenance = margin.equity(state), margin.maintenance(state)
        for symbol, position in state.positions.items():
            state.closes[symbol] = margin.mark(state, symbol)
            position.opened_today, position.last_shares = 0, position.shares

    def _check_again(self, ask: Ask, old: Order, now: Instant) -> None:
        if not old.role:
            found = checks.asset(ask, self.listing(ask.symbol))
            checks.holding(ask, self.state, found, old.id)
            checks.payable(ask, self.state, now, old.id)
        elif ask.shares > old.left:
            raise refusals.no_shares(old.symbol, ask.shares, old.left, 0)

    def _put(self, old: Order, ask: Ask, now: Instant) -> Order:
        number, name = self._new_id("order")
        new = copy(old)
        new.id, new.number, new.client_id, new.replaces = name, number, ask.client_id or name, old.id
        new.shares, new.limit, new.stop, new.lasts, new.filled, new.value = ask.shares, ask.limit, ask.stop, ask.lasts, 0, 0
        new.created_at, new.expires_at = now, hours.expiry(ask.lasts, old.extended, now)
        if new.reserve:
            new.reserve = checks.reference(ask, self.state.quotes.get(ask.symbol))
        old.replaced_by = name
        for leg in self.state.orders.values():
            if leg.parent == old.id:
                leg.parent, leg.shares = name, new.shares
        self.tell(old, Status.REPLACED)
        self.state.orders[name] = new
        self.state.open[name] = number
        self._clients[new.client_id] = name
        status = Status.HELD if old.status is Status.HELD else Status.NEW if hours.works(now, extended=new.extended) else Status.ACCEPTED
        self.tell(new, status)
        return new

"""What a live session works with, put together: with Alpaca, or with the simulated broker on the live market."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from undertow.app.brokers import Alpaca
from undertow.app.clock import WallClock
from undertow.app.modes import warm_ticks
from undertow.app.prepare import Prepared
from undertow.app.trading.account import ACCOUNT, BARS, ORDERS, QUOTES, Heard, Watched
from undertow.app.trading.basis import Inputs
from undertow.app.trading.clock import SessionClock
from undertow.app.trading.feed import Streamed
from undertow.app.trading.folder import ROOM, broker_session
from undertow.app.trading.limits import limits_of
from undertow.app.trading.past import Past, past_of
from undertow.app.trading.recording import Recording
from undertow.app.trading.session import Session
from undertow.app.trading.switch import Guarded, Switch
from undertow.app.trading.tell import Teller
from undertow.app.trading.wants import Account, asks_of
from undertow.app.trading.world import PaperWorld
from undertow.app.wiring import BAND, BAR_SPAN
from undertow.core.calendar import Calendar, Phase
from undertow.core.chunk import I64
from undertow.core.errors import BadInput, BrokerError
from undertow.core.events import Event, Quote
from undertow.core.time import DAY, SECOND, Instant
from undertow.engine.ticks import session_ticks
from undertow.execution.feeds import Feed, FeedWatch, longest
from undertow.execution.gateway.account import ToldAccount
from undertow.execution.gateway.words import Execution, Money, Update
from undertow.execution.paper.account import PaperAccount
from undertow.execution.paper.floor import Floor
from undertow.execution.paper.gateway import PaperGateway
from undertow.execution.path.book import Book
from undertow.execution.path.desk import Desk as OrderDesk
from undertow.execution.path.send import Path as OrderPath
from undertow.execution.risk.inputs import Side, World
from undertow.tape.journal.journal import Journal

REGULAR = (Phase.OPEN, Phase.REGULAR)


@dataclass(slots=True, kw_only=True)
class Place:
    """A live session, and whoever listens for it."""

    session: Session
    root: Path  #: the account's folder
    feed: Streamed
    kinds: tuple[type[Event], ...]  #: that are asked of the streams
    heard: Heard
    watched: Watched | None = None  #: of a broker over the network; None for the simulated one
    teller: Teller | None = None
    says: list[str] = field(default_factory=list)  #: what went wrong beside the decisions, for the end
    known: set[str] = field(default_factory=set)  #: executions that the account has taken
    taken: int = 0  #: sequence in the journal up to which it has
    past: Past | None = None  #: decisions that the session took before it was stopped
    begun: Instant = 0  #: when it began to listen
    fresh: bool = False  #: whether all streams were, once

    async def begin(self) -> None:
        """Ask the broker how it stands. Raises ``BrokerError``."""
        self.begun = self.session.feed.now()
        if self.watched is not None:
            if self.past is None:
                self.watched.account.begins_with(self.session.path.desk.book.positions())
            await self.watched.refresh()

    def take_fills(self) -> Sequence[Update]:
        """Give the account the fills that the journal has and it does not; there is nothing more to be told."""
        if self.watched is None:
            return ()
        book, since = self.session.path.desk.book, self.taken
        if book.moved == since:
            return ()
        self.taken = book.moved
        for order in (one for one in book.orders.by_id.values() if one.sequence > since):
            for name, (shares, price) in order.executions.items():
                if name not in self.known:
                    self.known.add(name)
                    side = Side.BUY if order.side == "buy" else Side.SELL
                    told = Execution(
                        id=name,
                        order=order.id,
                        broker_id="",
                        symbol=order.symbol,
                        side=side,
                        shares=float(shares),
                        price=float(price),
                        at=order.at,
                    )
                    self.watched.account.fill(told, order.at)
        return ()


def ticks_after(made: Prepared, calendar: Calendar, now: Instant) -> I64:
    """When the session decides from now on. Raises ``BadInput`` where it does no more."""
    ticks = session_ticks(calendar, made.job.first, made.market.every or DAY)
    coming: I64 = ticks[ticks > now]
    if not len(coming):
        raise BadInput("There is no decision left in today's session: --end-date plays it on paper once it is over.")
    return coming


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What a live session stands on."""

    made: Prepared
    journal: Journal
    root: Path  #: the account's folder
    run: str  #: the session's name
    home: Path
    calendar: Calendar


def alpaca_place(ground: Ground, broker: Alpaca, money: Money) -> Place:
    """A session with Alpaca; positions are by its fills, orders from today's targets."""
    made, home, calendar = ground.made, ground.home, ground.calendar
    job, book, own = made.job, Book(ground.journal), WallClock()
    gateway = broker.gateway()
    capital = broker_session(ground.root, ground.run, job, min(job.capital, money.equity))
    name = f"alpaca {money.number}"
    account = ToldAccount(job.symbols, capital, calendar, name=name, band=BAND, kind=made.market.bars, span=BAR_SPAN)
    account.within(job.portfolio)
    feeds = feeds_of(gateway.name)
    heard = Heard(watch=FeedWatch(feeds), clock=own, calendar=calendar)
    switch = Switch(home, ground.root, ground.run)
    guard = Guarded(gateway, switch.keeper)
    orders = OrderDesk(book, replace(limits_of(job, home), channels=longest(feeds)), own, real=broker.real)
    watched = Watched(gateway=guard, account=account, heard=heard, assets=orders.assets, sectors=job.portfolio.sectors)
    place = _place(ground, account, switch, guard, orders, heard)
    place.watched, place.known = watched, {one for order in book.orders.by_id.values() for one in order.executions}
    place.session.world, place.session.told = watched, place.take_fills
    return place


def paper_place(ground: Ground) -> Place:
    """A session with the simulated broker, which fills on the bars that are streamed."""
    made, root, home, calendar = ground.made, ground.root, ground.home, ground.calendar
    job, own = made.job, WallClock()
    met = SessionClock(lambda: place.feed.met)  # an order meets the bars that an order of a backtest would: from its decision on
    floor = Floor(job.symbols, job.capital, made.desk.costs, calendar, kind=made.market.bars, span=BAR_SPAN, book=root / "book.jsonl")
    gateway, switch = PaperGateway(floor, met.now), Switch(home, root, ground.run)
    feeds = feeds_of("")
    heard = Heard(watch=FeedWatch(feeds), clock=own, calendar=calendar)
    limits = replace(limits_of(job, home), channels=longest(feeds))
    guard = Guarded(gateway, switch.keeper)
    orders = OrderDesk(Book(ground.journal), limits, met, real=False)
    place = _place(ground, PaperAccount(floor, BAND, job.portfolio), switch, guard, orders, heard)
    place.session.world = PaperWorld(
        gateway=gateway, calendar=calendar, limits=limits, channels=heard.channels, sectors=job.portfolio.sectors
    )
    place.session.told, place.session.asks = gateway.told, replace(place.session.asks, turns=True)
    return place


def feeds_of(broker: str) -> tuple[Feed, ...]:
    """The channels that a decision rests on, and how long each may be silent."""
    during = Feed(name=BARS, vendor="massive", silent=dict.fromkeys(REGULAR, 150 * SECOND))
    if not broker:
        return (during,)
    asked = dict.fromkeys((*REGULAR, Phase.PREMARKET), 60 * SECOND)
    quotes = Feed(name=QUOTES, vendor="massive", silent=dict.fromkeys(REGULAR, 15 * SECOND))
    return (during, quotes, Feed(name=ORDERS, vendor=broker, silent=asked), Feed(name=ACCOUNT, vendor=broker, silent=asked))


def _place(ground: Ground, account: Account, switch: Switch, guard: Guarded, orders: OrderDesk, heard: Heard) -> Place:
    made, calendar, run = ground.made, ground.calendar, ground.run
    job, market = made.job, made.market
    past = past_of(ground.journal, run, job.symbols)
    after = past.last if past else int(warm_ticks(made, calendar)[-1])
    feed = Streamed(job.symbols, BAR_SPAN, WallClock(), after, job.now)
    feed.prime(market.chunks)
    feed.told = heard.take
    session = Session(
        asks=asks_of(run, job, int(calendar.close[job.first])),
        desk=replace(made.desk, broker=account),
        account=account,
        path=OrderPath(orders, guard),
        guard=guard,
        switch=switch,
        feed=feed,
        recording=Recording(ground.home / ROOM / run),
        inputs=Inputs(run),
        world=_nothing_yet,
        told=tuple,
        simulated=market.source.simulated,
        live_from=int(session_ticks(calendar, job.first, market.every or DAY)[0]),
    )
    kinds = tuple(dict.fromkeys((market.bars, Quote, *(chunk.kind for chunk in market.chunks))))
    return Place(session=session, root=ground.root, feed=feed, kinds=kinds, heard=heard, past=past)


def _nothing_yet() -> World:
    raise BrokerError("the session has not begun")

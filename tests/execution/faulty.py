"""A broker in memory that keeps what it accepted, a gateway to it that fails as it is told, a clock that only tests move."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from undertow.core.errors import BrokerError
from undertow.core.time import DAY, SECOND
from undertow.execution.gateway.words import (
    OPEN,
    Answer,
    Asset,
    Execution,
    Held,
    Hours,
    Money,
    Order,
    Says,
    Seen,
    Stands,
    Update,
)
from undertow.execution.path.book import Book
from undertow.execution.path.desk import Desk
from undertow.execution.path.send import Path as OrderPath
from undertow.execution.path.words import Basis, Patience
from undertow.execution.risk.inputs import Account, Channel, Quote, World
from undertow.execution.risk.limits import Limits
from undertow.tape.journal.entry import Draft, Entry, Kind
from undertow.tape.journal.journal import Journal

BEGIN = 1_790_000_000 * SECOND
WIDE = Limits(
    order_shares=1e6, order_value=1e9, position_value=1e9, name=100.0, sector=100.0, gross=100.0, orders_per_minute=10_000,
    orders_per_day=10_000, exits_per_minute=10_000,
)  # fmt: skip
BASIS = Basis(inputs="0" * 64, signal={"direction": "BUY"})
PATIENCE = Patience()


class Crash(BaseException):
    """The process ends here."""


class Hands:
    """A clock that moves when somebody waits."""

    def __init__(self, at: int = BEGIN) -> None:
        self.at = at

    def now(self) -> int:
        return self.at

    async def sleep(self, span: int) -> None:
        self.at += span


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder in memory where the system has one: these tests are about orders, and a disk's flush takes longer than all of them."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@dataclass
class Broker:
    """The truth: what was accepted, what was filled. It survives every crash of ours."""

    clock: Hands
    orders: dict[str, Seen] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    positions: dict[str, float] = field(default_factory=dict)
    price: dict[str, float] = field(default_factory=dict)
    stream: list[Update] = field(default_factory=list)
    late: list[tuple[int, Order]] = field(default_factory=list)  #: orders on a slow road, and when they arrive
    refuse: str = ""
    crowd: list[str] = field(default_factory=list)  #: orders that came while another of the symbol worked
    legs: bool = False

    def accept(self, order: Order) -> Answer:
        if order.id in self.orders:
            return Answer(says=Says.UNKNOWN, why="client_order_id must be unique")
        if self.refuse:
            return Answer(says=Says.REJECTED, why=self.refuse)
        if any(each.symbol == order.symbol and each.stands in OPEN for each in self.orders.values()):
            self.crowd.append(order.id)
        seen = Seen(
            id=order.id, broker_id=f"b{len(self.orders)}", symbol=order.symbol, side=order.side, shares=order.shares, filled=0.0,
            price=None, stands=Stands.ACCEPTED, at=self.clock.now(),
        )  # fmt: skip
        self._to(seen)
        return Answer(says=Says.ACCEPTED, broker_id=seen.broker_id)

    def arrive(self) -> None:
        """Let in what was on its way for long enough."""
        due = [order for at, order in self.late if at <= self.clock.now()]
        self.late = [(at, order) for at, order in self.late if at > self.clock.now()]
        for order in due:
            self.accept(order)

    def fill(self, name: str, shares: float, slip: float = 0.0) -> None:
        seen = self.orders[name]
        shares = min(shares, seen.shares - seen.filled)
        if seen.stands not in OPEN or shares <= 0.0:
            return
        price = self.price.get(seen.symbol, 100.0) * (1.0 + slip * seen.side)
        done = Execution(
            id=f"x{len(self.executions)}", order=name, broker_id=seen.broker_id, symbol=seen.symbol, side=seen.side, shares=shares,
            price=price, at=self.clock.now(),
        )  # fmt: skip
        self.executions.append(done)
        self.positions[seen.symbol] = self.positions.get(seen.symbol, 0.0) + shares * seen.side
        filled = seen.filled + shares
        stands = Stands.FILLED if filled >= seen.shares else Stands.PARTLY_FILLED
        self._to(replace(seen, filled=filled, price=price, stands=stands, at=self.clock.now()), done)

    def end(self, broker_id: str) -> Answer:
        for seen in self.orders.values():
            if seen.broker_id == broker_id:
                if seen.stands not in OPEN:
                    return Answer(says=Says.REJECTED, why=f"order is already {seen.stands}")
                self._to(replace(seen, stands=Stands.CANCELLED, at=self.clock.now()))
                return Answer(says=Says.ACCEPTED)
        return Answer(says=Says.REJECTED, why="order not found")

    def _to(self, seen: Seen, execution: Execution | None = None) -> None:
        self.orders[seen.id] = seen
        self.stream.append(Update(order=seen, execution=execution))


class FaultyGateway:
    """A gateway to a broker; ``on_submit`` decides what happens to the next order, ``deaf`` lets so many questions fail."""

    name, real, simulated = "faulty", False, True

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.on_submit: Callable[[Order], Answer] | None = None
        self.deaf = 0
        self.always: Callable[[Order], Answer] = broker.accept  # what becomes of all others
        self.first = 0  # orders that pass before ``on_submit`` decides
        self.dead = False
        self.sent: list[str] = []

    async def submit(self, order: Order) -> Answer:
        if self.dead:
            raise Crash
        self.sent.append(order.id)
        if self.first:
            self.first -= 1
            return self.always(order)
        once, self.on_submit = self.on_submit, None
        return once(order) if once is not None else self.always(order)

    async def cancel(self, broker_id: str) -> Answer:
        if self.deaf:
            self.deaf -= 1
            return Answer(says=Says.UNKNOWN, why="no answer")
        return self.broker.end(broker_id)

    async def find(self, order: str) -> Seen | None:
        self._asked()
        return self.broker.orders.get(order)

    async def working(self) -> Sequence[Seen]:
        self._asked()
        return [each for each in self.broker.orders.values() if each.stands in OPEN]

    async def held(self) -> Sequence[Held]:
        self._asked()
        return [Held(symbol=symbol, shares=shares, price=1.0) for symbol, shares in self.broker.positions.items() if shares]

    async def money(self) -> Money:
        self._asked()
        return Money(
            number="PA1", cash=1e6, equity=1e6, last_equity=1e6, buying_power=2e6, option_buying_power=1e6, day_trades=0, may_short=True
        )

    async def executions(self, after: int) -> Sequence[Execution]:
        self._asked()
        return [each for each in self.broker.executions if each.at > after]

    async def asset(self, symbol: str) -> Asset | None:
        self._asked()
        return Asset(symbol=symbol, tradable=True, fractional=False, shortable=True, easy_to_borrow=True)

    async def hours(self) -> Hours:
        now = self.broker.clock.now()
        return Hours(now=now, open=True, next_open=now + 2 * DAY, next_close=now + DAY)

    async def updates(self) -> AsyncIterator[Update]:
        while self.broker.stream:
            yield self.broker.stream.pop(0)
        raise BrokerError("the stream ended")

    async def close(self) -> None:
        return None

    def _asked(self) -> None:
        self.broker.arrive()
        if self.deaf:
            self.deaf -= 1
            raise BrokerError("no answer")


class Breaking(Journal):
    """A journal that crashes, or finds the disk full, at the next entry of a kind; before it is written, or after."""

    at_kind: Kind | None = None
    after = False
    error: BaseException = Crash()
    dead = False

    def append(self, *drafts: Draft | Entry) -> tuple[Entry, ...]:
        if self.dead:
            raise Crash
        ours = [draft.content() if isinstance(draft, Entry) else draft.body for draft in drafts if draft.kind is self.at_kind]
        hit = any(body.get("does") != "cancel" for body in ours)
        if hit:
            self.at_kind = None
            if not self.after:
                raise self.error
        entries = super().append(*drafts)
        if hit:
            raise self.error
        return entries


@dataclass
class House:
    """One process: a journal on the disk and everything that is built from it."""

    file: Path
    broker: Broker
    limits: Limits = WIDE
    journal: Breaking = field(init=False)
    gateway: FaultyGateway = field(init=False)
    path: OrderPath = field(init=False)

    def __post_init__(self) -> None:
        self.gateway = FaultyGateway(self.broker)
        self.open()

    def open(self) -> None:
        self.gateway.dead, self.gateway.first = False, 0
        self.journal = Breaking.to_write(self.file)  # type: ignore[assignment]
        book = Book(self.journal)
        desk = Desk(book, self.limits, self.broker.clock, real=False)
        self.path = OrderPath(desk, self.gateway, PATIENCE)

    @property
    def book(self) -> Book:
        return self.path.desk.book

    def die(self) -> None:
        """Nothing is sent or written any more until the restart: what runs on in this process is none of its deeds."""
        self.gateway.dead = self.journal.dead = True

    def restart(self) -> None:
        self.journal.close()
        self.broker.stream.clear()  # nobody listened
        self.open()

    def drain(self, twice: bool = False, lose: float = 0.0, chance: np.random.Generator | None = None) -> None:
        """Take what the stream has, some of it twice or never."""
        for update in self.broker.stream[:]:
            if chance is not None and chance.random() < lose:
                continue
            for _ in range(2 if twice else 1):
                self.path.heard(update)
        self.broker.stream.clear()


def world(broker: Broker, equity: float = 1e6) -> World:
    """A calm market, everything fresh."""
    return world_of(broker.clock.now(), broker.price, equity)


def world_of(now: int, prices: Mapping[str, float], equity: float = 1e6) -> World:
    """The same at an instant, with prices."""
    account = Account(cash=equity, equity=equity, start=equity, peak=equity, buying_power=4.0 * equity)
    quotes = {symbol: Quote(bid=price * 0.9995, ask=price * 1.0005, known_at=now) for symbol, price in prices.items()}
    channels = tuple(Channel(name=name, known_at=now) for name in ("quotes", "orders", "account"))
    return World(
        now=now, day=now // DAY, account=account, quotes=quotes, channels=channels, clock_skew=0, locates=dict.fromkeys(quotes, 1e6)
    )

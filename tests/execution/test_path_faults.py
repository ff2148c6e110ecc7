"""The fault matrix: whatever is lost, doubled or crashes, no intent has two live orders, and in the end the journal equals the broker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from tests.execution.faulty import BASIS, Broker, Crash, Hands, House, quick_folder, world
from undertow.core.errors import BrokerError
from undertow.core.time import MINUTE, SECOND
from undertow.execution.gateway.words import OPEN, Answer, Order, Says
from undertow.execution.path.book import Book
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.words import Planned
from undertow.tape.journal.entry import Kind
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.orders import LIVE

SYMBOLS = ("AAA", "BBB", "CCC")
SEEDS = 10
TICKS = 6


class Run:
    """One randomised session with one kind of fault."""

    def __init__(self, folder: Path, seed: int, fault: str, restart: bool, together: bool) -> None:
        self.chance = np.random.default_rng([seed, *fault.encode(), restart])
        self.broker = Broker(Hands(), price={"AAA": 50.0, "BBB": 20.0, "CCC": 100.0})
        self.house = House(folder / f"{seed}.sqlite", self.broker)
        self.fault, self.restart, self.together, self.hits = fault, restart, together, 0
        self.at = set(self.chance.choice(TICKS, 2, replace=False).tolist())

    def lost(self, order: Order) -> Answer:
        self.broker.accept(order)
        return Answer(says=Says.UNKNOWN, why="no answer within 10 s")

    def gateway_timeout(self, order: Order) -> Answer:
        if self.chance.random() < 0.6:  # it may be on its way all the same
            self.broker.late.append((self.broker.clock.now() + int(self.chance.integers(1, 20)) * SECOND, order))
        return Answer(says=Says.UNKNOWN, why="504")

    def cut(self, order: Order, accepted: bool) -> Answer:
        if accepted:
            self.broker.accept(order)
        self.house.gateway.deaf = int(self.chance.integers(0, 9))
        raise ConnectionResetError("reset by peer")

    def part_then_drop(self, order: Order) -> Answer:
        answer = self.broker.accept(order)
        self.broker.fill(order.id, 1.0)
        self.house.drain()
        self.broker.fill(order.id, float(self.chance.integers(1, 9)))
        self.broker.stream.clear()
        self.house.gateway.deaf = int(self.chance.integers(0, 3))
        return answer

    def crash(self, order: Order) -> Answer:
        if self.chance.random() < 0.7:
            self.broker.accept(order)
            if self.chance.random() < 0.5:
                self.broker.fill(order.id, float(self.chance.integers(1, 20)))
        if self.restart:
            self.house.die()
        raise Crash

    def inject(self) -> None:
        ways: dict[str, Callable[[Order], Answer]] = {
            "lost response": self.lost,
            "504": self.gateway_timeout,
            "disconnect before accept": partial(self.cut, accepted=False),
            "disconnect after accept": partial(self.cut, accepted=True),
            "partial fill then drop": self.part_then_drop,
        }
        self.hits += 1
        journal = self.house.journal
        match self.fault:
            case "crash between decided and sent":
                journal.at_kind, journal.after = (Kind.REQUEST, False) if self.chance.random() < 0.6 else (Kind.INTENT, True)
            case "crash between sent and recorded":
                if self.chance.random() < 0.5:
                    self.house.gateway.on_submit = self.crash
                else:
                    journal.at_kind, journal.after = Kind.RESPONSE, bool(self.chance.random() < 0.3)
            case "duplicate fill":
                pass
            case other:
                self.house.gateway.on_submit = ways[other]

    async def tick(self, number: int) -> None:
        clock, path = self.broker.clock, self.house.path
        clock.at += MINUTE
        if number in self.at:
            self.inject()
        wants = [Want(symbol=symbol, shares=float(self.chance.integers(-30, 31))) for symbol in SYMBOLS]
        todo = plan(wants, self.house.book.standing(), Tick(run="test", at=clock.now(), strategy="s"))
        try:
            if todo.cancels:
                await path.cancel(todo.cancels)
            await self.send(todo.orders)
        except Crash:
            self.house.gateway.on_submit = None
            if self.restart or self.house.book.broken:
                self.house.restart()
        except BrokerError:
            pass
        else:
            if self.restart and number in self.at:
                self.house.restart()
        self.progress()
        await self.again()

    async def send(self, orders: Sequence[Planned]) -> None:
        """As the loop does, all of a tick at once, any of which meets what was injected; or one after the other."""
        path, market = self.house.path, world(self.broker)
        if self.together:
            if self.house.gateway.on_submit is not None:
                self.house.gateway.first = int(self.chance.integers(0, max(len(orders), 1)))
            await path.send_all(orders, market, {one.decision: BASIS for one in orders})
            self.house.gateway.first = 0
            return
        for planned in orders:
            await path.send(planned, market, BASIS)

    def progress(self) -> None:
        for seen in [each for each in self.broker.orders.values() if each.stands in OPEN]:
            if self.chance.random() < 0.7:
                self.broker.fill(seen.id, float(self.chance.integers(1, 40)))
        self.house.drain(twice=self.fault == "duplicate fill", lose=0.1, chance=self.chance)

    async def again(self) -> None:
        try:
            await (self.house.path.start(SYMBOLS) if self.house.path.desk.compared is None else self.house.path.settle())
        except BrokerError:
            pass

    async def play(self) -> None:
        await self.house.path.start(SYMBOLS)
        for number in range(TICKS):
            await self.tick(number)
        self.house.gateway.deaf, self.house.gateway.on_submit = 0, None
        for _ in range(2):  # what was in flight is looked up, and what was never found is given up
            self.broker.clock.at += 10 * MINUTE
            found = await self.house.path.reconcile()
            assert found.equal, found.sentence

    def check(self) -> None:
        book, broker = self.house.book, self.broker
        assert not broker.crowd, "two orders of one symbol worked at a time"
        assert self.hits == 2
        assert len(set(broker.orders)) == len(broker.orders)
        assert set(broker.orders) <= set(book.orders.by_id), "an order that the journal does not know"
        assert {name for name, order in book.orders.by_id.items() if order.state in LIVE} == {
            name for name, seen in broker.orders.items() if seen.stands in OPEN
        }
        assert book.positions() == {symbol: shares for symbol, shares in sorted(broker.positions.items()) if shares}
        assert not book.faults()
        told = [pair for order in book.orders.by_id.values() for pair in order.executions]
        assert sorted(told) == sorted(each.id for each in broker.executions), "a fill is missing or counted twice"
        before = book.orders.by_id
        self.house.journal.close()
        with Journal.to_write(self.house.file) as journal:  # type: ignore[arg-type]
            assert journal.verify().fault is None
            assert Book(journal).orders.by_id == before


FAULTS = (
    "lost response", "504", "disconnect before accept", "disconnect after accept", "partial fill then drop", "duplicate fill",
    "crash between decided and sent", "crash between sent and recorded",
)  # fmt: skip


@pytest.fixture
def quick() -> Iterator[Path]:
    with quick_folder() as folder:
        yield folder


@pytest.mark.parametrize("together", [False, True], ids=["one by one", "a tick at once"])
@pytest.mark.parametrize("restart", [False, True], ids=["goes on", "restarts"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_doubles_an_order(fault: str, restart: bool, together: bool, quick: Path) -> None:
    for seed in range(SEEDS * 2 if "crash" in fault or fault == "504" else SEEDS):
        run = Run(quick, seed, fault, restart, together)
        asyncio.run(run.play())
        run.check()

"""The order path through the thin client to the served broker: faults on the wire, new starts, and in the end both books are equal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.execution.faulty import BASIS, WIDE, quick_folder, world_of
from tests.servers.alpaca_broker import KEY, ORDERS, SECRET, Trading, trading
from tests.servers.conftest import DAY, at
from undertow.core.errors import BrokerError
from undertow.core.time import MINUTE, SECOND
from undertow.execution.alpaca.gateway import AlpacaGateway, Place
from undertow.execution.alpaca.keys import Keys
from undertow.execution.path.book import Book
from undertow.execution.path.desk import Desk
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.send import Path as OrderPath
from undertow.execution.risk.inputs import Side
from undertow.tape.journal.journal import Journal
from undertow.tape.journal.orders import LIVE

FAULTS = (
    "disconnect", "disconnect-after", "504", "504-after", "429", "500", "500-html", "403", "truncated", "slow-after", "none",
)  # fmt: skip
SEEDS, TICKS = 10, 3
PRICE = (70.0, 70.02)


class ServersClock:
    """The server's clock, which stands still unless somebody waits."""

    def __init__(self, server: Trading) -> None:
        self.server = server

    def now(self) -> int:
        return self.server.clock.at

    async def sleep(self, span: int) -> None:
        self.server.clock.at += span


class Process:
    """Everything that one process builds, on a journal."""

    def __init__(self, server: Trading, file: Path) -> None:
        self.clock = ServersClock(server)
        place = Place(rest=server.base, stream=server.socket(), real=False, simulated=True, order=SECOND // 4)
        keys = Keys(KEY, SECRET, real=False)
        self.gateway = AlpacaGateway(place, keys, clock=self.clock, chance=np.random.default_rng(1))
        self.journal = Journal.to_write(file)
        self.path = OrderPath(Desk(Book(self.journal), WIDE, self.clock, real=False), self.gateway)

    @property
    def book(self) -> Book:
        return self.path.desk.book

    async def want(self, shares: float) -> None:
        tick = Tick(run="r", at=self.clock.now(), strategy="s")
        todo = plan([Want(symbol="KO", shares=shares)], self.book.standing(), tick)
        await self.path.cancel(todo.cancels)
        for planned in todo.orders:
            await self.path.send(planned, world_of(self.clock.now(), {"KO": PRICE[0]}), BASIS)

    async def end(self) -> None:
        await self.gateway.close()
        self.journal.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Trading]:
    with trading(at(DAY, 10)) as running:
        yield running


@pytest.fixture
def server(served: Trading) -> Iterator[Trading]:
    """With nothing planned and no account opened yet."""
    fresh(served)
    yield served
    served.faults.clear()


def fresh(server: Trading) -> None:
    server.faults.clear()
    server.broker._accounts.clear()
    server.clock.at = at(DAY, 10)
    server.broker.quote("KO", *PRICE, (10_000, 10_000))


async def play(server: Trading, file: Path, fault: str, seed: int, restart: bool) -> None:
    chance = np.random.default_rng([seed, *fault.encode(), restart])
    process = Process(server, file)
    await process.path.start(["KO"])
    hit = int(chance.integers(TICKS))
    for number in range(TICKS):
        server.clock.at += MINUTE
        size = int(chance.integers(1, 4)) * 5
        server.broker.quote("KO", *PRICE, (size, size))
        if number == hit and fault != "none":
            server.plan(fault, match=ORDERS, seconds=0.5)
        await process.want(float(chance.integers(-30, 31)))
        if restart and number == hit:
            await process.end()
            process = Process(server, file)
            await process.path.start(["KO"])
        await process.path.settle()
    server.faults.clear()
    for _ in range(2):
        server.clock.at += 10 * MINUTE
        found = await process.path.reconcile()
        assert found.equal, found.sentence
    check(server, process)
    await process.end()


def check(server: Trading, process: Process) -> None:
    state, book = server.book.state, process.book
    ours = {order.client_id for order in state.orders.values()}
    assert len(ours) == len(state.orders), "an id came twice"
    assert ours <= set(book.orders.by_id)
    held = state.positions.get("KO")
    assert book.positions().get("KO", 0.0) == (0.0 if held is None else held.shares / 10**9)
    told = sum(len(order.executions) for order in book.orders.by_id.values())
    assert told == len(state.fills), "a fill is missing or counted twice"
    assert not book.faults()
    assert process.journal.verify().fault is None


@pytest.mark.parametrize("restart", [False, True], ids=["goes on", "restarts"])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_fault_on_the_wire_doubles_an_order(server: Trading, fault: str, restart: bool) -> None:
    with quick_folder() as folder:
        for seed in range(SEEDS):
            fresh(server)
            asyncio.run(play(server, folder / f"{seed}.sqlite", fault, seed, restart))


@contextlib.asynccontextmanager
async def process_on(server: Trading) -> AsyncIterator[Process]:
    with quick_folder() as folder:
        process = Process(server, folder / "journal.sqlite")
        try:
            await process.path.start(["KO"])
            yield process
        finally:
            await process.end()


def test_the_stream_and_the_history_tell_of_the_same_fills(server: Trading) -> None:
    async def run() -> None:
        async with process_on(server) as process:
            following = asyncio.create_task(process.path.follow())
            async with asyncio.timeout(20):
                await process.gateway.listening.wait()
                server.broker.quote("KO", *PRICE, (4, 4))
                await process.want(10.0)
                server.broker.quote("KO", *PRICE, (100, 100))
                while process.book.positions() != {"KO": 10.0}:
                    server.clock.at += SECOND
                    await asyncio.sleep(0.02)
            assert (await process.path.reconcile()).equal
            (order,) = process.book.orders.by_id.values()
            assert sum(float(shares) for shares, _ in order.executions.values()) == 10.0
            assert len(order.executions) == len(server.book.state.fills)
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError, BrokerError):
                await following

    asyncio.run(run())


def test_cancel_and_flatten_reach_the_broker(server: Trading) -> None:
    async def run() -> None:
        async with process_on(server) as process:
            await process.want(10.0)
            await process.path.reconcile()
            want = Want(symbol="KO", shares=30.0, limit=69.0)
            planned = plan([want], process.book.standing(), Tick(run="r", at=process.clock.now() + 1, strategy="s")).orders[0]
            market = world_of(process.clock.now(), {"KO": PRICE[0]})
            assert (await process.path.send(planned, market, BASIS)).state == "accepted"
            out = await process.path.flatten(market, "stop", "a person asked for it")
            assert [each.sent for each in out] == [True]
            await process.path.reconcile()
            assert process.book.positions() == {}
            assert {order.id for order in process.book.orders.by_id.values() if order.state in LIVE} == set()
            assert process.book.orders.by_id[planned.intent.order_id].state == "cancelled"

    asyncio.run(run())


def test_a_bracket_s_exits_are_known_by_the_entry(server: Trading) -> None:
    async def run() -> None:
        async with process_on(server) as process:
            from dataclasses import replace

            bare = plan([Want(symbol="KO", shares=10.0)], process.book.standing(), Tick(run="r", at=process.clock.now(), strategy="s"))
            planned = replace(bare.orders[0], take_profit=75.0, stop_loss=65.0)
            market = world_of(process.clock.now(), {"KO": PRICE[0]})
            assert (await process.path.send(planned, market, BASIS)).sent
            found = await process.path.reconcile()
            assert found.equal, found.sentence
            assert len(process.book.legs) == 2
            assert [each.left for each in process.book.working() if each.intent.side is Side.SELL] == [10.0]
            server.broker.quote("KO", 76.0, 76.02, (100, 100))
            server.clock.at += MINUTE
            found = await process.path.reconcile()
            assert found.equal, found.sentence
            assert process.book.positions() == {}

    asyncio.run(run())

"""Orders in batches, run as a script: for each line on standard input a process of its own that sends until it is killed."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.execution.faulty import BASIS, BEGIN, WIDE, Broker, FaultyGateway, Hands, world_of
from undertow.core.time import HOUR, MINUTE
from undertow.execution.gateway.words import Answer, Order, Says, Seen, Stands
from undertow.execution.path.book import Book
from undertow.execution.path.desk import Desk
from undertow.execution.path.plan import Tick, Want, plan
from undertow.execution.path.send import Path as OrderPath
from undertow.execution.risk.inputs import Side
from undertow.tape.journal.journal import Journal

BATCH = 5  #: orders


class Filed(FaultyGateway):
    """A broker whose truth is a file: an order is there once its line is, whatever becomes of who asked for it."""

    def __init__(self, path: Path, clock: Hands) -> None:
        super().__init__(Broker(clock))
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        for line in path.read_text().splitlines():
            told = json.loads(line)
            self.broker.orders[told["id"]] = Seen(**{**told, "side": Side(told["side"]), "stands": Stands.ACCEPTED})

    async def submit(self, order: Order) -> Answer:
        """On its way for some time, another for each of a batch."""
        await asyncio.sleep(0.004 * "ABCDE".index(order.symbol[-1]))
        told = {"id": order.id, "broker_id": f"b-{order.id}", "symbol": order.symbol, "side": int(order.side), "shares": order.shares}
        os.write(self._file, (json.dumps({**told, "filled": 0.0, "price": None, "at": self.broker.clock.now()}) + "\n").encode())
        await asyncio.sleep(0.01)
        return Answer(says=Says.ACCEPTED, broker_id=told["broker_id"])  # type: ignore[arg-type]


def opened(folder: Path, run: int) -> tuple[Journal, Filed, OrderPath]:
    """The journal and the broker of a folder, an hour after the run before."""
    clock = Hands(BEGIN + run * HOUR)
    journal = Journal.to_write(folder / "journal.sqlite")
    gateway = Filed(folder / "broker.jsonl", clock)
    return journal, gateway, OrderPath(Desk(Book(journal), WIDE, clock, real=False), gateway)


async def sends(folder: Path, run: int) -> None:
    """Start, then batch after batch, each in symbols of its own; says when the first is about to go out."""
    _, gateway, path = opened(folder, run)
    await path.start()
    for n in range(10_000):
        gateway.broker.clock.at += MINUTE
        symbols = [f"R{run}N{n}{letter}" for letter in "ABCDE"[:BATCH]]
        for symbol in symbols:
            path.desk.assets[symbol] = await gateway.asset(symbol)
        tick = Tick(run="r", at=gateway.broker.clock.now(), strategy="s")
        orders = plan([Want(symbol=symbol, shares=10.0) for symbol in symbols], path.desk.book.standing(), tick).orders
        market = world_of(gateway.broker.clock.now(), dict.fromkeys(symbols, 50.0))
        if n == 0:
            print("begun", flush=True)
        await path.send_all(orders, market, {one.decision: BASIS for one in orders})


def main(lines: Sequence[str]) -> None:
    """Each line: a folder and the run's number. Prints the child's id, ``begun`` by the child, and how it ended."""
    for line in lines:
        folder, run = line.split()
        child = os.fork()
        if child == 0:
            asyncio.run(sends(Path(folder), int(run)))
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main(sys.stdin)  # type: ignore[arg-type]

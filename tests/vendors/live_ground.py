"""Vendors and a broker on loopback with one fast clock, and live sessions on them, each a process that can be stopped and killed."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.end_to_end.harness import ROOT, Done
from tests.vendors.conftest import Vendors
from tests.vendors.live_job import AHEAD, PACED, STILL, Paced
from undertow.core.calendar import nyse
from undertow.core.events import Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import HOUR, Duration
from undertow.execution.control.keeper import NAME as CONTROL
from undertow.execution.control.keeper import look
from undertow.execution.control.words import Beat
from undertow.sandbox.broker.book import Book
from undertow.sandbox.broker.units import SHARE
from undertow.sandbox.broker.words import Status
from undertow.sandbox.market import Market
from undertow.sandbox.servers.alpaca import Brokerage
from undertow.sandbox.servers.alpaca.accounts import number_of
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.unusual_whales.plan import Plan
from undertow.sandbox.servers.world import World
from undertow.tape.journal.journal import NAME, Journal
from undertow.tape.journal.orders import Orders
from undertow.tape.store import Tape

SYMBOLS = ("AAPL", "MSFT")
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
BEGIN = int(nyse().open[AT]) + HOUR
SECRET = "canary-broker-secret-31c9d0"
JOB = ("--mode", "trading", "--symbols", ",".join(SYMBOLS), "--timeframe", "5m", "--uncertified")
PATIENCE = 400.0  #: seconds in which anything that is waited for has come


@dataclass
class Live:
    """A session that runs in a process of its own."""

    process: subprocess.Popen[str]
    clock: Paced
    home: Path
    err: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.err.append(line)

    def until(self, come: Callable[[], bool], what: str, seconds: float = PATIENCE) -> None:
        """Wait for something; a process that ends before it, or that lets it wait for too long, fails the test."""
        over = time.monotonic() + seconds
        while not come():
            assert self.process.poll() is None, f"it ended before {what}: {''.join(self.err[-5:])}"
            assert time.monotonic() < over, f"no {what}: {self.log()[-6:]}"
            time.sleep(0.05)

    def warm(self) -> Live:
        """Wait until history is learned and the loop lives; the market stands still."""
        self.until(lambda: self.beat.pid == self.process.pid, "heartbeat")
        return self

    def begin(self, speed: float = PACED) -> Live:
        """Warm, and the market moves on."""
        self.warm().clock.go(speed)
        return self

    def again(self) -> Live:
        """The same after a kill; the market moves from the beginning, for an order that may not have arrived is looked for by its clock."""
        self.clock.go(1.0)
        return self.begin()

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """What the session's own log says."""
        lines = [line for path in self.home.glob("trading/*/log.jsonl") for line in path.read_text().splitlines()]
        told = [json.loads(line) for line in lines if line.endswith("}")]
        return [one for one in told if event in ("", one["event"])]

    def ticks(self, count: int) -> Live:
        """Wait until so many decisions were taken."""
        self.until(lambda: len(self.log("tick")) >= count, f"tick {count}")
        return self

    @property
    def beat(self) -> Beat:
        """What the loop said of itself last."""
        beat = look(self.home / CONTROL).beat
        return beat or Beat(at=0)

    def kill(self) -> None:
        """As a machine that loses its power; the market stands still."""
        self.process.kill()
        self.process.wait()
        self._let_go()

    def end(self) -> Done:
        """Ctrl-C, and what was printed."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        self.process.wait(PATIENCE)
        return Done(self.process.returncode, self._let_go(), "".join(self.err))

    def _let_go(self) -> str:
        """What it has printed; nothing of it stays, and the market stands still."""
        out, err = self.process.stdout, self.process.stderr
        assert out is not None
        assert err is not None
        self._reader.join(PATIENCE)
        said = "" if out.closed else out.read()
        out.close()
        err.close()
        self.clock.go(STILL)
        return said


@dataclass
class Place:
    """One home and one account."""

    vendors: Vendors
    broker: Brokerage
    clock: Paced
    clock_file: Path
    home: Path
    key: str

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self.vendors.faults

    @property
    def book(self) -> Book:
        """The broker's."""
        return self.broker.account(self.key).book

    @property
    def root(self) -> Path:
        """The account's folder."""
        return self.home / "trading" / f"paper-{number_of(self.key)}"

    def env(self, *, broker: bool = True) -> dict[str, str]:
        """What a command sees; without a ``broker`` it trades on paper."""
        if not broker:
            return self.vendors.env(self.home)
        own = {"APCA_API_KEY_ID": self.key, "APCA_API_SECRET_KEY": SECRET, "APCA_API_BASE_URL": self.vendors.url}
        return self.vendors.env(self.home) | own

    def live(self, *more: str, ahead: Duration = 0, broker: bool = True) -> Live:
        """A session that begins, on a machine whose clock may be wrong."""
        command = [sys.executable, "-m", "tests.vendors.live_job", str(self.clock_file), "job", *JOB, *more]
        pipe, env = subprocess.PIPE, self.env(broker=broker) | {AHEAD: str(ahead)}
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True)
        return Live(process, self.clock, self.home)

    def undertow(self, *arguments: str) -> Done:
        """A command to its end, by the market's clock."""
        command = [sys.executable, "-m", "tests.vendors.live_job", str(self.clock_file), "undertow", *arguments]
        done = subprocess.run(command, cwd=ROOT, env=self.env(), capture_output=True, text=True, timeout=PATIENCE, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    def orders(self) -> Orders:
        """The journal's orders, whose chain fits."""
        with Journal.to_read(self.root / NAME) as journal:
            assert journal.verify().fault is None
            return Orders(journal.entries())

    def recorded(self, kind: type[Event]) -> pl.DataFrame:
        """What the session met."""
        return Tape(next(self.home.glob("trading/*/tape")).parent).frame(kind).collect()

    def filled(self) -> int:
        """How many fills the broker has made."""
        return len(self.book.state.fills)

    def whole(self) -> int:
        """How many orders the broker has filled to their end."""
        return sum(order.status is Status.FILLED for order in self.book.state.orders.values())

    def held(self) -> dict[str, float]:
        """Positions at the broker."""
        return {symbol: one.shares / SHARE for symbol, one in self.book.state.positions.items() if one.shares}

    def agrees(self) -> Orders:
        """Broker and journal have the same orders and positions, none twice, and nothing works on."""
        orders = self.orders()
        orders.sound()
        told = [order.client_id for order in self.book.state.orders.values()]
        assert len(told) == len(set(told))
        sent = {name for name, order in orders.by_id.items() if order.state != "intended"}
        assert set(told) <= sent
        assert not [order for order in self.book.state.orders.values() if order.status in (Status.NEW, Status.ACCEPTED, Status.PENDING_NEW)]
        counted = dict.fromkeys(SYMBOLS, 0.0)
        for order in orders.by_id.values():
            counted[order.symbol] += float(order.filled) * (1.0 if order.side == "buy" else -1.0)
        assert {symbol: shares for symbol, shares in counted.items() if shares} == self.held()
        for name in {order.decision for order in orders.by_id.values() if order.id in told}:
            *before, _ = [order for order in orders.by_id.values() if order.decision == name]
            assert [order.state for order in before] in ([], ["filled"])  # of one decision a second opens what the first has closed
        return orders


@dataclass
class Ground:
    """Servers, a clock and a home whose models are taught; places on it are made one at a time."""

    vendors: Vendors
    broker: Brokerage
    clock: Paced
    folder: Path
    count: int = 0

    def place(self, name: str, *, taught: bool = True, at: int = BEGIN) -> Place:
        """A home, with taught models or empty, and an account that was never used; the market stands at ``at``."""
        self.count += 1
        home = self.folder / name
        if taught:
            shutil.copytree(self.folder / "taught", home)
        self.vendors.faults.clear()
        self.clock.set(at)
        return Place(self.vendors, self.broker, self.clock, self.folder / "clock", home, f"PK{self.count}{name.upper()}")

    def keep(self, home: Path) -> None:
        """Homes to come are like this one."""
        shutil.copytree(home, self.folder / "taught", ignore=shutil.ignore_patterns("trading", "runs", "control", "*.lock"))


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """Everything on loopback while the block runs."""
    clock = Paced(folder / "clock", BEGIN)
    world, faults = World(Market(seed=3), clock), Faults()
    for symbol in SYMBOLS:
        world.minutes(symbol, slice(AT, AT + 1))
        for kind in (Trade, Quote, OptionTrade):
            world.rows(kind, symbol, slice(AT, AT + 1))
    for symbol in world.listed:
        world.rows(OffExchangePrint, symbol, slice(AT, AT + 1))
    broker = Brokerage(world, secret=SECRET)
    app = build(world, faults, plan=Plan(per_minute=100_000, per_day=10_000_000), broker=broker)
    with Serving(app) as url:
        yield Ground(Vendors(url, world, faults), broker, clock, folder)


@contextmanager
def ended(live: Live) -> Iterator[Live]:
    """A session that does not outlive the block."""
    try:
        yield live
    finally:
        if live.process.poll() is None:
            live.process.send_signal(signal.SIGCONT)
        live.kill()

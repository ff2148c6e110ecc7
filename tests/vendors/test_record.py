"""``undertow data record``: the streams on the tape, in their own market's folder, stopped cleanly, and one recorder a key."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.harness import UNDERTOW, Done, environment, run
from tests.vendors.conftest import MASSIVE_CANARY, WHALES_CANARY, Vendors
from undertow.core.calendar import nyse
from undertow.core.events import Bar, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import HOUR, SECOND
from undertow.sandbox.market import Market
from undertow.sandbox.servers.build import build
from undertow.sandbox.servers.faults import Fault, Faults
from undertow.sandbox.servers.serve import Serving
from undertow.sandbox.servers.world import World
from undertow.tape.fetched import Fetched
from undertow.tape.store import Tape

SYMBOLS = ("AAPL", "MSFT")
AT = nyse().session_on_or_before(np.datetime64("2026-05-28"))
BEGIN = int(nyse().open[AT]) + HOUR
SPEED = 20
OF = ("--symbols", ",".join(SYMBOLS))


@dataclass
class Fast:
    """A market that stands still until it is let go, and then runs fast."""

    began: float | None = None

    def __call__(self) -> int:
        return BEGIN + (0 if self.began is None else int((time.monotonic() - self.began) * SPEED * SECOND))


@pytest.fixture(scope="module")
def ready() -> tuple[World, Fast]:
    clock = Fast()
    world = World(Market(seed=3), clock)
    for symbol in SYMBOLS:
        world.minutes(symbol, slice(AT, AT + 1))
        for kind in (Trade, Quote, OptionTrade):
            world.rows(kind, symbol, slice(AT, AT + 1))
    for symbol in world.listed:
        world.rows(OffExchangePrint, symbol, slice(AT, AT + 1))
    return world, clock


@pytest.fixture
def session(ready: tuple[World, Fast]) -> Iterator[Vendors]:
    world, clock = ready
    faults = Faults()
    with Serving(build(world, faults)) as url:
        clock.began = time.monotonic()
        yield Vendors(url, world, faults)
        clock.began = None


def env(vendors: Vendors, home: Path, **more: bool) -> dict[str, str]:
    socket = vendors.url.replace("http://", "ws://")
    return vendors.env(home, **more) | {"POLYGON_WS_URL": socket, "UW_WS_URL": f"{socket}/socket"}


def tape(home: Path) -> Tape:
    return Tape(next(path.parent for path in home.glob("simulated*/tape")))


def secret(done: Done) -> None:
    assert all(canary not in done.out + done.err for canary in (MASSIVE_CANARY, WHALES_CANARY))


def begun(vendors: Vendors, home: Path, *more: str, **keys: bool) -> subprocess.Popen[bytes]:
    """A recorder that has begun."""
    process = subprocess.Popen(
        [*UNDERTOW, "data", "record", *OF, *more], env=env(vendors, home, **keys), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"recording from" in line:
            return process
    raise AssertionError(process.communicate())


def test_both_streams_come_onto_the_tape_of_their_market(session: Vendors, tmp_path: Path) -> None:
    home = tmp_path / "home"
    done = run(UNDERTOW, "data", "record", *OF, "--for", "4s", env=env(session, home))
    assert done.code == 0, done.err
    assert "SIMULATED" in done.err
    assert "not recorded: news item" in done.out  # which downloads take from the other vendor
    assert not (home / "tape").exists()
    own = tape(home)
    assert {Trade, Quote, Bar, OffExchangePrint} <= set(own.kinds())
    for kind in own.kinds():
        rows = own.frame(kind).collect()
        assert set(rows["grade"]) == {int(Grade.RECORDED)}, kind
        assert all("simulated" in source for source in rows["source"].unique()), kind
    assert {source.split()[0] for source in own.frame(OffExchangePrint).collect()["source"]} == {"unusual_whales"}
    trades = own.frame(Trade).collect()
    for symbol in SYMBOLS:
        truth = session.world.rows(Trade, symbol, slice(AT, AT + 1))
        numbers = set(zip((truth.event_at // 10**6).tolist(), truth.columns["price"].tolist(), strict=True))
        mine = trades.filter(trades["symbol"] == symbol)
        assert len(mine) > 5
        assert set(zip((mine["event_at"] // 10**6).to_list(), mine["price"].to_list(), strict=True)) <= numbers
    noted = {(span.vendor, span.kind, span.symbol) for span in Fetched(own).spans()}
    assert {("massive", kind, symbol) for kind in ("trade", "quote") for symbol in SYMBOLS} <= noted
    assert {kind for _, kind, _ in noted} <= {"trade", "quote", "off_exchange_print", "option_trade"}
    secret(done)
    for path in home.rglob("*"):
        if path.is_file():
            assert MASSIVE_CANARY.encode() not in path.read_bytes(), path


def test_a_second_recorder_is_told_who_has_the_key_and_an_interrupt_ends_the_first(session: Vendors, tmp_path: Path) -> None:
    home = tmp_path / "home"
    process = begun(session, home, "--kinds", "trade,bar", whales=False)
    second = run(UNDERTOW, "data", "record", *OF, "--kinds", "bar", env=env(session, home, whales=False))
    assert second.code == 2
    assert f"Process {process.pid} already streams stocks with this key" in second.err
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    done = Done(process.returncode, out.decode(), err.decode())
    assert done.code == 0, done.err
    assert "What was recorded" in done.out
    secret(done)
    assert len(tape(home).frame(Trade).collect()) > 5
    assert Fetched(tape(home)).spans()


def test_a_vendor_that_does_not_let_us_in_is_named_and_the_other_is_recorded(session: Vendors, tmp_path: Path) -> None:
    session.faults.plan(Fault(name="auth-failed", match="/socket", times=-1))
    of = (*OF, "--for", "2s", "--kinds", "bar,off_exchange_print")
    done = run(UNDERTOW, "data", "record", *of, env=env(session, tmp_path / "home"))
    assert done.code == 0, done.err
    assert "not recorded: unusual whales:" in done.out
    session.faults.plan(Fault(name="auth-failed", match="/stocks", times=-1))
    done = run(UNDERTOW, "data", "record", *of, env=env(session, tmp_path / "home"))
    assert done.code == 2
    assert done.err.strip().splitlines()[-1].startswith("error: The vendor does not accept the key for its stream")
    secret(done)


@pytest.mark.parametrize(
    ("more", "says"),
    [(("--for", "0s"), "no time at all"), (("--kinds", "tea"), "not streamed"), ((), "No vendor's key")],
)
def test_wrong_flags_are_one_sentence(more: tuple[str, ...], says: str, tmp_path: Path) -> None:
    done = run(UNDERTOW, "data", "record", *OF, *more, env=environment(tmp_path))
    assert done.code == 2
    assert says in done.err
    assert len(done.err.strip().splitlines()) == 1

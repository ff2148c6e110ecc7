"""Every fault of a socket at the simulated Unusual Whales' own: every print and alert is the market's, or one error says why not."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

import numpy as np
import pytest
from websockets.asyncio.client import connect as connected

from tests.sources.wire.sandbox import (
    BEGIN,
    EVICTED,
    KEY,
    POLICY,
    RATE,
    REFUSED,
    REPAIRED,
    SECRET,
    SESSION,
    SHUT,
    SLOW,
    HeldClock,
    Run,
    Stage,
    ended,
    is_whole,
    mine,
    minute_sums,
    of,
    patient,
    planned,
    streamed,
    streams,
    told,
)
from undertow.core.chunk import Chunk
from undertow.core.events import Event, FlowAlert, OffExchangePrint
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.servers.faults import SOCKET, Fault, Faults
from undertow.sandbox.servers.world import World
from undertow.sources.unusual_whales.connect import connect
from undertow.sources.unusual_whales.live import LiveSettings, UnusualWhalesLive
from undertow.sources.unusual_whales.source import Settings, UnusualWhalesSource
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.live import SocketSource
from undertow.sources.wire.socket_state import Policy, State
from undertow.sources.wire.socket_stream import Filling

PATH = "/socket"
VALUES = {OffExchangePrint: ("price", "size"), FlowAlert: ("premium", "strike", "is_put")}
KINDS: tuple[type[Event], ...] = tuple(VALUES)
FILLING = Filling(settle=5 * SECOND, reconcile=None)
AGAIN = Filling(settle=5 * SECOND, reconcile=2 * MINUTE, reconciled=KINDS)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(KINDS, (), minutes=False)


def live(base: str, clock: HeldClock, stack: ExitStack, filling: Filling = FILLING, policy: Policy = POLICY) -> UnusualWhalesLive:
    wire = connect(KEY, clock=clock, chance=np.random.default_rng(0), limiter=Bucket(1000, SECOND), base_url=base)
    source = stack.enter_context(UnusualWhalesSource(patient(wire), Settings(kinds=KINDS)))
    url, channels = base.replace("http", "ws") + PATH, ("off_lit_trades", "flow-alerts")
    settings = LiveSettings(url=url, channels=channels, policy=policy, filling=filling, since=BEGIN)
    return UnusualWhalesLive(KEY, settings, clock=clock, chance=np.random.default_rng(1), backfill=(source,))


def whole(world: World, got: list[Chunk] | dict[type[Event], Chunk]) -> bool:
    return all(is_whole(world, kind, got, *VALUES[kind]) for kind in KINDS)


def proven(stage: Stage, run: Run) -> None:
    """Every row once, so that the minutes of the prints are the market's too; and the report knows of nothing that is missing."""
    assert stage.judged is not None
    assert whole(stage.then(), run.got)
    for symbol, chunk in mine(run.got, OffExchangePrint):
        minutes = minute_sums(told(stage.then().rows(OffExchangePrint, symbol, SESSION), "price", "size"))
        assert len(minutes) == 2
        assert minute_sums(told(chunk, "price", "size")) == minutes
    assert not run.report.unfilled


@pytest.mark.parametrize("name", REPAIRED)
def test_after_a_fault_every_row_came_once(stage: Stage, name: str) -> None:
    case = REPAIRED[name]
    filling = AGAIN if name == "gap" else FILLING  # of what was dropped without a trace nobody knows who does not look again
    run = streamed(stage, of(case, PATH), partial(live, filling=filling, policy=case.policy), whole)
    proven(stage, run)
    assert all(fault.times == 0 for fault in run.faults.planned)
    assert ended(case, run.report)
    if name == "duplicates":
        assert run.report.duplicates["off_exchange_print"] >= 10
    if name == "gap":
        assert run.report.filled["off_exchange_print"] > 0
    if name == "slow":
        assert run.report.latencies["off_exchange_print"].longest >= SLOW * RATE * SECOND
    assert run.report.broken == (name == "half-json")


def test_a_second_connection_takes_the_place_and_gives_it_back(stage: Stage) -> None:
    async def intrude(base: str, source: SocketSource) -> None:
        await streams(stage.clock, source, 10 * SECOND)
        faults.plan(Fault(name="evict", match=PATH))
        async with connected(f"{base.replace('http', 'ws')}{PATH}?token={SECRET}", ping_interval=None, close_timeout=0.2):
            await stage.clock.sleep(EVICTED // 4)

    faults = Faults()
    run = streamed(stage, faults, live, whole, intrude)
    proven(stage, run)
    assert run.report.socket.ends["evicted"] == 1
    (evicted, *_) = [change for change in run.history if change.state is State.EVICTED]
    back = next(change for change in run.history if change.at > evicted.at and change.state is State.CONNECTING)
    assert "Another connection with this key" in evicted.reason
    assert back.at - evicted.at >= EVICTED // 2


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_typed_error_and_never_an_empty_stream(stage: Stage, name: str) -> None:
    made: list[UnusualWhalesLive] = []

    def make(base: str, clock: HeldClock, stack: ExitStack) -> UnusualWhalesLive:
        made.append(live(base, clock, stack))
        return made[0]

    with pytest.raises(REFUSED[name]) as caught:
        streamed(stage, planned(name, PATH, times=-1), make, lambda world, got: False)
    assert type(caught.value) is REFUSED[name]
    assert SECRET not in str(caught.value)
    report = made[0].report()
    assert (report.socket.state, report.socket.error) == (State.REFUSED, caught.value)
    assert report.rows == {}


@pytest.mark.parametrize("name", SHUT)
def test_a_door_that_stays_shut_is_a_state_with_its_error(stage: Stage, name: str) -> None:
    run = streamed(stage, planned(name, PATH, times=-1, seconds=2.0), live, lambda world, got: False, seconds=0.5)
    assert run.got == {}
    assert State.BACKING_OFF in {change.state for change in run.history}
    assert State.LIVE not in {change.state for change in run.history}
    assert type(run.report.socket.error) is SHUT[name]
    assert run.report.socket.connections == 0


def test_every_fault_of_the_sandbox_is_in_the_matrix() -> None:
    assert set(SOCKET) == {*REPAIRED, *REFUSED, "evict"} - {"none", "401", "403", *SHUT}

"""Every fault of a socket at the simulated Massive's own: the minute bars are the market's to the last unit, or one error says why not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

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
    SYMBOLS,
    HeldClock,
    Run,
    Stage,
    Whole,
    ended,
    is_whole,
    mine,
    of,
    patient,
    planned,
    streamed,
    streams,
    told,
)
from undertow.core.chunk import Chunk
from undertow.core.events import Bar, Event, OffExchangePrint, Trade
from undertow.core.time import MINUTE, SECOND
from undertow.sandbox.servers.faults import SOCKET, Faults
from undertow.sandbox.servers.world import World
from undertow.sources.massive.live import LiveSettings, MassiveLive
from undertow.sources.massive.source import MassiveSource, Settings
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Wire
from undertow.sources.wire.live import SocketSource
from undertow.sources.wire.socket_state import Policy, State
from undertow.sources.wire.socket_stream import Filling

PATH = "/stocks"
BARS = ("open", "high", "low", "close", "volume")
TICKS = (Trade, OffExchangePrint)
FILLING = Filling(settle=5 * SECOND, reconcile=MINUTE)


@pytest.fixture(scope="module")
def stage() -> Stage:
    return Stage(TICKS, SYMBOLS, minutes=True)


def live(base: str, clock: HeldClock, stack: ExitStack, policy: Policy = POLICY) -> MassiveLive:
    def source(*kinds: type[Event]) -> MassiveSource:
        wire = Wire(base, KEY, limiter=Bucket(1000, SECOND), clock=clock, chance=np.random.default_rng(0))
        return stack.enter_context(MassiveSource(patient(wire), Settings(kinds=kinds, span=MINUTE)))

    settings = LiveSettings(topics=("T", "AM"), url=base.replace("http", "ws"), policy=policy, filling=FILLING, since=BEGIN)
    return MassiveLive(KEY, settings, clock=clock, chance=np.random.default_rng(1), backfill=(source(Bar), source(*TICKS)))


def bars(got: list[Chunk] | Mapping[type[Event], Chunk]) -> dict[str, Any]:
    return {symbol: told(chunk, "span", *BARS) for symbol, chunk in mine(got, Bar)}


def true_bars(world: World) -> dict[str, Any]:
    return {symbol: told(world.minutes(symbol, SESSION), "span", *BARS) for symbol in SYMBOLS}


def whole(*kinds: type[Event]) -> Whole:
    return lambda world, got: bars(got) == true_bars(world) and all(is_whole(world, kind, got, "price", "size") for kind in kinds)


def proven(stage: Stage, run: Run, *kinds: type[Event]) -> None:
    """The bars are the truth, ticks too where they are asked for, and the report knows of nothing that is missing."""
    assert stage.judged is not None
    assert bars(run.got) == true_bars(stage.then())
    assert [len(rows) for rows in bars(run.got).values()] == [2, 2]
    for kind in kinds:
        assert is_whole(stage.then(), kind, run.got, "price", "size"), kind
    assert not run.report.conflicts
    assert not run.report.unfilled


@pytest.mark.parametrize("name", REPAIRED)
def test_after_a_fault_the_minute_bars_equal_the_truth(stage: Stage, name: str) -> None:
    case = REPAIRED[name]
    ticks = () if name == "gap" else TICKS  # of ticks that were dropped without a trace nobody knows; bars are looked through
    run = streamed(stage, of(case, PATH), partial(live, policy=case.policy), whole(*ticks))
    proven(stage, run, *ticks)
    assert all(fault.times == 0 for fault in run.faults.planned)
    assert ended(case, run.report)
    if name == "duplicates":
        assert run.report.duplicates["trade"] >= 20
    if name == "gap":
        assert not all(is_whole(stage.then(), kind, run.got, "price", "size") for kind in TICKS)  # it did happen
    if name == "slow":
        assert run.report.latencies["trade"].longest >= SLOW * RATE * SECOND
    assert run.report.broken == (name == "half-json")


def test_more_connections_than_the_vendor_allows_are_waited_out(stage: Stage) -> None:
    run = streamed(stage, planned("evict", PATH, times=2), live, whole(*TICKS))
    proven(stage, run, *TICKS)
    assert run.report.socket.ends["evicted"] == 2


def test_a_second_connection_takes_the_place_and_gives_it_back(stage: Stage) -> None:
    async def intrude(base: str, source: SocketSource) -> None:
        await streams(stage.clock, source, 10 * SECOND)
        async with connect(base.replace("http", "ws") + PATH, ping_interval=None, close_timeout=0.2) as other:
            try:
                await other.recv()
                await other.send(json.dumps({"action": "auth", "params": SECRET}))
                assert json.loads(await other.recv())[0]["status"] == "auth_success"
                await stage.clock.sleep(EVICTED // 4)
            except ConnectionClosed:  # we came back sooner
                pass

    run = streamed(stage, Faults(), live, whole(*TICKS), intrude)
    proven(stage, run, *TICKS)
    assert run.report.socket.ends["evicted"] >= 1
    (evicted, *_) = [change for change in run.history if change.state is State.EVICTED]
    back = next(change for change in run.history if change.at > evicted.at and change.state is State.CONNECTING)
    assert "Another connection with this key" in evicted.reason
    assert back.at - evicted.at >= EVICTED // 2


@pytest.mark.parametrize("name", REFUSED)
def test_a_refusal_is_one_typed_error_and_never_an_empty_stream(stage: Stage, name: str) -> None:
    made: list[MassiveLive] = []

    def make(base: str, clock: HeldClock, stack: ExitStack) -> MassiveLive:
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
def test_a_door_that_stays_shut_is_a_state_with_its_error_and_bars_come_by_rest(stage: Stage, name: str) -> None:
    run = streamed(stage, planned(name, PATH, times=-1, seconds=2.0), live, whole())
    proven(stage, run)
    assert set(run.got) == {Bar}
    assert State.BACKING_OFF in {change.state for change in run.history}
    assert State.LIVE not in {change.state for change in run.history}
    assert type(run.report.socket.error) is SHUT[name]
    assert run.report.socket.connections == 0
    assert run.report.socket.ends["not connected"] >= 2


def test_every_fault_of_the_sandbox_is_in_the_matrix() -> None:
    assert set(SOCKET) == {*REPAIRED, *REFUSED, "evict"} - {"none", "401", "403", *SHUT}

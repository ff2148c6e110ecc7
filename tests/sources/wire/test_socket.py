"""The supervisor by itself: what is wanted holds over reconnects, patience grows and is forgotten, and nothing lost goes unsaid."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from tests.sources.wire.socket_server import POLICY, START, FastClock, Script, Vendor, serving
from tests.sources.wire.vendor import CANARY
from undertow.core.calendar import nyse
from undertow.core.time import HOUR, MINUTE, SECOND
from undertow.sources.wire.key import Key
from undertow.sources.wire.queue import FrameQueue
from undertow.sources.wire.socket import Supervisor
from undertow.sources.wire.socket_state import DATA, Heard, Notice, Policy, Said, State


class Plain:
    """A vendor without manners: connected is logged in, ``join`` names the topics, every frame is data but those that begin with !."""

    ready_at_once = True

    def __init__(self, url: str) -> None:
        self.shown = url
        self.key = Key(CANARY)

    def address(self) -> str:
        return self.shown

    def headers(self) -> Mapping[str, str]:
        return {}

    def login(self) -> Sequence[str]:
        return ()

    def join(self, topics: Sequence[str]) -> Sequence[str]:
        return [json.dumps({"join": list(topics)})]

    def leave(self, topics: Sequence[str]) -> Sequence[str]:
        return [json.dumps({"leave": list(topics)})]

    def heard(self, raw: bytes) -> Heard:
        return DATA if not raw.startswith(b"!") else Heard(notices=(Notice(said=Said(raw[1:].decode()), text=CANARY),), data=False)

    def scrub(self, text: str) -> str:
        return self.key.scrub(text)


async def nothing(vendor: Vendor, socket: ServerConnection) -> list[str] | None:
    return []


def supervisor(url: str, clock: FastClock, **kind: Any) -> Supervisor:
    return Supervisor(Plain(url), clock=clock, chance=np.random.default_rng(1), **({"policy": POLICY} | kind))


@contextlib.asynccontextmanager
async def running(one: Supervisor) -> Any:
    task = asyncio.ensure_future(one.run())
    try:
        yield task
    finally:
        one.stop()
        await asyncio.gather(task, return_exceptions=True)


async def until(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on a server
            await asyncio.sleep(0.005)


def test_topics_come_and_go_and_hold_over_a_reconnect() -> None:
    async def main() -> None:
        clock, script = FastClock(), Script([])
        vendor = Vendor(script, clock, nothing)
        async with serving(vendor) as url:
            one = supervisor(url, clock)
            one.subscribe(["a", "b"])
            async with running(one):
                await until(lambda: script.received == [{"join": ["a", "b"]}])
                one.subscribe(["b", "c"])
                one.unsubscribe(["a", "never"])
                await until(lambda: len(script.received) == 3)
                assert script.received[1:] == [{"join": ["c"]}, {"leave": ["a"]}]
                assert set(one.report().topics) == {"b", "c"}
                await vendor.open[0].close(1000)
                await until(lambda: len(script.received) == 4)
                assert script.received[3] == {"join": ["b", "c"]}
                assert one.report().ends == {"closed 1000": 1}
                assert [gap.why for gap in one.gaps] == ["not connected"]
        assert one.state is State.STOPPED

    asyncio.run(main())


def test_patience_grows_with_failures_and_is_forgotten_after_a_healthy_spell() -> None:
    async def main() -> None:
        clock, script = FastClock(), Script([])
        vendor = Vendor(script, clock, nothing)
        async with serving(vendor) as url:
            one = supervisor(url, clock)
            async with running(one):
                for n in range(1, 6):
                    await until(lambda n=n: script.connections == n and len(vendor.open) == 1)
                    if n == 4:
                        await clock.sleep(POLICY.healthy + 5 * SECOND)
                    await vendor.open[0].close(1011)
                await until(lambda: script.connections == 6)
        pauses = [float(c.reason.split("Trying again in ")[1].split(" ")[0]) for c in one.history if c.state is State.BACKING_OFF]
        assert len(pauses) == 5
        for pause, tries in zip(pauses, (1, 2, 3, 1, 2), strict=True):
            most = POLICY.backoff * 2**tries / SECOND
            assert most / 2 - 0.1 <= pause <= most + 0.1

    asyncio.run(main())


def test_a_server_that_takes_the_connection_and_says_nothing_is_left() -> None:
    class Mannered(Plain):
        ready_at_once = False

    async def main() -> None:
        clock = FastClock()
        async with serving(Vendor(Script([]), clock, nothing)) as url:
            patience = Policy(handshake=0.1, closing=0.1, ping=None)
            one = Supervisor(Mannered(url), clock=clock, chance=np.random.default_rng(1), policy=patience)
            async with running(one):
                await until(lambda: one.report().ends.get("no login", 0) >= 2)
        assert State.LIVE not in [change.state for change in one.history]
        assert not one.gaps

    asyncio.run(main())


def test_words_of_the_server_are_kept_without_the_key() -> None:
    async def main() -> None:
        clock = FastClock(rate=20)
        script = Script([(START + SECOND * n, f"!{word}") for n, word in ((5, "other"), (6, "not joined"), (7, "evicted"))])
        async with serving(Vendor(script, clock, nothing)) as url:
            one = supervisor(url, clock)
            async with running(one):
                await until(lambda: one.state is State.EVICTED)
                report = one.report()
        assert len(report.words) == 2
        assert report.frames == 0
        assert CANARY not in repr(report) + repr(one.history)

    asyncio.run(main())


def test_silence_counts_in_regular_hours_only() -> None:
    calendar = nyse()
    at = int(calendar.position(START))
    begins, ends = int(calendar.open[at]), int(calendar.close[at])
    half_day = int(np.searchsorted(calendar.day, np.datetime64("2025-11-28")))
    one = Supervisor(Plain("ws://x"), clock=_Still(), chance=np.random.default_rng(1))
    one.subscribe(["a"])
    one._ready_at = begins - HOUR
    assert one._silent(begins - SECOND) == 0
    assert one._silent(begins + 30 * SECOND) == 30 * SECOND
    assert one._silent(ends) == 0
    assert one._silent(begins + 2 * 24 * HOUR + MINUTE) == 0  # a Saturday
    one._data_at = begins + MINUTE
    assert one._silent(begins + 3 * MINUTE) == 2 * MINUTE
    one._ready_at = one._data_at = int(calendar.open[half_day])
    assert one._silent(int(calendar.midnight[half_day]) + 13 * HOUR + MINUTE) == 0
    assert one._silent(int(calendar.midnight[half_day]) + 12 * HOUR) > 0
    one.unsubscribe(["a"])
    assert one._silent(begins + 3 * MINUTE) == 0


class _Still:
    def now(self) -> int:
        return START

    async def sleep(self, span: int) -> None:
        await asyncio.Event().wait()


def test_the_socket_is_read_on_while_nobody_takes_frames_and_what_is_lost_is_a_gap() -> None:
    async def main() -> None:
        clock = FastClock(rate=20)
        at = START + 5 * SECOND
        script = Script([(at, f"frame {n}") for n in range(1000)])
        async with serving(Vendor(script, clock, nothing)) as url:
            queue = FrameQueue(most=100)
            one = supervisor(url, clock, queue=queue)
            async with running(one):
                await until(lambda: one.report().frames == 1000)
                report = one.report()
                taken = queue.take(1000, clock.now())
                lost = queue.lost()
        assert (report.depth, report.deepest, report.dropped) == (100, 100, 900)
        assert report.lag > 0
        assert [raw for _, raw in taken] == [b"frame %d" % n for n in range(900, 1000)]
        assert lost is not None
        assert at <= lost[0] <= lost[1] <= taken[0][0]
        assert queue.lost() is None
        assert queue.longest_lag > 0

    asyncio.run(main())


@pytest.mark.parametrize("most", [{"most": 3}, {"most_bytes": 30}])
def test_the_oldest_go_first(most: dict[str, int]) -> None:
    queue = FrameQueue(**most)
    queue.put(1, b"0123456789")
    assert queue.take(5, 4) == [(1, b"0123456789")]
    assert queue.lost() is None
    for at in range(2, 8):
        queue.put(at, b"0123456789")
    assert queue.lost() == (1, 4)
    assert queue.lag(10) == 5
    assert [at for at, _ in queue.take(2, 9)] == [5, 6]
    assert (queue.depth, queue.waiting, queue.dropped, queue.longest_lag) == (1, 10, 3, 4)

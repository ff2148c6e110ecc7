"""Unusual Whales' stream under every fault: every row once whichever road it came, acknowledgements never a row, the key never shown."""

from __future__ import annotations

import asyncio
import json
import logging
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from websockets.asyncio.server import ServerConnection

from tests.sources.wire.socket_server import POLICY, START, FastClock, Script, Truth, Vendor, gathered, serving
from tests.sources.wire.vendor import CANARY
from undertow.core.chunk import Chunk
from undertow.core.errors import BadInput
from undertow.core.events import FlowAlert, Grade, NewsItem, OffExchangePrint, OptionTrade
from undertow.core.time import SECOND, iso
from undertow.sources.unusual_whales.live import LiveSettings, UnusualWhalesLive, read
from undertow.sources.wire.errors import NotEntitled, Unauthorised
from undertow.sources.wire.key import Key
from undertow.sources.wire.socket_state import State
from undertow.sources.wire.socket_stream import Filling

SYMBOLS = ("AAPL", "TSLA")
KINDS = (OptionTrade, FlowAlert, OffExchangePrint, NewsItem)
MS = 10**6
ACK = {"response": {}, "status": "ok"}
FILLING = Filling(settle=3 * SECOND, again=2 * SECOND, reconcile=None)


def told() -> list[tuple[int, str]]:
    """Over three minutes: every four seconds a message, of the channels in turn."""
    out = []
    for i in range(50):
        at, symbol = START + 4 * i * SECOND + SECOND, SYMBOLS[i % 2]
        chain, when = f"{symbol}260619C00200000", (at - SECOND) // MS
        bodies: list[tuple[str, dict[str, Any]]] = [
            (
                f"option_trades:{symbol}",
                {
                    "id": f"t{i}",
                    "option_chain_id": chain,
                    "underlying_symbol": symbol,
                    "executed_at": when,
                    "price": "1.25",
                    "size": 10 + i,
                },
            ),
            ("flow-alerts", {"id": f"a{i}", "option_chain": chain, "ticker": symbol, "rule_name": "RepeatedHits", "end_time": when}),
            (
                "off_lit_trades",
                {"symbol": symbol, "price": "150.25", "type": "off_lit", "size": 100, "volume": 1000 + i, "executed_at": iso(at - SECOND)},
            ),
            ("news", {"headline": f"story {i}", "timestamp": iso(at - SECOND), "tickers": [symbol]}),
        ]
        channel, payload = bodies[i % 4]
        out.append((at, json.dumps([channel, payload | {"a_new_field": 1}])))
    return out


def history(messages: list[tuple[int, str]]) -> list[Chunk]:
    """The same as REST tells it: prints with tracking ids, of which the socket says nothing."""
    chunks = read([(at, text.encode()) for at, text in messages], SYMBOLS).chunks
    return [replace(c, seq=np.arange(1, len(c) + 1)) if c.kind is OffExchangePrint else c for c in chunks]


def rows(chunk: Chunk) -> list[tuple[Any, ...]]:
    columns = [chunk.key, chunk.event_at, *(c for c in chunk.columns.values() if c.dtype != np.float64)]
    return sorted(zip(*(column.tolist() for column in columns), strict=True))


async def welcome(vendor: Vendor, socket: ServerConnection) -> list[str] | None:
    assert socket.request is not None
    assert socket.request.path == f"/socket?token={quote(CANARY, safe='')}"
    acks = []
    for _ in range(5):
        wanted = json.loads(await socket.recv())
        vendor.script.received.append(wanted)
        acks.append(json.dumps([wanted["channel"], ACK]))
    return acks


def stream(url: str, clock: FastClock, *backfill: Truth, **settings: Any) -> UnusualWhalesLive:
    given = LiveSettings(**{"url": f"{url}/socket", "policy": POLICY, "filling": FILLING, "since": START} | settings)
    return UnusualWhalesLive(Key(CANARY), given, clock=clock, chance=np.random.default_rng(1), backfill=backfill)


@pytest.mark.parametrize("fault", ["", "mute", "half-open", "close-1000", "close-1011", "duplicates", "out-of-order", "slow"])
def test_after_a_fault_every_row_came_once(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    messages = told()
    truth = {chunk.kind: chunk for chunk in history(messages)}

    async def main() -> None:
        clock, script = FastClock(), Script(messages, fault, after=20)
        async with serving(Vendor(script, clock, welcome)) as url:
            live = stream(url, clock, Truth(list(truth.values()), clock.now))
            got = await gathered(
                live.live(SYMBOLS),
                lambda got: sum(map(len, got)) > 49,
            )
            report = live.report()
        assert report is not None
        assert set(got) == set(KINDS)
        for kind in KINDS:
            assert rows(got[kind]) == rows(truth[kind])
            assert set(got[kind].grade.tolist()) == {Grade.RECORDED}
            assert bool((got[kind].known_at >= got[kind].event_at).all())
        assert bool((np.diff(got[OptionTrade].known_at) >= 0).all())
        assert "acknowledgement" not in report.ignored
        if fault in ("mute", "half-open", "close-1000", "close-1011"):
            assert script.connections >= 2
            assert [one["channel"] for one in script.received[5:10]] == [one["channel"] for one in script.received[:5]]
        if fault in ("mute", "half-open"):
            assert sum(report.filled.values()) > 0
        if fault == "duplicates":
            assert sum(report.duplicates.values()) >= 45
        assert CANARY not in repr(report) + repr(live.stream.supervisor)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text
    assert quote(CANARY, safe="") not in caplog.text


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [(401, {"code": "unauthorized", "message": f"no {CANARY}"}, Unauthorised), (403, {"message": "Advanced plan only"}, NotEntitled)],
)
def test_a_refusal_is_final_and_typed(status: int, body: dict[str, str], error: type[Exception], caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        def refuse(socket: ServerConnection, request: Any) -> Any:
            reply = socket.respond(status, json.dumps(body))
            reply.headers["Content-Type"] = "application/json"
            return reply

        clock = FastClock()
        async with serving(Vendor(Script([]), clock, welcome), refuse) as url:
            live = stream(url, clock)
            with pytest.raises(error) as caught:
                await gathered(live.live(SYMBOLS), lambda got: False)
            report = live.report()
        assert report is not None
        assert report.socket.state is State.REFUSED
        for text in (str(caught.value), repr(report), repr(caught.value.__cause__), repr(caught.value.__context__)):
            assert CANARY not in text
            assert "token=" not in text

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text
    assert quote(CANARY, safe="") not in caplog.text


def test_a_vendor_that_is_not_there_is_asked_again_ever_more_slowly(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        clock = FastClock()
        async with serving(Vendor(Script([]), clock, welcome)) as url:
            pass  # now nobody listens there
        live = stream(url, clock)
        await gathered(live.live(SYMBOLS), lambda got: False, seconds=0.7)
        report, states = live.report(), [c for c in live.stream.supervisor.history if c.state is State.BACKING_OFF]
        assert report is not None
        assert report.socket.ends["not connected"] >= 4
        pauses = [float(change.reason.split("Trying again in ")[1].split(" ")[0]) for change in states]
        for n, pause in enumerate(pauses, 1):
            most = min(POLICY.longest, POLICY.backoff * 2**n) / SECOND
            assert most / 2 - 0.1 <= pause <= most + 0.1
        assert "cannot be reached" in states[0].reason

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text
    assert quote(CANARY, safe="") not in caplog.text


def test_a_refused_channel_is_reported_and_the_others_go_on() -> None:
    async def refusing(vendor: Vendor, socket: ServerConnection) -> list[str] | None:
        acks = await welcome(vendor, socket)
        assert acks is not None
        return [*acks[:-1], json.dumps(["news", {"response": {"reason": "no plan"}, "status": "error"}])]

    async def main() -> None:
        clock, script = FastClock(), Script(told())
        async with serving(Vendor(script, clock, refusing)) as url:
            live = stream(url, clock)
            await gathered(live.live(SYMBOLS), lambda got: len(got) > 5)
            report = live.report()
        assert report is not None
        assert "no plan" in report.socket.topics["news"]
        assert report.socket.topics["flow-alerts"] == "joined"
        assert report.broken == 0

    asyncio.run(main())


def test_messages_are_read_and_broken_ones_told() -> None:
    messages = [(at, text.encode()) for at, text in told()[:4]]
    odd = [b"[", b'["flow-alerts",{}]', b'["option_trades:AAPL",' + json.dumps(ACK).encode() + b"]", b'["gex:SPY",{"a":1}]', b"\xff"]
    out = read(messages + [(START, raw) for raw in odd], SYMBOLS)
    assert {chunk.kind for chunk in out.chunks} == set(KINDS)
    assert all(len(chunk) == 1 for chunk in out.chunks)
    assert len(out.broken) == 3
    assert out.ignored == {"acknowledgement": 1, "gex:SPY": 1}
    with pytest.raises(BadInput, match="valid are"):
        UnusualWhalesLive(Key(CANARY), LiveSettings(channels=("gex",)), clock=None, chance=None)  # type: ignore[arg-type]

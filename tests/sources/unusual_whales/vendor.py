"""An Unusual Whales that is not there: it pages as the real one is known to, on a clock that tests move, for a key nobody may see."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from tests.sources.wire.vendor import NOW, FakeClock, Script
from undertow.core.time import HOUR, MINUTE, SECOND, Instant, iso
from undertow.sources.unusual_whales.connect import connect
from undertow.sources.unusual_whales.source import Settings, UnusualWhalesSource
from undertow.sources.wire.client import Wire
from undertow.sources.wire.key import Key
from undertow.sources.wire.stamps import instant_of, new_york_day

CANARY = "canary+TOKEN/9876543210"
Handler = Callable[[httpx.Request], httpx.Response]
Row = dict[str, Any]


def ok(body: Any, **headers: str) -> httpx.Response:
    return reply(200, body, **headers)


def reply(status: int, body: Any, **headers: str) -> httpx.Response:
    content = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return httpx.Response(status, content=content, headers={name.replace("_", "-"): value for name, value in headers.items()})


def wire(handler: Handler, clock: FakeClock | None = None) -> Wire:
    return connect(Key(CANARY), clock=clock or FakeClock(), chance=np.random.default_rng(1), transport=httpx.MockTransport(handler))


def source(handler: Handler, clock: FakeClock | None = None, **settings: Any) -> UnusualWhalesSource:
    return UnusualWhalesSource(wire(handler, clock), Settings(**settings))


def get(handler: Handler, path: str = "/api/x", clock: FakeClock | None = None) -> Any:
    async def ask() -> Any:
        async with wire(handler, clock) as asking:
            return (await asking.get(path)).json

    return asyncio.run(ask())


def dark(at: Instant, number: int = 1, **more: Any) -> Row:
    """A print; ``number`` makes it one of its own."""
    return {
        "canceled": False,
        "executed_at": iso(at // SECOND * SECOND),
        "trf_executed_at": None,
        "market_center": "L",
        "price": "101.2345",
        "size": 100 + number,
        "ticker": "AAPL",
        "tracking_id": 9_007_199_254_740_993 + number,  # above 2^53 and odd: a float would lose it
        "sale_cond_codes": None,
        "trade_code": None,
        "ext_hour_sold_codes": None,
        "trade_settlement": "regular",
        "volume": 1_000 * number,
    } | more


class DarkPool:
    """Newest first; ``date`` is honoured only until a cursor is given, the cursor counts whole seconds, nobody says that there is more."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = sorted(rows, key=lambda row: instant_of(row["executed_at"]), reverse=True)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        ask, rows = request.url.params, self.rows
        rows = [row for row in rows if request.url.path.endswith("/" + row["ticker"])]
        if "older_than" in ask:
            rows = [row for row in rows if instant_of(row["executed_at"]) < int(ask["older_than"]) * SECOND]
        elif "date" in ask:
            rows = [row for row in rows if str(new_york_day(instant_of(row["executed_at"]))) == ask["date"]]
        return ok({"data": rows[: int(ask["limit"])]})


def alert(created: Instant, number: int = 1, **more: Any) -> Row:
    return {
        "alert_rule": "RepeatedHits",
        "created_at": iso(created),
        "end_time": (created - 9 * SECOND) // 10**6,
        "id": f"alert-{number}",
        "option_chain": "AAPL260619C00200000",
        "open_interest": 50,
        "volume": 25,
        "has_sweep": True,
        "ticker": "AAPL",
        "total_ask_side_prem": "1000.5",
        "total_bid_side_prem": "20",
        "total_premium": "1500.25",
        "total_size": 7,
    } | more


def session(day: str) -> Instant:
    """10:00 New York on a summer day."""
    return instant_of(f"{day}T14:00:00Z")


__all__ = [
    "CANARY",
    "HOUR",
    "MINUTE",
    "NOW",
    "DarkPool",
    "FakeClock",
    "Script",
    "alert",
    "dark",
    "get",
    "ok",
    "reply",
    "session",
    "source",
    "wire",
]

"""A vendor that is not there: answers from a list, a clock that tests move, and a key that must never be seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np

from undertow.core.time import DAY, SECOND, Duration, Instant
from undertow.sources.wire.bucket import Bucket, Limiter
from undertow.sources.wire.client import Policy, Wire
from undertow.sources.wire.key import Key

CANARY = "canary+SECRET/0123456789"
NOW: Instant = 1_780_000_000 * SECOND  # 2026-05-28, a Thursday, 16:26 in New York
BASE = "https://vendor.test"

Reply = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


class FakeClock:
    """Time that passes only when somebody sleeps, or a test says so."""

    def __init__(self, now: Instant = NOW) -> None:
        self.at = now
        self.slept: list[Duration] = []

    def now(self) -> Instant:
        return self.at

    async def sleep(self, span: Duration) -> None:
        self.slept.append(span)
        self.at += span
        await asyncio.sleep(0)


class Script:
    """Replies in order, the last one for ever; remembers what was asked."""

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        reply = self.replies[min(len(self.asked), len(self.replies) - 1)]
        self.asked.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply(request) if callable(reply) else httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)


def ok(body: Any, **headers: str) -> httpx.Response:
    return httpx.Response(200, content=json.dumps(body).encode(), headers=headers)


def fault(status: int, body: Any = None, **headers: str) -> httpx.Response:
    content = body.encode() if isinstance(body, str) else json.dumps(body or {}).encode()
    return httpx.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


def wire(
    handler: Callable[[httpx.Request], httpx.Response],
    clock: FakeClock | None = None,
    *,
    limiter: Limiter | None = None,
    policy: Policy | None = None,
) -> Wire:
    return Wire(
        BASE,
        Key(CANARY),
        limiter=limiter or Bucket(1_000_000, DAY),
        clock=clock or FakeClock(),
        chance=np.random.default_rng(1),
        policy=policy,
        transport=httpx.MockTransport(handler),
    )

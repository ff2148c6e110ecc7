"""The one way to a vendor's REST: a GET that waits its turn, retries what may be retried, and ends within its deadline."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Self
from urllib.parse import quote

from undertow.core.errors import BadInput
from undertow.core.time import MINUTE, SECOND, Duration, Instant
from undertow.sources.wire.answer import Answer, decoded, verdict
from undertow.sources.wire.bucket import Limiter
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import BadAnswer, DeadlinePassed, RateLimited, VendorDown, WireError
from undertow.sources.wire.key import Key
from undertow.sources.wire.shelf import Shelf

if TYPE_CHECKING:
    import httpx
    import numpy as np

Params = Mapping[str, str | int | float | bool | list[str]]
#: header by which a simulated market says which one it is, so that nothing of it is ever taken for real
MARKET = "x-market"
_SECRET_NAMES = frozenset({"apikey", "api_key", "token", "key", "access_token"})
# the library can log the headers of every answer, and a vendor may repeat the key in one
logging.getLogger("httpcore.http11").addFilter(lambda record: "receive_response_headers" not in str(record.msg))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a client is, and what it sends beside the key. Times in ns."""

    deadline: Duration = 4 * MINUTE  #: of one ``get``, all waiting and retries included
    attempt: Duration = 30 * SECOND  #: of one request
    attempts: int = 6
    backoff: Duration = SECOND // 2  #: the n-th retry waits a random part of ``backoff * 2**n``, at most ``longest``
    longest: Duration = 30 * SECOND
    headers: Mapping[str, str] = field(default_factory=lambda: {"User-Agent": "undertow", "Accept": "application/json"})
    judge: Callable[[Answer], WireError | None] = verdict  #: what a status means


class Wire:
    """A vendor's REST behind one key. Use it within one event loop, as an async context manager or with ``close``.

    ``chance`` draws the jitter; ``transport`` is httpx's seam, for tests.
    """

    def __init__(
        self,
        base_url: str,
        key: Key,
        *,
        limiter: Limiter,
        clock: Clock,
        chance: np.random.Generator,
        policy: Policy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        import httpx

        self.key = key
        self.limiter = limiter
        self.clock = clock
        self.policy = policy or Policy()
        self.shelf: Shelf | None = None  #: where whole answers are kept and found again
        self.market = ""  #: what the latest answer said of its market; empty is the real one
        self._chance = chance
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            transport=transport,
            timeout=self.policy.attempt / SECOND,
            headers={**self.policy.headers, **key.headers()},
        )

    async def get(self, path: str, params: Params | None = None, *, decode: bool = True) -> Answer:
        """The answer to a GET of ``path`` (which may carry a query), status 200 and, if ``decode``, whole JSON; else a ``WireError``."""
        _no_secrets(path, params)
        if self.shelf is not None and (kept := self.shelf.find(path, params)) is not None:
            return self._finished(kept, decode=decode)
        answer = self._finished(await self._asked(path, params), decode=decode)
        if self.shelf is not None:
            self.shelf.keep(path, params, answer)
        return answer

    def _finished(self, answer: Answer, *, decode: bool) -> Answer:
        self.market = answer.headers.get(MARKET, "")
        return replace(answer, json=decoded(answer.raw, answer.path)) if decode else answer

    async def _asked(self, path: str, params: Params | None) -> Answer:
        deadline = self.clock.now() + self.policy.deadline
        last: WireError | None = None
        for attempt in range(self.policy.attempts):
            if last is not None:
                spread = min(self.policy.longest, self.policy.backoff * 2 ** (attempt - 1))
                await self._wait(_told(last) + int(self._chance.random() * spread), deadline, path, last)
            await self._turn(deadline, path, last)
            got = await self._once(path, params, deadline)
            if isinstance(got, Answer):
                return got
            if not got.retryable:
                raise got
            last = got
        assert last is not None  # noqa: S101 - attempts is at least one
        raise last

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Wire({self._http.base_url!s}, {self.key!r})"

    async def _turn(self, deadline: Instant, path: str, last: WireError | None) -> None:
        """Wait for the limiter; another request may close it meanwhile, so ask how long once and then go."""
        wait = self.limiter.reserve(self.clock.now())
        try:
            await self._wait(wait, deadline, path, last)
        except BaseException:
            self.limiter.refund()
            raise

    async def _wait(self, span: Duration, deadline: Instant, path: str, last: WireError | None) -> None:
        if span <= 0:
            return
        if self.clock.now() + span >= deadline:
            if isinstance(last, RateLimited):
                raise last
            raise self._late(path) from last
        await self.clock.sleep(span)

    async def _once(self, path: str, params: Params | None, deadline: Instant) -> Answer | WireError:
        import httpx

        shown = path.split("?")[0]
        left = min(self.policy.attempt, deadline - self.clock.now())
        if left <= 0:
            raise self._late(shown)
        try:
            async with asyncio.timeout(left / SECOND):
                reply = await self._http.get(path, params=dict(params) if params else None)
        except (TimeoutError, httpx.TimeoutException):
            return VendorDown(f"The vendor did not answer {shown} within {left / SECOND:g} s.", path=shown)
        except httpx.TransportError as error:
            what = self.key.scrub(f"{type(error).__name__}: {error}")
            return VendorDown(f"The connection for {shown} failed ({what}).", path=shown)
        except (httpx.DecodingError, httpx.InvalidURL):
            return BadAnswer(f"The vendor's answer to {shown} cannot be unpacked; nothing was taken from it. Run again.", path=shown)
        now = self.clock.now()
        headers = {name.lower(): self.key.scrub(value) for name, value in reply.headers.items()}
        self.limiter.heard(reply.status_code, headers, now)
        self.market = headers.get(MARKET, "")
        raw = self.key.scrub_bytes(reply.content)
        answer = Answer(path=shown, status=reply.status_code, headers=headers, raw=raw, received_at=now)
        if now > deadline:
            raise self._late(shown)
        return self.policy.judge(answer) or answer

    def _late(self, path: str) -> DeadlinePassed:
        shown, allowed = path.split("?")[0], self.policy.deadline / SECOND
        return DeadlinePassed(f"No whole answer to {shown} within the {allowed:g} s allowed for it. Run again, or allow more.", path=shown)


def quoted(part: str) -> str:
    """One part of a path, such as a ticker, safe to put between slashes; ``:`` stays, vendors write option tickers with it."""
    return quote(part, safe=":")


def _told(error: WireError) -> Duration:
    wait: object = getattr(error, "retry_after", 0)
    return wait if isinstance(wait, int) else 0


def _no_secrets(path: str, params: Params | None) -> None:
    if not path.startswith("/") or path.startswith("//"):
        raise BadInput(f"{path.split('?')[0]!r} is no path on the vendor's host: it must begin with one slash.")
    query = path.partition("?")[2]
    names = [pair.partition("=")[0] for pair in query.split("&")] + list(params or {})
    if any(name.lower() in _SECRET_NAMES for name in names):
        raise BadInput("A key does not belong into a URL, where logs would show it: it goes into the header.")

"""``AlpacaGateway``: orders are asked for once; questions are asked politely until they are answered or their time is over."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from undertow.core.errors import BrokerError
from undertow.core.time import MINUTE, SECOND, Duration, Instant, iso
from undertow.execution.alpaca import read
from undertow.execution.alpaca.ask import answer_to_cancel, answer_to_order, judge, request_of, told
from undertow.execution.alpaca.keys import Keys
from undertow.execution.alpaca.stream import Pulse, messages
from undertow.execution.gateway.words import OPEN, Answer, Asset, Execution, Held, Hours, Money, Order, Says, Seen, Update
from undertow.sources.wire.bucket import Bucket
from undertow.sources.wire.client import Policy, Wire, quoted
from undertow.sources.wire.clock import Clock

if TYPE_CHECKING:
    import httpx
    import numpy as np

_A_MINUTE = 150  # questions; Alpaca lets 200 requests through, and the rest is for orders and cancellations
_LISTED = 500  # orders that one answer holds
_PAGE, _PAGES = 100, 100  # fills a page, and pages
_Params = dict[str, str | int | float | bool | list[str]]
_HEADERS = {"User-Agent": "undertow", "Accept": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where Alpaca is, and how long one may wait for it."""

    rest: str  #: base URL
    stream: str  #: address of the WebSocket
    real: bool  #: whether orders there move real money
    simulated: bool = False  #: a server of ours that speaks Alpaca's protocol
    order: Duration = 10 * SECOND  #: for the answer to an order or a cancellation
    policy: Policy = field(default_factory=lambda: Policy(deadline=30 * SECOND, attempt=10 * SECOND, longest=5 * SECOND, judge=judge))
    pulse: Pulse = field(default_factory=Pulse)


class AlpacaGateway:
    """Alpaca behind one pair of keys (see ``Gateway``). ``chance`` draws the jitter of retries; ``transport`` is httpx's seam, for tests.

    ``listening`` is set while the stream of updates is open and tells everything.
    """

    name = "alpaca"

    def __init__(
        self, place: Place, keys: Keys, *, clock: Clock, chance: np.random.Generator, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        import httpx

        self.real, self.simulated = place.real, place.simulated
        self.listening = asyncio.Event()
        self._place, self._keys = place, keys
        self._parents: dict[str, str] = {}  # broker id of a leg -> of its bracket's entry
        self._wire = Wire(
            place.rest, keys, limiter=Bucket(_A_MINUTE, MINUTE), clock=clock, chance=chance, policy=place.policy, transport=transport
        )
        self._orders = httpx.AsyncClient(
            base_url=place.rest.rstrip("/"), transport=transport, timeout=place.order / SECOND, headers=_HEADERS | keys.headers()
        )

    async def submit(self, order: Order) -> Answer:
        """See ``Gateway``; 504, a timeout, a lost connection, a body that cannot be read and an id in use are ``UNKNOWN``."""
        reply = await self._once("POST", "/v2/orders", json.dumps(request_of(order)).encode())
        if isinstance(reply, Answer):
            return reply
        status, raw = reply
        answer = answer_to_order(status, raw, order.id)
        if answer.says is Says.ACCEPTED:
            with suppress(BrokerError):  # whatever its legs are, the order itself was taken
                self._learn(json.loads(raw))
        return answer

    async def cancel(self, broker_id: str) -> Answer:
        """See ``Gateway``."""
        reply = await self._once("DELETE", f"/v2/orders/{quoted(broker_id)}")
        return reply if isinstance(reply, Answer) else answer_to_cancel(*reply)

    async def find(self, order: str) -> Seen | None:
        """See ``Gateway``."""
        body = await told(self._wire.get("/v2/orders:by_client_order_id", {"client_order_id": order}), absent_is_none=True)
        if body is None:
            return None
        found = self._seen(read.table(body, "order"))
        if found[0].id != order:
            raise BrokerError(f"Alpaca was asked for order {order} and told of {found[0].id}: nothing was taken.")
        return found[0]

    async def working(self) -> Sequence[Seen]:
        """See ``Gateway``."""
        params: _Params = {"status": "open", "limit": _LISTED, "nested": "true", "direction": "asc"}
        listed = read.rows(await told(self._wire.get("/v2/orders", params)), "order")
        if len(listed) >= _LISTED:
            raise BrokerError(f"Alpaca lists {_LISTED} working orders, and may not list the rest: cancel what is not needed there.")
        found = {seen.broker_id: seen for body in listed for seen in self._seen(body)}
        return [seen for seen in found.values() if seen.stands in OPEN]

    async def held(self) -> Sequence[Held]:
        """See ``Gateway``."""
        return [read.held(body) for body in read.rows(await told(self._wire.get("/v2/positions")), "position")]

    async def money(self) -> Money:
        """See ``Gateway``."""
        return read.money(read.table(await told(self._wire.get("/v2/account")), "account"))

    async def executions(self, after: Instant) -> Sequence[Execution]:
        """See ``Gateway``; page by page."""
        found: list[Execution] = []
        params: _Params = {"after": iso(after), "direction": "asc", "page_size": _PAGE}
        for _ in range(_PAGES):
            page = read.rows(await told(self._wire.get("/v2/account/activities/FILL", params)), "fill")
            found += [read.activity(body) for body in page]
            if len(page) < _PAGE:
                return sorted(found, key=lambda each: each.at)
            params = {**params, "page_token": str(page[-1].get("id", ""))}
        raise BrokerError(f"Alpaca tells of more than {_PAGE * _PAGES:,} fills since {iso(after)}: they were not taken.")

    async def asset(self, symbol: str) -> Asset | None:
        """See ``Gateway``."""
        body = await told(self._wire.get(f"/v2/assets/{quoted(symbol)}"), absent_is_none=True)
        return None if body is None else read.asset(read.table(body, "asset"))

    async def hours(self) -> Hours:
        """See ``Gateway``."""
        return read.hours(read.table(await told(self._wire.get("/v2/clock")), "clock"))

    async def updates(self) -> AsyncIterator[Update]:
        """See ``Gateway``."""
        async with aclosing(messages(self._place.stream, self._keys, self.listening, self._place.pulse)) as told_of:
            async for body in told_of:
                yield read.update(body, self._parents)

    async def close(self) -> None:
        """See ``Gateway``."""
        await self._wire.close()
        await self._orders.aclose()

    def __repr__(self) -> str:
        return f"AlpacaGateway({self._place.rest}, {self._keys!r})"

    async def _once(self, method: str, path: str, body: bytes | None = None) -> Answer | tuple[int, bytes]:
        """One request, one answer or none; never a second request."""
        import httpx

        headers = {} if body is None else {"Content-Type": "application/json"}
        try:
            async with asyncio.timeout(self._place.order / SECOND):
                reply = await self._orders.request(method, path, content=body, headers=headers)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(says=Says.UNKNOWN, why=f"no answer within {self._place.order / SECOND:g} s")
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return Answer(says=Says.UNKNOWN, why=self._keys.scrub(f"the connection failed ({type(error).__name__}: {error})"))
        return reply.status_code, self._keys.scrub_bytes(reply.content)

    def _learn(self, body: read.Json) -> None:
        for leg in read.legs_of(body):
            self._parents[str(leg.get("id", ""))] = str(body.get("id", ""))

    def _seen(self, body: read.Json) -> list[Seen]:
        """An order and its legs."""
        self._learn(body)
        return [read.seen(each, self._parents) for each in (body, *read.legs_of(body))]

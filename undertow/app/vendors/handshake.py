"""A stream's door: connect, log in, leave. Tells whether a key may stream, and of which market the rows would be."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from undertow.app.vendors.access import Access
from undertow.app.vendors.plan import Vendor
from undertow.core.errors import BadData
from undertow.core.time import SECOND
from undertow.sources.wire.client import MARKET
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import Unauthorised, VendorDown, WireError
from undertow.sources.wire.socket_open import hang_up, opened
from undertow.sources.wire.socket_state import Dialect, Policy, Said

if TYPE_CHECKING:
    from undertow.app.vendors.desk import Desk

LOCKS = "leaders"  #: folder of a home in which the locks of streams lie
#: the stream of each vendor that one connection a key is served of
ASSETS: dict[Vendor, str] = {"massive": "stocks", "unusual_whales": "socket"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Handshake:
    """How it went: ``error`` says why there is no stream; ``market`` is empty for the real one."""

    shown: str
    market: str = ""
    error: WireError | None = None


def dialect_of(access: Access, vendor: Vendor) -> Dialect:
    """The manners of a vendor's socket, with the user's key and address."""
    from undertow.sources.massive.live import MassiveDialect
    from undertow.sources.unusual_whales.live import UnusualWhalesDialect

    if vendor == "unusual_whales":
        assert access.whales is not None, vendor  # noqa: S101 - asked only of a vendor with a key
        return UnusualWhalesDialect(access.whales, access.hosts.whales_socket)
    assert access.massive is not None, vendor  # noqa: S101 - as above
    return MassiveDialect(access.massive, access.hosts.massive_socket, ASSETS["massive"])


async def shake_hands(dialect: Dialect, clock: Clock, seconds: float = 8.0) -> Handshake:
    """Connect, log in and leave, within ``seconds`` of the machine. Hold the key's ``Leader``: a connection throws off an older one."""
    policy = Policy(handshake=seconds, closing=0.5)
    try:
        async with asyncio.timeout(seconds):
            return await _shaken(dialect, clock, policy)
    except TimeoutError:
        return Handshake(shown=dialect.shown, error=_down(dialect, f"did not let us in within {seconds:g} s"))


def same_market(met: Handshake, market: str) -> None:
    """Raise ``BadData`` where a stream is of another market than REST: its rows would be put into the wrong folder."""
    if met.error is None and met.market != market:
        names = " and ".join(name or "the real market" for name in (market, met.market))
        raise BadData(
            f"REST and the stream at {met.shown} are of two markets ({names}); nothing is recorded. Check the vendors' addresses."
        )


async def ask_once(desk: Desk, vendor: Vendor, symbol: str) -> None:
    """One small question by REST, so that the desk knows its market. Raises ``WireError``, and ``BadData`` where two would mix."""
    async with desk.wire(vendor) as wire:
        wire.policy = replace(wire.policy, deadline=60 * SECOND, attempts=3)
        if vendor == "unusual_whales":
            from undertow.sources.unusual_whales import requests

            walk = requests.news(symbol)
            await wire.get(walk.path, {**walk.params, "limit": 1})
        else:
            await wire.get("/v1/marketstatus/now")
        desk.heard(wire)


async def _shaken(dialect: Dialect, clock: Clock, policy: Policy) -> Handshake:
    from websockets.exceptions import ConnectionClosed

    socket = await opened(dialect, policy, clock)
    if isinstance(socket, WireError):
        return Handshake(shown=dialect.shown, error=socket)
    market = socket.response.headers.get(MARKET, "")
    try:
        while not dialect.ready_at_once:
            for notice in dialect.heard(await socket.recv(decode=False)).notices:
                if notice.said is Said.CONNECTED:
                    for message in dialect.login():
                        await socket.send(message)
                elif notice.said is Said.READY:
                    return Handshake(shown=dialect.shown, market=market)
                elif notice.said is Said.REFUSED:
                    text = dialect.scrub(notice.text)[:200]
                    error = Unauthorised(
                        f"The vendor does not accept the key for its stream ({dialect.shown}): {text}.", path=dialect.shown
                    )
                    return Handshake(shown=dialect.shown, market=market, error=error)
        return Handshake(shown=dialect.shown, market=market)
    except ConnectionClosed:
        return Handshake(shown=dialect.shown, market=market, error=_down(dialect, "closed the connection before letting us in"))
    finally:
        await hang_up(socket, policy.closing)


def _down(dialect: Dialect, what: str) -> VendorDown:
    return VendorDown(f"The vendor's stream at {dialect.shown} {what}.", path=dialect.shown)

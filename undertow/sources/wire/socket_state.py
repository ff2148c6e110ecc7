"""What a supervised WebSocket is told, what it says of itself, and the manners of one vendor as seen by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from undertow.core.events import Event
from undertow.core.time import MINUTE, SECOND, Duration, Instant
from undertow.sources.wire.errors import WireError


class State(StrEnum):
    """Where a stream stands."""

    CONNECTING = "connecting"
    LIVE = "live"  #: logged in and subscribed; data, or an hour in which silence is nothing strange
    STALE = "stale"  #: logged in, the market is open, and no data for half the time after which it is given up
    BACKING_OFF = "backing off"
    EVICTED = "evicted"  #: another connection with this key took the place; waiting long, not fighting
    REFUSED = "refused"  #: the key or the plan does not allow it: final
    STOPPED = "stopped"


class Said(StrEnum):
    """What a server's word about the connection means."""

    CONNECTED = "connected"  #: now it wants to know who we are
    READY = "ready"  #: logged in
    REFUSED = "refused"  #: the key is not accepted
    NOT_ENTITLED = "not entitled"  #: the plan has no stream
    EVICTED = "evicted"
    JOINED = "joined"
    NOT_JOINED = "not joined"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One such word. ``topic`` is empty where it names none."""

    said: Said
    text: str = ""
    topic: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What a frame holds for the supervisor: words about the connection, and whether there is data in it."""

    notices: tuple[Notice, ...] = ()
    data: bool = True


DATA = Heard()


class Dialect(Protocol):
    """The manners of one vendor's socket; it moves no bytes."""

    shown: str  #: the address as it may be shown
    ready_at_once: bool  #: connected is logged in

    def address(self) -> str:
        """Where to connect; it may hold the key and is never shown."""
        ...

    def headers(self) -> Mapping[str, str]:
        """What to send with the request to connect."""
        ...

    def login(self) -> Sequence[str]:
        """What to send once the server says ``CONNECTED``."""
        ...

    def join(self, topics: Sequence[str]) -> Sequence[str]:
        """What to send to subscribe."""
        ...

    def leave(self, topics: Sequence[str]) -> Sequence[str]:
        """What to send to unsubscribe."""
        ...

    def heard(self, raw: bytes) -> Heard:
        """Look at a frame; quick where it holds data only."""
        ...

    def scrub(self, text: str) -> str:
        """The text without the key."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How patient a supervisor is. Times in ns of the clock that is handed in, but for ``handshake``, ``closing`` and ``ping``."""

    mute: Duration = 45 * SECOND  #: in regular hours, without data, until the socket is given up
    check: Duration = SECOND  #: between two looks of the watchdog
    backoff: Duration = SECOND // 2  #: the n-th attempt in a row waits a random part of ``backoff * 2**n``, at least half of it
    longest: Duration = 30 * SECOND
    healthy: Duration = MINUTE  #: a spell as long as this begins the count of attempts anew
    evicted: Duration = 5 * MINUTE  #: pause after another connection took the place
    handshake: float = 10.0  #: seconds of the machine for connecting, and again for logging in
    closing: float = 1.0  #: seconds of the machine for a close in good manners
    ping: float | None = 20.0  #: seconds of the machine between two pings, for hours in which silence says nothing; None: no pings


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A span of receipt in which rows may be missing: to be asked for by REST, as rows with ``after < known_at <= until``."""

    after: Instant
    until: Instant
    why: str
    kinds: tuple[type[Event], ...] = ()  #: empty: all that the stream carries
    symbols: tuple[str, ...] = ()  #: empty: all


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A state that was entered."""

    at: Instant
    state: State
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A stream at one moment."""

    state: State
    reason: str
    since: Instant
    connections: int = 0
    ends: Mapping[str, int] = field(default_factory=dict)  #: how connections ended -> how often
    frames: int = 0
    bytes: int = 0
    last_data_at: Instant | None = None
    depth: int = 0  #: frames waiting to be read
    deepest: int = 0
    dropped: int = 0  #: frames that went unread because the reader was too slow; their span is a gap
    lag: Duration = 0  #: how long the oldest waiting frame has waited
    topics: Mapping[str, str] = field(default_factory=dict)  #: topic -> asked, joined, or the server's refusal
    words: tuple[str, ...] = ()  #: the server's latest words that fit no topic
    error: WireError | None = None  #: of ``REFUSED`` and ``EVICTED``


class Evicted(WireError):
    """Another connection with the same key took this one's place."""

"""Massive's WebSocket as a live source: trades, quotes and bars as chunks known on receipt, with every gap filled by REST."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from undertow.core.errors import BadInput
from undertow.core.events import Bar, Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.sources.massive.frames import Band, Frame, Reader
from undertow.sources.massive.rows import NAME
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.key import Key
from undertow.sources.wire.live import SocketSource
from undertow.sources.wire.queue import Received
from undertow.sources.wire.socket_state import DATA, Gap, Heard, Notice, Policy, Said
from undertow.sources.wire.socket_stream import Filling, Stream

if TYPE_CHECKING:
    import numpy as np

URL = "wss://socket.massive.com"
DELAYED_URL = "wss://delayed.massive.com"
#: asset class -> the topics that exist for it -> what they bring
TOPICS: Mapping[str, Mapping[str, tuple[type[Event], ...]]] = {
    "stocks": {"T": (Trade, OffExchangePrint), "Q": (Quote,), "A": (Bar,), "AM": (Bar,), "LULD": ()},
    "options": {"T": (OptionTrade,)},
}
_TOGETHER = 500  # topics in one message
_MEANINGS = {
    "connected": Said.CONNECTED,
    "auth_success": Said.READY,
    "auth_failed": Said.REFUSED,
    "max_connections": Said.EVICTED,
    "success": Said.JOINED,
    "error": Said.NOT_JOINED,
    "not_authorized": Said.NOT_JOINED,
}
_JOINED = "subscribed to: "


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What to stream."""

    asset: str = "stocks"  #: or options
    topics: tuple[str, ...] = ("T", "Q", "AM")  #: of ``TOPICS[asset]``; bands (LULD) are no rows, they go to ``on_band``
    contracts: tuple[str, ...] = ()  #: of options, such as O:AAPL260619C00200000; empty: all of the symbols'
    url: str = URL
    policy: Policy = field(default_factory=Policy)
    filling: Filling = field(default_factory=Filling)
    since: Instant | None = None  #: fill from here to the first connection, as if it were a gap
    bars_since: Instant | None = None  #: minutes alone are asked for from here, too
    on_band: Callable[[Band], None] | None = None


class MassiveDialect:
    """Massive's manners: it says ``connected``, we log in, it confirms, we subscribe, it confirms topic by topic."""

    ready_at_once = False

    def __init__(self, key: Key, url: str, asset: str) -> None:
        self._key = key
        self.shown = f"{url.rstrip('/')}/{asset}"

    def address(self) -> str:
        """Holds no key."""
        return self.shown

    def headers(self) -> Mapping[str, str]:
        """None: the key goes in the login."""
        return {}

    def login(self) -> Sequence[str]:
        """The message with the key."""
        return [json.dumps({"action": "auth", "params": self._key.headers()["Authorization"].removeprefix("Bearer ")})]

    def join(self, topics: Sequence[str]) -> Sequence[str]:
        """Messages of at most 500 topics each."""
        return _messages("subscribe", topics)

    def leave(self, topics: Sequence[str]) -> Sequence[str]:
        """Messages of at most 500 topics each."""
        return _messages("unsubscribe", topics)

    def heard(self, raw: bytes) -> Heard:
        """Frames without the word status are data; others are read with care."""
        if b'"status"' not in raw:
            return DATA
        try:
            body = msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return DATA  # the parser will say what is wrong with it
        events = body if isinstance(body, list) else [body]
        words = [event for event in events if isinstance(event, dict) and event.get("ev") == "status"]
        return Heard(notices=tuple(_notice(word) for word in words), data=len(words) < len(events))

    def scrub(self, text: str) -> str:
        """The text without the key."""
        return self._key.scrub(text)


class MassiveLive(SocketSource):
    """A live source of one asset class. One at a time a key: hold a ``wire.leader.Leader`` while it runs.

    backfill : sources of history for the streamed kinds, bars with a span of a minute; without them gaps stay open and are reported
    """

    name = NAME

    def __init__(
        self,
        key: Key,
        settings: LiveSettings | None = None,
        *,
        clock: Clock,
        chance: np.random.Generator,
        backfill: Sequence[Source] = (),
    ) -> None:
        """Raises ``BadInput`` for an asset class or topic that there is not."""
        super().__init__(clock=clock, chance=chance, backfill=backfill)
        self.settings = settings or LiveSettings()
        known = TOPICS.get(self.settings.asset)
        if known is None:
            raise BadInput(f"Massive has no stream of {self.settings.asset!r} for us; valid are {', '.join(TOPICS)}.")
        if strange := [topic for topic in self.settings.topics if topic not in known]:
            raise BadInput(f"Massive's stream of {self.settings.asset} has no topic {strange[0]!r} for us; valid are {', '.join(known)}.")
        self.kinds = tuple(dict.fromkeys(kind for topic in self.settings.topics for kind in known[topic]))
        self._key = key

    def _streaming(self, symbols: tuple[str, ...]) -> Stream:
        given = self.settings
        dialect = MassiveDialect(self._key, given.url, given.asset)
        supervisor = self._supervised(dialect, given.policy, self._topics(symbols), given.since)
        stream = self._stream(supervisor, _Parser(Reader(symbols), given.on_band), symbols, given.filling)
        if given.bars_since is not None:
            stream.lacks(Gap(after=given.bars_since, until=self._clock.now(), why="from before it was begun", kinds=(Bar,)))
        return stream

    def _topics(self, symbols: Sequence[str]) -> list[str]:
        if self.settings.asset == "options":
            return [f"{topic}.{name}" for topic in self.settings.topics for name in self.settings.contracts or ("*",)]
        return [f"{topic}.{symbol}" for topic in self.settings.topics for symbol in symbols]


class _Parser:
    def __init__(self, reader: Reader, on_band: Callable[[Band], None] | None) -> None:
        self._reader, self._on_band = reader, on_band

    def __call__(self, frames: Sequence[Received]) -> Frame:
        out = self._reader.read(frames)
        if self._on_band is not None:
            for band in out.bands:
                self._on_band(band)
        return out


def _messages(action: str, topics: Sequence[str]) -> list[str]:
    parts = [topics[at : at + _TOGETHER] for at in range(0, len(topics), _TOGETHER)]
    return [json.dumps({"action": action, "params": ",".join(part)}) for part in parts]


def _notice(word: Mapping[str, object]) -> Notice:
    text = str(word.get("message") or "")
    said = _MEANINGS.get(str(word.get("status")), Said.OTHER)
    if said is Said.REFUSED and "plan" in text:
        said = Said.NOT_ENTITLED
    topic = text[len(_JOINED) :].strip() if said is Said.JOINED and text.startswith(_JOINED) else ""
    return Notice(said=said, text=text or str(word.get("status") or ""), topic=topic)

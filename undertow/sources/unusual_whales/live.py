"""Unusual Whales' WebSocket as a live source: option trades, flow alerts, off-exchange prints and news, known on receipt."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import numpy as np

from undertow.core.chunk import Chunk, concat
from undertow.core.errors import BadInput
from undertow.core.events import Event, FlowAlert, Grade, NewsItem, OffExchangePrint, OptionTrade
from undertow.core.protocols import Source
from undertow.core.time import Instant
from undertow.sources.unusual_whales.connect import POLICY
from undertow.sources.unusual_whales.envelope import frame
from undertow.sources.unusual_whales.parse import READERS
from undertow.sources.unusual_whales.rows import NAME
from undertow.sources.wire.clock import Clock
from undertow.sources.wire.errors import BadAnswer, BadRequest
from undertow.sources.wire.key import Key
from undertow.sources.wire.live import SocketSource
from undertow.sources.wire.queue import Received
from undertow.sources.wire.socket_merge import Merge
from undertow.sources.wire.socket_state import DATA, Heard, Notice, Policy, Said
from undertow.sources.wire.socket_stream import Filling, Stream

if TYPE_CHECKING:
    from numpy.random import Generator

URL = "wss://api.unusualwhales.com/socket"
#: channel -> what it brings
CHANNELS: Mapping[str, type[Event]] = {
    "option_trades": OptionTrade,
    "flow-alerts": FlowAlert,
    "off_lit_trades": OffExchangePrint,
    "news": NewsItem,
}
_BY_TICKER = ("option_trades",)  # millions of rows a day without; a channel and its tickers' together would tell everything twice


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSettings:
    """What to stream."""

    channels: tuple[str, ...] = tuple(CHANNELS)
    url: str = URL
    policy: Policy = field(default_factory=Policy)
    filling: Filling = field(default_factory=lambda: Filling(reconcile=None))  #: there are no bars to look through
    since: Instant | None = None  #: fill from here to the first connection, as if it were a gap


class UnusualWhalesDialect:
    """Unusual Whales' manners: the key is in the address, a join is confirmed by a message that looks like a row."""

    ready_at_once = True

    def __init__(self, key: Key, url: str) -> None:
        self._key = key
        self.shown = url.split("?")[0]

    def address(self) -> str:
        """Holds the key: for the library that connects, and for nobody else."""
        token = self._key.headers()["Authorization"].removeprefix("Bearer ")
        return f"{self.shown}?token={quote(token, safe='')}"

    def headers(self) -> Mapping[str, str]:
        """Those that the vendor's edge lets pass."""
        return POLICY.headers

    def login(self) -> Sequence[str]:
        """Nothing: the address did it."""
        return ()

    def join(self, topics: Sequence[str]) -> Sequence[str]:
        """A message a channel."""
        return [json.dumps({"channel": topic, "msg_type": "join"}) for topic in topics]

    def leave(self, topics: Sequence[str]) -> Sequence[str]:
        """A message a channel."""
        return [json.dumps({"channel": topic, "msg_type": "leave"}) for topic in topics]

    def heard(self, raw: bytes) -> Heard:
        """Messages without the word response are data; an acknowledgement, or a refusal to join, is not."""
        if b'"response"' not in raw or b'"status"' not in raw:
            return DATA
        try:
            message = frame(msgspec.json.decode(raw))
        except BadRequest as error:
            return Heard(notices=(Notice(said=Said.NOT_JOINED, text=str(error), topic=error.path),), data=False)
        except (BadAnswer, msgspec.DecodeError, UnicodeDecodeError):
            return DATA  # the parser will say what is wrong with it
        if not message.is_ack:
            return DATA
        return Heard(notices=(Notice(said=Said.JOINED, topic=message.channel),), data=False)

    def scrub(self, text: str) -> str:
        """The text without the key."""
        return self._key.scrub(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """All that some messages said."""

    chunks: tuple[Chunk, ...]  #: one a kind, graded recorded, known on receipt, in ``(known_at, seq)`` order
    ignored: Mapping[str, int]  #: messages of channels not ours, and rows left out, by channel or reason
    broken: tuple[tuple[Instant, str], ...]  #: messages of which nothing was taken


def read(frames: Sequence[Received], symbols: Sequence[str]) -> Messages:
    """Parse messages ``[channel, payload]``, oldest first; a broken one is told and the rest is taken. Acknowledgements are no rows."""
    chunks: dict[type[Event], list[Chunk]] = {}
    ignored: Counter[str] = Counter()
    broken: list[tuple[Instant, str]] = []
    for received_at, raw in frames:
        try:
            message = frame(msgspec.json.decode(raw))
            kind = CHANNELS.get(message.channel.partition(":")[0])
            if message.is_ack or kind is None:
                ignored["acknowledgement" if message.is_ack else message.channel] += 1
                continue
            parsed = READERS[kind](message.rows, symbols)
        except (BadAnswer, BadRequest) as error:
            broken.append((received_at, str(error)))
            continue
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            broken.append((received_at, f"Unusual Whales sent a message that is no whole JSON ({len(raw)} bytes); it was not stored."))
            continue
        ignored.update(parsed.left_out)
        if len(parsed.chunk):
            chunks.setdefault(kind, []).append(_known_at(parsed.chunk, received_at))
    return Messages(chunks=tuple(_ordered(concat(same)) for same in chunks.values()), ignored=dict(ignored), broken=tuple(broken))


class UnusualWhalesLive(SocketSource):
    """A live source over one socket. One at a time a key: hold a ``wire.leader.Leader`` while it runs.

    backfill : sources of history for the streamed kinds; without them gaps stay open and are reported
    """

    name = NAME

    def __init__(
        self, key: Key, settings: LiveSettings | None = None, *, clock: Clock, chance: Generator, backfill: Sequence[Source] = ()
    ) -> None:
        """Raises ``BadInput`` for a channel that is none of ours."""
        super().__init__(clock=clock, chance=chance, backfill=backfill)
        self.settings = settings or LiveSettings()
        if strange := [channel for channel in self.settings.channels if channel not in CHANNELS]:
            raise BadInput(f"Unusual Whales has no channel {strange[0]!r} for us; valid are {', '.join(CHANNELS)}.")
        self.kinds = tuple(CHANNELS[channel] for channel in self.settings.channels)
        self._key = key

    def _streaming(self, symbols: tuple[str, ...]) -> Stream:
        given = self.settings
        topics = [
            topic
            for channel in given.channels
            for topic in ([f"{channel}:{symbol}" for symbol in symbols] if channel in _BY_TICKER else [channel])
        ]
        supervisor = self._supervised(UnusualWhalesDialect(self._key, given.url), given.policy, topics, given.since)
        merge = Merge(unnumbered=(OffExchangePrint,))  # the socket's prints have no tracking id, those of REST have
        return self._stream(supervisor, lambda frames: read(frames, symbols), symbols, given.filling, merge)


def _known_at(chunk: Chunk, received_at: Instant) -> Chunk:
    """When we received it, whatever the vendor says; and nothing is known before it happened."""
    least = chunk.event_at + chunk.kind.least_lag
    return replace(chunk, known_at=np.maximum(least, received_at), grade=np.full(len(chunk), int(Grade.RECORDED), np.int8))


def _ordered(chunk: Chunk) -> Chunk:
    return chunk[np.lexsort((chunk.seq, chunk.known_at))]

"""WebSocket frames as chunks: pure, many frames in, one chunk a kind out; what is not ours is counted, not dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from undertow.core.chunk import Chunk
from undertow.core.time import Instant
from undertow.sources.massive.frame_events import KNOWN, Agg, Halt, Quoted, Said, Second, Traded
from undertow.sources.massive.frame_rows import Rows, bars, quotes, trades
from undertow.sources.massive.frame_symbols import Symbols
from undertow.sources.massive.ticks import conditions_text
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units
from undertow.sources.wire.stamps import instant

Received = tuple[Instant, bytes]  #: when a frame came, ns UTC, and what it was


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What the server says about the connection: ``auth_success``, ``auth_failed``, ``success``, ``error``, ``max_connections``."""

    status: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """A limit-up limit-down band. Prices in 1/10,000 USD, ``at`` in ns UTC."""

    symbol: str
    high: int
    low: int
    indicators: str
    at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """All that some frames said."""

    chunks: tuple[Chunk, ...]  #: one a kind, known at receipt, graded recorded, in ``(known_at, seq)`` order
    statuses: tuple[Status, ...] = ()
    bands: tuple[Band, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)  #: events of no kind of ours, or of other symbols, by their ``ev``
    broken: tuple[tuple[Instant, str], ...] = ()  #: frames of which nothing was taken: when they came, and why
    events: int = 0  #: in whole frames, of any kind


class Reader:
    """Parses frames for a universe. It keeps only what it has learned of symbols' names, so its answers depend on the frames alone."""

    def __init__(self, symbols: Sequence[str]) -> None:
        self.symbols = Symbols(symbols)
        self._events = msgspec.json.Decoder(list[KNOWN])
        self._one = msgspec.json.Decoder(KNOWN)
        self._apart = msgspec.json.Decoder(list[msgspec.Raw])

    def read(self, frames: Sequence[Received]) -> Frame:
        """Parse frames, JSON arrays of events (a bare object counts as one), oldest first; a broken one is told and the rest is taken."""
        whole, broken, ignored = self._decoded(frames)
        try:
            return self._built(whole, broken, ignored)
        except BadAnswer:
            pass  # one of them holds a value that is no value: find out which
        good = []
        for events in whole:
            try:
                self._built([events], [], Counter())
                good.append(events)
            except BadAnswer as error:
                broken.append((events[0], str(error)))
        return self._built(good, sorted(broken), ignored)

    def _decoded(self, frames: Sequence[Received]) -> tuple[list[tuple[Instant, list[Any]]], list[tuple[Instant, str]], Counter[str]]:
        decode = self._events.decode
        whole: list[tuple[Instant, list[Any]]] = []
        broken: list[tuple[Instant, str]] = []
        ignored: Counter[str] = Counter()
        for received_at, raw in frames:
            try:
                whole.append((received_at, decode(raw)))
            except (msgspec.DecodeError, UnicodeDecodeError):
                strange: Counter[str] = Counter()
                try:
                    whole.append((received_at, self._carefully(raw, strange)))
                    ignored += strange
                except BadAnswer as error:
                    broken.append((received_at, str(error)))
        return whole, broken, ignored

    def _carefully(self, raw: bytes, ignored: Counter[str]) -> list[Any]:
        """The events of a frame that holds one of a kind we do not know, or is broken."""
        raw = raw.strip()
        events: list[Any] = []
        try:
            for part in self._apart.decode(b"[%s]" % raw if raw.startswith(b"{") else raw):
                try:
                    events.append(self._one.decode(part))
                except msgspec.ValidationError as error:
                    event = msgspec.json.decode(part)
                    name = str(event.get("ev")) if isinstance(event, dict) else ""
                    if not isinstance(event, dict) or name in _NAMES:
                        raise BadAnswer(f"Massive's WebSocket sent an event that lacks something or is none ({error}).") from None
                    ignored[name] += 1
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            start = raw[:60].decode("utf-8", "replace")
            raise BadAnswer(
                f"Massive's WebSocket sent a frame that is no list of events ({len(raw)} bytes, beginning {start!r}); "
                "nothing was taken from it."
            ) from None
        return events

    def _built(self, whole: Sequence[tuple[Instant, list[Any]]], broken: Sequence[tuple[Instant, str]], ignored: Counter[str]) -> Frame:
        groups: dict[type, Rows] = {kind: ([], []) for kind in (Traded, Quoted, Agg, Second, Halt, Said)}
        for received_at, events in whole:
            for event in events:
                own, times = groups[event.__class__]
                own.append(event)
                times.append(received_at)
        ignored = ignored.copy()
        self.symbols.trim()
        chunks = trades(groups[Traded], self.symbols, ignored)
        chunks += quotes(groups[Quoted], self.symbols, ignored)
        chunks += bars(groups[Agg], groups[Second], self.symbols, ignored)
        statuses = tuple(Status(status=str(said.status), message=str(said.message)) for said in groups[Said][0])
        bands = tuple(_bands(groups[Halt][0], self.symbols, ignored))
        count = sum(len(own) for own, _ in groups.values())
        return Frame(chunks=tuple(chunks), statuses=statuses, bands=bands, ignored=dict(ignored), broken=tuple(broken), events=count)


def frame(text: str | bytes, symbols: Sequence[str], received_at: Instant) -> Frame:
    """Parse one frame. Raises ``BadAnswer`` for anything broken in it."""
    out = Reader(symbols).read([(received_at, text.encode() if isinstance(text, str) else text)])
    for _, why in out.broken:
        raise BadAnswer(why)
    return out


_NAMES = frozenset(("T", "Q", "A", "AM", "LULD", "status"))


def _bands(events: Iterable[Halt], symbols: Symbols, ignored: Counter[str]) -> list[Band]:
    out = []
    for event in events:
        if event.T not in symbols.universe:
            ignored["LULD"] += 1
            continue
        indicators = conditions_text(event.i)
        out.append(Band(symbol=event.T, high=units(event.h), low=units(event.l), indicators=indicators, at=instant(event.t)))
    return out

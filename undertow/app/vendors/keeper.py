"""Between streams and the tape: rows wait here for their batch, and what was recorded whole is noted as fetched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from undertow.app.vendors.plan import Vendor
from undertow.core.chunk import I64, Chunk
from undertow.core.events import Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND, Duration, Instant
from undertow.sources.wire.socket_stream import StreamReport
from undertow.tape.fetched import Fetched, Span, missing
from undertow.tape.store import Appended, Tape, frame_of

if TYPE_CHECKING:
    import polars as pl

LINGER: Duration = 3 * SECOND  #: within which what was sent has come
EVERY: Duration = SECOND  #: between two batches, at least
SHARE = 20  #: a batch is followed by a pause so many times as long as its writing took: each leaves a file in every table
MOST = 50_000  #: rows that wait before they are written all the same
#: kinds whose rows the stream stamps or numbers otherwise than REST, so that only a note keeps a download from storing them twice
NOTED: tuple[type[Event], ...] = (Trade, OffExchangePrint, Quote, OptionTrade)
Piece = tuple[Instant, Instant]


@dataclass(slots=True, kw_only=True)
class Whole:
    """Which pieces of time a vendor's stream has told without a gap, as far as they are not noted yet."""

    vendor: Vendor
    kinds: tuple[type[Event], ...]
    topics: Callable[[type[Event], str], str]  #: the topic that brings a kind of a symbol
    upto: Instant  #: looked at until here
    end: Instant | None = None  #: nothing that happened later is taken
    open: list[Piece] = field(default_factory=list)
    joined: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def look(self, report: StreamReport, upto: Instant) -> None:
        """Take the time until ``upto`` into account, and what became of the subscriptions."""
        for topic, how in report.socket.topics.items():
            if how == "joined":
                self.joined.add(topic)
            elif how.startswith("refused"):
                self.refused.add(topic)
        if upto > self.upto:
            self.open.append((self.upto, upto))
            self.upto = upto

    def told(self, report: StreamReport) -> list[Piece]:
        """The open pieces in which no gap is known, which are open no more."""
        whole = [piece for a, b in self.open for piece in missing(_gaps(report), a, b)]
        self.open = [piece for a, b in self.open for piece in missing(whole, a, b)]
        return whole

    def cut(self, report: StreamReport) -> None:
        """Gaps that are known now stay gaps: what fills them will come too late to be taken."""
        self.open = self.told(report)

    def brings(self, kind: type[Event], symbol: str) -> bool:
        """Whether the stream was let have it throughout."""
        if kind not in self.kinds:
            return False
        topic = self.topics(kind, symbol)
        return topic in self.joined and topic not in self.refused


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Rows and notes to be put on the tape together."""

    chunks: tuple[Chunk, ...]
    spans: tuple[Span, ...]


class Keeper:
    """Takes chunks and hands out batches in one thread; ``write`` puts a batch on the tape in any thread, one at a time.

    begun   : rows told before it are left out, where a note will say that they are yet to be fetched
    written : kind's name -> what became of its rows
    """

    def __init__(self, tape: Tape, symbols: Sequence[str], market: str, now: Callable[[], Instant]) -> None:
        self.written: dict[str, Appended] = {}
        self.begun = now()
        self._tape, self._symbols, self._market, self._now = tape, tuple(symbols), market, now
        self._ready: list[Chunk] = []
        self._held: list[tuple[Whole, Chunk]] = []
        self._rows: Counter[tuple[Vendor, str, str]] = Counter()
        self._spans: list[Span] = []
        self._next, self._next_note = self.begun + EVERY, self.begun + MINUTE
        self._failed = False

    def whole(self, vendor: Vendor, kinds: tuple[type[Event], ...], topics: Callable[[type[Event], str], str]) -> Whole:
        """The account of one more stream."""
        return Whole(vendor=vendor, kinds=kinds, topics=topics, upto=self.begun)

    def take(self, whole: Whole, chunk: Chunk) -> None:
        """Rows of a stream."""
        if chunk.kind not in NOTED:
            self._ready.append(chunk)
            return
        chunk = chunk[_told_at(chunk) > self.begun]
        self._held.append((whole, chunk if whole.end is None else chunk[chunk.event_at <= whole.end]))

    def due(self, now: Instant) -> bool:
        """Whether a batch is to be written."""
        waiting = sum(len(chunk) for chunk in self._ready) + sum(len(chunk) for _, chunk in self._held)
        return now >= self._next or waiting >= MOST

    def batch(self, now: Instant, streams: Sequence[tuple[Whole, StreamReport]]) -> Batch:
        """What can be written: rows that nothing can come before any more, and, each minute, what is whole."""
        note = now >= self._next_note
        if note:
            self._next_note = now + MINUTE
        for whole, report in streams:
            if whole.end is None:
                upto = _whole_until(report, now)
                whole.look(report, upto)
                self._release(whole, upto)
            if note and whole.end is None:
                self._note(whole, report)
        return self._batch()

    def end(self, at: Instant, streams: Sequence[tuple[Whole, StreamReport]]) -> None:
        """Nothing that happens after ``at`` is taken any more."""
        for whole, report in streams:
            whole.end = max(_whole_until(report, at + LINGER), self.begun)
            whole.look(report, whole.end)
            whole.cut(report)
        self._held = [(w, c if w.end is None else c[c.event_at <= w.end]) for w, c in self._held]

    def last(self, streams: Sequence[tuple[Whole, StreamReport]]) -> Batch:
        """Everything that is left, and all that is whole."""
        for whole, report in streams:
            self._release(whole, None)
            self._note(whole, report)
        return self._batch()

    def write(self, batch: Batch) -> None:
        """Put a batch on the tape, its notes last: after ``kill -9`` rows may be there that are not noted. Raises ``StoreError``."""
        begun = self._now()
        by: dict[type[Event], list[Chunk]] = {}
        for chunk in batch.chunks:
            by.setdefault(chunk.kind, []).append(chunk)
        self._failed, failed = True, self._failed
        for kind, chunks in by.items():
            self.written[kind.kind] = self.written.get(kind.kind, Appended()) + self._tape.append(kind, self._frame(chunks))
        if batch.spans and not failed:  # rows that could not be written are in no later note
            Fetched(self._tape).note(batch.spans)
        self._failed = failed
        self._next = self._now() + max(EVERY, SHARE * (self._now() - begun))

    def _batch(self) -> Batch:
        batch = Batch(chunks=tuple(chunk for chunk in self._ready if len(chunk)), spans=tuple(self._spans))
        self._ready, self._spans = [], []
        return batch

    def _frame(self, chunks: Sequence[Chunk]) -> pl.DataFrame:
        import polars as pl

        tail = f" ({self._market})" if self._market else ""
        return pl.concat([frame_of(chunk, ", ".join(chunk.sources) + tail) for chunk in chunks])

    def _release(self, whole: Whole, upto: Instant | None) -> None:
        held: list[tuple[Whole, Chunk]] = []
        for owner, chunk in self._held:
            if owner is not whole:
                held.append((owner, chunk))
                continue
            free = np.ones(len(chunk), bool) if upto is None else _told_at(chunk) <= upto
            self._ready.append(chunk[free])
            for key, n in enumerate(np.bincount(chunk.key[free], minlength=len(chunk.symbols)).tolist()):
                self._rows[whole.vendor, chunk.kind.kind, chunk.symbols[key]] += n
            if not free.all():
                held.append((owner, chunk[~free]))
        self._held = held

    def _note(self, whole: Whole, report: StreamReport) -> None:
        pieces, at = whole.told(report), self._now()
        for kind in NOTED:
            for symbol in self._symbols:
                if whole.brings(kind, symbol):
                    rows = [self._rows.pop((whole.vendor, kind.kind, symbol), 0), *[0] * len(pieces)]
                    self._spans += [
                        Span(vendor=whole.vendor, kind=kind.kind, symbol=symbol, after=a, until=b, at=at, rows=n)
                        for (a, b), n in zip(pieces, rows, strict=False)
                    ]


def _told_at(chunk: Chunk) -> I64:
    """About when the vendor says that a row was known: its own time, unless it came so late that the receipt is nearer."""
    return np.where(chunk.known_at - chunk.event_at <= LINGER, chunk.event_at, chunk.known_at)


def _whole_until(report: StreamReport, now: Instant) -> Instant:
    """Everything told before this has come and was read, but for the gaps that are known."""
    return min(now - LINGER, report.socket.last_data_at or 0) - report.socket.lag


def _gaps(report: StreamReport) -> list[Piece]:
    gaps = [*report.waiting, *(gap for gap, _ in report.unfilled)]
    return [(gap.after, gap.until) for gap in gaps if not gap.kinds or any(kind in NOTED for kind in gap.kinds)]

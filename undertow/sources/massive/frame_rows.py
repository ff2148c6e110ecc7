"""Events of one kind as columns, and columns as chunks known on receipt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import compress
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from undertow.core.chunk import I64, Array, Chunk, concat
from undertow.core.events import MISSING, Bar, Event, Grade, OffExchangePrint, OptionTrade, Quote, Trade, columns_of
from undertow.core.time import MINUTE, SECOND, Instant
from undertow.sources.massive.frame_symbols import Symbols
from undertow.sources.massive.rows import NAME
from undertow.sources.massive.ticks import OFF_EXCHANGE, conditions_text, facility, venue
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.socket_numbers import counts, instants, later, prices, sizes

Rows = tuple[list[Any], list[Instant]]  #: events, and when each was received
_NAME = attrgetter("sym")
_TRADE = attrgetter("x", "p", "s", "ds", "c", "t", "pt", "q", "trfi")
_QUOTE = attrgetter("bp", "bs", "ap", "ask_size", "t", "q")
_BAR = attrgetter("o", "h", "l", "c", "v", "dv", "vw", "e")


def trades(rows: Rows, symbols: Symbols, ignored: Counter[str]) -> list[Chunk]:
    """``T`` as ``Trade``, ``OffExchangePrint`` (exchange 4 with a facility) and ``OptionTrade``, those that there are."""
    events, received, codes = _ours("T", rows, symbols, ignored, contracts=True)
    if not events:
        return []
    x, p, s, ds, c, t, pt, q, trfi = zip(*map(_TRADE, events), strict=True)
    stock = codes < len(symbols.universe)
    off = np.fromiter((a == OFF_EXCHANGE and type(b) is int and b > 0 for a, b in zip(x, trfi, strict=True)), bool, len(events))
    at = instants(t if not any(pt) else [a or b for a, b in zip(pt, t, strict=True)])
    price = _needed(prices(p), "T", "p")
    size = _needed(sizes(s if not any(ds) else [b if a is None else a for a, b in zip(ds, s, strict=True)]), "T", "s")
    seq, known = counts(q), later(at, received)
    words = _texts([_conditions(bytes(raw)) for raw in c])
    out = []
    for kind, mask in ((Trade, stock & ~off), (OffExchangePrint, stock & off), (OptionTrade, ~stock)):
        if not mask.any():
            continue
        where = np.flatnonzero(mask)
        columns: dict[str, Array] = {"price": price[where], "size": size[where], "conditions": words[where]}
        key = codes[where]
        if kind is Trade:
            columns["exchange"] = _texts([_VENUES[x[i]] for i in where.tolist()])
        elif kind is OffExchangePrint:
            columns["venue"] = _texts([facility(trfi[i]) for i in where.tolist()])
        else:
            terms = symbols.terms(key)
            key = terms[:, 0]
            columns |= {"expiry": terms[:, 1], "strike": terms[:, 2], "is_put": terms[:, 3]}
        out.append(_chunk(kind, symbols, (key, at[where], known[where], seq[where]), columns))
    return out


def quotes(rows: Rows, symbols: Symbols, ignored: Counter[str]) -> list[Chunk]:
    """``Q`` of stocks as ``Quote``; zero or absent means no quote on that side."""
    events, received, codes = _ours("Q", rows, symbols, ignored)
    if not events:
        return []
    bp, bs, ap, ask_size, t, q = zip(*map(_QUOTE, events), strict=True)
    columns: dict[str, Array] = {}
    for side, price, size in (("bid", prices(bp), sizes(bs)), ("ask", prices(ap), sizes(ask_size))):
        none = price <= 0  # MISSING is below zero too
        columns[side] = np.where(none, MISSING, price)
        columns[f"{side}_size"] = np.where(none, MISSING, size)
    at = instants(t)
    return [_chunk(Quote, symbols, (codes, at, later(at, received), counts(q)), columns)]


def bars(minutes: Rows, seconds: Rows, symbols: Symbols, ignored: Counter[str]) -> list[Chunk]:
    """``AM`` and ``A`` of stocks as ``Bar`` of a minute and of a second; ``event_at`` is the end."""
    parts = []
    for name, span, rows in (("AM", MINUTE, minutes), ("A", SECOND, seconds)):
        events, received, codes = _ours(name, rows, symbols, ignored)
        if not events:
            continue
        o, h, low, c, v, dv, vw, e = zip(*map(_BAR, events), strict=True)
        columns: dict[str, Array] = {
            word: _needed(prices(values), name, word) for word, values in (("open", o), ("high", h), ("low", low), ("close", c))
        }
        columns["volume"] = _needed(sizes([b if a is None else a for a, b in zip(dv, v, strict=True)]), name, "v")
        columns["vwap"] = prices(vw)
        columns["span"] = np.full(len(events), span, np.int64)
        at = instants(e)
        parts.append(_chunk(Bar, symbols, (codes, at, later(at, received), np.zeros(len(events), np.int64)), columns))
    return [concat(parts)] if parts else []


def _ours(name: str, rows: Rows, symbols: Symbols, ignored: Counter[str], *, contracts: bool = False) -> tuple[list[Any], I64, I64]:
    """The events of the universe, when they were received and their codes; the others are counted and not looked at."""
    events, times = rows
    received, codes = np.array(times, np.int64), symbols.codes(map(_NAME, events), len(events))
    mine = (codes >= 0) if contracts else (codes >= 0) & (codes < len(symbols.universe))
    if mine.all():
        return events, received, codes
    ignored[name] += int(np.count_nonzero(~mine))
    return list(compress(events, mine.tolist())), received[mine], codes[mine]


def _chunk(kind: type[Event], symbols: Symbols, stamps: tuple[I64, I64, I64, I64], columns: Mapping[str, Array]) -> Chunk:
    """A chunk in ``(known_at, seq)`` order; a column that is not told is missing throughout."""
    key, at, known, seq = stamps
    n = len(key)
    absent = {int: MISSING, float: np.nan, str: ""}
    whole = {
        name: columns[name] if name in columns else np.full(n, absent[unit.kept], object if unit.kept is str else None)
        for name, unit in columns_of(kind).items()
    }
    chunk = Chunk(kind, symbols.universe, key, at, known, seq, np.full(n, int(Grade.RECORDED), np.int8), whole, (NAME,))
    later_known = known[1:] > known[:-1]
    if bool((later_known | ((known[1:] == known[:-1]) & (seq[1:] >= seq[:-1]))).all()):
        return chunk
    return chunk[np.lexsort((seq, known))]


def _needed(values: I64, event: str, name: str) -> I64:
    if bool((values == MISSING).any()):
        raise BadAnswer(f"Massive's WebSocket sent {event!r} without {name!r}; nothing was taken from the frame.")
    return values


def _texts(values: Sequence[str]) -> Array:
    out = np.empty(len(values), object)
    out[:] = values
    return out


@lru_cache(maxsize=65_536)
def _conditions(raw: bytes) -> str:
    return conditions_text(msgspec.json.decode(raw)) if raw else ""


class _Venues(dict[Any, str]):
    def __missing__(self, exchange: Any) -> str:
        if exchange is None:
            raise BadAnswer("Massive's WebSocket sent 'T' without 'x'; nothing was taken from the frame.")
        name = venue(exchange) if isinstance(exchange, int | str) else str(exchange)
        if len(self) < 1000:
            self[exchange] = name
        return name


_VENUES = _Venues()

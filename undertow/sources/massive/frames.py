"""WebSocket frames as chunks: pure, one text in, everything it says out; what is not ours is counted, not dropped in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from undertow.core.chunk import Array, Chunk, concat
from undertow.core.events import MISSING, Bar, Event, Grade, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE, SECOND, Duration, Instant
from undertow.sources.massive.rows import Row, Scope, Stamps, built
from undertow.sources.massive.ticks import conditions_text, facility, is_off_exchange, option_terms, underlying_of, venue
from undertow.sources.wire.answer import decoded
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.stamps import instant

_SPANS: Mapping[str, Duration] = {"A": SECOND, "AM": MINUTE}


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
    """All that one frame said."""

    chunks: tuple[Chunk, ...]  #: one a kind, known at receipt, graded recorded
    statuses: tuple[Status, ...] = ()
    bands: tuple[Band, ...] = ()
    ignored: Mapping[str, int] = field(default_factory=dict)  #: events of no kind of ours, or of other symbols, by their ``ev``


def frame(text: str | bytes, symbols: Sequence[str], received_at: Instant) -> Frame:
    """Parse one frame, a JSON array of events (a bare object counts as one). Raises ``BadAnswer`` for anything broken in it."""
    body = decoded(text.encode() if isinstance(text, str) else text)
    events = [body] if isinstance(body, dict) else body
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise BadAnswer("Massive's WebSocket sent a frame that is no list of events; nothing was taken from it.")
    universe = tuple(symbols)
    chunks: dict[type[Event], list[Chunk]] = {}
    statuses: list[Status] = []
    bands: list[Band] = []
    ignored: Counter[str] = Counter()
    for event in events:
        name = str(event.get("ev"))
        if name == "status":
            statuses.append(Status(status=str(event.get("status", "")), message=str(event.get("message", ""))))
        elif name == "LULD" and event.get("T") in universe:
            bands.append(_band(event))
        elif name in _READERS and (symbol := _symbol(event, name)) in universe:
            for chunk in _READERS[name](event, Scope(symbols=universe, symbol=symbol), received_at):
                chunks.setdefault(chunk.kind, []).append(chunk)
        else:
            ignored[name] += 1
    whole_chunks = tuple(concat(same) for same in chunks.values())
    return Frame(chunks=whole_chunks, statuses=tuple(statuses), bands=tuple(bands), ignored=dict(ignored))


def _symbol(event: Row, name: str) -> str:
    """The event's symbol; of an option's trade its underlying; empty for an option's bars and quotes, which are no kind of ours."""
    symbol = str(_need(event, "sym"))
    if not symbol.startswith("O:"):
        return symbol
    return underlying_of(symbol) if name == "T" else ""


def _trade(event: Row, scope: Scope, received_at: Instant) -> list[Chunk]:
    at = instant(event.get("pt") or _need(event, "t"))
    columns: dict[str, Any] = {
        "price": units(_need(event, "p")),
        "size": whole(event.get("ds") or _need(event, "s")),
        "conditions": conditions_text(event.get("c")),
    }
    contract = str(event["sym"])
    if contract.startswith("O:"):
        expiry, strike, is_put = option_terms(contract)
        terms = {"expiry": expiry, "strike": strike, "is_put": is_put, "bid": MISSING, "ask": MISSING}
        return [_one(OptionTrade, event, scope, at, received_at, columns | terms)]
    if is_off_exchange(_need(event, "x"), event.get("trfi")):
        return [_one(OffExchangePrint, event, scope, at, received_at, columns | {"venue": facility(event["trfi"])})]
    return [_one(Trade, event, scope, at, received_at, columns | {"exchange": venue(event["x"])})]


def _quote(event: Row, scope: Scope, received_at: Instant) -> list[Chunk]:
    columns: dict[str, Any] = {}
    for side, price, size in (("bid", "bp", "bs"), ("ask", "ap", "as")):
        value = units(event.get(price))
        columns[side] = value if value > 0 else MISSING
        columns[f"{side}_size"] = whole(event.get(size)) if value > 0 else MISSING
    return [_one(Quote, event, scope, instant(_need(event, "t")), received_at, columns)]


def _bar(event: Row, scope: Scope, received_at: Instant) -> list[Chunk]:
    names = {"open": "o", "high": "h", "low": "l", "close": "c"}
    columns: dict[str, Any] = {name: units(_need(event, short)) for name, short in names.items()}
    columns |= {"span": _SPANS[event["ev"]], "volume": whole(event.get("dv") or _need(event, "v")), "vwap": units(event.get("vw"))}
    return [_one(Bar, event, scope, instant(_need(event, "e")), received_at, columns)]


def _band(event: Row) -> Band:
    return Band(
        symbol=str(event["T"]),
        high=units(_need(event, "h")),
        low=units(_need(event, "l")),
        indicators=conditions_text(event.get("i")),
        at=instant(_need(event, "t")),
    )


def _one(kind: type[Event], event: Row, scope: Scope, at: Instant, received_at: Instant, columns: Mapping[str, Any]) -> Chunk:
    """One row; the vendor's clock may run ahead of ours, and nothing is known before it happened."""
    one: Array = np.asarray([at], np.int64)
    seq = np.asarray([event.get("q") or 0], np.int64)
    stamps = Stamps(event_at=one, known_at=np.maximum(one, received_at), grade=Grade.RECORDED, seq=seq)
    arrays = {name: np.asarray([value], object if isinstance(value, str) else None) for name, value in columns.items()}
    return built(kind, scope, stamps, arrays)


def _need(event: Row, name: str) -> Any:
    if event.get(name) is None:
        raise BadAnswer(f"Massive's WebSocket sent {event.get('ev')!r} without {name!r}; nothing was taken from the frame.")
    return event[name]


_READERS = {"T": _trade, "Q": _quote, "A": _bar, "AM": _bar}

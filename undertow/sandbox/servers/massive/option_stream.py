"""Option prints, their quotes and their bars, as a socket's events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import MISSING, PRICE_SCALE
from undertow.core.time import MINUTE, SECOND, Instant
from undertow.sandbox.servers.massive import seconds
from undertow.sandbox.servers.massive.asking import contract, option_symbol
from undertow.sandbox.servers.massive.prints import of_contract, option_trades, option_venue
from undertow.sandbox.servers.massive.stream import Event, positions
from undertow.sandbox.servers.world import World

_TERMS = ("expiry", "strike", "is_put")


def events(world: World, topic: str, symbols: Sequence[str], after: Instant, until: Instant) -> Iterable[Event]:
    """``T``, ``Q``, ``A`` or ``AM`` of contracts (``O:…``) or of all contracts of underlyings."""
    if topic in ("A", "AM"):
        length = SECOND if topic == "A" else MINUTE
        after, until = after // length * length, until // length * length
        if after == until:
            return
    for position in positions(after, until):
        for symbol in symbols:
            whole = topic in ("A", "AM")
            rows, before = option_trades(world, _underlying(symbol), position, 0 if whole else after)
            own = of_contract(rows, contract(symbol)) if ":" in symbol else np.arange(len(rows))
            if whole:
                yield from _bars(rows[own], symbol, topic, (after, until), position)
            else:
                make = _trade if topic == "T" else _quote
                names = _names(rows, symbol)
                for i in own.tolist():
                    yield int(rows.known_at[i]), make(rows, i, names[i], before + i + 1)


def _trade(rows: Chunk, i: int, name: str, number: int) -> dict[str, object]:
    c = rows.columns
    conditions = [int(text) for text in c["conditions"][i].split(",") if text]
    venue = int(option_venue(rows.seq[i : i + 1])[0])
    event = {"ev": "T", "sym": name, "x": venue, "p": float(c["price"][i]) / PRICE_SCALE, "s": int(c["size"][i])}
    return event | {"c": conditions, "t": int(rows.known_at[i]) // 10**6, "q": number}


def _quote(rows: Chunk, i: int, name: str, number: int) -> dict[str, object]:
    c = rows.columns
    venue = int(option_venue(rows.seq[i : i + 1])[0])
    bid, ask = (0.0 if c[side][i] == MISSING else float(c[side][i]) / PRICE_SCALE for side in ("bid", "ask"))
    event = {"ev": "Q", "sym": name, "bx": venue, "ax": venue, "bp": bid, "ap": ask, "bs": 10, "as": 10}
    return event | {"t": int(rows.known_at[i]) // 10**6, "q": number}


def _bars(rows: Chunk, symbol: str, topic: str, between: tuple[Instant, Instant], position: int) -> Iterable[Event]:
    if not len(rows):
        return
    terms = np.stack([rows.columns[name] for name in _TERMS], axis=1)
    recent = (rows.known_at > between[0]) & (rows.known_at <= between[1])
    length = SECOND if topic == "A" else MINUTE
    regular = int(nyse().open[position]), int(nyse().close[position])
    for one in np.unique(terms[recent], axis=0):
        own = rows[(terms == one).all(axis=1)]
        lists: Array = np.empty(len(own), object)
        lists[:] = [[] for _ in range(len(own))]
        columns = {"price": own.columns["price"] / PRICE_SCALE, "size": own.columns["size"], "conditions": lists}
        name = option_symbol(_underlying(symbol), *one.tolist())
        for at, event in seconds.bars(own.known_at, columns, between, length, regular):
            del event["dv"], event["dav"]
            yield at, {"ev": topic, "sym": name, **event}


def _names(rows: Chunk, symbol: str) -> list[str]:
    if ":" in symbol:
        return [symbol] * len(rows)
    return [option_symbol(symbol, *one) for one in zip(*(rows.columns[name].tolist() for name in _TERMS), strict=True)]


def _underlying(symbol: str) -> str:
    return contract(symbol).underlying if ":" in symbol else symbol

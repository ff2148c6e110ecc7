"""What became known between two looks at the clock, as a socket's events: pure, one symbol and topic at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Chunk
from undertow.core.events import PRICE_SCALE
from undertow.core.time import MINUTE, SECOND, Instant
from undertow.sandbox.halts import SPAN
from undertow.sandbox.servers.massive import seconds
from undertow.sandbox.servers.massive.prints import quote_rows, stock_quotes, stock_trades, tape, trade_rows
from undertow.sandbox.servers.world import World

Event = tuple[Instant, dict[str, Any]]  #: when it is sent, and what
_BAND = 0.05  # of the price, up and down
_WARNING = 15 * SECOND  # from the first band to the halt


def positions(after: Instant, until: Instant) -> range:
    """The sessions whose rows can have become known in ``(after, until]``."""
    calendar = nyse()
    return range(max(0, int(calendar.position(after))), int(calendar.position(until)) + 1)


def trades(world: World, symbol: str, after: Instant, until: Instant) -> Iterable[Event]:
    """``T``: times in ms, the facility's id and time where it has one."""
    for position in positions(after, until):
        for row in trade_rows(stock_trades(world, symbol, position, after)):
            event = {"ev": "T", "sym": symbol, "x": row["exchange"], "i": row["id"], "z": row["tape"], "p": row["price"]}
            event |= {"s": row["size"], "ds": row["decimal_size"], "c": row.get("conditions", []), "q": row["sequence_number"]}
            event |= {"t": row["sip_timestamp"] // 10**6, "pt": row["participant_timestamp"] // 10**6}
            if "trf_id" in row:
                event |= {"trfi": row["trf_id"], "trft": row["trf_timestamp"] // 10**6}
            yield row["sip_timestamp"], event


def quotes(world: World, symbol: str, after: Instant, until: Instant) -> Iterable[Event]:
    """``Q``: sizes in shares."""
    for position in positions(after, until):
        for row in quote_rows(stock_quotes(world, symbol, position, after)):
            event = {"ev": "Q", "sym": symbol, "bx": row["bid_exchange"], "bp": row["bid_price"], "bs": row["bid_size"]}
            event |= {"ax": row["ask_exchange"], "ap": row["ask_price"], "as": row["ask_size"], "c": 1, "i": [604]}
            event |= {"t": row["sip_timestamp"] // 10**6, "q": row["sequence_number"], "z": row["tape"]}
            yield row["sip_timestamp"], event


def minute_bars(world: World, symbol: str, after: Instant, until: Instant) -> Iterable[Event]:
    """``AM``: a minute that has ended, with the day's volume, price and open so far."""
    for position in positions(after, until):
        day = world.minutes(symbol, slice(position, position + 1))
        first = int(np.searchsorted(day.known_at, after, side="right"))
        if first < len(day):
            yield from _minutes(symbol, day, first, int(nyse().open[position]))


def _minutes(symbol: str, day: Chunk, first: int, opens: Instant) -> Iterable[Event]:
    c = {name: values / PRICE_SCALE for name, values in day.columns.items() if name in ("open", "high", "low", "close", "vwap")}
    volume, number = day.columns["volume"], day.columns["trades"]
    through = np.cumsum(volume)
    average = np.cumsum(volume * c["vwap"]) / np.maximum(1, through)
    start = day.event_at - MINUTE
    regular = int(np.searchsorted(start, opens))
    for i in range(first, len(day)):
        official = c["open"][regular if regular <= i else 0]
        v, av, end = int(volume[i]), int(through[i]), int(day.event_at[i])
        event = {"ev": "AM", "sym": symbol, "v": v, "dv": f"{v}.0", "av": av, "dav": f"{av}.0", "op": float(official)}
        event |= {"vw": float(c["vwap"][i]), "o": float(c["open"][i]), "c": float(c["close"][i]), "h": float(c["high"][i])}
        event |= {"l": float(c["low"][i]), "a": round(float(average[i]), 4), "z": v // max(1, int(number[i]))}
        yield int(day.known_at[i]), event | {"s": int(start[i]) // 10**6, "e": end // 10**6}


def second_bars(world: World, symbol: str, after: Instant, until: Instant) -> Iterable[Event]:
    """``A``: a second that has ended and had a print that makes a price."""
    begin, end = after // SECOND * SECOND, until // SECOND * SECOND
    if begin == end:
        return
    for position in positions(begin, end):
        ticks = stock_trades(world, symbol, position)
        if len(ticks):
            regular = int(nyse().open[position]), int(nyse().close[position])
            for at, event in seconds.bars(ticks.sip, ticks.columns, (begin, end), SECOND, regular):
                yield at, {"ev": "A", "sym": symbol, **event}


def bands(world: World, symbol: str, after: Instant, until: Instant) -> Iterable[Event]:
    """``LULD``: shortly before a halt, at its begin and at its end; times in us."""
    calendar = nyse()
    for number, (halted, day, first, last) in enumerate(world.market.settings.halts):
        position = calendar.session_on_or_before(np.datetime64(day, "D"))
        begin, end = (int(calendar.open[position]) + bar * SPAN for bar in (first, last))
        for step, (at, sign) in enumerate(((begin - _WARNING, 17), (begin, 18), (end, 21))):
            if halted == symbol and after < at <= until:
                price = _last_price(world.at(at), symbol, position)
                event = {"ev": "LULD", "T": symbol, "h": round(price * (1 + _BAND), 2), "l": round(price * (1 - _BAND), 2)}
                yield at, event | {"i": [sign], "z": tape(symbol), "t": at // 10**3, "q": 3 * number + step + 1}


def _last_price(world: World, symbol: str, position: int) -> float:
    bars = world.minutes(symbol, slice(position, position + 1))
    return float(bars.columns["close"][-1]) / PRICE_SCALE if len(bars) else 0.0

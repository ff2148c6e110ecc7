"""Feeds of prices and volumes: bars, daily bars, splits, chains, open interest and off-exchange volume, each with its two clocks."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import Array
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.options.chains import CONTRACTS
from undertow.sandbox.part import Part, Rows
from undertow.sandbox.tape.intraday import MOST, SPAN


def _columns(records: Array, names: str) -> dict[str, Array]:
    return {name: np.ascontiguousarray(records[name]) for name in names.split()}


def bars(part: Part) -> Rows:
    """Five-minute bars, known when they end."""
    there = part.bars["volume"] > 0
    session, number = np.nonzero(there)
    at = part.calendar.open[part.first + session] + (number + 1) * SPAN
    columns = _columns(part.bars[there], "open high low close volume vwap trades")
    columns["span"] = np.full(len(at), SPAN)
    return Rows(position=part.first + session, row=number, event_at=at, known_at=at, columns=columns)


def daily_bars(part: Part) -> Rows:
    """Daily bars, known at the close."""
    at = part.calendar.close[part.first : part.end]
    columns = _columns(part.daily, "open high low close volume vwap trades")
    return Rows(position=part.positions, row=np.zeros(len(at), np.int64), event_at=at, known_at=at, columns=columns)


def splits(part: Part) -> Rows:
    """Splits, effective and known at midnight before their first session."""
    at = np.flatnonzero(part.rows["split"] != 1.0)
    when = part.calendar.midnight[part.first + at]
    columns = {"ratio": part.rows["split"][at], "dividend": np.zeros(len(at))}
    return Rows(position=part.first + at, row=np.zeros(len(at), np.int64), event_at=when, known_at=when, columns=columns)


def options(part: Part) -> tuple[Rows, Rows]:
    """Chain rows at the close, known at 16:20 New York, and open interest, known at 09:00 of the next session."""
    n, table = part.end - part.first, part.chain.ravel()
    position, row = np.repeat(part.positions, CONTRACTS), np.tile(np.arange(CONTRACTS), n)
    close, midnight = part.calendar.close[position], part.calendar.midnight
    chain = _columns(table, "expiry strike is_put price volume iv delta")
    interest = _columns(table, "expiry strike is_put open_interest")
    return (
        Rows(position=position, row=row, event_at=close, known_at=midnight[position] + 16 * HOUR + 20 * MINUTE, columns=chain),
        Rows(position=position, row=row, event_at=close, known_at=midnight[position + 1] + 9 * HOUR, columns=interest),
    )


def off_exchange(part: Part) -> Rows:
    """Off-exchange volume of each session, known at 18:00 New York."""
    volume = (part.daily["volume"] * part.rows["off_share"]).astype(np.int64)
    short = (volume * part.rows["short_share"]).astype(np.int64)
    at, known = part.calendar.close[part.first : part.end], part.calendar.midnight[part.first : part.end] + 18 * HOUR
    columns = {"volume": volume, "short_volume": short}
    return Rows(position=part.positions, row=np.zeros(len(at), np.int64), event_at=at, known_at=known, columns=columns)


MOST_ROWS = max(MOST, CONTRACTS)  #: rows of one kind and symbol in a session, at most

"""Real data as chunks, for tests alone; absent on a user's machine, where these tests skip."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk, chunk_of
from undertow.core.events import Bar, ChainRow, DailyBar, OpenInterest
from undertow.core.time import HOUR, MINUTE, SECOND

ROOT = Path(__file__).resolve().parents[3] / "shared" / "data"
OHLC = ("open", "high", "low", "close")


def path(name: str) -> Path:
    """A file or folder of the shared data, or a skipped test."""
    found = ROOT / name
    if not found.exists():
        pytest.skip(f"no real data here: {name} is not in ../shared/data")
    return found


def units(values: pl.Series) -> Array:
    """Dollars as whole 1/10,000."""
    return np.rint(values.to_numpy() * 10_000).astype(np.int64)


def keys(table: pl.DataFrame, symbols: Sequence[str]) -> Array:
    return np.array([symbols.index(s) for s in table["symbol"].to_list()], np.int64)


def days(column: pl.Series) -> Array:
    return column.str.to_date().to_numpy().astype("datetime64[D]")


def close_of(day: Array) -> Array:
    """The close of the session on each day; every day has to be one."""
    position = np.searchsorted(nyse().day, day)
    assert (nyse().day[position] == day).all()
    return nyse().close[position]


def daily_bars(symbols: Sequence[str]) -> Chunk:
    table = pl.read_parquet(path("bars_2016_2026/bars_1d.parquet")).filter(pl.col("symbol").is_in(list(symbols)))
    position = np.searchsorted(nyse().day, days(table["date"]))
    table = table.filter(nyse().day[np.minimum(position, len(nyse()) - 1)] == days(table["date"]))
    at = close_of(days(table["date"]))
    columns = {name: units(table[name]) for name in OHLC} | {"volume": table["volume"].to_numpy().astype(np.int64)}
    return chunk_of(DailyBar, symbols, key=keys(table, symbols), event_at=at, known_at=at + MINUTE, columns=columns)


def five_minute_bars(symbols: Sequence[str], sessions: int) -> Chunk:
    table = pl.read_parquet(path("bars_2016_2026/bars_5m.parquet")).filter(pl.col("symbol").is_in(list(symbols)))
    at = table["bar_start_utc"].dt.epoch("ns").to_numpy() + 5 * MINUTE
    late = at > np.sort(np.unique(at))[-78 * sessions]
    table, at = table.filter(late), at[late]
    columns = {name: units(table[name]) for name in OHLC}
    columns |= {"volume": table["volume"].to_numpy().astype(np.int64), "span": np.full(len(at), 5 * MINUTE)}
    return chunk_of(Bar, symbols, key=keys(table, symbols), event_at=at, known_at=at + SECOND, columns=columns)


HOLIDAYS = ("2026-05-25", "2026-06-19")  # they carry the session before once more


def chains(symbols: Sequence[str]) -> pl.DataFrame:
    table = pl.read_parquet(path("options_2026/chains.parquet"))
    return table.filter(pl.col("symbol").is_in(list(symbols)) & ~pl.col("archive_date").is_in(list(HOLIDAYS)))


def option_chunks(table: pl.DataFrame, symbols: Sequence[str]) -> tuple[Chunk, Chunk]:
    """Chain rows known at 16:20 of their day, and open interest of the evening before, known at 09:00 of the archive's day."""
    position = np.searchsorted(nyse().day, days(table["archive_date"]))
    contract = {
        "expiry": days(table["expiry"]).astype(np.int64),
        "strike": units(table["strike"]),
        "is_put": (table["right"] == "Put").to_numpy().astype(np.int64),
    }
    own = {
        "price": units(table["price"]),
        "volume": table["volume"].to_numpy(),
        "iv": table["iv"].to_numpy() / 100.0,
        "delta": table["delta"].to_numpy(),
    }
    key, close, midnight = keys(table, symbols), nyse().close, nyse().midnight
    at_close = {"key": key, "event_at": close[position], "known_at": midnight[position] + 16 * HOUR + 20 * MINUTE}
    at_morning = {"key": key, "event_at": close[position - 1], "known_at": midnight[position] + 9 * HOUR}
    interest = contract | {"open_interest": table["oi"].to_numpy()}
    return chunk_of(ChainRow, symbols, **at_close, columns=contract | own), chunk_of(OpenInterest, symbols, **at_morning, columns=interest)

"""Real ticks of one stock as chunks: five sessions of October 2013; absent on a user's machine, where these tests skip."""

from __future__ import annotations

import zipfile

import numpy as np
import polars as pl

from tests.oracles.real import path
from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk, chunk_of
from undertow.core.events import Bar, OffExchangePrint, Quote, Trade
from undertow.core.time import MINUTE

SYMBOLS = ("IBM",)
DAYS = ("20131007", "20131008", "20131009", "20131010", "20131011")
FACILITY = "D"
#: flags of a sale condition -> the tape's number
FLAGS = {
    0x2: "7", 0x4: "20", 0x8: "29", 0x20: "14", 0x200: "10", 0x400: "12", 0x800: "32", 0x2000: "12", 0x4000: "32",
    0x100000: "2", 0x400000: "21", 0x1000000: "15", 0x2000000: "22", 0x4000000: "16", 0x20000000: "41", 0x80000000: "37",
}  # fmt: skip


def prints(day: str) -> pl.DataFrame:
    """time (ms of the day), price, size, exchange, condition, suspicious: regular hours, without suspicious ones."""
    return _table(day, "trade", ["time", "price", "size", "exchange", "condition", "suspicious"])


def _table(day: str, what: str, names: list[str]) -> pl.DataFrame:
    packed = zipfile.ZipFile(path(f"ticks_2013/ibm/{day}_{what}.zip"))
    table = pl.read_csv(packed.read(packed.namelist()[0]), has_header=False, new_columns=names, schema_overrides={"condition": pl.String})
    opens, closes = ((hours(day)[i] - midnight(day)) // 1_000_000 for i in (0, 1))
    return table.filter((pl.col("suspicious") == 0) & (pl.col("time") >= opens) & (pl.col("time") < closes))


def hours(day: str) -> tuple[int, int]:
    """Open and close of the session, ns UTC."""
    position = _position(day)
    return int(nyse().open[position]), int(nyse().close[position])


def midnight(day: str) -> int:
    return int(nyse().midnight[_position(day)])


def _position(day: str) -> int:
    return int(np.searchsorted(nyse().day, np.datetime64(f"{day[:4]}-{day[4:6]}-{day[6:]}")))


def chunks(day: str) -> list[Chunk]:
    """Quotes, prints on exchanges and away from them, and five-minute bars made of them; known when they happened."""
    table = prints(day)
    off = (table["exchange"] == FACILITY).to_numpy()
    rows = {
        "price": table["price"].to_numpy(),
        "size": table["size"].to_numpy(),
        "conditions": np.array([_conditions(text) for text in table["condition"].to_list()], object),
    }
    at = midnight(day) + table["time"].to_numpy() * 1_000_000
    venue = np.array(table["exchange"].to_list(), object)
    dark = _chunk(OffExchangePrint, at[off], {name: values[off] for name, values in rows.items()} | {"venue": venue[off]})
    lit = _chunk(Trade, at[~off], {name: values[~off] for name, values in rows.items()} | {"exchange": venue[~off]})
    return [_quotes(day), lit, dark, _bars(table, day)]


def _chunk(kind: type[Quote] | type[Trade] | type[OffExchangePrint] | type[Bar], at: Array, columns: dict[str, Array]) -> Chunk:
    return chunk_of(kind, SYMBOLS, key=np.zeros(len(at), np.int64), event_at=at, known_at=at, columns=columns)


def _conditions(text: str) -> str:
    flags = int(text, 16)
    return ",".join(dict.fromkeys(number for flag, number in FLAGS.items() if flags & flag))


def _quotes(day: str) -> Chunk:
    names = ["time", "bid", "bid_size", "ask", "ask_size", "exchange", "condition", "suspicious"]
    table = _table(day, "quote", names)
    # a change is two rows, the best bid and then the best ask
    bid = pl.when(pl.col("bid") > 0).then(pl.col("bid")).forward_fill()
    size = pl.when(pl.col("bid") > 0).then(pl.col("bid_size")).forward_fill()
    table = table.with_columns(bid.alias("bid"), size.alias("bid_size")).filter((pl.col("ask") > 0) & pl.col("bid").is_not_null())
    at = midnight(day) + table["time"].to_numpy() * 1_000_000
    return _chunk(Quote, at, {name: table[name].to_numpy() for name in ("bid", "ask", "bid_size", "ask_size")})


def _bars(table: pl.DataFrame, day: str) -> Chunk:
    end = (pl.col("time") // 300_000 + 1) * 300_000
    price = pl.col("price")
    bars = table.group_by(end.alias("end"), maintain_order=True).agg(
        price.first().alias("open"),
        price.max().alias("high"),
        price.min().alias("low"),
        price.last().alias("close"),
        pl.col("size").sum().alias("volume"),
    )
    at = midnight(day) + bars["end"].to_numpy() * 1_000_000
    columns = {name: bars[name].to_numpy() for name in ("open", "high", "low", "close", "volume")}
    return _chunk(Bar, at, columns | {"span": np.full(len(at), 5 * MINUTE)})

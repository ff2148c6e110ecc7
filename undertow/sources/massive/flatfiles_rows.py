"""What the columns of a flat file mean, as polars expressions: one function a kind, the same rules as the REST parsers."""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.events import PRICE_SCALE, Grade
from undertow.core.time import DAY, MINUTE, Duration
from undertow.sources.massive.bars import BAR_LAG, DAY_ENDS
from undertow.sources.massive.ticks import EXCHANGES, FACILITIES, OFF_EXCHANGE

if TYPE_CHECKING:
    import polars as pl

AGGREGATES = ("ticker", "volume", "open", "close", "high", "low", "window_start", "transactions")
TRADES = ("ticker", "conditions", "exchange", "price", "sip_timestamp", "size", "trf_id")
QUOTES = ("ticker", "ask_price", "ask_size", "bid_price", "bid_size", "sip_timestamp")
OPTION_TRADES = ("ticker", "conditions", "price", "sip_timestamp", "size")
OPTION_DAYS = ("ticker", "volume", "close", "window_start")
OPTIONAL = ("correction", "participant_timestamp", "trf_timestamp", "sequence_number")  #: read where the file has them
_MONEY = frozenset({"open", "close", "high", "low", "price", "ask_price", "bid_price"})
_SIZES = frozenset({"volume", "transactions", "size", "ask_size", "bid_size"})
_EXACT = 2**53  # the largest number up to which the file's decimals are read without a gap
_OCC = r"^O:([A-Z]+)(\d{6})([CP])(\d{8})$"  # adjusted contracts, whose roots end in a digit, do not match
_CONTRADICTED = "their prices contradict each other"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A file's rows as ``kept`` has them, with their ``place`` in it; the file's name; how late the plan sees the market, ns."""

    rows: pl.DataFrame
    name: str
    delay: Duration = 0


def kept(names: Collection[str]) -> dict[str, pl.Expr]:
    """What is kept of a file's columns, for the scan: prices in 1/10,000 USD, sizes whole, the others as they are.

    Beside them ``believable`` says of a row, by its decimals, whether its numbers can be kept and its prices do not contradict each other.
    """
    import polars as pl

    whole = {name: _units(name) if name in _MONEY else _whole(name) for name in names if name in _MONEY | _SIZES}
    return {name: pl.col(name) for name in names} | whole | {"believable": _believable(names)}


def sound(table: Table) -> Table:
    """The table without prints and quotes whose numbers cannot be kept; aggregates are judged with the session of each."""
    told = table.rows["believable"]
    if "window_start" in table.rows.columns or told.all():
        return table
    _refuse(table, ~told, "their numbers cannot be")
    return Table(rows=table.rows.filter(told), name=table.name, delay=table.delay)


def bars(table: Table) -> pl.DataFrame:
    """Minute aggregates as ``Bar``; ``vwap`` is not in the files."""
    import polars as pl

    midnight, _ = _sessions(table.rows["window_start"])
    end = pl.col("window_start") + MINUTE
    stamps = _head("ticker", end, end + BAR_LAG + table.delay, pl.col("place"), Grade.MODELLED)
    return _kept(table, midnight, _CONTRADICTED).select(*stamps, span=pl.lit(MINUTE, pl.Int64), **_prices())


def daily_bars(table: Table) -> pl.DataFrame:
    """Day aggregates as ``DailyBar``."""
    import polars as pl

    midnight, closes_at = _sessions(table.rows["window_start"])
    own = Table(rows=table.rows.with_columns(midnight=midnight, closes_at=closes_at), name=table.name)
    known = pl.col("midnight") + DAY_ENDS + table.delay
    return _kept(own, pl.col("midnight"), _CONTRADICTED).select(
        *_head("ticker", pl.col("closes_at"), known, pl.col("place"), Grade.MODELLED), **_prices()
    )


def trades(table: Table) -> pl.DataFrame:
    """Prints on exchanges as ``Trade``."""
    import polars as pl

    venue = pl.col("exchange").replace_strict(EXCHANGES, default=pl.col("exchange").cast(pl.String), return_dtype=pl.String)
    return _prints(table, ~_off_exchange(), "ticker", exchange=venue)


def off_exchange_prints(table: Table) -> pl.DataFrame:
    """Prints on exchange 4 with a ``trf_id`` above zero as ``OffExchangePrint``."""
    import polars as pl

    venue = pl.col("trf_id").replace_strict(FACILITIES, default=pl.col("trf_id").cast(pl.String), return_dtype=pl.String)
    return _prints(table, _off_exchange(), "ticker", venue=venue)


def quotes(table: Table) -> pl.DataFrame:
    """Quotes as ``Quote``; a price of zero is no quote on that side."""
    import polars as pl

    sides = {}
    for side in ("bid", "ask"):
        there = pl.col(f"{side}_price") > 0
        sides[side] = pl.when(there).then(f"{side}_price")
        sides[f"{side}_size"] = pl.when(there).then(f"{side}_size")
    return table.rows.select(*_stamped(table, "ticker"), **sides)


def option_trades(table: Table) -> pl.DataFrame:
    """Option prints as ``OptionTrade``, bid and ask missing; without a sequence number ``seq`` counts a contract's prints."""
    import polars as pl

    rows, terms = _contracts(table)
    if "sequence_number" not in rows.columns:
        rows = rows.with_columns(sequence_number=pl.int_range(pl.len(), dtype=pl.Int64).over("ticker"))
    none = pl.lit(None, pl.Int64)
    return _prints(Table(rows=rows, name=table.name, delay=table.delay), pl.lit(True), "root", **terms, bid=none, ask=none)


def chain_rows(table: Table) -> pl.DataFrame:
    """Day aggregates of options as ``ChainRow``: last price and volume; a file has neither implied volatility nor delta."""
    import polars as pl

    rows, terms = _contracts(table)
    midnight, closes_at = _sessions(rows["window_start"])
    rows = rows.with_columns(midnight=midnight, closes_at=closes_at)
    own = _kept(Table(rows=rows, name=table.name), pl.col("midnight"), "their prices cannot be")
    known = pl.col("midnight") + DAY_ENDS + table.delay
    nothing = pl.lit(float("nan"), pl.Float64)
    return own.select(
        *_head("root", pl.col("closes_at"), known, pl.col("place"), Grade.MODELLED),
        **terms,
        price=pl.col("close"),
        volume=pl.col("volume"),
        iv=nothing,
        delta=nothing,
    )


def _head(symbol: str, event_at: pl.Expr, known_at: pl.Expr, seq: pl.Expr, grade: Grade) -> list[pl.Expr]:
    import polars as pl

    stamps = {"event_at": event_at, "known_at": known_at, "seq": seq}
    return [
        pl.col(symbol).alias("symbol"),
        *(at.cast(pl.Int64).alias(name) for name, at in stamps.items()),
        pl.lit(int(grade), pl.Int8).alias("grade"),
    ]


def _stamped(table: Table, symbol: str) -> list[pl.Expr]:
    """Happened by the venue's clock, known by the latest of the three; a stamp of zero or none is not given."""
    import polars as pl

    sip, there = pl.col("sip_timestamp"), table.rows.columns
    others = [pl.col(name) for name in ("participant_timestamp", "trf_timestamp") if name in there]
    venue = pl.col("participant_timestamp") if "participant_timestamp" in there else sip
    event = pl.when(venue > 0).then(venue).otherwise(sip)
    seq = pl.col("sequence_number" if "sequence_number" in there else "place")
    return _head(symbol, event, pl.max_horizontal(sip, *others) + table.delay, seq, Grade.MODELLED if table.delay else Grade.STAMPED)


def _prints(table: Table, wanted: pl.Expr, symbol: str, **more: pl.Expr) -> pl.DataFrame:
    import polars as pl

    rows = table.rows
    if "correction" in rows.columns:
        corrected = rows.select((pl.col("correction") != 0).fill_null(False)).to_series()
        _refuse(table, corrected, "corrected or cancelled later")
        wanted = wanted & (pl.col("correction").is_null() | (pl.col("correction") == 0))
    plain = {"price": pl.col("price"), "size": pl.col("size"), "conditions": pl.col("conditions").fill_null("")}
    return rows.filter(wanted).select(*_stamped(table, symbol), **plain, **more)


def _off_exchange() -> pl.Expr:
    import polars as pl

    return ((pl.col("exchange") == OFF_EXCHANGE) & (pl.col("trf_id") > 0)).fill_null(False)


def _contracts(table: Table) -> tuple[pl.DataFrame, dict[str, pl.Expr]]:
    """Rows of standard contracts with their terms in place of the ticker's text, and the terms' columns."""
    import polars as pl

    parts = pl.col("ticker").str.extract_groups(_OCC).struct.rename_fields(["root", "day", "side", "tenths"])
    names = table.rows.select(pl.col("ticker").unique()).with_columns(parts.alias("parts")).unnest("parts")
    terms = names.select(
        "ticker",
        "root",
        expiry=("20" + pl.col("day")).str.to_date("%Y%m%d", strict=False).cast(pl.Int32).cast(pl.Int64),
        strike=pl.col("tenths").cast(pl.Int64) * 10,
        is_put=(pl.col("side") == "P").cast(pl.Int64),
    )
    rows = table.rows.join(terms, on="ticker", how="left", maintain_order="left")
    odd = rows["expiry"].is_null()
    _refuse(table, odd, "adjusted contracts, or no option's symbol")
    return rows.filter(~odd), {name: pl.col(name) for name in ("expiry", "strike", "is_put")}


def _prices() -> dict[str, pl.Expr]:
    import polars as pl

    return {name: pl.col(name) for name in ("open", "high", "low", "close", "volume")} | {"trades": pl.col("transactions")}


def _units(name: str) -> pl.Expr:
    import polars as pl

    return (pl.col(name) * PRICE_SCALE).round(mode="half_to_even").cast(pl.Int64, strict=False)


def _whole(name: str) -> pl.Expr:
    import polars as pl

    return pl.col(name).round(mode="half_to_even").cast(pl.Int64, strict=False)


def _believable(names: Collection[str]) -> pl.Expr:
    import polars as pl

    def can_be(name: str) -> pl.Expr:
        return pl.col(name).abs() <= (_EXACT // PRICE_SCALE if name in _MONEY else _EXACT)  # no NaN, nothing infinite

    if "window_start" not in names:
        return pl.all_horizontal(*(can_be(name).fill_null(True) for name in names if name in _MONEY | _SIZES))
    parts = [pl.col("volume") >= 0, can_be("volume")]
    if "open" not in names:
        return pl.all_horizontal(*parts, pl.col("close") > 0, can_be("close")).fill_null(False)
    parts += [pl.col(name).is_between("low", "high") for name in ("open", "close")]
    return pl.all_horizontal(*parts, pl.col("low") > 0, can_be("high"), can_be("transactions").fill_null(True)).fill_null(False)


def _sessions(at: pl.Series) -> tuple[pl.Expr, pl.Expr]:
    """Midnight and close of the session on whose New York day each instant lies, ns UTC; null where there is none."""
    import polars as pl

    calendar, stamps = nyse(), at.to_numpy()
    ends = np.asarray([stamps.min(), stamps.max()]) if len(stamps) else stamps
    one = len(stamps) > 0 and len(np.unique(calendar.position(ends))) == 1  # a file holds one day: its bounds settle it
    asked = ends[1:] if one else stamps
    position = calendar.position(asked)
    table = pl.DataFrame({"midnight": calendar.midnight[np.maximum(position, 0)], "close": calendar.close[np.maximum(position, 0)]})
    there = pl.Series((position >= 0) & (asked - table["midnight"].to_numpy() < DAY))
    found = table.select(pl.when(there).then(pl.col(name)) for name in table.columns)
    if one:
        return pl.lit(found["midnight"][0], pl.Int64), pl.lit(found["close"][0], pl.Int64)
    return pl.lit(found["midnight"]), pl.lit(found["close"])


def _kept(table: Table, midnight: pl.Expr, why: str) -> pl.DataFrame:
    """The rows on session days that are believable."""
    told = table.rows.select(true="believable", session=midnight.is_not_null())
    if bool(told["true"].all() and told["session"].all()):
        return table.rows
    _refuse(table, ~told["session"], "the exchange was closed on that day")
    _refuse(table, told["session"] & ~told["true"], why)
    return table.rows.filter(told["session"] & told["true"])


def _refuse(table: Table, wrong: pl.Series, why: str) -> None:
    if n := int(wrong.sum()):
        _log.warning("massive: left out %d rows of %s: %s", n, table.name, why)

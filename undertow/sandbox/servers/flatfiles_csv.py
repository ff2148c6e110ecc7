"""A day of the simulated market as the vendor's CSV tables: documented columns and order, prices in dollars, stamps in exact ns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Array, Chunk
from undertow.core.events import MISSING, PRICE_SCALE, DailyBar, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import MINUTE
from undertow.sandbox.codes import FACILITIES
from undertow.sandbox.servers.massive.prints import OFF_EXCHANGE, VENUES, option_venue, primary, tape
from undertow.sandbox.servers.world import World

if TYPE_CHECKING:
    import polars as pl

DECIMALS_SINCE = np.datetime64("2026-02-23")  #: from that day on sizes and volumes are written as decimals
_REPORTED = 300_000  # ns from a facility to the public tape


def table(world: World, dataset: str, day: np.datetime64, universe: Sequence[str]) -> pl.DataFrame:
    """One file's rows, ordered by ticker and then time. ``dataset`` is a name of ``DATASETS``, ``day`` a session that is over."""
    import polars as pl

    sessions = world.sessions(day, day)
    make = DATASETS[dataset]
    frames = [frame for symbol in sorted(universe) if len(frame := make(world, symbol, sessions))]
    whole = pl.concat(frames) if frames else make(world, sorted(universe)[0], slice(sessions.stop, sessions.stop))
    decimal = pl.Float64 if day >= DECIMALS_SINCE else pl.Int64
    return whole.with_columns(pl.col(name).cast(decimal) for name in ("size", "volume") if name in whole.columns)


def occ(symbol: str, columns: Mapping[str, Array]) -> pl.Series:
    """Option tickers of rows with expiry (days), strike (1/10,000 USD) and is_put: ``O:AAPL241220C00180000``."""
    import polars as pl

    frame = pl.DataFrame({name: columns[name] for name in ("expiry", "strike", "is_put")})
    return frame.select(
        pl.concat_str(
            pl.lit(f"O:{symbol}"),
            pl.from_epoch("expiry", "d").dt.strftime("%y%m%d"),
            pl.when(pl.col("is_put") == 1).then(pl.lit("P")).otherwise(pl.lit("C")),
            (pl.col("strike") // 10).cast(pl.String).str.zfill(8),
        ).alias("ticker")
    ).to_series()


def _frame(columns: dict[str, Any]) -> pl.DataFrame:
    import polars as pl

    texts: dict[str, Any] = {name: pl.String for name in ("ticker", "Ticker", "conditions", "id", "indicators") if name in columns}
    n = len(next(column for column in columns.values() if not isinstance(column, str | int)))
    return pl.DataFrame({k: np.full(n, v) if isinstance(v, str | int) else v for k, v in columns.items()}, schema_overrides=texts)


def _usd(values: Array) -> Array:
    return np.asarray(np.where(values == MISSING, 0, values) / PRICE_SCALE)


def _aggregates(symbol: str, bars: Chunk, start: Array) -> pl.DataFrame:
    c = bars.columns
    prices = {name: _usd(c[name]) for name in ("open", "close", "high", "low")}
    return _frame({"ticker": symbol, "volume": c["volume"], **prices, "window_start": start, "transactions": c["trades"]})


def _minutes(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    bars = world.minutes(symbol, sessions)
    return _aggregates(symbol, bars, bars.event_at - MINUTE)


def _days(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    bars = world.rows(DailyBar, symbol, sessions)
    return _aggregates(symbol, bars, nyse().midnight[nyse().position(bars.event_at)])


def _trades(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    import polars as pl

    lit, dark = (_prints(world.rows(kind, symbol, sessions)) for kind in (Trade, OffExchangePrint))
    rows = pl.concat([lit, dark]).sort("sip_timestamp", maintain_order=True)
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    return rows.with_columns(ticker=pl.lit(symbol), tape=tape(symbol), sequence_number=number, id=number.cast(pl.String)).select(
        *("ticker", "conditions", "correction", "exchange", "id", "participant_timestamp", "price", "sequence_number"),
        *("sip_timestamp", "size", "tape", "trf_id", "trf_timestamp"),
    )


def _prints(chunk: Chunk) -> pl.DataFrame:
    c, dark = chunk.columns, chunk.kind is OffExchangePrint
    venue = c["venue" if dark else "exchange"]
    return _frame(
        {
            "conditions": c["conditions"],
            "correction": 0,
            "exchange": OFF_EXCHANGE if dark else np.asarray([VENUES[v] for v in venue], np.int64),
            "participant_timestamp": chunk.event_at,
            "price": _usd(c["price"]),
            "sip_timestamp": chunk.known_at,
            "size": c["size"],
            "trf_id": np.asarray([FACILITIES[v] for v in venue], np.int64) if dark else 0,
            "trf_timestamp": np.maximum(chunk.event_at, chunk.known_at - _REPORTED) if dark else 0,
        }
    )


def _quotes(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    rows = world.rows(Quote, symbol, sessions)
    c = rows.columns
    number = np.arange(1, len(rows) + 1)
    stamps = {"participant_timestamp": rows.event_at, "sequence_number": number, "sip_timestamp": rows.known_at}
    ask = {
        "ask_exchange": VENUES[primary(symbol)],
        "ask_price": _usd(c["ask"]),
        "ask_size": np.where(c["ask"] == MISSING, 0, c["ask_size"]),
    }
    bid = {
        "bid_exchange": VENUES[primary(symbol)],
        "bid_price": _usd(c["bid"]),
        "bid_size": np.where(c["bid"] == MISSING, 0, c["bid_size"]),
    }
    return _frame({"Ticker": symbol, **ask, **bid, "conditions": "1", "indicators": "", **stamps, "tape": tape(symbol), "trf_timestamp": 0})


def _option_trades(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    rows = world.rows(OptionTrade, symbol, sessions)
    c = rows.columns
    frame = _frame(
        {
            "ticker": occ(symbol, c),
            "conditions": c["conditions"],
            "correction": 0,
            "exchange": option_venue(rows.seq),
            "participant_timestamp": rows.event_at,
            "price": _usd(c["price"]),
            "sequence_number": np.arange(1, len(rows) + 1),
            "sip_timestamp": rows.known_at,
            "size": c["size"],
        }
    )
    return frame.sort("ticker", "sip_timestamp", maintain_order=True)


def _option_days(world: World, symbol: str, sessions: slice) -> pl.DataFrame:
    import polars as pl

    midnight = int(nyse().midnight[sessions.start]) if sessions.start < sessions.stop else 0
    price = pl.col("price")
    return (
        _option_trades(world, symbol, sessions)
        .group_by("ticker", maintain_order=True)
        .agg(
            volume=pl.col("size").sum(),
            open=price.first(),
            close=price.last(),
            high=price.max(),
            low=price.min(),
            window_start=pl.lit(midnight, pl.Int64),
            transactions=pl.len().cast(pl.Int64),
        )
    )


#: folder of a dataset -> rows of one symbol and session
DATASETS: Mapping[str, Callable[[World, str, slice], pl.DataFrame]] = {
    "us_options_opra/day_aggs_v1": _option_days,
    "us_options_opra/trades_v1": _option_trades,
    "us_stocks_sip/day_aggs_v1": _days,
    "us_stocks_sip/minute_aggs_v1": _minutes,
    "us_stocks_sip/quotes_v1": _quotes,
    "us_stocks_sip/trades_v1": _trades,
}

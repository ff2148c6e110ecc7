"""Flat files as rows for the tape: columns are found by their header, sizes may be decimals, and no row passes through Python.

A frame has symbol, event_at, known_at, seq, grade, source and the kind's columns, as ``Tape.append`` takes them; null is a missing whole
number. The rows are those that the REST parsers make of the same day, but for what a file lacks: its bars have no vwap.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from undertow.core.errors import BadInput
from undertow.core.events import Bar, ChainRow, DailyBar, Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import Duration
from undertow.sources.massive import flatfiles_rows as of
from undertow.sources.massive.rows import NAME
from undertow.sources.wire.errors import BadAnswer

if TYPE_CHECKING:
    import polars as pl

_READERS: Mapping[type[Event], tuple[str, tuple[str, ...], Callable[[of.Table], pl.DataFrame]]] = {
    Bar: ("us_stocks_sip/minute_aggs_v1", of.AGGREGATES, of.bars),
    DailyBar: ("us_stocks_sip/day_aggs_v1", of.AGGREGATES, of.daily_bars),
    Trade: ("us_stocks_sip/trades_v1", of.TRADES, of.trades),
    OffExchangePrint: ("us_stocks_sip/trades_v1", of.TRADES, of.off_exchange_prints),
    Quote: ("us_stocks_sip/quotes_v1", of.QUOTES, of.quotes),
    OptionTrade: ("us_options_opra/trades_v1", of.OPTION_TRADES, of.option_trades),
    ChainRow: ("us_options_opra/day_aggs_v1", of.OPTION_DAYS, of.chain_rows),
}
#: kind -> the folder of the files that hold it
DATASETS: Mapping[type[Event], str] = {kind: dataset for kind, (dataset, _, _) in _READERS.items()}
_TEXTS = frozenset({"ticker", "conditions"})
_STAMPS = frozenset({"window_start", "exchange", "trf_id", "sip_timestamp", *of.OPTIONAL})


def rows(
    file: Path | bytes, kinds: Sequence[type[Event]], symbols: Sequence[str] | None = None, *, delay: Duration = 0
) -> dict[type[Event], pl.DataFrame]:
    """The rows of each kind in one ``.csv.gz`` file, read once; of all symbols, or of these (of options: underlyings).

    kinds : of one dataset, such as (Trade, OffExchangePrint)
    delay : how late the plan sees the market, ns
    Raises ``BadInput`` for kinds that no one file has, ``BadAnswer`` for a file that is cut short, no CSV, or lacks a column.
    """
    import polars as pl

    datasets = {DATASETS.get(kind, "") for kind in kinds}
    if len(datasets) != 1 or "" in datasets:
        raise BadInput(f"No flat file holds {' and '.join(kind.kind for kind in kinds)}; valid are {', '.join(k.kind for k in _READERS)}.")
    name = file.name if isinstance(file, Path) else "the flat file"
    raw = _read(file, name, {column for kind in kinds for column in _READERS[kind][1]})
    if symbols is not None:
        owner = pl.col("ticker").str.extract(r"^O:([A-Z]+)\d{6}[CP]", 1) if "options" in datasets.pop() else pl.col("ticker")
        raw = raw.filter(owner.is_in(list(symbols)))
    table = of.sound(of.Table(rows=raw, name=name, delay=delay))
    return {kind: _READERS[kind][2](table).with_columns(source=pl.lit(NAME)) for kind in kinds}


def _read(file: Path | bytes, name: str, needed: set[str]) -> pl.DataFrame:
    """The columns that are needed, and the optional ones that are there, as ``of.kept`` has them, with their ``place`` in the file.

    That is the row's number; of aggregates the ticker's, which puts rows of one time in the same order and is kept in less room.
    """
    import polars as pl

    header = _header(file, name)
    wanted = {column: column.lower() for column in header if column.lower() in needed | set(of.OPTIONAL)}
    if missing := sorted(needed - set(wanted.values())):
        raise BadAnswer(f"Massive's {name} has no column {missing[0]!r}, only {', '.join(header)[:300]}; nothing was taken from it.")
    types = {column: pl.String if plain in _TEXTS else pl.Int64 if plain in _STAMPS else pl.Float64 for column, plain in wanted.items()}
    try:
        scan = pl.scan_csv(file if isinstance(file, Path) else BytesIO(file), schema_overrides=types)
        plain = scan.select(pl.col(name).alias(plain) for name, plain in wanted.items()).select(**of.kept(wanted.values()))
        # piece by piece, so that what is unpacked is parsed and made whole while it lies in the processor's cache
        whole = plain.collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError, EOFError) as error:
        why = " ".join(str(error).split())[:160].rstrip(".")
        raise BadAnswer(f"Massive's {name} cannot be read ({why}); nothing was taken from it. Fetch it again.") from error
    if "window_start" in whole.columns:
        return whole.with_columns(place=pl.col("ticker").rle_id())
    return whole.with_row_index("place")


def _header(file: Path | bytes, name: str) -> list[str]:
    try:
        with gzip.open(file if isinstance(file, Path) else BytesIO(file), "rt", encoding="utf-8", newline="") as lines:
            first = lines.readline(10_000)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        raise BadAnswer(f"Massive's {name} is no whole gzip file of text; nothing was taken from it. Fetch it again.") from error
    return [column.strip().strip('"') for column in first.strip().split(",")]

"""Values as the tape keeps them: dollars to whole ten-thousandths, sizes to whole numbers; what cannot be true is named by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from undertow.core.chunk import Array
from undertow.core.errors import BadInput
from undertow.core.events import PRICE_SCALE, Event, Unit, columns_of
from undertow.core.time import duration
from undertow.sources.clocks import days_of
from undertow.sources.readers import Table

if TYPE_CHECKING:
    import polars as pl

POSITIVE = {"open", "high", "low", "close", "vwap", "price", "bid", "ask", "strike", "level", "ratio", "span"}
LARGEST = 2.0**62

#: columns without which a row says nothing
NEEDED: dict[str, tuple[str, ...]] = {
    "corporate_action": ("ratio", "dividend"),
    "trade": ("price", "size"),
    "off_exchange_print": ("price", "size"),
    "option_trade": ("expiry", "strike", "is_put", "price", "size"),
    "flow_alert": ("expiry", "strike", "is_put", "premium"),
    "bar": ("span", "open", "high", "low", "close", "volume"),
    "daily_bar": ("open", "high", "low", "close", "volume"),
    "index_level": ("level",),
    "chain_row": ("expiry", "strike", "is_put"),
    "open_interest": ("expiry", "strike", "is_put", "open_interest"),
    "off_exchange_volume": ("volume",),
    "news_item": ("tone",),
    "insider_trade": ("insider", "code", "shares"),
    "congress_trade": ("member", "side"),
    "earnings_date": ("reports_at",),
    "earnings_report": ("eps",),
}


def as_kept(kind: type[Event], name: str, values: pl.Series, table: Table) -> pl.Series:
    """One column in the tape's type and unit (n,), null where it was not given.

    Raises ``BadInput`` naming the file and the first row whose value is malformed or cannot be true.
    """
    import polars as pl

    unit = columns_of(kind)[name]
    needed = name in NEEDED.get(kind.kind, ())
    if unit.kept is str:
        kept = values.cast(pl.String)
    elif unit.of.startswith("days"):
        kept = pl.Series(days_of(values, table, name).astype("datetime64[D]").astype(np.int64)) if len(values) else values.cast(pl.Int64)
    else:
        kept = _number(name, unit, _spans(values) if unit.of == "ns" else values, table)
    if needed and kept.null_count():
        row = int(kept.is_null().arg_max() or 0)
        table.fail(row, f"{name} is not given, and a {kind.kind} without it says nothing")
    return kept


def needed_columns(kind: type[Event], given: object, key: str) -> None:
    """Check that a mapping gives what the kind cannot do without."""
    if absent := [n for n in NEEDED.get(kind.kind, ()) if n not in dict.fromkeys(given)]:  # type: ignore[call-overload]
        raise BadInput(f"{key}: a {kind.kind} needs {absent[0]!r}: say how to get it.")


def out_of_order(frame: pl.DataFrame) -> Array:
    """Bars whose high or low contradicts their other prices, bool (n,)."""
    import polars as pl

    wrong = (pl.col("high") < pl.max_horizontal("open", "close", "low")) | (pl.col("low") > pl.min_horizontal("open", "close"))
    return np.asarray(frame.select(wrong.fill_null(False).alias("wrong"))["wrong"].to_numpy(), bool)


def _number(name: str, unit: Unit, values: pl.Series, table: Table) -> pl.Series:
    import polars as pl

    real = values.cast(pl.Float64, strict=False)
    absent = values.is_null().to_numpy()
    numbers = real.fill_null(float("nan")).to_numpy()
    ratio = unit.kept is float
    _refuse(~absent & real.is_null().to_numpy(), name, values, table, "which is not a number")
    _refuse(np.isinf(numbers), name, values, table, "which is infinite")
    if not ratio or name in POSITIVE:
        _refuse(~absent & np.isnan(numbers), name, values, table, "which is not a number")
    if name in POSITIVE:
        _refuse(numbers <= 0, name, values, table, "where it must be above zero (write NULLIF(…, 0) if zero means not given)")
    elif unit.of in ("shares", "contracts", "count", "1/10,000 USD"):
        _refuse(numbers < 0, name, values, table, "where it must not be negative")
    if unit.of == "0 or 1":
        _refuse(~absent & (numbers != 0) & (numbers != 1), name, values, table, "where it must be 0 or 1")
    if unit.of.startswith("-1") or name == "tone":
        _refuse(np.abs(numbers) > 1, name, values, table, "where it must lie between -1 and 1")
    if ratio:
        return pl.Series(name, numbers).fill_nan(None)
    if unit.of == "ns" and values.dtype == pl.Int64:
        return values
    scaled = np.rint(numbers * (PRICE_SCALE if unit.of == "1/10,000 USD" else 1))
    _refuse(np.abs(scaled) > LARGEST, name, values, table, "which is too large")
    if name in POSITIVE:
        _refuse(scaled == 0, name, values, table, "which is less than 0.0001 dollar")
    whole = np.where(np.isnan(scaled), 0, scaled).astype(np.int64)
    return pl.Series(name, whole).set(pl.Series(absent), None)


def _spans(values: pl.Series) -> pl.Series:
    """Lengths of time as ns: ``'5m'``, a duration, an instant with a zone, or ns already."""
    import polars as pl

    if isinstance(values.dtype, pl.Duration):
        return values.dt.total_nanoseconds()
    if isinstance(values.dtype, pl.Datetime) and values.dtype.time_zone is not None:
        return values.dt.epoch("ns")
    if values.dtype == pl.String and len(values) and values[0] and not str(values[0]).isdigit():
        known = values.unique().drop_nulls()
        return values.replace_strict(known, pl.Series([duration(t) for t in known.to_list()], dtype=pl.Int64), return_dtype=pl.Int64)
    return values


def _refuse(wrong: Array, name: str, values: pl.Series, table: Table, why: str) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        table.fail(row, f"{name} is {values[row]}, {why}")

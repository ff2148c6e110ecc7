"""A mapping's time rules worked out over a file's rows: every instant in ns UTC, a time without a zone refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array
from undertow.core.errors import BadInput
from undertow.core.time import DAY
from undertow.sources.expressions import Reader
from undertow.sources.mapping import TimeRule, wall_clock
from undertow.sources.readers import Table

if TYPE_CHECKING:
    import polars as pl

NEW_YORK = "America/New_York"
SECONDS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
YEARS = (1900, 2200)  #: beyond lie typing errors, and soon the end of int64 nanoseconds
ISO = r"^(\d{4}-\d{2}-\d{2})[T ](\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?$"


@dataclass(frozen=True, slots=True)
class Moments:
    """When something happened, row by row.

    at     : int64 (n,)  ns UTC; meaningless where ``shut``
    day    : datetime64[D] (n,)  the day the row names: the date of the file, or the New York day of the instant
    shut   : bool (n,)  the rule needs an open or a close and the day has none
    """

    at: I64
    day: Array
    shut: Array


def moments(rule: TimeRule, reader: Reader, key: str, event_at: I64 | None = None) -> Moments:
    """Work a rule out over all rows. Raises ``BadInput`` naming the key, or the first row whose time cannot be read."""
    rows = len(reader.table.frame)
    open_everywhere = np.zeros(rows, bool)
    if rule.same is not None and event_at is not None:
        at = event_at
    elif rule.instant is not None:
        at = _instants(reader.value(rule.instant, f"{key}.instant"), rule, reader, key)
    elif rule.epoch is not None:
        at = _counted(reader.value(rule.epoch, f"{key}.epoch"), rule.unit or "ns", reader, rule.epoch)
    else:
        day = days_of(reader.value(rule.date or "", f"{key}.date"), reader.table, rule.date or "")
        if rule.clock is not None:
            at = _local(day, _clock(rule, reader, key), rule.zone or NEW_YORK, reader)
        else:
            at, open_everywhere = _placed(rule, day, reader)
        return Moments(at + rule.lag, day, open_everywhere)
    return Moments(at + rule.lag, new_york_day(at), open_everywhere)


def new_york_day(at: I64) -> Array:
    """New York calendar day of each instant, datetime64[D] (n,)."""
    return _zoned(at, "UTC", NEW_YORK)[0].astype("datetime64[D]")


def _placed(rule: TimeRule, day: Array, reader: Reader) -> tuple[I64, Array]:
    """A date and a time of day of a session; where the date is none, only a wall clock can be placed."""
    calendar = nyse()
    last = calendar.day[-1]
    if len(day) and day.max() > last:
        reader.table.fail(int(day.argmax()), f"{rule.date} is {day.max()}, beyond the exchange's calendar, which ends on {last}")
    here = np.searchsorted(calendar.day, day, side="left")
    is_session = calendar.day[np.minimum(here, len(calendar) - 1)] == day
    if rule.session == "next":
        here = here + is_session
    elif rule.session == "previous":
        here = here - 1
    if len(here) and (here.min() < 0 or here.max() >= len(calendar)):
        outside = (here < 0) | (here >= len(calendar))
        reader.table.fail(int(outside.argmax()), f"the {rule.session} session of {day[outside][0]} lies outside the exchange's calendar")
    shut = np.zeros(len(day), bool) if rule.session != "same" else ~is_session
    if rule.at in ("open", "close"):
        return (calendar.open if rule.at == "open" else calendar.close)[here], shut
    on = day if rule.session == "same" else calendar.day[here]
    clock = np.full(len(day), 0 if rule.at == "midnight" else wall_clock(rule.at or "") or 0, np.int64)
    return _local(on, clock, NEW_YORK, reader), np.zeros(len(day), bool)


def _local(day: Array, clock: I64, zone: str, reader: Reader) -> I64:
    """Wall-clock times of a zone as ns UTC; a time that the spring change of hour skips is refused."""
    wall = day.astype("datetime64[D]").astype(np.int64) * DAY + clock
    at, skipped = _zoned(wall, zone, "UTC")
    if skipped.any():
        row = int(skipped.argmax())
        reader.table.fail(row, f"{np.datetime64(int(wall[row]), 'ns')} does not exist in {zone}: the clocks went forward")
    return at.astype(np.int64)


def _zoned(wall: I64, from_zone: str, to_zone: str) -> tuple[Array, Array]:
    """Naive ns of one zone as datetime64[ns] of another, and where there is no such time; of a doubled hour the later is taken,
    so that nothing is known too early."""
    import polars as pl

    stamps = pl.Series(wall).cast(pl.Datetime("ns")).dt.replace_time_zone(from_zone, ambiguous="latest", non_existent="null")
    moved = stamps.dt.convert_time_zone(to_zone).dt.replace_time_zone(None, ambiguous="latest", non_existent="null")
    return moved.to_numpy(), moved.is_null().to_numpy()


def _instants(values: pl.Series, rule: TimeRule, reader: Reader, key: str) -> I64:
    import polars as pl

    dtype = values.dtype
    if isinstance(dtype, pl.Datetime):
        values = values.set(~values.dt.year().is_between(*YEARS), None)
        _no_nulls(values, reader.table, rule.instant or "", values)
        if dtype.time_zone is None and rule.zone is None:
            _naive(reader, rule.instant or "", key)
        wall = values.dt.replace_time_zone(None) if dtype.time_zone is None else values.dt.convert_time_zone("UTC")
        ns = np.asarray(wall.dt.epoch("ns").to_numpy(), np.int64)
        return ns if dtype.time_zone is not None else _walls(ns, rule, reader)
    if values.dtype != pl.String:
        raise BadInput(f"{key}.instant: {rule.instant!r} in {reader.table.file} holds {values.dtype}, no date and time: use date or epoch.")
    parts = pl.DataFrame({"d": values.str.extract(ISO, 1), "c": values.str.extract(ISO, 2), "z": values.str.extract(ISO, 3)})
    _no_nulls(parts["d"], reader.table, rule.instant or "", values)
    days, clock = days_of(parts["d"], reader.table, rule.instant or ""), _texts_of_day(parts["c"], reader, rule.instant or "")
    if rule.zone is None and bool(parts["z"].is_null().any()):
        _naive(reader, rule.instant or "", key)
    ns = days.astype("datetime64[D]").astype(np.int64) * DAY + clock
    naive = parts["z"].is_null().to_numpy()
    offset = parts["z"].replace({"Z": "+00", "UTC": "+00"}).fill_null("+00").str.replace(":", "").str.pad_end(5, "0")
    minutes = offset.str.slice(1, 2).cast(pl.Int64) * 60 + offset.str.slice(3, 2).cast(pl.Int64)
    sign = np.where((offset.str.slice(0, 1) == "-").to_numpy(), -1, 1)
    fixed = ns - sign * minutes.to_numpy() * 60 * 10**9
    return np.where(naive, _walls(ns, rule, reader), fixed) if naive.any() else fixed


def _walls(ns: I64, rule: TimeRule, reader: Reader) -> I64:
    day = ns.astype("datetime64[ns]").astype("datetime64[D]")
    return _local(day, ns - day.astype(np.int64) * DAY, rule.zone or NEW_YORK, reader)


def _naive(reader: Reader, column: str, key: str) -> None:
    raise BadInput(
        f'{reader.table.file}: {column!r} has times without a zone; write zone = "America/New_York" (or "UTC", …) in {key} of the mapping.'
    )


def _counted(values: pl.Series, unit: str, reader: Reader, column: str) -> I64:
    """Numbers of a unit as ns, whole numbers exactly."""
    import polars as pl

    whole = values.cast(pl.Int64, strict=False) if not values.dtype.is_float() else pl.Series([None], dtype=pl.Int64)
    if len(whole) == len(values) and whole.null_count() == 0:
        numbers = whole.to_numpy()
        _bounded(np.abs(numbers.astype(np.float64)) * SECONDS[unit], reader, column, values)
        return np.asarray(numbers * SECONDS[unit], np.int64)
    real = values.cast(pl.Float64, strict=False)
    _no_nulls(real.fill_nan(None), reader.table, column, values)
    scaled = real.to_numpy() * SECONDS[unit]
    _bounded(np.abs(scaled), reader, column, values)
    return np.asarray(np.rint(scaled), np.int64)


def _bounded(size: Array, reader: Reader, column: str, values: pl.Series) -> None:
    if bool((size > 2.0**62).any()):
        row = int((size > 2.0**62).argmax())
        reader.table.fail(row, f"{column} is {values[row]!r}, too large for its unit")


def _clock(rule: TimeRule, reader: Reader, key: str) -> I64:
    import polars as pl

    column = rule.clock or ""
    values = reader.value(column, f"{key}.clock")
    if rule.unit is not None:
        since = _counted(values, rule.unit, reader, column)
        if bool(((since < 0) | (since >= DAY)).any()):
            row = int(((since < 0) | (since >= DAY)).argmax())
            reader.table.fail(row, f"{column} is {values[row]!r}, no time of a day in {rule.unit}")
        return since
    if values.dtype == pl.Time:
        _no_nulls(values, reader.table, column, values)
        return np.asarray(values.cast(pl.Int64).to_numpy(), np.int64)
    return _texts_of_day(values.cast(pl.String), reader, column)


def _texts_of_day(values: pl.Series, reader: Reader, column: str) -> I64:
    """``HH:MM[:SS[.fraction]]`` as ns since midnight."""
    import polars as pl

    known = values.unique().drop_nulls()
    clocks = pl.Series([wall_clock(t) for t in known.to_list()], dtype=pl.Int64)
    out = values.replace_strict(known, clocks, default=None, return_dtype=pl.Int64)
    _no_nulls(out, reader.table, column, values)
    return np.asarray(out.to_numpy(), np.int64)


def days_of(values: pl.Series, table: Table, column: str) -> Array:
    """Dates, ``YYYY-MM-DD`` or ``YYYYMMDD``, datetime64[D] (n,)."""
    import polars as pl

    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        days = values.dt.date()
    else:
        text = values.cast(pl.String)
        known = text.unique().drop_nulls()  # few days, many rows
        read = known.str.replace(r"^(\d{4})(\d{2})(\d{2})$", "${1}-${2}-${3}").str.to_date("%Y-%m-%d", strict=False)
        days = text.replace_strict(known, read, default=None, return_dtype=pl.Date)
    days = days.set(~days.dt.year().is_between(*YEARS), None)
    _no_nulls(days, table, column, values)
    return np.asarray(days.to_numpy(), "datetime64[D]")


def _no_nulls(read: pl.Series, table: Table, column: str, written: pl.Series) -> None:
    if read.null_count():
        row = int(read.is_null().arg_max() or 0)
        table.fail(row, f"{column} is {written[row]!r}, which is no date or time that can be read")

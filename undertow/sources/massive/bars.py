"""Aggregates: intraday bars known a moment after they end, day bars known when the day's last trade can have happened."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array, Chunk
from undertow.core.events import Bar, DailyBar, Grade
from undertow.core.time import HOUR, SECOND, Duration
from undertow.sources.massive.rows import Row, Scope, Stamps, built, column, in_session, optional, refuse
from undertow.sources.wire.number import units_column, whole_column
from undertow.sources.wire.stamps import instant, new_york_day

BAR_LAG: Duration = SECOND  #: from a bar's end to the moment Massive can have told it
DAY_ENDS: Duration = 20 * HOUR  #: New York: a day bar counts trades until then


def bars(rows: Sequence[Row], scope: Scope, span: Duration) -> Chunk:
    """``/v2/aggs/…/minute`` rows as ``Bar``: ``t`` is the start (ms), ``event_at`` the end; known ``BAR_LAG`` later plus the plan's delay.

    Rows on days without a session or whose prices contradict each other are left out and logged.
    """
    starts = np.asarray([instant(t) for t in column(rows, "t")], np.int64)
    columns = _prices(rows)
    columns["span"] = np.full(len(rows), span, np.int64)
    end = starts + span
    keep = _believable(scope, columns, in_session(starts))
    stamps = Stamps(event_at=end[keep], known_at=end[keep] + BAR_LAG + scope.delay, grade=Grade.MODELLED)
    return built(Bar, scope, stamps, {name: values[keep] for name, values in columns.items()})


def daily_bars(rows: Sequence[Row], scope: Scope) -> Chunk:
    """Day rows (``t`` any instant of its New York day: 00:00 in ranges, 16:00 in grouped and previous-close) as ``DailyBar``.

    ``event_at`` is the session's close; the volume counts trades until 20:00 New York, so the bar is known then (modelled).
    """
    calendar = nyse()
    days = np.asarray([new_york_day(instant(t)) for t in column(rows, "t")], "datetime64[D]")
    position = np.minimum(np.searchsorted(calendar.day, days), len(calendar) - 1).astype(np.int64)
    columns = _prices(rows)
    keep = _believable(scope, columns, np.asarray(calendar.day[position] == days, bool))
    at = position[keep]
    stamps = Stamps(event_at=calendar.close[at], known_at=calendar.midnight[at] + DAY_ENDS + scope.delay, grade=Grade.MODELLED)
    return built(DailyBar, scope, stamps, {name: values[keep] for name, values in columns.items()})


def _prices(rows: Sequence[Row]) -> dict[str, I64]:
    volume = [row.get("dv", row.get("v")) for row in rows]
    if any(v is None for v in volume):
        column(rows, "v")
    return {
        "open": units_column(column(rows, "o")),
        "high": units_column(column(rows, "h")),
        "low": units_column(column(rows, "l")),
        "close": units_column(column(rows, "c")),
        "volume": whole_column(volume),
        "vwap": units_column(optional(rows, "vw")),
        "trades": whole_column(optional(rows, "n")),
    }


def _believable(scope: Scope, columns: dict[str, I64], session: Array) -> Array:
    o, h, low, c = (columns[name] for name in ("open", "high", "low", "close"))
    ordered = (low > 0) & (low <= np.minimum(o, c)) & (h >= np.maximum(o, c)) & (columns["volume"] >= 0)
    refuse(scope, "bars", ~session, "the exchange was closed on that day")
    refuse(scope, "bars", session & ~ordered, "their prices contradict each other")
    return np.asarray(session & ordered, bool)

"""What to ask Massive for each kind of event: paths and parameters, unadjusted and oldest first, at the largest page size."""

from __future__ import annotations

from undertow.core.errors import BadInput
from undertow.core.time import DAY, HOUR, MINUTE, SECOND, Duration, Instant, iso
from undertow.sources.wire.client import Params, quoted
from undertow.sources.wire.stamps import new_york_day

Request = tuple[str, Params]
_SPANS = ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"), (SECOND, "second"))
LATE: Duration = 15 * MINUTE  #: prints may be published that long after they happened


def bars(symbol: str, span: Duration, after: Instant, until: Instant) -> Request:
    """Bars that start in ``[after, until]``; prices as traded: splits are applied forward, by us."""
    for unit, name in _SPANS:
        if span >= unit and span % unit == 0:
            path = f"/v2/aggs/ticker/{quoted(symbol)}/range/{span // unit}/{name}/{max(after, 0) // 10**6}/{max(until, 0) // 10**6}"
            return path, {"adjusted": "false", "sort": "asc", "limit": 50_000}
    raise BadInput(f"Massive has no bars of {span} ns: the shortest is 1s.")


def trades(symbol: str, after: Instant, until: Instant) -> Request:
    """Trades stamped in ``(after - LATE, until]``."""
    return f"/v3/trades/{quoted(symbol)}", _ticks(after, until)


def quotes(symbol: str, after: Instant, until: Instant) -> Request:
    """Quotes stamped in ``(after - LATE, until]``."""
    return f"/v3/quotes/{quoted(symbol)}", _ticks(after, until)


def splits(symbol: str, until: Instant) -> Request:
    """All splits up to the day of ``until``."""
    return "/stocks/v1/splits", {"ticker": symbol, "execution_date.lte": _day(until), "limit": 5000, "sort": "execution_date.asc"}


def dividends(symbol: str) -> Request:
    """All dividends; those declared and still to come included."""
    return "/stocks/v1/dividends", {"ticker": symbol, "limit": 5000, "sort": "ex_dividend_date.asc"}


def short_volume(symbol: str, after: Instant, until: Instant) -> Request:
    """Short volume of the days whose publication may fall in the range: a long weekend before it included."""
    days = {"date.gte": _day(after - 7 * DAY), "date.lte": _day(until)}
    return "/stocks/v1/short-volume", {"ticker": symbol, **days, "limit": 50_000, "sort": "date.asc"}


def news(symbol: str, after: Instant, until: Instant) -> Request:
    """Stories published in the range, and shortly before it: their tone is known later."""
    days = {"published_utc.gte": _seconds(after - HOUR), "published_utc.lte": _seconds(until)}
    return "/v2/reference/news", {"ticker": symbol, **days, "order": "asc", "sort": "published_utc", "limit": 1000}


def chain(symbol: str) -> Request:
    """The whole option chain as it stands."""
    return f"/v3/snapshot/options/{quoted(symbol)}", {"limit": 250, "order": "asc", "sort": "ticker"}


def _ticks(after: Instant, until: Instant) -> Params:
    return {"timestamp.gt": str(max(after - LATE, 0)), "timestamp.lte": str(until), "order": "asc", "sort": "timestamp", "limit": 50_000}


def _day(at: Instant) -> str:
    return str(new_york_day(at))


def _seconds(at: Instant) -> str:
    return iso(max(at, 0) // SECOND * SECOND)

"""``/v2/aggs`` and ``/v1/open-close``: bars of any length, of one ticker or of all, of the day before, of one day."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.time import DAY, Instant
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive import candles
from undertow.sandbox.servers.massive.asking import bad, contract, date_at, day, envelope, flag, missing, moment, next_url, stock, whole
from undertow.sandbox.servers.massive.candles import Candles
from undertow.sandbox.servers.world import World

MONTH = 21  #: sessions of minutes looked at at once
SPANS = ("minute", "hour", "day", "week", "month", "year")


def bars(world: World, asked: Asked) -> dict[str, Any]:
    """A page of custom bars. ``limit`` counts the bars of a minute or a day that they are made of."""
    parts, multiplier = asked.parts, asked.parts["multiplier"]
    if not multiplier.isdigit() or int(multiplier) < 1 or parts["timespan"] not in SPANS:
        raise bad(f"Could not parse the parameters 'multiplier' and 'timespan': '{multiplier}', '{parts['timespan']}'.")
    first, last = moment(parts["from"]), moment(parts["to"], end=True)
    if last < first:
        raise bad("The parameter 'to' cannot be a time that occurs before 'from'")
    limit, fair = whole(asked, "limit", 5000, 50_000), flag(asked, "adjusted", True)
    descending = _descending(asked)
    if asked.start:
        first, last = (first, asked.start) if descending else (asked.start, last)
    base, then = _base(world, asked, (first, last), limit, descending=descending)
    if fair and ":" not in parts["ticker"]:
        base = candles.adjusted(world, parts["ticker"], base)
    made = candles.together(base, int(multiplier), parts["timespan"])
    rows = candles.rendered(made[::-1] if descending else made)
    head = {"ticker": parts["ticker"], "queryCount": len(base), "resultsCount": len(rows), "adjusted": fair}
    body = {**head, **envelope(asked, rows), "count": len(rows)}
    if not rows:
        del body["results"]
    if then:
        body["next_url"] = next_url(world, asked, then)
    return body


def grouped(world: World, asked: Asked) -> dict[str, Any]:
    """The day's bar of every listed ticker."""
    date, fair = day(asked.parts["date"]), flag(asked, "adjusted", True)
    rows: list[dict[str, Any]] = []
    for symbol in world.listed:
        made = candles.days(world, symbol, world.sessions(date, date))
        made = candles.adjusted(world, symbol, made) if fair else made
        rows += _at_close(candles.rendered(made, T=symbol))
    counts = {"queryCount": len(rows), "resultsCount": len(rows), "adjusted": fair, "count": len(rows)}
    return {**counts, **envelope(asked, rows)} if rows else {**counts, "status": "OK", "request_id": "0" * 32}


def previous(world: World, asked: Asked) -> dict[str, Any]:
    """The bar of the last session that is over."""
    ticker, at, fair = asked.parts["ticker"], world.last_session(), flag(asked, "adjusted", True)
    made = _days(world, ticker, slice(max(at - 7, world.market.sessions.start), at + 1))[-1:]
    if fair and ":" not in ticker:
        made = candles.adjusted(world, ticker, made)
    rows = _at_close(candles.rendered(made, T=ticker))
    return {"ticker": ticker, "queryCount": 1, "resultsCount": len(rows), "adjusted": fair, **envelope(asked, rows), "count": len(rows)}


def open_close(world: World, asked: Asked) -> dict[str, Any]:
    """One session as one flat object, with the first price before the open and the last one after the close."""
    ticker, date, fair = asked.parts["ticker"], day(asked.parts["date"]), flag(asked, "adjusted", True)
    sessions = world.sessions(date, date)
    made = _days(world, ticker, sessions)
    if not len(made):
        raise missing("Data not found.")
    body: dict[str, Any] = {"status": "OK", "from": str(date), "symbol": ticker}
    if ":" in ticker:
        return body | _flat(made)
    around = candles.minutes(world, ticker, sessions)
    if fair:
        made, around = candles.adjusted(world, ticker, made), candles.adjusted(world, ticker, around)
    calendar, at = nyse(), sessions.start
    body |= _flat(made)
    after, before = around[around.start >= calendar.close[at]], around[around.start < calendar.open[at]]
    if len(after):
        body["afterHours"] = float(after.close[-1])
    if len(before):
        body["preMarket"] = float(before.open[0])
    return body


def _flat(made: Candles) -> dict[str, float]:
    return {name: float(getattr(made, name)[-1]) for name in ("open", "high", "low", "close", "volume")}


def _descending(asked: Asked) -> bool:
    order = asked.query.get("sort", "asc")
    if order not in ("asc", "desc"):
        raise bad(f"The parameter 'sort' must be asc or desc, not '{order}'.")
    return order == "desc"


def _days(world: World, ticker: str, sessions: slice) -> Candles:
    if ":" in ticker:
        return candles.contract_days(world, contract(ticker), sessions)
    return candles.days(world, stock(ticker), sessions)


def _base(world: World, asked: Asked, between: tuple[Instant, Instant], limit: int, *, descending: bool) -> tuple[Candles, int]:
    """Bars of a minute or a day that start in the range, ``limit`` at most, and where the next page begins, 0 if there is none."""
    ticker, (first, last) = asked.parts["ticker"], between
    sessions = world.sessions(date_at(first), date_at(min(last, world.now())))
    if ":" not in ticker and asked.parts["timespan"] in candles.MINUTES:
        made = _some_minutes(world, stock(ticker), sessions, (first, last, limit), descending=descending)
    else:
        if asked.parts["timespan"] in candles.MINUTES:
            sessions = slice(0, 0)
        made = _days(world, ticker, sessions)
        made = made[(made.start >= first) & (made.start <= last)]
    if len(made) <= limit:
        return made, 0
    kept = made[-limit:] if descending else made[:limit]
    return _whole_bars(kept, asked, descending=descending)


def _whole_bars(kept: Candles, asked: Asked, *, descending: bool) -> tuple[Candles, int]:
    # a bar is never cut in two by a page: what is left of the last one begins the next page, unless it is the only one
    multiplier, timespan = int(asked.parts["multiplier"]), asked.parts["timespan"]
    starts = candles.together(kept, multiplier, timespan).start
    if len(starts) > 1 and (multiplier > 1 or timespan not in ("minute", "day")):
        kept = kept[kept.start >= starts[1]] if descending else kept[kept.start < starts[-1]]
    if descending:
        return kept, int(kept.start[0]) - 1
    return kept, int(kept.start[-1]) + 1


def _some_minutes(world: World, symbol: str, sessions: slice, wanted: tuple[Instant, Instant, int], *, descending: bool) -> Candles:
    # a month after the other, the newest first where they are asked for so, until there are more than enough
    first, last, limit = wanted
    found, count = [], 0
    months = [slice(at, min(at + MONTH, sessions.stop)) for at in range(sessions.start, sessions.stop, MONTH)]
    for month in reversed(months) if descending else months:
        some = candles.minutes(world, symbol, month)
        some = some[(some.start >= first) & (some.start <= last)]
        found.append(some)
        count += len(some)
        if count > limit:
            break
    if not found:
        return candles.minutes(world, symbol, slice(0, 0))
    found = found[::-1] if descending else found
    names = Candles.__slots__
    return Candles(**{name: np.concatenate([getattr(some, name) for some in found]) for name in names})


def _at_close(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    # grouped and previous bars carry the close as their time, not the midnight
    calendar = nyse()
    for row in rows:
        row["t"] = int(calendar.close[calendar.position(row["t"] * 10**6 + DAY // 2)]) // 10**6
    return rows

"""What is published by date or by story: splits, dividends, short volume and news."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.events import NewsItem, OffExchangeVolume
from undertow.core.time import DAY, MINUTE, Duration, Instant, iso
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive.asking import date_at, day, moment, stock
from undertow.sandbox.servers.massive.lists import listed
from undertow.sandbox.servers.world import World

INSIGHT: Duration = 15 * MINUTE  #: from a story to its tone, without which it is not given out here
_PLAIN = 0.15  #: tones below this size are neutral
_RECENT = 260 * DAY  # of news, where no range is asked for


def splits(world: World, asked: Asked) -> dict[str, Any]:
    """``/stocks/v1/splits``."""
    rows = _splits(world, asked)
    return listed(world, asked, rows, ("ticker", "execution_date"), limits=(100, 5000), order="execution_date.desc")


def old_splits(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/splits``, which says less."""
    short = [{name: row[name] for name in ("id", "ticker", "execution_date", "split_from", "split_to")} for row in _splits(world, asked)]
    return listed(world, asked, short, ("ticker", "execution_date"), limits=(10, 1000), order="execution_date.desc")


def dividends(world: World, asked: Asked) -> dict[str, Any]:
    """Both endpoints of dividends: nobody pays one here."""
    return listed(world, asked, [], (), limits=(100, 5000))


def short_volume(world: World, asked: Asked) -> dict[str, Any]:
    """``/stocks/v1/short-volume``: volume reported off exchange, in three facilities."""
    rows: list[dict[str, Any]] = []
    first, last = _dates(world, asked, "date")
    for symbol in _symbols(world, asked):
        chunk = world.rows(OffExchangeVolume, symbol, world.sessions(first, last))
        date = nyse().day[nyse().position(chunk.event_at)]
        columns = chunk.columns["volume"].tolist(), chunk.columns["short_volume"].tolist()
        rows += [_volume(symbol, str(d), volume, short) for d, volume, short in zip(date, *columns, strict=True)]
    return listed(world, asked, rows, ("ticker", "date"), limits=(10, 50_000), order="date.desc")


def short_interest(world: World, asked: Asked) -> dict[str, Any]:
    """``/stocks/v1/short-interest``: none is made here."""
    return listed(world, asked, [], (), limits=(10, 50_000))


def news(world: World, asked: Asked) -> dict[str, Any]:
    """``/v2/reference/news``: one story for a day's stories, with the insight that its tone is."""
    query = dict(asked.query)
    given = [moment_of(query[name]) for name in ("published_utc.gte", "published_utc.gt", "published_utc") if name in query]
    first = max(given) if given else world.now() - _RECENT
    rows: list[dict[str, Any]] = []
    sessions = world.sessions(date_at(first) - 7, date_at(world.now()))
    for symbol in _symbols(world, asked):
        chunk = world.rows(NewsItem, symbol, sessions)
        tones = zip(chunk.known_at.tolist(), chunk.columns["tone"].tolist(), chunk.columns["headline"].tolist(), strict=True)
        rows += [_story(symbol, known - INSIGHT, tone, headline) for known, tone, headline in tones]
    for name in [name for name in query if name.startswith("published_utc")]:
        query[name] = iso(moment_of(query[name]))
    own = Asked(path=asked.path, parts=asked.parts, query={"sort": "published_utc", **query}, start=asked.start)
    return listed(world, own, rows, ("published_utc",), limits=(10, 1000), order="published_utc.desc")


def moment_of(text: str) -> Instant:
    """A date or an RFC 3339 text as ns UTC; raises a 400."""
    if "T" not in text:
        return int(day(text).astype("datetime64[ns]").astype(np.int64)) if "-" in text else moment(text)
    date, _, clock = text.partition("T")
    parts = clock.removesuffix("Z").partition("+")[0].split(":")
    if len(parts) != 3 or not all(part.replace(".", "").isdigit() for part in parts):
        day(text)
    seconds = int(parts[0]) * 3600 + int(parts[1]) * 60 + float(parts[2])
    return int(day(date).astype("datetime64[ns]").astype(np.int64)) + int(seconds) * 10**9


def _symbols(world: World, asked: Asked) -> list[str]:
    if "ticker" in asked.query:
        return [stock(asked.query["ticker"])]
    if "ticker.any_of" in asked.query:
        return [stock(text) for text in asked.query["ticker.any_of"].split(",")]
    return list(world.listed)


def _dates(world: World, asked: Asked, name: str) -> tuple[np.datetime64, np.datetime64]:
    query, today = asked.query, date_at(world.now())
    if name in query:
        return day(query[name]), day(query[name])
    first = [day(query[name + suffix]) for suffix in (".gt", ".gte") if name + suffix in query]
    last = [day(query[name + suffix]) for suffix in (".lt", ".lte") if name + suffix in query]
    return max(first, default=np.datetime64("2005-01-01")), min(last, default=today)


def _splits(world: World, asked: Asked) -> list[dict[str, Any]]:
    rows = []
    for symbol in _symbols(world, asked):
        chunk = world.actions(symbol)
        through = np.cumprod(chunk.columns["ratio"][::-1])[::-1].tolist() if len(chunk) else []
        for at, ratio, later in zip(chunk.event_at.tolist(), chunk.columns["ratio"].tolist(), through, strict=True):
            exact = Fraction(ratio).limit_denominator(1000)
            rows.append(
                {
                    "id": _id("split", symbol, at),
                    "ticker": symbol,
                    "execution_date": str(date_at(at)),
                    "split_from": exact.denominator,
                    "split_to": exact.numerator,
                    "adjustment_type": "forward_split" if ratio > 1 else "reverse_split",
                    "historical_adjustment_factor": 1 / later,
                }
            )
    return rows


def _volume(symbol: str, date: str, volume: int, short: int) -> dict[str, Any]:
    new_york, chicago = short // 4, short // 50
    exempt = short // 400
    return {
        "ticker": symbol,
        "date": date,
        "total_volume": volume,
        "short_volume": short,
        "exempt_volume": exempt,
        "non_exempt_volume": short - exempt,
        "short_volume_ratio": round(100 * short / volume, 2) if volume else 0.0,
        "nasdaq_carteret_short_volume": short - new_york - chicago,
        "nasdaq_carteret_short_volume_exempt": exempt,
        "nasdaq_chicago_short_volume": chicago,
        "nasdaq_chicago_short_volume_exempt": 0,
        "nyse_short_volume": new_york,
        "nyse_short_volume_exempt": 0,
        "adf_short_volume": 0,
        "adf_short_volume_exempt": 0,
    }


def _story(symbol: str, at: Instant, tone: float, headline: str) -> dict[str, Any]:
    sentiment = "positive" if tone > _PLAIN else "negative" if tone < -_PLAIN else "neutral"
    home = "https://simulated.invalid"
    return {
        "id": _id("news", symbol, at),
        "publisher": {"name": "Simulated Wire", "homepage_url": home, "logo_url": f"{home}/logo.png", "favicon_url": f"{home}/icon.ico"},
        "title": headline,
        "author": "Simulated Market",
        "published_utc": iso(at),
        "article_url": f"{home}/{symbol}/{at}",
        "tickers": [symbol],
        "image_url": f"{home}/{symbol}.png",
        "description": f"What was written about {symbol} since the session before.",
        "keywords": ["simulated"],
        "insights": [{"ticker": symbol, "sentiment": sentiment, "sentiment_reasoning": f"The tone of the stories is {tone:+.2f}."}],
    }


def _id(*what: object) -> str:
    return hashlib.blake2b(repr(what).encode(), digest_size=32).hexdigest()

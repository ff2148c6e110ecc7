"""Splits, dividends, short volume and news: what is published by date or by story, and when it was first sure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Chunk, concat
from undertow.core.errors import BadData
from undertow.core.events import CorporateAction, Grade, NewsItem, OffExchangeVolume
from undertow.core.time import HOUR, MINUTE, Duration
from undertow.sources.massive.rows import Row, Scope, Stamps, built, column, optional, refuse
from undertow.sources.tone import tone as tone_of
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import real_column, whole_column
from undertow.sources.wire.stamps import day_of, instant_of, new_york_midnight

VOLUME_KNOWN: Duration = 6 * HOUR  #: New York, next session: when short volume is out for sure
TONE_LAG: Duration = 15 * MINUTE  #: insights are added after publication, Massive does not say when
TONES = {"positive": 1.0, "neutral": 0.0, "negative": -1.0}
_TWICE = 30  # days within which the same split does not happen again


def splits(rows: Sequence[Row], scope: Scope) -> Chunk:
    """Splits as ``CorporateAction``: effective, and known (modelled: no announcement is given), at midnight New York of the day.

    Raises ``BadData`` where the same split is listed on two near days: applying both would ruin every earlier price.
    """
    own = _of(rows, scope)
    old, new = real_column(column(own, "split_from")), real_column(column(own, "split_to"))
    if not bool(((old > 0) & (new > 0)).all()):
        raise BadAnswer(f"Massive lists a split of {scope.symbol} that is not above zero; nothing was taken.")
    days = [day_of(text) for text in column(own, "execution_date")]
    first = {(day, float(r)): i for i, (day, r) in reversed(list(enumerate(zip(days, new / old, strict=True))))}
    keep = np.asarray(sorted(first.values()), np.int64)
    ordered = sorted(first)
    for (day, ratio), (later, other) in pairwise(ordered):
        if ratio == other and int((later - day).astype(np.int64)) < _TWICE:
            raise BadData(
                f"Massive lists the split {ratio:g} for 1 of {scope.symbol} on {day} and again on {later}; one of them is wrong and "
                "would spoil every price before it, so nothing was taken. Look the day up and ignore the other one."
            )
    at = np.asarray([new_york_midnight(days[i]) for i in keep], np.int64)
    columns = {"ratio": (new / old)[keep], "dividend": np.zeros(len(keep))}
    return built(CorporateAction, scope, Stamps(event_at=at, known_at=at, grade=Grade.MODELLED), columns)


def dividends(rows: Sequence[Row], scope: Scope) -> Chunk:
    """Cash dividends in USD as ``CorporateAction``: effective at midnight of the ex-day, known at the end of the day of declaration.

    The amount is as paid, not adjusted for later splits.
    """
    own = _of(rows, scope)
    foreign = np.asarray([row.get("currency") not in (None, "", "USD") for row in own], bool)
    refuse(scope, "dividends", foreign, "not paid in USD")
    own = [row for row, gone in zip(own, foreign, strict=True) if not gone]
    at = np.asarray([new_york_midnight(day_of(text)) for text in column(own, "ex_dividend_date")], np.int64)
    declared = [
        new_york_midnight(day_of(text) + 1) if text else int(ex) for text, ex in zip(optional(own, "declaration_date"), at, strict=True)
    ]
    known = np.minimum(np.asarray(declared, np.int64), at)
    columns = {"ratio": np.ones(len(own)), "dividend": real_column(column(own, "cash_amount"))}
    return built(CorporateAction, scope, Stamps(event_at=at, known_at=known, grade=Grade.MODELLED), columns)


def actions(split_rows: Sequence[Row], dividend_rows: Sequence[Row], scope: Scope) -> Chunk:
    """Both as one chunk; of one instant, splits come first."""
    return concat([splits(split_rows, scope), dividends(dividend_rows, scope)])


def short_volume(rows: Sequence[Row], scope: Scope) -> Chunk:
    """``/stocks/v1/short-volume`` as ``OffExchangeVolume``: volume reported to FINRA, of the session's close, known the next morning."""
    calendar = nyse()
    own = _of(rows, scope)
    days = np.asarray([day_of(text) for text in column(own, "date")], "datetime64[D]")
    position = np.minimum(np.searchsorted(calendar.day, days), len(calendar) - 2).astype(np.int64)
    keep = np.asarray(calendar.day[position] == days, bool)
    refuse(scope, "short volumes", ~keep, "the exchange was closed on that day")
    at = position[keep]
    columns: dict[str, I64] = {
        "volume": whole_column(column(own, "total_volume"))[keep],
        "short_volume": whole_column(column(own, "short_volume"))[keep],
    }
    stamps = Stamps(event_at=calendar.close[at], known_at=calendar.midnight[at + 1] + VOLUME_KNOWN, grade=Grade.MODELLED)
    return built(OffExchangeVolume, scope, stamps, columns)


def news(rows: Sequence[Row], scope: Scope) -> Chunk:
    """``/v2/reference/news`` stories that name the symbol, as ``NewsItem``.

    ``tone`` is Massive's insight on this symbol in {-1, 0, 1}, or that of the title's words where it has none. A story with an insight is
    known ``TONE_LAG`` after publication (modelled), for the insight is made later.
    """
    own = [row for row, tickers in zip(rows, optional(rows, "tickers", []), strict=True) if scope.symbol in tickers]
    published = np.asarray([instant_of(text) for text in column(own, "published_utc")], np.int64)
    titles = column(own, "title")
    insight = np.asarray([_tone(row, scope.symbol) for row in own], np.float64)
    known = published + np.where(np.isnan(insight), 0, TONE_LAG)
    tone = np.where(np.isnan(insight), [tone_of(str(title)) for title in titles], insight)
    columns = {"tone": tone, "stories": np.ones(len(own), np.int64), "headline": np.asarray(titles, object)}
    return built(NewsItem, scope, Stamps(event_at=published, known_at=known, grade=Grade.MODELLED), columns)


def _tone(row: Row, symbol: str) -> float:
    for insight in row.get("insights") or ():
        if isinstance(insight, dict) and insight.get("ticker") == symbol:
            return TONES.get(str(insight.get("sentiment")), float("nan"))
    return float("nan")


def _of(rows: Sequence[Row], scope: Scope) -> list[Row]:
    return [row for row, ticker in zip(rows, column(rows, "ticker"), strict=True) if ticker == scope.symbol]

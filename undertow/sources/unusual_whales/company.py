"""News and earnings of companies. What the price did after a report is a label: those fields are never read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from undertow.core.calendar import Day, nyse
from undertow.core.events import EarningsDate, EarningsReport, Grade, NewsItem
from undertow.core.time import HOUR, Instant
from undertow.sources.tone import tone as tone_of
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.rows import ELSEWHERE, Clocks, Draft, Parsed, first, moment, read, stable
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import real
from undertow.sources.wire.stamps import day_of, new_york_midnight

NO_TICKER = "names no ticker"
REPORTED = "reported already"
NOT_YET = "no actual earnings"
_TONES = {"positive": 1.0, "bullish": 1.0, "neutral": 0.0, "negative": -1.0, "bearish": -1.0}
_PREMARKET, _POST_ENDS = 4 * HOUR, 20 * HOUR  # New York time


def news(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """Headlines (REST ``created_at``, WebSocket ``timestamp``) as a ``NewsItem`` for each of their tickers in the universe.

    ``tone`` is the vendor's word as +1, 0 or -1, of which nobody says when it was added, or that of the headline's words without one.
    """
    return read(NewsItem, rows, symbols, _news)


def earnings_reports(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``/earnings/{ticker}`` (rows joined with their ticker) and the daily lists as ``EarningsReport``, for rows with actual earnings.

    The vendor tells no hour: ``event_at`` is the earliest moment that ``report_time`` allows, ``known_at`` the latest (modelled) —
    the open for premarket, 20:00 New York for postmarket, the day's end otherwise; a day without a session counts as the next one.
    """
    return read(EarningsReport, rows, symbols, _report)


def earnings_dates(rows: Iterable[Row], symbols: Sequence[str], received_at: Instant) -> Parsed:
    """The same rows' reports to come as ``EarningsDate``, known when we received them (recorded): nobody says since when a date stood."""

    def one(draft: Draft, row: Row) -> None:
        key = draft.key(first(row, "ticker", "symbol"))
        if key is None:
            return
        earliest, _ = _window(row)
        if first(row, "actual_eps") is not None or earliest <= received_at:
            draft.left_out[REPORTED] += 1
            return
        draft.add(key, Clocks(received_at, received_at, Grade.RECORDED), stable(earliest), {"reports_at": earliest})

    return read(EarningsDate, rows, symbols, one)


def _news(draft: Draft, row: Row) -> None:
    tickers = row.get("tickers")
    if not isinstance(tickers, list) or not tickers:
        draft.left_out[NO_TICKER] += 1
        return
    at, headline = moment(first(row, "created_at", "timestamp")), str(first(row, "headline") or "")
    if not headline:
        raise BadAnswer("it has no headline")
    ours = [ticker for ticker in dict.fromkeys(map(str, tickers)) if ticker in draft.symbols]
    if not ours:
        draft.left_out[ELSEWHERE] += 1
    said = _TONES.get(str(first(row, "sentiment") or "").lower())
    tone = tone_of(headline) if said is None else said
    for ticker in ours:
        columns = {"tone": tone, "stories": 1, "headline": headline}
        draft.add(draft.symbols.index(ticker), Clocks(at, at, Grade.STAMPED), stable(headline, row.get("source")), columns)


def _report(draft: Draft, row: Row) -> None:
    key = draft.key(first(row, "ticker", "symbol"))
    if key is None:
        return
    eps, estimate = real(first(row, "actual_eps")), real(first(row, "street_mean_est"))
    if np.isnan(eps):
        draft.left_out[NOT_YET] += 1
        return
    event_at, known_at = _window(row)
    surprise = (eps - estimate) / abs(estimate) if estimate == estimate and estimate != 0 else float("nan")
    draft.add(key, Clocks(event_at, known_at, Grade.MODELLED), 0, {"eps": eps, "eps_estimate": estimate, "surprise": surprise})


def _window(row: Row) -> tuple[Instant, Instant]:
    """The earliest and the latest moment at which a report of that day and time of day comes out, ns UTC."""
    calendar, day = nyse(), day_of(first(row, "report_date"))
    if not calendar.is_session(day):
        return _after_hours(day)
    position = calendar.session_on_or_before(day)
    midnight, opens, closes = int(calendar.midnight[position]), int(calendar.open[position]), int(calendar.close[position])
    when = str(first(row, "report_time") or "").lower()
    if when == "premarket":
        return midnight + _PREMARKET, opens
    if when in ("postmarket", "afterhours"):
        return closes, midnight + _POST_ENDS
    return midnight + _PREMARKET, new_york_midnight(day + 1)


def _after_hours(day: Day) -> tuple[Instant, Instant]:
    """On a day without a session nobody can act: what is reported then is known when the next one's premarket begins."""
    calendar = nyse()
    at = int(np.searchsorted(calendar.day, day))
    if at == len(calendar):
        return new_york_midnight(day) + _PREMARKET, new_york_midnight(day + 1)
    return (begins := int(calendar.midnight[at]) + _PREMARKET), begins

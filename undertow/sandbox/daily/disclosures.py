"""Feeds of words and filings: the tone of the news, earnings dates and reports, insiders' trades, each with its two clocks."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.time import HOUR, MINUTE
from undertow.sandbox.part import Part, Rows, cents

NOTICE = 15  #: sessions between the announcement of an earnings date and the report
_TITLES = np.array(["Chief Executive Officer", "Chief Financial Officer", "Director", "General Counsel", "Director"], object)


def _rows(part: Part, at: I64, event_at: I64, known_at: I64, columns: dict[str, Array]) -> Rows:
    # at most one row a session
    return Rows(position=part.first + at, row=np.zeros(len(at), np.int64), event_at=event_at, known_at=known_at, columns=columns)


def news(part: Part) -> Rows:
    """One summary of a day's stories, as of 20:00 New York, known at 08:00 of the next session; none where nothing was written."""
    at = np.flatnonzero(part.rows["stories"] > 0)
    day = part.calendar.midnight[part.first + at]
    stories = part.rows["stories"][at].astype(np.int64)
    headline = np.array([f"{part.symbol}: {n} stories" for n in stories.tolist()], object)
    columns = {"tone": part.rows["tone"][at], "stories": stories, "headline": headline}
    return _rows(part, at, day + 20 * HOUR, part.calendar.midnight[part.first + at + 1] + 8 * HOUR, columns)


def earnings_dates(part: Part) -> Rows:
    """Announcements of the next report, at 17:00 New York fifteen sessions ahead of it."""
    at = np.flatnonzero(part.rows["wait"] == NOTICE)
    said = part.calendar.midnight[part.first + at] + 17 * HOUR
    return _rows(part, at, said, said, {"reports_at": part.calendar.close[part.first + at + NOTICE] + 30 * MINUTE})


def earnings_reports(part: Part) -> Rows:
    """Reports, half an hour after a close; the night that follows jumps."""
    at = np.flatnonzero(part.rows["reports"])
    when = part.calendar.close[part.first + at] + 30 * MINUTE
    estimate = np.maximum(0.05, np.round(part.rows["close"][at] * 0.012, 2))
    eps = np.round(estimate * (1.0 + part.rows["surprise"][at]), 2)
    return _rows(part, at, when, when, {"eps": eps, "eps_estimate": estimate, "surprise": (eps - estimate) / estimate})


def insider_trades(part: Part) -> Rows:
    """Form 4 filings at 18:30 New York, one or two sessions after the trade; about three in a hundred sessions, and without effect."""
    rows = part.earlier(2)
    here = len(rows) - (part.end - part.first)
    filed = (rows["insider"] > 1.9) & (np.arange(len(rows)) >= max(2, here)) & (part.company.jump > 0)
    at = np.flatnonzero(filed)
    made = at - np.where(rows["who"][at] > 0, 1, 2)
    shares = np.maximum(100, (2_500.0 * np.exp(0.8 * rows["size"][at])).astype(np.int64))
    price = cents(rows["close"][made])
    person = (np.abs(rows["size"][at]) * 1_000).astype(np.int64) % len(_TITLES)
    session = at - here
    midnight = part.calendar.midnight
    days = part.calendar.day[part.first + session]
    columns = {
        "insider": np.array([f"{part.symbol} insider {i + 1}" for i in person.tolist()], object),
        "title": _TITLES[person],
        "code": np.where(np.abs(rows["who"][at]) > 1.3, "P", "S").astype(object),
        "shares": shares,
        "price": price,
        "value": shares * price,
        "filing": np.array([f"{part.symbol} {day}" for day in days], object),
    }
    made_at = midnight[part.first + made - here] + 12 * HOUR
    return _rows(part, session, made_at, midnight[part.first + session] + 18 * HOUR + 30 * MINUTE, columns)

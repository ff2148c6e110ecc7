"""``/v2/assets``, ``/v2/clock`` and ``/v2/calendar``: what may be traded, and when."""

from __future__ import annotations

from typing import Any

from undertow.core.calendar import nyse
from undertow.core.errors import BadInput
from undertow.core.time import HOUR, MINUTE, date_of
from undertow.sandbox.broker import hours
from undertow.sandbox.broker.refusals import malformed, missing
from undertow.sandbox.servers.alpaca.asking import Question
from undertow.sandbox.servers.alpaca.bodies import asset_body, asset_id
from undertow.sandbox.servers.alpaca.stamps import new_york


def assets(question: Question) -> Any:
    """What is listed."""
    query = question.query
    if query.get("status", "active") != "active" or query.get("asset_class", "us_equity") != "us_equity":
        return []
    found = [asset_body(asset) for asset in question.book.listing.all()]
    return [body for body in found if query.get("exchange", body["exchange"]) == body["exchange"]]


def asset(question: Question) -> Any:
    """One asset, by symbol or id."""
    name, listing = question.parts["symbol"], question.book.listing
    found = listing(name) or next((each for each in listing.all() if asset_id(each.symbol) == name), None)
    if found is None:
        raise missing(f"asset not found for {name}")
    return asset_body(found)


def clock(question: Question) -> Any:
    """The market's present, and what comes next."""
    now = question.now
    return {
        "timestamp": new_york(now),
        "is_open": hours.is_open(now),
        "next_open": new_york(hours.next_open(now)),
        "next_close": new_york(hours.next_close(now)),
    }


def calendar(question: Question) -> Any:
    """Sessions from one day to another, both included."""
    sessions = nyse()
    days = {}
    for name, default in (("start", str(sessions.day[0])), ("end", str(sessions.day[-1]))):
        try:
            days[name] = date_of(question.query.get(name, default)[:10])
        except BadInput:
            raise malformed(f"invalid {name}: {question.query[name]}") from None
    wanted = sessions.sessions(days["start"], days["end"])
    return [
        {
            "date": str(sessions.day[i]),
            "open": _clock(int(sessions.open[i] - sessions.midnight[i])),
            "close": _clock(int(sessions.close[i] - sessions.midnight[i])),
            "session_open": "0400",
            "session_close": "2000",
        }
        for i in range(wanted.start, wanted.stop)
    ]


def _clock(since: int) -> str:
    return f"{since // HOUR:02d}:{since % HOUR // MINUTE:02d}"

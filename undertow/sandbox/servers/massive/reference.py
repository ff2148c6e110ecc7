"""Tickers and their details, exchanges, conditions, and the state of the market."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np

from undertow.core.calendar import holiday_name, nyse
from undertow.core.time import HOUR, SECOND, Instant, iso
from undertow.sandbox.daily.companies import company
from undertow.sandbox.draws import word
from undertow.sandbox.servers.asked import Asked
from undertow.sandbox.servers.massive import candles
from undertow.sandbox.servers.massive.asking import date_at, day, envelope, new_york, request_id, stock
from undertow.sandbox.servers.massive.lists import listed
from undertow.sandbox.servers.massive.prints import OPTION_VENUES, primary
from undertow.sandbox.servers.world import World

_VENUES = (
    (1, "NYSE American", "XASE", "A"), (7, "Cboe EDGA", "EDGA", "J"), (8, "Cboe EDGX", "EDGX", "K"),
    (10, "New York Stock Exchange", "XNYS", "N"), (11, "NYSE Arca", "ARCX", "P"), (12, "Nasdaq", "XNAS", "T"),
    (15, "Investors Exchange", "IEXG", "V"), (18, "Cboe BYX", "BATY", "Y"), (19, "Cboe BZX", "BATS", "Z"), (21, "MEMX", "MEMX", "U"),
)  # fmt: skip
_FACILITIES = (
    ("FINRA NYSE TRF", "FINY"), ("FINRA Nasdaq TRF Carteret", "FINN"), ("FINRA Nasdaq TRF Chicago", "FINC"),
    ("FINRA Alternative Display Facility", "XADF"),
)  # fmt: skip
#: id, name, and whether it moves high and low, open and close, volume
_CONDITIONS = (
    (1, "Acquisition", 1, 1, 1), (2, "Average Price Trade", 0, 0, 1), (7, "Cash Sale", 0, 0, 1),
    (10, "Derivatively Priced", 1, 0, 1), (12, "Form T/Extended Hours", 0, 0, 1), (14, "Intermarket Sweep", 1, 1, 1),
    (17, "Market Center Opening Trade", 1, 1, 1), (20, "Next Day", 0, 0, 1), (21, "Price Variation Trade", 0, 0, 1),
    (22, "Prior Reference Price", 1, 0, 1), (29, "Seller", 0, 0, 1), (32, "Sold (Out Of Sequence)", 1, 0, 1),
    (37, "Odd Lot Trade", 0, 0, 1), (41, "Trade Thru Exempt", 1, 1, 1), (52, "Contingent Trade", 0, 0, 1),
    (53, "Qualified Contingent Trade", 0, 0, 1),
)  # fmt: skip
_OPTION_CONDITIONS = (
    (209, "Automatic Execution"), (219, "Intermarket Sweep Order"), (227, "Single Leg Auction Non ISO"),
    (231, "Single Leg Floor Trade"), (232, "Multi Leg Auto-Electronic Trade"), (233, "Multi Leg Auction"),
)  # fmt: skip


def tickers(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/tickers``: what is listed here, all of it active."""
    if asked.query.get("active", "true").lower() == "false" or asked.query.get("market", "stocks") != "stocks":
        return listed(world, asked, [], (), limits=(100, 1000))
    rows = [_ticker(symbol) | {"last_updated_utc": iso(world.now() // SECOND * SECOND)} for symbol in world.listed]
    search = asked.query.get("search", "").upper()
    rows = [row for row in rows if search in row["ticker"] or search in row["name"].upper()]
    return listed(world, asked, rows, ("ticker", "type"), limits=(100, 1000), order="ticker.asc")


def details(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/tickers/{ticker}``: on a date, or as of now."""
    symbol = stock(asked.parts["ticker"])
    date = day(asked.query["date"]) if "date" in asked.query else date_at(world.now())
    row: dict[str, Any] = _ticker(symbol) | {"ticker_root": symbol, "round_lot": 100, "list_date": "2005-01-03"}
    sessions = world.sessions(date - 10, date)
    bars = candles.days(world, symbol, sessions) if sessions.start < sessions.stop else None
    if row["type"] == "CS" and bars is not None and len(bars):
        shares = 10**6 * (word("shares", symbol) % 900 + 100)
        row |= {"share_class_shares_outstanding": shares, "weighted_shares_outstanding": shares}
        row["market_cap"] = round(shares * float(bars.close[-1]))
        row |= {"sic_code": "7389", "sic_description": "SIMULATED COMPANY", "total_employees": shares // 10**5}
    return {"status": "OK", "request_id": request_id(asked), "results": row}


def related(world: World, asked: Asked) -> dict[str, Any]:
    """``/v1/related-companies/{ticker}``: a few others that are listed."""
    symbol = stock(asked.parts["ticker"])
    others = [{"ticker": other} for other in world.listed if other != symbol and company(other).jump > 0][:5]
    return {"status": "OK", "request_id": request_id(asked), "stock_symbol": symbol, "results": others}


def exchanges(_: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/exchanges``; four facilities share the id 4."""
    kind = asked.query.get("asset_class", "stocks")
    common = {"asset_class": kind, "locale": "us"}
    if kind == "options":
        rows: list[dict[str, Any]] = [
            {"id": venue, "type": "exchange", "name": f"Option exchange {venue}", "mic": f"X{venue}", **common} for venue in OPTION_VENUES
        ]
    else:
        rows = [
            {"id": i, "type": "exchange", "name": name, "mic": mic, "operating_mic": mic, "participant_id": letter, **common}
            for i, name, mic, letter in _VENUES
        ]
        rows += [{"id": 4, "type": "TRF", "name": name, "mic": mic, "participant_id": "D", **common} for name, mic in _FACILITIES]
    return envelope(asked, rows, count=len(rows))


def new_exchanges(world: World, asked: Asked) -> dict[str, Any]:
    """``/stocks/v1/exchanges``, where an id is a text."""
    rows = [row | {"id": str(row["id"]), "locale": "US"} for row in exchanges(world, asked)["results"]]
    return envelope(asked, rows, count=len(rows))


def conditions(world: World, asked: Asked) -> dict[str, Any]:
    """``/v3/reference/conditions``: those that prints carry here, and their rules."""
    rows: list[dict[str, Any]] = []
    for number, name, extremes, last, volume in _CONDITIONS:
        rules = {"updates_high_low": bool(extremes), "updates_open_close": bool(last), "updates_volume": bool(volume)}
        rows.append(_condition(number, name, "stocks") | {"update_rules": {"consolidated": rules, "market_center": rules}})
    rows += [_condition(number, name, "options") for number, name in _OPTION_CONDITIONS]
    return listed(world, asked, rows, ("asset_class", "id"), limits=(10, 1000), order="id.asc")


def market_now(world: World, _: Asked) -> dict[str, Any]:
    """``/v1/marketstatus/now``, with the server's time as New York reads it."""
    now, at, calendar = world.now(), world.last_session(), nyse()
    since = now - int(calendar.midnight[at])
    today = since < 24 * HOUR
    opens, closes = int(calendar.open[at]), int(calendar.close[at])
    early = today and since >= 4 * HOUR and now < opens
    late = today and now >= closes and since < 20 * HOUR
    regular = today and opens <= now < closes
    state = "open" if regular else "extended-hours" if early or late else "closed"
    return {
        "market": state,
        "earlyHours": early,
        "afterHours": late,
        "serverTime": datetime.fromtimestamp(now // SECOND, new_york()).isoformat(),
        "exchanges": {"nasdaq": state, "nyse": state, "otc": "closed" if state != "open" else state},
        "currencies": {"crypto": "open", "fx": "open"},
    }


def market_upcoming(world: World, _: Asked) -> list[dict[str, Any]]:
    """``/v1/marketstatus/upcoming``, a bare list: the closed and short days of the next year."""
    calendar, today = nyse(), date_at(world.now())
    rows: list[dict[str, Any]] = []
    short = set(calendar.day[calendar.half_days()].tolist())
    for date in np.arange(today, min(today + 365, calendar.day[-1])):
        if not calendar.is_session(date) and (name := holiday_name(str(date))):
            rows += [{"date": str(date), "exchange": where, "name": name, "status": "closed"} for where in ("NYSE", "NASDAQ")]
        elif date.astype(object) in short:
            at = calendar.session_on_or_before(date)
            hours = {"open": _milliseconds(int(calendar.open[at])), "close": _milliseconds(int(calendar.close[at]))}
            rows += [
                {"date": str(date), "exchange": where, "name": "Half day", "status": "early-close", **hours} for where in ("NYSE", "NASDAQ")
            ]
    return rows


def _milliseconds(at: Instant) -> str:
    return str(np.datetime64(at // 10**6, "ms")) + "Z"


def _ticker(symbol: str) -> dict[str, Any]:
    fund = company(symbol).jump == 0
    return {
        "ticker": symbol,
        "name": f"Simulated {symbol} {'Fund' if fund else 'Inc.'}",
        "market": "stocks",
        "locale": "us",
        "primary_exchange": primary(symbol),
        "type": "ETF" if fund else "CS",
        "active": True,
        "currency_name": "usd",
        "cik": f"{word('cik', symbol) % 10**7:010d}",
        "composite_figi": f"BBG{word('figi', symbol) % 16**9:09X}",
    }


def _condition(number: int, name: str, kind: str) -> dict[str, Any]:
    return {"id": number, "type": "sale_condition", "name": name, "asset_class": kind, "data_types": ["trade"]}

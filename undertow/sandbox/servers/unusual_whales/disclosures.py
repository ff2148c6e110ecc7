"""Answers about filings, reports and news: rows as filed, known by now, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.core.calendar import Day, nyse
from undertow.core.chunk import Chunk
from undertow.core.events import ChainRow, DailyBar, EarningsReport, Event, InsiderTrade, NewsItem, OffExchangeVolume
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.company import full_name, is_fund, marketcap, next_report, sector
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of, pages
from undertow.sandbox.servers.unusual_whales.volatility import at_money
from undertow.sandbox.servers.unusual_whales.words import identity, money, number, stamp

Row = dict[str, Any]
_YEAR, _HISTORY = 252, 5 * 252  # sessions
_FILED_AFTER = 8  # sessions from a trade to its filing, at most
_MOVES = {"1d": 1, "3d": 3, "1w": 5, "2w": 10}  # sessions
_TONE = 0.1  # beyond it a story is positive or negative


def insider_transactions(desk: Desk, ask: Ask) -> Any:
    """``/insider/transactions``: the market has no two filings of one person and day, so grouped rows are the same."""
    start, end, codes = ask.day("start_date"), ask.day("end_date"), ask.lists.get("transaction_codes", ())
    rows: list[tuple[int, Row]] = []
    for symbol in desk.symbols(ask):
        chunk = _since(desk, InsiderTrade, symbol, start, _FILED_AFTER)
        for i in range(len(chunk)):
            row = _insider(desk, symbol, chunk, i)
            within = (start is None or row["filing_date"] >= str(start)) and (end is None or row["filing_date"] <= str(end))
            if within and (not codes or row["transaction_code"] in codes):
                rows.append((int(chunk.known_at[i]), row))
    rows.sort(key=lambda both: (both[0], both[1]["id"]), reverse=True)
    return {"data": pages([row for _, row in rows], ask, ask.count("limit", 500, 500))}


def insiders(desk: Desk, ask: Ask) -> Any:
    """``/insider/{ticker}``: people, not transactions."""
    symbol = ask.ticker()
    names = sorted(set(_since(desk, InsiderTrade, symbol, None, 0).columns["insider"])) if desk.exists(symbol) else []
    out = []
    for name in names:
        number_of = sum(name.encode()) * 7 + 1000
        row = {"ticker": symbol, "name": name, "display_name": name, "name_slug": name.lower().replace(" ", "-"), "is_person": True}
        out.append(row | {"id": number_of, "cik": f"{number_of:010d}", "logo_url": None})
    return {"data": out}


def insider_flow(desk: Desk, ask: Ask) -> Any:
    """``/insider/{ticker}/ticker-flow``: a row a filing day and direction."""
    symbol = ask.ticker()
    grouped: dict[tuple[str, str], list[tuple[int, int, str]]] = {}
    chunk = _since(desk, InsiderTrade, symbol, None, 0)
    for i in range(len(chunk) if desk.exists(symbol) else 0):
        columns = chunk.columns
        side = "buy" if columns["code"][i] == "P" else "sell"
        row = (int(columns["shares"][i]), int(columns["value"][i]), str(columns["insider"][i]))
        grouped.setdefault((_day(int(chunk.known_at[i])), side), []).append(row)
    rows = [
        {
            "date": day,
            "buy_sell": side,
            "volume": sum(shares for shares, _, _ in held),
            "premium": str(round(sum(value for _, value, _ in held) / 10_000)),
            "avg_price": round(sum(value for _, value, _ in held) / sum(shares for shares, _, _ in held) / 10_000, 4),
            "transactions": len(held),
            "uniq_insiders": len({name for _, _, name in held}),
        }
        for (day, side), held in sorted(grouped.items(), reverse=True)
    ]
    limit = ask.count("limit", 500, 500)
    return {"data": pages(rows, ask, limit), "has_more": len(rows) > ask.page() * limit}


def earnings(desk: Desk, ask: Ask) -> Any:
    """``/earnings/{ticker}``: reports to come and past, the newest first; the moves are null while they are to come."""
    symbol = ask.ticker()
    if not desk.exists(symbol) or is_fund(symbol):
        return {"data": []}
    latest = desk.latest()
    ahead = next_report(desk, symbol, latest + 1)
    chunk = desk.rows(EarningsReport, symbol, max(desk.first(), latest - _HISTORY), latest + 1)
    told = [_report(desk, symbol, chunk, i) for i in range(len(chunk))]
    known = {row["report_date"] for row in told}
    coming = [dict.fromkeys(_report_names()) | _dated(ahead)] if ahead and ahead not in known else []
    return {"data": coming + told[::-1]}


def earnings_on(when: str) -> Any:
    """``/earnings/premarket`` and ``/earnings/afterhours`` of a day: the market's companies report after the close."""

    def answer(desk: Desk, ask: Ask) -> Any:
        position = desk.position(ask)
        rows: list[Row] = []
        for symbol in desk.plan.universe if position is not None and when == "postmarket" else ():
            at = int(position or 0)
            if next_report(desk, symbol, at) == day_of(at):
                rows.append(_listed(desk, symbol, at))
        return {"data": pages(rows, ask, ask.count("limit", 50, 100))}

    return answer


def news(desk: Desk, ask: Ask) -> Any:
    """``/news/headlines``, of one ticker or of the universe."""
    limit, found = ask.count("limit", 50, 100), []
    asked = ask.tickers("ticker")
    symbols: Sequence[str] = [symbol for symbol in asked if desk.exists(symbol)] if asked else desk.plan.universe
    latest, back = desk.latest(), 2 * ask.page() * limit + 10
    for symbol in symbols:
        chunk = desk.rows(NewsItem, symbol, max(desk.first(), latest - back), latest + 1)
        found += [(int(chunk.known_at[i]), headline(symbol, chunk, i)) for i in range(len(chunk))]
    rows = [row for _, row in sorted(found, key=lambda both: (both[0], both[1]["headline"]), reverse=True)]
    if ask.text("major_only") == "true":
        rows = [row for row in rows if row["is_major"]]
    return {"data": pages(rows, ask, limit)}


def headline(symbol: str, chunk: Chunk, i: int) -> Row:
    """A story as REST tells it."""
    tone = float(chunk.columns["tone"][i])
    return {
        "created_at": stamp(int(chunk.known_at[i])),
        "headline": str(chunk.columns["headline"][i]),
        "is_major": int(chunk.columns["stories"][i]) >= 10,
        "meta": {},
        "sentiment": "positive" if tone > _TONE else "negative" if tone < -_TONE else "neutral",
        "source": "daily-summary",
        "tags": [],
        "tickers": [symbol],
    }


def congress(desk: Desk, ask: Ask) -> Any:
    """``/congress/recent-trades``: nobody in this market sits in Congress."""
    ask.tickers("ticker")
    desk.position(ask)
    return {"data": []}


def short_data(desk: Desk, ask: Ask) -> Any:
    """``/shorts/{ticker}/data``: what may be borrowed, told each evening, the newest first."""
    symbol, latest = ask.ticker(), desk.latest()
    if not desk.exists(symbol):
        return {"data": []}
    chunk = desk.rows(OffExchangeVolume, symbol, max(desk.first(), latest - 21), latest + 1)
    out = []
    for i in range(len(chunk) - 1, -1, -1):
        volume, short = int(chunk.columns["volume"][i]), int(chunk.columns["short_volume"][i])
        share = short / volume if volume else 0.0
        row = {"symbol": symbol, "name": full_name(symbol), "currency": "USD", "timestamp": stamp(int(chunk.known_at[i]))}
        row |= {"fee_rate": f"{0.25 + share:.2f}", "rebate_rate": f"{4.0 - share:.2f}"}
        out.append({**row, "short_shares_available": max(0, volume - short)})
    return {"data": out}


def _since(desk: Desk, kind: type[Event], symbol: str, start: Day | None, before: int) -> Chunk:
    latest = desk.latest()
    first = latest - _YEAR if start is None else int(np.searchsorted(nyse().day, start)) - before
    return desk.rows(kind, symbol, max(desk.first() - before, first), latest + 1)


def _insider(desk: Desk, symbol: str, chunk: Chunk, i: int) -> Row:
    columns = chunk.columns
    sold, title, filed = columns["code"][i] == "S", str(columns["title"][i]), int(nyse().position(int(chunk.known_at[i])))
    name = identity("insider" + symbol, int(chunk.seq[i]))
    absent = ("date_excercisable", "director_indirect", "expiration_date", "natureofownership", "price_excercisable", "security_ad_code")
    unsaid = ("security_title", "shares_owned_after", "shares_owned_before", "stock_price")
    return {
        **dict.fromkeys(absent + unsaid),
        "id": name,
        "ids": [name],
        "transactions": 1,
        "amount": int(columns["shares"][i]) * (-1 if sold else 1),
        "price": money(columns["price"][i]),
        "transaction_code": str(columns["code"][i]),
        "transaction_date": _day(int(chunk.event_at[i])),
        "filing_date": _day(int(chunk.known_at[i])),
        "formtype": "4",
        "is_10b5_1": False,
        "is_director": title == "Director",
        "is_officer": title != "Director",
        "is_ten_percent_owner": False,
        "is_s_p_500": not is_fund(symbol),
        "officer_title": None if title == "Director" else title,
        "owner_name": str(columns["insider"][i]),
        "ticker": symbol,
        "sector": sector(symbol),
        "marketcap": marketcap(symbol),
        "next_earnings_date": next_report(desk, symbol, filed),
    }


def _report_names() -> list[str]:
    names = ["actual_eps", "ending_fiscal_quarter", "expected_move", "expected_move_perc", "report_date", "report_time", "source"]
    names += ["street_mean_est", *(f"{side}_straddle_{span}" for side in ("long", "short") for span in ("1d", "1w"))]
    return [*names, *(f"{side}_earnings_move_{span}" for side in ("pre", "post") for span in _MOVES)]


def _dated(day: str) -> Row:
    quarter = np.datetime64(day, "M") - (np.datetime64(day, "M").astype(np.int64) % 3)
    ending = quarter.astype("datetime64[D]") - 1
    return {"report_date": day, "report_time": "postmarket", "source": "company", "ending_fiscal_quarter": str(ending)}


def _report(desk: Desk, symbol: str, chunk: Chunk, i: int) -> Row:
    at = int(nyse().position(int(chunk.event_at[i])))
    row: Row = dict.fromkeys(_report_names())
    row |= _dated(day_of(at)) | _expected(desk, symbol, at)
    row |= {"actual_eps": number(float(chunk.columns["eps"][i])), "street_mean_est": number(float(chunk.columns["eps_estimate"][i]))}
    bars = desk.rows(DailyBar, symbol, at - 11, at + 11)
    close = dict(zip(nyse().position(bars.event_at).tolist(), bars.columns["close"].tolist(), strict=True))
    for name, span in _MOVES.items():
        for side, first, last in (("pre", at - span, at), ("post", at, at + span)):
            if first in close and last in close:
                row[f"{side}_earnings_move_{name}"] = number(close[last] / close[first] - 1.0, 4)
    return row


def _expected(desk: Desk, symbol: str, at: int) -> Row:
    chain, bars = desk.rows(ChainRow, symbol, at - 1), desk.rows(DailyBar, symbol, at - 1)
    if not len(chain) or not len(bars):
        return {"expected_move": None, "expected_move_perc": None}
    spot = int(bars.columns["close"][-1])
    expiries, iv = at_money(chain, spot)
    days = max(1, int(expiries[0]) - int(nyse().day[at].astype(np.int64)))
    move = float(iv[0]) * float(np.sqrt(days / 365.0)) * 0.8
    return {"expected_move": number(move * spot / 10_000, 2), "expected_move_perc": number(move, 4)}


def _listed(desk: Desk, symbol: str, at: int) -> Row:
    chunk = desk.rows(EarningsReport, symbol, at)
    told = _report(desk, symbol, chunk, 0) if len(chunk) else _dated(day_of(at)) | _expected(desk, symbol, at)
    names = ("ending_fiscal_quarter", "expected_move", "expected_move_perc", "report_date", "report_time", "source")
    close = {}
    for name, session in (("pre", at), ("post", at + 1)):
        bars = desk.rows(DailyBar, symbol, session)
        close[f"{name}_earnings_close"] = money(bars.columns["close"][-1]) if len(bars) else None
        close[f"{name}_earnings_date"] = day_of(session)
    return {
        **{name: told[name] for name in names},
        **close,
        "actual_eps": told.get("actual_eps"),
        "street_mean_est": told.get("street_mean_est"),
        "reaction": told.get("post_earnings_move_1d"),
        "symbol": symbol,
        "full_name": full_name(symbol),
        "sector": sector(symbol),
        "marketcap": marketcap(symbol),
        "has_options": True,
        "is_s_p_500": True,
        "continent": "North America",
        "country_code": "US",
        "country_name": "UNITED STATES",
    }


def _day(at: int) -> str:
    return day_of(int(nyse().position(at)))

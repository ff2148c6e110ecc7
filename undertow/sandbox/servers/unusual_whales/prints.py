"""Prints of shares, off exchanges and on them: rows of REST and of the socket, with the quote and the day's volume at tape time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array, Chunk
from undertow.core.events import OffExchangePrint, Quote, Trade
from undertow.core.time import SECOND
from undertow.sandbox.daily.companies import company
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.company import issue_type, marketcap, next_report, sector
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.newest import Session, bounded, bounds, cursors, newest, page
from undertow.sandbox.servers.unusual_whales.words import money, stamp

Row = dict[str, Any]
#: exchanges and reporting facilities by MIC -> the vendor's letter
LETTERS = {"XNAS": "Q", "XNYS": "N", "ARCX": "P", "BATS": "Z", "EDGX": "K", "IEXG": "V", "FINN": "L", "FINC": "2", "FINY": "3"}
_SALE = {"2": "average_price_trade", "37": "odd_lot_execution", "52": "contingent_trade", "22": "prior_reference_price"}
_SALE |= {"17": "opening_print", "21": "price_variation_trade"}
_TRADE = {"53": "qualified_contingent_trade", "14": "intermarket_sweep", "10": "derivative_priced"}
_EXTENDED = {"12": "extended_hours_trade", "32": "sold_out_of_sequence", "33": "sold_out_of_sequence"}
_BIN = 2500  # width of a price level, 1/10,000 USD
_ORDERS = ("executed_at", "trf_executed_at", "premium", "size", "volume")


class Prints:
    """Prints of one kind, symbol and session, with what stood when each reached the tape; arrays are (n,)."""

    def __init__(self, desk: Desk, kind: type[OffExchangePrint] | type[Trade], symbol: str, position: int) -> None:
        self.symbol, self.kind = symbol, kind
        self.chunk = desk.rows(kind, symbol, position)
        self.quotes = desk.rows(Quote, symbol, position)
        self.quote = np.searchsorted(self.quotes.known_at, self.chunk.known_at, side="right") - 1
        self.volume = _volume(desk, symbol, position, self.chunk.known_at)
        self.report = next_report(desk, symbol, position)

    @property
    def premium(self) -> I64:
        """Price times size, 1/10,000 USD."""
        premium: I64 = self.chunk.columns["price"] * self.chunk.columns["size"]
        return premium

    def rows(self, positions: Sequence[int]) -> list[Row]:
        """As REST tells them."""
        return [self._row(i) for i in positions]

    def messages(self, positions: Sequence[int]) -> list[Row]:
        """As the socket tells them."""
        off = self.kind is OffExchangePrint
        about = {
            "type": "off_lit" if off else "lit",
            "sector": sector(self.symbol),
            "next_earnings_date": self.report,
            "avg30_volume": f"{company(self.symbol).turnover / company(self.symbol).level:.1f}",
            "issue_type": issue_type(self.symbol),
            "marketcap": marketcap(self.symbol) + ".0",
        }
        out = []
        for i in positions:
            row = self._row(i)
            row["symbol"] = row.pop("ticker")
            for name in ("canceled", "premium", "market_center", "tracking_id"):
                del row[name]
            out.append({**row, **about, "trf_executed_at": row.get("trf_executed_at")})
        return out

    def _row(self, i: int) -> Row:
        columns, chunk = self.chunk.columns, self.chunk
        codes = [code for code in str(columns["conditions"][i]).split(",") if code]
        row: Row = {
            "canceled": False,
            "executed_at": stamp(chunk.known_at[i]),
            "ext_hour_sold_codes": _words(codes, _EXTENDED),
            "market_center": LETTERS[str(columns["venue" if self.kind is OffExchangePrint else "exchange"][i])],
            "premium": money(columns["price"][i] * columns["size"][i]),
            "price": money(columns["price"][i]),
            "sale_cond_codes": _words(codes, _SALE),
            "size": int(columns["size"][i]),
            "ticker": self.symbol,
            "tracking_id": int(chunk.seq[i]),
            "trade_code": _words(codes, _TRADE),
            "trade_settlement": "regular",
            "volume": int(self.volume[i]),
        }
        for side in ("bid", "ask"):
            there = int(self.quote[i])
            row[f"nbbo_{side}"] = money(self.quotes.columns[side][there]) if there >= 0 else "0.00"
            row[f"nbbo_{side}_quantity"] = int(self.quotes.columns[f"{side}_size"][there]) if there >= 0 else 0
        if self.kind is OffExchangePrint:
            row["trf_executed_at"] = stamp(chunk.event_at[i])
        return row


def prints_of(desk: Desk, kind: type[OffExchangePrint] | type[Trade], symbol: str, position: int) -> Prints:
    """The prints of a session known by now."""
    state = tuple(len(desk.rows(each, symbol, position)) for each in (Trade, OffExchangePrint, Quote))
    return desk.table(kind.kind, symbol, position, state, lambda: Prints(desk, kind, symbol, position))


def of_ticker(kind: type[OffExchangePrint] | type[Trade]) -> Callable[[Desk, Ask], Any]:
    """``/darkpool/{ticker}`` and ``/lit-flow/{ticker}``: of a day, until a cursor is given; then the day is forgotten."""

    def answer(desk: Desk, ask: Ask) -> Any:
        symbol, limit = ask.ticker(), ask.count("limit", 500, 500)
        newer, older = cursors(ask, SECOND)
        position = desk.position(ask)
        if not desk.exists(symbol) or (older is None and position is None):
            return {"data": []}
        if older is not None or (newer is not None and not ask.text("date")):
            within = bounds(desk, newer, older, limit)
            return {"data": [] if within is None else newest([symbol], lambda s, at: _session(desk, kind, s, at), within, ask)}
        session = _session(desk, kind, symbol, desk.latest() if position is None else position)
        return {"data": _ordered([session], ask, limit, -1 if newer is None else newer)}

    return answer


def recent(kind: type[OffExchangePrint] | type[Trade]) -> Callable[[Desk, Ask], Any]:
    """``/darkpool/recent`` and ``/lit-flow/recent``: the universe's newest of a day, without a cursor."""

    def answer(desk: Desk, ask: Ask) -> Any:
        position, limit = desk.position(ask), ask.count("limit", 100, 200)
        if position is None:
            return {"data": []}
        return {"data": _ordered([_session(desk, kind, symbol, position) for symbol in desk.plan.universe], ask, limit, -1)}

    return answer


def price_levels(desk: Desk, ask: Ask) -> Any:
    """``/darkpool/{ticker}/price-levels``: volume by price, off exchanges and on them."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": [], "date": ask.text("date")}
    off, lit = (desk.rows(kind, symbol, position).columns for kind in (OffExchangePrint, Trade))
    levels: dict[int, list[int]] = {}
    for which, columns in enumerate((off, lit)):
        for level, size in zip((columns["price"] // _BIN * _BIN).tolist(), columns["size"].tolist(), strict=True):
            levels.setdefault(level, [0, 0])[which] += size
    rows = [{"price": money(level), "dark_pool_volume": both[0], "regular_volume": both[1]} for level, both in sorted(levels.items())]
    return {"data": rows, "date": day_of(position)}


def _ordered(sessions: list[Session], ask: Ask, limit: int, newer: int) -> list[Row]:
    order = ask.text("order_by") or "executed_at"
    if order not in _ORDERS:
        raise ask.malformed(f"Invalid query input(s): order_by={order} (valid example: order_by=premium)")
    masks = [bounded(session, ask) & (session.at > newer) for session in sessions]
    return page(sessions, masks, limit, "" if order == "executed_at" else order, rising=ask.text("order") == "asc")


def _session(desk: Desk, kind: type[OffExchangePrint] | type[Trade], symbol: str, position: int) -> Session:
    prints = prints_of(desk, kind, symbol, position)
    numbers = {
        "premium": prints.premium / 10_000,
        "size": prints.chunk.columns["size"],
        "volume": prints.volume,
        "trf_executed_at": prints.chunk.event_at,
    }
    return Session(
        at=prints.chunk.known_at, seq=prints.chunk.seq, numbers=numbers, keep=np.ones(len(prints.chunk), bool), write=prints.rows
    )


def _volume(desk: Desk, symbol: str, position: int, at: Array) -> I64:
    # shares on and off exchanges that were on the tape by each instant
    total = np.zeros(len(at), np.int64)
    for kind in (Trade, OffExchangePrint):
        chunk: Chunk = desk.rows(kind, symbol, position)
        so_far = np.concatenate([[0], np.cumsum(chunk.columns["size"])])
        total += so_far[np.searchsorted(chunk.known_at, at, side="right")]
    return total


def _words(codes: Sequence[str], words: dict[str, str]) -> str | None:
    return ",".join(words[code] for code in codes if code in words) or None

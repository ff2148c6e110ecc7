"""A session's ticks as the vendor numbers them: prints on and off exchanges in one order, quotes, option prints and their quotes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array, Chunk
from undertow.core.events import MISSING, PRICE_SCALE, Event, OffExchangePrint, OptionTrade, Quote, Trade
from undertow.core.time import Instant
from undertow.sandbox.codes import FACILITIES
from undertow.sandbox.daily.companies import company
from undertow.sandbox.draws import word
from undertow.sandbox.servers.massive.asking import Contract
from undertow.sandbox.servers.world import World

OFF_EXCHANGE = 4  #: the one id of all reporting facilities
#: MIC -> the vendor's id
VENUES = {"XASE": 1, "EDGA": 7, "EDGX": 8, "XNYS": 10, "ARCX": 11, "XNAS": 12, "IEXG": 15, "BATY": 18, "BATS": 19, "MEMX": 21}
OPTION_VENUES = (301, 302, 303, 304, 307, 308, 309, 312, 313, 316, 319, 322)  #: option exchanges
_REPORTED = 300_000  # ns from a facility to the tape
_NEW_YORK_LISTED = frozenset(("JPM", "KO", "XOM"))
_NASDAQ_LISTED = frozenset(("AAPL", "AMD", "AMZN", "GOOGL", "META", "MSFT", "NFLX", "NVDA", "TSLA"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Rows of one ticker and session in order of publication.

    number : int64 (n,)  the vendor's sequence number, from 1 in each session
    sip    : int64 (n,)  published, ns UTC
    columns : the rest, by the vendor's long names; -1 or an empty list stands for a field that a row lacks
    """

    ticker: str
    number: I64
    sip: I64
    columns: dict[str, Array]

    def __len__(self) -> int:
        return len(self.sip)

    def __getitem__(self, rows: slice | Array) -> Ticks:
        columns = {name: values[rows] for name, values in self.columns.items()}
        return Ticks(ticker=self.ticker, number=self.number[rows], sip=self.sip[rows], columns=columns)


def tape(symbol: str) -> int:
    """1 for what New York lists, 2 for what other exchanges do, 3 for Nasdaq."""
    if symbol in _NASDAQ_LISTED:
        return 3
    if symbol in _NEW_YORK_LISTED or company(symbol).jump > 0:
        return 1 if symbol in _NEW_YORK_LISTED or word("listed", symbol) % 2 else 3
    return 2


def primary(symbol: str) -> str:
    """MIC of the exchange that lists a symbol."""
    return {1: "XNYS", 2: "ARCX", 3: "XNAS"}[tape(symbol)]


def stock_trades(world: World, symbol: str, position: int, after: Instant = 0) -> Ticks:
    """Prints on exchanges and off them that were published after an instant, in the order of the tape."""
    lit, before = _later(world, Trade, symbol, position, after)
    dark, more = _later(world, OffExchangePrint, symbol, position, after)
    order = np.argsort(np.concatenate([lit.known_at, dark.known_at]), kind="stable")
    off = np.concatenate([np.zeros(len(lit), bool), np.ones(len(dark), bool)])[order]

    def both(name: str) -> Array:
        return np.concatenate([lit.columns[name], dark.columns[name]])[order]

    known = np.concatenate([lit.known_at, dark.known_at])[order]
    event = np.concatenate([lit.event_at, dark.event_at])[order]
    venue = _ids(lit.columns["exchange"], VENUES)
    facility = _ids(dark.columns["venue"], FACILITIES)
    columns = {
        "participant_timestamp": event,
        "price": both("price") / PRICE_SCALE,
        "size": both("size"),
        "conditions": _conditions(both("conditions")),
        "exchange": np.concatenate([venue, np.full(len(dark), OFF_EXCHANGE)])[order],
        "trf_id": np.concatenate([np.full(len(lit), -1), facility])[order],
        "trf_timestamp": np.where(off, np.maximum(event, known - _REPORTED), -1),
    }
    return Ticks(ticker=symbol, number=np.arange(1, len(known) + 1) + before + more, sip=known, columns=columns)


def stock_quotes(world: World, symbol: str, position: int, after: Instant = 0) -> Ticks:
    """Changes of the best bid and offer after an instant; zero where a side has none."""
    rows, before = _later(world, Quote, symbol, position, after)
    c = rows.columns
    venue = np.array([VENUES[primary(symbol)], 12, 11, 19])[rows.seq % 4]
    other = np.array([VENUES[primary(symbol)], 8, 12, 10])[rows.seq // 4 % 4]
    columns: dict[str, Array] = {"participant_timestamp": rows.event_at}
    for side, where in (("bid", venue), ("ask", other)):
        none = c[side] == MISSING
        columns[f"{side}_price"] = np.where(none, 0, c[side]) / PRICE_SCALE
        columns[f"{side}_size"] = np.where(none, 0, c[f"{side}_size"])
        columns[f"{side}_exchange"] = np.where(none, 0, where)
    return Ticks(ticker=symbol, number=np.arange(1, len(rows) + 1) + before, sip=rows.known_at, columns=columns)


def option_trades(world: World, underlying: str, position: int, after: Instant = 0) -> tuple[Chunk, int]:
    """Option prints of an underlying's session after an instant, and how many there were before it."""
    return _later(world, OptionTrade, underlying, position, after)


def of_contract(rows: Chunk, contract: Contract) -> Array:
    """Which option prints are of one contract, positions int64 (k,)."""
    c = rows.columns
    return np.flatnonzero((c["expiry"] == contract.expiry) & (c["strike"] == contract.strike) & (c["is_put"] == contract.is_put))


def contract_trades(world: World, ticker: str, contract: Contract, position: int) -> Ticks:
    """Prints of one contract."""
    rows, _ = option_trades(world, contract.underlying, position)
    at = of_contract(rows, contract)
    own = rows[at]
    columns = {
        "participant_timestamp": own.event_at,
        "price": own.columns["price"] / PRICE_SCALE,
        "size": own.columns["size"],
        "conditions": _conditions(own.columns["conditions"]),
        "exchange": option_venue(own.seq),
    }
    return Ticks(ticker=ticker, number=at + 1, sip=own.known_at, columns=columns)


def contract_quotes(world: World, ticker: str, contract: Contract, position: int) -> Ticks:
    """Quotes of one contract, as they stood when it was printed."""
    rows, _ = option_trades(world, contract.underlying, position)
    at = of_contract(rows, contract)
    own = rows[at]
    size = own.seq % 40 + 1
    columns: dict[str, Array] = {"bid_exchange": option_venue(own.seq), "ask_exchange": option_venue(own.seq // 7)}
    for side, shift in (("bid", 0), ("ask", 11)):
        none = own.columns[side] == MISSING
        columns[f"{side}_price"] = np.where(none, 0, own.columns[side]) / PRICE_SCALE
        columns[f"{side}_size"] = np.where(none, 0, (size + shift) % 40 + 1)
    return Ticks(ticker=ticker, number=at + 1, sip=own.known_at, columns=columns)


def option_venue(seq: I64) -> I64:
    """The exchange of each option print."""
    return np.array(OPTION_VENUES)[seq % len(OPTION_VENUES)]


def trade_rows(ticks: Ticks) -> list[dict[str, Any]]:
    """``/v3/trades`` rows."""
    c = ticks.columns
    option = ticks.ticker.startswith("O:")
    listed = 0 if option else tape(ticks.ticker)
    rows: list[dict[str, Any]] = [
        {"participant_timestamp": at, "sip_timestamp": sip, "price": price, "size": size, "exchange": venue, "sequence_number": number}
        for at, sip, price, size, venue, number in zip(
            *(x.tolist() for x in (c["participant_timestamp"], ticks.sip, c["price"], c["size"], c["exchange"], ticks.number)), strict=True
        )
    ]
    for row, conditions in zip(rows, c["conditions"].tolist(), strict=True):
        if conditions:
            row["conditions"] = conditions
        row["decimal_size"] = f"{row['size']}.0"
    if not option:
        for row in rows:
            row["id"], row["tape"] = str(row["sequence_number"]), listed
        for at in np.flatnonzero(c["trf_id"] >= 0).tolist():
            rows[at]["trf_id"], rows[at]["trf_timestamp"] = int(c["trf_id"][at]), int(c["trf_timestamp"][at])
    return rows


def quote_rows(ticks: Ticks) -> list[dict[str, Any]]:
    """``/v3/quotes`` rows."""
    names = list(ticks.columns)
    columns = [ticks.columns[name].tolist() for name in names]
    names += ["sip_timestamp", "sequence_number"]
    rows = [dict(zip(names, row, strict=True)) for row in zip(*columns, ticks.sip.tolist(), ticks.number.tolist(), strict=True)]
    if not ticks.ticker.startswith("O:"):
        listed = tape(ticks.ticker)
        for row in rows:
            row["conditions"], row["tape"] = [1], listed
    return rows


Session = Callable[[World, int], Ticks]  #: a session's ticks that are known


def _later(world: World, kind: type[Event], symbol: str, position: int, after: Instant) -> tuple[Chunk, int]:
    rows = world.rows(kind, symbol, slice(position, position + 1))
    before = int(np.searchsorted(rows.known_at, after, side="right"))
    return rows[before:] if before else rows, before


def _ids(names: Array, table: dict[str, int]) -> I64:
    return np.asarray([table[name] for name in names.tolist()], np.int64)


def _conditions(texts: Array) -> Array:
    lists: dict[str, list[int]] = {}
    out = np.empty(len(texts), object)
    for at, text in enumerate(texts.tolist()):
        if text not in lists:
            lists[text] = [int(name) for name in text.split(",") if name]
        out[at] = lists[text]
    return out

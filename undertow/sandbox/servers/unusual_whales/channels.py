"""What a channel of the socket tells between two looks at the market: only what became known between them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Chunk
from undertow.core.events import NewsItem, OffExchangePrint, Trade
from undertow.core.time import DAY, MINUTE, SECOND, Instant
from undertow.sandbox.halts import SPAN
from undertow.sandbox.servers.unusual_whales.desk import Desk
from undertow.sandbox.servers.unusual_whales.disclosures import headline
from undertow.sandbox.servers.unusual_whales.exposure import moves
from undertow.sandbox.servers.unusual_whales.flow import flow_of
from undertow.sandbox.servers.unusual_whales.option_rows import alert_messages, alerts_of, trade_messages
from undertow.sandbox.servers.unusual_whales.prints import prints_of
from undertow.sandbox.servers.unusual_whales.sums import tide_at
from undertow.sandbox.servers.unusual_whales.words import money, ms, stamp

Told = tuple[Instant, dict[str, Any]]  #: when it became known, and the payload
_MOST_SESSIONS = 3  # between two looks
_GEX_EVERY = 10 * SECOND


class Topic(NamedTuple):
    """What comes before the colon of a channel's name."""

    tell: Callable[[Desk, str, Instant], list[Told]]  #: of one symbol, after an instant
    alone: bool  #: may be joined without a ticker
    of_ticker: bool  #: may be joined with one


def is_channel(name: str) -> bool:
    """Whether there is such a channel."""
    topic, colon, ticker = name.partition(":")
    found = TOPICS.get(topic)
    return found is not None and (found.of_ticker and ticker.isupper() if colon else found.alone)


def messages(desk: Desk, channel: str, after: Instant) -> list[Told]:
    """What became known on a channel after an instant and until now, in that order."""
    topic, _, ticker = channel.partition(":")
    symbols: Sequence[str] = (ticker,) if ticker else ("",) if topic in _MARKET_WIDE else desk.plan.universe
    told = [each for symbol in symbols if not symbol or desk.exists(symbol) for each in TOPICS[topic].tell(desk, symbol, after)]
    return sorted(told, key=lambda each: each[0])


def _positions(desk: Desk, after: Instant) -> Iterator[int]:
    last = int(nyse().position(desk.now))
    yield from range(max(int(nyse().position(after)), last - _MOST_SESSIONS + 1), last + 1)


def _new(chunk: Chunk, after: Instant) -> list[int]:
    return list(range(int(np.searchsorted(chunk.known_at, after, side="right")), len(chunk)))


def _option_trades(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    out: list[Told] = []
    for position in _positions(desk, after):
        flow = flow_of(desk, symbol, position)
        rows = _new(flow.chunk, after)
        out += zip(flow.chunk.known_at[rows].tolist(), trade_messages(flow, rows) if rows else [], strict=True)
    return out


def _alerts(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    out: list[Told] = []
    for position in _positions(desk, after):
        alerts = alerts_of(desk, symbol, position)
        fresh = alerts[_new(alerts, after)[0] :] if _new(alerts, after) else alerts[:0]
        out += zip(fresh.known_at.tolist(), alert_messages(desk, symbol, position, fresh) if len(fresh) else [], strict=True)
    return out


def _prints(kind: type[OffExchangePrint] | type[Trade]) -> Callable[[Desk, str, Instant], list[Told]]:
    def tell(desk: Desk, symbol: str, after: Instant) -> list[Told]:
        out: list[Told] = []
        for position in _positions(desk, after):
            if rows := _new(desk.rows(kind, symbol, position), after):
                prints = prints_of(desk, kind, symbol, position)
                out += zip(prints.chunk.known_at[rows].tolist(), prints.messages(rows), strict=True)
        return out

    return tell


def _price(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    # the last price of a look, as the vendor thins it
    trades = desk.rows(Trade, symbol, int(nyse().position(desk.now)))
    if not _new(trades, after):
        return []
    at, volume = int(trades.known_at[-1]), int(trades.columns["size"].sum())
    return [(at, {"ticker": symbol, "close": money(trades.columns["price"][-1]), "time": ms(at), "vol": volume})]


def _steps(desk: Desk, after: Instant, step: int) -> tuple[int, I64]:
    # the session, and the instants of a grid in its regular hours that were passed since
    position = int(nyse().position(desk.now))
    begin, end = int(nyse().open[position]), int(nyse().close[position])
    first = max(after // step + 1, begin // step + 1)
    return position, np.arange(first, min(desk.now, end) // step + 1) * step


def _gex(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    position, at = _steps(desk, after, _GEX_EVERY)
    empty = {"delta_per_one_percent_move_oi": "", "delta_per_one_percent_move_vol": ""}
    rows = moves(desk, symbol, position, at)
    return [(when, {"ticker": symbol, "timestamp": ms(when)} | empty | row) for when, row in zip(at.tolist(), rows, strict=True)]


def _tide(desk: Desk, _: str, after: Instant) -> list[Told]:
    position, at = _steps(desk, after, MINUTE)
    if not len(at):
        return []
    whole, otm = (tide_at(desk, desk.plan.universe, position, at, otm_only=only) for only in (False, True))
    out: list[Told] = []
    for i, when in enumerate(at.tolist()):
        row: dict[str, Any] = {"timestamp": stamp(when)}
        for before, (call, put, volume) in (("", whole), ("otm_", otm)):
            row |= {f"{before}net_call_premium": f"{call[i] / 10_000:.1f}", f"{before}net_put_premium": f"{put[i] / 10_000:.1f}"}
            row[f"{before}net_volume"] = int(volume[i])
        out.append((when, row))
    return out


def _net_flow(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    position, at = _steps(desk, after, MINUTE)
    flow, out = flow_of(desk, symbol, position), []
    for when in at.tolist():
        a, b = np.searchsorted(flow.chunk.known_at, [when - MINUTE, when])
        row: dict[str, Any] = {"ticker": symbol, "time": ms(when)}
        for name, puts in (("call", False), ("put", True)):
            own = (flow.is_put == puts)[a:b]
            row[f"net_{name}_prem"] = money(int((flow.premium * flow.side)[a:b][own].sum()))
            row[f"net_{name}_vol"] = int((flow.chunk.columns["size"] * flow.side)[a:b][own].sum())
        out.append((when, row))
    return out


def _news(desk: Desk, symbol: str, after: Instant) -> list[Told]:
    out: list[Told] = []
    latest = int(nyse().position(desk.now))
    chunk = desk.rows(NewsItem, symbol, latest - _MOST_SESSIONS, latest + 1)
    for i in _new(chunk, after):
        row = headline(symbol, chunk, i)
        payload = {"headline": row["headline"], "timestamp": row["created_at"], "source": row["source"], "tickers": row["tickers"]}
        out.append((int(chunk.known_at[i]), payload | {"is_trump_ts": False}))
    return out


def _halts(desk: Desk, _: str, after: Instant) -> list[Told]:
    out: list[Told] = []
    for symbol, day, first, last in desk.world.market.settings.halts:
        if abs(day * DAY - desk.now) > _MOST_SESSIONS * DAY:
            continue
        opens = int(nyse().open[nyse().session_on_or_before(np.datetime64(day, "D"))])
        for state, bar in (("halted", first), ("resumed", last)):
            at = opens + bar * SPAN
            if after < at <= desk.now:
                out.append((at, {"ticker": symbol, "state": state, "reason": "LUDP", "time": stamp(at)}))
    return out


TOPICS: dict[str, Topic] = {
    "option_trades": Topic(_option_trades, alone=True, of_ticker=True),
    "flow-alerts": Topic(_alerts, alone=True, of_ticker=False),
    "price": Topic(_price, alone=True, of_ticker=True),
    "gex": Topic(_gex, alone=True, of_ticker=True),
    "off_lit_trades": Topic(_prints(OffExchangePrint), alone=True, of_ticker=False),
    "lit_trades": Topic(_prints(Trade), alone=True, of_ticker=False),
    "news": Topic(_news, alone=True, of_ticker=False),
    "market_tide": Topic(_tide, alone=True, of_ticker=False),
    "net_flow": Topic(_net_flow, alone=False, of_ticker=True),
    "trading_halts": Topic(_halts, alone=True, of_ticker=False),
}
_MARKET_WIDE = ("market_tide", "trading_halts")

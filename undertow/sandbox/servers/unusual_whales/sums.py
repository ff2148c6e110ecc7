"""Sums over option prints: by expiry, by strike, by minute, by day, for one symbol or for the whole market."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array
from undertow.core.time import MINUTE
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.company import SECTORS, sector
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import MULTIPLIER, Flow, flow_of
from undertow.sandbox.servers.unusual_whales.greeks import greeks
from undertow.sandbox.servers.unusual_whales.words import day_text, local, money, number, stamp

Row = dict[str, Any]
_AFTER_CLOSE = 10  # minutes of the tide after the close


def whole(units: float) -> str:
    """1/10,000 USD as whole USD, as the vendor writes sums."""
    return str(round(units / 10_000))


def sums(flow: Flow, mask: Array, *, with_otm: bool = True) -> Row:
    """Calls and puts among some prints: volumes, premiums and prints, by side."""
    size, strike = flow.chunk.columns["size"], flow.chunk.columns["strike"]
    out: Row = {}
    for name, right in (("call", ~flow.is_put), ("put", flow.is_put)):
        own = mask & right
        out[f"{name}_volume"], out[f"{name}_premium"] = int(size[own].sum()), whole(flow.premium[own].sum())
        out[f"{name}_trades"] = int(own.sum())
        for side, sign in (("ask", 1), ("bid", -1)):
            of_side = own & (flow.side == sign)
            out[f"{name}_volume_{side}_side"] = int(size[of_side].sum())
            out[f"{name}_premium_{side}_side"] = whole(flow.premium[of_side].sum())
        if with_otm:
            otm = own & ((strike > flow.spot) if name == "call" else (strike < flow.spot))
            out[f"{name}_otm_volume"], out[f"{name}_otm_premium"] = int(size[otm].sum()), whole(flow.premium[otm].sum())
            out[f"{name}_otm_trades"] = int(otm.sum())
    return out


def per_expiry(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/flow-per-expiry`` and ``flow-recent``: a row an expiry of the latest session, or of ``date``."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": [], "date": ask.text("date")}
    flow, day = flow_of(desk, symbol, position), day_of(position)
    keep = np.ones(len(flow), bool)
    if (side := ask.text("side").upper()) in ("ASK", "BID", "MID"):
        keep &= flow.side == {"ASK": 1, "BID": -1, "MID": 0}[side]
    keep &= flow.premium / 10_000 >= (ask.least("min_premium") or 0)
    expiry = flow.chunk.columns["expiry"]
    rows = [
        {"ticker": symbol, "date": day, "expiry": day_text(each)} | sums(flow, keep & (expiry == each))
        for each in np.unique(expiry).tolist()
    ]
    return {"data": rows, "date": day}


def per_strike(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/flow-per-strike``: a bare list, a row a strike."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return []
    flow, strike = flow_of(desk, symbol, position), flow_of(desk, symbol, position).chunk.columns["strike"]
    out = []
    for each in np.unique(strike).tolist():
        row = sums(flow, strike == each, with_otm=False)
        row |= {name: value + ".0" for name, value in row.items() if "premium" in name}
        last = int(flow.chunk.event_at[strike == each][-1])
        out.append({**row, "date": day_of(position), "strike": f"{each / 10_000:.1f}", "ticker": symbol, "timestamp": local(last)})
    return out


def net_premium_ticks(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/net-prem-ticks``: what each minute added, not what had come together."""
    symbol, position = ask.ticker(), desk.position(ask)
    if not desk.exists(symbol) or position is None:
        return {"data": []}
    flow = flow_of(desk, symbol, position)
    minute = flow.chunk.event_at // MINUTE
    begins, at = np.unique(minute, return_inverse=True)
    columns = flow.chunk.columns
    delta = greeks(flow.spot, columns["strike"], flow.days(np.arange(len(flow))), flow.iv[flow.contract], columns["is_put"]).delta
    add = _adder(at, len(begins))
    size, put, net = columns["size"], flow.is_put, flow.side * columns["size"]
    found: dict[str, Array] = {"net_delta": add(net * delta * MULTIPLIER)}
    for name, right in (("call", ~put), ("put", put)):
        found[f"net_{name}_premium"] = add(right * flow.side * flow.premium)
        found[f"net_{name}_volume"] = add(right * net)
        found[f"{name}_volume"] = add(right * size)
        found[f"{name}_volume_ask_side"] = add(right * size * (flow.side > 0))
        found[f"{name}_volume_bid_side"] = add(right * size * (flow.side < 0))
    out = []
    for i, each in enumerate(begins.tolist()):
        row: Row = {"date": day_of(position), "tape_time": stamp(each * MINUTE).replace("Z", ".000000Z")}
        for name, values in found.items():
            value = float(values[i])
            row[name] = money(round(value)) if "premium" in name else number(value) if name == "net_delta" else round(value)
        out.append(row)
    return {"data": out}


def market_tide(desk: Desk, ask: Ask) -> Any:
    """``/market/market-tide``: what had come together in the session by each step, of the universe."""
    return {"data": tide(desk, ask, desk.plan.universe)}


def sector_tide(desk: Desk, ask: Ask) -> Any:
    """``/market/{sector}/sector-tide``: the same of the universe's symbols in a sector."""
    if ask.parts["sector"] not in SECTORS:
        raise ask.malformed(f"Invalid path input: {ask.parts['sector']} (valid example: Technology)")
    return {"data": tide(desk, ask, [symbol for symbol in desk.plan.universe if sector(symbol) == ask.parts["sector"]])}


def tide(desk: Desk, ask: Ask, symbols: Sequence[str]) -> list[Row]:
    """Steps of five minutes, or of one with ``interval_5m=false``, that have begun."""
    position = desk.position(ask)
    if position is None:
        return []
    step = MINUTE if ask.off("interval_5m") else 5 * MINUTE
    begin, end = int(nyse().open[position]), int(nyse().close[position]) + _AFTER_CLOSE * MINUTE
    steps = np.arange(begin, min(end, desk.now - 1) + 1, step)
    call, put, volume = tide_at(desk, symbols, position, steps + step, otm_only=ask.text("otm_only") == "true")
    return [
        {
            "date": day_of(position),
            "net_call_premium": f"{call[i] / 10_000:.4f}",
            "net_put_premium": f"{put[i] / 10_000:.4f}",
            "net_volume": int(volume[i]),
            "timestamp": local(int(each)),
        }
        for i, each in enumerate(steps)
    ]


def tide_at(desk: Desk, symbols: Sequence[str], position: int, at: I64, *, otm_only: bool = False) -> tuple[I64, I64, I64]:
    """Net call premium, net put premium (1/10,000 USD) and net volume, calls less puts, of prints known before each instant (n,)."""
    call, put, volume = (np.zeros(len(at), np.int64) for _ in range(3))
    for symbol in symbols:
        flow = flow_of(desk, symbol, position)
        strike, size = flow.chunk.columns["strike"], flow.chunk.columns["size"]
        keep = np.where(flow.is_put, strike < flow.spot, strike > flow.spot) if otm_only else np.ones(len(flow), bool)
        until = np.searchsorted(flow.chunk.known_at, at, side="left")
        for total, amount in (
            (call, flow.premium * ~flow.is_put),
            (put, flow.premium * flow.is_put),
            (volume, size * np.where(flow.is_put, -1, 1)),
        ):
            total += np.concatenate([[0], np.cumsum(amount * flow.side * keep)])[until]
    return call, put, volume


def _adder(groups: Array, count: int) -> Callable[[Array], F64]:
    return lambda amounts: np.bincount(groups, weights=np.asarray(amounts, np.float64), minlength=count).astype(np.float64)

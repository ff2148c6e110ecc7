"""Screens of the contracts that traded in a session: by premium, and those that the vendor calls unusual."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.company import next_report, sector
from undertow.sandbox.servers.unusual_whales.contracts import Contract, contracts_of, day_row
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of, pages
from undertow.sandbox.servers.unusual_whales.flow import Flow, flow_of
from undertow.sandbox.servers.unusual_whales.words import day_text, money

Row = dict[str, Any]
_UNUSUAL_PREMIUM, _UNUSUAL_DAYS = 10_000, 60


def screener(desk: Desk, ask: Ask) -> Any:
    """``/screener/option-contracts``: contracts of a session by premium."""
    return {"data": _screened(desk, ask, unusual=ask.text("unusual") == "true")}


def unusual(desk: Desk, ask: Ask) -> Any:
    """``/option-activity/unusual``: the same with the vendor's preset, unless ``unusual=false``."""
    return {"data": _screened(desk, ask, unusual=not ask.off("unusual"))}


def _screened(desk: Desk, ask: Ask, *, unusual: bool) -> list[Row]:
    position = desk.position(ask)
    if position is None:
        return []
    least, most = ask.least("min_premium"), ask.least("max_dte")
    if unusual:
        least, most = _UNUSUAL_PREMIUM if least is None else least, _UNUSUAL_DAYS if most is None else most
    out = []
    for symbol in desk.symbols(ask):
        flow = flow_of(desk, symbol, position)
        for contract in contracts_of(flow):
            row = _screen_row(desk, flow, contract)
            days = contract.expiry - int(np.datetime64(day_of(position), "D").astype(np.int64))
            odd = row["volume"] > row["open_interest"] and row["ask_side_volume"] * 2 >= row["volume"]
            if float(row["premium"]) >= (least or 0) and (most is None or days <= most) and (odd or not unusual):
                out.append(row)
    out.sort(key=lambda row: (-float(row["premium"]), row["option_symbol"]))
    return pages(out, ask, ask.count("limit", 50, 250))


def _screen_row(desk: Desk, flow: Flow, contract: Contract) -> Row:
    day, report = day_row(flow, contract), next_report(desk, flow.symbol, flow.position)
    names = ("avg_price", "cross_volume", "floor_volume", "mid_volume", "open_interest", "stock_multi_leg_volume", "sweep_volume")
    counts = ("total_ask_changes", "total_bid_changes", "trades", "volume")
    return {
        **{name: day[name] for name in names + counts},
        "ask_side_volume": day["ask_volume"],
        "bid_side_volume": day["bid_volume"],
        "no_side_volume": 0,
        "multileg_volume": day["multi_leg_volume"],
        "open": day["open_price"],
        "high": day["high_price"],
        "low": day["low_price"],
        "close": day["last_price"],
        "chain_prev_close": day["open_price"],
        "last_fill": day["last_tape_time"],
        "premium": day["total_premium"],
        "expiry": day_text(contract.expiry),
        "option_symbol": contract.name,
        "option_type": "put" if contract.is_put else "call",
        "strike": f"{contract.strike / 10_000:.1f}",
        "stock_price": money(flow.spot[contract.rows[-1]]),
        "sector": sector(flow.symbol),
        "ticker_vol": int(flow.chunk.columns["size"].sum()),
        "er_time": "postmarket" if report else "unknown",
        "next_earnings_date": report,
    }

"""Option prints as rows of REST, of the socket and of the full tape, and alerts as rows of the first two."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.core.chunk import Array, Chunk
from undertow.core.events import FlowAlert
from undertow.core.time import SECOND
from undertow.sandbox.servers.unusual_whales.company import full_name, issue_type, marketcap, next_report, sector
from undertow.sandbox.servers.unusual_whales.desk import Desk
from undertow.sandbox.servers.unusual_whales.flow import Flow, flow_of
from undertow.sandbox.servers.unusual_whales.greeks import greeks
from undertow.sandbox.servers.unusual_whales.words import day_text, identity, money, ms, number, option_symbol, plain, stamp

Row = dict[str, Any]
TRADE, ALERT = "option_trade", "flow_alert"  #: what identities belong to
#: the vendor's numbers of its rules
RULE_IDS = {
    "RepeatedHits": "e6b9f0b6-fcd9-44fe-9d1c-f53521c152c3",
    "RepeatedHitsAscendingFill": "a0979b52-28e4-4585-8f22-881faad2dd8e",
    "RepeatedHitsDescendingFill": "5ce5ec11-087c-4c00-b164-08106b015856",
}
_VENUES = ("XCBO", "MPRL", "XISX", "ARCO", "EDGO", "XNDQ", "BATO", "MXOP")
_TAGS = {1: "ask_side", -1: "bid_side", 0: "mid_side"}
_GAP = SECOND // 2  # between two prints of an alert, at most


def trade_rows(desk: Desk, flow: Flow, rows: Sequence[int]) -> list[Row]:
    """Prints as ``/api/option-trades`` tells them."""
    about = {
        "er_time": "postmarket" if (report := next_report(desk, flow.symbol, flow.position)) else "unknown",
        "flow_alert_id": None,
        "full_name": full_name(flow.symbol),
        "industry_type": "Semiconductors" if sector(flow.symbol) == "Technology" else sector(flow.symbol),
        "marketcap": marketcap(flow.symbol) + ".00",
        "next_earnings_date": report,
        "rule_id": None,
        "sector": sector(flow.symbol),
        "canceled": False,
    }
    out = []
    for i, row in zip(rows, _prints(flow, rows), strict=True):
        names = {"option_chain_id": row.pop("option_symbol"), "upstream_condition_detail": row.pop("trade_code")}
        out.append({**row, **about, **names, "executed_at": stamp(int(flow.chunk.event_at[i]))})
    return out


def trade_messages(flow: Flow, rows: Sequence[int]) -> list[Row]:
    """Prints as the socket tells them, with the ms at which each was known."""
    return [
        {**row, "executed_at": ms(flow.chunk.event_at[i]), "created_at": ms(flow.chunk.known_at[i])}
        for i, row in zip(rows, _prints(flow, rows), strict=True)
    ]


def alert_rows(desk: Desk, symbol: str, position: int, alerts: Chunk) -> list[Row]:
    """Alerts of a session as ``/api/option-trades/flow-alerts`` tells them, documented and undocumented fields."""
    report = next_report(desk, symbol, position)
    about = {
        "issue_type": issue_type(symbol),
        "sector": sector(symbol),
        "marketcap": marketcap(symbol),
        "next_earnings_date": report,
        "er_time": "postmarket" if report else None,
    }
    flow, out = flow_of(desk, symbol, position), []
    for i in range(len(alerts)):
        shared = _alert(flow, alerts, i, prints_of(flow, alerts, i))
        columns = alerts.columns
        out.append(
            shared
            | about
            | {
                "alert_rule": str(columns["rule"][i]),
                "created_at": stamp(int(alerts.known_at[i])),
                "expiry": day_text(columns["expiry"][i]),
                "strike": plain(columns["strike"][i]),
                "type": "put" if columns["is_put"][i] else "call",
                "price": money(shared["price"]),
                "underlying_price": money(shared["underlying_price"]),
                **{name: money(shared[name]) for name in ("total_premium", "total_ask_side_prem", "total_bid_side_prem")},
                "volume_oi_ratio": number(shared["volume_oi_ratio"]),
            }
        )
    return out


def alert_messages(desk: Desk, symbol: str, position: int, alerts: Chunk) -> list[Row]:
    """Alerts as the socket tells them: premiums and prices as numbers, bid and ask as texts."""
    flow, out = flow_of(desk, symbol, position), []
    for i in range(len(alerts)):
        prints = prints_of(flow, alerts, i)
        row = _alert(flow, alerts, i, prints)
        del row["iv_start"], row["iv_end"]
        last = int(prints[-1]) if len(prints) else -1
        so_far = {name: int(values[last]) if len(prints) else 0 for name, values in flow.volume.items()}
        for name in ("total_premium", "total_ask_side_prem", "total_bid_side_prem", "price", "underlying_price"):
            row[name] = row[name] / 10_000
        row |= {
            "rule_name": str(alerts.columns["rule"][i]),
            "url": "",
            "trade_ids": [identity(TRADE + symbol, int(flow.chunk.seq[j])) for j in prints],
            "executed_at": row["end_time"],
            "ask_vol": so_far["ask"],
            "bid_vol": so_far["bid"],
            "no_side_vol": 0,
            "mid_vol": so_far["mid"],
            "multi_vol": so_far["multi"],
            "stock_multi_vol": 0,
            "upstream_condition_details": sorted({str(letter) for letter in flow.letters[prints]}),
            "exchanges": sorted({_venue(flow, int(j)) for j in prints}),
        }
        out.append(row)
    return out


def prints_of(flow: Flow, alerts: Chunk, i: int) -> Array:
    """Rows of ``flow`` that an alert is made of: those of its contract back from its last, none half a second before the next."""
    columns, alert = flow.chunk.columns, alerts.columns
    same = (columns["expiry"] == alert["expiry"][i]) & (columns["strike"] == alert["strike"][i]) & (columns["is_put"] == alert["is_put"][i])
    rows = np.flatnonzero(same & ~flow.multi & (flow.chunk.event_at <= alerts.event_at[i]))
    if not len(rows) or flow.chunk.event_at[rows[-1]] != alerts.event_at[i]:
        return rows[:0]
    breaks = np.flatnonzero(np.diff(flow.chunk.known_at[rows]) > _GAP)
    return rows[breaks[-1] + 1 :] if len(breaks) else rows


def alerts_of(desk: Desk, symbol: str, position: int) -> Chunk:
    """The alerts of a session known by now."""
    return desk.rows(FlowAlert, symbol, position)


def _alert(flow: Flow, alerts: Chunk, i: int, prints: Array) -> Row:
    # money in 1/10,000 USD, for the caller to write
    columns, symbol = alerts.columns, flow.symbol
    put, last = int(columns["is_put"][i]), int(prints[-1]) if len(prints) else -1
    there = last >= 0
    letters = [str(letter) for letter in flow.letters[prints]]
    volume, interest = int(flow.volume["all"][last]) if there else int(columns["size"][i]), int(columns["open_interest"][i])
    iv = number(float(flow.iv[flow.contract[last]])) if there else "0"
    size = max(1, int(columns["size"][i]))
    return {
        "id": identity(ALERT + symbol, int(alerts.seq[i])),
        "rule_id": RULE_IDS[str(columns["rule"][i])],
        "ticker": symbol,
        "option_chain": option_symbol(symbol, columns["expiry"][i], put, columns["strike"][i]),
        "underlying_price": int(flow.spot[last]) if there else 0,
        "volume": volume,
        "total_size": int(columns["size"][i]),
        "total_premium": int(columns["premium"][i]),
        "total_ask_side_prem": int(columns["ask_premium"][i]),
        "total_bid_side_prem": int(columns["bid_premium"][i]),
        "start_time": ms(flow.chunk.event_at[prints[0]]) if there else ms(alerts.event_at[i]),
        "end_time": ms(alerts.event_at[i]),
        "price": int(columns["premium"][i]) // (100 * size),
        "has_multileg": False,
        "has_sweep": bool(columns["is_sweep"][i]),
        "has_floor": "slft" in letters,
        "has_singleleg": True,
        "open_interest": interest,
        "all_opening_trades": False,
        "volume_oi_ratio": volume / interest if interest else 0,
        "trade_count": len(prints),
        "expiry_count": 1,
        "bid": money(flow.chunk.columns["bid"][last]) if there else "",
        "ask": money(flow.chunk.columns["ask"][last]) if there else "",
        "iv_start": iv,
        "iv_end": iv,
    }


def _prints(flow: Flow, rows: Sequence[int]) -> list[Row]:
    at = np.asarray(rows, np.int64)
    columns, contract = flow.chunk.columns, flow.contract[at]
    iv = flow.iv[contract]
    all_greeks = greeks(flow.spot[at] / 10_000, columns["strike"][at] / 10_000, flow.days(at), iv, columns["is_put"][at])
    letters = flow.letters[at]
    out = []
    for n, i in enumerate(at.tolist()):
        put, side = int(columns["is_put"][i]), int(flow.side[i])
        bid, ask = money(columns["bid"][i]), money(columns["ask"][i])
        tags = [_TAGS[side]] + ([] if side == 0 else ["bullish" if (side > 0) != (put == 1) else "bearish"])
        row = {
            "id": identity(TRADE + flow.symbol, int(flow.chunk.seq[i])),
            "underlying_symbol": flow.symbol,
            "nbbo_bid": bid,
            "nbbo_ask": ask,
            "ewma_nbbo_bid": bid,
            "ewma_nbbo_ask": ask,
            "size": int(columns["size"][i]),
            "price": money(columns["price"][i]),
            "option_symbol": option_symbol(flow.symbol, columns["expiry"][i], put, columns["strike"][i]),
            "report_flags": [],
            "tags": tags,
            "expiry": day_text(columns["expiry"][i]),
            "option_type": "put" if put else "call",
            "open_interest": int(flow.interest[contract[n]]),
            "strike": f"{int(columns['strike'][i]) / 10_000:.10f}",
            "premium": money(flow.premium[i]),
            "underlying_price": money(flow.spot[i]),
            "implied_volatility": number(float(iv[n])),
            "theo": money((int(columns["bid"][i]) + int(columns["ask"][i])) // 2),
            "trade_code": str(letters[n]),
            "exchange": _venue(flow, i),
            "volume": int(flow.volume["all"][i]),
            "no_side_vol": 0,
            "stock_multi_vol": 0,
            **{f"{name}_vol": int(flow.volume[name][i]) for name in ("ask", "bid", "mid", "multi")},
        }
        row |= {name: number(float(getattr(all_greeks, name)[n])) for name in ("delta", "gamma", "theta", "vega", "rho")}
        out.append(row)
    return out


def _venue(flow: Flow, i: int) -> str:
    # the market has one book of options: which exchange printed is made up, and stays
    return _VENUES[int(flow.chunk.seq[i]) % len(_VENUES)]

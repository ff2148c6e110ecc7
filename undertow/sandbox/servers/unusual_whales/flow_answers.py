"""Answers about option prints and alerts: pages with cursors, one alert with its prints, and the full tape of a day."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import Array
from undertow.sandbox.servers.unusual_whales.ask import Ask, Refused
from undertow.sandbox.servers.unusual_whales.desk import Desk, day_of
from undertow.sandbox.servers.unusual_whales.flow import Flow, flow_of
from undertow.sandbox.servers.unusual_whales.newest import Bounds, Session, bounds, cursors, newest
from undertow.sandbox.servers.unusual_whales.option_rows import alert_rows, alerts_of, prints_of, trade_rows
from undertow.sandbox.servers.unusual_whales.words import option_symbol, seq_of, stamp

_COLUMNS = (
    "id underlying_symbol executed_at nbbo_bid nbbo_ask size price option_chain_id alert_score created_at report_flags tags expiry "
    "option_type open_interest strike premium aggregated_trade_id volume underlying_price ewma_nbbo_ask ewma_nbbo_bid implied_volatility "
    "delta theta gamma vega rho theo upstream_condition_detail market_center_locate canceled trade_id exchange ask_vol bid_vol no_side_vol "
    "mid_vol multi_vol stock_multi_vol"
)
TAPE = _COLUMNS.split()  #: columns of the full tape, in order
_SIDES = {"ASK": 1, "BID": -1, "MID": 0}
_OF_ALERT = 500  # prints of one alert in an answer


def flow_alerts(desk: Desk, ask: Ask) -> Any:
    """``/option-trades/flow-alerts``: newest first, by cursor."""
    newer, older = cursors(ask)
    within = bounds(desk, newer, older, ask.count("limit", 100, 200))
    symbols = desk.symbols(ask)
    return {"data": [] if within is None else newest(symbols, lambda symbol, at: _alerts(desk, ask, symbol, at), within, ask)}


def ticker_alerts(desk: Desk, ask: Ask) -> Any:
    """``/stock/{ticker}/flow-alerts``, which the vendor keeps for old clients."""
    symbol, within = ask.ticker(), bounds(desk, None, None, ask.count("limit", 100, 200))
    if within is None or not desk.exists(symbol):
        return {"data": []}
    return {"data": newest([symbol], lambda s, at: _alerts(desk, ask, s, at), within, ask)}


def alert(desk: Desk, ask: Ask) -> Any:
    """``/option-trades/flow-alerts/{id}``: an alert and the prints it is made of; 404 where nobody knows it."""
    try:
        seq = seq_of(ask.parts["id"])
    except ValueError:
        raise ask.malformed(f"Invalid path input: {ask.parts['id']} (valid example: fda36fab-b0a8-4d12-9bd4-79b8880cc78f)") from None
    position = desk.at_day(np.datetime64(seq >> 16 & 0x7FFF, "D"))
    for symbol in dict.fromkeys((*desk.plan.universe, *desk.shelf.symbols)) if position is not None else ():
        alerts = alerts_of(desk, symbol, int(position or 0))
        for i in np.flatnonzero(alerts.seq == seq).tolist():
            row = alert_rows(desk, symbol, int(position or 0), alerts[i : i + 1])[0]
            if row["id"] == ask.parts["id"]:
                return _with_prints(desk, symbol, int(position or 0), row, prints_of(flow_of(desk, symbol, int(position or 0)), alerts, i))
    raise Refused(404, {})


def option_trades(desk: Desk, ask: Ask) -> Any:
    """``/option-trades``: prints of the latest session only, newest first, by cursor."""
    newer, older = cursors(ask)
    latest = desk.latest()
    if older is not None and older <= int(nyse().midnight[latest]):
        said = "This endpoint only returns data for the latest trading day. Use /api/option-trades/full-tape/:date for earlier days."
        raise Refused(400, {"error": {"code": "historical_data_not_supported", "message": said}})
    limit = ask.count("limit", 50, 500)
    until = desk.now + 1 if older is None else older
    within = Bounds(newer=-1 if newer is None else newer, older=until, first=latest, last=latest, limit=limit)
    return {"data": newest(desk.symbols(ask), lambda symbol, at: _trades(desk, ask, symbol, at), within, ask)}


def contract_flow(desk: Desk, ask: Ask) -> Any:
    """``/option-contract/{id}/flow``: the last prints of one contract."""
    root, expiry, put, strike = ask.option()
    position, limit = desk.position(ask), ask.count("limit", 50, 50)
    if position is None or not desk.exists(root):
        return {"data": []}
    flow = flow_of(desk, root, position)
    columns = flow.chunk.columns
    keep = (columns["expiry"] == expiry) & (columns["is_put"] == put) & (columns["strike"] // 10 * 10 == strike)
    keep &= flow.premium / 10_000 >= (ask.least("min_premium") or 0)
    if (side := ask.text("side").upper() or "ALL") in _SIDES:
        keep &= flow.side == _SIDES[side]
    return {"data": trade_rows(desk, flow, np.flatnonzero(keep)[::-1][:limit].tolist())}


def full_tape(desk: Desk, ask: Ask) -> Any:
    """``/option-trades/full-tape/{date}``: a zip with one csv, as bytes; 404 for a day without a tape, or whose session is not over."""
    position = desk.position(ask)
    if position is None or desk.now < int(nyse().close[position]):
        raise Refused(404, {})
    symbols = tuple(dict.fromkeys((*desk.plan.universe, *desk.shelf.symbols)))
    over = desk.now >= int(nyse().midnight[position + 1])
    return desk.table("full-tape", "", position, (symbols, over or desk.now), lambda: _zipped(desk, position, symbols))


def _zipped(desk: Desk, position: int, symbols: Sequence[str]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, TAPE, restval="", extrasaction="ignore")
    writer.writeheader()
    for symbol in symbols:
        flow = flow_of(desk, symbol, position)
        rows = trade_rows(desk, flow, range(len(flow)))
        for i, row in enumerate(rows):
            known = {"created_at": stamp(flow.chunk.known_at[i]), "canceled": "f", "trade_id": row["id"]}
            writer.writerow(row | known | {"tags": "{" + ",".join(row["tags"]) + "}", "report_flags": "{}"})
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(f"full_tape_{day_of(position)}.csv"), text.getvalue(), zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _with_prints(desk: Desk, symbol: str, position: int, row: dict[str, Any], prints: Array) -> Any:
    shown = ("alert_rule", "issue_type", "sector", "marketcap", "next_earnings_date", "er_time")
    trades = trade_rows(desk, flow_of(desk, symbol, position), prints[::-1][:_OF_ALERT].tolist())
    plain = ("er_time", "flow_alert_id", "full_name", "industry_type", "marketcap", "next_earnings_date", "rule_id", "sector")
    return {
        "alert": {name: value for name, value in row.items() if name not in shown},
        "trades": [{name: value for name, value in trade.items() if name not in plain} for trade in trades],
        "has_more": len(prints) > _OF_ALERT,
    }


def _alerts(desk: Desk, ask: Ask, symbol: str, position: int) -> Session:
    alerts = alerts_of(desk, symbol, position)
    columns = alerts.columns
    keep = np.ones(len(alerts), bool)
    for name, wanted in (("is_call", columns["is_put"] == 1), ("is_put", columns["is_put"] == 0), ("is_sweep", columns["is_sweep"] == 0)):
        if ask.off(name):
            keep &= wanted
    if rules := ask.lists.get("rule_name"):
        keep &= np.isin(columns["rule"].astype(str), rules)
    numbers = {"premium": columns["premium"] / 10_000, "size": columns["size"], "open_interest": columns["open_interest"]}

    def write(rows: Any) -> list[dict[str, Any]]:
        return alert_rows(desk, symbol, position, alerts[np.asarray(rows, np.int64)])

    return Session(at=alerts.known_at, seq=alerts.seq, numbers=numbers, keep=keep, write=write)


def _trades(desk: Desk, ask: Ask, symbol: str, position: int) -> Session:
    flow: Flow = flow_of(desk, symbol, position)
    columns, keep = flow.chunk.columns, np.ones(len(flow), bool)
    if (kind := ask.text("type").lower()) in ("call", "put"):
        keep &= flow.is_put == (kind == "put")
    if (multi := ask.text("is_multi_leg").lower()) in ("true", "false"):
        keep &= flow.multi == (multi == "true")
    for tag in ask.lists.get("tags", ()):
        keep &= flow.side == {"ask_side": 1, "bid_side": -1, "mid_side": 0}.get(tag, 9)
    if wanted := ask.lists.get("option_contracts"):
        names = np.array([option_symbol(symbol, expiry, put, strike) for expiry, put, strike in flow.contracts], str)
        keep &= np.isin(names, wanted)[flow.contract] if len(names) else keep
    numbers = {"premium": flow.premium / 10_000, "size": columns["size"], "volume": flow.volume["all"]}
    return Session(
        at=flow.chunk.event_at, seq=flow.chunk.seq, numbers=numbers, keep=keep, write=lambda rows: trade_rows(desk, flow, list(rows))
    )

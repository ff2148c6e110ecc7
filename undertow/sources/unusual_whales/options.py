"""Option flow: alerts in all six shapes in which they come, prints, and the open interest of the morning."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64
from undertow.core.events import MISSING, FlowAlert, Grade, OpenInterest, OptionTrade
from undertow.core.time import HOUR, MINUTE, SECOND, Duration
from undertow.sources.unusual_whales.envelope import Row
from undertow.sources.unusual_whales.rows import Clocks, Draft, Parsed, contract, first, flag, moment, read, stable
from undertow.sources.wire.errors import BadAnswer
from undertow.sources.wire.number import units, whole
from undertow.sources.wire.stamps import day_of

ALERT_LAG: Duration = 16 * SECOND  #: the longest measured from an alert's last print to its arrival (facts B.3)
ALERT_USUAL_LAG: Duration = 8 * SECOND  #: the median of the same
TRADE_LAG: Duration = SECOND // 10  #: the longest measured from a print to ``created_at``, rounded up (facts B.3)
OI_CLOCK: Duration = 6 * HOUR + 45 * MINUTE  #: New York time at which open interest is out
CANCELLED = "cancelled"
NO_SESSION = "dated on a day without a session"
#: rules whose alerts may name only the id, as on Kafka and by id
RULES = {
    "e6b9f0b6-fcd9-44fe-9d1c-f53521c152c3": "RepeatedHits",
    "a0979b52-28e4-4585-8f22-881faad2dd8e": "RepeatedHitsAscendingFill",
    "5ce5ec11-087c-4c00-b164-08106b015856": "RepeatedHitsDescendingFill",
}
#: OPRA's letters -> the numbers by which this house knows option conditions (facts E.2)
CONDITIONS = {
    name: number
    for start, names in (
        (201, "canc oseq cncl late cnco open cnol opnl auto reop"),
        (219, "isoi"),
        (227, "slan slai slcn slci slft mlet mlat mlct mlft mesl tlat masl mfsl tlet tlct tlft tesl tasl tfsl cbmo mctp exht"),
    )
    for number, name in enumerate(names.split(), start)
}
MULTI_LEG = frozenset(str(n) for n in range(232, 246))  #: their sides are not directional: the package sets the leg's price
_CANCELS = frozenset(("canc", "cncl", "cnco", "cnol"))


def flow_alerts(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """Alerts as ``FlowAlert``: REST as specified and as it is, WebSocket as documented and as captured, SQLite, Kafka.

    ``known_at`` is ``created_at`` (stamped), or the last print plus ``ALERT_LAG`` (modelled) where there is none.
    An ``open_interest`` of 0 is a new contract; ``MISSING`` was not said.
    """
    return read(FlowAlert, rows, symbols, _alert)


def option_trades(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """Prints of REST, WebSocket and the full tape as ``OptionTrade``; cancelled ones are left out; a zero quote is no quote."""
    return read(OptionTrade, rows, symbols, _trade)


def open_interest(rows: Iterable[Row], symbols: Sequence[str]) -> Parsed:
    """``oi-change`` rows as ``OpenInterest`` of the session before ``curr_date``, known at 06:45 New York of ``curr_date`` (modelled)."""
    return read(OpenInterest, rows, symbols, _open_interest)


def volume_oi_ratios(rows: Sequence[Row]) -> F64:
    """Contract volume of the session over open interest (n,), from the two numbers; NaN for a new contract or where either is not said.

    The vendor's own ``volume_oi_ratio`` was 0 in all of May 2025 and is 0 for new contracts.
    """
    volume = np.array([_number(row, "volume") for row in rows], np.float64)
    interest = np.array([_number(row, "open_interest") for row in rows], np.float64)
    known = (volume >= 0) & (interest > 0)
    ratios: F64 = np.divide(volume, interest, out=np.full(len(rows), np.nan), where=known)
    return ratios


def _alert(draft: Draft, row: Row) -> None:
    terms = contract(first(row, "option_chain", "option_symbol", "option_chain_id"))
    key = draft.key(first(row, "ticker", "underlying_symbol", "symbol") or terms.root)
    if key is None:
        return
    rule = first(row, "rule_name", "alert_rule")
    rule_id = str(first(row, "rule_id") or "")
    columns = {
        "expiry": terms.expiry,
        "strike": terms.strike,
        "is_put": terms.is_put,
        "premium": _money(row, "total_premium"),
        "ask_premium": _money(row, "total_ask_side_prem"),
        "bid_premium": _money(row, "total_bid_side_prem"),
        "size": _number(row, "total_size"),
        "open_interest": _number(row, "open_interest"),
        "is_sweep": int(flag(row["has_sweep"])) if row.get("has_sweep") is not None else _default(row),
        "rule": str(rule) if rule else RULES.get(rule_id, rule_id),
    }
    clocks = _alert_clocks(row)
    identity = first(row, "id") or (row.get("option_chain"), clocks.event_at, columns["rule"], columns["premium"])
    draft.add(key, clocks, stable(identity), columns)


def _alert_clocks(row: Row) -> Clocks:
    created, ended = first(row, "created_at"), first(row, "end_time", "executed_at")
    if created is None and ended is None:
        raise BadAnswer("it has neither created_at nor end_time")
    if created is None:
        at = moment(ended)
        return Clocks(at, at + ALERT_LAG, Grade.MODELLED)
    known = moment(created)
    at = known - ALERT_USUAL_LAG if ended is None else moment(ended)
    return Clocks(at, max(known, at + FlowAlert.least_lag), Grade.STAMPED)


def _trade(draft: Draft, row: Row) -> None:
    terms = contract(first(row, "option_chain_id", "option_symbol", "option_chain"))
    key = draft.key(first(row, "underlying_symbol", "ticker") or terms.root)
    if key is None:
        return
    code = str(first(row, "upstream_condition_detail", "trade_code") or "").lower()
    if flag(row.get("canceled")) or code in _CANCELS:
        draft.left_out[CANCELLED] += 1
        return
    at = moment(row.get("executed_at"))
    created = first(row, "created_at")
    clocks = Clocks(at, at + TRADE_LAG, Grade.MODELLED) if created is None else Clocks(at, max(at, moment(created)), Grade.STAMPED)
    price, size = units(row.get("price")), whole(row.get("size"))
    if price == MISSING or size == MISSING:
        raise BadAnswer("it has no price or no size")
    bid, ask = units(row.get("nbbo_bid")), units(row.get("nbbo_ask"))
    columns = {
        "expiry": terms.expiry,
        "strike": terms.strike,
        "is_put": terms.is_put,
        "price": price,
        "size": size,
        "bid": bid if bid > 0 else MISSING,
        "ask": ask if ask > 0 else MISSING,
        "conditions": str(CONDITIONS.get(code, code)),
    }
    identity = first(row, "id") or (row.get("exchange"), price, size, row.get("volume"))
    draft.add(key, clocks, stable(identity), columns)


def _open_interest(draft: Draft, row: Row) -> None:
    terms = contract(row.get("option_symbol"))
    key = draft.key(first(row, "underlying_symbol", "ticker") or terms.root)
    if key is None:
        return
    calendar, day = nyse(), day_of(row.get("curr_date"))
    if not calendar.is_session(day):
        draft.left_out[NO_SESSION] += 1
        return
    position = calendar.session_on_or_before(day)
    clocks = Clocks(int(calendar.close[position - 1]), calendar.at_time(position, OI_CLOCK), Grade.MODELLED)
    held = whole(row.get("curr_oi"))
    if held == MISSING:
        raise BadAnswer("it has no curr_oi")
    columns = {"expiry": terms.expiry, "strike": terms.strike, "is_put": terms.is_put, "open_interest": held}
    draft.add(key, clocks, stable(terms, row["curr_date"]), columns)


def _default(row: Row) -> int:
    """What an absent number means: protobuf's JSON writes int64 as text and leaves zeros out, elsewhere it was not said."""
    is_protobuf = isinstance(first(row, "end_time", "start_time"), str) and first(row, "created_at") is None
    return 0 if is_protobuf else MISSING


def _number(row: Row, name: str) -> int:
    value = whole(row.get(name))
    return _default(row) if value == MISSING else value


def _money(row: Row, name: str) -> int:
    value = units(row.get(name))
    return _default(row) if value == MISSING else value

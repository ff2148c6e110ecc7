"""Feeds of option flow: prints with the quotes they met, and the alerts that a vendor derives from them."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import Array
from undertow.sandbox.codes import OPTION_CONDITIONS
from undertow.sandbox.options.alerts import ALERT, RULES, contracts_of, flow_alerts
from undertow.sandbox.options.prints import OPTION
from undertow.sandbox.part import Part, Rows
from undertow.sandbox.tape.records import joined
from undertow.sandbox.tape.ticks import LATENCY


def _columns(records: Array, names: str) -> dict[str, Array]:
    return {name: np.ascontiguousarray(records[name]) for name in names.split()}


def option_trades(part: Part) -> Rows:
    """Option prints, known when the tape tells them."""
    records = joined(OPTION, part.option_prints)
    contract, position, row = contracts_of(part, part.option_prints)
    columns = _columns(records, "price size bid ask") | _columns(contract, "expiry strike is_put")
    columns["conditions"] = OPTION_CONDITIONS[records["conditions"]]
    at = np.ascontiguousarray(records["known"])
    return Rows(position=position, row=row, event_at=at - LATENCY, known_at=at, columns=columns)


def alerts(part: Part) -> Rows:
    """Flow alerts; each happened when its last print did."""
    found = flow_alerts(part)
    records = joined(ALERT, found)
    contract, position, row = contracts_of(part, found)
    columns = _columns(records, "premium size ask_premium bid_premium is_sweep") | _columns(contract, "expiry strike is_put")
    columns["open_interest"] = np.ascontiguousarray(contract["before"])
    columns["rule"] = RULES[records["rule"]]
    known = np.ascontiguousarray(records["known"])
    return Rows(position=position, row=row, event_at=records["last"] - LATENCY, known_at=known, columns=columns)

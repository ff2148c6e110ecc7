"""Feeds of ticks: quotes, prints on exchanges and prints off them, each with its two clocks. A print is in one of the two feeds only."""

from __future__ import annotations

import numpy as np

from undertow.core.chunk import Array
from undertow.sandbox.codes import CONDITIONS, EXCHANGES, FACILITIES
from undertow.sandbox.part import Part, Rows
from undertow.sandbox.tape.dark import DARK
from undertow.sandbox.tape.lit import LIT
from undertow.sandbox.tape.records import joined

LATENCY = 300_000  #: ns from an exchange to the public tape
_FACILITIES = np.array(list(FACILITIES), object)


def _records(part: Part, which: int) -> tuple[Array, Array, Array]:
    # records of all sessions, and of each its session's position and its number in the session
    found = [tape[which] for tape in part.tapes]
    lengths = [len(records) for records in found]
    row = np.concatenate([np.empty(0, np.int64), *[np.arange(n) for n in lengths]])
    return joined((LIT, DARK)[which], found), np.repeat(part.positions, lengths), row


def _columns(records: Array, names: str) -> dict[str, Array]:
    return {name: np.ascontiguousarray(records[name]) for name in names.split()}


def quotes(part: Part) -> Rows:
    """The best bid and offer whenever it changes: once at most before each print on an exchange."""
    records, position, row = _records(part, 0)
    changed = row == 0
    columns = _columns(records, "bid ask bid_size ask_size")
    for values in columns.values():
        changed[1:] |= values[1:] != values[:-1]
    columns = {name: values[changed] for name, values in columns.items()}
    at = records["quoted"][changed]
    return Rows(position=position[changed], row=row[changed], event_at=at - LATENCY, known_at=at, columns=columns)


def trades(part: Part) -> Rows:
    """Prints on exchanges."""
    records, position, row = _records(part, 0)
    at = np.ascontiguousarray(records["known"])
    columns = _columns(records, "price size")
    columns["exchange"] = EXCHANGES[records["venue"]]
    columns["conditions"] = CONDITIONS[records["conditions"]]
    return Rows(position=position, row=row, event_at=at - LATENCY, known_at=at, columns=columns)


def off_exchange_prints(part: Part) -> Rows:
    """Prints reported by a trade reporting facility, known when reported: within ten seconds, but one in a hundred hours late."""
    records, position, row = _records(part, 1)
    columns = _columns(records, "price size")
    columns["venue"] = _FACILITIES[records["venue"]]
    columns["conditions"] = CONDITIONS[records["conditions"]]
    executed, known = np.ascontiguousarray(records["executed"]), np.ascontiguousarray(records["known"])
    return Rows(position=position, row=row, event_at=executed - LATENCY, known_at=known, columns=columns)

"""The newest rows of some symbols, back through the sessions until the page is full: what every endpoint with cursors has in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Array
from undertow.core.time import SECOND, Instant
from undertow.sandbox.servers.unusual_whales.ask import Ask
from undertow.sandbox.servers.unusual_whales.desk import Desk

Row = dict[str, Any]
_MOST_SESSIONS = 12  # looked through for one page


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Rows of one symbol and session that can be asked for.

    at, seq : (n,)  the cursor's clock, ns UTC, never falling, and what breaks ties
    numbers : what can be bounded by ``min_`` and ``max_`` (n,), as the vendor counts it
    keep    : bool (n,), what other filters leave
    write   : rows of the answer for these positions
    """

    at: I64
    seq: I64
    numbers: Mapping[str, Array]
    keep: Array
    write: Callable[[Sequence[int]], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a page may hold: instants strictly between two, ns UTC, at most ``limit`` rows of sessions from ``first`` to ``last``."""

    newer: Instant
    older: Instant
    first: int
    last: int
    limit: int


def cursors(ask: Ask, step: int = 1) -> tuple[Instant | None, Instant | None]:
    """``newer_than`` and ``older_than``; a cursor of whole seconds (``step``) leaves out the second it names, on either side."""
    newer, older = ask.moment("newer_than"), ask.moment("older_than")
    if step >= SECOND:
        newer = None if newer is None else (newer // step + 1) * step - 1
        older = None if older is None else older // step * step
    return newer, older


def bounds(desk: Desk, newer: Instant | None, older: Instant | None, limit: int) -> Bounds | None:
    """Bounds of a walk back from a cursor, or from now. Raises ``Refused`` (403) where all of it lies before the plan's first day."""
    until = desk.now + 1 if older is None else min(older, desk.now + 1)
    last = int(nyse().position(until - 1))
    if last < 0:
        return None
    if older is not None:
        desk.check(nyse().day[last])
    return Bounds(newer=-(2**62) if newer is None else newer, older=until, first=desk.first(), last=last, limit=limit)


def newest(symbols: Sequence[str], session_of: Callable[[str, int], Session], within: Bounds, ask: Ask) -> list[Row]:
    """Rows newest first."""
    out: list[Row] = []
    for position in range(within.last, max(within.first - 1, within.last - _MOST_SESSIONS), -1):
        if len(out) >= within.limit or int(nyse().midnight[min(position + 1, len(nyse()) - 1)]) <= within.newer:
            break
        sessions = [session_of(symbol, position) for symbol in symbols]
        out += page(sessions, [bounded(s, ask) & (s.at > within.newer) & (s.at < within.older) for s in sessions], within.limit - len(out))
    return out


def page(sessions: Sequence[Session], masks: Sequence[Array], limit: int, order: str = "", *, rising: bool = False) -> list[Row]:
    """The first rows of several symbols in one order: by time, or by one of their numbers, the greatest first unless ``rising``."""
    found = [np.flatnonzero(mask) for mask in masks]
    which = np.repeat(np.arange(len(sessions)), [len(rows) for rows in found])
    rows = np.concatenate([np.empty(0, np.int64), *found])
    at = np.concatenate([np.empty(0, np.int64), *[s.at[r] for s, r in zip(sessions, found, strict=True)]])
    seq = np.concatenate([np.empty(0, np.int64), *[s.seq[r] for s, r in zip(sessions, found, strict=True)]])
    by = np.concatenate([np.empty(0), *[s.numbers[order][r] for s, r in zip(sessions, found, strict=True)]]) if order else at
    ordered = np.lexsort((seq, at, by))
    chosen = (ordered if rising else ordered[::-1])[:limit]
    written: dict[int, Row] = {}
    for n, session in enumerate(sessions):
        own = chosen[which[chosen] == n]
        written |= dict(zip(own.tolist(), session.write(rows[own].tolist()), strict=True))
    return [written[i] for i in chosen.tolist()]


def bounded(session: Session, ask: Ask) -> Array:
    """Rows that lie within ``min_`` and ``max_`` of each number, and that other filters keep; bool (n,)."""
    keep = session.keep.copy()
    for name, values in session.numbers.items():
        least, most = ask.least(f"min_{name}"), ask.least(f"max_{name}")
        keep &= True if least is None else values >= least
        keep &= True if most is None else values <= most
    return keep

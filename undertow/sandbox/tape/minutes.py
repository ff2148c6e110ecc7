"""Minute bars: what the eligible prints published in each minute add up to, from 04:00 to four hours after the close."""

from __future__ import annotations

from typing import Any

import numpy as np

from undertow.core.chunk import I64, Array
from undertow.core.compiled import njit
from undertow.core.time import MINUTE
from undertow.sandbox.codes import FORM_T, MAKES_NO_EXTREME, MAKES_NO_LAST
from undertow.sandbox.part import Part, Rows
from undertow.sandbox.tape.consolidated import Tape, tapes
from undertow.sandbox.tape.extended import EVENING, MORNING
from undertow.sandbox.tape.intraday import BAR, SPAN

_PRINT = ("known", "price", "size", "conditions")


def minute_bars(part: Part) -> Rows:
    """Minute bars, known when they end; in regular hours every minute has one, outside only those with a print that makes a price."""
    found, session, end = [], [], []
    for i, tape in enumerate(tapes(part)):
        position = part.first + i
        begin = int(part.calendar.midnight[position]) + MORNING
        n = (int(part.calendar.close[position]) + EVENING - begin) // MINUTE
        out, count = np.zeros(n, BAR), np.zeros(n, np.int64)
        _aggregate(*_merged(tape), begin, out, count)
        _trades(part, i, (int(part.calendar.open[position]) - begin) // MINUTE, count, out)
        there = np.flatnonzero(out["open"] > 0)
        found.append(out[there])
        session.append(np.full(len(there), i))
        end.append(begin + (there + 1) * MINUTE)
    bars, at, positions = _joined(found, np.dtype(BAR)), _joined(end), part.first + _joined(session)
    columns: dict[str, Array] = {name: np.ascontiguousarray(bars[name]) for name in BAR.names or ()}
    columns["span"] = np.full(len(at), MINUTE)
    row = (at - part.calendar.midnight[positions]) // MINUTE
    return Rows(position=positions, row=row, event_at=at, known_at=at, columns=columns)


def _joined(arrays: list[Array], kept: np.dtype[Any] | type = np.int64) -> Array:
    return np.concatenate([np.empty(0, kept), *arrays])


def _merged(tape: Tape) -> tuple[I64, I64, I64, I64]:
    # when published, price, size and conditions of all prints, in order
    known, price, size, conditions = (np.concatenate([tape.lit[name], tape.dark[name]]) for name in _PRINT)
    order = np.argsort(known, kind="stable")
    return known[order], price[order], size[order], conditions[order]


def _trades(part: Part, i: int, opens: int, prints: I64, out: Array) -> None:
    # the tape is thinned, the count is not: a five-minute bar's trades go to its minutes by their prints
    position = part.first + i
    bars = part.bars[i][: int(part.calendar.close[position] - part.calendar.open[position]) // SPAN]
    out["trades"] = np.maximum(prints, out["volume"] // 110)
    each = SPAN // MINUTE
    inside = slice(opens, opens + each * len(bars))
    through = np.cumsum(prints[inside].reshape(-1, each), axis=1)
    least = (bars["trades"][:, None] >= each).astype(np.int64)  # one each, where there are that many
    rest = through * (bars["trades"][:, None] - each * least) // np.maximum(1, through[:, -1:])  # none in a halt
    out["trades"][inside] = (np.diff(rest, axis=1, prepend=0) + least).ravel()


@njit(cache=True)
def _aggregate(known: I64, price: I64, size: I64, conditions: I64, begin: int, out: Any, count: I64) -> None:
    # a minute is (start, end]; Form T prints occur outside regular hours only, and make the bars there
    value, weight, last = 0, 0, -1
    for i in range(len(known)):
        k = (known[i] - begin - 1) // MINUTE
        if k != last:
            value, weight, last = 0, 0, k
        bar, flags = out[k], conditions[i] & ~FORM_T
        bar.volume += size[i]
        count[k] += 1
        if flags & MAKES_NO_EXTREME:
            continue
        bar.high = max(bar.high, price[i])
        bar.low = min(bar.low, price[i]) if bar.low > 0 else price[i]
        value, weight = value + price[i] * size[i], weight + size[i]
        bar.vwap = value // weight
        if not flags & MAKES_NO_LAST:
            if bar.open == 0:
                bar.open = price[i]
            bar.close = price[i]

"""Round trips from fills: a trade runs from flat to flat, or to the moment the position changes side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64, Chunk
from undertow.engine.result import RunResult


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrips:
    """Closed trades of one symbol or of several, in order of closing.

    opened_at : int64 (n,)   ns UTC
    closed_at : int64 (n,)   ns UTC
    profit    : float64 (n,) USD, all fills of the trade, commission taken off (borrow and dividends are not in it)
    still_open : positions that had not been closed at the end
    """

    opened_at: I64
    closed_at: I64
    profit: F64
    still_open: int = 0

    def __len__(self) -> int:
        return len(self.profit)


def fills_of(result: RunResult, column: int) -> Chunk:
    """The fills of one symbol, by its column in the result's arrays."""
    return result.fills[np.flatnonzero(result.fills.key == _key(result, column))]


def _key(result: RunResult, column: int) -> int:
    symbol = result.symbols[column]
    return result.fills.symbols.index(symbol) if symbol in result.fills.symbols else -1


def round_trips(result: RunResult, column: int) -> RoundTrips:
    """Closed trades of one symbol. ``Fill.price`` is what was paid: half-spread and impact are inside it."""
    fills = fills_of(result, column)
    shares, paid = fills.numbers("shares"), fills.numbers("price")
    after = _held_after(shares, fills.event_at, result.mark_at, result.shares[:, column])
    return pair(fills.event_at, shares, after, -shares * paid - fills.numbers("commission"))


def pair(at: I64, shares: F64, after: F64, cash: F64) -> RoundTrips:
    """Match fills into trades; a fill that crosses zero is split in proportion.

    at     : int64 (n,)    ns UTC, ascending
    shares : float64 (n,)  signed
    after  : float64 (n,)  held after the fill
    cash   : float64 (n,)  USD received, negative when paid
    """
    opened: list[int] = []
    closed: list[int] = []
    profit: list[float] = []
    since, sum_of_cash, is_open = 0, 0.0, False
    for t, traded, held, flow in zip(at.tolist(), shares.tolist(), after.tolist(), cash.tolist(), strict=True):
        if traded == 0:
            continue
        before = held - traded
        if not is_open:
            since, sum_of_cash, is_open = t, 0.0, True
        if held * before < 0:
            share = -before / traded
            opened.append(since)
            closed.append(t)
            profit.append(sum_of_cash + flow * share)
            since, sum_of_cash = t, flow * (1 - share)
            continue
        sum_of_cash += flow
        if abs(held) < 1e-9:
            opened.append(since)
            closed.append(t)
            profit.append(sum_of_cash)
            is_open = False
    return RoundTrips(
        opened_at=np.array(opened, np.int64),
        closed_at=np.array(closed, np.int64),
        profit=np.array(profit, np.float64),
        still_open=int(is_open),
    )


def together(parts: list[RoundTrips]) -> RoundTrips:
    """Trades of several symbols as one list, in order of closing."""
    if not parts:
        none = np.empty(0, np.int64)
        return RoundTrips(opened_at=none, closed_at=none, profit=np.empty(0))
    closed = np.concatenate([p.closed_at for p in parts])
    order = np.argsort(closed, kind="stable")
    return RoundTrips(
        opened_at=np.concatenate([p.opened_at for p in parts])[order],
        closed_at=closed[order],
        profit=np.concatenate([p.profit for p in parts])[order],
        still_open=sum(p.still_open for p in parts),
    )


def _held_after(shares: F64, at: I64, mark_at: I64, held: F64) -> F64:
    """Position after each fill (n,). A split changes what is held without a fill: then the holding at the end of
    the fill's bar is worked back from (a fill happens after the mark before it, be it at that very instant)."""
    run = np.cumsum(shares)
    if not len(run) or not len(held) or abs(run[-1] - held[-1]) <= 1e-6 * max(1.0, abs(float(held[-1]))):
        return run
    mark = np.minimum(np.searchsorted(mark_at, at, side="right"), len(mark_at) - 1)
    last_of_mark = np.searchsorted(mark, mark, side="right") - 1
    return np.asarray(held[mark] - (run[last_of_mark] - run), np.float64)

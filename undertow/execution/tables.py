"""The arrays that go into a fold and come out of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.errors import BadInput

NO_INTS = np.empty(0, np.int64)
NO_FLOATS = np.empty(0)


class Bars(NamedTuple):
    """Bars of one symbol in the order they became known, starts ascending.

    start  : int64 (n,)    ns UTC
    known  : int64 (n,)    ns UTC
    open   : float64 (n,)  USD, NaN when there was no price
    close  : float64 (n,)  USD, NaN when there was no price
    volume : float64 (n,)  shares, NaN when not known
    """

    start: I64
    known: I64
    open: F64
    close: F64
    volume: F64


class Actions(NamedTuple):
    """Splits and dividends as a sparse list, ascending by bar; each applies before the open of its bar.

    bar      : int64 (k,)    index into the bars of this push
    ratio    : float64 (k,)  new shares for one old
    dividend : float64 (k,)  USD per old share
    """

    bar: I64
    ratio: F64
    dividend: F64


class Fills(NamedTuple):
    """Append-only log of fills, one row each.

    bar         : int64 (f,)    index into the bars of this push
    shares      : float64 (f,)  signed
    price       : float64 (f,)  USD, after half-spread and impact
    commission  : float64 (f,)  USD
    spread_cost : float64 (f,)  USD
    impact_cost : float64 (f,)  USD
    """

    bar: I64
    shares: F64
    price: F64
    commission: F64
    spread_cost: F64
    impact_cost: F64


class Steps(NamedTuple):
    """Where the position changed, by a fill or a split; between two steps it stands.

    bar    : int64 (k,)    index into the bars of this push
    shares : float64 (k,)  held after that bar
    """

    bar: I64
    shares: F64


class Log(NamedTuple):
    """What a fold appends to; columns have room for more rows than are written."""

    fills: Fills
    steps: Steps


class Curves(NamedTuple):
    """Per bar: equity (n,) USD and shares held (n,) after it."""

    equity: F64
    shares: F64


@dataclass(frozen=True, slots=True)
class Pushed:
    """What one push of n bars did."""

    equity: F64  #: (n,) USD at each close
    log: Log
    before: float  #: shares held before the first bar

    @property
    def fills(self) -> Fills:
        """Shares that changed hands."""
        return self.log.fills

    def shares(self) -> F64:
        """Shares held after each bar (n,); built from the steps, because most callers never look."""
        bar, held = self.log.steps
        widths = np.diff(np.concatenate([[0], bar, [len(self.equity)]]))
        return np.repeat(np.concatenate([[self.before], held]), widths)


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A sleeve's running totals, in USD unless said otherwise."""

    equity: float
    mean: float  #: return a bar
    mean_square: float  #: of the return a bar
    peak: float
    drawdown: float  #: deepest, a fraction <= 0
    bars: int
    fills: int
    commission: float
    spread_cost: float
    impact_cost: float
    borrow: float
    dividends: float


NO_ACTIONS = Actions(NO_INTS, NO_FLOATS, NO_FLOATS)


def bars_of(open_: F64, close: F64, volume: F64 | None = None, start: I64 | None = None) -> Bars:
    """Bars from columns (n,); without ``start`` they are one nanosecond long, each known when the next begins."""
    n = len(close)
    begins = np.arange(n, dtype=np.int64) if start is None else start
    unknown = np.full(n, np.nan) if volume is None else volume
    known = np.append(begins[1:], begins[-1:] + 1)
    return Bars(begins, known, open_, close, unknown)


def same_length(rows: int, **arrays: Array) -> None:
    """Raise BadInput unless every array has so many rows: compiled loops do not look."""
    for name, values in arrays.items():
        if len(values) != rows:
            raise BadInput(f"{name} has {len(values)} rows, its bars {rows}")


def room(fills: int, actions: int) -> Log:
    """An empty log for so many fills; each fill and each action may change the position once."""
    table = Fills._make([np.empty(fills, np.int64), *(np.empty(fills) for _ in range(5))])
    return Log(table, Steps(np.empty(fills + actions, np.int64), np.empty(fills + actions)))


def written(log: Log, fills: int, steps: int) -> Log:
    """A copy of the rows that were written."""
    return Log(Fills._make(column[:fills].copy() for column in log.fills), Steps._make(column[:steps].copy() for column in log.steps))


def joined(parts: Sequence[Log]) -> Log:
    """Logs end to end."""
    if len(parts) < 2:
        return parts[0] if parts else room(0, 0)
    return Log(
        Fills._make(np.concatenate(columns) for columns in zip(*(part.fills for part in parts), strict=True)),
        Steps._make(np.concatenate(columns) for columns in zip(*(part.steps for part in parts), strict=True)),
    )

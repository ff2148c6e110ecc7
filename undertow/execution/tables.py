"""The arrays that go into a fold and come out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.execution.account import ACCOUNT, Account, Curve

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


class Curves(NamedTuple):
    """Per bar: equity (n,) USD and shares held (n,) after it; both empty where no curve is wanted."""

    equity: F64
    shares: F64


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


def room(rows: int) -> Fills:
    """An empty log for up to ``rows`` fills; pages that are never written cost nothing."""
    return Fills(np.empty(rows, np.int64), *(np.empty(rows) for _ in range(5)))


def written(log: Fills, rows: int) -> Fills:
    """The first ``rows`` rows, copied so that the room behind them is given back."""
    return Fills(*(column[:rows].copy() for column in log))


def summary_of(state: F64) -> Summary:
    """The totals kept in a sleeve's state array."""
    account, curve = Account(*state[:ACCOUNT]), Curve(*state[ACCOUNT : ACCOUNT + len(Curve._fields)])
    bars = max(curve.bars, 1.0)
    return Summary(
        equity=float(curve.equity),
        mean=float(curve.total / bars),
        mean_square=float(curve.squares / bars),
        peak=float(curve.peak),
        drawdown=float(curve.drawdown),
        bars=int(curve.bars),
        fills=int(account.fills),
        commission=float(account.commission),
        spread_cost=float(account.spread_cost),
        impact_cost=float(account.impact_cost),
        borrow=float(account.borrow),
        dividends=float(account.dividends),
    )

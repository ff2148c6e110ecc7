"""Limits on targets: volatility, a name's share, a sector's, all together, and less of everything the deeper the account has fallen.

Targets (ticks, symbols) are fractions of equity. NaN says nothing, which keeps what was said before: ``Carried`` fills that in first, for a
cap on a row with holes would not know what is held. The functions look at one row at a time; the folds keep what they need between two
pushes, so that ``push(a); push(b)`` equals ``push(a + b)``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput
from undertow.core.orders import LADDER
from undertow.execution import kernel

MEMORY = 0.94  #: RiskMetrics' daily decay of a variance


def to_volatility(targets: F64, volatility: F64, wanted: float, most: float = 2.0) -> F64:
    """Each target times ``wanted / volatility``, at most ``most`` times; all per year, or all per day.

    ``volatility`` (ticks, symbols) is what was known at each tick. Where it is NaN or 0 the target is NaN: what cannot be measured is not
    changed.
    """
    if not wanted > 0.0 or not most > 0.0:
        raise BadInput(f"the wanted volatility and the largest factor must be above 0, not {wanted} and {most}")
    known = volatility > 0.0
    return targets * np.where(known, np.minimum(wanted / np.where(known, volatility, 1.0), most), np.nan)


def book_to_volatility(targets: F64, covariance: F64, wanted: float, most: float = 1.0) -> F64:
    """Each row (symbols,) scaled so that its volatility under ``covariance`` (symbols, symbols) is ``wanted``, at most ``most`` times."""
    if not wanted > 0.0 or not most > 0.0:
        raise BadInput(f"the wanted volatility and the largest factor must be above 0, not {wanted} and {most}")
    # Row by row: a product of matrices gives a row other last bits in company than alone.
    variance = np.array([float(row @ covariance @ row) for row in np.nan_to_num(targets)])
    volatility = np.sqrt(np.maximum(variance, 0.0))
    factor = np.where(volatility > 0.0, np.minimum(wanted / np.where(volatility > 0.0, volatility, 1.0), most), most)
    return targets * factor[:, None]


def cap_names(targets: F64, most: float) -> F64:
    """No target beyond ``most`` of equity, long or short."""
    return np.clip(targets, -_share(most), most)


def cap_gross(targets: F64, most: float) -> F64:
    """Rows whose sizes add up to more than ``most`` of equity, scaled down to it."""
    gross = _summed(np.abs(np.nan_to_num(targets)))
    return targets * _down(gross, _share(most))[:, None]


def cap_sectors(targets: F64, sector: I64, most: float) -> F64:
    """In each row, the targets of a sector that together are larger than ``most`` of equity, scaled down to it.

    ``sector`` (symbols,) is a number a symbol (see ``sectors_of``); those of -1 have none and are left alone.
    """
    capped, most = targets.copy(), _share(most)
    for which in np.unique(sector[sector >= 0]):
        mine = np.flatnonzero(sector == which)
        capped[:, mine] *= _down(_summed(np.abs(np.nan_to_num(targets[:, mine]))), most)[:, None]
    return capped


def sectors_of(symbols: Sequence[str], sector: Mapping[str, str]) -> I64:
    """The number of each symbol's sector (symbols,), in the order of their names; -1 for a symbol without one."""
    names = sorted({sector[symbol] for symbol in symbols if symbol in sector})
    return np.array([names.index(sector[symbol]) if symbol in sector else -1 for symbol in symbols], np.int64)


def _share(most: float) -> float:
    if not most >= 0.0:
        raise BadInput(f"a cap is a share of equity and at least 0, not {most}")
    return most


def _down(size: F64, most: float) -> F64:
    return np.where(size > most, most / np.where(size > most, size, 1.0), 1.0)


def _summed(sizes: F64) -> F64:
    total = np.zeros(len(sizes))
    for column in sizes.T:  # one after the other: the order in which a row is added up must not depend on how many rows there are
        total = total + column
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """The caps together: names, then sectors, then gross; each only ever scales down, so none undoes another."""

    name: float = 0.05
    sector: float = 0.25
    gross: float = 1.0

    def on(self, targets: F64, sector: I64) -> F64:
        """Targets (ticks, symbols) within all three."""
        return cap_gross(cap_sectors(cap_names(targets, self.name), sector, self.sector), self.gross)


@kernel.compiled
def carry(targets: F64, state: F64, out: F64) -> None:
    """Fill each NaN with what the symbol's last target was; state (symbols,)."""
    for t in range(targets.shape[0]):
        for i in range(targets.shape[1]):
            if targets[t, i] == targets[t, i]:
                state[i] = targets[t, i]
            out[t, i] = state[i]


@kernel.inlined
def weighed(squares: float, weights: float, change: float, decay: float) -> tuple[float, float]:
    """Sums of squares and of weights after one more return; NaN teaches nothing."""
    if change == change:
        return decay * squares + change * change, decay * weights + 1.0
    return squares, weights


@kernel.inlined
def fallen(equity: float, falls: F64, left: F64, state: F64) -> float:
    """The share of exposure left after one more mark; state (2,): the peak, and the deepest rung since. NaN changes nothing."""
    if equity == equity:
        if equity >= state[0]:
            state[0], state[1] = equity, 0.0
        # A fall of 10 % is one although 1 - 99 / 110 is a bit less than a tenth.
        while state[1] < falls.shape[0] and equity <= state[0] * (1.0 - falls[int(state[1])]) * (1.0 + 1e-12):
            state[1] += 1.0
    return 1.0 if state[1] == 0.0 else float(left[int(state[1]) - 1])


@kernel.compiled
def weigh(returns: F64, decay: float, state: F64, out: F64) -> None:
    """Exponentially weighted volatility after each row; state (2, symbols): sums of squares and of weights."""
    for t in range(returns.shape[0]):
        for i in range(returns.shape[1]):
            state[0, i], state[1, i] = weighed(state[0, i], state[1, i], returns[t, i], decay)
            out[t, i] = np.sqrt(state[0, i] / state[1, i]) if state[1, i] > 0.0 else np.nan


@kernel.compiled
def descend(equity: F64, falls: F64, left: F64, state: F64, out: F64) -> None:
    """The share of exposure left after each mark; state (2,): the peak, and the deepest rung since."""
    for t in range(equity.shape[0]):
        out[t] = fallen(equity[t], falls, left, state)


class Carried:
    """Targets without holes: NaN becomes what the symbol was told last, 0 at first."""

    def __init__(self, symbols: int) -> None:
        """For so many symbols."""
        self._state = np.zeros(symbols)

    def push(self, targets: F64) -> F64:
        """Targets (ticks, symbols) filled in."""
        out = np.empty(targets.shape)
        carry(targets, self._state, out)
        return out


class Volatility:
    """Each symbol's exponentially weighted volatility, of returns that were known by then; NaN before the first."""

    def __init__(self, symbols: int, decay: float = MEMORY) -> None:
        """``decay`` a row."""
        self._state, self._decay = np.zeros((2, symbols)), float(decay)

    def push(self, returns: F64) -> F64:
        """Returns (ticks, symbols), NaN where there was none; their volatility after each, per row."""
        out = np.empty(returns.shape)
        weigh(returns, self._decay, self._state, out)
        return out


def rungs_of(rungs: Sequence[tuple[float, float]]) -> tuple[F64, F64]:
    """A ladder's falls and the shares of exposure left, each (rungs,); no rungs are none. Raises ``BadInput``."""
    falls, left = np.array(rungs, np.float64).reshape(-1, 2).T.copy()
    bad = not np.isfinite([falls, left]).all() or bool(np.any(np.diff(falls) <= 0.0) or np.any(np.diff(left) > 0.0))
    if bad or (len(falls) and (falls[0] <= 0.0 or left[0] > 1.0 or left[-1] < 0.0)):
        raise BadInput(f"rungs {list(rungs)} must be (fall, share left), falls ascending from above 0, shares descending within 0 to 1")
    return falls, left


class Ladder:
    """The share of exposure that is left after falls from the peak.

    A rung once reached holds until the equity is at its peak again, or until a person says so (``rearm``): an account that is flat cannot
    climb back by itself, and one that is allowed more on each bounce loses more on the way down.
    """

    def __init__(self, rungs: Sequence[tuple[float, float]] = LADDER) -> None:
        """``rungs``: (fall from the peak, share of exposure left), falls ascending, shares descending."""
        self._falls, self._left = rungs_of(rungs)
        self._state = np.array([-np.inf, 0.0])

    def push(self, equity: F64) -> F64:
        """Equity (n,) in USD; the factor (n,) for targets decided after each mark. NaN changes nothing."""
        out = np.empty(len(equity))
        descend(equity, self._falls, self._left, self._state, out)
        return out

    def rearm(self) -> None:
        """Let the next mark be the peak."""
        self._state[:] = -np.inf, 0.0

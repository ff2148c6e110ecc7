"""What one account may hold of each symbol: limits on the targets, decided at a tick from what the account is worth by then.

A target of a symbol is a share of its part, and a part is the account's equity divided by the number of symbols. The limits are shares of
the equity: of one name, of a sector, of all together, long and short added up; a volatility that each position is scaled to; and a ladder
that leaves less of everything the deeper the account has fallen. ``allow`` is the one function that says what is allowed, for a backtest,
for paper trading and for an account at a broker alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from undertow.core.chunk import F64, I64, Array
from undertow.core.orders import PortfolioLimits
from undertow.execution import kernel
from undertow.execution.limits import fallen, rungs_of, sectors_of

MOST = 2.0  #: fold that a calm symbol is held of its target where a volatility is wanted
SLACK = 0.10  #: of a limit, by which a position that nobody speaks of may grow past it before it is brought back
NAME, SECTOR, GROSS, VOLATILITY, LADDER, DECIDED = range(6)
BITS = 1e-12  #: of a limit: what sums may be off by
ALL = -2  #: in place of a sector
NAMES = ("name", "sector", "gross", "volatility", "ladder")


class Bounds(NamedTuple):
    """The limits as a kernel reads them, in parts: ``symbols`` of them make the equity.

    sector : int64 (symbols,)   number of each one's sector, -1 for none
    falls, left : float64 (rungs,)   of the ladder
    """

    name: float
    sectors: float
    gross: float
    volatility: float  #: a year; 0 for none
    band: float  #: of a part: a change of no more is not traded
    sector: I64
    falls: F64
    left: F64


class Memory(NamedTuple):
    """What the limits remember between two ticks.

    said    : float64 (symbols,)  the last target, NaN before the first
    allowed : float64 (symbols,)  what came of it, in parts; 0 before
    rung    : float64 (3,)        the ladder's peak and rung, and the share of exposure it left last
    bound   : int64 (6,)          decisions at which each limit bound (``NAMES``), and how many there were
    lowest  : float64 (1,)        the least share of exposure that the ladder left
    """

    said: F64
    allowed: F64
    rung: F64
    bound: I64
    lowest: F64

    def copy(self) -> Memory:
        """The same, to go on from separately."""
        return Memory._make(column.copy() for column in self)


class Row(NamedTuple):
    """What one decision allows.

    weight : float64 (symbols,)  of a part; NaN where nothing is said
    band   : float64 (symbols,)  of a part: a change of no more is not traded; 0 where a limit asks for it
    """

    weight: F64
    band: F64


class Now(NamedTuple):
    """One decision's circumstances."""

    part: float  #: USD
    factor: float  #: the share of exposure that the ladder leaves
    moved: bool  #: whether it left another share at the decision before


def bounds_of(symbols: Sequence[str], limits: PortfolioLimits, band: float) -> Bounds:
    """The kernel's form; ``band`` is a share of a symbol's part."""
    n = float(len(symbols))
    falls, left = rungs_of(limits.ladder)
    sector = sectors_of(symbols, limits.sectors)
    return Bounds(limits.name * n, limits.sector * n, limits.gross * n, limits.volatility or 0.0, band, sector, falls, left)


def memory_of(symbols: int) -> Memory:
    """Nothing was said yet."""
    said, allowed = np.full(symbols, np.nan), np.zeros(symbols)
    return Memory(said, allowed, np.array([-np.inf, 0.0, 1.0]), np.zeros(6, np.int64), np.ones(1))


def told_of(memory: Memory) -> tuple[str, ...]:
    """A sentence for each limit that bound, and how often."""
    out, decided = [], int(memory.bound[DECIDED])
    for which, name in enumerate(NAMES[:LADDER]):
        if times := int(memory.bound[which]):
            does = "scaled targets" if which == VOLATILITY else "bound"
            out.append(f"The portfolio's {name} limit {does} at {times:,} of {decided:,} decisions.")
    if times := int(memory.bound[LADDER]):
        now = f"; {memory.rung[2]:.0%} at the end" if decided else ""
        out.append(f"The drawdown ladder left {memory.lowest[0]:.0%} of exposure at its lowest, less than all at {times:,} decisions{now}.")
    return tuple(out)


@kernel.inlined
def worth(equities: F64) -> float:
    """USD of all purses together, added in their order."""
    total = 0.0
    for i in range(equities.shape[0]):
        total += equities[i]
    return total


@kernel.inlined
def sizes(held: F64, sector: I64, bounds: Bounds, now: Now) -> Array:
    """Whether each symbol (symbols,) is held with others, in its sector or in all, beyond a limit by more than ``SLACK``."""
    n = held.shape[0]
    by_sector, size, usd = np.zeros(n), 0.0, now.part * now.factor * (1.0 + SLACK)
    for i in range(n):
        size += abs(held[i])
        if sector[i] >= 0:
            by_sector[sector[i]] += abs(held[i])
    grown = np.empty(n, np.bool_)
    for i in range(n):
        grown[i] = size > bounds.gross * usd or (sector[i] >= 0 and by_sector[sector[i]] > bounds.sectors * usd)
    return grown


@kernel.inlined
def share(which: int, most: float, held: F64, now: Now, bounds: Bounds, memory: Memory, row: Row) -> bool:
    """Scale what is said of a sector's symbols, or of ``ALL``, into the room that the silent ones leave of ``most`` parts."""
    asked, left = 0.0, most
    for i in range(held.shape[0]):
        if which == ALL or bounds.sector[i] == which:
            if row.weight[i] == row.weight[i]:
                asked += abs(row.weight[i])
            else:
                was, size = abs(memory.allowed[i]), abs(held[i]) / now.part
                left -= was if size <= was * (1.0 + SLACK) else size
    left = max(left, 0.0)
    if not asked > left * (1.0 + BITS):
        return False
    for i in range(held.shape[0]):
        if which == ALL or bounds.sector[i] == which:
            row.weight[i] *= left / asked
    return True


@kernel.inlined
def speak(targets: F64, volatility: F64, held: F64, now: Now, bounds: Bounds, memory: Memory, row: Row) -> None:
    """Each symbol by itself: what is said of it, scaled to its volatility and to what the ladder leaves, within the limit of a name."""
    named, scaled, most = False, False, bounds.name * now.factor
    grown = sizes(held, bounds.sector, bounds, now)
    for i in range(targets.shape[0]):
        over = grown[i] or abs(held[i]) > most * now.part * (1.0 + SLACK)
        asked = memory.said[i] if now.moved else targets[i]
        if bounds.volatility > 0.0 and asked != 0.0:
            by = min(bounds.volatility / volatility[i], MOST) if volatility[i] > 0.0 else np.nan
            scaled = scaled or (by * asked == by * asked and by != 1.0)
            asked *= by
        asked *= now.factor
        if asked != asked and over:
            asked = held[i] / now.part
        if abs(asked) > most:
            asked, named = (most if asked > 0.0 else -most), True
        row.weight[i] = asked
        if now.moved or over or now.factor == 0.0:
            row.band[i] = 0.0
    memory.bound[NAME] += 1 if named else 0
    memory.bound[VOLATILITY] += 1 if scaled else 0


@kernel.compiled
def allow(targets: F64, volatility: F64, held: F64, equity: float, bounds: Bounds, memory: Memory, row: Row) -> None:
    """Fill ``row`` with what targets (symbols,) may become.

    volatility : float64 (symbols,)  a year's, NaN where it is not known; not looked at where none is wanted
    held       : float64 (symbols,)  USD, signed
    equity     : USD; NaN says nothing, and at 0 or below nothing may be held

    A target of NaN says nothing: its symbol is left as it is and takes the room that it takes, the others share the rest. It is only
    spoken for where the ladder has moved (what was said last is said again) or where it has grown past a limit by more than ``SLACK``.
    """
    n = targets.shape[0]
    row.weight[:] = np.nan
    row.band[:] = bounds.band
    if equity != equity:
        return
    memory.bound[DECIDED] += 1
    factor = fallen(equity, bounds.falls, bounds.left, memory.rung)
    moved = factor != memory.rung[2]
    memory.rung[2], memory.lowest[0] = factor, min(memory.lowest[0], factor)
    if factor < 1.0:
        memory.bound[LADDER] += 1
    for i in range(n):
        if targets[i] == targets[i]:
            memory.said[i] = targets[i]
    if equity > 0.0:
        now = Now(equity / n, factor, moved)
        speak(targets, volatility, held, now, bounds, memory, row)
        for sector in range(n if bounds.sector.max() >= 0 else 0):  # there are no more of them than symbols
            if share(sector, bounds.sectors * factor, held, now, bounds, memory, row):
                memory.bound[SECTOR] += 1
        if share(ALL, bounds.gross * factor, held, now, bounds, memory, row):
            memory.bound[GROSS] += 1
    else:
        row.weight[:] = 0.0
        row.band[:] = 0.0
    for i in range(n):
        if row.weight[i] == row.weight[i]:
            memory.allowed[i] = row.weight[i]

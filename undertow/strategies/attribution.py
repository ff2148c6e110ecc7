"""What each strategy gained: its part of the position times what the price did, without friction, and one line for all the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.core.errors import BadInput

REST = "costs, rounding and timing"
UNITS = 10_000  #: of a dollar: whole numbers, so that the lines add up to the last of them


@dataclass(frozen=True, slots=True)
class Attribution:
    """Gain by strategy and symbol; the last line is the remainder, and the lines sum to the total exactly."""

    names: tuple[str, ...]  #: strategies, then ``REST``
    gain: I64  #: (names, symbols) 1/10,000 USD

    def usd(self) -> F64:
        """The same in USD (names, symbols), each rounded on its own."""
        return self.gain / UNITS


def attribute(names: Sequence[str], parts: F64, price: F64, equity: F64, gained: F64) -> Attribution:
    """Gain of each strategy between one tick's price and the next, and what the account made beside it.

    names  : of the strategies
    parts  : (strategies, ticks, symbols) of the symbol's part of the account, as ``Book.parts``; NaN holds what was held before
    price  : (ticks + 1, symbols) USD adjusted for splits, at which each tick's target could first be traded, then the last mark;
             NaN where there was none, and then the last one before it stands
    equity : (ticks, symbols) USD of each symbol's part of the account at the tick
    gained : (symbols,) USD by which each purse grew, costs and all
    """
    if parts.shape[0] != len(names) or price.shape != (parts.shape[1] + 1, parts.shape[2]) or equity.shape != parts.shape[1:]:
        raise BadInput(f"parts {parts.shape} of {len(names)} strategies do not fit prices {price.shape} and equity {equity.shape}")
    known = _carried(price)
    moved = np.diff(known, axis=0) / known[:-1]
    usd = np.where(np.isnan(moved), 0.0, moved * equity)
    held = np.stack([_carried(part) for part in parts])
    each = np.where(np.isnan(held), 0.0, held) * usd
    gain = np.rint(each.sum(axis=1) * UNITS).astype(np.int64)
    rest = np.rint(gained * UNITS).astype(np.int64) - gain.sum(axis=0)
    return Attribution((*names, REST), np.concatenate([gain, rest[None]]))


def _carried(values: F64) -> F64:
    """The last known value of each column (rows, columns); NaN before its first."""
    row = np.where(np.isnan(values), 0, np.arange(len(values))[:, None])
    return np.take_along_axis(values, np.maximum.accumulate(row, axis=0), axis=0)

"""What the strategies share: evidence on a scale of -1 to 1, NaN where it is not known, and what a strategy cannot do without.

Sums and products alone, one symbol and tick at a time, in a fixed order: a row gives the same bits in any company (laws 3 and 7).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64


@dataclass(frozen=True, slots=True)
class Need:
    """Data that a strategy does nothing without."""

    what: str  #: in words: "option flow"
    any_of: tuple[str, ...]  #: features, one of which is enough

    def met(self, features: tuple[str, ...]) -> bool:
        """Whether a run with these features has it."""
        return any(name in features for name in self.any_of)


def graded(value: F64, full: float) -> F64:
    """Evidence that is whole at ``full`` and beyond, any shape; NaN stays NaN."""
    found: F64 = np.clip(value / full, -1.0, 1.0)
    return found


def told(evidence: F64) -> F64:
    """Evidence with 0 where it is not known: what nobody knows moves nothing."""
    return np.where(np.isnan(evidence), 0.0, evidence)


def mean_of_known(*parts: F64) -> F64:
    """Mean of the parts that are known, any shape; NaN where none is."""
    total, count = np.zeros_like(parts[0]), np.zeros_like(parts[0])
    for part in parts:
        total = total + told(part)
        count = count + ~np.isnan(part)
    return np.where(count > 0.0, total / np.maximum(count, 1.0), np.nan)


def positioning(put_share_change: F64, opening_balance: F64, *, tilt: float, opened: float) -> F64:
    """What customers' option trading of the last session bets on, -1 to 1: calls rather than puts, traded and opened.

    put_share_change : puts' share of volume less its own mean; ``tilt`` of it is whole evidence (Pan and Poteshman 2006)
    opening_balance  : new calls less new puts over all contracts; ``opened`` of it is whole evidence (Ge, Lin and Pearson 2016)
    """
    return mean_of_known(graded(-put_share_change, tilt), graded(opening_balance, opened))

"""Where the money went: from the gross result, step by step, to what was left."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64, Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """Profit in USD before costs, each cost as what it added (so costs are negative), and the profit that was left.

    ``gross + half_spread + impact + commission + carry == net``. ``carry`` is borrow and dividends: what the fills do not explain.
    """

    capital: float
    gross: float
    half_spread: float
    impact: float
    commission: float
    carry: float
    net: float

    def steps(self) -> tuple[tuple[str, float], ...]:
        """Label and USD of every step, gross first and net last."""
        return (
            ("Gross, at mid prices", self.gross),
            ("Half-spread", self.half_spread),
            ("Market impact", self.impact),
            ("Commission", self.commission),
            ("Borrow and dividends", self.carry),
            ("Net", self.net),
        )

    def percent(self, usd: float) -> float:
        """USD as a fraction of the capital."""
        return usd / self.capital

    @property
    def trading_costs(self) -> float:
        """Half-spread, impact and commission in USD, as a positive number."""
        return -(self.half_spread + self.impact + self.commission)


def waterfall(capital: float, equity: F64, held_value: float, fills: Chunk) -> Waterfall:
    """Explain the profit of one purse.

    capital    : USD at the start, nothing held
    equity     : float64 (marks,) USD, no NaN
    held_value : USD of the position at the last mark
    fills      : of that purse; ``price`` is what was paid, half-spread and impact inside
    """
    net = float(equity[-1]) - capital if len(equity) else 0.0
    traded = float(-(fills.numbers("shares") * fills.numbers("price")).sum()) + held_value
    spread, impact, commission = (float(np.nansum(fills.numbers(c))) for c in ("spread_cost", "impact_cost", "commission"))
    return Waterfall(
        capital=capital,
        gross=traded + spread + impact,
        half_spread=-spread,
        impact=-impact,
        commission=-commission,
        carry=net - (traded - commission),
        net=net,
    )


def total(parts: Sequence[Waterfall]) -> Waterfall:
    """The sum of purses."""
    names = ("capital", "gross", "half_spread", "impact", "commission", "carry", "net")
    return Waterfall(**{name: sum(getattr(p, name) for p in parts) for name in names})

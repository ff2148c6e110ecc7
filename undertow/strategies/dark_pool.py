"""Dark pool and stock aggregates: go with accumulation away from exchanges as long as the price has not paid for it yet.

What it does: an off-exchange share above its own mean of twenty sessions is taken for patient buying, one below it for its end; what
the last daily bar has already moved that way is taken off. Price levels at which much was traded off exchange in five sessions hold
the price on the side on which it stands. Today's blocks count by their side against the quote's middle and only for that part of the
impact which the square-root law expects of them and which the price, against the session's VWAP, has not made yet.
Hypothesis: large orders are split and worked in the dark, so that their pressure lasts for days and moves the price late; blocks have
an impact of the day's deviation times the root of their share of volume, and whoever comes after it has been made pays for it.
Reads: off-exchange volume and daily bars; where there are any, off-exchange prints, quotes and intraday bars for levels, blocks and VWAP.
Fails when the off-exchange share is retail orders filled by wholesalers, which is most of it: the prior is weak and short.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need, graded, told

_SEEN = ("off_exchange_share_score", "heaviest_level_gap", "block_imbalance_today")


@dataclass(frozen=True, slots=True)
class DarkPool:
    """A target of up to the whole equity on the side of accumulation, levels and blocks that the price has not followed yet."""

    name: str = "dark_pool"
    reads: tuple[str, ...] = (
        *_SEEN,
        "shock_20_1d",
        "heaviest_level_share",
        "block_value_share_today",
        "block_flow_impact",
        "vwap_distance",
    )
    needs: tuple[Need, ...] = (Need("off-exchange volume or prints", _SEEN),)
    score: float = 2.0  #: deviations of the off-exchange share that are whole evidence, and of the return that has paid for it
    crowded: float = 0.20  #: share of five sessions' dollars at one level that makes it count in full
    blocks: float = 0.30  #: share of the off-exchange dollars in blocks that makes them count in full
    level_weight: float = 0.5
    block_weight: float = 0.5

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols)."""
        parts = told(self.accumulated(view)) + self.level_weight * told(self.level(view)) + self.block_weight * told(self.blocked(view))
        return np.clip(parts, -1.0, 1.0)

    def accumulated(self, view: View) -> F64:
        """Unusual off-exchange share, less what the last bar has already moved its way, -1 to 1."""
        share = graded(view.feature("off_exchange_share_score"), self.score)
        paid = np.clip(np.sign(share) * told(view.feature("shock_20_1d")) / self.score, 0.0, 1.0)
        return share * (1.0 - paid)

    def level(self, view: View) -> F64:
        """The side of the heaviest level on which the price stands, -1 to 1: whole a session's deviation away."""
        away = view.feature("heaviest_level_gap") / view.volatility
        return graded(away, 1.0) * np.clip(view.feature("heaviest_level_share") / self.crowded, 0.0, 1.0)

    def blocked(self, view: View) -> F64:
        """Side of today's blocks, -1 to 1, by the share of their expected impact that the price has still to make."""
        side, impact = view.feature("block_imbalance_today"), 1e-4 * view.feature("block_flow_impact")
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(impact * side > 0.0, np.clip(1.0 - told(view.feature("vwap_distance")) / impact, 0.0, 1.0), 0.0)
        return side * left * np.clip(view.feature("block_value_share_today") / self.blocks, 0.0, 1.0)

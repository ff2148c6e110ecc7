"""Technical pattern and options flow triggers: against an overdone move, or with a reversal pattern, only where option flow agrees.

What it does: three oscillators vote where they are beyond their customary bounds and the newest bar was the one to push that way;
reversal candlesticks on that bar have a vote beside them, and two votes make a whole trigger. A trigger becomes a position only where
option flow of the last session or of today bets on the same side, and the more the surer the flow. An entry is good for one session: it
rests on the newest daily bar alone, and unless the next one triggers again it is over.
Hypothesis: a day's overreaction is partly given back the next day where nobody knew a reason for it; flow that agrees says that those
who trade on knowledge are on that side, flow that disagrees that the move had a reason.
Reads: daily bars (Wilder's RSI, stochastic, Bollinger bands, candlesticks of TA-Lib), option chains and open interest, option prints.
Fails in trends that news drives, where oscillators stay beyond their bounds, and where flow only reacts to the same bar. Patterns alone
have shown no edge that survived costs; they are here as triggers and not as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need, graded, mean_of_known, positioning, told

_REVERSALS = ("engulfing", "hammer", "piercing", "morningstar", "hangingman", "shootingstar", "darkcloudcover", "eveningstar")
_PATTERNS = tuple(f"candle_{name}_1d" for name in _REVERSALS)
_OSCILLATORS = ("rsi_14_1d", "stochastic_k_1d", "bollinger_position_1d")
_POSITIONS = ("put_share_of_volume_change", "opening_balance")


@dataclass(frozen=True, slots=True)
class TechnicalFlow:
    """A target of up to the whole equity for one session, on the side of a trigger with which option flow agrees."""

    name: str = "technical_flow"
    reads: tuple[str, ...] = (*_OSCILLATORS, "return_1_1d", *_PATTERNS, *_POSITIONS, "net_premium_today")
    needs: tuple[Need, ...] = (
        Need("daily bars", (*_OSCILLATORS, *_PATTERNS)),
        Need("option flow", (*_POSITIONS, "net_premium_today")),
    )
    rsi: float = 20.0  #: points from 50 beyond which it votes: 30 and 70 (Wilder 1978)
    stochastic: float = 30.0  #: points from 50: 20 and 80
    bands: float = 2.0  #: standard deviations (Bollinger)
    votes: float = 2.0  #: votes of the four, patterns having one together, that make a whole trigger
    tilt: float = 0.10  #: as in options_flow
    opened: float = 0.25
    premium: float = 0.20
    sure: float = 0.5  #: flow that makes a trigger count in full

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): 0 without a trigger, and 0 where flow is silent or disagrees."""
        trigger, flow = told(self.trigger(view)), told(self.flow(view))
        return np.where(trigger * flow > 0.0, trigger * np.clip(np.abs(flow) / self.sure, 0.0, 1.0), 0.0)

    def trigger(self, view: View) -> F64:
        """Votes of oscillators and patterns on the newest daily bar, -1 to 1."""
        pushed = np.sign(view.feature("return_1_1d"))
        votes = np.zeros_like(view.p_up)
        for name, middle, bound in zip(_OSCILLATORS, (50.0, 50.0, 0.0), (self.rsi, self.stochastic, self.bands), strict=True):
            away = view.feature(name) - middle
            votes = votes - np.where((np.abs(away) >= bound) & (np.sign(away) == pushed), pushed, 0.0)
        pattern = np.zeros_like(view.p_up)
        for name in _PATTERNS:
            pattern = pattern + told(view.feature(name))
        return graded(votes + np.clip(pattern, -1.0, 1.0), self.votes)

    def flow(self, view: View) -> F64:
        """What option flow bets on, -1 to 1: of the last session, and of today where there are prints; NaN without either."""
        session = positioning(*(view.feature(name) for name in _POSITIONS), tilt=self.tilt, opened=self.opened)
        return mean_of_known(session, graded(view.feature("net_premium_today"), self.premium))

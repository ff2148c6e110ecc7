"""What we do: signals, targets and the costs of acting on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from undertow.core.time import Instant


class Direction(StrEnum):
    """What a signal says to do."""

    BUY = "BUY"
    SELL = "SELL"
    NEUTRAL = "NEUTRAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One decision about one symbol, with everything needed to judge it."""

    symbol: str
    at: Instant
    direction: Direction
    confidence: float  #: calibrated probability of the called direction; of the likelier one when NEUTRAL
    p_up: float  #: calibrated probability that the price rises over the horizon
    horizon: int  #: sessions
    phase: str
    abstain_reason: str  #: empty unless NEUTRAL
    contributions: Mapping[str, float]  #: log-odds by source; they sum to the score
    score: float  #: log-odds of p_up before calibration
    known_until: Instant  #: the latest known_at that was used
    grades: Mapping[str, str]  #: event kind -> grade of its known_at
    simulated: bool
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What trading costs, per side. The defaults are a large-cap retail account's; see docs/concepts/costs.md."""

    half_spread_bp: float = 1.0  #: of price
    impact: float = 1.0  #: Y of the square-root law, Y * daily volatility * sqrt(shares / daily volume)
    commission_per_share: float = 0.0  #: USD
    commission_bp: float = 0.0  #: of traded value
    borrow_rate: float = 0.005  #: a year, on the value of short positions
    participation: float = 0.05  #: largest share of a bar's volume; the rest of an order waits
    whole_shares: bool = True

    def scaled(self, by: float) -> Costs:
        """The same costs ``by`` times as high; participation and rounding stay."""
        return Costs(
            half_spread_bp=self.half_spread_bp * by,
            impact=self.impact * by,
            commission_per_share=self.commission_per_share * by,
            commission_bp=self.commission_bp * by,
            borrow_rate=self.borrow_rate * by,
            participation=self.participation,
            whole_shares=self.whole_shares,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What we hold: one cash sleeve a symbol."""

    cash: Mapping[str, float] = field(default_factory=dict)  #: USD
    shares: Mapping[str, float] = field(default_factory=dict)
    equity: Mapping[str, float] = field(default_factory=dict)  #: USD, at the last known close

"""What we do: signals, targets and the costs of acting on them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

from undertow.core.errors import BadInput
from undertow.core.time import Instant


class Direction(StrEnum):
    """What a signal says to do."""

    BUY = "BUY"
    SELL = "SELL"
    NEUTRAL = "NEUTRAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one base model said, and how much of it was believed."""

    model: str
    p_up: float  #: its own probability of a rise, before calibration; NaN where it said nothing
    weight: float  #: of its log-odds in the score


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """The newest fact of one kind that was known of a symbol."""

    kind: str
    source: str  #: who told it
    grade: str  #: of its ``known_at``
    event_at: Instant
    known_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """How far one family of features pushed, and the newest facts that it rests on."""

    family: str
    push: float  #: log-odds, the sum of its features' contributions
    facts: tuple[Fact, ...]  #: a kind of which nothing was known is not among them


@dataclass(frozen=True, slots=True, kw_only=True)
class Belief:
    """The probability after one more family of features was taken into account."""

    after: str  #: the family; the first is the base rate
    score: float  #: log-odds so far; the last belief's is the signal's score
    p_up: float  #: calibrated, so far


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A change of one feature, within what it has been, that would change the call."""

    feature: str
    now: float
    then: float
    share: float  #: of its past values, those that lie between: 0.1 is a tenth of what it has been
    direction: Direction  #: what would be called then
    p_up: float  #: calibrated, then


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
    said: tuple[Said, ...] = ()  #: a base model each
    grounds: tuple[Ground, ...] = ()  #: a family each, the strongest push first; with the base rate they sum to the score
    trail: tuple[Belief, ...] = ()  #: from the base rate to ``p_up``, families in the order in which their newest fact became known
    flips: tuple[Flip, ...] = ()  #: the smallest changes that would change the call, the smallest first; empty where none was found


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


LADDER = ((0.05, 0.5), (0.10, 0.0))  #: fall from the peak, and the share of exposure that is left


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioLimits:
    """Limits on an account's targets; shares are of its equity. Raises ``BadInput``.

    By default nothing binds that did not: targets add up to the equity at most. The ladder of the field guide (5 % below the peak: half;
    10 %: flat, until a person says so) is there to be asked for, and is off: its last rung needs a person, there is none in a backtest,
    and an account that is flat cannot come back to its peak, so that a history would simply end at its first fall of 10 %. The gate has
    limits on the day's losses besides, with a person behind them.
    """

    name: float = 1.0  #: largest share in one symbol, long or short
    sector: float = 1.0  #: in one sector, long and short added up; a symbol without one has none
    gross: float = 1.0  #: in everything
    volatility: float | None = None  #: a year's, that each position is scaled to by its own; None leaves targets as they are
    ladder: tuple[tuple[float, float], ...] = ()  #: (fall from the peak, share of exposure left)
    sectors: Mapping[str, str] = field(default_factory=dict)  #: symbol -> sector

    def __post_init__(self) -> None:
        for what in ("name", "sector", "gross"):
            if not 0.0 <= getattr(self, what) <= 1.0:
                raise BadInput(f"the portfolio's {what} is a share of equity between 0 and 1, not {getattr(self, what):g}")
        if self.volatility is not None and not 0.0 < self.volatility < math.inf:
            raise BadInput(f"the portfolio's volatility, a year's, must be above 0, such as 0.15, not {self.volatility:g}")
        falls, left = ([0.0, *(rung[0] for rung in self.ladder)], [1.0, *(rung[1] for rung in self.ladder)])
        deeper = all(a < b < 1.0 for a, b in pairwise(falls))
        less = all(a >= b >= 0.0 for a, b in pairwise(left))
        if not (deeper and less):
            rungs = [list(rung) for rung in self.ladder]
            raise BadInput(f"the portfolio's ladder {rungs} must be (fall, share left), falls ascending, shares descending, within 0 to 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What we hold: one account, and whose purse each part of it lies in."""

    cash: Mapping[str, float] = field(default_factory=dict)  #: USD; a purse may be below zero, only their sum is money
    shares: Mapping[str, float] = field(default_factory=dict)
    equity: Mapping[str, float] = field(default_factory=dict)  #: USD, at the last known close

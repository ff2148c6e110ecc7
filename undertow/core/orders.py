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


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """What we hold: one cash sleeve a symbol."""

    cash: Mapping[str, float] = field(default_factory=dict)  #: USD
    shares: Mapping[str, float] = field(default_factory=dict)
    equity: Mapping[str, float] = field(default_factory=dict)  #: USD, at the last known close

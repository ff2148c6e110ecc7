"""Combined options flow analysis: follow unusual option flow, once the morning's open interest says that it opened positions.

What it does: yesterday's tilt from puts to calls against the symbol's own usual tilt gives a direction. At 09:00 the open interest that
it left behind is out: where it went the other way, the flow closed positions instead of opening them, and the alert is retired; where
it agrees, both are averaged; where it is not known, the direction counts half. It counts the more the more unusual the volume was.
Today's signed premium and alerts, which no open interest can confirm before tomorrow, add half of what they say. A skew or a market
tide against the direction takes up to half of it away.
Hypothesis: customers who know something want leverage and open positions; low shares of newly bought puts came before returns of some
forty basis points a day, of which perhaps two fifths are left, and most of it in what was opened.
Reads: option chains and open interest; where there are any, option prints and flow alerts; the market's tide over the symbols asked about.
Fails when flow is hedging or retail noise in weeklies, around index rebalancing, and as it has since these effects were published.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need, graded, mean_of_known, told

_DIRECTION = ("put_share_of_volume_change", "net_premium_today", "alert_balance_today")


@dataclass(frozen=True, slots=True)
class OptionsFlow:
    """A target of up to the whole equity in the direction of confirmed, unusual option flow."""

    name: str = "options_flow"
    reads: tuple[str, ...] = (*_DIRECTION, "opening_balance", "option_volume_score", "skew_score", "market_tide_signed")
    needs: tuple[Need, ...] = (Need("option flow", _DIRECTION),)
    tilt: float = 0.10  #: of puts' share of volume from its mean: whole evidence, about one deviation of liquid names
    opened: float = 0.25  #: new calls less new puts over contracts traded: whole evidence
    premium: float = 0.20  #: signed share of today's premium that is whole evidence; hard signs are right in two of three prints
    unconfirmed: float = 0.5  #: weight of flow that no open interest has confirmed
    usual: float = 0.5  #: weight of flow on a day of usual volume; it is whole at two deviations above
    against: float = 0.5  #: share of the evidence that a skew of two deviations, or a whole tide, against it takes away

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): 0 where there is no flow, or where open interest has contradicted it."""
        flow = told(self.morning(view)) + self.unconfirmed * told(self.today(view))
        flow = np.clip(flow, -1.0, 1.0)
        skewed = told(graded(np.sign(flow) * view.feature("skew_score"), 2.0))  # dear puts speak against a rise
        tide = told(-np.sign(flow) * view.feature("market_tide_signed"))
        for opposed in (skewed, tide):
            flow = flow * (1.0 - self.against * np.clip(opposed, 0.0, 1.0))
        return flow

    def morning(self, view: View) -> F64:
        """The last session's flow as the open interest of this morning leaves it, -1 to 1; NaN without chains."""
        direction = graded(-view.feature("put_share_of_volume_change"), self.tilt)
        opened = graded(view.feature("opening_balance"), self.opened)
        verdict = np.sign(direction) * np.sign(opened)
        kept = np.where(verdict > 0.0, 0.5 * (direction + opened), self.unconfirmed * direction)
        kept = np.where(verdict < 0.0, 0.0, kept)
        unusual = np.clip(told(view.feature("option_volume_score")) / 2.0, 0.0, 1.0)
        return kept * (self.usual + (1.0 - self.usual) * unusual)

    def today(self, view: View) -> F64:
        """Today's flow so far, -1 to 1; NaN before the first print."""
        return mean_of_known(graded(view.feature("net_premium_today"), self.premium), graded(view.feature("alert_balance_today"), 1.0))

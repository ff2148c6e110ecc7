"""Earnings trade setup: with the positioning of option traders into a report, and out before it unless the report's risk is ordinary.

What it does: in the two weeks before an announced report it takes the side on which options were traded and opened, less where far
puts are dear. The last decision from which the price cannot be left before the report is made by rule: through the print only if the
move that options imply is not much above the symbol's own mean, past moves did not exceed what options implied, and volatility fell
after past reports (the crush: so options did price them); then at a size whose risk with the jump is that of an ordinary session. In
all other cases, also where one of these is not known, the position is closed before. It trades the share and holds nothing after.
Hypothesis: positions in options are taken ahead of reports by those who expect something, so that flow tells most there; steep skews
came before the worst earnings shocks. The drift after reports is gone in large companies: it is not traded.
Reads: the earnings calendar, option chains and open interest, own past reports (implied and realised moves, crush).
Fails when dates move, when positions are hedges of holdings, and when one jump outweighs a year of small gains: reports are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array
from undertow.core.protocols import View
from undertow.core.time import DAY
from undertow.strategies.evidence import Need, graded, mean_of_known, told

_POSITIONS = ("put_share_of_volume_change", "opening_balance")
#: mean size of a normal move over its deviation, sqrt(2 / pi)
_MEAN_SIZE = 0.7978845608028654


@dataclass(frozen=True, slots=True)
class Earnings:
    """A target of up to the whole equity in the days before a report, on the side of option positions."""

    name: str = "earnings"
    reads: tuple[str, ...] = (
        "days_to_report",
        *_POSITIONS,
        "skew_score",
        "report_move_expected",
        "report_move_expected_over_mean",
        "report_move_over_expected",
        "volatility_crush",
    )
    needs: tuple[Need, ...] = (Need("earnings dates", ("days_to_report",)), Need("option positions", _POSITIONS))
    before: float = 14.0  #: days ahead of the report from which positions are taken: ten sessions
    tilt: float = 0.10  #: as in options_flow
    opened: float = 0.25
    most_dear: float = 1.25  #: implied over own mean move up to which a report is ordinary
    most_missed: float = 1.25  #: past moves over what options had implied, up to which options are believed

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): 0 without a report ahead, and 0 before one that is not held through."""
        side = told(self.side(view))
        ahead = view.feature("days_to_report") <= self.before
        size = np.where(self.last_chance(view), self.through(view), 1.0)
        return np.where(ahead, side * size, 0.0)

    def side(self, view: View) -> F64:
        """What option positions bet on, -1 to 1: mean of what was traded, what was opened and the skew; NaN without the first two."""
        traded = graded(-view.feature("put_share_of_volume_change"), self.tilt)
        opened = graded(view.feature("opening_balance"), self.opened)
        both = mean_of_known(traded, opened, graded(-view.feature("skew_score"), 2.0))
        return np.where(np.isnan(traded) & np.isnan(opened), np.nan, both)

    def last_chance(self, view: View) -> Array:
        """Whether what is decided now is held through the report, bool (ticks, symbols): it comes before the next session's open."""
        calendar = nyse()
        following = np.minimum(calendar.position(view.ticks) + 1, len(calendar) - 1)
        days = (calendar.open[following] - view.ticks) / float(DAY)
        before: Array = view.feature("days_to_report") < days[:, None]
        return before

    def through(self, view: View) -> F64:
        """Share of the position to hold through the report (ticks, symbols): 0 unless its risk is known and ordinary."""
        ordinary = (
            (view.feature("report_move_expected_over_mean") <= self.most_dear)
            & (view.feature("report_move_over_expected") <= self.most_missed)
            & (view.feature("volatility_crush") < 0.0)
        )
        jump = view.feature("report_move_expected") / _MEAN_SIZE
        risk = np.sqrt(view.volatility * view.volatility + jump * jump)
        return np.where(ordinary, told(view.volatility / risk), 0.0)

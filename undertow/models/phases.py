"""Phases of the trading day: which models speak in which, and the experts of the premarket and of the opening half hour."""

from __future__ import annotations

import numpy as np

from undertow.core.calendar import Calendar, Phase
from undertow.core.chunk import I64
from undertow.core.protocols import Model
from undertow.core.time import MINUTE
from undertow.models.logistic import RidgeLogistic
from undertow.models.register import model
from undertow.models.trees import Boosted

#: phases that decisions fall into, by index; what comes after the close counts as the last
PHASES = (str(Phase.PREMARKET), str(Phase.OPEN), str(Phase.REGULAR))
PREMARKET, OPEN, REGULAR = range(len(PHASES))
OPENING = 30 * MINUTE


def phase_of(ticks: I64, calendar: Calendar) -> I64:
    """Ticks (n,) ns UTC -> index into ``PHASES`` (n,)."""
    opens = calendar.open[np.maximum(calendar.position(ticks), 0)]
    return np.where(ticks < opens, PREMARKET, np.where(ticks < opens + OPENING, OPEN, REGULAR)).astype(np.int64)


class PhaseModels:
    """Experts that are taught on the rows of one phase and asked in that phase alone."""

    seed = 0

    @model(reads=("options flow", "off-exchange", "overnight_return_1d", "gap", "previous_close_distance"), phases=("premarket",))
    def premarket_flow(self) -> Model:
        """Yesterday's flow together with the price before the open: shallow trees, for one says more where the other agrees."""
        return Boosted(trees=80, depth=3, rate=0.04, seed=self.seed + 3)

    @model(reads=("news", "options flow"), phases=("premarket",))
    def premarket_sentiment(self) -> Model:
        """What the news said overnight, with the flow around it."""
        return RidgeLogistic()

    @model(reads=("anomalies",), phases=("open",))
    def open_anomalies(self) -> Model:
        """How unlike its usual self the opening is, by the anomaly detectors."""
        return RidgeLogistic()

    @model(phases=("open",))
    def open_forest(self) -> Model:
        """A small forest of shallow trees over all features, for the half hour in which hundreds of symbols are asked at once."""
        return Boosted(trees=50, depth=4, rate=1.0, seed=self.seed + 4, forest=True)

"""A feature of one's own: where the last close lies in the range of the last twenty bars."""

import numpy as np

from undertow import FeatureEngineering
from undertow.core.calendar import nyse
from undertow.engine.ticks import decision_ticks
from undertow.features.language.register import feature
from undertow.sources.simulated import SimulatedSource


class OwnFeatures(FeatureEngineering):
    @feature(unit="0 to 1", family="own", bars=("daily",))
    def place_in_range(self, bars):
        """Place of the close between the lowest low and the highest high of twenty bars."""
        low = bars.low.lowest(20)
        return ((bars.close - low) / (bars.high.highest(20) - low)).last()


if __name__ == "__main__":
    features = OwnFeatures(["AAPL", "MSFT"], only=["place_in_range_1d", "rsi_14_1d"])
    september = nyse().sessions(np.datetime64("2025-09-02"), np.datetime64("2025-09-30"))
    ticks = decision_ticks(nyse(), range(september.start, september.stop), every=None)
    history = SimulatedSource().history(features.symbols, int(nyse().midnight[september.start - 250]), int(ticks[-1]))
    print(features.table(history, ticks))

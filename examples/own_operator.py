"""An operator of one's own: how many closes in a row were higher than the one before."""

from dataclasses import dataclass

import numpy as np

from undertow import FeatureEngineering
from undertow.features.language.expressions import Column
from undertow.features.language.memory import Memory
from undertow.features.language.register import feature

MOST = 10  # longer ones are not told apart, so that ten events are all it rests on


@dataclass(frozen=True)
class Streak:
    memory = Memory(events=MOST)

    def fresh(self, keys):
        return {"run": np.zeros(keys)}

    def push(self, state, key, up):
        out = np.empty(len(up))
        for i, k in enumerate(key):
            state["run"][k] = out[i] = min(state["run"][k] + 1, MOST) if up[i] > 0 else 0
        return out


class OwnFeatures(FeatureEngineering):
    @feature(unit="bars", family="own", bars=("daily",))
    def rising_streak(self, bars):
        """Closes in a row above the one before, ten at most."""
        return Column(bars.kind, Streak(), (bars.close - bars.close.lag(),)).last()

"""How much each symbol moves, from the bars that were known at each tick."""

from __future__ import annotations

import math

import numpy as np

from undertow.core.chunk import F64, I64
from undertow.execution import kernel
from undertow.execution.inbox import Met, Traded
from undertow.execution.limits import MEMORY, weighed

SESSIONS = 252  #: a year
MARK, SQUARES, WEIGHTS = range(3)


class Measured:
    """Each symbol's volatility, a year's, of returns from close to close, splits taken out; weights fade by 0.94 a session.

    ``push(a); push(b)`` equals ``push(a + b)``.
    """

    def __init__(self, symbols: int, traded: Traded) -> None:
        """For so many symbols and the bars that are traded on."""
        bars = traded.bars_per_day()
        self._decay, self._year = MEMORY ** (1.0 / bars), math.sqrt(bars * SESSIONS)
        self._state = np.zeros((symbols, 3))

    def push(self, met: Met, ticks: I64) -> F64:
        """What it is known to be at each tick (ticks, symbols); NaN before a symbol's first return."""
        out = np.full((len(ticks), len(self._state)), np.nan)
        measure(met, ticks, self._decay, self._state, out)
        return out * self._year

    def copy(self) -> Measured:
        """The same, to go on from separately."""
        other = Measured.__new__(Measured)
        other._decay, other._year, other._state = self._decay, self._year, self._state.copy()
        return other


@kernel.compiled
def measure(met: Met, ticks: I64, decay: float, state: F64, out: F64) -> None:
    """Walk the bars; state (symbols, 3): the last price, and the sums of squares and of weights."""
    bars, actions = met.bars, met.actions
    for i in range(state.shape[0]):
        t, due = met.first[i], met.due[i]
        mark, squares, weights = state[i, MARK], state[i, SQUARES], state[i, WEIGHTS]
        for j in range(ticks.shape[0] + 1):
            while t < met.first[i + 1] and (j == ticks.shape[0] or bars.known[t] <= ticks[j]):
                while due < met.due[i + 1] and actions.bar[due] == t:
                    mark /= actions.ratio[due]
                    due += 1
                if mark == 0.0 and bars.open[t] > 0.0:
                    mark = bars.open[t]
                if bars.close[t] > 0.0:
                    squares, weights = weighed(squares, weights, bars.close[t] / mark - 1.0 if mark > 0.0 else np.nan, decay)
                    mark = bars.close[t]
                t += 1
            if j < ticks.shape[0] and weights > 0.0:
                out[j, i] = np.sqrt(squares / weights)
        state[i, MARK], state[i, SQUARES], state[i, WEIGHTS] = mark, squares, weights

"""Market structure monitoring: how much risk the state of the market leaves to the other strategies, and why.

What it does: multiplies four gates between 0 and 1, each of which takes away up to ``depth`` of the others' positions: a turbulent
regime; a term structure of volatility that falls, for the near is then feared more than the far; hedgers who are short gamma and trade
with every move; and breadth so low that few symbols carry the rest. Where nothing is known of one, it stays open. A halted symbol gets
no scale at all: nothing is said about what cannot be traded, and its position is held. It takes no position of its own.
Hypothesis: risk comes in clusters that these foretell, returns for taking it do not; less is held when the same stake is more dangerous.
Reads: the market's regime or the symbol's volatility rank; VIX over VIX3M or the chain's term structure; gamma; breadth; halts.
Fails when a fall begins out of calm, when dealers are not on the side that the convention assumes, and in the rebound, which it sits out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import View
from undertow.strategies.evidence import Need, told

_REGIME, _TERM = ("market_turbulence", "volatility_rank_252_1d"), ("vix_term_far", "term_structure")
_SEEN = (*_REGIME, *_TERM, "gamma_exposure", "breadth_50", "halted")
_WHY = {
    "regime": "a turbulent regime",
    "term structure": "a falling term structure of volatility",
    "gamma": "hedgers who are short gamma",
    "breadth": "few symbols above their mean of fifty sessions",
}


@dataclass(frozen=True, slots=True)
class MarketStructure:
    """A scale for the others between 0 and 1, gate by gate; its own targets are 0."""

    name: str = "market_structure"
    reads: tuple[str, ...] = _SEEN
    needs: tuple[Need, ...] = (Need("the market's state", _SEEN),)
    depth: float = 0.5  #: share of the others' positions that one gate takes away when it is shut
    ranked: float = 0.8  #: rank of a symbol's own volatility in its year from which it counts as turbulent, where the market's is not known
    inverted: float = 0.10  #: log ratio of near over far volatility that shuts the gate
    short: float = 0.05  #: of a day's volume that hedgers add to a move of 1 %: shuts the gate
    narrow: float = 0.30  #: share of the symbols above their mean of fifty sessions below which breadth is low
    least: int = 10  #: symbols without which breadth says nothing

    def targets(self, view: View) -> F64:
        """Zero (ticks, symbols): it scales the others and holds nothing itself."""
        return np.zeros_like(view.p_up)

    def scale(self, view: View) -> F64:
        """What the others' positions are multiplied by (ticks, symbols), 0 to 1; NaN where the symbol is halted: hold what there is."""
        scale = np.ones_like(view.p_up)
        for gate in self.gates(view).values():
            scale = scale * gate
        return np.where(view.feature("halted") > 0.0, np.nan, scale)

    def gates(self, view: View) -> dict[str, F64]:
        """Each gate by name (ticks, symbols), 1 - ``depth`` to 1: the reasons for the scale."""
        turbulent, ranked = (view.feature(name) for name in _REGIME)
        vix, own = (view.feature(name) for name in _TERM)
        breadth = view.feature("breadth_50") if len(view.symbols) >= self.least else np.full_like(view.p_up, np.nan)
        danger = {
            "regime": np.where(np.isnan(turbulent), (ranked - self.ranked) / (1.0 - self.ranked), turbulent),
            "term structure": np.where(np.isnan(vix), -own, vix) / self.inverted,
            "gamma": -view.feature("gamma_exposure") / self.short,
            "breadth": (self.narrow - breadth) / self.narrow,
        }
        return {name: 1.0 - self.depth * np.clip(told(found), 0.0, 1.0) for name, found in danger.items()}

    def report(self, view: View) -> tuple[str, ...]:
        """A sentence for each symbol that is held back at the last tick, with what holds it back."""
        if not len(view.ticks):
            return ()
        scale, gates = self.scale(view)[-1], self.gates(view)
        out = []
        for k, symbol in enumerate(view.symbols):
            shut = [f"{_WHY[name]} ({gate[-1, k]:.2f})" for name, gate in gates.items() if gate[-1, k] < 1.0]
            if np.isnan(scale[k]):
                out.append(f"{symbol} is halted: what is held stays, and nothing is ordered")
            elif shut:
                out.append(f"{symbol} is traded at {scale[k]:.2f} of its size: {', '.join(shut)}")
        return tuple(out)

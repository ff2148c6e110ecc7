"""Several strategies as one: equal shares of risk, scaled by the state of the market, with each one's part of the whole.

A strategy's target x is taken for its conviction. Of n strategies that have their data, each part is

    part = x / n * min(risk / volatility, most_scale) * scale

so that |part| times volatility, the deviation of what it may gain in a session, is at most ``risk / n``: the same for all strategies and
symbols, but for calm symbols, which would have to be held more than ``most_scale`` fold. ``scale``, between 0 and 1, is that of
``market_structure`` where it is among them. Where the parts add up to more than ``most``, all are made smaller in proportion.
One strategy alone is taken as it is: it has the risk to itself, and sizes its own stake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from undertow.core.chunk import F64
from undertow.core.protocols import Strategy, View
from undertow.strategies.evidence import Need, told
from undertow.strategies.market_structure import MarketStructure

#: of a clipped sum, so that its last bit cannot lie beyond the bound
_WITHIN = 1.0 - 1e-12


class Member(Strategy, Protocol):
    """A strategy that says what it cannot do without."""

    @property
    def needs(self) -> tuple[Need, ...]:
        """Data without any one of which it does nothing."""
        ...


@dataclass(frozen=True, slots=True)
class Book:
    """Strategies combined by risk; pure, as each of them is."""

    strategies: tuple[Member, ...]
    risk: float = 0.02  #: deviation of a session's return, as a share of equity, that all strategies together aim at when they agree
    most_scale: float = 2.0  #: fold that a calm symbol is held of its conviction
    most: float = 1.0  #: fraction of the symbol's equity, either way

    @property
    def name(self) -> str:
        """Those of its strategies."""
        return "+".join(one.name for one in self.strategies)

    @property
    def reads(self) -> tuple[str, ...]:
        """Features that any of them looks at, each once."""
        return tuple(dict.fromkeys(name for one in self.strategies for name in one.reads))

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's equity (ticks, symbols): the sum of the parts; NaN where none says anything, or the symbol is halted."""
        return whole(self.parts(view))

    def parts(self, view: View) -> F64:
        """Each strategy's part (strategies, ticks, symbols): they sum to the targets to the last bit, and are NaN where these are."""
        out = np.zeros((len(self.strategies), *view.p_up.shape))
        takers = [i for i, one in enumerate(self.strategies) if not isinstance(one, MarketStructure) and not _lacking(one, view.features)]
        if not takers:
            return out
        asked = np.stack([self.strategies[i].targets(view) for i in takers])
        scale = self._scale(view)
        if len(takers) == 1:
            out[takers] = asked
        else:
            silent = np.isnan(asked).all(axis=0)
            with np.errstate(divide="ignore"):
                size = np.minimum(self.risk / view.volatility, self.most_scale) / len(takers)
            out[takers] = told(asked) * told(size)
            scale = np.where(silent, np.nan, 1.0 if scale is None else scale)
        return out if scale is None else self._within(out * scale)

    def idle(self, features: Sequence[str]) -> tuple[str, ...]:
        """A sentence for each strategy that does nothing in a run with these features, and why."""
        out = []
        for one in self.strategies:
            for need in _lacking(one, tuple(features)):
                names = ", ".join(need.any_of[:2]) + (", ..." if len(need.any_of) > 2 else "")
                out.append(f"{one.name} did nothing: there is no data of {need.what} ({names})")
        if all(isinstance(one, MarketStructure) for one in self.strategies):
            out.append("market_structure did nothing: it scales other strategies, and none is named beside it")
        return tuple(out)

    def _scale(self, view: View) -> F64 | None:
        scale = None
        for one in self.strategies:
            if isinstance(one, MarketStructure):
                scale = one.scale(view) if scale is None else scale * one.scale(view)
        return scale

    def _within(self, parts: F64) -> F64:
        size = np.abs(whole(parts))
        out: F64 = parts * np.where(size > self.most, self.most * _WITHIN / np.maximum(size, self.most), 1.0)
        return out


def whole(parts: F64) -> F64:
    """The sum of parts (strategies, ticks, symbols), added in their order."""
    total: F64 = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _lacking(one: Member, features: tuple[str, ...]) -> list[Need]:
    return [need for need in one.needs if not need.met(features)]

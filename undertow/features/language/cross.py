"""Operators across symbols at one tick, and the tick's own clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from undertow.core.chunk import F64
from undertow.features.language import steps_cross
from undertow.features.language.steps import Compiled

Statistic = Literal["mean", "deviation", "share_above", "rank", "score", "discoveries"]
Moment = Literal["days", "minute", "weekday", "session_share"]


@dataclass(frozen=True, slots=True)
class Of:
    """Another symbol's number, for every symbol; NaN where that symbol is not told of."""

    symbol: str

    def compiled(self, universe: Sequence[str], _: int) -> Compiled:
        """How it enters the machine, for some symbols."""
        return Compiled(steps_cross.of_symbol, numbers=(universe.index(self.symbol),))

    def bind(self, universe: Sequence[str], _: int) -> Callable[[F64], F64]:
        """The function (ticks, universe) -> (ticks, universe), for numbers that are at hand."""
        at = universe.index(self.symbol)
        return lambda values: np.broadcast_to(values[:, at : at + 1], values.shape)


@dataclass(frozen=True, slots=True)
class Across:
    """A statistic over the traded symbols, known ones only; ``share_above`` counts those above zero.

    ``rank`` is the mid-rank in (0, 1), ``score`` the distance from the mean in standard deviations, and ``discoveries`` turns
    p-values into q-values (Benjamini and Hochberg 1995), so that an alert at q controls the false share among all of a tick's alerts.
    """

    statistic: Statistic

    def __post_init__(self) -> None:
        if self.statistic not in get_args(Statistic):
            raise ValueError(f"across symbols there is {', '.join(get_args(Statistic))}, not {self.statistic!r}")

    def compiled(self, _: Sequence[str], width: int) -> Compiled:
        """How it enters the machine, when the first so many symbols are asked about."""
        return Compiled(steps_cross.across_symbols, numbers=(width, steps_cross.NAMES.index(self.statistic)))

    def bind(self, _: Sequence[str], width: int) -> Callable[[F64], F64]:
        """The function (ticks, universe) -> (ticks, universe); what the machine does, for numbers that are at hand."""

        def apply(values: F64) -> F64:
            out = np.empty(values.shape)
            steps_cross.across(np.ascontiguousarray(values, np.float64), width, steps_cross.NAMES.index(self.statistic), out)
            return out

        return apply


@dataclass(frozen=True, slots=True)
class Now:
    """The tick itself: ``days`` since 1970, ``minute`` of the New York day, ``weekday`` (Monday 0), or the share of the session gone."""

    what: Moment

    def __post_init__(self) -> None:
        if self.what not in get_args(Moment):
            raise ValueError(f"of a tick there is {', '.join(get_args(Moment))}, not {self.what!r}")

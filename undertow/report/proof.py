"""What a record proves: one Sharpe ratio deflated by all that was tried, the whole search judged, and the symbols told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from undertow.core.chunk import F64
from undertow.core.errors import BadInput
from undertow.report.metrics import Scorecard
from undertow.validation.ledger import Searched
from undertow.validation.significance import (
    LEAST_SESSIONS,
    Overfitting,
    Significance,
    Superiority,
    assess,
    moments,
    overfitting,
    psr,
    q_values,
    superior,
)

FDR = 0.05  #: share of false ones that is put up with among symbols that stand out
MOST_BLOCKS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One symbol's purse among all of them: NaN where its record is too short or does not move."""

    symbol: str
    p: float  #: chance of such a record without an edge, one minus the probabilistic Sharpe ratio
    q: float  #: the same among so many symbols (false-discovery rate)

    @property
    def stands_out(self) -> bool:
        """Whether it is a finding at the false-discovery rate."""
        return self.q <= FDR


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """Everything there is to say about luck; a test that cannot be made is None, and ``why`` says why."""

    record: Significance
    searched: Searched
    superior: Superiority | None  #: is any setting that was tried better than staying out?
    over_holding: Superiority | None  #: is this one better than buying and holding?
    overfitting: Overfitting | None  #: is the best of the settings the best by chance?
    standings: tuple[Standing, ...]
    why: dict[str, str]  #: name of a test that is None -> why


def prove(card: Scorecard, tried: float | Searched = 1.0) -> Proof:
    """Judge a measured run; ``tried`` is the record of all that was tried on its market, or the mere number of trials."""
    searched = tried if isinstance(tried, Searched) else Searched.counted(tried)
    daily, held = card.portfolio.curve.daily, card.portfolio.hold.daily
    table = searched.returns if len(searched.returns) == len(daily) and searched.returns.size else daily[:, None]
    why: dict[str, str] = {}
    return Proof(
        record=assess(daily, searched.effective),
        searched=searched,
        superior=_superior(table, "superior", why),
        over_holding=_superior((daily - held)[:, None] if len(daily) == len(held) else daily[:0, None], "over_holding", why),
        overfitting=_overfitting(table, why),
        standings=_standings(card),
        why=why,
    )


def _superior(gains: F64, name: str, why: dict[str, str]) -> Superiority | None:
    try:
        return superior(gains)
    except BadInput as error:
        why[name] = str(error)
        return None


def _overfitting(table: F64, why: dict[str, str]) -> Overfitting | None:
    """Settings that never moved are no trials."""
    moving = table[:, [not np.isnan(moments(column).sharpe) for column in table.T]]
    blocks = min(MOST_BLOCKS, len(table) // 4 // 2 * 2)
    if moving.shape[1] < 2:
        why["overfitting"] = "Only one setting has a record on these days: there was no search to judge."
        return None
    try:
        return overfitting(moving, blocks)
    except BadInput as error:
        why["overfitting"] = str(error)
        return None


def _standings(card: Scorecard) -> tuple[Standing, ...]:
    shapes = [moments(one.curve.daily) for one in card.symbols]
    p = np.array([1.0 - psr(shape) if shape.periods >= LEAST_SESSIONS else np.nan for shape in shapes])
    q = q_values(p)
    return tuple(Standing(symbol=one.name, p=float(chance), q=float(rate)) for one, chance, rate in zip(card.symbols, p, q, strict=True))

"""What is unlike the same symbol's past, bar by bar, with p-values from that past and false alerts controlled across symbols (§9).

Volume, move, range, option premium and off-exchange volume are first set against the same five minutes of earlier sessions, so that the
shape of the day is no anomaly; then against all bars of earlier sessions. Nothing is fitted on the session it judges.
"""

from __future__ import annotations

from math import pi
from typing import Any

import numpy as np

from undertow.core.chunk import F64
from undertow.features.language.expressions import Clock, Column, Expr
from undertow.features.language.register import feature
from undertow.features.language.steps import INPUTS, compiled_as, input_of, output_of, step
from undertow.features.operators.forest import Forest
from undertow.features.operators.tails import Judgement, PastSessions
from undertow.features.vocabulary import DarkPrints, OptionPrints
from undertow.features.vocabulary.bars import INTRADAY

SLOTS = 20  #: sessions that the same five minutes are looked up in
COLUMNS, JOINT = 10, 20  #: sessions that a column, and a joint score, is set against
FRESH = "15m"  #: an alert is about now
#: a bar's span, a nanosecond short: a bar that becomes known a nanosecond sooner gathers nothing that belongs to the one before
BAR = "299999999999ns"


def _past(one: Column, n: int, judgement: Judgement) -> Column:
    return Column(one.kind, PastSessions(n, judgement), (one, Column(one.kind, Clock("session"))))


def _p(score: Column) -> Column:
    return _past(score, JOINT, "fine_tail")


VOLUME = (INTRADAY.volume + 1.0).log().slot_score(SLOTS)
MOVE = INTRADAY.log_return.abs().slot_score(SLOTS)
RANGE = ((INTRADAY.high - INTRADAY.low) / INTRADAY.close).slot_score(SLOTS)
PREMIUM = (INTRADAY.close.gather(OptionPrints.premium, BAR) * 1e-4 + 1.0).log().slot_score(SLOTS)
OFF_EXCHANGE = (INTRADAY.close.gather(DarkPrints.size, BAR) + 1.0).log().slot_score(SLOTS)
ALL = (VOLUME, MOVE, RANGE, PREMIUM, OFF_EXCHANGE)


def _sum(some: list[Column]) -> Column:
    total = some[0]
    for one in some[1:]:
        total = total + one
    return total


def _robust(one: Column) -> Column:
    # 1, the mean of a squared score, stands for a column that is not told of
    score = _past(one, COLUMNS, "robust_score").at_least(-20.0).at_most(20.0)
    return (score * score).fill(1.0)


def _surprise(one: Column) -> Column:
    # so does 1, the mean of -log p
    return (-_past(one, COLUMNS, "tail").log()).fill(1.0)


ROBUST = (_sum([_robust(one) for one in ALL]) * (1.0 / len(ALL))).sqrt().known(VOLUME)
TAIL = _sum([_surprise(one) for one in ALL]).known(VOLUME)
ALONE = Column(INTRADAY.kind, Forest(JOINT), (*(one.fill(0.0).known(VOLUME) for one in ALL), Column(INTRADAY.kind, Clock("session"))))
UNEXPLAINED = VOLUME.against(MOVE, 390, "residual")


def cauchy(*p: F64) -> F64:
    """One p-value of several dependent ones (Liu and Xie 2020), each (n,); NaN where one is not known."""
    total: F64 = np.tan((0.5 - np.stack(p)) * pi).mean(axis=0)
    combined: F64 = 0.5 - np.arctan(total) / pi
    return combined


@step
def _cauchy_step(f: Any, at: Any, kinds: Any) -> None:
    out, m = output_of(f, at, kinds), f[INPUTS]
    for i in range(out.shape[0]):
        total = 0.0
        for j in range(m):
            total += np.tan((0.5 - input_of(f, at, kinds, j)[i]) * pi)
        out[i] = 0.5 - np.arctan(total / m) / pi


compiled_as(cauchy, _cauchy_step)
COMBINED = Column(INTRADAY.kind, cauchy, (_p(ROBUST), _p(TAIL), _p(ALONE)))


def _q(p: Column) -> Expr:
    return p.last(FRESH).across("discoveries")


class AnomalyFeatures:
    """Scores, their p-values and q-values of the newest five-minute bar; NaN in the first weeks and when no bar is a quarter hour old.

    An alert where q is below .1 is false one time in ten, over all symbols asked about at that bar (Benjamini and Hochberg 1995).
    """

    @feature(unit="standard deviations", family="anomalies")
    def anomaly_robust(self) -> Expr:
        """Root mean square of how far the five columns lie from their medians, in median absolute deviations of ten sessions."""
        return ROBUST.last(FRESH)

    @feature(unit="p-value", family="anomalies")
    def anomaly_robust_p(self) -> Expr:
        """Share of the last twenty sessions' bars with as high a robust score."""
        return _p(ROBUST).last(FRESH)

    @feature(unit="nats", family="anomalies")
    def anomaly_tail(self) -> Expr:
        """Sum of -log tail probabilities of the five columns among the ten sessions before (ECOD's score, fitted on the past only)."""
        return TAIL.last(FRESH)

    @feature(unit="p-value", family="anomalies")
    def anomaly_tail_p(self) -> Expr:
        """Share of the last twenty sessions' bars with as high a tail score."""
        return _p(TAIL).last(FRESH)

    @feature(unit="0 to 1", family="anomalies")
    def anomaly_forest(self) -> Expr:
        """Isolation forest's score, grown each session on the twenty before: high where few cuts tell the bar from all others."""
        return ALONE.last(FRESH)

    @feature(unit="p-value", family="anomalies")
    def anomaly_forest_p(self) -> Expr:
        """Share of the last twenty sessions' bars with as high a forest score."""
        return _p(ALONE).last(FRESH)

    @feature(unit="p-value", family="anomalies")
    def anomaly_p(self) -> Expr:
        """The three p-values in one by Cauchy's combination, which is right about small ones though they depend on one another."""
        return COMBINED.last(FRESH)

    @feature(unit="q-value", family="anomalies")
    def anomaly_q(self) -> Expr:
        """The combined p-value's q-value among the symbols asked about."""
        return _q(COMBINED)

    @feature(unit="standard deviations", family="anomalies")
    def volume_unexplained(self) -> Expr:
        """Log volume for the time of day that the size of the move does not explain, over 390 bars: else volatility is found again."""
        return UNEXPLAINED.last(FRESH)

    @feature(unit="p-value", family="anomalies")
    def volume_unexplained_p(self) -> Expr:
        """Share of the last twenty sessions' bars with as much unexplained volume."""
        return _p(UNEXPLAINED).last(FRESH)

    @feature(unit="q-value", family="anomalies")
    def volume_unexplained_q(self) -> Expr:
        """Its q-value among the symbols asked about."""
        return _q(_p(UNEXPLAINED))

"""Earnings: when reports are due, what they said, what was expected of the price and what it did."""

from __future__ import annotations

from math import pi, sqrt

import numpy as np

from undertow.core.chunk import F64
from undertow.core.compiled import njit
from undertow.core.time import DAY
from undertow.features.language.expressions import Column, Expr, now
from undertow.features.language.register import feature
from undertow.features.operators.sparse import LastKnown
from undertow.features.vocabulary import Chain, Planned, Reported
from undertow.features.vocabulary.bars import DAILY
from undertow.features.vocabulary.columns import age_of, factor

QUARTER = "120d"  #: a report counts until the next one should be there
ONE_YEAR, TWO_YEARS = 270, 530  #: daily bars within which four and eight reports lie
YEAR = 365.0
APART = 7.0  #: days between the two expiries of which the nearer holds more of the report


@njit(cache=True)
def _at_the_money(iv: F64, delta: F64, left: F64, expiry: float) -> float:
    # mean volatility of the contracts of an expiry whose delta is nearest to a half, not further than 0.15 from it
    nearest, total, count = 0.15, 0.0, 0
    for j in range(iv.shape[0]):
        away = abs(abs(delta[j]) - 0.5)
        if left[j] == expiry and iv[j] > 0.0 and away <= nearest:
            if away < nearest:
                nearest, total, count = away, 0.0, 0
            total += iv[j]
            count += 1
    return total / count if count else np.nan


@njit(cache=True)
def _next_expiry(left: F64, least: float) -> float:
    nearest = np.inf
    for j in range(left.shape[0]):
        if least <= left[j] < nearest:
            nearest = left[j]
    return float(nearest)


@njit(cache=True)
def front_volatility(rows: F64) -> float:
    """Volatility at the money of the nearest expiry of a chain: rows (3, contracts) of volatility, delta and days left."""
    return float(_at_the_money(rows[0], rows[1], rows[2], _next_expiry(rows[2], 1.0)))


@njit(cache=True)
def implied_jump(rows: F64) -> float:
    """Standard deviation of the one move that makes the nearer of two expiries dearer, sqrt((v1² - v2²) / (1/T1 - 1/T2)); NaN if it is not.

    rows (3, contracts): volatility, delta, days left (Dubinsky, Johannes, Kaeck and Seeger 2019)
    """
    first = _next_expiry(rows[2], 1.0)
    second = _next_expiry(rows[2], first + APART)
    if not np.isfinite(second):
        return np.nan
    near, far = _at_the_money(rows[0], rows[1], rows[2], first), _at_the_money(rows[0], rows[1], rows[2], second)
    squared = (near**2 - far**2) / (YEAR / first - YEAR / second)
    return float(np.sqrt(squared)) if squared >= 0.0 else np.nan


#: expected size of the move that the last chain sees coming, E|move| = sqrt(2 / pi) times its deviation
_EXPECTED = Chain.iv.reduced(implied_jump, Chain.delta, Chain.days_left) * sqrt(2.0 / pi)
_FRONT = Chain.iv.reduced(front_volatility, Chain.delta, Chain.days_left)
_REPORT = DAILY.close.as_of(Reported.day, max_age=QUARTER)
#: 1 at the first daily bar that became known after a report did
_REACTS = _REPORT - _REPORT.lag().fill(0.0) > 0.0
_MOVE = DAILY.log_return.only(_REACTS)


def _remembered(column: Column, n: int, least: int = 1) -> Expr:
    within = {1: 90, 4: ONE_YEAR, 8: TWO_YEARS}[n]
    return Column(column.kind, LastKnown(n, "mean", within, least), (column,)).last()


class EarningsFeatures:
    """Reports, from the moment they were planned to the weeks after them."""

    @feature(unit="days", family="earnings")
    def days_to_report(self) -> Expr:
        """Days to the next report, as last announced; NaN where none is announced or it is past."""
        days = Planned.reports_at.last(QUARTER) / float(DAY) - now("days")
        return days.only(days >= 0.0)

    @feature(unit="-1, 0 or +1", family="earnings")
    def next_report_side(self) -> Expr:
        """Whether the next report is planned before the open (-1), in the session (0) or after the close (+1); NaN where none is."""
        days = Planned.reports_at.last(QUARTER) / float(DAY) - now("days")
        return Planned.side_of_session.last(QUARTER).only(days >= 0.0)

    @feature(unit="days", family="earnings")
    def days_since_report(self) -> Expr:
        """Days since the last report became known; NaN after 120."""
        return age_of(Reported.eps, QUARTER)

    @feature(unit="-1, 0 or +1", family="earnings")
    def last_report_side(self) -> Expr:
        """Whether the last report came before the open (-1), in the session (0) or after the close (+1)."""
        return Reported.side_of_session.last(QUARTER)

    @feature(unit="ratio", family="earnings")
    def eps_surprise(self) -> Expr:
        """Earnings a share above the estimate, over the estimate's size; bounded at ±3, for estimates near zero."""
        return Reported.surprise.at_most(3.0).at_least(-3.0).last(QUARTER)

    @feature(unit="standard deviations", family="earnings")
    def eps_surprise_score(self) -> Expr:
        """Earnings a share above the estimate, over the standard deviation of that difference in eight reports."""
        above = (Reported.eps - Reported.estimate) * factor(Reported.kind)
        return (above / above.deviation(8)).last(QUARTER)

    @feature(unit="standard deviations", family="earnings")
    def eps_seasonal_score(self) -> Expr:
        """SUE: earnings a share above those of four reports before, over the standard deviation of that in eight (Bernard, Thomas 1989)."""
        eps = Reported.eps * factor(Reported.kind)
        change = eps - eps.lag(4)
        return (change / change.deviation(8)).last(QUARTER)

    @feature(unit="-1 to 1", family="earnings")
    def eps_streak(self) -> Expr:
        """Share of the last four reports above the estimate less the share below it."""
        return Reported.surprise.sign().mean(4).last(QUARTER)

    @feature(unit="log return", family="earnings")
    def report_return(self) -> Expr:
        """Return of the first session that could react to the last report, close to close; NaN after ninety sessions."""
        return _remembered(_MOVE, 1)

    @feature(unit="log ratio", family="earnings")
    def report_volume(self) -> Expr:
        """Volume of the first session that could react to the last report, against the twenty sessions before."""
        return _remembered((DAILY.volume / DAILY.volume.mean(20).lag()).log().only(_REACTS), 1)

    @feature(unit="log return", family="earnings")
    def report_return_in_range(self) -> Expr:
        """Return on the last report, over the mean size of such returns at the last eight."""
        return _remembered(_MOVE, 1) / _remembered(_MOVE.abs(), 8, 3)

    @feature(unit="log return", family="earnings")
    def report_move_mean(self) -> Expr:
        """Mean size of the return on the last eight reports; NaN before three of them."""
        return _remembered(_MOVE.abs(), 8, 3)

    @feature(unit="log return", family="earnings")
    def report_move_expected(self) -> Expr:
        """Expected size of the move that makes the nearest expiry dearer than the next, sqrt(2 / pi) times its deviation; NaN if none."""
        return _EXPECTED.last()

    @feature(unit="ratio", family="earnings")
    def report_move_expected_over_mean(self) -> Expr:
        """Expected size of the move over the mean size at the last eight reports; NaN where no report is planned."""
        days = Planned.reports_at.last(QUARTER) / float(DAY) - now("days")
        return (_EXPECTED.last() / _remembered(_MOVE.abs(), 8, 3)).only(days >= 0.0)

    @feature(unit="ratio", family="earnings")
    def report_move_over_expected(self) -> Expr:
        """Mean over four reports of the size of the return over what the chain before had expected; below 1, options were dear."""
        return _remembered(_MOVE.abs() / DAILY.close.as_of(_EXPECTED), 4, 2)

    @feature(unit="log ratio", family="earnings")
    def volatility_crush(self) -> Expr:
        """Mean over four reports of the front volatility's change from the chain before to the chain after."""
        before = DAILY.close.as_of(_FRONT)
        # the chain of the reacting session is known only after that session's bar, and so counts from the next one
        return _remembered((before / before.lag()).log().only(_REACTS.lag()), 4, 1)

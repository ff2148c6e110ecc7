"""Where in the session the price is: gaps, the opening range, the day before, overnight and intraday moves, the year's extremes."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr, now
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars
from undertow.features.vocabulary.bars import DAILY as DAYS
from undertow.features.vocabulary.bars import INTRADAY as MINUTES
from undertow.features.vocabulary.bars import Session

DAILY = ("daily",)
TODAY = "16h"  #: a session's numbers are not told before the next one has its own

SESSION = Session(MINUTES)
CLOSED = SESSION.before(SESSION.close)  #: the last regular close of the session before
GAP = (SESSION.open / CLOSED).log()


def _daily_range() -> Expr:
    """Average true range of fourteen sessions over the close."""
    return (DAYS.true_range.wilder(14) / DAYS.close).last()


def _distance(price: Column, level: Column) -> Expr:
    return (price / level).log().last(TODAY)


class SessionFeatures:
    """Features of the session as a whole, from its regular hours; intraday ones are NaN from 16 hours after its last bar."""

    @feature(unit="log return", family="price")
    def gap(self) -> Expr:
        """The session's open over the close before it: news of the night, part of which is given back."""
        return GAP.last(TODAY)

    @feature(unit="average true ranges", family="price")
    def gap_in_ranges(self) -> Expr:
        """The session's gap in daily average true ranges: how unusual the night was."""
        return GAP.last(TODAY) / _daily_range()

    @feature(unit="share", family="price")
    def gap_filled(self) -> Expr:
        """Share of the gap that the session has given back so far, 0 to 1: 1 when the close before was traded again; NaN without a gap."""
        back = SESSION.open - SESSION.low.where(GAP > 0.0) - SESSION.high.where(GAP * -1.0 > 0.0)
        return (back / (SESSION.open - CLOSED)).at_most(1.0).at_least(0.0).last(TODAY)

    @feature(unit="log return", family="price")
    def return_since_open(self) -> Expr:
        """Last price over the session's open: the part of the day's move that was made in the open market."""
        return _distance(SESSION.close, SESSION.open)

    @feature(unit="log return", family="price")
    def previous_close_distance(self) -> Expr:
        """Last price over the regular close of the session before."""
        return _distance(SESSION.close, CLOSED)

    @feature(unit="log return", family="price")
    def previous_high_distance(self) -> Expr:
        """Last price over the high of the session before: resting orders lie there."""
        return _distance(SESSION.close, SESSION.before(SESSION.high))

    @feature(unit="log return", family="price")
    def previous_low_distance(self) -> Expr:
        """Last price over the low of the session before."""
        return _distance(SESSION.close, SESSION.before(SESSION.low))

    @feature(unit="share of range", family="price")
    def session_position(self) -> Expr:
        """Place of the last price between the session's low and high so far."""
        return ((SESSION.close - SESSION.low) / (SESSION.high - SESSION.low)).last(TODAY)

    @feature(unit="average true ranges", family="price")
    def session_range(self) -> Expr:
        """The session's range so far in daily average true ranges: what is left of an ordinary day."""
        return _distance(SESSION.high, SESSION.low) / _daily_range()

    @feature(unit="log range", family="price")
    def opening_range_width(self) -> Expr:
        """High over low of the first half hour, NaN until 10:00: a wide opening sorts out disagreement early."""
        high, low = SESSION.first_half_hour
        return _distance(high, low)

    @feature(unit="share of range", family="price")
    def opening_range_position(self) -> Expr:
        """Place of the last price in the range of the first half hour: below 0 or above 1 outside of it."""
        high, low = SESSION.first_half_hour
        return ((SESSION.close - low) / (high - low)).last(TODAY)

    @feature(unit="-1, 0 or 1", family="price")
    def opening_range_break(self) -> Expr:
        """1 with the last price above the range of the first half hour, -1 below it, 0 within: breakouts go on (Zarattini 2024)."""
        high, low = SESSION.first_half_hour
        return ((SESSION.close > high) - (low > SESSION.close)).last(TODAY)

    @feature(unit="log return", family="price")
    def first_half_hour_return(self) -> Expr:
        """From the close before to 10:00, which foretells the last half hour (Gao, Han, Li and Zhou 2018); NaN until then."""
        return _distance(SESSION.ten_o_clock, CLOSED)

    @feature(unit="log return", family="price", bars=DAILY)
    def overnight_return(self, bars: Bars) -> Expr:
        """The newest complete session's open over the close before it."""
        return bars.overnight.last()

    @feature(unit="log return per session", family="price", bars=DAILY)
    def overnight_return_20(self, bars: Bars) -> Expr:
        """Mean overnight return of 20 sessions: the clientele of the night persists (Lou, Polk and Skouras 2019)."""
        return bars.overnight.mean(20).last()

    @feature(unit="log return per session", family="price", bars=DAILY)
    def intraday_return_20(self, bars: Bars) -> Expr:
        """Mean return from open to close of 20 sessions."""
        return bars.within.mean(20).last()

    @feature(unit="standard deviations", family="price", bars=DAILY)
    def tug_of_war_20(self, bars: Bars) -> Expr:
        """Overnight less intraday return, mean of 20 sessions over its deviation: the two sides pull against each other."""
        pull = bars.overnight - bars.within
        return (pull.mean(20) / pull.deviation(20)).last()

    @feature(unit="log return", family="price", bars=DAILY)
    def year_high_distance(self, bars: Bars) -> Expr:
        """Close over the highest price of 252 sessions: nearness to it is an anchor (George and Hwang 2004)."""
        return (bars.close / bars.high.highest(252)).log().last()

    @feature(unit="log return", family="price", bars=DAILY)
    def year_low_distance(self, bars: Bars) -> Expr:
        """Close over the lowest price of 252 sessions."""
        return (bars.close / bars.low.lowest(252)).log().last()

    @feature(unit="log return", family="price", bars=DAILY)
    def momentum_12_1(self, bars: Bars) -> Expr:
        """Return from 252 to 21 sessions ago (Jegadeesh and Titman 1993)."""
        return (bars.close.lag(21) / bars.close.lag(252)).log().last()

    @feature(unit="0 to 1", family="price")
    def session_gone(self) -> Expr:
        """Share of the regular session that is gone at the tick: what other features mean changes over the day."""
        return now("session_share")

    @feature(unit="Monday 0 to Friday 4", family="price")
    def weekday(self) -> Expr:
        """Day of the week at the tick, in New York."""
        return now("weekday")

"""Bars of several lengths, made continuous over splits."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from undertow.core import events
from undertow.features.language import scans
from undertow.features.language.expressions import Column
from undertow.features.operators import edge, session_folds
from undertow.features.vocabulary.columns import clock, column, factor

OPENS, TEN, CLOSES = 570.0, 600.0, 960.0  #: minutes of the New York day


class Bars:
    """Intraday or daily bars, continuous over splits: prices in 1/10,000 USD of the first day's share, volume in such shares.

    With a ``step`` each is ``step`` bars long and ends at every bar; operators that look back then take every ``step``-th, so that
    ``Bars(Bar, 6)`` are half hours that are never half built.
    """

    def __init__(self, kind: type[events.Bar] | type[events.DailyBar], step: int = 1) -> None:
        self.kind = kind
        self.step = step
        self.factor = factor(kind)
        self.open = column(kind, "open") * self.factor
        self.high = column(kind, "high") * self.factor
        self.low = column(kind, "low") * self.factor
        self.close = column(kind, "close") * self.factor
        self.volume = column(kind, "volume") / self.factor
        if step > 1:
            self.open = self._stepped(self.open.lag(step - 1))
            self.high = self._stepped(self.high.highest(step))
            self.low = self._stepped(self.low.lowest(step))
            self.close = self._stepped(self.close)
            self.volume = self._stepped(self.volume.mean(step) * float(step))

    def _stepped(self, one: Column) -> Column:
        return replace(one, step=self.step)

    @property
    def typical(self) -> Column:
        """Mean of high, low and close."""
        return (self.high + self.low + self.close) / 3.0

    @property
    def true_range(self) -> Column:
        """Wilder's true range: the bar's range with the gap from the close before."""
        before = self.close.lag()
        return self.high.at_least(before) - self.low.at_most(before)

    @property
    def log_return(self) -> Column:
        """Logarithm of close over the close before."""
        return (self.close / self.close.lag()).log()

    @property
    def log_range(self) -> Column:
        """Logarithm of high over low."""
        return (self.high / self.low).log()

    @property
    def overnight(self) -> Column:
        """Logarithm of open over the close before."""
        return (self.open / self.close.lag()).log()

    @property
    def within(self) -> Column:
        """Logarithm of close over open."""
        return (self.close / self.open).log()

    def spread(self, n: int) -> Column:
        """Effective spread over ``n`` bars by EDGE, as a share of the price, signed; see ``language.edge``."""
        logs = tuple(price.log() for price in (self.open, self.high, self.low, self.close))
        return Column(self.kind, edge.Edge(n, self.step), logs, self.step)

    def candlestick(self, pattern: str) -> Column:
        """A TA-Lib pattern: -1 bearish, +1 bullish, 0 none; NaN until the bars that it looks back over are known."""
        strip = Column(self.kind, scans.Strip(), (self.open, self.high, self.low, self.close))
        return Column(self.kind, scans.Candlestick(pattern), (strip,))


class Session:
    """The regular session of intraday bars so far, and the one before: what lies outside 9:30 to 16:00 New York is passed over."""

    def __init__(self, bars: Bars) -> None:
        minute = clock(bars.kind, "minute")
        self._number = clock(bars.kind, "session")
        self._regular = (minute > OPENS) * (minute * -1.0 >= -CLOSES)
        self._early = self._regular * (minute * -1.0 >= -TEN)
        self._late = minute > TEN - 1.5  # a bar stamped a second early still ends the half hour
        self._bars = bars
        self.close = bars.close.only(self._regular)
        self.open = bars.open.only(self._regular).session_first()
        self.high = self._extreme(bars.high.only(self._regular), "highest")
        self.low = self._extreme(bars.low.only(self._regular), "lowest")

    def _extreme(self, one: Column, which: Literal["highest", "lowest"]) -> Column:
        return Column(one.kind, session_folds.SessionExtreme(which), (one, self._number))

    def before(self, one: Column) -> Column:
        """What a column was at the end of the session before."""
        return Column(one.kind, session_folds.SessionBefore(), (one, self._number))

    @property
    def first_half_hour(self) -> tuple[Column, Column]:
        """Highest and lowest price before 10:00; NaN until then."""
        high = self._extreme(self._bars.high.only(self._early), "highest")
        low = self._extreme(self._bars.low.only(self._early), "lowest")
        return high.only(self._late), low.only(self._late)

    @property
    def ten_o_clock(self) -> Column:
        """The close of the bar that ends at 10:00; NaN until then."""
        return self._bars.close.only(self._late).session_first()


INTRADAY = Bars(events.Bar)
HALF_HOURS = Bars(events.Bar, 6)
DAILY = Bars(events.DailyBar)
WEEKLY = Bars(events.DailyBar, 5)

#: set of bars -> (the bars, what a feature's name ends in)
SETS: dict[str, tuple[Bars, str]] = {
    "intraday": (INTRADAY, ""),
    "half_hours": (HALF_HOURS, "_30m"),
    "daily": (DAILY, "_1d"),
    "weekly": (WEEKLY, "_1w"),
}

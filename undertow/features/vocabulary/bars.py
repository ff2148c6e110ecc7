"""Bars of several lengths, made continuous over splits."""

from __future__ import annotations

from dataclasses import replace

from undertow.core import events
from undertow.features.language import scans
from undertow.features.language.expressions import Column
from undertow.features.vocabulary.columns import column, factor


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

    def candlestick(self, pattern: str) -> Column:
        """A TA-Lib pattern: -1 bearish, +1 bullish, 0 none; NaN until forty bars are known."""
        strip = Column(self.kind, scans.Strip(), (self.open, self.high, self.low, self.close))
        return Column(self.kind, scans.Candlestick(pattern), (strip,))


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

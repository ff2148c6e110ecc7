"""A share against the market and against the other symbols asked about.

There is no table of sectors: a symbol's peers are the symbols of the run itself, so ask for shares of one sector to compare within it.
"""

from __future__ import annotations

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import MARKET, Bars

BOTH = ("intraday", "daily")
DAILY = ("daily",)
LONGER = ("intraday", "half_hours", "daily")


def _change(bars: Bars, n: int) -> Expr:
    return (bars.close / bars.close.lag(n)).log().last()


def _market(bars: Bars, what: str) -> Expr:
    return bars.log_return.against(bars.log_return.of(MARKET), 60, what).last()


class RelativeFeatures:
    """Every method is one feature a set of bars; against the market NaN where SPY is not told of, across symbols NaN for unknown ones."""

    @feature(unit="log return", family="relative", bars=LONGER)
    def relative_strength_20(self, bars: Bars) -> Expr:
        """Return of 20 bars less that of SPY: strength that the market does not explain goes on."""
        return _change(bars, 20) - _change(bars, 20).of(MARKET)

    @feature(unit="log return", family="relative", bars=BOTH)
    def relative_strength_5(self, bars: Bars) -> Expr:
        """Return of 5 bars less that of SPY."""
        return _change(bars, 5) - _change(bars, 5).of(MARKET)

    @feature(unit="beta", family="relative", bars=BOTH)
    def beta_60(self, bars: Bars) -> Expr:
        """Least-squares slope of returns on those of SPY over 60 bars."""
        return _market(bars, "slope")

    @feature(unit="correlation", family="relative", bars=BOTH)
    def market_correlation_60(self, bars: Bars) -> Expr:
        """Correlation of returns with those of SPY over 60 bars: low where a share has news of its own."""
        return _market(bars, "correlation")

    @feature(unit="log return", family="relative", bars=BOTH)
    def market_residual(self, bars: Bars) -> Expr:
        """The last return less what beta and the return of SPY over 60 bars explain: own news, or a lag to catch up."""
        return _market(bars, "residual")

    @feature(unit="log return", family="relative", bars=LONGER)
    def peer_strength_20(self, bars: Bars) -> Expr:
        """Return of 20 bars less the mean of the symbols asked about; of one symbol alone it is 0."""
        return _change(bars, 20) - _change(bars, 20).across("mean")

    @feature(unit="rank", family="relative", bars=BOTH)
    def peer_rank_5(self, bars: Bars) -> Expr:
        """Mid-rank of the return of 5 bars among the symbols asked about: the extremes revert."""
        return _change(bars, 5).across("rank")

    @feature(unit="rank", family="relative", bars=BOTH)
    def peer_rank_60(self, bars: Bars) -> Expr:
        """Mid-rank of the return of 60 bars among the symbols asked about: leaders go on to lead."""
        return _change(bars, 60).across("rank")

    @feature(unit="rank", family="relative", bars=DAILY)
    def volatility_peer_rank(self, bars: Bars) -> Expr:
        """Mid-rank of the volatility of 20 sessions among the symbols asked about: calm shares earn more for their risk."""
        return bars.log_return.deviation(20).last().across("rank")

    @feature(unit="standard deviations", family="relative", bars=BOTH)
    def volume_peer_score(self, bars: Bars) -> Expr:
        """Log volume over its mean of 20 bars, against the symbols asked about: attention on this share alone."""
        return (bars.volume / bars.volume.mean(20)).log().last().across("score")

"""Volatility and the shape of returns: range-based estimators, their ratios, jumps, serial dependence and the spread within bars."""

from __future__ import annotations

from math import log, pi, sqrt

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars

BOTH = ("intraday", "daily")
INTRADAY = ("intraday",)
DAILY = ("daily",)
LONGER = ("intraday", "half_hours", "daily")


def _rogers_satchell(bars: Bars) -> Column:
    up, down = (bars.high / bars.open).log(), (bars.low / bars.open).log()
    return up * (up - bars.within) + down * (down - bars.within)


def _sample_variance(one: Column, n: int) -> Column:
    deviation = one.deviation(n)
    return deviation * deviation * (n / (n - 1.0))


class VolatilityFeatures:
    """Every method is one feature a set of bars; NaN until its window is full and where nothing moved in it."""

    @feature(unit="per bar", family="price", bars=LONGER)
    def parkinson_20(self, bars: Bars) -> Expr:
        """Volatility of 20 bars from their ranges (Parkinson 1980): five times as sharp as one from closes."""
        return ((bars.log_range * bars.log_range).mean(20) / (4.0 * log(2.0))).sqrt().last()

    @feature(unit="per bar", family="price", bars=BOTH)
    def garman_klass_20(self, bars: Bars) -> Expr:
        """Volatility of 20 bars from range and body (Garman and Klass 1980)."""
        squares = bars.log_range * bars.log_range * 0.5 - bars.within * bars.within * (2.0 * log(2.0) - 1.0)
        return squares.mean(20).sqrt().last()

    @feature(unit="per bar", family="price", bars=BOTH)
    def rogers_satchell_20(self, bars: Bars) -> Expr:
        """Volatility of 20 bars that a trend does not inflate (Rogers and Satchell 1991)."""
        return _rogers_satchell(bars).mean(20).sqrt().last()

    @feature(unit="per bar", family="price", bars=DAILY)
    def yang_zhang_20(self, bars: Bars) -> Expr:
        """Volatility of 20 sessions with their overnight jumps (Yang and Zhang 2000), sharp and free of trend."""
        k = 0.34 / (1.34 + 21.0 / 19.0)
        inside = _sample_variance(bars.within, 20) * k + _rogers_satchell(bars).mean(20) * (1.0 - k)
        return (_sample_variance(bars.overnight, 20) + inside).sqrt().last()

    @feature(unit="log ratio", family="price", bars=LONGER)
    def volatility_ratio_5_60(self, bars: Bars) -> Expr:
        """Deviation of the last 5 returns over that of 60, in logarithms: calm before a move, and its fading after one."""
        return (bars.log_return.deviation(5) / bars.log_return.deviation(60)).log().last()

    @feature(unit="rank", family="price", bars=DAILY)
    def volatility_rank_252(self, bars: Bars) -> Expr:
        """Mid-rank of today's volatility of 20 sessions among those of a year: volatility reverts."""
        return bars.log_return.deviation(20).window(252, "rank").last()

    @feature(unit="share", family="price", bars=BOTH)
    def downside_share_20(self, bars: Bars) -> Expr:
        """Share of the squared returns of 20 bars that fell on losses (Barndorff-Nielsen, Kinnebrock and Shephard 2010)."""
        squares = bars.log_return * bars.log_return
        losses = squares.where(bars.log_return * -1.0 > 0.0).known(squares)
        return (losses.mean(20) / squares.mean(20)).last()

    @feature(unit="share", family="price", bars=BOTH)
    def jump_share_60(self, bars: Bars) -> Expr:
        """Share of the variance of 60 bars that bipower variation does not explain (Barndorff-Nielsen and Shephard 2004), at least 0."""
        size = bars.log_return.abs()
        smooth = (size * size.lag(bars.step)).mean(60) * (pi / 2.0)
        return (smooth * -1.0 / (size * size).mean(60) + 1.0).at_least(0.0).last()

    @feature(unit="ratio", family="price", bars=BOTH)
    def variance_ratio_5(self, bars: Bars) -> Expr:
        """Variance of 5-bar returns over five times that of one-bar returns, of 60 bars (Lo and MacKinlay 1988): above 1 trends."""
        long = (bars.close / bars.close.lag(5)).log().deviation(60)
        short = bars.log_return.deviation(60)
        return (long * long / (short * short * 5.0)).last()

    @feature(unit="correlation", family="price", bars=LONGER)
    def autocorrelation_60(self, bars: Bars) -> Expr:
        """First autocorrelation of the last 60 returns: negative where prices bounce, positive where news is slow to sink in."""
        return bars.log_return.window(60, "autocorrelation").last()

    @feature(unit="skewness", family="price", bars=BOTH)
    def skewness_60(self, bars: Bars) -> Expr:
        """Skewness of the last 60 returns: lottery-like shares are bought too dear (Amaya et al. 2015)."""
        return bars.log_return.window(60, "skewness").last()

    @feature(unit="standard deviations", family="price", bars=LONGER)
    def shock_20(self, bars: Bars) -> Expr:
        """The last return in the standard deviations of 20: large moves are partly given back."""
        return (bars.log_return / bars.log_return.deviation(20)).last()

    @feature(unit="share of price", family="price", bars=BOTH)
    def edge_spread_20(self, bars: Bars) -> Expr:
        """Effective spread of 20 bars from open, high, low and close (EDGE, Ardia, Guidotti and Kroencke 2024), negative by chance."""
        return bars.spread(20).last()

    @feature(unit="standard deviations", family="price", bars=INTRADAY)
    def range_by_slot(self, bars: Bars) -> Expr:
        """Range of the bar against the same five minutes of 20 sessions: movement that the time of day does not explain."""
        return bars.log_range.slot_score(20).last()

    @feature(unit="standard deviations", family="price", bars=INTRADAY)
    def size_of_move_by_slot(self, bars: Bars) -> Expr:
        """Size of the return against the same five minutes of 20 sessions."""
        return bars.log_return.abs().slot_score(20).last()

    @feature(unit="probability", family="price", bars=INTRADAY)
    def return_by_slot(self, bars: Bars) -> Expr:
        """Mid-rank of the return among the same five minutes of 20 sessions (seasonality by slot: Heston, Korajczyk and Sadka 2010)."""
        return bars.log_return.slot_rank(20).last()

    @feature(unit="per session", family="price", bars=INTRADAY)
    def session_volatility_so_far(self, bars: Bars) -> Expr:
        """Square root of the session's squared returns so far, overnight included."""
        return (bars.log_return * bars.log_return).fill(0.0).session_sum().sqrt().last()

    @feature(unit="ratio", family="price", bars=DAILY)
    def range_to_volatility_20(self, bars: Bars) -> Expr:
        """Range-based over close-based volatility of 20 sessions: above 1 where moves of the day are given back by its end."""
        ranged = ((bars.log_range * bars.log_range).mean(20) / (4.0 * log(2.0))).sqrt()
        return (ranged / bars.log_return.deviation(20)).last()

    @feature(unit="per year", family="price", bars=DAILY)
    def yearly_volatility_60(self, bars: Bars) -> Expr:
        """Standard deviation of 60 daily returns, a year of 252 sessions."""
        return (bars.log_return.deviation(60) * sqrt(252.0)).last()

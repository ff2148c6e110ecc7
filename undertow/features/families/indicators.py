"""Technical indicators beyond averages: direction, money flow, channels and trend, as TA-Lib defines them, free of the price level."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars

BOTH = ("intraday", "daily")
LONGER = ("intraday", "half_hours", "daily")
ALL = ("intraday", "half_hours", "daily", "weekly")


def _directions(bars: Bars) -> tuple[Column, Column]:
    """+DI and -DI of fourteen bars, as shares."""
    up, down = bars.high - bars.high.lag(), bars.low.lag() - bars.low
    plus = up.where((up > down) * (up > 0.0)).known(up)
    minus = down.where((down > up) * (down > 0.0)).known(down)
    ranged = bars.true_range.wilder(14)
    return plus.wilder(14) / ranged, minus.wilder(14) / ranged


def _signed_volume(bars: Bars) -> Column:
    return (bars.close - bars.close.lag()).sign() * bars.volume


class IndicatorFeatures:
    """Every method is one feature a set of bars; NaN until its window is full, and where a window has no range or no volume."""

    @feature(unit="0 to 100", family="price", bars=LONGER)
    def adx_14(self, bars: Bars) -> Expr:
        """Average directional index (Wilder 1978): how one-sided fourteen bars have been; a strong trend lets moves go on."""
        plus, minus = _directions(bars)
        return (((plus - minus).abs() / (plus + minus)).wilder(14) * 100.0).last()

    @feature(unit="-100 to 100", family="price", bars=BOTH)
    def directional_spread_14(self, bars: Bars) -> Expr:
        """Wilder's +DI less -DI of fourteen bars: which side has made the new highs and lows."""
        plus, minus = _directions(bars)
        return ((plus - minus) * 100.0).last()

    @feature(unit="mean distances", family="price", bars=BOTH)
    def cci_20(self, bars: Bars) -> Expr:
        """Commodity channel index (Lambert 1980): typical price from its mean of 20 bars, in 0.015 of their mean distance from it."""
        typical = bars.typical
        return ((typical - typical.mean(20)) / (typical.window(20, "mean_distance") * 0.015)).last()

    @feature(unit="-100 to 0", family="price", bars=BOTH)
    def williams_r_14(self, bars: Bars) -> Expr:
        """Williams' %R: how far below the highest price of 14 bars the close is, in their range."""
        high = bars.high.highest(14)
        return ((bars.close - high) / (high - bars.low.lowest(14)) * 100.0).last()

    @feature(unit="0 to 100", family="price", bars=BOTH)
    def money_flow_14(self, bars: Bars) -> Expr:
        """Money flow index: share of 14 bars' typical price times volume that fell on rising bars; volume confirms a move."""
        typical = bars.typical
        change, flow = typical - typical.lag(), typical * bars.volume
        gained, lost = flow.where(change > 0.0).known(change), flow.where((change * -1.0) > 0.0).known(change)
        return (gained.mean(14) / (gained.mean(14) + lost.mean(14)) * 100.0).last()

    @feature(unit="-1 to 1", family="price", bars=LONGER)
    def on_balance_volume_20(self, bars: Bars) -> Expr:
        """Change of on-balance volume over 20 bars as a share of their volume: accumulation shows before the price does."""
        return (_signed_volume(bars).mean(20) / bars.volume.mean(20)).last()

    @feature(unit="-1 to 1", family="price", bars=LONGER)
    def chaikin_flow_20(self, bars: Bars) -> Expr:
        """Chaikin's money flow: volume of 20 bars weighed by where each closed in its range; a bar without a range weighs nothing."""
        place = ((bars.close * 2.0 - bars.high - bars.low) / (bars.high - bars.low)).fill(0.0).known(bars.close)
        return ((place * bars.volume).mean(20) / bars.volume.mean(20)).last()

    @feature(unit="-100 to 100", family="price", bars=ALL)
    def aroon_25(self, bars: Bars) -> Expr:
        """Aroon oscillator (Chande 1995): bars since the lowest low less bars since the highest high of 25 bars, scaled to 100."""
        return ((bars.low.window(26, "since_lowest") - bars.high.window(26, "since_highest")) * 4.0).last()

    @feature(unit="0 to 100", family="price", bars=BOTH)
    def ultimate_oscillator(self, bars: Bars) -> Expr:
        """Williams' ultimate oscillator: buying pressure over true range of 7, 14 and 28 bars, weighed 4, 2 and 1."""
        bought, ranged = bars.close - bars.low.at_most(bars.close.lag()), bars.true_range
        short, middle, long = (bought.mean(n) / ranged.mean(n) for n in (7, 14, 28))
        return ((short * 4.0 + middle * 2.0 + long) / 7.0 * 100.0).last()

    @feature(unit="-1 to 1", family="price", bars=BOTH)
    def balance_of_power_14(self, bars: Bars) -> Expr:
        """Mean over 14 bars of close less open in the bar's range, 0 where it has none: who wins within the bars."""
        power = ((bars.close - bars.open) / (bars.high - bars.low)).fill(0.0).known(bars.close)
        return power.mean(14).last()

    @feature(unit="share of range", family="price", bars=ALL)
    def channel_55(self, bars: Bars) -> Expr:
        """Place of the close between the lowest and highest price of 55 bars (Donchian): 1 is a breakout upward."""
        low = bars.low.lowest(55)
        return ((bars.close - low) / (bars.high.highest(55) - low)).last()

    @feature(unit="log per bar", family="price", bars=BOTH)
    def trend_slope_20(self, bars: Bars) -> Expr:
        """Least-squares slope of the log close over 20 bars: the trend without its noise at both ends."""
        return bars.close.log().window(20, "slope").last()

    @feature(unit="t", family="price", bars=ALL)
    def trend_t_20(self, bars: Bars) -> Expr:
        """t-statistic of the least-squares slope of the log close over 20 bars: a steady trend outlasts a jagged one."""
        return bars.close.log().window(20, "slope_t").last()

    @feature(unit="log ratio", family="price", bars=LONGER)
    def volume_trend_5_20(self, bars: Bars) -> Expr:
        """Mean volume of 5 bars over that of 20, in logarithms: interest that grows or wanes."""
        return (bars.volume.mean(5) / bars.volume.mean(20)).log().last()

    @feature(unit="correlation", family="price", bars=BOTH)
    def price_volume_correlation_20(self, bars: Bars) -> Expr:
        """Correlation of returns with log volume over 20 bars: whether the volume comes with the rises or with the falls."""
        return bars.log_return.against((bars.volume + 1.0).log(), 20, "correlation").last()

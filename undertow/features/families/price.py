"""Price features on bars of several lengths: returns, averages, oscillators, volatility and volume."""

from __future__ import annotations

from math import sqrt

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars

BOTH = ("intraday", "daily")
INTRADAY = ("intraday",)
DAILY = ("daily",)
LONGER = ("intraday", "half_hours", "daily")
#: weekly bars only for what looks back over a window: a decay of weeks would ask for eight years of history
ALL = ("intraday", "half_hours", "daily", "weekly")


def _change(bars: Bars, n: int) -> Expr:
    return (bars.close / bars.close.lag(n)).log().last()


class PriceFeatures:
    """Every method is one feature a set of bars; definitions as in TA-Lib, made free of the price level."""

    @feature(unit="log return", family="price", bars=ALL)
    def return_1(self, bars: Bars) -> Expr:
        """Return over the last bar."""
        return _change(bars, 1)

    @feature(unit="log return", family="price", bars=ALL)
    def return_5(self, bars: Bars) -> Expr:
        """Return over the last five bars."""
        return _change(bars, 5)

    @feature(unit="log return", family="price", bars=ALL)
    def return_20(self, bars: Bars) -> Expr:
        """Return over the last twenty bars."""
        return _change(bars, 20)

    @feature(unit="log return", family="price", bars=BOTH)
    def return_60(self, bars: Bars) -> Expr:
        """Return over the last sixty bars."""
        return _change(bars, 60)

    @feature(unit="ratio", family="price", bars=ALL)
    def sma_10(self, bars: Bars) -> Expr:
        """Close above its simple average of ten bars."""
        return (bars.close / bars.close.mean(10) - 1.0).last()

    @feature(unit="ratio", family="price", bars=BOTH)
    def sma_50(self, bars: Bars) -> Expr:
        """Close above its simple average of fifty bars."""
        return (bars.close / bars.close.mean(50) - 1.0).last()

    @feature(unit="ratio", family="price", bars=BOTH)
    def ema_12(self, bars: Bars) -> Expr:
        """Close above its exponential average of twelve bars."""
        return (bars.close / bars.close.ema(12) - 1.0).last()

    @feature(unit="ratio", family="price", bars=BOTH)
    def ema_26(self, bars: Bars) -> Expr:
        """Close above its exponential average of twenty-six bars."""
        return (bars.close / bars.close.ema(26) - 1.0).last()

    @feature(unit="0 to 100", family="price", bars=LONGER)
    def rsi_14(self, bars: Bars) -> Expr:
        """Wilder's relative strength index of fourteen bars."""
        move = bars.close - bars.close.lag()
        gain, loss = move.at_least(0.0).wilder(14), (move * -1.0).at_least(0.0).wilder(14)
        return (gain / (gain + loss) * 100.0).last()

    @feature(unit="0 to 100", family="price", bars=ALL)
    def stochastic_k(self, bars: Bars) -> Expr:
        """Slow %K of the stochastic oscillator: place of the close in the range of 14 bars, averaged over 3."""
        return (_fast_k(bars).mean(3) * 100.0).last()

    @feature(unit="0 to 100", family="price", bars=BOTH)
    def stochastic_d(self, bars: Bars) -> Expr:
        """%D of the stochastic oscillator: slow %K averaged over 3 bars."""
        return (_fast_k(bars).mean(3).mean(3) * 100.0).last()

    @feature(unit="share of price", family="price", bars=BOTH)
    def macd(self, bars: Bars) -> Expr:
        """MACD line: exponential average of 12 less that of 26 bars, over the close."""
        return ((bars.close.ema(12) - bars.close.ema(26)) / bars.close).last()

    @feature(unit="share of price", family="price", bars=LONGER)
    def macd_histogram(self, bars: Bars) -> Expr:
        """MACD line less its own average of 9 bars, over the close."""
        line = bars.close.ema(12) - bars.close.ema(26)
        return ((line - line.ema(9)) / bars.close).last()

    @feature(unit="standard deviations", family="price", bars=ALL)
    def bollinger_position(self, bars: Bars) -> Expr:
        """Distance of the close from the average of 20 bars, in their standard deviations."""
        return ((bars.close - bars.close.mean(20)) / bars.close.deviation(20)).last()

    @feature(unit="ratio", family="price", bars=ALL)
    def bollinger_width(self, bars: Bars) -> Expr:
        """Width of the Bollinger bands (four standard deviations of 20 bars) over their middle."""
        return (bars.close.deviation(20) * 4.0 / bars.close.mean(20)).last()

    @feature(unit="share of price", family="price", bars=LONGER)
    def atr_14(self, bars: Bars) -> Expr:
        """Wilder's average true range of fourteen bars, over the close."""
        return (bars.true_range.wilder(14) / bars.close).last()

    @feature(unit="per bar", family="price", bars=ALL)
    def realised_volatility_20(self, bars: Bars) -> Expr:
        """Standard deviation of the last twenty log returns, a bar."""
        return bars.log_return.deviation(20).last()

    @feature(unit="per session", family="price", bars=INTRADAY)
    def session_volatility(self, bars: Bars) -> Expr:
        """Standard deviation of the log returns of about five sessions of five-minute bars, scaled to a session of 78."""
        return (bars.log_return.deviation(390) * sqrt(78.0)).last()

    @feature(unit="standard deviations", family="price", bars=INTRADAY)
    def volume_by_slot(self, bars: Bars) -> Expr:
        """Log volume against the same five minutes of the last twenty sessions."""
        return (bars.volume + 1.0).log().slot_score(20).last()

    @feature(unit="standard deviations", family="price", bars=DAILY)
    def volume_score(self, bars: Bars) -> Expr:
        """Log volume against the last twenty sessions."""
        volume = (bars.volume + 1.0).log()
        return ((volume - volume.mean(20)) / volume.deviation(20)).last()

    @feature(unit="ratio", family="price", bars=INTRADAY)
    def vwap_distance(self, bars: Bars) -> Expr:
        """Close above the session's volume-weighted average price so far."""
        traded = (bars.typical * bars.volume).session_sum()
        return (bars.close / (traded / bars.volume.session_sum()) - 1.0).last()


def _fast_k(bars: Bars) -> Column:
    low = bars.low.lowest(14)
    return (bars.close - low) / (bars.high.highest(14) - low)

"""Trend filters along bars, and what quotes and prints say of the next minutes (Cont, Kukanov and Stoikov 2014)."""

from __future__ import annotations

from math import sqrt

from undertow.core.events import Bar
from undertow.features.language.expressions import Column, Expr, picked
from undertow.features.language.register import feature
from undertow.features.operators.kalman import DISTANCE, SLOPE, SURPRISE, LocalTrend
from undertow.features.operators.order_flow import OrderFlow, expected_imbalance
from undertow.features.vocabulary import Bars, Quotes, Trades, clock
from undertow.features.vocabulary.bars import INTRADAY

BOTH = ("intraday", "daily")
FRESH = "15m"  #: a quote says something of the next minutes for so long
#: a nanosecond short, so that a bar known a nanosecond sooner gathers nothing more
HALF_HOUR = "1799999999999ns"
WITHIN_DAYS = LocalTrend(level=1.0, slope=0.001, night=30.0)  #: a night moves a share about as much as thirty bars
OVER_DAYS = LocalTrend(level=1.0, slope=0.01)

#: 1 where a quote has both sides and they do not cross
sound = (Quotes.spread > 0.0) * (Quotes.bid > 0.0)
relative_spread = (Quotes.spread / Quotes.middle).only(sound)
lean = (Quotes.bid_size - Quotes.ask_size) / (Quotes.bid_size + Quotes.ask_size)
flow = Column(Quotes.kind, OrderFlow(), (Quotes.bid, Quotes.ask, Quotes.bid_size, Quotes.ask_size))
#: mean relative spread of the quotes in the half hour up to each five-minute bar
mean_spread = INTRADAY.close.gather(relative_spread, HALF_HOUR, 1e-7) / INTRADAY.close.gather(sound, HALF_HOUR)
#: +1 a print above the one before, -1 below: the tick test, in which a print at the same price has no side
tick = (Trades.price - Trades.price.lag()).sign()


def _trend(bars: Bars) -> Column:
    op = WITHIN_DAYS if bars.kind is Bar else OVER_DAYS
    return Column(bars.kind, op, (bars.close.log(), clock(bars.kind, "session")))


def _innovation(bars: Bars) -> Column:
    surprise = picked(_trend(bars), SURPRISE)
    return surprise / (surprise * surprise).mean(60).lag().sqrt()


def _order_flow(span: str) -> Expr:
    depth = (Quotes.bid_size + Quotes.ask_size).sum(span) * 0.5 / (Quotes.bid_size >= 0.0).sum(span)
    return flow.sum(span) / depth


class MicrostructureFeatures:
    """Filters are NaN until they have seen what they are scaled by; features of quotes without a quote in the last quarter of an hour."""

    @feature(unit="standard deviations", family="microstructure", bars=BOTH)
    def kalman_slope(self, bars: Bars) -> Expr:
        """Slope a bar of a Kalman local linear trend of the log close, in deviations of a return: a drift that noise does not explain."""
        return (picked(_trend(bars), SLOPE) / bars.log_return.deviation(60)).last()

    @feature(unit="standard deviations", family="microstructure", bars=BOTH)
    def kalman_distance(self, bars: Bars) -> Expr:
        """Log close less the filtered level, in deviations of a return: what the filter takes for noise, which reverts."""
        return (picked(_trend(bars), DISTANCE) / bars.log_return.deviation(60)).last()

    @feature(unit="standard deviations", family="microstructure", bars=BOTH)
    def kalman_innovation(self, bars: Bars) -> Expr:
        """The last close against the filter's forecast, in the forecast's deviations as measured over the sixty bars before."""
        return _innovation(bars).last()

    @feature(unit="ratio", family="microstructure", bars=BOTH)
    def kalman_nis(self, bars: Bars) -> Expr:
        """Mean squared innovation of twenty bars: near 1 while the model holds, chi-squared over 20 (0.37 to 2.0 in 99 of 100)."""
        return (_innovation(bars) * _innovation(bars)).mean(20).last()

    @feature(unit="t", family="microstructure", bars=BOTH)
    def drift_t(self, bars: Bars) -> Expr:
        """t-statistic of the mean of twenty-four returns. It is of returns on purpose: the t of price on time is no N(0, 1) (|t| > 2
        most of the time on a random walk) and must never be read as one."""
        return (bars.log_return.mean(24) / bars.log_return.deviation(24) * sqrt(23.0)).last()

    @feature(unit="t", family="microstructure", bars=BOTH)
    def return_slope_t(self, bars: Bars) -> Expr:
        """t-statistic of the slope of twenty-four returns on time: a move that gathers or loses speed."""
        return bars.log_return.window(24, "slope_t").last()

    @feature(unit="share of price", family="microstructure")
    def quoted_spread(self) -> Expr:
        """Ask less bid over their middle; NaN where they cross."""
        return relative_spread.last(FRESH)

    @feature(unit="standard deviations", family="microstructure")
    def spread_by_slot(self) -> Expr:
        """Mean relative spread of half an hour against the same time of the last twenty sessions: liquidity that went away."""
        return mean_spread.slot_score(20).last()

    @feature(unit="-1 to 1", family="microstructure")
    def queue_imbalance(self) -> Expr:
        """Bid size less ask size over both, at the best quote: the next change of price goes to the thin side."""
        return lean.only(sound).last(FRESH)

    @feature(unit="share of price", family="microstructure")
    def microprice_distance(self) -> Expr:
        """The mean of bid and ask weighed by the other side's size, less the middle, over it."""
        return (lean * relative_spread * 0.5).last(FRESH)

    @feature(unit="log ratio", family="microstructure")
    def quote_intensity(self) -> Expr:
        """Quotes of the last minute against the mean minute of the last half hour, each with one added; NaN without any."""
        told = Quotes.bid_size >= 0.0
        usual = told.sum("30m")
        return ((told.sum("1m") + 1.0) / (usual * (1.0 / 30.0) + 1.0)).log().only(usual > 0.0)

    @feature(unit="depths", family="microstructure")
    def order_flow_imbalance_1m(self) -> Expr:
        """Order flow at the best quotes of the last minute over the mean size there; NaN without a quote."""
        return _order_flow("1m")

    @feature(unit="depths", family="microstructure")
    def order_flow_imbalance_5m(self) -> Expr:
        """Order flow at the best quotes of the last five minutes over the mean size there; NaN without a quote."""
        return _order_flow("5m")

    @feature(unit="0 to 1", family="microstructure")
    def tick_imbalance_excess(self) -> Expr:
        """One-sidedness of five minutes of prints by the tick test, |up - down| over both, less what as many coin flips would show."""
        sided = tick.abs().sum("5m")
        one = tick.sum("5m")
        return one.abs() / sided - Expr(expected_imbalance, (sided,))

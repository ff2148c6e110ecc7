"""A share against the market and against what its own options imply; volume that is one-sided."""

from __future__ import annotations

from undertow.core.events import DailyBar
from undertow.features.families.microstructure import mean_spread
from undertow.features.language.expressions import Column, Expr, picked
from undertow.features.language.joins import AsOf
from undertow.features.language.register import feature
from undertow.features.operators.kalman import SLOPE, SURPRISE, Hedge
from undertow.features.operators.order_flow import Buckets, bought_share, expected_imbalance
from undertow.features.operators.parity import implied_carry
from undertow.features.operators.relative_value import HALF_LIFE, SCORE, Reversion, Unexplained
from undertow.features.vocabulary import MARKET, Bars, Chain, clock, column
from undertow.features.vocabulary.bars import DAILY, INTRADAY

BOTH = ("intraday", "daily")
HEDGE = Hedge(delta=4e-4, noise=2.0)  #: forgets over about seventy bars; a share's own variance is about twice the market's
MONTH = 30.0 / 365.0
BUCKETS = 50  #: a session's usual volume is cut into

SPOT = Chain.price.as_of(column(DailyBar, "close"), same=True)
CARRY = Chain.price.reduced(implied_carry, Chain.strike, Chain.days_left, Chain.is_put, SPOT, Chain.iv)
DIVERGENCE = (CARRY - CARRY.publications(20, "median")) * MONTH

SIZE = INTRADAY.volume.as_of(DAILY.volume.mean(20)) * (1.0 / BUCKETS)
BOUGHT = Column(INTRADAY.kind, bought_share, (INTRADAY.log_return / INTRADAY.log_return.deviation(60),))
ONE_SIDED = Column(INTRADAY.kind, Buckets(BUCKETS), (INTRADAY.volume, BOUGHT, SIZE, clock(INTRADAY.kind, "session")))


def _at_once(one: Column) -> Column:
    # the market's bar of the same end, and none other: a bar beside the one before it would hide what they have in common
    return Column(one.kind, AsOf((), True, 5 * 86_400_000_000_000, MARKET), (one,))


def _hedge(bars: Bars) -> Column:
    unit = bars.log_return.deviation(390).of(MARKET)
    return Column(bars.kind, HEDGE, (bars.log_return / unit, _at_once(bars.log_return) / unit))


def _reversion(bars: Bars) -> Column:
    return Column(bars.kind, Reversion(60), (bars.log_return, _at_once(bars.log_return)))


class RelativeValueFeatures:
    """NaN where SPY or options are not told of, and where a symbol's bar was known before SPY's of the same time."""

    @feature(unit="beta", family="relative value", bars=("intraday",))
    def hedge_ratio(self, bars: Bars) -> Expr:
        """Slope of returns on those of SPY by a Kalman filter in which it walks: what to hedge with, without a window's edge."""
        return picked(_hedge(bars), SLOPE).last()

    @feature(unit="standard deviations", family="relative value", bars=("intraday",))
    def hedge_surprise(self, bars: Bars) -> Expr:
        """The last return against what the hedge ratio and SPY's return foretold, in the forecast's deviations."""
        surprise = picked(_hedge(bars), SURPRISE)
        return surprise.last()

    @feature(unit="standard deviations", family="relative value", bars=BOTH)
    def residual_score(self, bars: Bars) -> Expr:
        """Sum of sixty returns' residuals on SPY's, from the mean it returns to, in deviations of its equilibrium; NaN where it does
        not return once the bias of the autoregression is taken off (Avellaneda and Lee 2010)."""
        return picked(_reversion(bars), SCORE).last()

    @feature(unit="log bars", family="relative value", bars=BOTH)
    def residual_half_life(self, bars: Bars) -> Expr:
        """Logarithm of the bars in which half of that distance is gone."""
        return picked(_reversion(bars), HALF_LIFE).log().last()

    @feature(unit="a year", family="relative value")
    def implied_carry(self) -> Expr:
        """Carry of the synthetic forward of about a month at the last close: the rate less dividends and the fee to borrow the share."""
        return CARRY.last()

    @feature(unit="share of price", family="relative value")
    def synthetic_divergence(self) -> Expr:
        """The share as options imply it against its close, less the median of the last twenty chains, which holds rate, dividends and fee.

        Expect a price pressure of the share to revert; a dividend that comes into or leaves the month moves it too.
        """
        return DIVERGENCE.last()

    @feature(unit="standard deviations", family="relative value")
    def synthetic_divergence_score(self) -> Expr:
        """The same divergence in deviations of the carry over the last twenty chains, which stand for the noise of closing prices."""
        return (DIVERGENCE / (CARRY.publications(20, "deviation") * MONTH)).last()

    @feature(unit="standard deviations", family="relative value")
    def liquidity_stress(self) -> Expr:
        """One-sidedness of the last fifty volume buckets that volume, volatility and spread of 120 bars leave unexplained; it says how
        hard it is to trade, never who is informed (Andersen and Bondarenko 2014 on VPIN)."""
        known = (INTRADAY.volume + 1.0).log(), INTRADAY.log_return.deviation(60).log(), mean_spread.log()
        return Column(INTRADAY.kind, Unexplained(120), (ONE_SIDED, *known)).last()

    @feature(unit="0 to 1", family="relative value")
    def liquidity_stress_excess(self) -> Expr:
        """One-sidedness of the last fifty volume buckets less what as many random trades as a bucket holds would show."""
        trades = column(INTRADAY.kind, "trades").mean(60) / INTRADAY.volume.mean(60) * SIZE
        return (ONE_SIDED - Column(INTRADAY.kind, expected_imbalance, (trades,))).last()

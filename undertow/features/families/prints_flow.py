"""Off-exchange and lit prints by side, and what they do to the price."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr, picked
from undertow.features.language.register import feature
from undertow.features.vocabulary import Bars, DarkPrints, Trades
from undertow.features.vocabulary.bars import DAILY, INTRADAY
from undertow.features.vocabulary.prints import in_bars

MILLION = 1e6
BASIS_POINTS = 1e4
SLOPE_BARS = 60


def _all_signed() -> Column:
    return in_bars(DarkPrints.signed) + in_bars(Trades.signed)


def _dollars(bars: Bars) -> Column:
    return bars.close * bars.volume * 1e-4


def _square_root_law(signed: Expr) -> Expr:
    deviation, a_day = DAILY.log_return.deviation(20).last(), _dollars(DAILY).mean(20).last()
    return signed.sign() * deviation * (signed.abs() / a_day).sqrt() * BASIS_POINTS


class PrintFlowFeatures:
    """Sides are told by the quote's middle when the print happened, never by the price before it; at the middle there is none."""

    @feature(unit="-1 to 1", family="signed prints")
    def dark_imbalance_today(self) -> Expr:
        """Off-exchange dollars bought less sold, over both, today; NaN where none has a side. Of n equal random prints sqrt(2/(pi n))."""
        return DarkPrints.signed.today() / DarkPrints.decided.today()

    @feature(unit="-1 to 1", family="signed prints")
    def dark_imbalance_30m(self) -> Expr:
        """Off-exchange dollars bought less sold, over both, in the last thirty minutes (Nimalendran, Ray 2014: 15 to 120 minutes ahead)."""
        return DarkPrints.signed.sum("30m") / DarkPrints.decided.sum("30m")

    @feature(unit="-1 to 1", family="signed prints")
    def dark_imbalance_5m(self) -> Expr:
        """Off-exchange dollars bought less sold, over both, in the last five minutes."""
        return DarkPrints.signed.sum("5m") / DarkPrints.decided.sum("5m")

    @feature(unit="-1 to 1", family="signed prints")
    def lit_imbalance_today(self) -> Expr:
        """Dollars bought less sold on exchanges, over both, today, by the quote rule."""
        return Trades.signed.today() / Trades.decided.today()

    @feature(unit="-1 to 1", family="signed prints")
    def lit_imbalance_30m(self) -> Expr:
        """Dollars bought less sold on exchanges, over both, in the last thirty minutes, by the quote rule."""
        return Trades.signed.sum("30m") / Trades.decided.sum("30m")

    @feature(unit="-1 to 1", family="signed prints")
    def lit_imbalance_5m(self) -> Expr:
        """Dollars bought less sold on exchanges, over both, in the last five minutes, by the quote rule."""
        return Trades.signed.sum("5m") / Trades.decided.sum("5m")

    @feature(unit="difference of imbalances", family="signed prints")
    def dark_lit_imbalance_gap(self) -> Expr:
        """Off-exchange imbalance of thirty minutes less that on exchanges: who hides does something else."""
        return self.dark_imbalance_30m() - self.lit_imbalance_30m()

    @feature(unit="standard deviations", family="signed prints")
    def dark_flow_slot_score(self) -> Expr:
        """The last bar's net off-exchange dollars against the same five minutes of twenty sessions."""
        return in_bars(DarkPrints.signed).slot_score(20).last()

    @feature(unit="0 to 1", family="signed prints")
    def dark_sided_share_today(self) -> Expr:
        """Share of today's off-exchange dollars above or below the middle, of those whose quote is known."""
        return DarkPrints.decided.today() / (DarkPrints.decided.today() + DarkPrints.at_middle.today())

    @feature(unit="-1 to 1", family="signed prints")
    def block_imbalance_today(self) -> Expr:
        """Dollars bought less sold, over both, of today's off-exchange prints of at least 200,000 dollars."""
        return DarkPrints.signed.only(DarkPrints.is_big).today() / DarkPrints.decided.only(DarkPrints.is_big).today()

    @feature(unit="0 to 1", family="signed prints")
    def sub_penny_share_today(self) -> Expr:
        """Share of today's off-exchange shares at a fraction of a penny outside of 0.4 to 0.6: a third of retail's (BJZZ 2021)."""
        return DarkPrints.size.where(DarkPrints.is_retail).today() / DarkPrints.size.today()

    @feature(unit="-1 to 1", family="signed prints")
    def sub_penny_imbalance_today(self) -> Expr:
        """Dollars that retail bought less sold, over both, today; sides are the middle's (Barber et al. 2024)."""
        return DarkPrints.signed.only(DarkPrints.is_retail).today() / DarkPrints.decided.only(DarkPrints.is_retail).today()

    @feature(unit="-1 to 1", family="signed prints")
    def sub_penny_imbalance_30m(self) -> Expr:
        """Dollars that retail bought less sold, over both, in the last thirty minutes."""
        return DarkPrints.signed.only(DarkPrints.is_retail).sum("30m") / DarkPrints.decided.only(DarkPrints.is_retail).sum("30m")

    @feature(unit="basis points per million USD", family="price impact")
    def kyle_lambda(self) -> Expr:
        """Slope of five-minute returns on net dollars bought in them, on exchanges and off, over sixty bars (Kyle 1985)."""
        slope = INTRADAY.log_return.against(_all_signed(), SLOPE_BARS, "slope")
        return (slope * MILLION * BASIS_POINTS).last()

    @feature(unit="t-statistic", family="price impact")
    def kyle_t(self) -> Expr:
        """How surely flow moves the price: t-statistic of Kyle's lambda over sixty bars."""
        return INTRADAY.log_return.against(_all_signed(), SLOPE_BARS, "t").last()

    @feature(unit="log return", family="price impact")
    def kyle_residual(self) -> Expr:
        """The last bar's return beyond what its net dollars explain by sixty bars' slope: news, or pressure that will pass."""
        return INTRADAY.log_return.against(_all_signed(), SLOPE_BARS, "residual").last()

    @feature(unit="basis points per million USD", family="price impact")
    def dark_lambda(self) -> Expr:
        """Slope of five-minute returns on net off-exchange dollars over sixty bars: small where dark flow tells little (Zhu 2014)."""
        slope = INTRADAY.log_return.against(in_bars(DarkPrints.signed), SLOPE_BARS, "slope")
        return (slope * MILLION * BASIS_POINTS).last()

    @feature(unit="return per million USD", family="price impact", bars=("intraday", "daily"))
    def amihud(self, bars: Bars) -> Expr:
        """Mean of |return| over dollars traded, of twenty bars, times a million (Amihud 2002); NaN with a bar in which nothing traded."""
        return ((bars.log_return.abs() / _dollars(bars)).mean(20) * MILLION).last()

    @feature(unit="log return", family="price impact", bars=("intraday", "daily"))
    def roll_spread(self, bars: Bars) -> Expr:
        """Spread that bounces of sixty bars tell, 2 sqrt(-cov of successive returns) (Roll 1984); NaN where they do not bounce."""
        move = bars.log_return
        before = move.lag()
        covariance = (move * before).mean(SLOPE_BARS) - move.mean(SLOPE_BARS) * before.mean(SLOPE_BARS)
        return ((covariance * -1.0).sqrt() * 2.0).last()

    @feature(unit="log return", family="price impact")
    def block_drift_1m(self) -> Expr:
        """Mean move of the middle in the minute after off-exchange blocks of five days, in their direction; each counts once it is over."""
        return picked(DarkPrints.drift, 0).last()

    @feature(unit="log return", family="price impact")
    def block_drift_5m(self) -> Expr:
        """Mean move of the middle in the five minutes after off-exchange blocks of five days, in their direction."""
        return picked(DarkPrints.drift, 1).last()

    @feature(unit="log return", family="price impact")
    def block_drift_30m(self) -> Expr:
        """Mean move of the middle in the thirty minutes after off-exchange blocks of five days, in their direction."""
        return picked(DarkPrints.drift, 2).last()

    @feature(unit="basis points", family="price impact")
    def dark_flow_impact(self) -> Expr:
        """What the square-root law expects of today's net off-exchange dollars: deviation of a day times the root of their share of one."""
        return _square_root_law(DarkPrints.signed.today())

    @feature(unit="basis points", family="price impact")
    def block_flow_impact(self) -> Expr:
        """What the square-root law expects of today's net dollars in off-exchange prints of at least 200,000 dollars."""
        return _square_root_law(DarkPrints.signed.only(DarkPrints.is_big).today())

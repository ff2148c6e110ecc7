"""The market as a whole: breadth, dispersion, correlation, volatility, regime; and whether a symbol trades at all."""

from __future__ import annotations

from math import sqrt

from undertow.features.language.expressions import Column, Expr, now
from undertow.features.language.register import feature
from undertow.features.vocabulary import MARKET, Bars, OffExchange, level
from undertow.features.vocabulary.bars import DAILY, INTRADAY
from undertow.features.vocabulary.columns import age_of, column
from undertow.features.vocabulary.market import TURBULENCE, Levels

YEAR = sqrt(252.0) * 100.0  #: from a daily deviation to points of the VIX
MISSED = 10.0 / (24.0 * 60.0)  #: days without a bar after which one of five minutes is missing
BEGUN = 0.06  #: of a session, by when each symbol that trades has a bar


def _above_mean(bars: Bars, n: int) -> Expr:
    return (bars.close / bars.close.mean(n) - 1.0).last().across("share_above")


def _short(numerator: Column) -> Expr:
    # value in units of a thousand dollars at the session's close, so that large companies weigh as they trade
    price = OffExchange.volume.as_of(column(DAILY.kind, "close"), same=True)
    return (numerator * price / 1e7).last().across("mean")


class MarketFeatures:
    """Features of the market, the same for every symbol; those of ``MARKET`` and of indices are NaN where these are not told of."""

    @feature(unit="0 to 1", family="market")
    def breadth_20(self) -> Expr:
        """Share of the symbols whose close is above its mean of twenty sessions."""
        return _above_mean(DAILY, 20)

    @feature(unit="0 to 1", family="market")
    def breadth_50(self) -> Expr:
        """Share of the symbols whose close is above its mean of fifty sessions."""
        return _above_mean(DAILY, 50)

    @feature(unit="0 to 1", family="market", bars=("intraday", "daily"))
    def breadth_advancing(self, bars: Bars) -> Expr:
        """Share of the symbols whose last bar closed above the one before."""
        return bars.log_return.last().across("share_above")

    @feature(unit="log return", family="market", bars=("intraday", "daily"))
    def cross_dispersion(self, bars: Bars) -> Expr:
        """Standard deviation of the last bar's return across the symbols: how much room there is for choosing."""
        return bars.log_return.last().across("deviation")

    @feature(unit="0 to 1", family="market")
    def average_correlation_60(self) -> Expr:
        """Variance of the market's daily returns over the squared mean deviation of the symbols' in sixty sessions."""
        spread = DAILY.log_return.deviation(60).last()
        mean = spread.across("mean")
        return spread.of(MARKET) * spread.of(MARKET) / (mean * mean)

    @feature(unit="correlation", family="market")
    def correlation_with_market_60(self) -> Expr:
        """Correlation of the daily returns with the market's over sixty sessions."""
        return DAILY.log_return.against(DAILY.log_return.of(MARKET), 60, "correlation").last()

    @feature(unit="points", family="market")
    def vix(self) -> Expr:
        """Newest close of the VIX."""
        return level("VIX")

    @feature(unit="0 to 1", family="market")
    def vix_rank_250(self) -> Expr:
        """Rank of the VIX among its last 250 closes."""
        return Levels.close.window(250, "rank").last().of("VIX")

    @feature(unit="log ratio", family="market")
    def vix_change_5(self) -> Expr:
        """Change of the logarithm of the VIX over five closes."""
        return (Levels.close / Levels.close.lag(5)).log().last().of("VIX")

    @feature(unit="log ratio", family="market")
    def vix_term_near(self) -> Expr:
        """Logarithm of VIX9D over VIX: above 0 where the next days are feared more than the month."""
        return (level("VIX9D") / level("VIX")).log()

    @feature(unit="log ratio", family="market")
    def vix_term_far(self) -> Expr:
        """Logarithm of VIX over VIX3M: above 0 in stress."""
        return (level("VIX") / level("VIX3M")).log()

    @feature(unit="points", family="market")
    def skew_index(self) -> Expr:
        """Newest close of the SKEW index less 100: what far puts on the S&P 500 cost."""
        return level("SKEW") - 100.0

    @feature(unit="points", family="market")
    def variance_premium(self) -> Expr:
        """VIX less the volatility of the market's last twenty daily returns, in annual points."""
        return level("VIX") - DAILY.log_return.deviation(20).last().of(MARKET) * YEAR

    @feature(unit="log ratio", family="market")
    def market_trend_50(self) -> Expr:
        """Logarithm of the market's close over its mean of fifty sessions."""
        return (DAILY.close / DAILY.close.mean(50)).log().last().of(MARKET)

    @feature(unit="log ratio", family="market")
    def market_trend_200(self) -> Expr:
        """Logarithm of the market's close over its mean of two hundred sessions."""
        return (DAILY.close / DAILY.close.mean(200)).log().last().of(MARKET)

    @feature(unit="0 to 1", family="market")
    def market_volatility_rank_250(self) -> Expr:
        """Rank of the market's volatility of twenty sessions among that of the last 250."""
        return DAILY.log_return.deviation(20).window(250, "rank").last().of(MARKET)

    @feature(unit="probability", family="market")
    def market_turbulence(self) -> Expr:
        """Probability that the market is in the turbulent of two states, by the forward filter of a hidden Markov chain (Hamilton 1989)."""
        return TURBULENCE.last().of(MARKET)

    @feature(unit="0 to 1", family="market")
    def market_short_share(self) -> Expr:
        """Short-marked share of all symbols' off-exchange volume, weighted by value: what is called DIX, over the symbols asked about."""
        return _short(OffExchange.short_volume) / _short(OffExchange.volume)

    @feature(unit="minutes", family="market")
    def minutes_without_bar(self) -> Expr:
        """Minutes since the last intraday bar became known, while the session runs; NaN outside it and in its first minutes."""
        begun = (now("session_share") > BEGUN) * (-now("session_share") > -1.0)
        return (age_of(INTRADAY.close, "5d") * (24.0 * 60.0)).only(begun)

    @feature(unit="0 or 1", family="market")
    def halted(self) -> Expr:
        """1 where a symbol has no bar in ten minutes of a session while most of the others have; a silent feed is no halt."""
        begun = (now("session_share") > BEGUN) * (-now("session_share") > -1.0)
        silent = age_of(INTRADAY.close, "5d") - MISSED
        most_trade = -silent.across("share_above") > -0.5
        return ((silent > 0.0) * most_trade).only(begun)

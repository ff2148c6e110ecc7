"""What implied volatilities of a whole chain say: level, skew, term structure, moves."""

from __future__ import annotations

from math import sqrt

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.operators import chain_rows
from undertow.features.vocabulary import Chain
from undertow.features.vocabulary.bars import DAILY

CALL, PUT = Chain.iv_near(0.5, 30.0), Chain.iv_near(-0.5, 30.0)
LEVEL = (CALL + PUT) * 0.5
FAR_CALL, FAR_PUT = Chain.iv_near(0.25, 30.0), Chain.iv_near(-0.25, 30.0)
LATER = (Chain.iv_near(0.5, 90.0) + Chain.iv_near(-0.5, 90.0)) * 0.5
SKEW = FAR_PUT - CALL
YEAR, QUARTER, MONTH = 252, 60, 21  #: publications
CALL_LESS_PUT = CALL - PUT


class OptionsChainFeatures:
    """Implied volatility at the close. Levels are means over contracts near a delta and a tenor, so that no one quote decides."""

    @feature(unit="volatility a year", family="options chain")
    def implied_volatility(self) -> Expr:
        """Implied volatility at the money with about 30 days left: mean of calls and puts near a delta of one half."""
        return LEVEL.last()

    @feature(unit="0 to 1", family="options chain")
    def implied_volatility_rank(self) -> Expr:
        """Mid-rank of implied volatility among its last 252 closes."""
        return LEVEL.publications(YEAR, "rank").last()

    @feature(unit="0 to 1", family="options chain")
    def implied_volatility_rank_60(self) -> Expr:
        """Mid-rank of implied volatility among its last 60 closes."""
        return LEVEL.publications(QUARTER, "rank").last()

    @feature(unit="log ratio", family="options chain")
    def implied_volatility_change(self) -> Expr:
        """Implied volatility over that of the close before."""
        return (LEVEL / LEVEL.publications(2, "first")).log().last()

    @feature(unit="log ratio", family="options chain")
    def implied_volatility_change_21(self) -> Expr:
        """Implied volatility over that of 21 closes before."""
        return (LEVEL / LEVEL.publications(MONTH + 1, "first")).log().last()

    @feature(unit="volatility a year", family="options chain")
    def skew(self) -> Expr:
        """Implied volatility of puts with a delta of 25 % less that of calls at the money (after Xing, Zhang, Zhao 2010)."""
        return SKEW.last()

    @feature(unit="standard deviations", family="options chain")
    def skew_score(self) -> Expr:
        """Skew against its own last 60 closes."""
        return SKEW.publication_score(QUARTER).last()

    @feature(unit="volatility a year", family="options chain")
    def risk_reversal(self) -> Expr:
        """Implied volatility of calls less that of puts, both with a delta of 25 %."""
        return (FAR_CALL - FAR_PUT).last()

    @feature(unit="volatility a year", family="options chain")
    def smile(self) -> Expr:
        """Mean implied volatility of both sides at a delta of 25 % above that at the money: the price of any large move."""
        return ((FAR_CALL + FAR_PUT) * 0.5 - LEVEL).last()

    @feature(unit="volatility a year", family="options chain")
    def volatility_spread(self) -> Expr:
        """Implied volatility of calls less puts of the same strike and expiry, weighed by open interest (Cremers, Weinbaum 2010).

        Borrowing fees and early exercise are in it as well.
        """
        return Chain.whole(chain_rows.spread_of_pairs).last()

    @feature(unit="log ratio", family="options chain")
    def term_structure(self) -> Expr:
        """Implied volatility with about 90 days left over that with about 30: below zero when trouble is near."""
        return (LATER / LEVEL).log().last()

    @feature(unit="volatility a year", family="options chain")
    def call_less_put_change(self) -> Expr:
        """Change of implied volatility since the close before, of calls less of puts (An, Ang, Bali, Cakici 2014)."""
        return (CALL_LESS_PUT - CALL_LESS_PUT.publications(2, "first")).last()

    @feature(unit="volatility a year", family="options chain")
    def call_less_put_change_21(self) -> Expr:
        """Change of implied volatility over 21 closes, of calls less of puts: a decile spread of 1 % a month (An and others 2014)."""
        return (CALL_LESS_PUT - CALL_LESS_PUT.publications(MONTH + 1, "first")).last()

    @feature(unit="volatility a year", family="options chain")
    def volatility_premium(self) -> Expr:
        """Implied volatility less the one of the last 20 daily returns."""
        return LEVEL.last() - DAILY.log_return.deviation(20).last() * sqrt(YEAR)

    @feature(unit="log return", family="options chain")
    def front_move(self) -> Expr:
        """Mean size of the move to the nearest expiry at least two days away, as implied at the money: 0.80 IV sqrt(T)."""
        return Chain.whole(chain_rows.front_move).last()

    @feature(unit="log return", family="options chain")
    def report_move(self) -> Expr:
        """Mean size of the move at the next report that the first two expiries after it imply; NaN without a date within 60 days."""
        return Chain.whole(chain_rows.report_move, Chain.to_report).last()

    @feature(unit="volatility a year", family="options chain")
    def volatility_after_report(self) -> Expr:
        """What implied volatility of the first expiry after the next report is to fall to once that is over."""
        return Chain.whole(chain_rows.base_volatility, Chain.to_report).last()

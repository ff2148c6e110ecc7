"""Off-exchange volume, day by day, as FINRA publishes it."""

from __future__ import annotations

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import OffExchange


class OffExchangeFeatures:
    """Levels are mechanical, so each comes with its deviation from the symbol's own past."""

    @feature(unit="ratio", family="off-exchange")
    def off_exchange_share(self) -> Expr:
        """Off-exchange volume over the session's whole volume, as the two publishers count them."""
        return OffExchange.share.last()

    @feature(unit="standard deviations", family="off-exchange")
    def off_exchange_share_score(self) -> Expr:
        """Off-exchange share against the last twenty sessions."""
        return OffExchange.share.score(20).last()

    @feature(unit="standard deviations", family="off-exchange")
    def off_exchange_share_score_60(self) -> Expr:
        """Off-exchange share against the last sixty sessions."""
        return OffExchange.share.score(60).last()

    @feature(unit="standard deviations", family="off-exchange")
    def off_exchange_volume_score(self) -> Expr:
        """Logarithm of the off-exchange volume against the last twenty sessions: is much traded away from exchanges, whatever the rest?"""
        return OffExchange.shares.log().score(20).last()

    @feature(unit="0 to 1", family="off-exchange")
    def short_share(self) -> Expr:
        """Short-marked share of the off-exchange volume; near a half because who fills buyers sells short, and no short interest."""
        return OffExchange.short_share.last()

    @feature(unit="standard deviations", family="off-exchange")
    def short_share_score(self) -> Expr:
        """Short-marked share against the last sixty sessions."""
        return OffExchange.short_share.score(60).last()

    @feature(unit="standard deviations", family="off-exchange")
    def short_share_score_20(self) -> Expr:
        """Short-marked share against the last twenty sessions."""
        return OffExchange.short_share.score(20).last()

    @feature(unit="difference of shares", family="off-exchange")
    def short_share_change(self) -> Expr:
        """Short-marked share less its mean of the last five sessions: the newest turn, before a score of months sees it."""
        return (OffExchange.short_share - OffExchange.short_share.mean(5)).last()

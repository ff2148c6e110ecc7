"""Off-exchange volume, day by day, as FINRA publishes it (field guide §2)."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import OffExchange


def _score(column: Column, n: int) -> Expr:
    return ((column - column.mean(n)) / column.deviation(n)).last()


class OffExchangeFeatures:
    """Levels are mechanical, so each comes with its deviation from the symbol's own past."""

    @feature(unit="ratio", family="off-exchange")
    def off_exchange_share(self) -> Expr:
        """Off-exchange volume over the session's whole volume, as the two publishers count them."""
        return OffExchange.share.last()

    @feature(unit="standard deviations", family="off-exchange")
    def off_exchange_share_score(self) -> Expr:
        """Off-exchange share against the last twenty sessions."""
        return _score(OffExchange.share, 20)

    @feature(unit="0 to 1", family="off-exchange")
    def short_share(self) -> Expr:
        """Short-marked share of the off-exchange volume."""
        return OffExchange.short_share.last()

    @feature(unit="standard deviations", family="off-exchange")
    def short_share_score(self) -> Expr:
        """Short-marked share against the last sixty sessions."""
        return _score(OffExchange.short_share, 60)

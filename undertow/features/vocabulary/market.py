"""The market as a whole: an index fund and volatility indices, looked at whatever symbols are asked about."""

from __future__ import annotations

from undertow.core import events
from undertow.features.language.expressions import Expr
from undertow.features.vocabulary.columns import column

MARKET = "SPY"  #: the fund that stands for the market


def level(index: str) -> Expr:
    """The newest close of an index such as VIX."""
    return column(events.IndexLevel, "level").last().of(index)

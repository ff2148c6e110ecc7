"""The market as a whole: an index fund and volatility indices, looked at whatever symbols are asked about."""

from __future__ import annotations

from undertow.core import events
from undertow.features.language.expressions import Column, Expr
from undertow.features.operators.regimes import TwoStates
from undertow.features.vocabulary.bars import DAILY
from undertow.features.vocabulary.columns import column

MARKET = "SPY"  #: the fund that stands for the market


def level(index: str) -> Expr:
    """The newest close of an index such as VIX."""
    return Levels.close.last().of(index)


class Levels:
    """Closes of indices such as VIX, in their own points."""

    kind = events.IndexLevel
    close = column(kind, "level")


#: probability that a symbol's daily returns are in the turbulent of two states; meant for ``MARKET``
TURBULENCE = Column(DAILY.kind, TwoStates(), (DAILY.log_return,))

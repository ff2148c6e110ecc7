"""Where those who hedge options have to trade the share: gamma exposure by two conventions, walls and flip."""

from __future__ import annotations

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.operators import chain_rows
from undertow.features.vocabulary import Chain
from undertow.features.vocabulary.bars import DAILY

GAMMA = Chain.whole(chain_rows.gamma_all)  #: 1/10,000 USD to trade for a move of 1 %, of all that is open
BALANCE = Chain.whole(chain_rows.gamma_balance)


def _traded() -> Expr:
    return (DAILY.close * DAILY.volume).mean(20).last()


class OptionsGammaFeatures:
    """Gamma of open interest, which is that of the evening before, at the close's volatilities; who holds which side is assumed."""

    @feature(unit="share of daily volume", family="options chain")
    def gamma_exposure(self) -> Expr:
        """What hedgers trade against a move of 1 % over what is traded a day, if they are long all calls and short all puts."""
        return (GAMMA * BALANCE).last() / _traded()

    @feature(unit="share of daily volume", family="options chain")
    def gamma_exposure_short(self) -> Expr:
        """The same if they are short all that is open, as where customers bought it: they trade with the move, so below zero."""
        return -GAMMA.last() / _traded()

    @feature(unit="-1 to 1", family="options chain")
    def gamma_balance(self) -> Expr:
        """Gamma of calls less that of puts over both: the sign that the first convention gives."""
        return BALANCE.last()

    @feature(unit="log ratio", family="options chain")
    def call_wall(self) -> Expr:
        """The strike at which calls have most gamma over the share's price as the options imply it: said to hold a rise up."""
        return Chain.whole(chain_rows.call_wall).last()

    @feature(unit="log ratio", family="options chain")
    def put_wall(self) -> Expr:
        """The strike at which puts have most gamma over the share's price: said to hold a fall up."""
        return Chain.whole(chain_rows.put_wall).last()

    @feature(unit="log ratio", family="options chain")
    def gamma_flip(self) -> Expr:
        """The price nearest to the share's at which gamma of calls equals that of puts; NaN without one within 20 %."""
        return Chain.whole(chain_rows.gamma_flip).last()

    @feature(unit="0 to 1", family="options chain")
    def gamma_within_a_week(self) -> Expr:
        """Share of all gamma that expires within seven days: hedges that end by themselves."""
        return Chain.whole(chain_rows.gamma_within_a_week).last()

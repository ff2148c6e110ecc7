"""Off-exchange prints: how much, in what sizes and at which prices."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr, picked
from undertow.features.language.register import feature
from undertow.features.vocabulary import DarkPrints, Quotes, Trades
from undertow.features.vocabulary.prints import ODD_LOT, in_bars

LATELY = "30m"


def _today(part: Column, whole: Column) -> Expr:
    return part.today() / whole.today()


def _away(dark: Expr, lit: Expr) -> Expr:
    return dark / (dark + lit)


def _at_bars() -> Column:
    dark, lit = in_bars(DarkPrints.size, LATELY), in_bars(Trades.shares, LATELY)
    return dark / (dark + lit)


def _average(dollars: Column, shares: Column) -> Expr:
    return (dollars.today() / shares.today()).log()


class PrintFeatures:
    """Off-exchange is not dark pool: facilities report wholesalers and bilateral blocks too, and rarely say which venue it was."""

    @feature(unit="0 to 1", family="off-exchange prints")
    def dark_share_today(self) -> Expr:
        """Off-exchange shares over all shares printed today; NaN before the first print."""
        return _away(DarkPrints.size.today(), Trades.shares.today())

    @feature(unit="0 to 1", family="off-exchange prints")
    def dark_share_30m(self) -> Expr:
        """Off-exchange shares over all shares printed in the last thirty minutes; NaN without a print."""
        return _away(DarkPrints.size.sum(LATELY), Trades.shares.sum(LATELY))

    @feature(unit="0 to 1", family="off-exchange prints")
    def dark_value_share_today(self) -> Expr:
        """Off-exchange dollars over all dollars of today's prints that form a price."""
        return _away(DarkPrints.dollars.today(), Trades.dollars.today())

    @feature(unit="standard deviations", family="off-exchange prints")
    def dark_share_slot_score(self) -> Expr:
        """Off-exchange share of the last thirty minutes' shares against the same five minutes of twenty sessions: its season taken out."""
        return _at_bars().slot_score(20).last()

    @feature(unit="0 to 1", family="off-exchange prints")
    def dark_share_slot_rank(self) -> Expr:
        """Rank of the off-exchange share of the last thirty minutes' shares among the same five minutes of twenty sessions."""
        return _at_bars().slot_rank(20).last()

    @feature(unit="standard deviations", family="off-exchange prints")
    def dark_volume_slot_score(self) -> Expr:
        """Logarithm of the last bar's off-exchange shares against the same five minutes of twenty sessions."""
        return (in_bars(DarkPrints.size) + 1.0).log().slot_score(20).last()

    @feature(unit="0 to 1", family="off-exchange prints")
    def named_system_share_today(self) -> Expr:
        """Off-exchange shares of alternative trading systems that a print names; NaN where none is named, as with most sources."""
        named = DarkPrints.size.where(DarkPrints.is_named).today()
        return (named / DarkPrints.size.today()).only(named > 0.0)

    @feature(unit="count", family="off-exchange prints")
    def block_count_today(self) -> Expr:
        """Off-exchange prints of at least 10,000 shares today."""
        return DarkPrints.is_block.today()

    @feature(unit="0 to 1", family="off-exchange prints")
    def block_share_today(self) -> Expr:
        """Share of today's off-exchange shares in prints of at least 10,000."""
        return _today(DarkPrints.size.only(DarkPrints.is_block), DarkPrints.size)

    @feature(unit="count", family="off-exchange prints")
    def block_value_count_today(self) -> Expr:
        """Off-exchange prints of at least 200,000 dollars today."""
        return DarkPrints.is_big.today()

    @feature(unit="0 to 1", family="off-exchange prints")
    def block_value_share_today(self) -> Expr:
        """Share of today's off-exchange dollars in prints of at least 200,000."""
        return _today(DarkPrints.dollars.only(DarkPrints.is_big), DarkPrints.dollars)

    @feature(unit="count", family="off-exchange prints")
    def large_print_count_today(self) -> Expr:
        """Today's off-exchange prints that are as large as the largest percent of the symbol's 500 prints before: blocks for its size."""
        return DarkPrints.is_large.today()

    @feature(unit="0 to 1", family="off-exchange prints")
    def large_print_share_today(self) -> Expr:
        """Share of today's off-exchange shares in prints as large as the largest percent of the symbol's 500 prints before."""
        return _today(DarkPrints.size.only(DarkPrints.is_large), DarkPrints.size.known(DarkPrints.is_large))

    @feature(unit="log ratio", family="off-exchange prints")
    def dark_average_price_gap(self) -> Expr:
        """The quote's middle over the average price of today's off-exchange prints: are those who bought away from exchanges ahead?"""
        return Quotes.middle.last("1d").log() - _average(DarkPrints.dollars * 1e4, DarkPrints.priced_shares)

    @feature(unit="log ratio", family="off-exchange prints")
    def block_average_price_gap(self) -> Expr:
        """The quote's middle over the average price of today's off-exchange prints of at least 200,000 dollars."""
        big = DarkPrints.is_big
        return Quotes.middle.last("1d").log() - _average(DarkPrints.dollars.only(big) * 1e4, DarkPrints.priced_shares.only(big))

    @feature(unit="log ratio", family="off-exchange prints")
    def dark_lit_price_gap(self) -> Expr:
        """Average price of today's off-exchange prints over that of today's prints on exchanges."""
        dark = _average(DarkPrints.dollars, DarkPrints.priced_shares)
        return dark - _average(Trades.dollars, Trades.priced_shares)

    @feature(unit="log ratio", family="off-exchange prints")
    def heaviest_level_gap(self) -> Expr:
        """The last off-exchange price over the quarter of a percent in which most dollars went through in five sessions."""
        return picked(DarkPrints.level, 0).last()

    @feature(unit="0 to 1", family="off-exchange prints")
    def heaviest_level_share(self) -> Expr:
        """Share of five sessions' off-exchange dollars at their heaviest price level: has somebody accumulated there?"""
        return picked(DarkPrints.level, 1).last()

    @feature(unit="0 to 1", family="off-exchange prints")
    def late_print_share(self) -> Expr:
        """Share of today's off-exchange shares marked out of sequence, or that happened over ten seconds before the newest quote known."""
        return _today(DarkPrints.size.where(DarkPrints.is_late), DarkPrints.size)

    @feature(unit="0 to 1", family="off-exchange prints")
    def unpriced_share_today(self) -> Expr:
        """Share of today's off-exchange shares at no price of the moment (averages, contingent, late), left out of all prices here."""
        return (DarkPrints.priced_shares.today() / DarkPrints.size.today()) * -1.0 + 1.0

    @feature(unit="0 to 1", family="off-exchange prints")
    def odd_lot_share_today(self) -> Expr:
        """Share of today's off-exchange prints of fewer than 100 shares."""
        counted = DarkPrints.size >= 0.0
        return (counted - (DarkPrints.size >= ODD_LOT)).today() / counted.today()

    @feature(unit="log shares", family="off-exchange prints")
    def dark_print_size(self) -> Expr:
        """Logarithm of the average size of today's off-exchange prints."""
        return (DarkPrints.size.today() / (DarkPrints.size >= 0.0).today()).log()

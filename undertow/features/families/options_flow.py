"""Daily option flow, from chains at the close and open interest the next morning."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Chain, Interest
from undertow.features.vocabulary.bars import DAILY

WEEK, MONTH, QUARTER = 5, 20, 60  #: publications
#: five to thirty-five trading days to expiry, as Johnson and So (2012) take
MIDDLE_DATED = (Chain.days_left >= 7.0) * (-Chain.days_left >= -49.0)
OUT_OF_MONEY = -Chain.delta.abs() > -0.4
BEFORE = Interest.contracts - Interest.change


def _share(part: Column, whole: Column) -> Expr:
    return part.latest_sum() / whole.latest_sum()


class OptionsFlowFeatures:
    """Features of the whole chain; shares rather than ratios, so that they stay in [0, 1]."""

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_volume(self) -> Expr:
        """Puts as a share of the contracts traded in the last session; a put/call ratio r is r / (1 + r) here."""
        return _share(Chain.volume.where(Chain.is_put), Chain.volume)

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_premium(self) -> Expr:
        """Puts as a share of the premium traded in the last session (volume at the closing price)."""
        return _share(Chain.premium.where(Chain.is_put), Chain.premium)

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_interest(self) -> Expr:
        """Puts as a share of the contracts open this morning."""
        return _share(Interest.contracts.where(Interest.is_put), Interest.contracts)

    @feature(unit="ratio", family="options flow")
    def volume_over_interest(self) -> Expr:
        """Contracts traded in the last session over contracts open."""
        return Chain.volume.latest_sum() / Interest.contracts.latest_sum()

    @feature(unit="log USD", family="options flow")
    def premium_level(self) -> Expr:
        """Logarithm of the premium traded in the last session."""
        return (Chain.premium.latest_sum() * 1e-4).log()

    @feature(unit="0 to 1", family="options flow")
    def opening_share(self) -> Expr:
        """Share of last session's contract sides that opened positions, (V + change of open interest) / 2V, known this morning."""
        volume = Interest.volume.known(Interest.change)
        return (volume + Interest.change).latest_sum() / (volume * 2.0).latest_sum()

    @feature(unit="-1 to 1", family="options flow")
    def opening_balance(self) -> Expr:
        """New call less new put contracts, over all contracts traded in the last session."""
        signed = Interest.change.where(Interest.is_call) - Interest.change.where(Interest.is_put)
        return signed.known(Interest.volume).latest_sum() / Interest.volume.latest_sum()

    @feature(unit="-1 to 1", family="options flow")
    def put_share_of_volume_change(self) -> Expr:
        """Puts' share of last session's contracts less its own mean of 20 sessions: names differ in what is usual."""
        share = Chain.total(Chain.volume.where(Chain.is_put)) / Chain.total(Chain.volume)
        return (share - share.publications(MONTH, "mean")).last()

    @feature(unit="standard deviations", family="options flow")
    def option_volume_score(self) -> Expr:
        """Logarithm of the contracts traded in the last session against its own last 20 sessions."""
        return Chain.total(Chain.contracts).log().publication_score(MONTH).last()

    @feature(unit="standard deviations", family="options flow")
    def takeover_score(self) -> Expr:
        """Calls out of the money with at most 30 days left: logarithm of one and the contracts, against their own 20 sessions.

        Such volume came before a quarter of takeovers (Augustin, Brenner, Subrahmanyam 2019).
        """
        wanted = Chain.is_call * OUT_OF_MONEY * (Chain.days_left >= 0.0) * (-Chain.days_left >= -30.0)
        return (Chain.total(Chain.contracts.where(wanted)) + 1.0).log().publication_score(MONTH).last()

    @feature(unit="0 to 1", family="options flow")
    def week_share_of_volume(self) -> Expr:
        """Share of last session's contracts that had at most a week left: what is short-dated is mostly retail noise."""
        return _share(Chain.volume.where((Chain.days_left >= 0.0) * (-Chain.days_left >= -7.0)), Chain.volume)

    @feature(unit="0 to 1", family="options flow")
    def out_of_money_share_of_volume(self) -> Expr:
        """Share of last session's contracts with a delta under 0.4: whoever knows something wants leverage."""
        return _share(Chain.volume.where(OUT_OF_MONEY), Chain.volume.known(Chain.delta))

    @feature(unit="log ratio", family="options flow")
    def option_stock_ratio(self) -> Expr:
        """Logarithm of O/S: contracts of the last five chains with 7 to 49 days left over round lots of the stock (Johnson, So 2012)."""
        contracts = Chain.total(Chain.contracts.where(MIDDLE_DATED)).publications(WEEK, "mean")
        return (contracts.last() / (DAILY.volume.mean(WEEK) / 100.0).last()).log()

    @feature(unit="log ratio", family="options flow")
    def option_stock_ratio_change(self) -> Expr:
        """O/S of the last five sessions over that of the last sixty: high values foretold low returns (Johnson, So 2012)."""
        contracts = Chain.total(Chain.contracts.where(MIDDLE_DATED))
        risen = contracts.publications(WEEK, "mean") / contracts.publications(QUARTER, "mean")
        return risen.log().last() - (DAILY.volume.mean(WEEK) / DAILY.volume.mean(QUARTER)).log().last()

    @feature(unit="ratio", family="options flow")
    def interest_change(self) -> Expr:
        """Change of open interest in the last session over what was open, known this morning; contracts listed before alone count."""
        return _share(Interest.change, BEFORE)

    @feature(unit="ratio", family="options flow")
    def call_interest_change(self) -> Expr:
        """Change of the open interest of calls over all that was open: new calls are bought more than sold by those who know."""
        return _share(Interest.change.where(Interest.is_call), BEFORE)

    @feature(unit="ratio", family="options flow")
    def put_interest_change(self) -> Expr:
        """Change of the open interest of puts over all that was open."""
        return _share(Interest.change.where(Interest.is_put), BEFORE)

    @feature(unit="0 to 1", family="options flow")
    def interest_concentration(self) -> Expr:
        """Herfindahl index of open interest over contracts: near 1 when all lies in one contract, which price is then drawn to."""
        whole = Interest.contracts.latest_sum()
        return (Interest.contracts * Interest.contracts).latest_sum() / (whole * whole)

    @feature(unit="0 to 1", family="options flow")
    def week_share_of_interest(self) -> Expr:
        """Share of open contracts that expire within seven days of the close at which they were open: hedges of them are undone soon."""
        soon = (Interest.days_left > 0.0) * (-Interest.days_left >= -7.0)
        return _share(Interest.contracts.where(soon), Interest.contracts)

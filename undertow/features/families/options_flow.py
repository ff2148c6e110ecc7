"""Daily option flow, from chains at the close and open interest the next morning (field guide §1)."""

from __future__ import annotations

from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Chain, Interest


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

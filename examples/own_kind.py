"""A kind of event of one's own, which a broker might send every morning: what it costs to borrow a share."""

from dataclasses import dataclass
from typing import ClassVar

from undertow import FeatureEngineering
from undertow.core.events import Event, Ratio, add_kind
from undertow.features.language.register import feature
from undertow.features.vocabulary import column


@add_kind
@dataclass(frozen=True, slots=True, kw_only=True)
class BorrowFee(Event):
    """What lending a share costs for a year, as a share of its price."""

    kind: ClassVar[str] = "borrow_fee"
    fee: Ratio


class OwnFeatures(FeatureEngineering):
    @feature(unit="standard deviations", family="own")
    def borrow_fee_score(self):
        """The fee against the last sixty that were told."""
        return column(BorrowFee, "fee").score(60).last()

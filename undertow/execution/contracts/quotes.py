"""At what price a leg fills, and when it does not: every refusal has a code, and no price is ever made up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from undertow.core.errors import BadInput
from undertow.core.time import SECOND, Duration, Instant


class Refusal(StrEnum):
    """Why nothing was done; the account is as it was."""

    NO_QUOTE = "no_quote"  #: never quoted, or bid or ask is absent
    STALE = "stale"  #: the quote is older than allowed, or from after the order
    CROSSED = "crossed"  #: the bid is above the ask
    NO_BID = "no_bid"  #: a sale where nobody bids
    EXPIRED = "expired"  #: the contract's last session has closed
    MARGIN = "margin"  #: the account could not carry the position


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A bid and an ask in 1/10,000 USD a share; MISSING or below 0 is absent."""

    known_at: Instant  #: ns UTC
    bid: int
    ask: int

    @property
    def mid(self) -> float:
        """1/10,000 USD a share."""
        return (self.bid + self.ask) / 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCosts:
    """What trading contracts costs, and which quotes may be traded on.

    ``half_spread_share`` is the share of the half-spread that a fill pays: 0 is the mid, 1 the bid or ask. The default, 0.6, is between
    what takers pay by the usual measure (about 0.8) and what those who wait for a good moment pay (below 0.4; Muravyev and Pearson 2020).
    """

    half_spread_share: float = 0.6
    commission: float = 0.65  #: USD a contract and side
    commission_per_share: float = 0.0  #: USD a share and side
    stale_after: Duration = 60 * SECOND  #: ns; an older quote is not traded on

    def __post_init__(self) -> None:
        if not 0.0 <= self.half_spread_share <= 1.0:
            raise BadInput(f"The share of the half-spread that a fill pays lies between 0 and 1, not at {self.half_spread_share}.")


def refusal_of(quote: Quote | None, now: Instant, costs: ContractCosts) -> Refusal | None:
    """Why a quote may not be used at ``now``, or None where it may.

    >>> refusal_of(Quote(known_at=0, bid=10_000, ask=9_900), 0, ContractCosts())
    <Refusal.CROSSED: 'crossed'>
    >>> refusal_of(Quote(known_at=0, bid=10_000, ask=10_100), 61 * SECOND, ContractCosts())
    <Refusal.STALE: 'stale'>
    """
    if quote is None or quote.bid < 0 or quote.ask <= 0:
        return Refusal.NO_QUOTE
    if not 0 <= now - quote.known_at <= costs.stale_after:
        return Refusal.STALE
    return Refusal.CROSSED if quote.bid > quote.ask else None


def fill_price(quote: Quote, side: int, share: float) -> int:
    """What a buyer (side +1) pays or a seller (-1) gets, 1/10,000 USD a share, rounded against the trader.

    >>> quote = Quote(known_at=0, bid=20_000, ask=24_000)  # 2.00 at 2.40
    >>> [fill_price(quote, side, share) for side in (1, -1) for share in (0.0, 0.6, 1.0)]
    [22000, 23200, 24000, 22000, 20800, 20000]
    """
    price = quote.mid + side * share * (quote.ask - quote.bid) / 2.0
    return math.ceil(price - 1e-6) if side > 0 else math.floor(price + 1e-6)

"""Option flow from single prints, today and in the last half hour: what kind of flow, and on which side."""

from __future__ import annotations

from undertow.core import events
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import OptionPrints, column

P = OptionPrints
SHARES = column(events.Bar, "volume").fill(0.0).session_sum()  #: of the stock, since the session began
LEANING = P.premium * P.lean * P.way  #: expected premium that bets on a rise less that on a fall
SHARES_BOUGHT = P.contracts * P.delta * P.lean * 100.0  #: that hedge what customers are expected to have bought
STEPS = 1.0 / 1024.0  #: of a share, which makes sums exact
TODAY, HALF_HOUR = "", "30m"


def _sum(one: Column, over: str, quantum: float = 1.0) -> Expr:
    return one.sum(over, quantum) if over else one.today(quantum)


def _share(part: Column, over: str, whole: Column = P.premium) -> Expr:
    return _sum(part, over) / _sum(whole, over)


class OptionsPrintFeatures:
    """Sums over prints that are not void. A share is NaN where nothing printed; a side is a probability, never a hard sign."""

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_contracts_today(self) -> Expr:
        """Puts as a share of the contracts printed today."""
        return _share(P.contracts.where(P.is_put), TODAY, P.contracts)

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_premium_today(self) -> Expr:
        """Puts as a share of the premium paid today."""
        return _share(P.premium.where(P.is_put), TODAY)

    @feature(unit="0 to 1", family="options flow")
    def put_share_of_premium_30m(self) -> Expr:
        """Puts as a share of the premium paid in the last half hour."""
        return _share(P.premium.where(P.is_put), HALF_HOUR)

    @feature(unit="log USD", family="options flow")
    def premium_today(self) -> Expr:
        """Logarithm of the premium paid today."""
        return (_sum(P.premium, TODAY) * 1e-4).log()

    @feature(unit="log USD", family="options flow")
    def premium_30m(self) -> Expr:
        """Logarithm of the premium paid in the last half hour."""
        return (_sum(P.premium, HALF_HOUR) * 1e-4).log()

    @feature(unit="-1 to 1", family="options flow")
    def net_premium_today(self) -> Expr:
        """Premium expected to bet on a rise less that on a fall, each print weighed by 2 p(buy) - 1, over all premium of today."""
        return _share(LEANING, TODAY)

    @feature(unit="-1 to 1", family="options flow")
    def net_premium_30m(self) -> Expr:
        """Premium expected to bet on a rise less that on a fall, over all premium of the last half hour."""
        return _share(LEANING, HALF_HOUR)

    @feature(unit="0 to 1", family="options flow")
    def ask_share_today(self) -> Expr:
        """Premium paid at the ask as a share of that paid at the ask or the bid today; packages, late and void prints apart."""
        at_ask, either = P.premium.where(P.touch > 0.0), P.premium.where(P.touch)
        return _share(at_ask, TODAY, either)

    @feature(unit="-1 to 1", family="options flow")
    def touch_balance_today(self) -> Expr:
        """Call premium at the ask and put premium at the bid, less the two others, over all premium of today: the usual hard signs."""
        return _share(P.premium * P.touch * P.way, TODAY)

    @feature(unit="0 to 1", family="options flow")
    def sweep_share_today(self) -> Expr:
        """Intermarket sweeps as a share of today's premium; they are ordinary, so a high share says haste, not knowledge."""
        return _share(P.premium.where(P.is_sweep), TODAY)

    @feature(unit="-1 to 1", family="options flow")
    def sweep_balance_today(self) -> Expr:
        """Sweeps expected to bet on a rise less those on a fall, over today's premium: the side of a sweep is the surest."""
        return _share(LEANING.where(P.is_sweep), TODAY)

    @feature(unit="0 to 1", family="options flow")
    def package_share_today(self) -> Expr:
        """Legs of packages as a share of today's premium; they have no side and are not in the signed features."""
        return _share(P.premium.where(P.is_package), TODAY)

    @feature(unit="0 to 1", family="options flow")
    def out_of_money_share_today(self) -> Expr:
        """Premium on strikes more than 2 % out of the money, as a share of that paid today while the share's price was known."""
        return _share(P.premium.where(P.moneyness.equals(0.0)), TODAY, P.premium.known(P.moneyness))

    @feature(unit="0 to 1", family="options flow")
    def in_money_share_today(self) -> Expr:
        """Premium on strikes more than 2 % in the money, as a share of that paid today while the share's price was known."""
        return _share(P.premium.where(P.moneyness.equals(2.0)), TODAY, P.premium.known(P.moneyness))

    @feature(unit="0 to 1", family="options flow")
    def week_share_today(self) -> Expr:
        """Premium on contracts with at most seven days left as a share of today's."""
        return _share(P.premium.where(P.tenor.equals(0.0)), TODAY)

    @feature(unit="0 to 1", family="options flow")
    def month_share_today(self) -> Expr:
        """Premium on contracts with 8 to 30 days left as a share of today's."""
        return _share(P.premium.where(P.tenor.equals(1.0)), TODAY)

    @feature(unit="0 to 1", family="options flow")
    def quarter_share_today(self) -> Expr:
        """Premium on contracts with 31 to 90 days left as a share of today's."""
        return _share(P.premium.where(P.tenor.equals(2.0)), TODAY)

    @feature(unit="-1 to 1", family="options flow")
    def leverage_balance_today(self) -> Expr:
        """As the net premium, of contracts out of the money with at most 30 days left alone, over all premium of today.

        Leverage is the channel by which informed flow predicts (Ge, Lin, Pearson 2016).
        """
        soon = P.tenor.equals(0.0) + P.tenor.equals(1.0)
        return _share(LEANING.where(P.moneyness.equals(0.0) * soon), TODAY)

    @feature(unit="share of volume", family="options flow")
    def order_imbalance_today(self) -> Expr:
        """Shares that hedge what customers are expected to have bought today, over the volume of the stock: (2 p(buy) - 1) delta 100 size.

        Hu (2014), who divides by shares outstanding.
        """
        return _sum(SHARES_BOUGHT, TODAY, STEPS) / SHARES.last()

    @feature(unit="-1 to 1", family="options flow")
    def order_imbalance_30m(self) -> Expr:
        """The same of the last half hour over what would hedge all that printed."""
        whole = P.contracts * P.delta.abs() * 100.0
        return _sum(SHARES_BOUGHT, HALF_HOUR, STEPS) / _sum(whole, HALF_HOUR, STEPS)

    @feature(unit="-1 to 1", family="options flow")
    def buying_pressure_today(self) -> Expr:
        """Sum of the size of delta times contracts bought less sold over today's contracts: demand for volatility (Bollen, Whaley 2004)."""
        bought = P.contracts * P.delta.abs() * P.lean
        return _sum(bought, TODAY, STEPS) / _sum(P.contracts, TODAY)

    @feature(unit="prints", family="options flow")
    def large_prints_30m(self) -> Expr:
        """Prints of 100 contracts and more in the last half hour; often negotiated, so they have no side here."""
        return _sum(P.is_large.where(P.contracts), HALF_HOUR)

    @feature(unit="0 to 1", family="options flow")
    def large_share_today(self) -> Expr:
        """Contracts in prints of 100 and more as a share of today's."""
        return _share(P.contracts.where(P.is_large.fill(0.0)), TODAY, P.contracts)

    @feature(unit="0 to 1", family="options flow")
    def retail_share_today(self) -> Expr:
        """Contracts in prints of at most 10 with at most a week left as a share of today's: noise by default."""
        return _share(P.contracts.where(P.is_small.fill(0.0) * P.tenor.equals(0.0)), TODAY, P.contracts)

    @feature(unit="log ratio", family="options flow")
    def option_stock_ratio_today(self) -> Expr:
        """Logarithm of today's contracts over round lots of the stock."""
        return (_sum(P.contracts, TODAY) / (SHARES.last() / 100.0)).log()

    @feature(unit="-1 to 1", family="options flow")
    def market_tide(self) -> Expr:
        """Call premium less put premium over both, of today and all symbols: the same for every symbol."""
        return _sum(P.premium * P.way, TODAY).across("mean") / _sum(P.premium, TODAY).across("mean")

    @feature(unit="-1 to 1", family="options flow")
    def market_tide_signed(self) -> Expr:
        """Premium expected to bet on a rise less that on a fall over all premium, of today and all symbols."""
        return _sum(LEANING, TODAY).across("mean") / _sum(P.premium, TODAY).across("mean")

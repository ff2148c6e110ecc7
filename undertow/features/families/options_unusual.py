"""How unusual option flow is, as a p-value and a q-value that can be checked rather than a score."""

from __future__ import annotations

from undertow.core import events
from undertow.features.language.expressions import Clock, Column, Expr
from undertow.features.language.register import feature
from undertow.features.operators.tails import PastSessions
from undertow.features.vocabulary import OptionPrints, column
from undertow.features.vocabulary.bars import INTRADAY

P = OptionPrints
#: five minutes, a nanosecond short: a bar that becomes known a nanosecond sooner gathers nothing that belongs to the one before
BAR = "299999999999ns"
CLOSE = column(events.Bar, "close")
SHARES = INTRADAY.volume
STEPS = 2.0**-10  #: contracts on the first day's shares are no whole numbers
SESSIONS = 20  #: of the same five minutes that a number is compared with
CALIBRATION = 10  #: sessions that tell how often a surprise so large comes


def _gathered(one: Column) -> Column:
    return CLOSE.gather(one, BAR)


def _surprise(one: Column) -> Column:
    """-log of the share of its slot's history above a number: exponential if nothing is unusual."""
    return -(one.slot_rank(SESSIONS) * -1.0 + 1.0).log()


def _parts(mask: Column | None) -> tuple[Column, ...]:
    """Premium, contracts, premium at the ask and contracts of large prints, of all prints or of those in a mask."""
    every = P.premium, P.contracts, P.premium.where(P.touch > 0.0), P.contracts.where(P.is_large.fill(0.0))
    return tuple(_gathered(one if mask is None else one.where(mask)) for one in every)


ALL, CALLS = _parts(None), _parts(P.is_call)
PUTS = tuple(whole - calls for whole, calls in zip(ALL, CALLS, strict=True))


def _p_value(parts: tuple[Column, ...]) -> Column:
    """p-value of premium, contracts, share at the ask and large prints taken together."""
    premium, contracts, asked, large = parts
    total = _surprise(premium) + _surprise(contracts) + _surprise((asked / premium).fill(0.5)) + _surprise(large)
    return Column(total.kind, PastSessions(CALIBRATION, "fine_tail"), (total, Column(total.kind, Clock("session"))))


class OptionsUnusualFeatures:
    """Each part is ranked among the same five minutes of 20 sessions; the parts depend on one another, so that the sum of their
    surprises is ranked again, among those of ten sessions."""

    @feature(unit="p-value", family="options flow")
    def unusual_flow_p(self) -> Expr:
        """p-value of the last five minutes of option flow: premium, contracts, share at the ask and large prints taken together."""
        return _p_value(ALL).last("1d")

    @feature(unit="q-value", family="options flow")
    def unusual_flow_q(self) -> Expr:
        """q-value over all symbols at this tick: among those at q or below, a share of q is expected to be false (Benjamini, Hochberg)."""
        return _p_value(ALL).last("1d").across("discoveries")

    @feature(unit="p-value", family="options flow")
    def unusual_calls_p(self) -> Expr:
        """p-value of the last five minutes of calls."""
        return _p_value(CALLS).last("1d")

    @feature(unit="p-value", family="options flow")
    def unusual_puts_p(self) -> Expr:
        """p-value of the last five minutes of puts."""
        return _p_value(PUTS).last("1d")

    @feature(unit="standard deviations", family="options flow")
    def premium_by_slot(self) -> Expr:
        """Logarithm of one and the premium of the last five minutes, USD, against the same five minutes of 20 sessions."""
        return (_gathered(P.premium) * 1e-4 + 1.0).log().slot_score(SESSIONS).last()

    @feature(unit="standard deviations", family="options flow")
    def net_premium_by_slot(self) -> Expr:
        """Expected premium for a rise less that for a fall over the last five minutes against the same five minutes of 20 sessions."""
        return _gathered(P.premium * P.lean * P.way).slot_score(SESSIONS).last()

    @feature(unit="standard deviations", family="options flow")
    def option_stock_ratio_by_slot(self) -> Expr:
        """Logarithm of contracts over round lots of the last five minutes, one added to each, against the same slot of 20 sessions."""
        ratio = (CLOSE.gather(P.standing, BAR, STEPS) + 1.0) / (SHARES / 100.0 + 1.0)
        return ratio.log().slot_score(SESSIONS).last()

"""Insiders and Congress: what they bought and sold, from the moment it was made public."""

from __future__ import annotations

from undertow.core.time import duration
from undertow.features.language.expressions import Column, Expr
from undertow.features.language.register import feature
from undertow.features.operators.filings import Distinct
from undertow.features.vocabulary import Congress, Insiders
from undertow.features.vocabulary.bars import DAILY
from undertow.features.vocabulary.columns import age_of, column

DOLLAR = 10_000.0


def _signed_log(money: Expr) -> Expr:
    return money.sign() * (money.abs() / DOLLAR + 1.0).log()


def _people(kind_column: str, mask: Column, span: str) -> Expr:
    return Expr(Distinct(kind_column, duration(span)), (mask,))


class CompanyFeatures:
    """Features of filings and disclosures."""

    @feature(unit="signed log USD", family="insiders")
    def insider_net_30d(self) -> Expr:
        """Purchases less sales of insiders filed in thirty days, without habitual and pre-arranged ones (Cohen, Malloy, Pomorski 2012)."""
        return _signed_log(Insiders.net.where(Insiders.by_choice).sum("30d", DOLLAR))

    @feature(unit="signed log USD", family="insiders")
    def insider_net_90d(self) -> Expr:
        """Purchases less sales of insiders filed in ninety days, without habitual and pre-arranged ones."""
        return _signed_log(Insiders.net.where(Insiders.by_choice).sum("90d", DOLLAR))

    @feature(unit="signed log USD", family="insiders")
    def insider_opportunistic_net_30d(self) -> Expr:
        """Purchases less sales filed in thirty days by insiders with three years of trades and no habit: the strict definition."""
        return _signed_log(Insiders.net.where(Insiders.routine.equals(0.0) * Insiders.by_choice).sum("30d", DOLLAR))

    @feature(unit="signed log USD", family="insiders")
    def insider_opportunistic_net_90d(self) -> Expr:
        """Purchases less sales filed in ninety days by insiders with three years of trades and no habit: the strict definition."""
        return _signed_log(Insiders.net.where(Insiders.routine.equals(0.0) * Insiders.by_choice).sum("90d", DOLLAR))

    @feature(unit="log USD", family="insiders")
    def insider_purchases_90d(self) -> Expr:
        """Purchases alone filed in ninety days, for they say more than sales, without habitual and pre-arranged ones."""
        return _signed_log(Insiders.value.where(Insiders.is_purchase).where(Insiders.by_choice).sum("90d", DOLLAR))

    @feature(unit="sessions of volume", family="insiders")
    def insider_net_of_volume_90d(self) -> Expr:
        """Net purchases filed in ninety days over the mean daily turnover of twenty sessions; NaN without daily bars."""
        turnover = (column(DAILY.kind, "close") * column(DAILY.kind, "volume")).mean(20).last()
        return Insiders.net.where(Insiders.by_choice).sum("90d", DOLLAR) / turnover

    @feature(unit="people", family="insiders")
    def insider_buyers_10d(self) -> Expr:
        """Different insiders whose purchases were filed in ten days; three or more are a cluster."""
        return _people("insider", Insiders.is_purchase, "10d")

    @feature(unit="people", family="insiders")
    def insider_buyers_30d(self) -> Expr:
        """Different insiders whose purchases were filed in thirty days."""
        return _people("insider", Insiders.is_purchase, "30d")

    @feature(unit="people", family="insiders")
    def insider_sellers_30d(self) -> Expr:
        """Different insiders whose sales by choice were filed in thirty days."""
        return _people("insider", Insiders.is_sale.where(Insiders.by_choice), "30d")

    @feature(unit="signed log USD", family="insiders")
    def insider_chiefs_net_90d(self) -> Expr:
        """Purchases less sales of chief executives and chief financial officers filed in ninety days, habits left out."""
        return _signed_log(Insiders.net.where(Insiders.by_choice * Insiders.of_chiefs).sum("90d", DOLLAR))

    @feature(unit="signed log USD", family="insiders")
    def insider_directors_net_90d(self) -> Expr:
        """Purchases less sales of directors filed in ninety days, habits left out; local non-executives knew most (2012 study)."""
        return _signed_log(Insiders.net.where(Insiders.by_choice * Insiders.of_directors).sum("90d", DOLLAR))

    @feature(unit="0 to 1", family="insiders")
    def insider_habit_share_365d(self) -> Expr:
        """Share of the value that insiders traded in a year of filings which was habitual or pre-arranged; NaN where none traded."""
        traded = Insiders.value.where(Insiders.is_purchase + Insiders.is_sale)
        return traded.where(Insiders.by_habit).sum("365d", DOLLAR) / traded.sum("365d", DOLLAR)

    @feature(unit="days", family="insiders")
    def insider_days_since_purchase(self) -> Expr:
        """Days since an insider's purchase was filed; NaN after a year without one."""
        return age_of(Insiders.value.only(Insiders.is_purchase), "365d")

    @feature(unit="days", family="insiders")
    def insider_days_late(self) -> Expr:
        """Days between trade and filing of the newest filing; two are the rule, and late ones are worth a look. NaN after ninety days."""
        return Insiders.days_late.last("90d")

    @feature(unit="signed log USD", family="congress")
    def congress_net_30d(self) -> Expr:
        """Purchases less sales of members of Congress disclosed in thirty days, at the middle of each range."""
        return _signed_log(Congress.net.sum("30d", DOLLAR))

    @feature(unit="signed log USD", family="congress")
    def congress_net_90d(self) -> Expr:
        """Purchases less sales of members of Congress disclosed in ninety days, at the middle of each range."""
        return _signed_log(Congress.net.sum("90d", DOLLAR))

    @feature(unit="people", family="congress")
    def congress_members_90d(self) -> Expr:
        """Different members of Congress whose trades were disclosed in ninety days."""
        return _people("member", Congress.side.abs(), "90d")

    @feature(unit="people", family="congress")
    def congress_buyers_90d(self) -> Expr:
        """Different members of Congress whose purchases were disclosed in ninety days."""
        return _people("member", Congress.side.equals(1.0), "90d")

    @feature(unit="days", family="congress")
    def congress_days_late(self) -> Expr:
        """Days between trade and disclosure of the newest one; the law allows 45. NaN after ninety days."""
        return Congress.days_late.last("90d")

"""A vendor's alerts on option flow: how many, on which side, how often on the same contract."""

from __future__ import annotations

from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import Alerts

ASKED = Alerts.ask_premium - Alerts.bid_premium


class OptionsAlertFeatures:
    """Alerts of today; they are later than the prints that they are made of. A share is NaN on a day without any."""

    @feature(unit="alerts", family="options flow")
    def alerts_today(self) -> Expr:
        """Alerts of today."""
        return Alerts.one.today()

    @feature(unit="log USD", family="options flow")
    def alert_premium_today(self) -> Expr:
        """Logarithm of the premium of today's alerts."""
        return (Alerts.premium.today() * 1e-4).log()

    @feature(unit="0 to 1", family="options flow")
    def alert_put_share_today(self) -> Expr:
        """Puts as a share of the premium of today's alerts."""
        return Alerts.premium.where(Alerts.is_put).today() / Alerts.premium.today()

    @feature(unit="-1 to 1", family="options flow")
    def alert_balance_today(self) -> Expr:
        """Premium at the ask less at the bid, of calls less puts, over the premium of today's alerts."""
        return (ASKED * Alerts.way).today() / Alerts.premium.today()

    @feature(unit="0 to 1", family="options flow")
    def alert_sweep_share_today(self) -> Expr:
        """Sweeps as a share of the premium of today's alerts."""
        return Alerts.premium.where(Alerts.is_sweep).today() / Alerts.premium.today()

    @feature(unit="alerts", family="options flow")
    def sweep_clusters_today(self) -> Expr:
        """Sweeps of today that came within five minutes of another sweep of the same contract: somebody is in haste."""
        return Alerts.is_cluster.today()

    @feature(unit="alerts", family="options flow")
    def repeated_hits_today(self) -> Expr:
        """Alerts of today that came within half an hour of another on the same contract: an order worked in pieces."""
        return Alerts.is_repeat.today()

    @feature(unit="alerts", family="options flow")
    def opening_alerts_today(self) -> Expr:
        """Alerts of today on more contracts than are open, of which some opened a position (unless they were closed the same day)."""
        return (Alerts.size > Alerts.open_interest).today()

    @feature(unit="ratio", family="options flow")
    def alert_volume_over_interest_today(self) -> Expr:
        """Contracts of today's alerts over those open in the same contracts."""
        return Alerts.size.known(Alerts.open_interest).today() / Alerts.open_interest.today()

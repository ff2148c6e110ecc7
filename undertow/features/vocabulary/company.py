"""News, filings and earnings of a company."""

from __future__ import annotations

from undertow.core import events
from undertow.features.vocabulary.columns import column


class News:
    """Stories with their tone in [-1, 1]."""

    kind = events.NewsItem
    tone = column(kind, "tone")
    stories = column(kind, "stories")


class Insiders:
    """Transactions of insiders at the time they were filed; value in 1/10,000 USD."""

    kind = events.InsiderTrade
    shares = column(kind, "shares")
    value = column(kind, "value")


class Congress:
    """Transactions disclosed by members of Congress; amounts in 1/10,000 USD."""

    kind = events.CongressTrade
    side = column(kind, "side")
    least_amount = column(kind, "least_amount")
    most_amount = column(kind, "most_amount")


class Planned:
    """When companies say that they will report, ns since 1970."""

    kind = events.EarningsDate
    reports_at = column(kind, "reports_at")


class Reported:
    """Earnings as reported."""

    kind = events.EarningsReport
    eps = column(kind, "eps")
    estimate = column(kind, "eps_estimate")
    surprise = column(kind, "surprise")

"""News, filings and earnings of a company."""

from __future__ import annotations

from collections.abc import Iterable

from undertow.core import events
from undertow.features.language.expressions import Column
from undertow.features.language.instants import new_york_minute, side_of_session
from undertow.features.operators.filings import Lateness, Routine
from undertow.features.operators.stories import Novelty
from undertow.features.vocabulary.columns import clock, column, mentions

#: headlines of a price that moved say what is known already: one of these …
_SHARES = ("share", "shares", "stock", "stocks")
#: … with one of these
_MOVES = (
    "climb climbing climbs climbed dip dips dipped dipping down drop drops dropped dropping fall falls fallen falling fell "
    "gain gains gained gaining halted higher jump jumps jumped jumping lower moving plunge plunges plunged plunging rallied "
    "rallies rally rallying rise rises rising rose sank sink sinks sinking slid slide slides sliding slip slips slipped "
    "slipping slump slumps slumped slumping soar soars soared soaring spike spikes spiked surge surges surged surging trading "
    "tumble tumbles tumbled tumbling up"
)


def _any_case(words: Iterable[str]) -> frozenset[str]:
    return frozenset(form for word in words for form in (word, word.lower(), word.upper(), word.title()))


class News:
    """Stories with their tone in [-1, 1]."""

    kind = events.NewsItem
    tone = column(kind, "tone")
    stories = column(kind, "stories")
    novelty = Column(kind, Novelty())  #: in [0, 1], 1 for what was not told before
    of_the_price = mentions(kind, "headline", _any_case(_SHARES)) * mentions(kind, "headline", _any_case(_MOVES.split()))
    one = tone * 0.0 + 1.0  #: 1 for a story with a tone
    weight = novelty.where(of_the_price.equals(0.0)).known(tone)


def _titled(*words: str) -> Column:
    return mentions(events.InsiderTrade, "title", _any_case(words))


class Insiders:
    """Transactions of insiders at the time they were filed; value in 1/10,000 USD."""

    kind = events.InsiderTrade
    shares = column(kind, "shares")
    value = column(kind, "value")
    is_purchase = mentions(kind, "code", {"P"})
    is_sale = mentions(kind, "code", {"S"})
    planned = mentions(kind, "title", {"10b5"}).at_least(mentions(kind, "filing", {"10b5"}))  #: under rule 10b5-1, where that is said
    routine = Column(kind, Routine())  #: 1, 0, or NaN with less than three years of trades
    by_habit = routine.fill(0.0).at_least(planned)
    by_choice = by_habit.equals(0.0)
    net = value.where(is_purchase) - value.where(is_sale)
    of_chiefs = _titled("CEO", "CFO").at_least(_titled("Chief") * _titled("Executive", "Financial"))
    of_directors = _titled("Director", "Dir")
    days_late = Column(kind, Lateness())


class Congress:
    """Transactions disclosed by members of Congress; amounts in 1/10,000 USD."""

    kind = events.CongressTrade
    side = column(kind, "side")
    least_amount = column(kind, "least_amount")
    most_amount = column(kind, "most_amount")
    #: the middle of the range; an open end counts as the end that is known
    amount = (least_amount.fill(0.0) + most_amount.fill(least_amount)) * 0.5
    net = amount * side
    days_late = Column(kind, Lateness())


class Planned:
    """When companies say that they will report, ns since 1970."""

    kind = events.EarningsDate
    reports_at = column(kind, "reports_at")
    side_of_session = Column(kind, side_of_session, (Column(kind, new_york_minute, (reports_at,)),))


class Reported:
    """Earnings as reported, per share of the day."""

    kind = events.EarningsReport
    eps = column(kind, "eps")
    estimate = column(kind, "eps_estimate")
    surprise = column(kind, "surprise")
    day = clock(kind, "days")
    side_of_session = Column(kind, side_of_session, (clock(kind, "minute"),))

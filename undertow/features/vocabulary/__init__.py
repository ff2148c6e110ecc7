"""What each kind of event offers to a feature: named columns with their units, so that an editor can complete them."""

from undertow.features.vocabulary.bars import Bars
from undertow.features.vocabulary.columns import clock, column, mentions
from undertow.features.vocabulary.company import Congress, Insiders, News, Planned, Reported
from undertow.features.vocabulary.market import MARKET, level
from undertow.features.vocabulary.options import Alerts, Chain, Interest, OptionPrints
from undertow.features.vocabulary.prints import DarkPrints, OffExchange, Quotes, Trades

__all__ = [
    "MARKET",
    "Alerts",
    "Bars",
    "Chain",
    "Congress",
    "DarkPrints",
    "Insiders",
    "Interest",
    "News",
    "OffExchange",
    "OptionPrints",
    "Planned",
    "Quotes",
    "Reported",
    "Trades",
    "clock",
    "column",
    "level",
    "mentions",
]

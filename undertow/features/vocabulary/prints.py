"""Quotes, prints on exchanges, and prints away from them."""

from __future__ import annotations

from undertow.core import events
from undertow.features.vocabulary.columns import column


class Quotes:
    """Changes of the national best bid and offer; prices in 1/10,000 USD, sizes in shares."""

    kind = events.Quote
    bid = column(kind, "bid")
    ask = column(kind, "ask")
    bid_size = column(kind, "bid_size")
    ask_size = column(kind, "ask_size")
    middle = (bid + ask) * 0.5
    spread = ask - bid


class Trades:
    """Prints on exchanges; price in 1/10,000 USD, size in shares."""

    kind = events.Trade
    price = column(kind, "price")
    size = column(kind, "size")
    value = price * size  #: 1/10,000 USD


class DarkPrints:
    """Prints reported by trade reporting facilities; price in 1/10,000 USD, size in shares."""

    kind = events.OffExchangePrint
    price = column(kind, "price")
    size = column(kind, "size")
    value = price * size  #: 1/10,000 USD


class OffExchange:
    """FINRA's daily volumes, with the whole volume of the same session."""

    kind = events.OffExchangeVolume
    volume = column(kind, "volume")
    short_volume = column(kind, "short_volume")
    whole = volume.as_of(column(events.DailyBar, "volume"), same=True)
    share = volume / whole
    short_share = short_volume / volume

"""Quotes, prints on exchanges, and prints away from them."""

from __future__ import annotations

from undertow.core import events
from undertow.features.language.expressions import Clock, Column, picked
from undertow.features.operators.prints import Drift, Heaviest, Standing, Upper
from undertow.features.vocabulary.columns import classes, column, factor

#: sale conditions by their numbers on the consolidated tape
OFFICIAL = ("15", "16", "38")  #: a market centre's open or close: no trade of its own
LATE = ("13", "32", "33")  #: sold out of sequence
#: average price, cash, derivatively priced, next day, price variation, prior reference, seller, contingent: no price of the moment
UNPRICED = ("2", "7", "10", "20", "21", "22", "29", "52", "53")
#: alternative trading systems by the identifiers FINRA publishes them under
TRADING_SYSTEMS = ("BIDS", "CROS", "DBAX", "EBXL", "IATS", "ICBX", "ITGP", "JPMX", "LATS", "MSPL", "SGMT", "UBSA")
BLOCK_SHARES = 10_000.0
BLOCK_DOLLARS = 200_000.0
BLOCK_PRINTS, BLOCK_TAIL = 500, 0.01  #: a large print is one of the largest percent of so many before it
ODD_LOT = 100.0  #: shares of a round lot
OUT_OF_DATE = 10.0  #: seconds; reports are due within ten
PENNY = 100.0  #: price units


class Quotes:
    """Changes of the national best bid and offer; prices in 1/10,000 USD, sizes in shares."""

    kind = events.Quote
    bid = column(kind, "bid")
    ask = column(kind, "ask")
    bid_size = column(kind, "bid_size")
    ask_size = column(kind, "ask_size")
    middle = (bid + ask) * 0.5
    spread = ask - bid


def _side(price: Column) -> tuple[Column, Column]:
    # against the middle that stood when the print happened, at which there is no side; and how far it lags behind the quotes
    stood = Column(price.kind, Standing(), (Quotes.middle,))
    return (price - picked(stood, 0)).sign(), picked(stood, 1)


class Trades:
    """Prints on exchanges; price in 1/10,000 USD, size in shares. Those with a price of the moment have dollars and a side."""

    kind = events.Trade
    price = column(kind, "price")
    size = column(kind, "size")
    value = price * size  #: 1/10,000 USD
    flags = classes(kind, "conditions", ((*UNPRICED, *LATE), OFFICIAL))
    is_priced = flags.equals(0.0)
    shares = size.where((flags >= 2.0).equals(0.0))
    priced_shares = size.only(is_priced)
    dollars = (value * 1e-4).only(is_priced)
    side, behind = _side(price)  #: 1 above the middle that stood, -1 below, 0 at it
    signed = dollars * side
    decided = signed.abs()  #: dollars with a side


class DarkPrints:
    """Prints reported by trade reporting facilities; price in 1/10,000 USD, size in shares.

    Those with a price of the moment have dollars and a side. Not all are dark pools': most are wholesalers'.
    """

    kind = events.OffExchangePrint
    price = column(kind, "price")
    size = column(kind, "size")
    value = price * size  #: 1/10,000 USD
    flags = classes(kind, "conditions", (UNPRICED, LATE))
    side, behind = _side(price)  #: 1 above the middle that stood, -1 below, 0 at it
    is_late = (flags >= 2.0).at_least((behind > OUT_OF_DATE).fill(0.0))
    is_priced = flags.equals(0.0)
    priced_shares = size.only(is_priced)
    dollars = (value * 1e-4).only(is_priced)
    signed = dollars * side
    decided = signed.abs()  #: dollars with a side
    at_middle = dollars.only(side.equals(0.0))
    is_block = size >= BLOCK_SHARES
    is_big = dollars >= BLOCK_DOLLARS
    is_large = size >= Column(kind, Upper(BLOCK_PRINTS, BLOCK_TAIL), (size,))
    #: a fraction of a penny outside of 0.4 to 0.6: retail orders are filled so (Boehmer, Jones, Zhang, Zhang 2021)
    fraction = price % PENNY
    is_retail = ((fraction - PENNY / 2.0).abs() > PENNY / 10.0) * (fraction > 0.0)
    is_named = classes(kind, "venue", (TRADING_SYSTEMS,))
    drift = Column(kind, Drift(), (side.only(is_priced * is_block), Quotes.middle))  #: after blocks, at 1, 5 and 30 minutes
    level = Column(kind, Heaviest(), ((price * factor(kind)).only(is_priced), value * 1e-4, Column(kind, Clock("session"))))


class OffExchange:
    """FINRA's daily volumes, with the whole volume of the same session."""

    kind = events.OffExchangeVolume
    volume = column(kind, "volume")
    shares = volume / factor(kind)  #: of the first day: continuous over splits
    short_volume = column(kind, "short_volume")
    whole = volume.as_of(column(events.DailyBar, "volume"), same=True)
    share = volume / whole
    short_share = short_volume / volume


def in_bars(prints: Column, span: str = "5m") -> Column:
    """Sum of a column of prints known in the ``span`` up to each intraday bar."""
    return column(events.Bar, "close").gather(prints, span)

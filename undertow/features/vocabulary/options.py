"""Option prints, alerts, chains and open interest."""

from __future__ import annotations

from undertow.core import events
from undertow.features.vocabulary.columns import clock, column


class OptionPrints:
    """Single option prints with the quote that stood; volume in contracts, premium in 1/10,000 USD."""

    kind = events.OptionTrade
    size = column(kind, "size")
    price = column(kind, "price")
    bid = column(kind, "bid")
    ask = column(kind, "ask")
    strike = column(kind, "strike")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    premium = size * price * 100.0
    days_left = column(kind, "expiry") - clock(kind, "days")


class Alerts:
    """A vendor's alerts on option flow; premium in 1/10,000 USD."""

    kind = events.FlowAlert
    premium = column(kind, "premium")
    ask_premium = column(kind, "ask_premium")
    bid_premium = column(kind, "bid_premium")
    size = column(kind, "size")
    open_interest = column(kind, "open_interest")
    is_sweep = column(kind, "is_sweep")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    days_left = column(kind, "expiry") - clock(kind, "days")


class Chain:
    """Option contracts at the close, a row a contract; volume in contracts, premium in 1/10,000 USD."""

    kind = events.ChainRow
    volume = column(kind, "volume")
    is_put = column(kind, "is_put")
    price = column(kind, "price")
    strike = column(kind, "strike")
    iv = column(kind, "iv")
    delta = column(kind, "delta")
    premium = volume * price * 100.0
    is_call = is_put.equals(0.0)
    days_left = column(kind, "expiry") - clock(kind, "days")


class Interest:
    """Open interest as the clearing house says it in the morning, with the volume of the session it belongs to."""

    kind = events.OpenInterest
    contract = ("expiry", "strike", "is_put")
    contracts = column(kind, "open_interest")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    change = contracts - contracts.previous(*contract)
    volume = contracts.as_of(Chain.volume, *contract, same=True)

"""Option prints, alerts, chains and open interest."""

from __future__ import annotations

from undertow.core import events
from undertow.core.time import DAY, HOUR
from undertow.features.language.expressions import Column
from undertow.features.language.publications import Reduction
from undertow.features.operators import option_rows
from undertow.features.operators.option_rows import Has, Near
from undertow.features.vocabulary.bars import INTRADAY
from undertow.features.vocabulary.columns import classes, clock, column, factor

CONTRACT = ("expiry", "strike", "is_put")
LARGE = 100.0  #: contracts in one print
SMALL = 10.0  #: contracts in one print, at most
#: OPRA's conditions by number, in the order of the powers of two in ``option_rows``
VOID = ("201", "203", "205", "207", "246")  # cancelled, and compressions
LATE = ("202", "204", "206", "208")
PACKAGES = (*(str(code) for code in range(232, 246)), "247")
CONDITIONS = (("219",), ("227", "228", "229", "230", "231"), (*VOID, *LATE, *PACKAGES), VOID, PACKAGES)
VOLATILITY_AT_LARGE = 0.4  #: stands for an implied volatility where no chain is known


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
    #: in contracts on the first day's shares: continuous over splits, which change how many contracts the same bet takes
    contracts = volume / factor(kind)
    is_call = is_put.equals(0.0)
    days_left = column(kind, "expiry") - clock(kind, "days")
    #: contracts open, as said this morning
    open = iv.as_of(column(events.OpenInterest, "open_interest"), *CONTRACT)
    #: days from the close to the next report as last announced; an expiry of that day settles before a report after the close
    to_report = iv.as_of(column(events.EarningsDate, "reports_at"), max_age="200d") / float(DAY) - clock(kind, "days") - 20 * HOUR / DAY

    @classmethod
    def whole(cls, reduction: Reduction, *more: Column) -> Column:
        """A function of the whole chain, of those in ``chain_rows``: a number a publication; some take ``to_report`` besides."""
        return cls.days_left.reduced(reduction, cls.strike, cls.is_put, cls.price, cls.iv, cls.delta, cls.open, *more)

    @classmethod
    def iv_near(cls, delta: float, days: float) -> Column:
        """Implied volatility near a delta and a tenor, over the publication so far: a ratio of sums weighed by nearness."""
        weight = Column(cls.kind, Near(delta, days), (cls.delta, cls.days_left, cls.iv))
        return (weight * cls.iv.fill(0.0)).session_sum() / weight.session_sum()

    @classmethod
    def total(cls, one: Column) -> Column:
        """Sum over the publication so far, of what is known."""
        return one.fill(0.0).session_sum()


class OptionPrints:
    """Single option prints with the quote that stood; contracts, and premium in 1/10,000 USD, of prints that are not void."""

    kind = events.OptionTrade
    size = column(kind, "size")
    price = column(kind, "price")
    bid = column(kind, "bid")
    ask = column(kind, "ask")
    strike = column(kind, "strike")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    days_left = column(kind, "expiry") - clock(kind, "days")
    code = classes(kind, "conditions", CONDITIONS)
    is_sweep = Column(kind, Has(option_rows.SWEEP), (code,))
    is_package = Column(kind, Has(option_rows.PACKAGE), (code,))
    contracts = Column(kind, option_rows.counted, (size, code))
    premium = contracts * price * 100.0
    #: in contracts on the first day's shares, as ``Chain.contracts``
    standing = contracts / factor(kind)
    #: 2 p(buy) - 1, which flow is weighed with
    lean = Column(kind, option_rows.lean, (price, bid, ask, code))
    #: +1 at the ask, -1 at the bid
    touch = Column(kind, option_rows.touch, (price, bid, ask, code))
    #: +1 of a call, -1 of a put
    way = is_put * -2.0 + 1.0
    tenor = Column(kind, option_rows.tenor, (days_left,))
    #: the share's last five-minute close, in the terms of the print's day
    spot = size.as_of(INTRADAY.close) / factor(kind)
    moneyness = Column(kind, option_rows.moneyness, (strike, spot, is_put))
    #: implied volatility of the symbol at the last close
    volatility = size.as_of(Chain.iv_near(0.5, 30.0)).fill(VOLATILITY_AT_LARGE)
    delta = Column(kind, option_rows.delta, (strike, spot, days_left, volatility, is_put))
    is_large = size >= LARGE
    is_small = -size >= -SMALL


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
    way = is_put * -2.0 + 1.0
    one = is_put.equals(is_put)
    #: the same contract was alerted on within the half hour before
    is_repeat = one.previous(*CONTRACT, max_age="30m").fill(0.0)
    #: a sweep, and the same contract was swept within the five minutes before
    is_cluster = is_sweep.previous(*CONTRACT, "is_sweep", max_age="5m").fill(0.0)


class Interest:
    """Open interest as the clearing house says it in the morning, with the volume of the session it belongs to."""

    kind = events.OpenInterest
    contracts = column(kind, "open_interest")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    change = contracts - contracts.previous(*CONTRACT)
    volume = contracts.as_of(Chain.volume, *CONTRACT, same=True)
    days_left = column(kind, "expiry") - clock(kind, "days")

"""What each kind of event offers to a feature method: named columns with their units, so that an editor can complete them."""

from __future__ import annotations

from undertow.core import events
from undertow.core.events import Event
from undertow.features import scans
from undertow.features.expressions import Column, Field
from undertow.features.joins import Factor


def column(kind: type[Event], name: str) -> Column:
    """A column as published."""
    if name not in events.columns_of(kind):
        raise ValueError(f"{kind.kind} has no column {name!r}; it has {', '.join(events.columns_of(kind))}")
    return Column(kind, Field(name))


class Bars:
    """Intraday or daily bars, continuous over splits: prices in 1/10,000 USD of the first day's share, volume in such shares."""

    def __init__(self, kind: type[events.Bar] | type[events.DailyBar]) -> None:
        self.kind = kind
        self.factor = Column(kind, Factor())
        self.open = column(kind, "open") * self.factor
        self.high = column(kind, "high") * self.factor
        self.low = column(kind, "low") * self.factor
        self.close = column(kind, "close") * self.factor
        self.volume = column(kind, "volume") / self.factor

    @property
    def typical(self) -> Column:
        """Mean of high, low and close."""
        return (self.high + self.low + self.close) / 3.0

    @property
    def true_range(self) -> Column:
        """Wilder's true range: the day's range with the gap from the close before."""
        before = self.close.lag()
        return self.high.at_least(before) - self.low.at_most(before)

    @property
    def log_return(self) -> Column:
        """Logarithm of close over the close before."""
        return (self.close / self.close.lag()).log()

    def candlestick(self, pattern: str) -> Column:
        """A TA-Lib pattern: -1 bearish, +1 bullish, 0 none; NaN until forty bars are known."""
        strip = Column(self.kind, scans.Strip(), (self.open, self.high, self.low, self.close))
        return Column(self.kind, scans.Candlestick(pattern), (strip,))


class Chain:
    """Option contracts at the close, a row a contract; volume in contracts, premium in 1/10,000 USD."""

    kind = events.ChainRow
    volume = column(kind, "volume")
    is_put = column(kind, "is_put")
    premium = volume * column(kind, "price") * 100.0
    is_call = is_put.equals(0.0)


class Interest:
    """Open interest as the clearing house says it in the morning, with the volume of the session it belongs to."""

    kind = events.OpenInterest
    contract = ("expiry", "strike", "is_put")
    contracts = column(kind, "open_interest")
    is_put = column(kind, "is_put")
    is_call = is_put.equals(0.0)
    change = contracts - contracts.previous(*contract)
    volume = contracts.as_of(Chain.volume, *contract, same=True)


class OffExchange:
    """FINRA's daily volumes, with the whole volume of the same session."""

    kind = events.OffExchangeVolume
    volume = column(kind, "volume")
    short_volume = column(kind, "short_volume")
    whole = volume.as_of(column(events.DailyBar, "volume"), same=True)
    share = volume / whole
    short_share = short_volume / volume


class News:
    """Stories with their tone in [-1, 1]."""

    kind = events.NewsItem
    tone = column(kind, "tone")
    stories = column(kind, "stories")

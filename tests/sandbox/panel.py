"""What the published rows say, as arrays (sessions, symbols): the tests measure the market from outside, as a user would."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Array, Chunk
from undertow.core.events import ChainRow, CorporateAction, DailyBar, Event, NewsItem, OffExchangeVolume, OpenInterest
from undertow.sandbox.market import Market, Oracle

TEN = ("AAPL", "MSFT", "GOOGL", "AMZN", "TSLA", "NVDA", "KO", "JPM", "QRST", "ZZTOP")


def days(first: str, last: str) -> slice:
    return nyse().sessions(np.datetime64(first), np.datetime64(last))


FACTS = slice(days("2020-01-02", "2020-01-02").start, days("2020-01-02", "2020-01-02").start + 1000)  #: sessions the facts are measured on
SEEDS = range(6)


def table(chunk: Chunk, name: str, first: int, sessions: int) -> F64:
    out = np.full((sessions, len(chunk.symbols)), np.nan)
    out[nyse().position(chunk.event_at) - first, chunk.key] = chunk.numbers(name)
    return out


class Panel:
    """Daily numbers of a market (sessions, symbols), prices adjusted for splits."""

    def __init__(self, market: Market, symbols: Sequence[str], sessions: slice, kinds: Sequence[type[Event]]) -> None:
        self.market, self.symbols, self.sessions = market, tuple(symbols), sessions
        n = sessions.stop - sessions.start
        self._places: dict[type[Event], Array] = {}
        self.chunks = market.events(symbols, sessions, (CorporateAction, DailyBar, *kinds))
        actions, bars = self.chunks[CorporateAction], self.chunks[DailyBar]
        ratio = np.ones((n, len(symbols)))
        ratio[nyse().position(actions.event_at) - sessions.start, actions.key] = actions.columns["ratio"]
        self.ratio = np.cumprod(ratio, axis=0)
        self.open, self.close = (table(bars, c, sessions.start, n) * self.ratio for c in ("open", "close"))
        self.volume = table(bars, "volume", sessions.start, n)

    @property
    def returns(self) -> F64:
        """Close to close; row t ends at the close of session t + 1."""
        return np.diff(np.log(self.close), axis=0)

    @property
    def ahead(self) -> F64:
        """Row t: from the open of session t + 1 to the open of t + 2."""
        return np.diff(np.log(self.open), axis=0)[1:]

    @cached_property
    def oracles(self) -> list[Oracle]:
        return [self.market.oracle(s, self.sessions) for s in self.symbols]

    def oracle(self, name: str) -> F64:
        return np.column_stack([getattr(oracle, name) for oracle in self.oracles])

    def places(self, kind: type[Event]) -> Array:
        if kind not in self._places:
            chunk = self.chunks[kind]
            self._places[kind] = (nyse().position(chunk.event_at) - self.sessions.start) * len(self.symbols) + chunk.key
        return self._places[kind]

    def sums(self, kind: type[Event], values: Array, where: Array) -> F64:
        n, at = self.sessions.stop - self.sessions.start, self.places(kind)
        counted: F64 = np.asarray(np.bincount(at[where], values[where], n * len(self.symbols)), np.float64)
        return counted.reshape(n, -1)

    @cached_property
    def features(self) -> dict[str, F64]:
        """What a follower may compute from one session's rows; each should rise with the latent."""
        chain, interest = self.chunks[ChainRow].columns, self.chunks[OpenInterest].columns
        put = chain["is_put"] == 1
        volume, premium = chain["volume"], chain["volume"] * chain["price"]
        puts, calls = (self.sums(ChainRow, volume, w) for w in (put, ~put))
        put_paid, call_paid = (self.sums(ChainRow, premium, w) for w in (put, ~put))
        held = interest["open_interest"].astype(float)
        call_open, put_open = (np.diff(self.sums(OpenInterest, held, w), axis=0, prepend=np.nan) for w in (~put, put))
        first, n = self.sessions.start, len(self.close)
        off = table(self.chunks[OffExchangeVolume], "volume", first, n) / self.volume
        tone = table(self.chunks[NewsItem], "tone", first, n)
        return {
            "volume": calls / (calls + puts),
            "premium": call_paid / (call_paid + put_paid),
            "opening": call_open / calls - put_open / puts,
            "off_exchange": off,
            "tone": tone,
            "reversal": -np.log(self.close / self.open),
        }


def lagged(values: F64, lag: int) -> F64:
    """Autocorrelation of each column."""
    return np.array([np.corrcoef(v[lag:], v[:-lag])[0, 1] for v in values.T])


def correlation(a: F64, b: F64) -> float:
    there = np.isfinite(a) & np.isfinite(b)
    return float(np.corrcoef(a[there], b[there])[0, 1])

"""The simulated market: any symbol, any session since 2005, with an effect of known strength planted in what its followers can see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import numpy as np

from undertow.core import events
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64, Array, Chunk
from undertow.core.errors import BadInput
from undertow.core.events import Event, Grade, columns_of
from undertow.sandbox.daily import disclosures, indices, prices
from undertow.sandbox.daily.layer import FIRST_DAY, Settings, layer, settings_of, span
from undertow.sandbox.draws import word
from undertow.sandbox.halts import Halt
from undertow.sandbox.hands import Hands, hands_of
from undertow.sandbox.options import flow
from undertow.sandbox.outages import Outage, checked, interrupted
from undertow.sandbox.part import Part, Rows, together
from undertow.sandbox.tape import ticks
from undertow.sandbox.tape.minutes import minute_bars

NAME = "simulated"
KINDS: tuple[type[Event], ...] = (
    events.CorporateAction,
    events.Bar,
    events.DailyBar,
    events.ChainRow,
    events.OpenInterest,
    events.OffExchangeVolume,
    events.NewsItem,
    events.InsiderTrade,
    events.EarningsDate,
    events.EarningsReport,
    events.IndexLevel,
)
#: what ``events`` makes only where it is asked for by name: some 40,000 rows a symbol and session
TICKS: tuple[type[Event], ...] = (events.Quote, events.Trade, events.OffExchangePrint, events.OptionTrade, events.FlowAlert)
_BLOCK = 42  #: sessions of minutes made at once
_KEPT: dict[type, type] = {int: np.int64, float: np.float64, str: object}


@dataclass(frozen=True, slots=True)
class Oracle:
    """What only the market's maker knows of one symbol; never in a chunk. Row t is one session.

    day        : datetime64[D] (n,)
    latent     : float64 (n,)  unit variance, complete once session t has closed
    expected   : float64 (n,)  planted mean log return from the open of t+1 to the open of t+2
    volatility : float64 (n,)  standard deviation of that return
    parts      : flow, dark, news, reversal -> float64 (n,), each of unit variance; weighted, they sum to the latent
    """

    day: Array
    latent: F64
    expected: F64
    volatility: F64
    parts: Mapping[str, F64]


class MarketLike(Protocol):
    """What a source or a server needs of a market: the market itself, or one that keeps what it made."""

    @property
    def sessions(self) -> slice:
        """Positions in the exchange's calendar of the sessions that exist."""

    @property
    def settings(self) -> Settings:
        """What tells it from another market, but for its outages."""

    @property
    def name(self) -> str:
        """As ``Market.name``."""

    def events(self, symbols: Sequence[str], sessions: slice, kinds: Sequence[type[Event]] = KINDS) -> dict[type[Event], Chunk]:
        """As ``Market.events``."""

    def minutes(self, symbols: Sequence[str], sessions: slice) -> Chunk:
        """As ``Market.minutes``."""


class Market:
    """A market drawn from a seed.

    What a symbol does on a date depends on the seed, the symbol and the date alone: never on the range or the company it was asked in.

    seed   : any whole number
    information_coefficient : of the latent with the next return from open to open, in units of its volatility; 0 is a null market
    splits : symbol -> (day, new shares for one old), beside those that the market makes itself above 1,000 and below 8 USD
    halts  : spans in which a symbol does not trade; their volume is missing from its day
    outages : spans in which the feed is silent, with all that would have become known in them
    """

    def __init__(
        self,
        seed: int = 0,
        information_coefficient: float = 0.05,
        splits: Mapping[str, tuple[str, float]] | None = None,
        outages: Sequence[Outage] = (),
        halts: Sequence[Halt] = (),
    ) -> None:
        self.settings = settings_of(seed, information_coefficient, splits or {}, halts)
        self.outages = checked(outages)

    @property
    def name(self) -> str:
        """Tells it from every other simulated market, in a few words of ASCII: ``simulated seed 3 ic 0.05``.

        A digest of its splits, halts and outages follows where it has any; ``minus`` stands for a sign, so that no folder's name loses it.
        """
        settings = self.settings
        found = f"{NAME} seed {settings.seed} ic {settings.information_coefficient!r}".replace(" -", " minus ")
        more = (settings.splits, settings.halts, self.outages)
        return f"{found} with {word(repr(more)) % 2**32:08x}" if any(more) else found

    @property
    def sessions(self) -> slice:
        """Positions in the exchange's calendar of the sessions that exist here: from 2005-01-03 to about nine months from now."""
        return span()

    def events(self, symbols: Sequence[str], sessions: slice, kinds: Sequence[type[Event]] = KINDS) -> dict[type[Event], Chunk]:
        """One chunk a kind with what belongs to those sessions, in ``(known_at, seq)`` order.

        sessions : positions in the exchange's calendar; their news and open interest are known the next morning.
        Raises BadInput for sessions and kinds that do not exist here.
        """
        asked = tuple(dict.fromkeys(kinds))
        found = [self.rows(symbol, sessions, asked) for symbol in symbols]
        return {kind: self.told(kind, symbols, [rows[kind] for rows in found]) for kind in asked}

    def minutes(self, symbols: Sequence[str], sessions: slice) -> Chunk:
        """Bars of one minute from 04:00 New York to four hours after the close, sparse outside regular hours.

        The bars of ``events`` are those of five minutes: in regular hours five of these make one of those, trades and volume included.
        """
        first, end = self.checked(sessions)
        # block by block: symbols of one block share the market's path, second by second
        cuts = [*range(first, end, _BLOCK), end] if end > first else [first, end]
        blocks = [[self.minute_rows(symbol, slice(a, b)) for symbol in symbols] for a, b in pairwise(cuts)]
        return self.told(events.Bar, symbols, [together(rows) for rows in zip(*blocks, strict=True)])

    def rows(self, symbol: str, sessions: slice, kinds: Sequence[type[Event]]) -> dict[type[Event], Rows]:
        """What ``events`` is made of: one symbol's rows of each kind, before any outage; raises as ``events`` does."""
        part = Part(self.settings, symbol, *self.checked(sessions))
        if missing := [kind.__name__ for kind in kinds if kind not in (*KINDS, *TICKS)]:
            raise BadInput(f"the simulated market has no {', '.join(missing)}; it has {', '.join(k.__name__ for k in (*KINDS, *TICKS))}")
        return dict(_feeds(part, kinds))

    def minute_rows(self, symbol: str, sessions: slice) -> Rows:
        """What ``minutes`` is made of: one symbol's rows, before any outage; raises as ``minutes`` does."""
        return minute_bars(Part(self.settings, symbol, *self.checked(sessions)))

    def told(self, kind: type[Event], symbols: Sequence[str], rows: Sequence[Rows]) -> Chunk:
        """One chunk of the symbols' rows, as a listener got it through the outages."""
        return interrupted(_chunk(kind, symbols, rows), self.outages)

    def oracle(self, symbol: str, sessions: slice) -> Oracle:
        """The latent and what it does to the next period's return; raises BadInput for sessions that do not exist here."""
        first, end = self.checked(sessions)
        whole, start = layer(self.settings, symbol), self.sessions.start
        now, after = whole[first - start : end - start], whole[first - start + 1 : end - start + 1]
        expected, volatility = np.full(len(now), np.nan), np.full(len(now), np.nan)
        expected[: len(after)], volatility[: len(after)] = after["mean"], after["period"]
        parts = {name: np.ascontiguousarray(now[name]) for name in ("flow", "dark", "news", "reversal")}
        return Oracle(nyse().day[first:end], np.ascontiguousarray(now["latent"]), expected, volatility, parts)

    def hands(self, symbol: str, sessions: slice, kind: type[Event]) -> Hands:
        """Who was behind each Trade, OffExchangePrint or OptionTrade; raises BadInput for other kinds and sessions."""
        first, end = self.checked(sessions)
        return hands_of(Part(self.settings, symbol, first, end), kind, _seq)

    def checked(self, sessions: slice) -> tuple[int, int]:
        """The first of these sessions and the one after the last, as positions; raises BadInput for sessions that do not exist here."""
        first, end, _ = sessions.indices(len(nyse()))
        if first < self.sessions.start or end > self.sessions.stop:
            last = nyse().day[self.sessions.stop - 1]
            raise BadInput(f"the simulated market has sessions from {FIRST_DAY} to {last}; asked for positions {first} to {end}")
        return first, max(first, end)


def _feeds(part: Part, kinds: Sequence[type[Event]]) -> list[tuple[type[Event], Rows]]:
    one = {
        events.CorporateAction: prices.splits,
        events.Bar: prices.bars,
        events.DailyBar: prices.daily_bars,
        events.OffExchangeVolume: prices.off_exchange,
        events.NewsItem: disclosures.news,
        events.InsiderTrade: disclosures.insider_trades,
        events.EarningsDate: disclosures.earnings_dates,
        events.EarningsReport: disclosures.earnings_reports,
        events.IndexLevel: indices.levels,
        events.Quote: ticks.quotes,
        events.Trade: ticks.trades,
        events.OffExchangePrint: ticks.off_exchange_prints,
        events.OptionTrade: flow.option_trades,
        events.FlowAlert: flow.alerts,
    }
    found = [(kind, one[kind](part)) for kind in kinds if kind in one]
    if events.ChainRow in kinds or events.OpenInterest in kinds:
        both = zip((events.ChainRow, events.OpenInterest), prices.options(part), strict=True)
        found += [(kind, rows) for kind, rows in both if kind in kinds]
    return found


def _chunk(kind: type[Event], symbols: Sequence[str], rows: Sequence[Rows]) -> Chunk:
    # seq is a hash of the symbol, the day and the row: total across symbols, and the same in any range and any company
    seqs = [_seq(symbol, r) for symbol, r in zip(symbols, rows, strict=True)]
    keys = [np.full(len(r.row), i) for i, r in enumerate(rows)]
    known, seq = _join([r.known_at for r in rows]), _join(seqs)
    order = np.lexsort((seq, known))
    return Chunk(
        kind,
        tuple(symbols),
        _join(keys)[order],
        _join([r.event_at for r in rows])[order],
        known[order],
        seq[order],
        np.full(len(seq), int(Grade.MODELLED), np.int8),
        {name: _join([r.columns[name] for r in rows], _KEPT[unit.kept])[order] for name, unit in columns_of(kind).items()},
        (NAME,),
    )


def _join(arrays: Sequence[Array], kept: type = np.int64) -> Array:
    return np.concatenate([np.empty(0, kept), *arrays])


def _seq(symbol: str, rows: Rows) -> I64:
    day = nyse().day[rows.position].astype(np.int64)
    return (word("seq", symbol) >> 33 << 31) + (day << 16) + rows.row

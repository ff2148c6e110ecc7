"""FeatureEngineering: add a feature by adding a method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk, concat, empty_chunk
from undertow.core.errors import BadInput, LawBroken
from undertow.core.events import Event
from undertow.core.time import iso
from undertow.features.families.anomalies import AnomalyFeatures
from undertow.features.families.candlesticks import CandlestickFeatures
from undertow.features.families.company import CompanyFeatures
from undertow.features.families.earnings import EarningsFeatures
from undertow.features.families.indicators import IndicatorFeatures
from undertow.features.families.market import MarketFeatures
from undertow.features.families.microstructure import MicrostructureFeatures
from undertow.features.families.news import NewsFeatures
from undertow.features.families.off_exchange import OffExchangeFeatures
from undertow.features.families.options_alerts import OptionsAlertFeatures
from undertow.features.families.options_chain import OptionsChainFeatures
from undertow.features.families.options_flow import OptionsFlowFeatures
from undertow.features.families.options_gamma import OptionsGammaFeatures
from undertow.features.families.options_prints import OptionsPrintFeatures
from undertow.features.families.options_unusual import OptionsUnusualFeatures
from undertow.features.families.price import PriceFeatures
from undertow.features.families.prints import PrintFeatures
from undertow.features.families.prints_flow import PrintFlowFeatures
from undertow.features.families.relative import RelativeFeatures
from undertow.features.families.relative_value import RelativeValueFeatures
from undertow.features.families.sessions import SessionFeatures
from undertow.features.families.volatility import VolatilityFeatures
from undertow.features.language.expressions import Expr
from undertow.features.language.memory import FOREVER, Memory
from undertow.features.language.plan import Plan
from undertow.features.language.register import Described, described
from undertow.features.vocabulary.bars import SETS

ROWS_AT_ONCE = 32_768  #: a column of so many numbers takes a quarter of a megabyte


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the matrix: what it is and how it is computed."""

    name: str
    about: Described
    expr: Expr

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind it rests on."""
        return self.expr.memories()

    def fades(self) -> bool:
        """Whether what lies further back still has a trace in it, smaller than 2**-40."""
        return self.expr.fades()


class FeatureEngineering(
    PriceFeatures,
    CandlestickFeatures,
    SessionFeatures,
    IndicatorFeatures,
    VolatilityFeatures,
    RelativeFeatures,
    OptionsFlowFeatures,
    OptionsChainFeatures,
    OptionsGammaFeatures,
    OptionsPrintFeatures,
    OptionsUnusualFeatures,
    OptionsAlertFeatures,
    OffExchangeFeatures,
    PrintFeatures,
    PrintFlowFeatures,
    MicrostructureFeatures,
    RelativeValueFeatures,
    CompanyFeatures,
    EarningsFeatures,
    NewsFeatures,
    MarketFeatures,
    AnomalyFeatures,
):
    """Turns events into a matrix. Every method marked ``@feature`` is one column of it, or one a set of bars it is asked for.

    only    : names of the features wanted; all of them without it
    without : kinds of event that are not to be read; features that need one are left out

    >>> fe = FeatureEngineering(["AAPL"], only=["rsi_14_1d"])
    >>> list(fe.features)
    ['rsi_14_1d']
    """

    def __init__(
        self,
        symbols: Sequence[str],
        *,
        only: Iterable[str] | None = None,
        without: Iterable[type[Event]] = (),
        calendar: Calendar | None = None,
    ) -> None:
        self.symbols = tuple(symbols)
        wanted, absent = None if only is None else set(only), set(without)
        every = self._described()
        if absent:
            every = {name: one for name, one in every.items() if not absent & set(one.memories())}
        unknown = (wanted or set()) - set(every)
        if unknown:
            raise BadInput(f"no feature named {', '.join(sorted(unknown))}; see `undertow features list`")
        self.features: dict[str, Feature] = {n: f for n, f in every.items() if wanted is None or n in wanted}
        named = {symbol for f in self.features.values() for symbol in f.expr.symbols()}
        #: other symbols that features look at, such as SPY; chunks about them are taken where they are there
        self.context = tuple(sorted(named - set(self.symbols)))
        self._universe = (*self.symbols, *self.context)
        self._calendar = calendar or nyse()
        self._waiting: dict[type[Event], Chunk] = {}
        self._until = -FOREVER  # the last tick that was answered

    @cached_property
    def _plan(self) -> Plan:
        # made when it is first asked for: whoever only wants to know what there is need not wait for it
        return Plan((f.expr for f in self.features.values()), self._universe, len(self.symbols), self._calendar)

    @cached_property
    def _nothing(self) -> dict[type[Event], Chunk]:
        return {kind: empty_chunk(kind, self._universe) for kind in self._plan.kinds}

    def _described(self) -> dict[str, Feature]:
        out: dict[str, Feature] = {}
        for name in sorted(dir(type(self))):
            about = described(getattr(type(self), name))
            if about is None:
                continue
            method: Callable[..., Expr] = getattr(self, name)
            if not about.on_bars:
                out[name] = Feature(name, about, method())
            for which in about.on_bars:
                bars, suffix = SETS[which]
                out[name + suffix] = Feature(name + suffix, about, method(bars))
        return out

    @property
    def kinds(self) -> set[type[Event]]:
        """The kinds of event that some feature reads."""
        return self._plan.kinds

    def memories(self) -> dict[type[Event], Memory]:
        """How much history of each kind the whole matrix rests on."""
        total: dict[type[Event], Memory] = {}
        for one in self.features.values():
            for kind, memory in one.memories().items():
                total[kind] = total.get(kind, Memory()).either(memory)
        return total

    def push(self, chunks: Iterable[Chunk], ticks: I64) -> F64:
        """Take what became known and the next ticks (t,), ns UTC ascending; return the matrix (t, symbols, features).

        Rows known after the last tick wait for a later push; rows known by a tick that was answered already raise LawBroken, for they
        come too late. Pushing a history at once or in pieces gives the same bits (law 3).
        """
        self._take(chunks)
        shape = len(ticks), len(self.symbols), len(self.features)
        out = np.empty(shape)
        for block in self._blocks(ticks):
            self._plan.push(self._ready(int(ticks[block][-1])), ticks[block], out[block])
        return out

    def _blocks(self, ticks: I64) -> list[slice]:
        """Ticks in pieces between which so few events lie that their columns stay in the processor's cache."""
        if len(ticks) < 2:
            return [slice(0, 1)] * len(ticks)
        # where each kind has told so many rows more
        marks = [np.searchsorted(ticks, chunk.known_at[ROWS_AT_ONCE::ROWS_AT_ONCE]) for chunk in self._waiting.values()]
        cuts = np.unique(np.concatenate([[0, len(ticks)], *marks]))
        return [slice(int(a), int(b)) for a, b in pairwise(cuts)]

    def _take(self, chunks: Iterable[Chunk]) -> None:
        pieces = {kind: [waiting] for kind, waiting in self._waiting.items()}
        for chunk in chunks:
            chunk = self._of_universe(chunk)
            if chunk.kind in self._plan.kinds and len(chunk):
                if chunk.known_at[0] <= self._until:
                    late, tick = iso(int(chunk.known_at[0])), iso(self._until)
                    raise LawBroken(f"a {chunk.kind.kind} known at {late} came after the tick of {tick}, which had to know it")
                pieces.setdefault(chunk.kind, []).append(chunk)
        self._waiting = {kind: _merged(some) for kind, some in pieces.items()}

    def _of_universe(self, chunk: Chunk) -> Chunk:
        if chunk.symbols == self._universe:
            return chunk
        if chunk.symbols == self.symbols:
            return replace(chunk, symbols=self._universe)
        if chunk.symbols == self.context:
            return replace(chunk, symbols=self._universe, key=chunk.key + len(self.symbols))
        theirs, ours = ", ".join(chunk.symbols), ", ".join(self.symbols)
        raise BadInput(f"a chunk of {chunk.kind.kind} is about {theirs}; the features are about {ours}")

    def _ready(self, until: int) -> dict[type[Event], Chunk]:
        ready = dict(self._nothing)
        self._until = until
        for kind, waiting in list(self._waiting.items()):
            if waiting.known_at[-1] <= until:
                ready[kind] = self._waiting.pop(kind)
            elif waiting.known_at[0] <= until:
                cut = int(np.searchsorted(waiting.known_at, until, side="right"))
                ready[kind], self._waiting[kind] = waiting[:cut], waiting[cut:]
        return ready

    def table(self, chunks: Iterable[Chunk], ticks: I64) -> Any:
        """The matrix as a polars frame: at, symbol and one column a feature."""
        import polars as pl  # heavy

        values = self.push(chunks, ticks)
        stamps = pl.Series("at", np.repeat(ticks, len(self.symbols))).cast(pl.Datetime("ns", "UTC"))
        columns = {name: values[:, :, j].ravel() for j, name in enumerate(self.features)}
        return pl.DataFrame([stamps, pl.Series("symbol", list(self.symbols) * len(ticks))]).with_columns(
            [pl.Series(n, v) for n, v in columns.items()]
        )

    def data_frame(self, chunks: Iterable[Chunk], ticks: I64) -> Any:
        """The matrix as a pandas frame, with the columns of ``table``; needs no Arrow library, as polars' own way would."""
        import pandas as pd  # heavy

        table = self.table(chunks, ticks)
        columns = {name: table[name].to_numpy() for name in table.columns[2:]}
        stamps = pd.DatetimeIndex(np.repeat(ticks, len(self.symbols)).astype("datetime64[ns]"), tz="UTC")
        return pd.DataFrame({"at": stamps, "symbol": table["symbol"].to_list(), **columns})


def _merged(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    # Every source numbers from zero, so ties between two sources are broken by the order given: by their own ``seq`` they would fall
    # one way in a long history and the other in a single tick (law 3).
    ends = np.cumsum([len(chunk) for chunk in chunks])
    return concat([replace(chunk, seq=np.arange(end - len(chunk), end)) for chunk, end in zip(chunks, ends, strict=True)])

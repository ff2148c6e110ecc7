"""FeatureEngineering: add a feature by adding a method."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from undertow.core.calendar import Calendar, nyse
from undertow.core.chunk import F64, I64, Chunk, concat, empty_chunk
from undertow.core.errors import BadInput, LawBroken
from undertow.core.events import Bar, DailyBar, Event
from undertow.core.time import iso
from undertow.features.expressions import Expr
from undertow.features.memory import FOREVER, Memory
from undertow.features.off_exchange import OffExchangeFeatures
from undertow.features.options_flow import OptionsFlowFeatures
from undertow.features.plan import Plan
from undertow.features.price import PriceFeatures
from undertow.features.register import Described, described
from undertow.features.vocabulary import Bars


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


class FeatureEngineering(PriceFeatures, OptionsFlowFeatures, OffExchangeFeatures):
    """Turns events into a matrix. Every method marked ``@feature`` is one column of it, or one a set of bars it is asked for.

    >>> fe = FeatureEngineering(["AAPL"], only=["rsi_14_1d"])
    >>> list(fe.features)
    ['rsi_14_1d']
    """

    intraday: ClassVar[Bars] = Bars(Bar)
    daily: ClassVar[Bars] = Bars(DailyBar)

    def __init__(
        self, symbols: Sequence[str], *, only: Iterable[str] | None = None, intraday: bool = True, calendar: Calendar | None = None
    ) -> None:
        self.symbols = tuple(symbols)
        wanted = None if only is None else set(only)
        every = self._described(intraday)
        unknown = (wanted or set()) - set(every)
        if unknown:
            raise BadInput(f"no feature named {', '.join(sorted(unknown))}; see `undertow features list`")
        self.features: dict[str, Feature] = {n: f for n, f in every.items() if wanted is None or n in wanted}
        self._plan = Plan((f.expr for f in self.features.values()), len(self.symbols), calendar or nyse())
        self._nothing = {kind: empty_chunk(kind, self.symbols) for kind in self._plan.kinds}
        self._waiting: dict[type[Event], Chunk] = {}
        self._until = -FOREVER  # the last tick that was answered

    def _described(self, intraday: bool) -> dict[str, Feature]:
        out: dict[str, Feature] = {}
        for name in sorted(dir(type(self))):
            about = described(getattr(type(self), name))
            if about is None:
                continue
            method: Callable[..., Expr] = getattr(self, name)
            if not about.on_bars:
                out[name] = Feature(name, about, method())
                continue
            if intraday and "intraday" in about.on_bars:
                out[name] = Feature(name, about, method(self.intraday))
            if "daily" in about.on_bars:
                out[f"{name}_1d"] = Feature(f"{name}_1d", about, method(self.daily))
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
        ready = self._ready(chunks, int(ticks[-1]) if len(ticks) else None)
        values = self._plan.push(ready, ticks)
        shape = len(ticks), len(self.symbols), len(values)
        if len(ticks) == 1 and values:
            return np.ascontiguousarray(np.concatenate(values).T).reshape(shape)
        out = np.empty(shape)
        for j, value in enumerate(values):
            out[:, :, j] = value
        return out

    def _ready(self, chunks: Iterable[Chunk], until: int | None) -> dict[type[Event], Chunk]:
        pieces = {kind: [waiting] for kind, waiting in self._waiting.items()}
        for chunk in chunks:
            if chunk.symbols != self.symbols:
                theirs, ours = ", ".join(chunk.symbols), ", ".join(self.symbols)
                raise BadInput(f"a chunk of {chunk.kind.kind} is about {theirs}; the features are about {ours}")
            if chunk.kind in self._plan.kinds and len(chunk):
                if chunk.known_at[0] <= self._until:
                    late, tick = iso(int(chunk.known_at[0])), iso(self._until)
                    raise LawBroken(f"a {chunk.kind.kind} known at {late} came after the tick of {tick}, which had to know it")
                pieces.setdefault(chunk.kind, []).append(chunk)
        self._waiting = {kind: _merged(some) for kind, some in pieces.items()}
        ready = dict(self._nothing)
        if until is None:
            return ready
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

"""The seams. Everything else is an implementation of one of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np

from undertow.core.chunk import F64, I8, I64, Chunk
from undertow.core.events import Event
from undertow.core.orders import Portfolio
from undertow.core.time import Instant


class Source(Protocol):
    """Where events come from: a vendor, the tape or the simulated market."""

    name: str
    simulated: bool
    kinds: tuple[type[Event], ...]

    def history(self, symbols: Sequence[str], after: Instant, until: Instant) -> Iterator[Chunk]:
        """Chunks of rows with ``after < known_at <= until``, each of one kind, in total order within its kind.

        Corporate actions come in full up to ``until``: prices are continuous only over all splits.
        """
        ...


class Model(Protocol):
    """A base model of direction."""

    def fit(self, X: F64, y: F64, weight: F64) -> Self:
        """X (n, features) with NaN for not known, y (n,) in {0, 1}, weight (n,)."""
        ...

    def predict(self, X: F64) -> F64:
        """Probability of up (n,); each row alone gives the same bits as in company (law 7)."""
        ...

    def contributions(self, X: F64) -> F64:
        """Log-odds by feature, the last column the base (n, features + 1); a row sums to the log-odds of ``predict``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a strategy may look at: rows are ticks, columns symbols; nothing in row i was known after ``ticks[i]``."""

    symbols: tuple[str, ...]
    ticks: I64  #: (ticks,) ns UTC
    p_up: F64  #: (ticks, symbols) calibrated probability; NaN before a model is ready
    direction: I8  #: (ticks, symbols) +1 BUY, -1 SELL, 0 NEUTRAL
    volatility: F64  #: (ticks, symbols) standard deviation of the return over the horizon
    cost: F64  #: (ticks, symbols) expected cost of a round trip, as a fraction of price
    features: tuple[str, ...] = ()  #: names of the columns of ``X``
    X: F64 | None = None  #: (ticks, symbols, features); NaN where a value is not known

    def feature(self, name: str) -> F64:
        """One feature's values (ticks, symbols); NaN throughout where the run has no data for it."""
        if self.X is None or name not in self.features:
            return np.full(self.p_up.shape, np.nan)
        return self.X[:, :, self.features.index(name)]


class Strategy(Protocol):
    """Signal and features to target positions: pure, vectorised over ticks."""

    @property
    def name(self) -> str:
        """What it is called on the command line and in reports."""
        ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the features it looks at; empty where the framework's signal is all it needs."""
        ...

    def targets(self, view: View) -> F64:
        """Fraction of the symbol's part of the account to hold, in [-1, 1] (ticks, symbols); NaN where nothing is said (hold)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What a broker did in one push."""

    fills: Chunk
    at: I64  #: (n,) bar ends at which the account was marked, ns UTC, in the order they became known
    key: I64  #: (n,) symbol of each mark
    equity: F64  #: (n,) USD of that symbol's purse; all purses add up to the account
    shares: F64  #: (n,) held after the bar


class Broker(Protocol):
    """Takes targets; tells what became of them as events, like any other source."""

    def push(self, chunks: Sequence[Chunk], ticks: I64, targets: F64) -> Progress:
        """Take what became known up to ``ticks[-1]`` and the targets (ticks, symbols) decided at ``ticks``."""
        ...

    def portfolio(self) -> Portfolio:
        """What is held now."""
        ...

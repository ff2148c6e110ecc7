"""F1: option-flow alerts and bars of fifty symbols through a handful of features, in one push and tick by tick."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np

from benchmarks import features_bounds
from undertow.core.calendar import nyse
from undertow.core.chunk import I64, Chunk, chunk_of
from undertow.core.events import Bar, FlowAlert
from undertow.core.time import MINUTE, SECOND
from undertow.features.engineering import FeatureEngineering
from undertow.features.language.expressions import Expr
from undertow.features.language.register import feature
from undertow.features.vocabulary import column

EVENTS = 4_000_000
SYMBOLS = tuple(f"S{i:02d}" for i in range(50))
SESSIONS = 250
STREAMED_TICKS = 200

PREMIUM = column(FlowAlert, "premium")
NAMES = (
    "flow_15m",
    "put_flow_1h",
    "flow_decayed_30m",
    "last_premium",
    "ema_12",
    "rsi_14",
    "sma_10",
    "return_1",
)


class FlowFeatures(FeatureEngineering):
    """Windows over alerts, beside the price features that ship."""

    @feature(unit="1/10,000 USD", family="benchmark")
    def flow_15m(self) -> Expr:
        """Premium of the last quarter of an hour."""
        return PREMIUM.sum("15m")

    @feature(unit="1/10,000 USD", family="benchmark")
    def put_flow_1h(self) -> Expr:
        """Put premium of the last hour."""
        return PREMIUM.where(column(FlowAlert, "is_put")).sum("1h")

    @feature(unit="1/10,000 USD", family="benchmark")
    def flow_decayed_30m(self) -> Expr:
        """Premium, an alert weighing half after half an hour."""
        return PREMIUM.decayed("30m")

    @feature(unit="1/10,000 USD", family="benchmark")
    def last_premium(self) -> Expr:
        """Premium of the newest alert."""
        return PREMIUM.last("1h")


def market(events: int, seed: int = 0) -> tuple[list[Chunk], I64]:
    """About so many events: five-minute bars of all symbols over a year, alerts for the rest; and the ends of bars as ticks."""
    rng, calendar = np.random.default_rng(seed), nyse()
    first = int(np.searchsorted(calendar.day, np.datetime64("2024-01-02")))
    days = range(first, first + SESSIONS)
    ends = np.concatenate([np.arange(calendar.open[d] + 5 * MINUTE, calendar.close[d] + 1, 5 * MINUTE) for d in days])
    at, key = np.repeat(ends, len(SYMBOLS)), np.tile(np.arange(len(SYMBOLS)), len(ends))
    close = 1_000_000 + np.cumsum(rng.integers(-50, 51, (len(ends), len(SYMBOLS))), axis=0).ravel()
    prices = {"open": close, "high": close + 90, "low": close - 90, "close": close, "volume": np.full(len(at), 1000)}
    span = {"span": np.full(len(at), 5 * MINUTE)}
    bars = chunk_of(Bar, SYMBOLS, key=key, event_at=at, known_at=at + SECOND, columns=prices | span)
    n = max(events - len(bars), 0)
    known = ends[rng.integers(0, len(ends), n)] - rng.integers(0, 300 * SECOND, n)
    columns = {"premium": rng.integers(1, 10**9, n), "is_put": rng.integers(0, 2, n)}
    alerts = chunk_of(FlowAlert, SYMBOLS, key=rng.integers(0, len(SYMBOLS), n), event_at=known - SECOND, known_at=known, columns=columns)
    return [bars, alerts], ends + 2 * SECOND


def fresh() -> FlowFeatures:
    """The features of the workload, having seen nothing."""
    return FlowFeatures(SYMBOLS, only=NAMES)


def f1(events: int = EVENTS) -> tuple[str, int, Callable[[], object]]:
    """(name, units, job): all events in one push; a unit is an event."""
    chunks, ticks = market(events)
    fresh().push(chunks, ticks[:2])  # compiled before the clock runs
    return "F1", sum(map(len, chunks)), lambda: fresh().push(chunks, ticks)


def f1_live(events: int = EVENTS) -> tuple[str, int, Callable[[], object]]:
    """(name, units, job): ticks pushed one by one, each call going on where the one before stopped; a unit is a feature value."""
    chunks, ticks = market(events)
    reserve = len(ticks) // 2
    streamed, at = fresh(), itertools.count(reserve)
    streamed.push([chunk.between(0, int(ticks[reserve - 1])) for chunk in chunks], ticks[:reserve])

    def job() -> object:
        out = None
        for i in itertools.islice(at, STREAMED_TICKS):
            out = streamed.push([chunk.between(int(ticks[i - 1]), int(ticks[i])) for chunk in chunks], ticks[i : i + 1])
        return out

    return "F1L", STREAMED_TICKS * len(SYMBOLS) * len(NAMES), job


WORKLOADS = (f1, f1_live)


def main() -> None:
    """Print every bound of the features as measured here."""
    for measure in features_bounds.ALL:
        measure()


if __name__ == "__main__":
    main()

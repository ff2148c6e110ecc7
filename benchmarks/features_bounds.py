"""The bounds that features are held to, each measured against something plain in the same run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numpy as np
import talib
from talib import MA_Type

from benchmarks import features_market as market
from undertow.core.chunk import F64
from undertow.features.engineering import FeatureEngineering

ROWS = 1_000_000
ROUNDS = 5
CLASSICS = ("sma_10", "ema_12", "rsi_14", "macd_histogram", "bollinger_position", "atr_14", "stochastic_d")


def seconds(job: Callable[[], object]) -> float:
    """Processor seconds of a job, all of which runs on one core: a busy machine does not lengthen them."""
    begin = time.process_time()
    job()
    return time.process_time() - begin


def paired(ours: Callable[[], object], theirs: Callable[[], object], rounds: int = ROUNDS) -> tuple[float, float]:
    """(seconds of ours, ratio to theirs): medians over rounds in which both run in turn, after one to warm up."""
    times = [(seconds(ours), seconds(theirs)) for _ in range(rounds + 1)][1:]
    return statistics.median(a for a, _ in times), statistics.median(a / b for a, b in times)


def line(name: str, value: float, unit: str, bound: float) -> None:
    """Print one figure beside its bound."""
    print(f"{name:<58} {value:>10.3f} {unit:<10} bound {bound:>7.2f}  {'ok' if value <= bound else 'MISSED'}", flush=True)


def _talib(h: F64, low: F64, c: F64) -> list[F64]:
    upper, middle, lower = talib.BBANDS(c, 20)
    return [
        c / talib.SMA(c, 10) - 1.0,
        c / talib.EMA(c, 12) - 1.0,
        talib.RSI(c, 14),
        talib.MACD(c, 12, 26, 9)[2] / c,
        (c - middle) / ((upper - lower) / 4.0),
        talib.ATR(h, low, c, 14) / c,
        talib.STOCH(h, low, c, 14, 3, MA_Type.SMA, 3, MA_Type.SMA)[1],
    ]


def classics(rows: int = ROWS) -> None:
    """Seven classic indicators over a million bars: events to matrix, against TA-Lib's functions on bare arrays."""
    bars = market.one_symbol(rows)
    prices = [bars.columns[name].astype(np.float64) for name in ("high", "low", "close")]
    unused = [FeatureEngineering(bars.symbols, only=CLASSICS) for _ in range(ROUNDS + 1)]
    took, ratio = paired(lambda: unused.pop().push([bars], bars.known_at), lambda: np.stack(_talib(*prices), axis=1))
    line(f"(a) seven classics, {rows:,} bars ({took:.3f} s), of TA-Lib", ratio, "x", 1.3)


def all_bar_features(rows: int = 100_000) -> None:
    """Every feature that needs bars alone: nanoseconds a value."""
    bars = market.one_symbol(rows)
    names = market.of_bars_alone(bars.symbols)

    def job() -> object:
        return FeatureEngineering(bars.symbols, only=names).push([bars], bars.known_at)

    job()
    took = statistics.median(seconds(job) for _ in range(3))
    print(f"(b) {len(names)} features of bars, {rows:,} bars: {took:.2f} s, {took / rows / len(names) * 1e9:.1f} ns a value", flush=True)


def streaming(symbols: int, bound: float, ticks: int = 60) -> None:
    """One tick of all features, milliseconds; each tick brings a bar of every symbol, prints, quotes and alerts."""
    chunks, at = market.session(symbols, seed=3, prints=40)
    features = FeatureEngineering(market.traded(chunks))
    start = len(at) - ticks
    features.push([one.between(0, int(at[start - 1])) for one in chunks], at[:start])
    pieces = [[one.between(int(at[i - 1]), int(at[i])) for one in chunks] for i in range(start, len(at))]
    times = [seconds(lambda i=i: features.push(pieces[i], at[start + i : start + i + 1])) for i in range(ticks)]  # type: ignore[misc]
    name = f"(c) a tick of all {len(features.features)} features, {symbols} symbols, median"
    line(name, statistics.median(times) * 1e3, "ms", bound)


def one_session() -> None:
    """All features of five symbols over one session's events after their history, against reading every column once."""
    chunks, at = market.session(5, seed=4, prints=1500)
    history, events = market.today(chunks)

    def floor() -> object:
        return [float(column.sum()) for one in events for column in one.columns.values() if column.dtype != object]

    pairs = []
    for _ in range(ROUNDS):
        features = FeatureEngineering(market.traded(chunks))
        features.push(history, at[:0])
        features.push([], np.array([min(int(one.known_at[0]) for one in events) - 1]))
        pairs.append((seconds(lambda f=features: f.push(events, at)), seconds(floor)))  # type: ignore[misc]
    took, n = statistics.median(a for a, _ in pairs[1:]), sum(map(len, events))
    name = f"(d) a session, {n:,} events, 5 symbols ({took:.2f} s), of the floor"
    line(name, statistics.median(a / b for a, b in pairs[1:]), "x", 25.0)


def flow(events: int = 4_000_000) -> None:
    """Thirty flow features of fifty symbols over four million events: microseconds an event."""
    chunks, at = market.flow(events)
    names = market.flow_names()

    def job() -> object:
        return market.FlowFeatures(chunks[0].symbols, only=names).push(chunks, at)

    job()
    took = min(seconds(job) for _ in range(3))
    line(f"(e) {len(names)} flow features, {events:,} events, 50 symbols", took / events * 1e6, "us/event", 1.5)


ALL: tuple[Callable[[], None], ...] = (
    classics,
    all_bar_features,
    lambda: streaming(5, 1.0),
    lambda: streaming(500, 10.0),
    one_session,
    flow,
)

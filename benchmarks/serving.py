"""`python -m benchmarks.serving [--skip-job]`: what models cost while they serve, and where the time of the main job goes.

Bounds are for one core that nothing else uses; processor seconds are measured, so that a busy machine does not lengthen them, but for the
main job, whose bounds are of the clock. Exits with 1 if a bound was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.models_worlds import FIRST, PLANTED, planted
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, Chunk, chunk_of
from undertow.core.events import Bar, ChainRow, DailyBar
from undertow.core.time import MINUTE
from undertow.engine.ticks import decision_ticks
from undertow.features.engineering import FeatureEngineering
from undertow.features.operators.relative_value import Reversion
from undertow.models.classification import ClassificationModels
from undertow.models.framework import ModelIntegrationFramework
from undertow.models.hft import ARBITRAGE, DIVERGENCE, KALMAN, SLOPE
from undertow.models.phases import PhaseModels
from undertow.models.sequence.training import Recipe
from undertow.validation.planted_tape import planted_tape

BARS = 100_000
ROUNDS = 5


def main(arguments: Sequence[str]) -> int:
    """Measure everything; 0 if every bound was kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description="Models while they serve, and the main job.")
    parser.add_argument("--skip-job", action="store_true", help="without the main job, which takes minutes")
    asked = parser.parse_args(arguments)
    kept = [*updates(), *forests(), *ticks()]
    if not asked.skip_job:
        kept += job()
    return 0 if all(kept) else 1


def line(name: str, value: float, unit: str, bound: float, *, least: bool = False) -> bool:
    """Print one figure beside its bound; whether it was kept."""
    kept = value >= bound if least else value <= bound
    print(
        f"{name:<66}{value:>10.2f} {unit:<5} {'at least' if least else 'bound':>8} {bound:>7.1f}  {'ok' if kept else 'MISSED'}", flush=True
    )
    return kept


def updates() -> list[bool]:
    """An update of each feature that signals read, from event to column, in the compiled folds: under a microsecond."""
    bars, market = _bars(BARS, ("AAA",)), _bars(BARS, ("SPY",))
    kept = []
    for name in (*KALMAN, *SLOPE, *ARBITRAGE):
        if not name.endswith("_1d"):  # the same fold, on other bars
            rows = BARS * (1 + bool(FeatureEngineering(("AAA",), only=[name]).context))
            kept.append(line(f"update of {name}, a bar", _each(name, [bars, market]) / rows * 1e9, "ns", 1000.0))
    kept.append(line("  of which the return to the mean itself", _reversion() * 1e9, "ns", 1000.0))
    chains = planted_tape([ChainRow, DailyBar], nyse(), symbols=("AAA",)).chunks
    rows = sum(len(one) for one in chains)
    whole = {name: _each(name, chains) for name in DIVERGENCE}
    kept += [line(f"update of {name}, a row of the chain", took / rows * 1e9, "ns", 1000.0) for name, took in whole.items()]
    return kept


def _reversion() -> float:
    """Processor seconds a bar of the fold below the residual's score, without the join to the market's bar."""
    rng, fold = np.random.default_rng(0), Reversion(60)
    key, y, x = np.zeros(BARS, np.int64), rng.standard_normal(BARS), rng.standard_normal(BARS)
    return min(_seconds(lambda: fold.push(fold.fresh(1), key, y, x)) for _ in range(ROUNDS)) / BARS


def _bars(n: int, symbols: tuple[str, ...]) -> Chunk:
    calendar, rng = nyse(), np.random.default_rng(len(symbols[0]))
    spans = zip(calendar.open[6000:], calendar.close[6000:], strict=True)
    at = np.concatenate([np.arange(a + 5 * MINUTE, b + 1, 5 * MINUTE) for a, b in spans])[:n]
    close = np.round(1e6 * np.exp(np.cumsum(rng.standard_normal(n)) * 1e-4)).astype(np.int64)
    columns = {
        "open": close,
        "high": close + 50,
        "low": close - 50,
        "close": close,
        "volume": np.full(n, 1000),
        "span": np.full(n, 5 * MINUTE),
    }
    return chunk_of(Bar, symbols, key=np.zeros(n, np.int64), event_at=at, known_at=at, columns=columns)


def _each(name: str, chunks: Sequence[Chunk]) -> float:
    """Processor seconds to push all events and to be asked once, the least of some rounds."""
    symbols = chunks[0].symbols
    last = np.array([max(int(one.known_at[-1]) for one in chunks if len(one))])

    def once() -> float:
        features = FeatureEngineering(symbols, only=[name])
        begin = time.process_time()
        features.push([one for one in chunks if one.symbols in (features.symbols, features.context)], last)
        return time.process_time() - begin

    once()
    return min(once() for _ in range(ROUNDS))


def forests(symbols: int = 500, features: int = 120) -> list[bool]:
    """Both forests over every symbol at once: under five milliseconds."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((8000, features))
    y = (X[:, 0] * X[:, 1] + 3.0 * rng.standard_normal(len(X)) > 0.0).astype(np.float64)
    kept = []
    for name, model in (("open_forest", PhaseModels().open_forest()), ("random_forest", ClassificationModels().random_forest())):
        model.fit(X, y, np.full(len(X), 0.5))
        asked = X[:symbols].copy()
        took = statistics.median(_seconds(lambda m=model, a=asked: m.predict(a)) for _ in range(50))  # type: ignore[misc]
        alone = statistics.median(_seconds(lambda m=model, a=asked[:5]: m.predict(a)) for _ in range(50))  # type: ignore[misc]
        kept.append(line(f"{name}, {symbols} symbols, {features} features", took * 1e3, "ms", 5.0))
        print(f"{f'{name}, 5 symbols':<66}{alone * 1e3:>10.2f} ms", flush=True)
    return kept


def _seconds(job: Callable[[], F64]) -> float:
    begin = time.process_time()
    job()
    return time.process_time() - begin


class Brief(ModelIntegrationFramework):
    """As many members a network as are shipped, taught in fewer epochs."""

    recipe = Recipe(epochs=4)


def ticks(noise: int = 60) -> list[bool]:
    """One five-minute tick of five symbols through every base model, networks included: an effect so strong that none is left out."""
    world = planted("past", symbols=5, sessions=200, strength=0.6)
    families = world.families | {f"more_{j}": "own" for j in range(noise)}
    framework = Brief(world.symbols, list(families), families=families)
    rng = np.random.default_rng(0)

    def more(X: F64) -> F64:
        return np.concatenate([X, rng.standard_normal((*X.shape[:2], noise))], axis=2)

    framework.push(world.ticks, more(world.X), world.labels)
    after = FIRST + 200
    at = decision_ticks(nyse(), range(after, after + 6), 5 * MINUTE)
    X = more(rng.standard_normal((len(at), 5, len(PLANTED))))
    took = [_seconds(lambda i=i: framework.push(at[i : i + 1], X[i : i + 1], world.labels[:0]).p_up) * 1e3 for i in range(len(at))]  # type: ignore[misc]
    names = framework.stages[-1].names
    print(f"models that speak: {', '.join(names)}")
    settled = took[len(took) // 6 :]  # after a session in which compiled code is loaded
    what = f"a tick of 5 symbols, {len(families)} features, {len(names)} models"
    return [
        line(f"{what}, median", statistics.median(settled), "ms", 5.0),
        line("  the slowest in a hundred", float(np.quantile(settled, 0.99)), "ms", 20.0),
    ]


def job() -> list[bool]:
    """The main job in a process of its own with an empty home, then again, then a session tick by tick with what the shelf holds."""
    with TemporaryDirectory() as home:
        told = {mode: _child(mode, home) for mode in ("backtest", "again", "trading")}
    first, again, ticks = told["backtest"], told["again"], told["trading"]
    print("main job, 5 symbols, 30 days, default market: where its time goes, in parts of a hundred")
    for name, share in sorted(first["where"].items(), key=lambda part: -part[1]):
        print(f"  {name:<40}{100 * share:>6.1f}")
    print(f"  models: {', '.join(first['models'])}")
    return [
        line("main job, first time", first["seconds"], "s", 180.0),
        line("  inside training libraries", 100 * first["training"], "%", 70.0, least=True),
        line("  most memory", first["memory"], "GiB", 2.0),
        line("main job, models on the shelf", again["seconds"], "s", 15.0),
        line(
            f"a tick of 5 symbols, {len(ticks['models'])} models, median of {len(ticks['models_ms'])}",
            np.median(ticks["models_ms"]),
            "ms",
            5.0,
        ),
        line("  the slowest in a hundred", np.quantile(ticks["models_ms"], 0.99), "ms", 20.0),
        line("a tick of features and models, median", np.median(ticks["both_ms"]), "ms", 5.0),
        line("  the slowest in a hundred", np.quantile(ticks["both_ms"], 0.99), "ms", 20.0),
    ]


def _child(mode: str, home: str) -> dict:  # type: ignore[type-arg]
    # numba and the training libraries as a user has them: the parent keeps its own to one thread
    kept = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    command = [sys.executable, "-m", "benchmarks.serving_job", mode, home]
    done = subprocess.run(command, env=kept | {"UNDERTOW_HOME": home}, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

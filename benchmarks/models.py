"""`python -m benchmarks.models [--quick]`: does every model earn its place? A table a world, walk-forward, printed as it comes out.

Each world is run through the framework as it is shipped: retraining on its schedule, on labels known by then alone. The base models' own
log-odds, their plain average and the meta-model's calibrated probability are then judged on the same decisions, beside a constant (the
share of rises among what was known) and a ridge. Standard errors count a session as one observation.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import models_worlds
from benchmarks.models_worlds import TRUTHS, World
from undertow.core.calendar import nyse
from undertow.core.chunk import F64, I64
from undertow.models.framework import ModelIntegrationFramework
from undertow.models.logistic import fit_logistic, logit

RIDGE = "ridge_logistic"
UNIT = 1e4  #: log-losses are printed in 1e-4 nats


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """Log-odds (ticks, symbols) of one voice, NaN where it does not speak; its cost where it was measured."""

    name: str
    odds: F64
    taught: float = np.nan  #: seconds a training
    asked: float = np.nan  #: microseconds a row


def main(arguments: Sequence[str]) -> int:
    """Print a table a world; always 0: what loses is printed, not hidden."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.models", description="Every model against a ridge and a constant.")
    parser.add_argument("--quick", action="store_true", help="smaller worlds, of which two planted ones: minutes instead of a half hour")
    parser.add_argument("--only", action="append", default=None, help="this model alone; may be given again")
    parser.add_argument("--world", action="append", default=None, help=f"real, or one of {', '.join(TRUTHS)}; may be given again")
    asked = parser.parse_args(arguments)
    chosen = asked.world or (["linear", "nothing", "real"] if asked.quick else [*TRUTHS, "real"])
    for world in worlds(chosen, asked.quick):
        report(world, asked.only)
    return 0


def worlds(chosen: Sequence[str], quick: bool) -> Iterator[World]:
    """The worlds asked for; the real one is passed over, with a line, where its file is not there."""
    for name in chosen:
        if name != "real":
            yield models_worlds.planted(name, symbols=6 if quick else 20, sessions=360 if quick else 840)
            continue
        found = models_worlds.real(symbols=8 if quick else 36, sessions=500 if quick else 1250)
        if found is None:
            print(f"real: {models_worlds.REAL} is not there, passed over", flush=True)
        else:
            yield found


def report(world: World, only: Sequence[str] | None) -> None:
    """Run one world and print its table."""
    begin = time.perf_counter()
    framework = ModelIntegrationFramework(world.symbols, list(world.families), families=world.families, only=only, calendar=nyse())
    clocks = {name: _timed(framework, name) for name in framework.names}
    out = framework.push(world.ticks, world.X, world.labels)
    value = world.values()
    known = np.isfinite(value) & np.isfinite(out.p_up)
    wall = time.perf_counter() - begin
    print(f"\n{world.name}: {known.sum():,} decisions, {len(framework.stages)} stages, {len(world.families)} features, {wall:.0f} s")
    for note in dict.fromkeys(note for stage in framework.stages for note in stage.notes):
        print(f"  left out: {note}")
    print(
        f"  {'':<28}{'n':>8}{'IC':>9}{'se':>7}{'loss':>9}{'of const':>10}{'se':>7}{'of ridge':>10}{'se':>7}{'slope':>7}{'without':>9}",
        end="",
    )
    print(f"{'train s':>9}{'us/row':>8}")
    base = [
        Said(name=name, odds=out.odds[:, :, m], taught=_mean(clocks[name]), asked=_asking(framework, m, world))
        for m, name in enumerate(framework.names)
    ]
    for line in _lines(world, base, out.p_up, known):
        print(line, flush=True)
    print(f"  last stage: {framework.stages[-1].stack.method}; {framework.stages[-1].calibrator.method}" if framework.stages else "")


def _lines(world: World, base: Sequence[Said], p_up: F64, known: Any) -> Iterator[str]:
    value = world.values()
    session = np.broadcast_to(nyse().position(world.ticks)[:, None], known.shape)
    constant = _constant(world, value)
    ridge = next((one.odds for one in base if one.name == RIDGE), constant)
    everyone = np.stack([one.odds for one in base])
    for one in base:
        others = np.stack([other.odds for other in base if other is not one]) if len(base) > 1 else everyone
        without = _losses(_average(others), value) - _losses(_average(everyone), value)
        rows = known & np.isfinite(one.odds)
        yield _line(one, value, session, rows, (constant, ridge)) + _cost(float(np.mean(without[known])), one)
    for name, odds in (("average", _average(everyone)), ("meta-model", logit(p_up)), ("constant", constant)):
        yield _line(Said(name=name, odds=odds), value, session, known, (constant, ridge))
    if world.truth is not None:
        # a probit of slope 1.6 is close to a logit
        yield _line(Said(name="(the truth)", odds=_of_truth(world.truth)), value, session, known, (constant, ridge))


def _of_truth(truth: F64) -> F64:
    from scipy.stats import norm

    return logit(np.asarray(norm.cdf(truth), np.float64))


def _average(odds: F64) -> F64:
    """Mean log-odds of those that speak; (models, ticks, symbols) -> (ticks, symbols)."""
    said = np.isfinite(odds)
    return np.asarray(np.where(said, odds, 0.0).sum(axis=0) / np.maximum(said.sum(axis=0), 1), np.float64)


def _constant(world: World, value: F64) -> F64:
    """Log-odds of the share of rises among the outcomes known at each tick, drawn to a half by a hundred."""
    known = np.sort(world.labels.known_at)
    rises = np.concatenate([[0.0], np.cumsum(world.labels.numbers("value")[np.argsort(world.labels.known_at, kind="stable")] > 0.0)])
    count = np.searchsorted(known, world.ticks, side="right")
    share = (rises[count] + 50.0) / (count + 100.0)
    return np.asarray(np.broadcast_to(logit(share)[:, None], value.shape), np.float64)


def _losses(odds: F64, value: F64) -> F64:
    return np.asarray(np.logaddexp(0.0, odds) - np.where(value > 0.0, odds, 0.0), np.float64)


def _line(one: Said, value: F64, session: I64, rows: Any, against: tuple[F64, F64]) -> str:
    v, s, x = value[rows], session[rows], one.odds[rows]
    if not len(v):
        return f"  {one.name:<28}{0:>8}  never spoke"
    ic, ic_error = _clustered(_standard(x) * _standard(v), s)
    losses = _losses(x, v)
    gains = [_clustered(UNIT * (_losses(other[rows], v) - losses), s) for other in against]
    told = "".join(f"{gain:>+10.1f}{error:>7.1f}" if np.isfinite(gain) else f"{'':>17}" for gain, error in gains)
    return f"  {one.name:<28}{len(v):>8,}{ic:>+9.4f}{ic_error:>7.4f}{losses.mean():>9.5f}{told}{_slope(x, v):>7.2f}"


def _cost(without: float, one: Said) -> str:
    return f"{UNIT * without:>+9.1f}{one.taught:>9.2f}{one.asked:>8.1f}"


def _standard(x: F64) -> F64:
    spread = float(x.std())
    return np.asarray((x - x.mean()) / spread if spread > 1e-12 else np.zeros(len(x)), np.float64)


def _slope(odds: F64, value: F64) -> float:
    """Calibration slope: of a logistic regression of what happened on the log-odds; NaN for odds that are always the same."""
    if not odds.std() > 1e-9:
        return float("nan")
    design = np.column_stack([odds, np.ones(len(odds))])
    y = (value > 0.0).astype(np.float64)
    return float(fit_logistic(design, y, np.ones(len(y)), np.zeros(2), np.full(2, 1e-9))[0])


def _clustered(x: F64, session: I64) -> tuple[float, float]:
    """Mean of x (n,), and its standard error where the rows of a session are one observation."""
    _, at = np.unique(session, return_inverse=True)
    total, size = np.bincount(at, x), np.bincount(at)
    mean = float(total.sum() / size.sum())
    return mean, float(np.sqrt(np.sum((total - mean * size) ** 2)) / size.sum())


def _timed(framework: ModelIntegrationFramework, name: str) -> list[float]:
    """Seconds of each fit of a model from now on: its own thread's, or the clock's for one that works in many."""
    make: Callable[[], Any] = getattr(framework, name)
    took: list[float] = []

    def made() -> Any:
        one = make()
        fit, clock = one.fit, time.perf_counter if type(one).__name__.startswith("Sequence") else time.thread_time

        def fitted(*given: Any, **named: Any) -> Any:
            begin = clock()
            done = fit(*given, **named)
            took.append(clock() - begin)
            return done

        one.fit = fitted
        return one

    setattr(framework, name, made)
    return took


def _asking(framework: ModelIntegrationFramework, m: int, world: World) -> float:
    """Microseconds a row of asking a base model of the last stage about many rows at once."""
    if not framework.stages:
        return float("nan")
    stage = framework.stages[-1]
    place = stage.names.index(framework.names[m]) if framework.names[m] in stage.names else None
    if place is None or not hasattr(stage.models[place], "contributions"):
        return float("nan")
    X = world.X[-max(2000 // len(world.symbols), 1) :].reshape(-1, world.X.shape[2])
    reads = stage.reads[place]
    begin = time.process_time()
    stage.models[place].predict(X[:, reads])
    return (time.process_time() - begin) / len(X) * 1e6


def _mean(numbers: Sequence[float]) -> float:
    return float(np.mean(numbers)) if numbers else float("nan")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

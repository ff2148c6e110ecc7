"""`python -m benchmarks`: rate and final equity of each workload, the product and its floor in turn, on one core; import and memory.

Exits with 1 if a final equity differs from the floor's or the published one by a cent, or a bound is missed. A bound on a rate is met by
the rate or by its ratio to the floor of the same run, which does not depend on how busy the machine is.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence

from benchmarks import events, footprint, inputs, workloads
from benchmarks.floors import EXPECTED

ROUNDS = 9
CENT = 0.005
#: of W4: million events a second, or as a ratio to the floor: compiled, Python called on every event, Python on declared wake-ups
BOUNDS = {"W4": (40.0, 0.30), "W4P": (2.0, 0.80), "W4W": (10.0, 0.10)}


def seconds(job: Callable[[], object]) -> tuple[float, object]:
    """How long a job took, and what it returned."""
    begin = time.perf_counter()
    result = job()
    return time.perf_counter() - begin, result


def compare(work: workloads.Workload, rounds: int) -> bool:
    """Run both in turn, once to warm up and then ``rounds`` times, and print a line; the ratio is the median of each round's."""
    product, floor = [], []
    for _ in range(rounds + 1):
        product.append(seconds(work.product))
        floor.append(seconds(work.floor))
    equity, bare = float(str(product[-1][1])), float(str(floor[-1][1]))
    pairs = list(zip(product[1:], floor[1:], strict=True))
    ratio = statistics.median(f[0] / p[0] for p, f in pairs)
    rates = [work.units / statistics.median(t for t, _ in runs[1:]) / 1e6 for runs in (product, floor)]
    right = abs(equity - bare) < CENT and abs(equity - EXPECTED[work.name]) < 2 * CENT
    met, beside = True, ""
    if work.name in BOUNDS:
        rate_bound, ratio_bound = BOUNDS[work.name]
        met = rates[0] >= rate_bound or ratio >= ratio_bound
        beside = f"  bound {rate_bound:.0f} M/s or {ratio_bound:.2f}: {'reached' if met else 'MISSED'}"
    line = f"{work.name:<4} {rates[0]:>10.1f} {rates[1]:>10.1f} {ratio:>7.2f} {equity:>14,.2f} {bare:>14,.2f}"
    print(f"{line}  {'OK' if right else 'WRONG'}{beside}", flush=True)
    return right and met


def rate(name: str, units: int, job: Callable[[], object], rounds: int) -> None:
    """Print the rate of a job that has no floor."""
    job()
    took = statistics.median(seconds(job)[0] for _ in range(rounds))
    print(f"{name:<4} {units / took / 1e6:>10.1f}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """Measure everything; 0 if every final equity is right and every bound is reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Product against floor, M units a second.")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"measured rounds of each pair (default {ROUNDS}, at least 5)")
    rounds = max(parser.parse_args(arguments).rounds, 5)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data = inputs.make()
    print(f"{'':<4} {'product':>10} {'floor':>10} {'ratio':>7} {'equity':>14} {'floor equity':>14}   (M/s, median of {rounds} rounds)")
    right = [compare(build(data), rounds) for build in (*workloads.COMPARED, *events.COMPARED)]
    rate(*events.by_many_wakes(data), rounds)
    for job in workloads.RATES:
        rate(*job(), rounds)
    right += [footprint.imports(), footprint.first_call(), footprint.sweep_memory(data)]
    return 0 if all(right) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

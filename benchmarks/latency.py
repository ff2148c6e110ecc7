"""`python -m benchmarks.latency [--full] [--home HOME]`: from rows received to orders sent, and how much a live session can take in.

Both on one core, with all models that the features allow on the stage (named), five symbols and a strategy that orders at most ticks;
times are of the clock, and what the same machine needs for a bare append to a file and to an SQLite file is told beside
them. Exits with 1 if a bound was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks.latency_job import BROKER, REST
from benchmarks.latency_stream import RATE

SHORT, FULL = 60, 300  #: seconds of the stream
ROUNDS = 3
MEDIAN, SLOWEST = 10.0, 50.0  #: ms
GROWTH, LATER = 0.10, 1.5  #: of memory from the second decision to the last; of the last decision's lag, to the second's


def main(arguments: Sequence[str]) -> int:
    """Measure both; 0 if every bound was reached."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description="Event received to order sent; events a second.")
    parser.add_argument("--full", action="store_true", help=f"the stream for {FULL} seconds and not {SHORT}")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"sessions, of which the quietest is told (default {ROUNDS})")
    parser.add_argument("--home", type=Path, help="keep the models there; else they are taught anew, which takes minutes")
    asked = parser.parse_args(arguments)
    with ExitStack() as stack:
        home = asked.home or Path(stack.enter_context(TemporaryDirectory()))
        _child("benchmarks.latency_job", "teach", str(home))
        disk = _disk(home)
        sessions = [_child("benchmarks.latency_job", "session", str(home)) for _ in range(asked.rounds)]
        kept = orders(sessions, disk)
        kept += stream(_child("benchmarks.latency_stream", str(home), str(FULL if asked.full else SHORT)))
    return 0 if all(kept) else 1


def orders(sessions: Sequence[dict[str, Any]], disk: tuple[float, float]) -> list[bool]:
    """From the rows of a tick to its orders, in the quietest of some sessions."""
    own = min(sessions, key=lambda one: float(np.median(_column(_firsts(one), "whole"))))
    ticks, of = own["orders"], ", ".join(own["models"])
    print(f"{own['symbols']} symbols, {len(own['models'])} models ({of}), {own['features']} features, {own['ticks']} ticks")
    print(f"put there for their time alone, with nothing learnt: {', '.join(own['untaught']) or 'none'}")
    print(f"{sum(map(len, ticks))} orders at {len(ticks)} ticks, the quietest of {len(sessions)} sessions; load {os.getloadavg()[0]:.1f}")
    print(f"on this disk an append to a file takes {disk[0]:.2f} ms, to an SQLite file {disk[1]:.2f} ms")
    print(f"{'ms from the rows to an order being sent':<44}{'first':>8}{'p99':>8}{'every':>8}{'p99':>8}")
    first, every = _firsts(own), [order for tick in ticks for order in tick]
    for part in sorted({name for order in every for name in order} - {"whole", REST}):
        _row(part, _column(first, part), _column(every, part))
    _row(REST, _column(first, REST), _column(every, REST))
    without = [_column(some, "whole") - _column(some, BROKER) for some in (first, every)]
    _row("all but the simulated broker", *without)
    _row("all", _column(first, "whole"), _column(every, "whole"))
    return [
        bound(f"{name}, {what}", take(_column(some, "whole")), "ms", most)
        for name, some in (("first order of a tick", first), ("every order", every))
        for what, take, most in (("p50", np.median, MEDIAN), ("p99", _slowest, SLOWEST))
    ]


def stream(told: dict[str, Any]) -> list[bool]:
    """What a live session takes in."""
    seconds, memory, lag = told["seconds"], told["memory"], told["decided"]
    print(
        f"{told['events']:,} events in {seconds} s, {RATE:,} a second; {len(lag)} decisions on {told['events'] // len(lag):,} events each"
    )
    print(f"{'MiB: begin, after each decision':<44}{told['begin']:>8.0f}" + "".join(f"{one:>8.0f}" for one in memory))
    for name, label in (
        ("handed", "s from a tick to its rows"),
        ("decided", "s from a tick to all of it done"),
        ("behind", "s behind, most"),
    ):
        print(f"{label:<52}" + "".join(f"{one:>8.2f}" for one in told[name]))
    slope = np.polyfit(np.arange(len(memory) - 1), memory[1:], 1)[0] * len(memory) / seconds * 60
    print(f"{'MiB a minute, from the second decision on':<44}{slope:>8.1f}")
    return [
        bound("events a second", told["events"] / seconds, "", RATE * 0.999, least=True),
        bound("memory at the last decision, to the second's", memory[-1] / memory[1], "", 1 + GROWTH),
        bound("lag of the last decision, to the second's", lag[-1] / lag[1], "", LATER),
        bound("behind at the end", told["left_behind"], "s", 1.0),
    ]


def bound(name: str, value: float, unit: str, limit: float, *, least: bool = False) -> bool:
    """Print one figure beside its bound; whether it was reached."""
    reached = bool(value >= limit if least else value <= limit)
    words = f"{'at least' if least else 'bound'} {limit:,.1f}: {'reached' if reached else 'MISSED'}"
    print(f"{name:<52}{value:>10,.2f} {unit:<3} {words}", flush=True)
    return reached


def _firsts(session: dict[str, Any]) -> list[dict[str, float]]:
    return [tick[0] for tick in session["orders"]]


def _column(some: Sequence[dict[str, float]], part: str) -> Any:
    return np.array([one.get(part, 0.0) for one in some]) * 1e3


def _slowest(values: Any) -> float:
    return float(np.quantile(values, 0.99))


def _row(name: str, *columns: Any) -> None:
    print(f"  {name:<42}" + "".join(f"{np.median(one):>8.2f}{_slowest(one):>8.2f}" for one in columns), flush=True)


def _disk(home: Path) -> tuple[float, float]:
    """Medians of ms: to append two kilobytes to a file, and to an SQLite file that is used as the journal is."""
    file, base = home / "append.tmp", home / "append.sqlite"
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT)
        plain = _each(lambda: (os.write(handle, bytes(2_000)), os.fsync(handle)))
        os.close(handle)
        store = sqlite3.connect(base, isolation_level=None)
        for word in ("PRAGMA journal_mode = TRUNCATE", "PRAGMA synchronous = FULL", "CREATE TABLE IF NOT EXISTS rows (text TEXT)"):
            store.execute(word)
        whole = _each(lambda: store.execute("INSERT INTO rows VALUES (?)", ("x" * 2_000,)))
        store.close()
    finally:
        for one in (file, base):
            one.unlink(missing_ok=True)
    return plain, whole


def _each(job: Callable[[], object], times: int = 200) -> float:
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        job()
        took.append(time.perf_counter() - begin)
    return float(np.median(took)) * 1e3


def _child(module: str, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1])) if done.stdout else {}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""S1: WebSocket frames of trades, quotes and minute bars: decoding alone, decoding and parsing to chunks, and all the way to the tape."""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from undertow.core.time import MINUTE
from undertow.sources.massive.frames import Reader, Received
from undertow.tape.store import Tape, frame_of

EVENTS = 1_000_000
BATCH = 100_000  # events an append to the tape takes together
AT_ONCE = 2_000  # events a reader takes together, about what waits in a busy queue
SYMBOLS = tuple(f"S{i:02d}" for i in range(50))
OPEN_MS = 1_780_061_400_000  # 2026-05-29 09:30 in New York
LONGEST = 50  # events in a frame
LEAST_RATE, LEAST_RATIO = 100.0, 0.5  #: of frames to the tape, what is asked for: either thousand events a second, or of decoding's rate


def frames(events: int, seed: int = 0) -> list[Received]:
    """So many events in frames of 1 to 50: seven quotes to three trades, a minute bar in a hundred, with the vendor's own fields."""
    rng = np.random.default_rng(seed)
    kinds, symbols = rng.random(events), rng.integers(0, len(SYMBOLS), events)
    cents, x, off = rng.integers(5_000, 50_000, events), rng.integers(10, 22, events), rng.random(events) < 0.4
    at = OPEN_MS + np.sort(rng.integers(0, 10 * MINUTE // 10**6, events))
    rows = [_event(i, kinds[i], SYMBOLS[symbols[i]], int(cents[i]), 4 if off[i] else int(x[i]), int(at[i])) for i in range(events)]
    encode, out, begin = msgspec.json.encode, [], 0
    while begin < events:
        end = min(begin + int(rng.integers(1, LONGEST + 1)), events)
        out.append((int(at[end - 1] + 20) * 10**6, encode(rows[begin:end])))
        begin = end
    return out


def _event(i: int, kind: float, symbol: str, cents: int, x: int, at: int) -> dict[str, Any]:
    price = cents / 100
    if kind < 0.01:
        day = {"av": 12_345_678, "dav": "12345678.0", "op": price, "a": price + 0.0213, "z": 121, "s": at - 60_000, "e": at}
        return {
            "ev": "AM",
            "sym": symbol,
            "v": 4110,
            "dv": "4110.0",
            "vw": price + 0.0047,
            "o": price,
            "c": price,
            "h": price,
            "l": price,
        } | day
    if kind < 0.3:
        trade = {
            "ev": "T",
            "sym": symbol,
            "x": x,
            "i": str(i),
            "z": 3,
            "p": price,
            "s": 100,
            "ds": "100.0",
            "c": [14, 37, 41],
            "t": at,
            "q": i,
        }
        return trade | ({"trfi": 202, "trft": at} if x == 4 else {})
    quote = {"ev": "Q", "sym": symbol, "bx": x, "bp": price, "bs": 100, "ax": 12, "ap": price + 0.01, "as": 300}
    return quote | {"c": 1, "i": [604], "t": at, "q": i, "z": 3}


def decode(data: Sequence[Received]) -> None:
    """The floor: every frame from JSON to plain Python values, kept for as long as a batch is."""
    for batch in batches(data, AT_ONCE):
        _ = [msgspec.json.decode(raw) for _, raw in batch]


def parse(data: Sequence[Received]) -> None:
    """Frames to chunks."""
    reader = Reader(SYMBOLS)
    for batch in batches(data, AT_ONCE):
        out = reader.read(batch)
        assert not out.broken


def store(data: Sequence[Received]) -> None:
    """Frames to chunks to a tape in a folder that is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        tape, reader = Tape(Path(folder)), Reader(SYMBOLS)
        for batch in batches(data, BATCH):
            for chunk in reader.read(batch).chunks:
                tape.append(chunk.kind, frame_of(chunk, "massive"))


def batches(data: Sequence[Received], events: int) -> list[Sequence[Received]]:
    """Frames in groups of about so many events."""
    size = max(1, 2 * events // LONGEST)
    return [data[at : at + size] for at in range(0, len(data), size)]


def seconds(job: Callable[[Sequence[Received]], None], data: Sequence[Received]) -> float:
    """How long a job took."""
    begin = time.perf_counter()
    job(data)
    return time.perf_counter() - begin


def main(arguments: Sequence[str]) -> int:
    """Measure the three in turn, once to warm up, and print the median of the rounds and its ratio to decoding; 0 if either bound holds."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.streams", description="WebSocket frames, thousand events a second.")
    parser.add_argument("--rounds", type=int, default=5, help="measured rounds (default 5)")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"events (default {EVENTS})")
    given = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    data, jobs = frames(given.events), (decode, parse, store)
    took = [[seconds(job, data) for job in jobs] for _ in range(given.rounds + 1)][1:]
    print(f"{'':<8} {'k/s':>8} {'ratio':>7}   ({given.events:,} events in {len(data):,} frames, median of {given.rounds} rounds)")
    rates = [given.events / statistics.median(row[at] for row in took) / 1e3 for at in range(len(jobs))]
    ratios = [statistics.median(row[0] / row[at] for row in took) for at in range(len(jobs))]
    for job, rate, ratio in zip(jobs, rates, ratios, strict=True):
        print(f"{job.__name__:<8} {rate:>8.1f} {ratio:>7.3f}", flush=True)
    enough = rates[-1] >= LEAST_RATE or ratios[-1] >= LEAST_RATIO
    print(f"{store.__name__:<8} bound: {LEAST_RATE:.0f} k/s, or {LEAST_RATIO} of decoding: {'reached' if enough else 'MISSED'}")
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

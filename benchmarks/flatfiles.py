"""`python -m benchmarks.flatfiles`: a flat file to the tape against gunzip-and-parse by polars alone, in turn, on one core.

The files are made up: a day's minute aggregates and trades of thousands of tickers, sorted by ticker and time as the vendor sorts them.
Seconds are the processor's, of all threads on the one core, so that what else the machine does counts little; by the clock in brackets.
"""

from __future__ import annotations

import os
import sys

os.environ["POLARS_MAX_THREADS"] = "1"  # must be said before polars is loaded

import argparse
import gzip
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import polars as pl

from undertow.core.calendar import nyse
from undertow.core.events import Bar, Event, OffExchangePrint, Trade
from undertow.core.time import HOUR, MINUTE
from undertow.sources.massive.flatfiles_csv import rows
from undertow.tape.store import Tape

DAY = "2025-03-20"
ROWS = 2_000_000
ROUNDS = 5
LEAST = 0.5  #: of the floor's rate, what is asked for


def minutes(n: int) -> bytes:
    """Minute aggregates of ``n`` rows, 400 a ticker, as ``.csv.gz``."""
    rng, begin = np.random.default_rng(1), _morning()
    ticker, close = _tickers(n, 400), 20.0 + np.cumsum(rng.integers(-3, 4, n)) % 30_000 / 100
    table = {
        "ticker": ticker,
        "volume": rng.integers(1, 20_000, n),
        "open": close,
        "close": close + 0.01,
        "high": close + 0.05,
        "low": close - 0.05,
        "window_start": begin + (np.arange(n) % 400) * MINUTE,
        "transactions": rng.integers(1, 300, n),
    }
    return _packed(pl.DataFrame(table).with_columns(pl.col("open", "close", "high", "low").round(4)))


def trades(n: int) -> bytes:
    """Trades of ``n`` rows, 2,000 a ticker, two in five of them off the exchanges, as ``.csv.gz``."""
    rng, begin = np.random.default_rng(2), _morning()
    ticker, dark = _tickers(n, 2000), rng.random(n) < 0.4
    at = begin + np.sort(rng.integers(0, 6 * HOUR, (-(-n // 2000), 2000)), axis=1).ravel()[:n]
    table = {
        "ticker": ticker,
        "conditions": np.array(["", "12,37", "14,37,41", "37", "14,41"], object)[rng.integers(0, 5, n)],
        "correction": np.zeros(n, np.int64),
        "exchange": np.where(dark, 4, rng.choice([8, 10, 11, 12, 19, 21], n)),
        "id": np.arange(52_983_525_035_312, 52_983_525_035_312 + n),
        "participant_timestamp": at,
        "price": np.round(20.0 + rng.integers(0, 30_000, n) / 100, 4),
        "sequence_number": np.arange(n) + 1000,
        "sip_timestamp": at + rng.integers(10_000, 500_000, n),
        "size": rng.integers(1, 500, n),
        "tape": np.full(n, 3),
        "trf_id": np.where(dark, 202, 0),
        "trf_timestamp": np.where(dark, at + 9_000, 0),
    }
    return _packed(pl.DataFrame(table, schema_overrides={"conditions": pl.String}))


def to_tape(file: Path, kinds: tuple[type[Event], ...]) -> int:
    """Read a file and append its rows to a new tape; how many."""
    with tempfile.TemporaryDirectory() as folder:
        tape = Tape(Path(folder))
        return sum(tape.append(kind, frame).rows for kind, frame in rows(file, kinds).items())


def floor(file: Path) -> int:
    """Unpack and parse the whole file, no more; how many rows."""
    return len(pl.read_csv(file))


def _morning() -> int:
    return int(nyse().open[nyse().session_on_or_before(np.datetime64(DAY))])


def _tickers(n: int, each: int) -> pl.Series:
    names = sorted("".join(chr(65 + i // 26**p % 26) for p in range(4)) for i in range(-(-n // each)))
    return pl.Series(np.repeat(np.array(names, object), each)[:n], dtype=pl.String)


def _packed(table: pl.DataFrame) -> bytes:
    out = BytesIO()
    table.write_csv(out)
    return gzip.compress(out.getvalue(), 6, mtime=0)


def _seconds(job: Callable[[], int]) -> tuple[float, float]:
    """The processor's and the clock's."""
    begin, clock = time.process_time(), time.perf_counter()
    job()
    return time.process_time() - begin, time.perf_counter() - clock


def main(arguments: Sequence[str]) -> int:
    """Print both rates and their ratio for each file; 0 if every ratio is at least ``LEAST``."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.flatfiles", description="Flat files to the tape, rows a second.")
    parser.add_argument("--rows", type=int, default=ROWS, help=f"rows of each file (default {ROWS})")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"measured rounds (default {ROUNDS})")
    given = parser.parse_args(arguments)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    print(f"{'':<8} {'rows':>10} {'to tape/s':>12} {'parse/s':>12} {'ratio':>7}   (clock)   bound   (median of {given.rounds} rounds)")
    enough = True
    with tempfile.TemporaryDirectory() as folder:
        for name, make, kinds in (("minutes", minutes, (Bar,)), ("trades", trades, (Trade, OffExchangePrint))):
            file = Path(folder) / f"{name}.csv.gz"
            file.write_bytes(make(given.rows))
            to_tape(file, kinds)
            both = [(_seconds(lambda f=file, k=kinds: to_tape(f, k)), _seconds(lambda f=file: floor(f))) for _ in range(given.rounds)]
            ratio, clock = (statistics.median(bare[i] / tape[i] for tape, bare in both) for i in (0, 1))
            rates = [given.rows / statistics.median(taken[0] for taken in side) for side in zip(*both, strict=True)]
            verdict = f"{LEAST} {'reached' if ratio >= LEAST else 'MISSED'}"
            print(
                f"{name:<8} {given.rows:>10,} {rates[0]:>12,.0f} {rates[1]:>12,.0f} {ratio:>7.3f}   ({clock:.2f})    {verdict}", flush=True
            )
            enough &= ratio >= LEAST
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

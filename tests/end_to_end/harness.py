"""Runs the commands as a user does, each in its own process, environment and home, and reads back what they left."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from undertow.core.calendar import nyse

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
MAPPINGS = ROOT / "examples" / "import"
JOB = [sys.executable, str(ROOT / "run_ml_trading_models.py")]
UNDERTOW = [sys.executable, "-c", "from undertow.app.cli import main; main()"]
LONGEST = 500  #: seconds that any one command may take

#: the cheapest whole run there is: the simulated market has just enough history for it (see test_bad_input)
FIRST_POSSIBLE = "2005-08-25"
CHEAPEST = ("-s", "AAPL", "--source", "simulated", "--timeframe", "1d", "--start-date", FIRST_POSSIBLE, "--end-date", "2005-08-26")
SMALL = (*CHEAPEST, "--uncertified")  #: with certified calls only nothing would be traded, and less shown
LONGER = "2005-09-30"
NOW = 1_795_348_800_000_000_000  #: 2026-11-22 12:00 UTC


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> str:
        """Standard output but for the report's path, which carries the time."""
        return "".join(line for line in self.out.splitlines(keepends=True) if not line.startswith("Report: "))

    @property
    def report(self) -> Path:
        """The path that the last line names."""
        return Path(self.out.splitlines()[-1].removeprefix("Report: "))

    def manifest(self) -> dict[str, Any]:
        """The run's manifest."""
        found: dict[str, Any] = json.loads((self.report.parent / "manifest.json").read_text("utf-8"))
        return found

    def table(self, name: str) -> pl.DataFrame:
        """One of the run's tables: equity, signals or fills."""
        return pl.read_parquet(self.report.parent / f"{name}.parquet")


def environment(home: Path, **more: str) -> dict[str, str]:
    """What a command sees: a home of its own, no keys, and nothing of ours but the path."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {"HOME": str(home), "UNDERTOW_HOME": str(home), "PYTHONPATH": str(ROOT)} | more


def run(command: list[str], *arguments: str, env: Mapping[str, str], cwd: Path | None = None) -> Done:
    """Run a command to its end, with pipes for its output."""
    done = subprocess.run(
        [*command, *arguments], env=dict(env), cwd=cwd, capture_output=True, timeout=LONGEST, check=False, stdin=subprocess.DEVNULL
    )
    return Done(done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace"))


def run_on_terminal(command: list[str], *arguments: str, env: Mapping[str, str]) -> Done:
    """The same with standard error on a pseudo-terminal, where progress is drawn."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["timeout", "-k", "5", str(LONGEST), *command, *arguments],
        env={"TERM": "xterm-256color", "COLUMNS": "100", **env},
        stdout=subprocess.PIPE,
        stderr=theirs,
        stdin=subprocess.DEVNULL,
    ) as process:
        os.close(theirs)
        drawn = bytearray()
        try:
            while part := os.read(ours, 65536):
                drawn += part
        except OSError:  # Linux says EIO when the other end has gone
            pass
        out = process.communicate()[0]
    os.close(ours)
    return Done(process.returncode, out.decode("utf-8"), drawn.decode("utf-8", "replace"))


def together(*calls: Callable[[], Done]) -> list[Done]:
    """What the calls return, two of them running at a time."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda call: call(), calls))


def last_session() -> str:
    """2026-11-20, or the last session that has closed on a machine whose clock stands before it."""
    closed = nyse().day[nyse().last_closed(int(np.datetime64("now", "ns").astype(np.int64)))]
    return str(min(closed, np.datetime64("2026-11-20")))


def files(home: Path) -> dict[str, tuple[int, int]]:
    """Every file below a folder with its size and time; none if there is no folder."""
    found = (path for path in sorted(home.rglob("*")) if path.is_file())
    return {str(path.relative_to(home)): (path.stat().st_size, path.stat().st_mtime_ns) for path in found}


def data(name: str) -> Path:
    """A file of the real data, or a skipped test."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data here: {name} is not in ../shared/data")
    return path

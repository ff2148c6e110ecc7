"""An import killed at any moment and run again leaves the tape of one that was never interrupted."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from tests.tape.workbench import DAILY, NOW, ROOT, rows
from undertow.app import data_import
from undertow.core.calendar import nyse
from undertow.tape.notes import read_notes
from undertow.tape.store import Tape

KILLS = 20
MAPPING = (
    DAILY
    + DAILY.replace("daily_bar", "off_exchange_volume").split("columns")[0].replace('same = "event_at"', 'date = "date", at = "18:00"')
    + 'columns = { volume = "volume" }\n'
)

#: starts once, then runs each import in a process of its own, so that the kill falls into the import and not into Python's start
STABLE = """
import os, sys
from pathlib import Path
import deltalake, pandas, polars
from undertow.app import data_import
from undertow.core.calendar import holiday_name, nyse
from undertow.tape.store import Tape
nyse(), holiday_name("2026-07-04")
data_import.ROWS_PER_COMMIT = 50
for home in sys.stdin:
    child = os.fork()
    if child == 0:
        data_import.import_files(Tape(Path(home.strip())), Path(sys.argv[1]), sys.argv[2:3], int(sys.argv[3]))
        os._exit(0)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def contents(tape: Tape) -> dict[str, pl.DataFrame]:
    """Everything the tape holds, in one order."""
    held = {kind.kind: tape.frame(kind).sort("id").collect() for kind in tape.kinds()}
    notes = read_notes(tape)
    return held | {"notes": notes.sort(notes.columns)}


def killed(stable: subprocess.Popen[str], home: Path, after: float) -> bool:
    """Begin an import into a home and kill -9 it after so many seconds; whether it was still running."""
    assert stable.stdin is not None
    assert stable.stdout is not None
    stable.stdin.write(f"{home}\n")
    stable.stdin.flush()
    child = int(stable.stdout.readline())
    time.sleep(after)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    return int(stable.stdout.readline()) == signal.SIGKILL


def test_twenty_kills(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_import, "ROWS_PER_COMMIT", 50)
    days = [str(d) for d in nyse().day[nyse().sessions(np.datetime64("2025-10-01"), np.datetime64("2026-06-30"))]] + ["2026-06-19"]
    lines = [
        f"{symbol},{day},{10 + i % 7},20,{9 if i % 50 else 15},{11 + i % 5},{i}" for symbol in ("A", "B") for i, day in enumerate(days)
    ]
    mapping, files = tmp_path / "map.toml", tmp_path / "bars.csv"
    mapping.write_text(MAPPING)
    files.write_text(rows(*lines))
    whole = Tape(tmp_path / "whole")
    data_import.import_files(whole, mapping, [files], NOW)
    began = time.monotonic()  # of a second import: the first loads libraries too
    data_import.import_files(Tape(tmp_path / "timed"), mapping, [files], NOW)
    lasts = time.monotonic() - began
    expected = contents(whole)
    assert set(expected) == {"daily_bar", "off_exchange_volume", "notes"}
    assert len(expected["notes"])
    chance = np.random.default_rng(7)
    cut_short = 0
    arguments = [sys.executable, "-c", STABLE, str(mapping), str(files), str(NOW)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stable:
        for i in range(KILLS):
            home = tmp_path / f"home{i}"
            cut_short += killed(stable, home, float(chance.uniform(0, lasts)))
            data_import.import_files(Tape(home), mapping, [files], NOW)
            held = contents(Tape(home))
            assert set(held) == set(expected)
            assert all(held[name].equals(expected[name]) for name in expected)
        stable.communicate()
    assert cut_short >= KILLS // 2, "the kills came too late to prove anything"

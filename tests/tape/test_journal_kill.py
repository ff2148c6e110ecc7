"""A writer killed at any moment leaves a journal in which every append that returned is there, whole, and that goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.journal import Journal

ROOT = Path(__file__).parents[2]
KILLS = 20
TOGETHER = 3  #: entries an append

#: starts once, then writes in a process of its own each time, so that the kill falls into an append and not into Python's start
STABLE = """
import os, sys
from undertow.tape.journal.entry import Draft, Kind
from undertow.tape.journal.journal import Journal
for line in sys.stdin:
    path, acknowledged = line.split()
    child = os.fork()
    if child == 0:
        out = os.open(acknowledged, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        with Journal.to_write(path) as journal:
            while True:
                drafts = [Draft(at=i, kind=Kind.NOTE, id="kill", body={"text": "x" * 200, "i": i}) for i in range(3)]
                os.write(out, b"%d\\n" % journal.append(*drafts)[-1].sequence)
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


def written(path: Path) -> int:
    """Entries whose append had returned."""
    lines = path.read_text().splitlines() if path.exists() else []
    return int(lines[-1]) if lines else 0


def test_twenty_kills(fresh: Callable[[], str], tmp_path: Path) -> None:
    path, acknowledged = fresh(), tmp_path / "acknowledged"
    left = Path(f"{path}-journal")  # of SQLite's, when a commit was cut off
    chance = np.random.default_rng(11)
    torn = 0
    with subprocess.Popen([sys.executable, "-c", STABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stable:
        assert stable.stdin is not None
        assert stable.stdout is not None
        for _ in range(KILLS):
            before = written(acknowledged)
            stable.stdin.write(f"{path} {acknowledged}\n")
            stable.stdin.flush()
            child = int(stable.stdout.readline())
            deadline = time.monotonic() + 60
            while written(acknowledged) == before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(float(chance.uniform(0, 0.03)))
            os.kill(child, signal.SIGKILL)
            assert int(stable.stdout.readline()) == signal.SIGKILL
            torn += left.exists() and left.stat().st_size > 0
            with Journal.to_read(path) as journal:
                assert journal.verify().fault is None
            with Journal.to_write(path) as journal:
                verdict = journal.verify()  # a server may have ended what the dead writer asked of it only now
                assert verdict.fault is None
                assert verdict.entries % TOGETHER == 0
                assert 0 <= verdict.entries - written(acknowledged) <= TOGETHER, "an append that returned is gone"
                more = journal.append(*(Draft(at=0, kind=Kind.NOTE, id="on", body={}) for _ in range(TOGETHER)))
                assert more[0].sequence == verdict.entries + 1
                assert journal.verify().fault is None
            with acknowledged.open("a") as file:
                file.write(f"{more[-1].sequence}\n")
        stable.stdin.close()
    if Path(path).exists():
        assert torn >= KILLS // 4, "the kills did not fall into appends"


def test_a_killed_beginning_leaves_a_journal_or_none(fresh: Callable[[], str], tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", STABLE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stable:
        assert stable.stdin is not None
        assert stable.stdout is not None
        for i in range(KILLS):
            path = fresh()
            stable.stdin.write(f"{path} {tmp_path / f'acknowledged{i}'}\n")
            stable.stdin.flush()
            child = int(stable.stdout.readline())
            time.sleep(i * (0.001 if path.startswith("/") else 0.004))
            os.kill(child, signal.SIGKILL)
            stable.stdout.readline()
            with Journal.to_write(path) as journal:
                assert journal.verify().fault is None
                assert journal.verify().entries >= written(tmp_path / f"acknowledged{i}")
        stable.stdin.close()

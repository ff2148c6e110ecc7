"""Killed between deciding, writing down, sending and hearing of a batch: no order goes out twice, none is unknown after the next start."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.execution.path_job import BATCH, opened
from undertow.tape.journal.entry import Entry, Kind
from undertow.tape.journal.orders import UNKNOWN, Orders, State

pytestmark = pytest.mark.timeout(300)
ROOT = Path(__file__).parents[2]
KILLS = 15


def test_a_killed_batch_is_looked_up_before_anything_else(tmp_path: Path) -> None:
    chance, doubtful = np.random.default_rng(5), 0
    job = [sys.executable, "-m", "tests.execution.path_job"]
    with subprocess.Popen(job, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT) as stable:
        assert stable.stdin is not None
        assert stable.stdout is not None
        for run in range(1, KILLS + 1):
            stable.stdin.write(f"{tmp_path} {run}\n")
            stable.stdin.flush()
            told = {stable.stdout.readline().strip(), stable.stdout.readline().strip()}
            (child,) = told - {"begun"}
            before, deadline = sent(tmp_path), time.monotonic() + 30
            while run % 3 and sent(tmp_path) == before and time.monotonic() < deadline:
                time.sleep(0.001)
            time.sleep(float(chance.uniform(0.0, 0.06)))
            os.kill(int(child), signal.SIGKILL)
            assert int(stable.stdout.readline()) == signal.SIGKILL
            doubtful += settled(tmp_path, run)
        stable.stdin.close()
    assert doubtful, "no kill fell between an append and its answers"


def sent(folder: Path) -> int:
    """How many orders have reached the broker."""
    path = folder / "broker.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def settled(folder: Path, run: int) -> int:
    """What the next start makes of a kill; how many orders were in doubt."""
    journal, gateway, path = opened(folder, run)
    with journal:
        assert journal.verify().fault is None
        entries = list(journal.entries())
        whole(entries)
        orders, there = Orders(entries), gateway.broker.orders
        lines = (folder / "broker.jsonl").read_text().splitlines()
        assert len(lines) == len(there), "an order went out twice"
        assert all(orders.by_id[name].state is not State.INTENDED for name in there), "an order went out before it was written down"
        doubt = [order.id for order in orders.in_state(UNKNOWN)]
        asyncio.run(path.start())
        book = path.desk.book
        assert path.desk.compared is not None
        assert path.desk.compared.equal
        assert not book.orders.in_state(UNKNOWN)
        book.orders.sound()
        for name in doubt:
            assert book.orders.by_id[name].state is (State.ACCEPTED if name in there else State.ABSENT)
        assert gateway.sent == []
    return len(doubt)


def whole(entries: list[Entry]) -> None:
    """A batch was written down with all that it rests on, or not at all."""
    for kind in (Kind.INPUTS, Kind.VERDICT, Kind.INTENT, Kind.REQUEST):
        at = Counter(entry.at for entry in entries if entry.kind is kind)
        assert set(at.values()) <= {BATCH}

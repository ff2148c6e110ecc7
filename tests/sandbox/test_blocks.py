"""Blocks on disk: whole or absent, within their room, and no trouble where the disk is."""

from __future__ import annotations

import errno
import logging
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from undertow.sandbox.blocks import Blocks
from undertow.sandbox.part import Rows

ROOT = Path(__file__).parents[2]
WRITER = """
import sys
from pathlib import Path
from tests.sandbox.test_blocks import block
from undertow.sandbox.blocks import Blocks
blocks = Blocks(Path(sys.argv[1]), 20_000_000)
for i in range(int(sys.argv[2]), 10**9):
    blocks.keep(f"block {i % 40}", block(i % 40, 60_000))
"""


def block(i: int, n: int = 1_000) -> Rows:
    numbers = np.random.default_rng(i).integers(0, 2**62, (5, n))
    words = np.array(["", "12", "37,é"], object)[numbers[4] % 3]
    columns = {"price": numbers[4], "share": numbers[4] / 7.0, "conditions": words}
    return Rows(position=np.sort(numbers[0]), row=numbers[1], event_at=numbers[2], known_at=numbers[3], columns=columns)


def same(a: Rows | None, b: Rows) -> bool:
    assert a is not None
    pairs = [(getattr(a, n), getattr(b, n)) for n in ("position", "row", "event_at", "known_at")]
    pairs += [(a.columns[n], values) for n, values in b.columns.items()]
    return all(x.dtype == y.dtype and x.tolist() == y.tolist() for x, y in pairs) and list(a.columns) == list(b.columns)


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path / "a" / "b")
    assert blocks.read("one") is None
    for rows in (block(1), block(2, 0)):
        blocks.keep("one", rows)
        assert same(blocks.read("one"), rows)
    assert blocks.read("two") is None


def test_the_oldest_make_room(tmp_path: Path) -> None:
    Blocks(tmp_path).keep("0", block(0))
    (first,) = tmp_path.iterdir()
    most = first.stat().st_size * 4
    blocks = Blocks(tmp_path, most)
    for i in range(9):
        blocks.keep(str(i), block(i))
        for age, path in enumerate(sorted(tmp_path.iterdir(), key=lambda p: p.stat().st_mtime_ns)):
            os.utime(path, ns=(age, age))  # so that no two are of one age
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= most
    assert same(blocks.read("8"), block(8))
    assert [blocks.read(str(i)) for i in range(5)] == [None] * 5
    Blocks(tmp_path / "small", 100).keep("0", block(0))
    assert not (tmp_path / "small").exists()


def test_a_folder_that_cannot_be_is_said_once_and_nothing_fails(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("in the way")
    blocks = Blocks(tmp_path / "file" / "folder")
    with caplog.at_level(logging.WARNING):
        for i in range(3):
            blocks.keep(str(i), block(i))
            assert blocks.read(str(i)) is None
    (said,) = caplog.messages
    assert "is not kept in" in said


def test_a_full_disk_leaves_no_part_and_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    blocks = Blocks(tmp_path)
    with caplog.at_level(logging.WARNING):
        blocks.keep("0", block(0))
        blocks.keep("1", block(1))
    assert len(caplog.messages) == 1
    assert "No space left on device" in caplog.messages[0]
    assert list(tmp_path.iterdir()) == []


def test_something_else_under_a_block_s_name_is_no_block(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocks = Blocks(tmp_path)
    blocks.keep("0", block(0))
    (path,) = tmp_path.iterdir()
    path.unlink()
    path.mkdir()
    with caplog.at_level(logging.WARNING):
        assert blocks.read("0") is None
        blocks.keep("0", block(0))
    assert blocks.read("0") is None
    assert len(caplog.messages) == 1


def test_threads_may_share_it(tmp_path: Path) -> None:
    blocks = Blocks(tmp_path, 300_000)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: blocks.keep(str(i % 5), block(i % 5)), range(40)))
    found = [blocks.read(str(i)) for i in range(5)]
    assert all(rows is None or same(rows, block(i)) for i, rows in enumerate(found))
    assert any(rows is not None for rows in found)
    assert not list(tmp_path.glob("*.part"))


def test_killed_writers_leave_whole_blocks_or_none(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path), str(20 * k)], cwd=ROOT) for k in range(2)]
    while len(list(tmp_path.glob("*.rows"))) < 4:  # they are under way
        assert all(writer.poll() is None for writer in writers)
        time.sleep(0.01)
    for writer in writers:
        writer.send_signal(signal.SIGKILL)
        writer.wait()
    blocks = Blocks(tmp_path)
    found = {i: blocks.read(f"block {i}") for i in range(40)}
    assert sum(rows is not None for rows in found.values()) == len(list(tmp_path.glob("*.rows"))) > 0
    assert all(same(rows, block(i, 60_000)) for i, rows in found.items() if rows is not None)

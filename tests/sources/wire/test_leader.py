"""One process a key and asset class: a second one is told, and the right is free again however the first one ended."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources.wire.vendor import CANARY
from undertow.core.errors import BadInput, StoreError
from undertow.sources.wire.key import Key
from undertow.sources.wire.leader import AlreadyStreaming, Leader

KEY = Key(CANARY)
HOLDER = """
import sys, time
from pathlib import Path
from undertow.sources.wire.key import Key
from undertow.sources.wire.leader import Leader
Leader(Path(sys.argv[1]), Key(sys.stdin.readline().strip()), "stocks").acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_holder_is_told_who_and_what_to_do(tmp_path: Path) -> None:
    with Leader(tmp_path / "new", KEY, "stocks") as first:
        assert first.leads
        first.acquire()  # again is no second
        with pytest.raises(AlreadyStreaming, match="stop it first") as caught:
            Leader(tmp_path / "new", KEY, "stocks").acquire()
        assert caught.value.owner > 0
        assert f"process {caught.value.owner}" in str(caught.value).lower()
    assert not first.leads
    Leader(tmp_path / "new", KEY, "stocks").acquire()


def test_other_keys_and_other_assets_do_not_stand_in_the_way(tmp_path: Path) -> None:
    with Leader(tmp_path, KEY, "stocks"), Leader(tmp_path, KEY, "options"), Leader(tmp_path, Key("another-key-0123"), "stocks"):
        names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 3
    assert not any(CANARY[:6] in name for name in names)


def test_the_right_is_free_when_its_process_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        try:
            assert holder.stdin is not None
            assert holder.stdout is not None
            holder.stdin.write(CANARY + "\n")
            holder.stdin.flush()
            assert holder.stdout.readline() == "held\n"
            with pytest.raises(AlreadyStreaming) as caught:
                Leader(tmp_path, KEY, "stocks").acquire()
            assert caught.value.owner == holder.pid
        finally:
            holder.send_signal(signal.SIGKILL)
            holder.wait()
    with Leader(tmp_path, KEY, "stocks") as mine:
        assert mine.leads


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="Cannot open"):
        Leader(tmp_path / "file", KEY, "stocks").acquire()
    with pytest.raises(BadInput):
        Leader(tmp_path, KEY, "../stocks")

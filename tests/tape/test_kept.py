"""Arrays kept for a day: the same as made, made again where the copy is broken, and never in the way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from undertow.core import kept as room
from undertow.core.calendar import _sessions, nyse
from undertow.core.kept import kept


def make(log: list[int]) -> dict[str, np.ndarray]:
    log.append(1)
    return {"a": np.arange(5), "b": np.array([2**62, -1])}


def test_made_once_and_again_where_the_copy_is_cut_short(tmp_path: Path) -> None:
    log: list[int] = []
    for _ in range(3):
        found = kept("x", ("numpy",), lambda: make(log), tmp_path)
        assert found["b"].tolist() == [2**62, -1]
    assert len(log) == 1
    (file,) = tmp_path.glob("x-*.npz")
    file.write_bytes(file.read_bytes()[:100])
    assert kept("x", ("numpy",), lambda: make(log), tmp_path)["a"].tolist() == [0, 1, 2, 3, 4]
    assert len(log) == 2
    kept("x", ("numpy", "no-such-package"), lambda: make(log), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1, "what is no longer asked for is removed"


def test_a_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert kept("x", (), lambda: make([]), tmp_path / "file" / "folder")["a"].tolist() == [0, 1, 2, 3, 4]


def test_the_calendar_is_what_the_exchange_s_library_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "CACHES", Path("/nowhere"))
    made, own = _sessions(), nyse()
    assert (own.day.astype("int64") == made["day"]).all()
    assert all((getattr(own, name) == made[name]).all() for name in ("midnight", "open", "close"))

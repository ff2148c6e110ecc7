"""What checks found is remembered for the marks on reports, as long as the code is the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from undertow.app import checked
from undertow.app.checked import FILE, badges, note_check
from undertow.report.badges import NOT_RUN


def test_nothing_was_run_where_nothing_was_run(tmp_path: Path) -> None:
    assert badges(tmp_path) == NOT_RUN
    (tmp_path / FILE).write_text("{broken", "utf-8")
    assert badges(tmp_path) == NOT_RUN


def test_each_check_is_remembered_beside_the_other(tmp_path: Path) -> None:
    note_check(tmp_path / "new", "Audit", True, "no law is broken")
    note_check(tmp_path / "new", "Honesty", False, "fast run: 1 of 20 gates failed")
    found = badges(tmp_path / "new")
    assert found["Audit"][0] == "passed"
    assert found["Audit"][1].startswith("no law is broken (20")
    assert found["Honesty"][0] == "failed"


def test_a_check_of_other_code_is_none_of_this(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    note_check(tmp_path, "Audit", True, "no law is broken")
    monkeypatch.setattr(checked, "code", lambda: "other")
    state, says = badges(tmp_path)["Audit"]
    assert state == "not run"
    assert "passed on 20" in says
    assert says.endswith("with other code than this")


def test_a_home_that_cannot_be_written_stops_no_check(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    note_check(tmp_path / "file", "Audit", True, "no law is broken")
    assert badges(tmp_path / "file") == NOT_RUN

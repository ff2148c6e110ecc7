"""The model shelf in whole jobs: found models give the same bits, broken or foreign ones are named and taught again, and people choose."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.end_to_end.harness import LONGEST, ROOT
from tests.end_to_end.shelf_job import bits, run
from undertow.app import learning, shelf
from undertow.app.cli import app
from undertow.app.main_job import guarded
from undertow.core.calendar import nyse
from undertow.core.time import HOUR
from undertow.engine.result import RunResult
from undertow.models.framework import Schedule
from undertow.tape.shelf.sets import ModelSets
from undertow.tape.shelf.whole import read_folder

LEARNS = "Learning from history"


def stages(home: Path) -> list[Path]:
    """Folders of the only set's stages."""
    (name,) = ModelSets(home).names()
    return ModelSets(home).stages(name)


def times(home: Path) -> dict[str, int]:
    return {folder.name: (folder / "manifest.json").stat().st_mtime_ns for folder in stages(home)}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunResult, list[str]]:
    """A run that taught its models, and what it said."""
    home, said = tmp_path_factory.mktemp("shelf"), list[str]()
    return home, run(home, said.append), said


@pytest.fixture
def home(first: tuple[Path, RunResult, list[str]], tmp_path: Path) -> Path:
    """A copy of its shelf, to do harm to."""
    return Path(shutil.copytree(first[0], tmp_path / "home"))


def test_the_second_run_finds_the_models_and_says_the_same_to_the_bit(first: tuple[Path, RunResult, list[str]], home: Path) -> None:
    _, result, said = first
    assert LEARNS in said
    assert len(result.stages) == len(stages(home)) >= 2
    before, again = times(home), list[str]()
    second = run(home, again.append)
    assert bits(second) == bits(result)
    assert second.notes == result.notes
    assert LEARNS not in again
    assert times(home) == before


def test_other_sessions_use_the_same_models_and_teach_what_they_lack(first: tuple[Path, RunResult, list[str]], home: Path) -> None:
    longer = run(home, end_date="2005-10-28")
    assert len(longer.stages) > len(first[1].stages)
    fresh = run(home.with_name("fresh"), end_date="2005-10-28")
    assert bits(longer) == bits(fresh)


@pytest.mark.parametrize("name", ["arrays.safetensors", "stage.json", "manifest.json", "native.models.1.native"])
def test_a_file_cut_short_is_named_and_its_models_taught_again(first: tuple[Path, RunResult, list[str]], home: Path, name: str) -> None:
    harmed = stages(home)[0] / name
    harmed.write_bytes(harmed.read_bytes()[:-20])
    said: list[str] = []
    result = run(home, said.append)
    assert LEARNS in said
    assert bits(result) == bits(first[1])
    (note,) = set(result.notes) - set(first[1].notes)
    assert str(harmed) in note
    assert note.endswith("these models are taught again.")
    for folder in stages(home):
        read_folder(folder)
    assert run(home).notes == first[1].notes


@pytest.mark.parametrize(
    ("change", "says"), [({"xgboost": "2.1.0"}, "was taught with xgboost"), ({"keras": "1.0"}, "was taught with keras")]
)
def test_another_major_version_of_a_library_is_named(
    first: tuple[Path, RunResult, list[str]], home: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, str], says: str
) -> None:
    there = learning.libraries()
    monkeypatch.setattr(learning, "libraries", lambda: there | change)
    result = run(home)
    found = [note for note in result.notes if says in note]
    assert len(found) == len(stages(home))
    assert all("manifest.json" in note and note.endswith("taught again.") for note in found)
    assert bits(result) == bits(first[1])


def test_other_data_are_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = shelf.state_of
    monkeypatch.setattr(learning, "state_of", lambda *of: lambda at: {**known(*of)(at), "bar": "other"})  # type: ignore[misc]
    assert all("was taught on other data" in note for note in run(home).notes if "taught again" in note)
    assert any("was taught on other data" in note for note in run(home.with_name("none")).notes) is False


def test_other_code_or_models_make_a_set_of_their_own(home: Path) -> None:
    run(home, code="two")
    run(home, only=("ridge_logistic",))
    assert len(ModelSets(home).names()) == 3


def test_a_killed_training_goes_on_where_it_was(first: tuple[Path, RunResult, list[str]], tmp_path: Path) -> None:
    home = tmp_path / "home"
    env = {**os.environ, "PYTHONPATH": str(ROOT), "UNDERTOW_HOME": str(home)}
    with subprocess.Popen([sys.executable, "-m", "tests.end_to_end.shelf_job", str(home)], cwd=ROOT, env=env) as process:
        while process.poll() is None and not list(home.glob("models/*/[0-9]*/manifest.json")):
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(0.01)
        process.kill()
    assert process.wait(LONGEST) == -9
    kept, said = {path.parent.name for path in home.glob("models/*/[0-9]*/manifest.json")}, list[str]()
    assert kept < {folder.name for folder in stages(first[0])}
    result = run(home, said.append)
    assert bits(result) == bits(first[1])
    assert LEARNS in said
    assert [folder.name for folder in stages(home)] == [folder.name for folder in stages(first[0])]


def test_a_shelf_that_cannot_be_written_stops_no_run(first: tuple[Path, RunResult, list[str]], tmp_path: Path) -> None:
    (tmp_path / "models").write_text("in the way")
    result = run(tmp_path)
    assert bits(result) == bits(first[1])
    (note,) = set(result.notes) - set(first[1].notes)
    assert note.endswith("Models of this run are not kept.")


def test_what_is_due_is_what_the_framework_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    find = shelf.JobShelf.find
    monkeypatch.setattr(shelf.JobShelf, "find", lambda self, at: (asked.append(at), find(self, at))[1])
    result = run(tmp_path)
    calendar, every = nyse(), Schedule().every
    first = int(calendar.position(min(asked)))
    whole = learning.due(calendar, first - 1, result.end, every)
    assert asked[: len(whole)] == whole
    assert whole == [calendar.at_time(i, 2 * HOUR) for i in range(first, int(calendar.position(result.end)) + 1) if i % every == 0]


# --- the command ------------------------------------------------------------------------------------------------------


def undertow(*arguments: str, home: Path) -> int:
    return guarded(app, ["models", *arguments, "--home", str(home)], "undertow")


def test_list_and_show(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = ModelSets(home).names()
    assert undertow("list", home=home) == 0
    assert capsys.readouterr().out == f"{name}  2 stages, the last of 20050826T060000Z, simulated seed 0 ic 0.05\n"
    assert undertow("list", "--json", home=home) == 0
    assert json.loads(capsys.readouterr().out)[0]["symbols"] == ["AAPL"]
    assert undertow("list", home=tmp_path / "none") == 0
    assert "No models are kept" in capsys.readouterr().out
    assert undertow("show", name, home=home) == 0
    said = capsys.readouterr().out
    assert "models     ridge_logistic, xgboost" in said
    assert "2005-08-26T06:00:00Z" in said
    assert undertow("show", name, "--json", home=home) == 0
    assert len(json.loads(capsys.readouterr().out)["stages"]) == 2
    assert undertow("show", "nothing", home=home) == 2
    assert f"there is {name}" in capsys.readouterr().err


def test_show_names_a_broken_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = ModelSets(home).names()
    (stages(home)[0] / "arrays.safetensors").write_bytes(b"")
    assert undertow("show", name, home=home) == 1
    assert "BROKEN: " in capsys.readouterr().out
    assert undertow("promote", name, home=home) == 1
    assert "arrays.safetensors has 0 of" in capsys.readouterr().err


def test_promoted_models_are_used_until_they_are_rolled_back(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (name,) = ModelSets(home).names()
    ours = run(home)
    assert undertow("promote", name, home=home) == 0
    said: list[str] = []
    used = run(home, said.append, code="two", end_date="2005-10-28")
    assert LEARNS not in said
    assert len(used.stages) == 2
    assert any("promoted models" in note and "other code" in note for note in used.notes)
    rows = len(ours.ticks)
    assert used.p_up[:rows].tobytes() == ours.p_up.tobytes()
    assert undertow("list", home=home) == 0
    assert "promoted" in capsys.readouterr().out
    assert undertow("rollback", name, home=home) == 0
    assert "each job uses its own models" in capsys.readouterr().out
    assert not any("promoted" in note for note in run(home).notes)
    assert undertow("rollback", name, home=home) == 2


def test_models_past_their_date_place_no_order(home: Path) -> None:
    (name,) = ModelSets(home).names()
    assert undertow("promote", name, home=home) == 0
    late = {"start_date": "2006-02-01", "end_date": "2006-02-03"}
    traded, tested = run(home, mode="trading", **late), run(home, **late)
    assert any(note.endswith("No orders are placed on them.") and "sessions old" in note for note in traded.notes)
    assert not len(traded.fills)
    assert not traded.targets.any()
    assert any("sessions old" in note for note in tested.notes)


def test_a_promoted_set_that_is_broken_stops_the_run(home: Path) -> None:
    (name,) = ModelSets(home).names()
    assert undertow("promote", name, home=home) == 0
    (stages(home)[0] / "stage.json").write_bytes(b"")
    with pytest.raises(Exception, match=r"stage\.json has 0 of"):
        run(home)

"""Kept models are on the disk whole or not at all, and whatever happened to a file is found and named."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from undertow.core.errors import BadData, BadInput, StoreError
from undertow.core.events import DailyBar
from undertow.tape.shelf.sets import ModelSets
from undertow.tape.shelf.whole import MANIFEST, clear, read_about, read_folder, write_about, write_folder
from undertow.tape.source import TapeSource
from undertow.tape.store import Tape

FILES = {"stage.json": b"{}" * 50, "arrays.safetensors": bytes(range(256))}
ROOT = Path(__file__).resolve().parents[2]


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    write_folder(folder, FILES, {"format": 1, "at": 5})
    about, files = read_folder(folder)
    assert files == FILES
    assert (about["format"], about["at"], sorted(about["files"])) == (1, 5, sorted(FILES))
    write_folder(folder, {"one": b"1"}, {"format": 2})
    assert read_folder(folder)[1] == {"one": b"1"}
    assert [path.name for path in folder.parent.iterdir()] == ["b"]


def cut(path: Path, share: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


DAMAGE: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "cut": ("arrays.safetensors", lambda path: cut(path, 0.5), "has 128 of 256 bytes"),
    "empty": ("arrays.safetensors", lambda path: cut(path, 0.0), "has 0 of 256 bytes"),
    "gone": ("stage.json", lambda path: path.unlink(), "is missing"),
    "one bit": ("arrays.safetensors", flip, "was changed after it was written"),
    "manifest cut": (MANIFEST, lambda path: cut(path, 0.5), "was cut short or is no manifest"),
    "manifest empty": (MANIFEST, lambda path: cut(path, 0.0), "was cut short or is no manifest"),
    "manifest edited": (MANIFEST, lambda path: path.write_text(path.read_text().replace('"at": 5', '"at": 6')), "was changed"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    name, harm, says = DAMAGE[damage]
    write_folder(tmp_path / "x", FILES, {"format": 1, "at": 5})
    harm(tmp_path / "x" / name)
    with pytest.raises(BadData, match=says) as error:
        read_folder(tmp_path / "x")
    assert str(tmp_path / "x" / name) in str(error.value)


def test_every_cut_of_every_file_is_found(tmp_path: Path) -> None:
    write_folder(tmp_path / "x", FILES, {"format": 1})
    for name in (*FILES, MANIFEST):
        whole = (tmp_path / "x" / name).read_bytes()
        for length in range(0, len(whole) - 1, 7):
            (tmp_path / "x" / name).write_bytes(whole[:length])
            with pytest.raises(BadData):
                read_folder(tmp_path / "x")
        (tmp_path / "x" / name).write_bytes(whole)
    read_folder(tmp_path / "x")


def test_where_a_folder_cannot_be_made_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not use"):
        write_folder(tmp_path / "file" / "x", FILES, {})
    with pytest.raises(StoreError, match="could not use"):
        read_about(tmp_path / "nothing.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


WRITER = """
import sys
from pathlib import Path
from undertow.tape.shelf.whole import write_folder
print("ready", flush=True)
n = 0
while True:
    n += 1
    write_folder(Path(sys.argv[1]), {f"f{i}": bytes([n % 256]) * 20_000 for i in range(20)}, {"n": n % 256})
"""


def test_a_killed_writer_leaves_a_whole_folder_or_none(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    for after in (0.05, 0.11, 0.16, 0.23, 0.3):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "x")], env=env, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(after)
            process.send_signal(signal.SIGKILL)
        if (tmp_path / "x").exists():
            about, files = read_folder(tmp_path / "x")
            assert len(files) == 20
            assert all(content == bytes([about["n"]]) * 20_000 for content in files.values())
    write_folder(tmp_path / "x", FILES, {})
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_what_living_writers_are_at_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / f".x.{os.getpid()}").mkdir()
    (tmp_path / ".x.999999999").mkdir()
    (tmp_path / ".y.old").mkdir()
    clear(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f".x.{os.getpid()}", ".y.old"]


def test_many_writers_of_one_folder_leave_one_of_theirs(tmp_path: Path) -> None:
    code = WRITER.replace("while True:", "for _ in range(15):").replace("n += 1", "n = int(sys.argv[2])")
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    running = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "x"), str(n)], env=env, stdout=subprocess.PIPE) for n in (1, 2, 3)
    ]
    assert [process.communicate(timeout=60) and process.returncode for process in running] == [0, 0, 0]
    assert read_folder(tmp_path / "x")[0]["n"] in (1, 2, 3)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


# --- sets -------------------------------------------------------------------------------------------------------------


def stocked(home: Path, *names: str) -> ModelSets:
    sets = ModelSets(home)
    for name in names:
        sets.describe(name, {"scope": "AAPL 5m simulated"})
        write_folder(sets.stage(name, 1_795_348_800 * 10**9), FILES, {})
    return sets


def test_sets_and_their_stages_are_listed(tmp_path: Path) -> None:
    sets = stocked(tmp_path, "b", "a")
    write_folder(sets.stage("a", 0), FILES, {})
    assert sets.names() == ["a", "b"]
    assert [folder.name for folder in sets.stages("a")] == ["19700101T000000Z", "20261122T120000Z"]
    assert sets.about("a") == {"scope": "AAPL 5m simulated"}
    with pytest.raises(BadInput, match="no set of models 'c'; there is a, b"):
        sets.about("c")
    assert ModelSets(tmp_path / "nowhere").names() == []


def test_a_set_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    sets = stocked(tmp_path, "AAPL-5m-12", "AAPL-5m-1", "AAPL-1d-7")
    assert [sets.named(name) for name in ("AAPL-1d", "AAPL-5m-1", "AAPL-5m-12")] == ["AAPL-1d-7", "AAPL-5m-1", "AAPL-5m-12"]
    with pytest.raises(BadInput, match="2 sets of models begin with 'AAPL-5m'; there is AAPL-5m-1, AAPL-5m-12"):
        sets.named("AAPL-5m")
    with pytest.raises(BadInput, match="no set of models 'MSFT'; there is AAPL-1d-7, AAPL-5m-1, AAPL-5m-12"):
        sets.named("MSFT")


def test_promote_and_rollback(tmp_path: Path) -> None:
    sets, scope = stocked(tmp_path, "a", "b"), "AAPL 5m simulated"
    assert sets.used(scope) is None
    sets.promote("a", scope)
    sets.promote("b", scope)
    sets.promote("b", scope)
    assert (sets.used(scope), sets.used("other")) == ("b", None)
    assert sets.rollback(scope) == "a" == sets.used(scope)
    assert sets.rollback(scope) is None
    assert sets.used(scope) is None
    with pytest.raises(BadInput, match="nothing to go back from"):
        sets.rollback(scope)
    sets.describe("empty", {"scope": scope})
    with pytest.raises(BadInput, match="nothing to promote"):
        sets.promote("empty", scope)


def test_a_broken_note_of_what_is_used_is_refused(tmp_path: Path) -> None:
    sets = stocked(tmp_path, "a")
    sets.promote("a", "s")
    path = tmp_path / "models" / "used.json"
    path.write_text(path.read_text().replace('"a"', '"b"'))
    with pytest.raises(BadData, match=r"used\.json was changed"):
        sets.used("s")
    write_about(path, {"scopes": {}})
    assert json.loads(path.read_text())["scopes"] == {}


# --- the data that stages were taught on ------------------------------------------------------------------------------


def bars(days: range) -> pl.DataFrame:
    at = [day * 86_400 * 10**9 for day in days]
    price = [1_000_000] * len(at)
    table = {"symbol": ["AAA"] * len(at), "event_at": at, "known_at": at, "seq": list(days), "volume": price, "grade": [2] * len(at)}
    table |= dict.fromkeys(("open", "high", "low", "close"), price) | {"source": ["test"] * len(at)}
    return pl.DataFrame(table)


def test_the_state_of_a_tape_changes_with_what_was_known_and_not_with_what_came_later(tmp_path: Path) -> None:
    tape, then = Tape(tmp_path), 20_100 * 86_400 * 10**9
    assert (TapeSource(tape).state(then), tape.written(DailyBar)) == ({}, [])
    tape.append(DailyBar, bars(range(20_000, 20_050)))
    before = TapeSource(tape).state(then)
    assert len(before["daily_bar"]) == 16
    tape.append(DailyBar, bars(range(20_101, 20_120)))
    assert TapeSource(tape).state(then) == before
    tape.append(DailyBar, bars(range(20_060, 20_070)))
    assert TapeSource(tape).state(then) != before
